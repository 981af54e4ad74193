internal import ArgumentParser
internal import Foundation
internal import Harness
internal import LinuxKit
internal import Model
internal import PlainText
internal import Reports
internal import Store

struct BaselineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "baseline", abstract: "The worker that nights are held against.",
    discussion: """
      A clean night moves the baseline on to its own worker, unless a person has pinned one. The worker's file is kept \
      beside the store, so that it can be run again when it has long been built anew.

      EXAMPLES
        bench baseline                     what is pinned
        bench baseline set latest          the last night's worker
        bench baseline set ./bench-worker  a worker that was built elsewhere
        bench baseline clear
      """,
    subcommands: [Show.self, Set.self, Clear.self], defaultSubcommand: Show.self)
}

extension BaselineCommand {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say what is pinned.")

    @OptionGroup var store: StoreOptions

    func run() throws {
      let stored = try RunStore.openReadOnly(path: store.resolvedPath)
      guard let baseline = try stored.baseline() else {
        return Console.output("No baseline is pinned: the next clean night pins its worker.")
      }
      let kept: String
      do throws(UserError) {
        kept = try WorkerBinary.kept(sha256: baseline.workerSHA256, in: stored)?.path ?? "no longer there"
      } catch { kept = error.message }
      var rows = [
        ["worker", baseline.workerSHA256], ["file", kept],
        ["from", baseline.origin.map { InertText.name($0) } ?? "a file"],
        ["pinned", HistoryFigure.date(baseline.pinned) + (baseline.isManual ? ", by hand" : ", by a clean night")],
      ]
      rows += baseline.fingerprint.map { [InertText.name($0.subject), InertText.line($0.value, limit: 200)] }
      Console.output(Columns.lines(rows, indent: ""))
    }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Pin a worker; no clean night moves the baseline on then.",
      discussion: """
        A night or a run gives the worker that it measured, if that is still kept (or is the one of today), and only on \
        the host that measured it.

        EXAMPLES
          bench baseline set latest                  the last night
          bench baseline set 20261124-020000-7f3a    a night or a run
          bench baseline set old/bench-worker        a file
        """)

    @Argument(
      help: ArgumentHelp(
        "A night or a run (its id, the beginning of one, or 'latest', which is the last night), or the file of a "
          + "worker.", valueName: "night|run|file"))
    var name: String

    @OptionGroup var store: StoreOptions

    func run() throws {
      var isDirectory: ObjCBool = false
      let isThere = FileManager.default.fileExists(atPath: name, isDirectory: &isDirectory)
      let host = HostProbe.facts(processors: nil, isNetwork: false)
      let baseline: PinnedBaseline
      if name.contains("/") || (isThere && !isDirectory.boolValue) {
        let worker = try Self.file(name)
        try worker.keep(in: try store.open())
        baseline = Self.baseline(worker.sha256, nil, BaselineCommand.fingerprint(of: host))
      } else {
        // A store is not made for the sake of looking for a night in it.
        baseline = try Self.measured(name, host, try RunStore.openReadOnly(path: store.resolvedPath))
        try Self.keep(baseline, in: try store.open())
      }
      try store.open().pin(baseline)
      Console.output(
        "Pinned \(baseline.workerSHA256)" + (baseline.origin.map { ", the worker of \(InertText.name($0))." } ?? "."))
    }

    private static func baseline(_ worker: String, _ origin: String?, _ fingerprint: [Epoch.Fact]) -> PinnedBaseline {
      PinnedBaseline(workerSHA256: worker, origin: origin, pinned: Date(), isManual: true, fingerprint: fingerprint)
    }

    private static func file(_ path: String) throws(UserError) -> WorkerBinary {
      let shown = InertText.line(path, limit: 300)
      let remedy = "Name the executable of a worker; 'make build' makes one."
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else {
        throw UserError(.badInput, "there is no file \(shown)", remedy: remedy)
      }
      // A script would be another program in each environment, if it ran at all.
      guard let head = try? SmallFile.bytes(path, limit: 4), head.starts(with: [0x7f, 0x45, 0x4c, 0x46]),
        FileManager.default.isExecutableFile(atPath: path)
      else { throw UserError(.badInput, "\(shown) is not the executable of a worker", remedy: remedy) }
      return try WorkerBinary(path: path)
    }

    /// What a night or a run has measured.
    private static func measured(
      _ name: String, _ host: HostFacts, _ stored: RunStore
    ) throws(UserError) -> PinnedBaseline {
      if let night = try night(name, stored) {
        guard night.phase == .finished else {
          throw UserError(
            .badInput, "the night \(InertText.name(night.id)) is not finished",
            remedy: "'bench history --nights' lists nights with their verdicts.")
        }
        try check("night \(InertText.name(night.id))", night.host, host)
        let epoch = try stored.epochs().first { $0.number == night.epoch }
        return baseline(night.workerSHA256, night.id, epoch?.fingerprint ?? BaselineCommand.fingerprint(of: host))
      }
      let run = try stored.run(name).record
      try check("run \(InertText.name(run.id))", run.host, host)
      if run.injection != nil {
        throw UserError(
          .badInput, "the run \(InertText.name(run.id)) was slowed down on purpose",
          remedy: "Name another run; 'bench list --runs' lists them.")
      }
      return baseline(run.workerSHA256, run.id, BaselineCommand.fingerprint(of: host))
    }

    /// nil where no night is meant; a beginning that several have is told.
    private static func night(_ name: String, _ stored: RunStore) throws(UserError) -> NightRecord? {
      let nights = try stored.nights()
      if nights.isEmpty || (name != "latest" && !nights.contains { $0.id.hasPrefix(name) }) { return nil }
      return try stored.night(name)
    }

    private static func check(_ noun: String, _ theirs: HostFacts, _ ours: HostFacts) throws(UserError) {
      let (theirs, ours) = (HostFingerprint(theirs), HostFingerprint(ours))
      if theirs == ours { return }
      let facts = [
        ("host", theirs.hostname, ours.hostname), ("kernel", theirs.kernel, ours.kernel),
        ("processor", theirs.cpuModel ?? "unknown", ours.cpuModel ?? "unknown"),
      ]
      let differences = facts.filter { $0.1 != $0.2 }
        .map { "\($0.0) \(InertText.line($0.1, limit: 100)), here \(InertText.line($0.2, limit: 100))" }
      throw UserError(
        .badInput, "the \(noun) was measured on another host: \(differences.joined(separator: "; "))",
        remedy: "Name a night or a run of this host, or the file of the worker.")
    }

    /// Makes sure that the worker can be run again.
    private static func keep(_ baseline: PinnedBaseline, in stored: RunStore) throws(UserError) {
      if try WorkerBinary.kept(sha256: baseline.workerSHA256, in: stored) != nil { return }
      // It may still be the one of today.
      let today = try? WorkerBinary.locate(environment: Program.environment, program: Program.executable)
      guard let today, today.sha256 == baseline.workerSHA256 else {
        throw UserError(
          .badInput,
          "the worker of \(InertText.name(baseline.origin ?? "")) (\(baseline.workerSHA256)) is no longer kept",
          remedy: "Name a later night, or the file of a worker.")
      }
      try today.keep(in: stored)
    }
  }

  struct Clear: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Pin nothing any more; the next clean night pins its worker.")

    @OptionGroup var store: StoreOptions

    func run() throws {
      // A store is not made for the sake of clearing it.
      _ = try RunStore.openReadOnly(path: store.resolvedPath)
      Console.output(
        try store.open().clearBaseline() ? "The baseline is no longer pinned." : "No baseline was pinned.")
    }
  }

  /// What a worker that was given by hand is known to have been pinned on.
  static func fingerprint(of host: HostFacts) -> [Epoch.Fact] {
    [
      Epoch.Fact("host", host.hostname), Epoch.Fact("kernel", host.kernel),
      Epoch.Fact("processor", host.cpuModel ?? "unknown"),
    ]
  }
}
