internal import Model
internal import PlainText

/// One metric of one workload, compared in all environments, with one unit a column.
struct ComparisonTable {
  let metric: Metric
  let title: String
  let unit: DisplayUnit
  let rows: [ComparisonRow]

  init(metric: Metric, kind: WorkloadSpec.Kind?, baseline: String, rows: [ComparedSeries]) {
    self.metric = metric
    title = metric.title(of: kind)
    let reference = rows.first { $0.environment == baseline }?.medianA ?? rows.first?.medianA ?? 0
    let unit = DisplayUnit(metric, reference: reference)
    self.unit = unit
    let medians = rows.flatMap { [$0.medianA, $0.medianB] }
    let places = medians.map { NumberFormat.places(forValue: unit.scaled($0), digits: 3, in: 0...3) }.max() ?? 2
    let ratioPlaces = (Self.places(rows.map(\.level)), Self.places(rows.map(\.overhead)))
    self.rows = rows.map {
      ComparisonRow(
        $0, isBaseline: $0.environment == baseline, unit: unit, places: places, levelPlaces: ratioPlaces.0,
        overheadPlaces: ratioPlaces.1)
    }
  }

  /// The decimal places of all ratios of a column.
  private static func places(_ changes: [SeriesChange?]) -> Int {
    changes.compactMap { change in
      guard let change, change.scale == .ratio, let low = change.low, let high = change.high else { return nil }
      return RatioText.places(low, high)
    }.max() ?? 2
  }

  /// "µs" or "Gbit/s, larger is better"; may be empty.
  var aside: String {
    [unit.symbol, metric.isBetterLarger ? "larger is better" : ""].filter { !$0.isEmpty }.joined(separator: ", ")
  }

  var hasOverheads: Bool { rows.contains { $0.overhead != nil } }

  /// A part of the table: name, what it was in A and in B, B held against A, finding, q.
  enum Part: String {
    case level, overhead

    var columns: [String] { ["A", "B", self == .level ? "B ÷ A" : "B's ÷ A's", "q", "finding"] }
  }

  /// All of a part, for formats with room; rows without anything in it are left out.
  func text(_ part: Part) -> TextTable {
    let isLevel = part == .level
    return TextTable(
      title: isLevel ? title.withCapital : "\(title.withCapital), environment ÷ baseline", aside: isLevel ? aside : "",
      columns: part.columns, wordColumn: 4,
      groups: [
        TextTable.Group(
          title: nil,
          rows: rows.compactMap { row in
            guard let change = isLevel ? row.level ?? .missing : row.overhead else { return nil }
            return TextTable.Row(
              name: row.name,
              cells: [
                TextTable.Cell(text: isLevel ? row.medianA : row.ratioA),
                TextTable.Cell(text: isLevel ? row.medianB : row.ratioB),
                TextTable.Cell(text: change.estimate, detail: change.interval),
                TextTable.Cell(text: change.q.map(NumberFormat.probability) ?? NumberFormat.none),
                TextTable.Cell(text: change.words),
              ])
          })
      ])
  }
}

/// One environment of a ``ComparisonTable``.
struct ComparisonRow {
  let name: String
  let isBaseline: Bool
  let medianA: String
  let medianB: String
  /// Environment ÷ baseline in each run; "–" where there is none.
  let ratioA: String
  let ratioB: String
  let level: ChangeText?
  let overhead: ChangeText?

  init(
    _ series: ComparedSeries, isBaseline: Bool, unit: DisplayUnit, places: Int, levelPlaces: Int, overheadPlaces: Int
  ) {
    name = InertText.name(series.environment)
    self.isBaseline = isBaseline
    medianA = NumberFormat.decimal(unit.scaled(series.medianA), places: places)
    medianB = NumberFormat.decimal(unit.scaled(series.medianB), places: places)
    let ratios = [series.ratioA, series.ratioB].map { ratio in
      ratio.map { NumberFormat.decimal($0, places: overheadPlaces) + "×" } ?? NumberFormat.none
    }
    (ratioA, ratioB) = (ratios[0], ratios[1])
    let words = series.metric.comparatives
    level = series.level.map { ChangeText($0, unit: unit, places: levelPlaces, above: words.above, below: words.below) }
    overhead = series.overhead.map {
      ChangeText($0, unit: unit, places: overheadPlaces, above: "higher", below: "lower")
    }
  }
}

/// A change as text.
struct ChangeText {
  static let missing = ChangeText(
    estimate: NumberFormat.none, interval: "", words: "no estimate", finding: .undecided, q: nil, change: nil)

  /// "1.250×".
  var estimate: String
  /// "[1.213, 1.291]"; empty of counts.
  var interval: String
  /// A shape, and what was found.
  var words: String
  var finding: SeriesChange.Finding
  var q: Double?
  var change: SeriesChange?

  /// Estimate and interval on one line.
  var text: String { interval.isEmpty ? estimate : "\(estimate) \(interval)" }

  private init(
    estimate: String, interval: String, words: String, finding: SeriesChange.Finding, q: Double?, change: SeriesChange?
  ) {
    self.estimate = estimate
    self.interval = interval
    self.words = words
    self.finding = finding
    self.q = q
    self.change = change
  }

  /// - Parameter places: of ratios.
  init(_ change: SeriesChange, unit: DisplayUnit, places: Int, above: String, below: String) {
    let (low, high) = (change.low ?? change.estimate, change.high ?? change.estimate)
    if change.scale.isExact {
      estimate =
        change.scale.isRatio
        ? NumberFormat.times(change.estimate)
        : Self.signed(unit.difference(change.estimate, places: 2), isPositive: change.estimate > 0)
      interval = ""
    } else if change.scale.isRatio {
      let text = RatioText(estimate: change.estimate, low: low, high: high, places: places)
      estimate = text.estimate + "×"
      interval = text.interval
    } else {
      let text = DifferenceText(estimate: change.estimate, low: low, high: high, unit: unit)
      let number = text.unit.isEmpty ? text.estimate : text.estimate + NumberFormat.gap + text.unit
      estimate = Self.signed(number, isPositive: change.estimate > 0)
      interval = text.interval
    }
    finding = change.finding
    q = change.qValue
    self.change = change
    words =
      switch change.finding {
      case .higher: "▲ \(above)"
      case .lower: "▼ \(below)"
      case .same: "= the same"
      case .undecided: "? undecided"
      case .noDifferenceFound:
        "≈ no difference found (<\(NumberFormat.gap)\(Self.detectable(change, unit)))"
      }
  }

  private static func signed(_ text: String, isPositive: Bool) -> String { isPositive ? "+" + text : text }

  private static func detectable(_ change: SeriesChange, _ unit: DisplayUnit) -> String {
    guard let effect = change.minimumDetectableEffect else { return NumberFormat.none }
    return change.scale.isRatio ? NumberFormat.percent(effect) : unit.difference(effect, places: 2)
  }
}
