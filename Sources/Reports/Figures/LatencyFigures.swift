internal import Foundation
internal import Model
internal import PlainText

extension Presentation {
  /// How latencies of a workload are distributed: the cumulative distribution, and percentiles on a scale that spreads
  /// the tail. Empty where no operation was timed alone.
  func distributionFigures(_ workload: String) -> [Figure] {
    let latencies = Latencies(self, workload)
    return [latencies?.cumulative, latencies?.tail].compactMap(\.self)
  }
}

/// The distributions of one workload, arranged for drawing.
private struct Latencies {
  struct Entry {
    /// "native", or "native′ (control)".
    var name: String
    var letter: String
    var style: XYChart.Style
    var isControl: Bool
    var result: DistributionResult
    /// What can be drawn: one for each share, latencies in ns and above 0.
    var points: [(share: Double, latency: Double)]

    func place(of share: Double) -> Int? {
      let count = min(result.shares.count, result.medians.count, result.lows.count, result.highs.count)
      return result.shares.prefix(count).firstIndex { abs($0 - share) < 1e-9 }
    }

    func median(at share: Double) -> Double? { place(of: share).map { result.medians[$0] } }
  }

  /// What tables and tail plots name.
  static let percentiles: [(share: Double, name: String)] = [
    (0.01, "p1"), (0.1, "p10"), (0.25, "p25"), (0.5, "p50"), (0.75, "p75"), (0.9, "p90"), (0.99, "p99"),
    (0.999, "p99.9"), (0.9999, "p99.99"), (0.99999, "p99.999"),
  ]
  /// Beyond it a cumulative distribution shows nothing but a line along the top.
  private static let mostCumulative = 0.99 + 1e-9

  let entries: [Entry]
  let unit: DisplayUnit
  /// "round trip of udp-rr-spin".
  let subject: String
  let index: Int
  let trials: String

  /// nil where there is nothing to draw.
  init?(_ page: Presentation, _ workload: String) {
    let given = (page.result.distributions ?? []).filter { $0.workload == workload }
    let order = page.isHeldToReferences(workload) ? page.byReference : page.environments
    let environments = Presentation.distinct(order + given.map(\.environment))
    var entries: [Entry] = []
    var lines = 0
    for environment in environments {
      let own = given.filter { $0.environment == environment }
      let first = own.first { !$0.isControl }
      let place = lines
      for (result, isControl) in [(first, false), (own.first { $0.isControl }, true)] {
        guard let result else { continue }
        let points = zip(result.shares, result.medians).filter { $1.isFinite && $1 > 0 && (0..<1).contains($0) }
          .map { (share: $0, latency: $1) }
        guard points.count > 1 else { continue }
        let name = InertText.name(environment)
        entries.append(
          Entry(
            name: isControl ? "\(name)′ (control)" : name, letter: XYChart.letter(place) + (isControl ? "′" : ""),
            style: XYChart.Style(place: place), isControl: isControl, result: result, points: points))
        lines = place + 1
      }
    }
    guard !entries.isEmpty, let fastest = entries.compactMap({ $0.points.first?.latency }).min() else { return nil }
    self.entries = entries
    unit = DisplayUnit(.nanoseconds, reference: fastest)
    let metric = page.headline(workload).title(of: page.kind(workload))
    let operation = metric.hasSuffix(" p50") ? String(metric.dropLast(4)) : "latency"
    subject = "\(operation) of \(InertText.name(workload))"
    index = page.workloads.firstIndex(of: workload) ?? page.workloads.count
    let counts = entries.map(\.result.trials)
    let (fewest, most) = (counts.min() ?? 0, counts.max() ?? 0)
    trials = fewest == most ? NumberFormat.count(most, "trial") : "\(fewest)–\(NumberFormat.count(most, "trial"))"
  }

  private var rule: String {
    "Each point is the median, over \(trials) of each environment, of the trial's own quantile; samples of different "
      + "trials are never pooled. Percentiles with fewer than \(DistributionResult.fewestSamples) samples beyond them in "
      + "any trial are left out."
  }

  private var control: String {
    entries.contains(where: \.isControl) ? " Dotted: the baseline's second copy, the control." : ""
  }

  private var keys: [Figure.Key] {
    entries.map { entry in
      Figure.Key(
        sign: entry.isControl ? XYChart.dottedSwatch(entry.style) : XYChart.swatch(entry.style),
        text: "\(entry.letter) \(entry.name)")
    }
  }

  private func number(_ latency: Double) -> String {
    let value = unit.scaled(latency)
    return NumberFormat.decimal(value, places: NumberFormat.places(forValue: value, digits: 3, in: 0...3))
  }

  /// "native: p50 8.12, p90 9.01, p99 14.3 µs; …".
  private func said(_ shares: (Double) -> Bool) -> String {
    entries.map { entry in
      let known = Self.percentiles.filter { shares($0.share) }.compactMap { percentile in
        entry.median(at: percentile.share).map { "\(percentile.name) \(number($0))" }
      }
      let numbers = known.isEmpty ? "too few samples" : known.joined(separator: ", ") + NumberFormat.gap + unit.symbol
      return "\(entry.name): \(numbers)"
    }.joined(separator: "; ")
  }

  private func table(_ shares: (Double) -> Bool) -> TextTable {
    let columns = Self.percentiles.filter { percentile in
      shares(percentile.share) && entries.contains { $0.place(of: percentile.share) != nil }
    }
    let rows = entries.map { entry in
      TextTable.Row(
        name: entry.name,
        cells: columns.map { column in
          guard let place = entry.place(of: column.share) else { return .none }
          let (low, high) = (number(entry.result.lows[place]), number(entry.result.highs[place]))
          return TextTable.Cell(text: number(entry.result.medians[place]), detail: "[\(low)–\(high)]")
        })
    }
    let lacking = rows.contains { $0.cells.contains(.none) }
    return TextTable(
      title: "Percentiles of the \(subject)",
      aside: "\(unit.symbol); median over the trials, and from the lowest to the highest of them",
      columns: columns.map(\.name), groups: [TextTable.Group(title: nil, rows: rows)],
      notes: lacking
        ? [
          "A dash: fewer than \(DistributionResult.fewestSamples) samples of some trial lay beyond this percentile."
        ] : [])
  }

  /// nil where no line has two points below the tail.
  var cumulative: Figure? {
    let lines = entries.map { entry in
      DistributionChart.Line(
        letter: entry.letter, style: entry.style, isControl: entry.isControl,
        points: entry.points.filter { $0.share <= Self.mostCumulative }.map { ($0.latency, $0.share) })
    }
    let id = "distribution-\(index)"
    let chart = DistributionChart(
      title: "Cumulative distribution of the \(subject)", summary: said { $0 <= Self.mostCumulative }, lines: lines,
      unit: unit)
    guard let picture = chart.picture(id: id) else { return nil }
    return Figure(
      id: id, heading: "Distribution of the \(subject)",
      caption:
        "What share of the operations (upwards) took no longer than a latency (across\(chart.isLogarithmic ? ", logarithmic" : "")), "
        + "up to p99; farther left is faster. \(rule)\(control)",
      keys: keys, picture: picture, data: [table { $0 <= Self.mostCumulative }])
  }

  /// nil where no environment has more than one percentile from p50 on.
  var tail: Figure? {
    // p90 as far from p99 as p99 from p99.9.
    func nines(_ share: Double) -> Double { -log10(1 - share) }
    let ticks = Self.percentiles.filter { $0.share >= 0.5 }
    let shown = entries.filter { entry in entry.points.count { $0.share >= 0.5 } > 1 }
    guard !shown.isEmpty else { return nil }
    let lines = shown.map { entry in
      let path = entry.points.filter { $0.share >= 0.5 }.map { XYChart.Point(x: nines($0.share), y: $0.latency) }
      let points = ticks.compactMap { tick in
        entry.median(at: tick.share).map { XYChart.Point(x: nines(tick.share), y: $0) }
      }
      return XYChart.Line(
        name: entry.name, style: entry.style, points: entry.isControl ? [] : points.filter { $0.y > 0 },
        path: entry.isControl ? [] : path, second: entry.isControl ? path : [], isMeasured: true, letter: entry.letter)
    }
    let id = "tail-\(index)"
    let chart = XYChart(
      title: "Percentiles of the \(subject) up to the tail, latency logarithmic", summary: said { $0 >= 0.5 },
      heading: "Tail of the \(subject)",
      caption:
        "Percentiles by their number of nines (across): what lies beyond becomes ten times rarer with each step from p90 "
        + "on. Latency upwards, logarithmic; lower is faster. \(rule)\(control)",
      lines: lines, isLogarithmic: true, isLogarithmicAcross: false,
      ticks: ticks.filter { tick in
        tick.share != 0.75 && shown.contains { $0.points.contains { $0.share >= tick.share - 1e-9 } }
      }
      .map { (value: nines($0.share), text: $0.name) },
      axis: "percentile",
      text: { [unit] value in NumberFormat.plain(unit.scaled(value)) + NumberFormat.gap + unit.symbol }, left: 0.13,
      labelGaps: (wide: 0.05, narrow: 0.1))
    guard let picture = chart.picture(id: id) else { return nil }
    return Figure(
      id: id, heading: chart.heading, caption: chart.caption,
      keys: keys.enumerated().filter { place, _ in shown.contains { $0.name == entries[place].name } }.map(\.element),
      picture: picture, data: [table { $0 >= 0.5 }])
  }
}
