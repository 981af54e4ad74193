internal import ArgumentParser
internal import Foundation
internal import Model
internal import PlainText
internal import Regression
internal import Reports
internal import Store

struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "What the nights have said: all series, one of them, or the nights.",
    discussion: """
      A series is one quantity of one metric of one workload in one environment, named \
      scenario/workload/environment/metric:quantity; a part of the name that no other series has will do. Of one series \
      every night is drawn, with the points at which its level changed and stayed. Nothing is measured.

      EXAMPLES
        bench history                           all series, with their last values
        bench history bridge rtt_p50            those with these words in their names
        bench history --metric rtt_p50 --env bridge,veth
        bench history udp-rr-spin/bridge/rtt_p50 --svg bridge.svg
        bench history udp-rr-spin/bridge/rtt_p50 --json - | jq .change_points
        bench history --nights                  the nights, with their verdicts
      """)

  @Argument(
    help: ArgumentHelp(
      "Words of a series' name; if one series alone has them all, it is shown.", valueName: "series"))
  var words: [String] = []

  @Flag(help: "List the nights, the last first.")
  var nights = false

  @Option(name: .customLong("scenario"), help: ArgumentHelp("Only series of these scenarios.", valueName: "a,b"))
  var scenarios: [WordList] = []

  @Option(name: .customLong("workload"), help: ArgumentHelp("Only series of these workloads.", valueName: "a,b"))
  var workloads: [WordList] = []

  @Option(name: .customLong("env"), help: ArgumentHelp("Only series of these environments.", valueName: "a,b"))
  var environments: [WordList] = []

  @Option(name: .customLong("metric"), help: ArgumentHelp("Only series of these metrics.", valueName: "a,b"))
  var metrics: [WordList] = []

  @Option(help: ArgumentHelp("At most this many nights, the last ones (default: all; of --nights 20).", valueName: "n"))
  var last: Int?

  @Option(help: ArgumentHelp("Draw the series into a file, as SVG.", valueName: "file"))
  var svg: String?

  @Option(help: ArgumentHelp("Write the series (bench.history/1) to a file; - is stdout.", valueName: "file"))
  var json: String?

  @OptionGroup var store: StoreOptions

  func validate() throws {
    if let last, last < 1 { throw ValidationError("--last takes a number of 1 or more.") }
    if nights && (!words.isEmpty || hasFilter || svg != nil || json != nil) {
      throw ValidationError("--nights lists all nights: it goes with --last alone.")
    }
    if svg == "-" { throw ValidationError("--svg takes the name of a file.") }
    if let svg, svg == json { throw ValidationError("--svg and --json name the same file.") }
    if words.isEmpty && !hasFilter && (svg != nil || json != nil) {
      throw ValidationError("Name a series. 'bench history' lists them.")
    }
  }

  private var hasFilter: Bool { !(scenarios + workloads + environments + metrics).isEmpty }

  func run() throws {
    for (option, file) in [("--svg", svg), ("--json", json)] {
      try RunOutputs(json: file, reports: nil, environment: Program.environment).check(option: option)
    }
    let stored = try RunStore.openReadOnly(path: store.resolvedPath)
    if nights { return try listNights(stored) }
    let all = try stored.historyListings()
    if all.isEmpty {
      if !words.isEmpty || hasFilter || svg != nil || json != nil {
        throw UserError(
          .usage, "no night has been finished yet in \(stored.path)", remedy: "'bench nightly' makes one.")
      }
      return Console.error("No night has been finished yet in \(stored.path).")
    }
    let chosen = try choose(all)
    // A filter alone asks for a list, also of one; files are of one series.
    if let one = chosen.first, chosen.count == 1, !words.isEmpty || svg != nil || json != nil {
      return try show(one.series, stored)
    }
    if svg != nil || json != nil {
      throw UserError(
        .usage, "\(chosen.count) series have that in their names", remedy: "name one: \(Self.list(chosen))")
    }
    try list(chosen, stored)
  }

  // MARK: - Choosing

  private func choose(_ all: [HistoryListing]) throws(UserError) -> [HistoryListing] {
    var chosen = all
    try Self.filter(&chosen, scenarios.words, "scenario", all) { $0.scenario }
    try Self.filter(&chosen, workloads.words, "workload", all) { $0.workload }
    try Self.filter(&chosen, environments.words, "environment", all) { $0.environment }
    try Self.filter(&chosen, metrics.words, "metric", all) { $0.metric.rawValue }
    if chosen.isEmpty {
      throw UserError(.usage, "no series is of all that", remedy: "'bench history' lists the series.")
    }
    if words.isEmpty { return chosen }
    // The whole name of one may be a part of another's.
    if words.count == 1, let exact = HistorySeries(name: words[0]),
      let one = chosen.first(where: { $0.series == exact })
    {
      return [one]
    }
    let matching = chosen.filter { listing in words.allSatisfy { listing.series.name.contains($0) } }
    if !matching.isEmpty { return matching }
    let asked = words.joined(separator: " ")
    let hint = Self.near(words, chosen).map { " (did you mean '\(InertText.line($0))'?)" } ?? ""
    throw UserError(
      .usage, "no series is named '\(InertText.line(asked, limit: 200))'\(hint)",
      remedy: "'bench history' lists the series.")
  }

  private static func filter(
    _ chosen: inout [HistoryListing], _ words: [String]?, _ noun: String, _ all: [HistoryListing],
    _ part: (HistorySeries) -> String
  ) throws(UserError) {
    guard let words else { return }
    let known = all.map { part($0.series) }
    for word in words where !known.contains(word) {
      let hint = Suggestion.nearest(to: word, among: known).map { " (did you mean '\(InertText.name($0))'?)" } ?? ""
      throw UserError(
        .usage, "no series is of the \(noun) '\(InertText.name(word))'\(hint)",
        remedy: "'bench history' lists the series.")
    }
    chosen = chosen.filter { words.contains(part($0.series)) }
  }

  /// What was meant by words of which no series has all: a name, or the word that is wrong as a part of one.
  private static func near(_ words: [String], _ listings: [HistoryListing]) -> String? {
    let names = listings.map(\.series.name)
    if words.count == 1, let name = Suggestion.nearest(to: words[0], among: names) { return name }
    for word in words where !names.contains(where: { $0.contains(word) }) {
      let width = word.split(separator: "/", omittingEmptySubsequences: false).count
      var parts: [String] = []
      for listing in listings {
        let series = listing.series
        // A word may be several parts of a name, with or without its quantity.
        let all = [series.scenario, series.workload, series.environment, series.metric.rawValue]
        for start in 0...max(0, all.count - width) where start + width <= all.count {
          parts.append(all[start..<start + width].joined(separator: "/"))
        }
      }
      return Suggestion.nearest(to: word, among: parts)
    }
    return nil
  }

  private static func list(_ listings: [HistoryListing]) -> String {
    let shown = listings.prefix(5).map { InertText.line($0.series.name, limit: 200) }.joined(separator: ", ")
    return listings.count > 5 ? "\(shown), … (\(listings.count) in all)" : shown
  }

  // MARK: - Showing

  private func show(_ series: HistorySeries, _ stored: RunStore) throws {
    let view = Self.view(
      series, points: try stored.history(of: series), epochs: try stored.epochs(), last: last)
    if let svg { try ReportWriter.replace(svg, with: Data(HistoryPlot.svg(view).utf8)) }
    if let json, json != "-" { try ReportWriter.replace(json, with: try HistoryJSON.encode(view)) }
    if json == "-" { return Console.output(String(decoding: try HistoryJSON.encode(view), as: UTF8.self)) }
    let environment = Program.environment
    Console.output(
      HistoryPlot.terminal(
        view, width: Console.width(environment: environment),
        color: Console.isColored(descriptor: 1, environment: environment)))
  }

  /// Change points are those of the whole history, of which the last nights are shown.
  static func view(_ series: HistorySeries, points: [HistoryPoint], epochs: [Epoch], last: Int?) -> HistoryView {
    let shown = last.map { Array(points.suffix($0)) } ?? points
    let nights = Set(shown.map(\.night))
    var changes: [NightResult.ChangePoint] = []
    for epoch in epochs {
      changes += ChangePoints.find(points.filter { $0.epoch == epoch.number }, of: series)
    }
    let places = Dictionary(
      points.enumerated().map { ($0.element.night, $0.offset) }, uniquingKeysWith: { first, _ in first })
    changes = changes.filter { nights.contains($0.night) }.sorted { places[$0.night] ?? 0 < places[$1.night] ?? 0 }
    let present = Set(shown.map(\.epoch))
    return HistoryView(
      series: series, unit: series.quantity == .overhead ? .one : series.metric.unit, points: shown,
      changePoints: changes, epochs: epochs.filter { present.contains($0.number) })
  }

  private func list(_ listings: [HistoryListing], _ stored: RunStore) throws(UserError) {
    // Most have their last value of the last night: one result says how they stood.
    var states: [String: [HistorySeries: NightResult.Series.State]] = [:]
    var rows = [["SERIES", "NIGHTS", "LAST VALUE", "STATE", "NIGHT"]]
    for listing in listings {
      let night = listing.last.night
      if states[night] == nil {
        let series = try stored.nightResult(night)?.series ?? []
        states[night] = Dictionary(series.map { ($0.series, $0.state) }, uniquingKeysWith: { first, _ in first })
      }
      rows.append([
        InertText.line(listing.series.name, limit: 200), "\(listing.nights)",
        HistoryFigure.text(listing.last.value, of: listing.series),
        states[night]?[listing.series]?.rawValue ?? "-", InertText.name(night),
      ])
    }
    Console.output(Columns.lines(rows, indent: ""))
    if listings.count > 1 { Console.error("\n'bench history SERIES' draws one of them.") }
  }

  private func listNights(_ stored: RunStore) throws(UserError) {
    let nights = try stored.nights(limit: last ?? 20)
    if nights.isEmpty { return Console.error("No nights are stored in \(stored.path).") }
    Console.output(
      Columns.lines(
        nights.map { night in
          [
            InertText.name(night.id), HistoryFigure.date(night.started), night.epoch.map { "epoch \($0)" } ?? "-",
            night.verdict?.rawValue ?? night.phase.rawValue, InertText.line(night.reason ?? ""),
          ]
        }, indent: ""))
  }
}
