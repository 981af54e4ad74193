internal import Foundation
internal import Model
internal import PlainText

/// A run's result arranged for reading: tables in ladder order, in words, with numbers formatted. Every human format is
/// rendered from this, so that they all say the same. It selects and formats; what there is to compute, the analysis has.
struct Presentation {
  let result: RunResult
  let validity: Validity
  /// In the scenario's order, then any that only the series know.
  let workloads: [String]
  /// In ladder order, then any that only the series know. The control is not among them.
  let environments: [String]
  /// The same in another order: each that is held against an environment of its own comes behind that.
  let byReference: [String]
  /// Round trips taken apart; empty where packets were not captured.
  let waterfalls: [WaterfallGroup]
  private let series: [SeriesKey: SeriesResult]
  private let records: [String: EnvironmentRecord]
  private let specs: [String: WorkloadSpec]
  private let present: [String: Set<Metric>]

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
    present = result.series.reduce(into: [:]) { $0[$1.workload, default: []].insert($1.metric) }
    workloads = Self.distinct(result.workloads.map(\.name) + result.series.map(\.workload))
    environments = Self.distinct(result.environments.map(\.name) + result.series.map(\.environment))
    byReference = Self.byReference(environments, records)
    waterfalls = Self.waterfalls(result, workloads: workloads, environments: result.environments)
  }

  static func distinct(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  var baseline: String { result.run.baseline }
  var baselineName: String { InertText.name(result.run.baseline) }

  func series(_ environment: String, _ workload: String, _ metric: Metric) -> SeriesResult? {
    series[SeriesKey(environment: environment, workload: workload, metric: metric)]
  }

  func record(_ environment: String) -> EnvironmentRecord? { records[environment] }

  func spec(_ workload: String) -> WorkloadSpec? { specs[workload] }

  func kind(_ workload: String) -> WorkloadSpec.Kind? { specs[workload]?.kind }

  /// E.g. "udp-rr, spin, 64 B, on two CPUs".
  func workloadSummary(_ workload: String) -> String? {
    specs[workload].map { InertText.line($0.summary, limit: 200) }
  }

  /// The metric that ladder, control and charts are about.
  func headline(_ workload: String) -> Metric { kind(workload)?.headline ?? .rttP50 }

  /// The metrics that any environment has for this workload, in the order of ``Metric``.
  func metrics(of workload: String) -> [Metric] { Metric.allCases.filter { present[workload]?.contains($0) ?? false } }

  func table(_ workload: String, _ metric: Metric) -> MetricTable {
    let isHeld = isHeldToReferences(workload)
    return MetricTable(
      workload: workload, kind: kind(workload), metric: metric, baseline: baseline,
      isJudged: validity.canJudge(workload), namesOther: isHeld,
      rows: (isHeld ? byReference : environments).map { environment in
        let series = series(environment, workload, metric)
        return (environment, records[environment]?.unavailable, isHeld ? series?.heldToReference : series)
      })
  }

  /// The metrics that have a table of their own, below the ladder.
  func furtherTables(_ workload: String) -> [MetricTable] {
    let metrics: [Metric] =
      switch kind(workload) {
      case .udpRR?, .tcpRR?, .tcpCRR?, .udpOpen?, .tcpOpen?, nil: [.rttP99]
      case .tcpStream?: [.cpuPerByte]
      case .udpStream?: [.loss, .cpuPerByte]
      case .exec?: [.reported]
      case .copyUp?, .randomIO?, .sequentialIO?, .lookup?, .metadata?, .mmapWrite?, .sqliteCommit?, .imageRebuild?: []
      }
    return metrics.map { table(workload, $0) }.filter(\.hasData)
  }

  /// The names of those in ``metrics(of:)`` that no environment has, by why.
  func missing(_ metrics: [Metric], of workload: String) -> [MissingMetrics] {
    var reasons: [(reason: String, metrics: [Metric])] = []
    for metric in metrics {
      let notes = Self.distinct(environments.compactMap { series($0, workload, metric)?.note })
      guard let first = notes.first else { continue }
      let reason = notes.count == 1 ? first : "\(first); in other environments for other reasons"
      if let index = reasons.firstIndex(where: { $0.reason == reason }) {
        reasons[index].metrics.append(metric)
      } else {
        reasons.append((reason, [metric]))
      }
    }
    return reasons.map { entry in
      MissingMetrics(
        titles: entry.metrics.map { $0.title(of: kind(workload)) }, metrics: entry.metrics,
        reason: InertText.line(entry.reason, limit: 300))
    }
  }

  struct MissingMetrics {
    var titles: [String]
    var metrics: [Metric]
    var reason: String
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
    result.control.first { $0.workload == workload && $0.metric == headline(workload) }
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
        let text = claim.map { self.text(of: entry.interval, $0) } ?? RatioText(entry.interval).whole
        return "\(InertText.name(entry.claim)) with the voided blocks put back: \(text)"
      })
  }

  /// The environments that could not run, and why.
  var unavailableEnvironments: [(name: String, why: String)] {
    result.environments.compactMap { record in
      record.unavailable.map { (name: InertText.name(record.name), why: InertText.line($0)) }
    }
  }

  /// What else was not to be had, each "thing: why".
  var unavailable: [(what: String, why: String)] {
    // Nothing was to be had where there was no path to look into.
    guard hasNetwork else { return [] }
    return switch result.hops {
    case .unavailable(let reason): [("hop latencies", InertText.line(reason))]
    case .value: waterfalls.isEmpty ? [("hop latencies", "no trial looked inside the path")] : []
    }
  }

  /// "IPv6"; nil of the usual one.
  var family: String? { result.run.family == .ipv6 ? "IPv6" : nil }

  var warnings: [String] { result.warnings.map { InertText.line($0) } }

  var burdens: [String] { result.run.host.nativeBurdens.map { InertText.line($0, limit: 300) } }
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
    NumberFormat.places(forWidth: (high - low) * 2, in: (high < 100 ? 2 : 0)...3)
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
    self.unit = unit.differenceSymbol
  }

  init(_ interval: IntervalEstimate, unit: DisplayUnit, places: Int? = nil) {
    self.init(estimate: interval.estimate, low: interval.low, high: interval.high, unit: unit, places: places)
  }

  static func places(_ low: Double, _ high: Double, _ unit: DisplayUnit) -> Int {
    NumberFormat.places(forWidth: unit.scaled(high) - unit.scaled(low), in: 0...3)
  }

  var interval: String { "[\(low), \(high)]" }
  var withoutUnit: String { "\(estimate) \(interval)" }
  var whole: String { (unit.isEmpty ? estimate : estimate + NumberFormat.gap + unit) + " " + interval }
}
