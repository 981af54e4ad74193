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
      let baseline = try BaselineSource(store: store).named(name)
      try store.open().pin(baseline)
      Console.output(
        "Pinned \(baseline.workerSHA256)" + (baseline.origin.map { ", the worker of \(InertText.name($0))." } ?? "."))
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
}
