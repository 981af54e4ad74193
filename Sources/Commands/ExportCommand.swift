internal import ArgumentParser
internal import Foundation
internal import Model
internal import PlainText
internal import Store

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write runs and nights as JSON Lines, for another store.",
    discussion: """
      A header, one line a run with all its trials, one line a night with its result and its values, and a last line by \
      which a file that was cut off or changed is known. 'bench import' reads it. Runs that still go on and nights that \
      are not finished are left out; so are workers.

      EXAMPLES
        bench export --all --output history.jsonl
        bench export latest | gzip > run.jsonl.gz
        bench export --night 20261124 --output night.jsonl
        bench export --all | ssh host bench import -
      """)

  @Argument(help: ArgumentHelp("Runs: ids, the beginnings of some, or 'latest'.", valueName: "run"))
  var runs: [String] = []

  @Option(
    name: .customLong("night"),
    help: ArgumentHelp("Nights, named likewise, with those of their runs that are kept.", valueName: "a,b"))
  var nights: [WordList] = []

  @Flag(help: "All runs and all nights.")
  var all = false

  @Option(help: ArgumentHelp("Where it goes; - is stdout.", valueName: "file"))
  var output = "-"

  @OptionGroup var store: StoreOptions

  func validate() throws {
    if all && (!runs.isEmpty || !nights.isEmpty) { throw ValidationError("--all leaves nothing to name.") }
    if !all && runs.isEmpty && nights.isEmpty {
      throw ValidationError("Name a run, or 'latest', or give --all. 'bench list --runs' lists what is stored.")
    }
  }

  func run() throws {
    try RunOutputs(json: output, reports: nil, environment: Program.environment).check(option: "--output")
    let stored = try RunStore.openReadOnly(path: store.resolvedPath)
    let selection = try all ? stored.everything() : named(stored)
    let text = "\(Self.count(selection.runs.count, "run")) and \(Self.count(selection.nights.count, "night"))"
    if output == "-" {
      try stored.export(selection, version: BenchCommand.version) { bytes throws(UserError) in
        do { try FileHandle.standardOutput.write(contentsOf: bytes) } catch {
          throw UserError(.unavailable, "stdout cannot be written", remedy: "The disk may be full; see df.")
        }
      }
      return Console.error("Exported \(text).")
    }
    let file = try PartialFile(output)
    try stored.export(selection, version: BenchCommand.version) { bytes throws(UserError) in try file.write(bytes) }
    try file.finish()
    Console.output("Exported \(text) to \(output).")
  }

  static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  private func named(_ stored: RunStore) throws(UserError) -> ExportSelection {
    let every = try stored.everything()
    var selection = ExportSelection(runs: [], nights: [])
    for name in nights.words ?? [] {
      let night = try stored.night(name)
      selection.nights.append(night.id)
      selection.runs += night.parts.map(\.run).filter(every.runs.contains)
    }
    for name in runs {
      let id = try stored.runID(name)
      guard every.runs.contains(id) else {
        throw UserError(
          .usage, "the run \(InertText.name(id)) still goes on", remedy: "Export it when it has ended.")
      }
      selection.runs.append(id)
    }
    // In the order of time, each once.
    let wanted = (runs: Set(selection.runs), nights: Set(selection.nights))
    let finished = every.nights.filter(wanted.nights.contains)
    if let other = selection.nights.first(where: { !finished.contains($0) }) {
      throw UserError(
        .usage, "the night \(InertText.name(other)) is not finished",
        remedy: "'bench history --nights' lists nights with their verdicts.")
    }
    return ExportSelection(runs: every.runs.filter(wanted.runs.contains), nights: finished)
  }
}

/// A file that is written bit by bit, and is there whole or not at all.
private final class PartialFile {
  private let path: String
  private let temporary: String
  private let handle: FileHandle
  private var isFinished = false

  init(_ path: String) throws(UserError) {
    self.path = path
    temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).part"
    guard FileManager.default.createFile(atPath: temporary, contents: nil),
      let handle = FileHandle(forWritingAtPath: temporary)
    else {
      throw UserError(
        .notPermitted, "\(InertText.line(path, limit: 300)) cannot be written", remedy: "Name another place.")
    }
    self.handle = handle
  }

  deinit { if !isFinished { try? FileManager.default.removeItem(atPath: temporary) } }

  func write(_ bytes: Data) throws(UserError) {
    do { try handle.write(contentsOf: bytes) } catch { throw refused }
  }

  func finish() throws(UserError) {
    do {
      try handle.synchronize()
      try handle.close()
    } catch { throw refused }
    if rename(temporary, path) != 0 { throw refused }
    isFinished = true
  }

  private var refused: UserError {
    UserError(
      .unavailable, "\(InertText.line(path, limit: 300)) cannot be written", remedy: "The disk may be full; see df.")
  }
}
