internal import ArgumentParser
internal import Foundation
internal import Model
internal import Store

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Take over what 'bench export' wrote.",
    discussion: """
      The whole file is verified before anything is written, and then all of it is stored or nothing. What is here \
      already stays as it is, so that importing twice changes nothing.

      EXAMPLES
        bench import history.jsonl
        gzip -dc run.jsonl.gz | bench import -
        bench import theirs.jsonl --store theirs.sqlite

      EXIT STATUS
        0   all of it is in the store
        65  the file is no whole, sound export, or holds an id
            that is here with other content: nothing was imported
      """)

  @Argument(help: ArgumentHelp("What 'bench export' wrote; - is stdin.", valueName: "file"))
  var file: String

  @OptionGroup var store: StoreOptions

  func run() throws {
    if file == "-" {
      let copy = try Self.spooled()
      defer { try? FileManager.default.removeItem(atPath: copy) }
      try take(copy, "stdin")
    } else {
      try take(file, file)
    }
  }

  private func take(_ path: String, _ name: String) throws {
    // A store is not made for the sake of a file that is none.
    if !FileManager.default.fileExists(atPath: store.resolvedPath) { try RunStore.verify(export: path, name: name) }
    let imported = try store.open().takeOver(export: path, name: name)
    let new = "\(ExportCommand.count(imported.runs, "run")) and \(ExportCommand.count(imported.nights, "night"))"
    let known = imported.knownRuns + imported.knownNights
    Console.output("Imported \(new)" + (known == 0 ? "." : "; \(known) of the file were here already."))
  }

  /// A copy of stdin, since it is read twice.
  private static func spooled() throws(UserError) -> String {
    let path = FileManager.default.temporaryDirectory.appending(path: "bench-import-\(UUID().uuidString)").path
    let failure = UserError(
      .unavailable, "stdin cannot be kept in \(path)", remedy: "Free some space there, or name another place in TMPDIR."
    )
    guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
      let copy = FileHandle(forWritingAtPath: path)
    else { throw failure }
    do {
      while let bytes = try FileHandle.standardInput.read(upToCount: 1 << 20), !bytes.isEmpty {
        try copy.write(contentsOf: bytes)
      }
      try copy.close()
    } catch {
      try? FileManager.default.removeItem(atPath: path)
      throw failure
    }
    return path
  }
}
