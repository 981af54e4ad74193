internal import ArgumentParser
internal import Foundation
internal import Model
internal import PlainText
internal import Reports
internal import Store

struct PruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove old runs and nights from the store.",
    discussion: """
      What belongs to the pinned baseline stays, and so does a night that may be gone on with. A night's trials are by \
      far the most of what it takes; without them its values, its verdict and its result stay.

      EXAMPLES
        bench prune --keep 60 --dry-run    what would go
        bench prune --keep 60              the trials of the last 60 nights stay
        bench prune --keep 60 --history 1000   and any history of the last 1000
        bench prune --runs 90d             runs of no night, from the last 90 days
        bench prune --runs 20              runs of no night, the last 20
      """)

  @Option(
    help: ArgumentHelp(
      "Keep the runs and workers of the last n finished nights: 60 or 60nights; of older ones, what became history.",
      valueName: "n"))
  var keep: NightCount?

  @Option(help: ArgumentHelp("Keep the last n finished nights; older ones go with their history.", valueName: "n"))
  var history: NightCount?

  @Option(
    help: ArgumentHelp(
      "Of the runs that belong to no night, keep the last n, or those of an age, such as 90d (h, d, w).",
      valueName: "n|age"))
  var runs: LooseRunRule?

  @Flag(help: "Say what would go, and remove nothing.")
  var dryRun = false

  @OptionGroup var store: StoreOptions

  func validate() throws {
    if keep == nil && history == nil && runs == nil {
      throw ValidationError("Say what to keep: --keep, --history or --runs.")
    }
    if let keep, let history, history.nights < keep.nights {
      throw ValidationError("--history keeps fewer nights than --keep: their runs would go with them.")
    }
  }

  func run() throws {
    let stored = try RunStore.openReadOnly(path: store.resolvedPath)
    let retention = Retention(
      nightsWithRuns: keep?.nights, nights: history?.nights, looseRuns: runs?.rule(now: Date()) ?? .all)
    let pruned = try dryRun ? stored.prune(retention, isDryRun: true) : try store.open().prune(retention)
    for (noun, ids) in [("run", pruned.runs), ("night", pruned.nights), ("worker", pruned.workers)] where dryRun {
      for id in ids { Console.output("\(noun) \(InertText.line(id, limit: 100))") }
    }
    let counts = [
      ExportCommand.count(pruned.runs.count, "run"), ExportCommand.count(pruned.nights.count, "night"),
      ExportCommand.count(pruned.workers.count, "worker"),
    ]
    let text = "\(counts[0]), \(counts[1]) and \(counts[2])"
    if dryRun { return Console.error("Would remove \(text). Nothing was removed.") }
    Console.output(
      "Removed \(text): the store has \(HistoryFigure.size(pruned.bytesAfter)), and had "
        + "\(HistoryFigure.size(pruned.bytesBefore)).")
  }
}

/// `60`, `60nights` or `1night`.
struct NightCount: ExpressibleByArgument {
  let nights: Int

  init?(argument: String) {
    var digits = argument[...]
    for word in ["nights", "night"] where digits.hasSuffix(word) {
      digits = digits.dropLast(word.count)
      break
    }
    guard let nights = Int(digits), nights >= 1 else { return nil }
    self.nights = nights
  }
}

/// A number of runs, or an age.
struct LooseRunRule: ExpressibleByArgument {
  private enum Kind {
    case newest(Int)
    case seconds(Double)
  }

  private let kind: Kind

  init?(argument: String) {
    if let count = Int(argument) {
      if count < 0 { return nil }
      kind = .newest(count)
      return
    }
    let seconds: [Character: Double] = ["h": 3600, "d": 86_400, "w": 604_800]
    guard let unit = argument.last.flatMap({ seconds[$0] }), let number = Int(argument.dropLast()),
      (1...100_000).contains(number)
    else { return nil }
    kind = .seconds(Double(number) * unit)
  }

  func rule(now: Date) -> Retention.LooseRuns {
    switch kind {
    case .newest(let count): .newest(count)
    case .seconds(let seconds): .since(now - seconds)
    }
  }
}
