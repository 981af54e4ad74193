internal import Foundation
internal import Model
internal import PlainText

/// What the exports say alike.
enum ExportText {
  /// Of a series, with its interval: "1.30× [1.28, 1.33]", "8.12 µs", "14".
  static func value(_ series: NightResult.Series) -> String {
    switch series.series.quantity {
    case .overhead:
      guard let low = series.low, let high = series.high else { return NumberFormat.times(series.value) }
      return RatioText(estimate: series.value, low: low, high: high).whole
    case .level, .count: return quantity(series.value, series.series)
    }
  }

  /// A value of the series' quantity, without an interval.
  static func quantity(_ value: Double, _ series: HistorySeries) -> String {
    switch series.quantity {
    case .overhead: NumberFormat.times(value)
    case .level: NumberFormat.level(value, series.metric)
    // Counts are exact: no digit is left out.
    case .count: series.metric.unit == .bytes ? NumberFormat.size(value) : CSVReport.digits(value)
    }
  }

  /// A p-value: "p = 0.0031", "p < 0.0001".
  static func p(_ value: Double) -> String {
    if value < 0.0001 { return "p < 0.0001" }
    return "p = " + NumberFormat.decimal(value, places: NumberFormat.places(forValue: value, digits: 2, in: 2...4))
  }

  /// "round trip p50 of udp-rr-spin in bridge (network-hop)".
  static func place(_ metric: Metric, _ workload: String, _ environment: String, _ scenario: String) -> String {
    "\(metric.title) of \(InertText.name(workload)) in \(InertText.name(environment)) (\(InertText.name(scenario)))"
  }

  static func place(_ series: HistorySeries) -> String {
    place(series.metric, series.workload, series.environment, series.scenario)
  }

  static func place(_ confirmation: NightResult.Confirmation) -> String {
    place(confirmation.metric, confirmation.workload, confirmation.environment, confirmation.scenario)
  }

  /// ``HistorySeries/name``, inert.
  static func name(_ series: HistorySeries) -> String {
    [series.scenario, series.workload, series.environment].map { InertText.name($0) }.joined(separator: "/")
      + "/\(series.metric.rawValue):\(series.quantity.rawValue)"
  }

  /// What is known of a series beside its value: "its history's median 1.21×; +7.4 % beside all others; t = 5.1;
  /// p = 0.0002".
  static func standing(_ series: NightResult.Series) -> String {
    var parts: [String] = []
    if let expected = series.expected { parts.append("before: \(quantity(expected, series.series))") }
    if let shift = series.shift { parts.append("\(percent(shift)) against its history") }
    if let t = series.t { parts.append("t = \(NumberFormat.decimal(t, places: 1))") }
    if let p = series.pValue { parts.append(self.p(p)) }
    return parts.joined(separator: ", ")
  }

  /// A ratio as a change: "+7.4 %", "−2.0 %".
  static func percent(_ ratio: Double) -> String {
    let change = (ratio - 1) * 100
    let text = NumberFormat.decimal(change, places: 1)
    return (text.hasPrefix("−") || text == NumberFormat.none ? "" : "+") + text + NumberFormat.gap + "%"
  }

  /// What fresh blocks say: "today's ÷ the pinned worker's 1.10× [1.08, 1.12], n = 16, p < 0.0001 (Holm)".
  static func numbers(_ confirmation: NightResult.Confirmation) -> String {
    var parts: [String] = []
    if let ratio = confirmation.ratio {
      let good = confirmation.isProgram == true ? "last good build's" : "pinned worker's"
      parts.append("today's ÷ the \(good) \(RatioText(ratio).whole)")
    }
    parts.append("n = \(confirmation.blocks)")
    if let p = confirmation.adjustedP { parts.append(self.p(p) + " (Holm)") }
    return parts.joined(separator: ", ")
  }

  /// What the self-test saw, of what was put in.
  static func numbers(_ test: NightResult.SelfTest) -> String {
    var parts = ["put in: \(NumberFormat.times(test.injected))"]
    if let ratio = test.ratio { parts.append("seen: \(RatioText(ratio).whole)") }
    if let p = test.pValue { parts.append(self.p(p)) }
    return parts.joined(separator: ", ")
  }

  /// What an epoch began with: "kernel: 6.12.0 → 6.18.0".
  static func change(_ change: FactDifference) -> String { "\(change.subject): \(change.a) → \(change.b)" }

  /// `text` with nothing but ASCII letters, digits and what is in `others`: "_" for anything else, and never empty.
  static func plain(_ text: String, others: String = "-.") -> String {
    let result = String(
      String.UnicodeScalarView(
        text.unicodeScalars.prefix(InertText.longestName).map { scalar in
          scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            || others.unicodeScalars.contains(scalar) ? scalar : "_"
        }))
    return result.isEmpty ? "_" : result
  }
}

/// Names that were one text before they were made plain stay apart: the second gets "_2".
struct DistinctNames {
  private var taken: Set<String> = []

  mutating func name(_ wanted: String) -> String {
    var name = wanted
    var number = 2
    while !taken.insert(name).inserted {
      name = "\(wanted)_\(number)"
      number += 1
    }
    return name
  }
}

extension NightResult.Confirmation {
  /// Whether it was about what `series` follows.
  func concerns(_ series: HistorySeries) -> Bool {
    scenario == series.scenario && workload == series.workload && environment == series.environment
      && metric == series.metric
  }
}
