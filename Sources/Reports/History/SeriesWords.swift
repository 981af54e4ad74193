internal import Model
internal import PlainText

/// How a series that is followed from night to night is called, and how its values read. All of its text is inert.
struct SeriesWords {
  let series: HistorySeries
  let unit: Metric.Unit

  init(_ series: HistorySeries, unit: Metric.Unit? = nil) {
    self.series = series
    self.unit = unit ?? (series.quantity == .overhead ? .one : series.metric.unit)
  }

  var scenario: String { InertText.name(series.scenario) }
  var workload: String { InertText.name(series.workload) }
  var environment: String { InertText.name(series.environment) }

  /// `network-hop/udp-rr-spin/bridge/rtt_p50:overhead`: as commands take it, and so longer than a name is shown else.
  var code: String {
    let parts = [series.scenario, series.workload, series.environment].map { InertText.name($0, limit: 200) }
    return parts.joined(separator: "/") + "/\(series.metric.rawValue):\(series.quantity.rawValue)"
  }

  /// "round trip p50 of udp-rr-spin in bridge".
  var title: String { "\(quantity) of \(workload) in \(environment)" }

  /// The same without what of the metric is followed.
  var subject: String { "\(series.metric.title) of \(workload) in \(environment)" }

  /// "bridge, round trip p50", below a heading that names the workload.
  var place: String { "\(environment), \(quantity)" }

  /// "round trip p50"; of a level "level of round trip p50".
  private var quantity: String { (series.quantity == .level ? "level of " : "") + series.metric.title }

  /// What its values are: "environment ÷ baseline".
  var measure: String {
    switch series.quantity {
    case .overhead: "environment ÷ baseline"
    case .level: "the median of a night"
    case .count: "counted, the same in every block"
    }
  }

  /// "larger is worse".
  var direction: String { series.isCost ? "larger is worse" : "smaller is worse" }

  // MARK: Values

  func value(_ value: Double) -> String {
    switch series.quantity {
    case .overhead:
      NumberFormat.decimal(value, places: NumberFormat.places(forValue: value, digits: 4, in: 0...3)) + "×"
    case .level: NumberFormat.level(value, series.metric)
    case .count: unit == .bytes ? NumberFormat.size(value) : NumberFormat.plain(value)
    }
  }

  /// A value with its interval beside it, where it has one.
  func cell(_ value: Double, low: Double?, high: Double?) -> TextTable.Cell {
    guard let low, let high else { return TextTable.Cell(text: self.value(value)) }
    if series.quantity == .overhead {
      let ratio = RatioText(estimate: value, low: low, high: high, places: max(3, RatioText.places(low, high)))
      return TextTable.Cell(text: ratio.estimate + "×", detail: ratio.interval)
    }
    let text = DifferenceText(
      estimate: value, low: low, high: high, unit: DisplayUnit(series.metric, reference: value))
    return TextTable.Cell(
      text: text.unit.isEmpty ? text.estimate : text.estimate + NumberFormat.gap + text.unit, detail: text.interval)
  }

  /// Two values with as many digits as tell them apart: "64 MiB → 64.01 MiB", "67 108 864 → 67 108 865 bytes".
  func change(from before: Double, to after: Double) -> String {
    let texts = [value(before), value(after)]
    if texts[0] != texts[1] || before == after { return "\(texts[0]) → \(texts[1])" }
    let plain = "\(NumberFormat.plain(before)) → \(NumberFormat.plain(after))"
    return unit == .bytes ? plain + NumberFormat.gap + "bytes" : plain
  }

  /// Whether a change between two levels makes it worse, in a word.
  func judgement(from before: Double, to after: Double) -> String {
    before == after ? "the same" : (after > before) == series.isCost ? "worse" : "better"
  }
}

extension NightResult.ChangePoint {
  /// "1.281× → 1.342×, worse, p < 0.001".
  func text(_ words: SeriesWords) -> String {
    "\(words.change(from: before, to: after)), \(isWorse ? "worse" : "better"), "
      + NumberFormat.named("p", pValue)
  }
}

extension NumberFormat {
  /// "p = 0.003", "p < 0.001", on one line.
  static func named(_ name: String, _ value: Double) -> String {
    let text = probability(value)
    return name + gap + (text.hasPrefix("<") ? text : "=" + gap + text)
  }
}
