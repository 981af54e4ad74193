internal import Foundation
internal import Model
internal import PlainText

/// A run's result arranged for reading: tables in ladder order, in words, with numbers formatted. Every human format is
/// rendered from this, so that they all say the same; it selects and formats, and computes nothing.
struct Presentation {
  let result: RunResult
  let validity: Validity
  /// In the scenario's order, then any that only the series know.
  let workloads: [String]
  /// In ladder order, then any that only the series know. The control is not among them.
  let environments: [String]
  /// Round trips taken apart; empty where packets were not captured.
  let waterfalls: [WaterfallGroup]
  private let series: [SeriesKey: SeriesResult]
  private let records: [String: EnvironmentRecord]
  private let specs: [String: WorkloadSpec]

  private struct SeriesKey: Hashable {
    var environment: String
    var workload: String
    var metric: Metric
  }

  init(_ result: RunResult) {
    self.result = result
    validity = Validity(result)
    series = Dictionary(
      result.series.map { (SeriesKey(environment: $0.environment, workload: $0.workload, metric: $0.metric), $0) },
      uniquingKeysWith: { first, _ in first })
    records = Dictionary(result.environments.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    specs = Dictionary(result.workloads.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    workloads = Self.distinct(result.workloads.map(\.name) + result.series.map(\.workload))
    environments = Self.distinct(result.environments.map(\.name) + result.series.map(\.environment))
    waterfalls = Self.waterfalls(result, workloads: workloads, environments: result.environments)
  }

  private static func distinct(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  var baseline: String { result.run.baseline }
  var baselineName: String { InertText.name(result.run.baseline) }

  func series(_ environment: String, _ workload: String, _ metric: Metric) -> SeriesResult? {
    series[SeriesKey(environment: environment, workload: workload, metric: metric)]
  }

  func record(_ environment: String) -> EnvironmentRecord? { records[environment] }

  /// E.g. "udp-rr, spin, 64 B, on two CPUs".
  func workloadSummary(_ workload: String) -> String? { specs[workload]?.summary }

  /// The metrics that any environment has for this workload, in the order of ``Metric``.
  func metrics(of workload: String) -> [Metric] {
    let present = Set(result.series.lazy.filter { $0.workload == workload }.map(\.metric))
    return Metric.allCases.filter(present.contains)
  }

  func table(_ workload: String, _ metric: Metric) -> MetricTable {
    MetricTable(
      workload: workload, metric: metric, baseline: baseline, isJudged: validity.canJudge(workload),
      rows: environments.map { ($0, records[$0]?.unavailable, series($0, workload, metric)) })
  }

  // MARK: Lines that every format has

  var title: String {
    let title = InertText.line(result.run.title, limit: 160)
    return title.isEmpty ? InertText.name(result.run.scenario) : title
  }

  /// "Linux 6.18.0 x86_64".
  var kernel: String { InertText.line("Linux \(result.run.host.kernel) \(result.run.host.architecture)", limit: 120) }

  /// "AMD EPYC 7B13, 2 CPUs, kvm".
  var processor: String {
    let host = result.run.host
    let parts = [host.cpuModel, NumberFormat.count(host.cpuCount, "CPU"), host.virtualization].compactMap(\.self)
    return parts.map { InertText.line($0, limit: 80) }.joined(separator: ", ")
  }

  var blocks: String {
    let run = result.run
    return "\(run.validBlocks) valid, \(run.voidedBlocks) voided"
  }

  /// The confidence of the intervals: "99 %", or several where they differ; nil without any interval.
  var confidence: String? {
    let intervals = result.series.compactMap(\.ratio) + result.control.compactMap(\.ratio)
    let levels = Set(intervals.map(\.confidence)).sorted()
    return levels.isEmpty ? nil : levels.map(NumberFormat.confidence).joined(separator: " and ")
  }

  /// "signed-rank (Wilcoxon)", as the results' methods say.
  var methods: String? {
    let names = Set((result.series.compactMap(\.ratio) + result.control.compactMap(\.ratio)).map(\.method)).sorted()
    let words = names.map { name in
      switch name {
      case "wilcoxon": "exact Wilcoxon signed-rank"
      case "sign-test": "sign test"
      default: InertText.line(name, limit: 40)
      }
    }
    return words.isEmpty ? nil : words.joined(separator: " and ")
  }

  /// "quiet".
  var noiseClass: String { result.noise.overall.rawValue }

  /// "steal 0.0 %, others on our CPUs 0.2 %, …"; what could not be read says so.
  var noiseReadings: String {
    let noise = result.noise
    let readings: [(String, Double?)] = [
      ("steal", noise.stealShare), ("others on our CPUs", noise.foreignCPUShare),
      ("run delay", noise.runDelayShare), ("canary variation", noise.canaryVariation),
    ]
    return readings.map { name, value in "\(name) \(value.map(NumberFormat.percent) ?? "unknown")" }
      .joined(separator: ", ")
  }

  /// "11 quiet, 1 noisy".
  var noiseBlocks: String {
    HostNoise.allCases.compactMap { kind in
      result.noise.blocks[kind.rawValue].flatMap { $0 > 0 ? "\($0) \(kind.rawValue)" : nil }
    }.joined(separator: ", ")
  }

  /// The A/A result of a workload's headline metric.
  func control(of workload: String) -> ControlResult? {
    result.control.first { $0.workload == workload && $0.metric == .rttP50 }
  }

  struct ControlLine {
    var workload: String
    var isPassed: Bool
    /// "1.002× [0.987, 1.018]"; nil where there was too little to compare.
    var ratio: String?
    var shape: String { isPassed ? "✓" : ratio == nil ? "–" : "✗" }
    var word: String { isPassed ? "passed" : ratio == nil ? "none" : "failed" }
    var reason: String
  }

  var controls: [ControlLine] {
    result.control.map { control in
      ControlLine(
        workload: InertText.name(control.workload), isPassed: control.isPassed,
        ratio: control.ratio.map { RatioText($0).whole },
        reason: InertText.line(control.reason))
    }
  }

  struct ClaimLine {
    var verdict: ClaimResult.Verdict
    var id: String
    var section: String
    var statement: String
    var reason: String
    /// "holds if the ratio of bridge to native lies above 1.10".
    var rule: String
    /// "1.28× [1.25, 1.31]", nil without an interval.
    var interval: String?
    /// "n 12".
    var n: String?
    /// "2.1 %" or "0.12 µs".
    var detectable: String?
    var adjustedP: String?
    /// "round trip p50 of udp-rr-spin in bridge".
    var subject: String

    var numbers: [String] {
      [interval, n.map { "n\(NumberFormat.gap)\($0)" }, detectable.map { "detectable from\(NumberFormat.gap)\($0)" }]
        .compactMap(\.self)
    }
  }

  var claims: [ClaimLine] {
    result.claims.map { claim in
      let environment = InertText.name(claim.environment)
      let reference =
        series(claim.environment, claim.workload, claim.metric)?.median
        ?? series(baseline, claim.workload, claim.metric)?.median ?? 0
      let unit = DisplayUnit(claim.metric.unit, reference: reference)
      var line = ClaimLine(
        verdict: claim.verdict, id: InertText.name(claim.id), section: InertText.line(claim.section, limit: 160),
        statement: InertText.line(claim.statement), reason: InertText.line(claim.reason), rule: "",
        n: claim.n.map(String.init), adjustedP: claim.adjustedP.map(NumberFormat.probability),
        subject:
          "\(claim.metric.title) of \(InertText.name(claim.workload)) in \(environment)")
      if !validity.canJudge(claim.workload) && (claim.verdict == .supported || claim.verdict == .refuted) {
        line.verdict = .inconclusive
        line.reason = "No verdict can be had from this run; the numbers alone would say: \(claim.verdict.rawValue)."
      }
      let bound: (Double) -> String
      switch claim.quantity {
      case .ratio:
        bound = { NumberFormat.decimal($0, places: 2) + "×" }
        line.detectable = claim.minimumDetectableEffect.map(NumberFormat.percent)
        if let estimate = claim.estimate, let low = claim.low, let high = claim.high {
          line.interval = RatioText(estimate: estimate, low: low, high: high).whole
        }
        line.rule = "\(environment) ÷ \(baselineName)"
      case .difference:
        bound = { unit.text($0, places: 2) }
        line.detectable = claim.minimumDetectableEffect.map { unit.text($0, places: 2) }
        if let estimate = claim.estimate, let low = claim.low, let high = claim.high {
          line.interval = DifferenceText(estimate: estimate, low: low, high: high, unit: unit).whole
        }
        line.rule = "\(environment) − \(baselineName)"
      }
      let limits = [
        claim.region.above.map { "above \(bound($0))" }, claim.region.below.map { "below \(bound($0))" },
      ].compactMap(\.self)
      line.rule = "holds if \(line.rule) lies " + (limits.isEmpty ? "anywhere" : limits.joined(separator: " and "))
      return line
    }
  }

  /// What the ladder's steps leave over, e.g. "steps compose to the whole within 0.4 % and 0.03 µs".
  func residual(_ ladder: LadderResult) -> String {
    let unit = DisplayUnit(ladder.metric.unit, reference: series(baseline, ladder.workload, ladder.metric)?.median ?? 0)
    let parts = [
      ladder.ratioResidual.map(NumberFormat.percent), ladder.differenceResidual.map { unit.text($0, places: 2) },
    ].compactMap(\.self)
    return parts.isEmpty
      ? "The ladder lacks a step, so its steps do not compose to the whole."
      : "The ladder's steps compose to the whole up to \(parts.joined(separator: " and "))."
  }

  /// The ladder for one workload's metric.
  func ladder(_ workload: String, _ metric: Metric) -> LadderResult? {
    result.ladders.first { $0.workload == workload && $0.metric == metric }
  }

  /// The ladder's steps in words: "bridge over veth", what it adds, ratio, difference.
  func steps(_ ladder: LadderResult) -> [(name: String, layer: String, ratio: String, difference: String)] {
    let unit = DisplayUnit(ladder.metric.unit, reference: series(baseline, ladder.workload, ladder.metric)?.median ?? 0)
    return ladder.steps.map { step in
      (
        "\(InertText.name(step.from)) → \(InertText.name(step.to))", InertText.line(step.layer, limit: 200),
        step.ratio.map { RatioText($0).whole } ?? NumberFormat.none,
        step.difference.map { DifferenceText($0, unit: unit).whole } ?? NumberFormat.none
      )
    }
  }

  struct Voided {
    /// "1 of 13 blocks voided".
    var summary: String
    /// "block 4: steal 2.3 %".
    var blocks: [String]
    /// "net-hop with the voided blocks put back: 1.29× [1.24, 1.33]".
    var withVoided: [String]
  }

  var voided: Voided? {
    let run = result.run
    guard run.voidedBlocks > 0 || !result.voided.isEmpty else { return nil }
    return Voided(
      summary: "\(run.voidedBlocks) of \(NumberFormat.count(run.validBlocks + run.voidedBlocks, "block")) voided",
      blocks: result.voided.map { block in
        "block \(block.block): " + block.reasons.map { InertText.line($0, limit: 300) }.joined(separator: "; ")
      },
      withVoided: result.noise.withVoided.map { entry in
        let claim = result.claims.first { $0.id == entry.claim }
        let text: String
        if let claim, claim.quantity == .difference {
          let reference = series(baseline, claim.workload, claim.metric)?.median ?? 0
          text = DifferenceText(entry.interval, unit: DisplayUnit(claim.metric.unit, reference: reference)).whole
        } else {
          text = RatioText(entry.interval).whole
        }
        return "\(InertText.name(entry.claim)) with the voided blocks put back: \(text)"
      })
  }

  /// What was not to be had, each "thing: why".
  var unavailable: [(what: String, why: String)] {
    var list = result.environments.compactMap { record in
      record.unavailable.map { (what: InertText.name(record.name), why: InertText.line($0)) }
    }
    switch result.hops {
    case .unavailable(let reason): list.append(("hop latencies", InertText.line(reason)))
    case .value:
      if waterfalls.isEmpty { list.append(("hop latencies", "no trial looked inside the path")) }
    }
    return list
  }

  var warnings: [String] { result.warnings.map { InertText.line($0) } }

  var burdens: [String] { result.run.host.nativeBurdens.map { InertText.line($0, limit: 300) } }

  // MARK: The answer

  /// The answer in sentences: one for the longest path, one for each environment below it, one line for each further
  /// workload. Empty where the run cannot bear a verdict.
  var answer: [String] {
    guard validity.purpose == nil, validity.isValid || validity.unjudged != nil else { return [] }
    var sentences: [String] = []
    for workload in workloads where validity.canJudge(workload) {
      let table = table(workload, .rttP50)
      let others = table.rows.filter { !$0.isBaseline && $0.series?.ratio != nil }
      guard let base = table.rows.first(where: \.isBaseline), base.series != nil, let top = others.last else {
        continue
      }
      let whole = finding(top, than: " than the \(base.medianWithUnit) of \(baselineName)", confidence: confidence)
      if sentences.isEmpty {
        sentences.append("On this host a round trip in \(top.name) \(whole)")
        for row in others.dropLast().suffix(4).reversed() {
          let summary = records[row.environment].map { InertText.line($0.summary, limit: 120) } ?? ""
          sentences.append(
            "In \(row.name)\(summary.isEmpty ? "" : " (\(summary))") it \(finding(row, than: "", confidence: nil))")
        }
      } else {
        sentences.append("With \(InertText.name(workload)), one in \(top.name) \(whole)")
      }
      if sentences.count >= 7 { break }
    }
    return sentences
  }

  /// "takes 1.30× as long as in native (99 % CI 1.28 to 1.33): 2.45 µs more (2.28 to 2.69) than …".
  private func finding(_ row: MetricRow, than comparison: String, confidence: String?) -> String {
    guard let ratio = row.ratio else { return "" }
    let range = "\(confidence.map { "\($0) CI " } ?? "")\(ratio.low) to \(ratio.high)"
    switch row.outcome.kind {
    case .more, .less:
      let isMore = row.outcome.kind == .more
      let amount =
        row.differenceParts.map { part in
          let ends = isMore ? (part.low, part.high) : (part.high.withoutMinus, part.low.withoutMinus)
          let size = isMore ? part.estimate : part.estimate.withoutMinus
          return
            ": \(size)\(NumberFormat.gap)\(part.unit) \(isMore ? "more" : "less") (\(ends.0) to \(ends.1))\(comparison)"
        } ?? ""
      return "takes \(ratio.estimate)× as long as in \(baselineName) (\(range))\(amount)."
    case .undecided:
      let limit = row.series?.ratio.map { NumberFormat.percent($0.minimumDetectableEffect) } ?? NumberFormat.none
      return
        "shows no difference from \(baselineName) (\(ratio.estimate)×, \(range)); one of \(limit) would have shown."
    case .baseline, .unavailable, .unjudged:
      return "takes \(ratio.estimate)× as long as in \(baselineName) (\(range)), but that is \(row.outcome.words)."
    }
  }
}

extension String {
  fileprivate var withoutMinus: String { hasPrefix("−") ? String(dropFirst()) : self }
}

/// A ratio and its interval as text, all with the same number of places.
struct RatioText {
  var estimate: String
  var low: String
  var high: String

  init(estimate: Double, low: Double, high: Double, places: Int? = nil) {
    let places = places ?? Self.places(low, high)
    self.estimate = NumberFormat.decimal(estimate, places: places)
    self.low = NumberFormat.decimal(low, places: places)
    self.high = NumberFormat.decimal(high, places: places)
  }

  init(_ interval: IntervalEstimate, places: Int? = nil) {
    self.init(estimate: interval.estimate, low: interval.low, high: interval.high, places: places)
  }

  static func places(_ low: Double, _ high: Double) -> Int {
    NumberFormat.places(forWidth: (high - low) * 2, in: 2...3)
  }

  var interval: String { "[\(low), \(high)]" }
  var whole: String { "\(estimate)× \(interval)" }
}

/// A difference and its interval as text, in one unit and with the same number of places.
struct DifferenceText {
  var estimate: String
  var low: String
  var high: String
  var unit: String

  init(estimate: Double, low: Double, high: Double, unit: DisplayUnit, places: Int? = nil) {
    let places = places ?? Self.places(low, high, unit)
    self.estimate = NumberFormat.decimal(unit.scaled(estimate), places: places)
    self.low = NumberFormat.decimal(unit.scaled(low), places: places)
    self.high = NumberFormat.decimal(unit.scaled(high), places: places)
    self.unit = unit.symbol
  }

  init(_ interval: IntervalEstimate, unit: DisplayUnit, places: Int? = nil) {
    self.init(estimate: interval.estimate, low: interval.low, high: interval.high, unit: unit, places: places)
  }

  static func places(_ low: Double, _ high: Double, _ unit: DisplayUnit) -> Int {
    NumberFormat.places(forWidth: unit.scaled(high) - unit.scaled(low), in: 0...3)
  }

  var interval: String { "[\(low), \(high)]" }
  var whole: String { (unit.isEmpty ? estimate : estimate + NumberFormat.gap + unit) + " " + interval }
}
