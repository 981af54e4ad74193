internal import Model
internal import PlainText

/// A workload's metric from rung to rung: each environment against the one below and against the baseline, and how
/// exactly the steps compose to the whole.
struct LadderTable {
  struct Rung {
    /// The environment's values, and how they lie to the baseline's.
    var row: MetricRow
    /// What the rung adds to the one below; empty at the bottom.
    var layer: String
    /// Why there is nothing, shortened; nil if it ran.
    var unavailable: String?
    /// Against the rung below.
    var ratio: RatioText?
    var difference: DifferenceText?
    var stepRatio: IntervalEstimate?

    var name: String { row.name }
  }

  let table: MetricTable
  let rungs: [Rung]
  /// Whether any rung is held against the one below.
  let hasSteps: Bool
  /// "The steps compose to 1.31× and +2.47 µs; measured …; residual …"; nil without a ladder.
  let closing: String?

  init(_ table: MetricTable, _ ladder: LadderResult?, records: (String) -> EnvironmentRecord?, baseline: String) {
    self.table = table
    let unit = table.unit
    let steps = Dictionary(ladder?.steps.map { ($0.to, $0) } ?? [], uniquingKeysWith: { first, _ in first })
    hasSteps = ladder?.steps.isEmpty == false
    var below: String?
    rungs = table.rows.map { row in
      let step = steps[row.environment]
      let record = records(row.environment)
      // What stands at the bottom adds nothing to a rung below.
      var layer = row.isBaseline ? "" : InertText.line(step?.layer ?? record?.layer ?? "", limit: 200)
      if let step, step.from != below { layer += " (over \(InertText.name(step.from)))" }
      let unavailable = row.series == nil ? record?.unavailable.map(Self.shortened) : nil
      below = row.environment
      return Rung(
        row: row, layer: layer, unavailable: unavailable,
        ratio: step?.ratio.map { RatioText($0, places: table.ratioPlaces) },
        difference: step?.difference.map { DifferenceText($0, unit: unit, places: table.differencePlaces) },
        stepRatio: step?.ratio)
    }
    closing = ladder.map { Self.closing($0, table) }
  }

  /// The first part of a reason; the whole stands at the head of the report.
  private static func shortened(_ reason: String) -> String {
    let line = InertText.line(reason, limit: 300)
    let first = line.split(separator: ";", maxSplits: 1).first ?? ""
    let sentence = first.split(separator: ". ", maxSplits: 1).first ?? ""
    return String(sentence).fitted(to: 90)
  }

  private static func closing(_ ladder: LadderResult, _ table: MetricTable) -> String {
    let unit = table.unit
    func signed(_ value: Double, _ places: Int) -> String {
      let text = unit.difference(value, places: places)
      return text.hasPrefix("−") ? text : "+" + text
    }
    let top = ladder.steps.last
    let series = table.rows.first { $0.environment == top?.to }?.series
    var composed: [String] = []
    var measured: [String] = []
    var residual: [String] = []
    if let left = ladder.ratioResidual, let ratio = ladder.composedRatio {
      let whole = top?.totalRatio ?? series?.ratio
      let places = table.ratioPlaces
      composed.append(NumberFormat.decimal(ratio, places: places) + "×")
      whole.map { measured.append(RatioText($0, places: places).whole) }
      residual.append(NumberFormat.percent(left))
    }
    if let left = ladder.differenceResidual, let difference = ladder.composedDifference {
      let whole = top?.totalDifference ?? series?.difference
      let places = table.differencePlaces
      composed.append(signed(difference, places))
      whole.map {
        measured.append(signed($0.estimate, places) + " " + DifferenceText($0, unit: unit, places: places).interval)
      }
      residual.append(
        unit.difference(left, places: NumberFormat.places(forValue: unit.scaled(left), digits: 1, in: 2...3)))
    }
    guard !composed.isEmpty else { return "The ladder lacks a step, so its steps do not compose to the whole." }
    return "The steps compose to \(composed.joined(separator: " and "))"
      + (measured.isEmpty ? "" : "; measured from bottom to top: \(measured.joined(separator: " and "))")
      + "; residual \(residual.joined(separator: " and "))."
  }
}

extension Presentation {
  /// The ladder of a workload's headline; without steps where no ladder was computed.
  func ladder(_ workload: String) -> LadderTable { ladder(workload, headline(workload)) }

  /// Ladders of other metrics than the headline.
  func furtherLadders(_ workload: String) -> [LadderTable] {
    result.ladders.filter { $0.workload == workload && $0.metric != headline(workload) && !$0.steps.isEmpty }
      .map { ladder(workload, $0.metric) }
  }

  private func ladder(_ workload: String, _ metric: Metric) -> LadderTable {
    LadderTable(
      table(workload, metric), result.ladders.first { $0.workload == workload && $0.metric == metric },
      records: record, baseline: baseline)
  }
}
