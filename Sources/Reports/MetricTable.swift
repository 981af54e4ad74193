internal import Model
internal import PlainText

/// One metric of one workload over all environments, with one unit and one number of places a column, so that the
/// figures line up.
struct MetricTable {
  let workload: String
  let metric: Metric
  /// The metric's name for this kind of workload.
  let title: String
  let unit: DisplayUnit
  let rows: [MetricRow]
  /// The decimal places of all ratios, and of all differences.
  let ratioPlaces: Int
  let differencePlaces: Int

  /// - Parameter namesOther: whether each line says what it is held against, as lines of one table differ in that.
  init(
    workload: String, kind: WorkloadSpec.Kind?, metric: Metric, baseline: String, isJudged: Bool,
    namesOther: Bool = false, rows: [(environment: String, unavailable: String?, series: SeriesResult?)]
  ) {
    self.workload = workload
    self.metric = metric
    title = metric.title(of: kind)
    let medians = rows.compactMap { $0.series?.median }
    var reference = rows.first { $0.environment == baseline }?.series?.median ?? medians.max() ?? 0
    // Nothing is shared in the baseline: that has no unit.
    if metric.unit == .bytes && reference == 0 { reference = medians.filter { $0 > 0 }.min() ?? 0 }
    let unit = DisplayUnit(metric, reference: reference)
    self.unit = unit
    ratioPlaces = rows.compactMap { $0.series?.ratio }.map { RatioText.places($0.low, $0.high) }.max() ?? 2
    let places = rows.compactMap { $0.series?.difference }
      .map { DifferenceText.places($0.low, $0.high, unit) }.max()
    let fewest = medians.map { NumberFormat.places(forValue: unit.scaled($0), digits: 3, in: 0...3) }.max() ?? 2
    let medianPlaces = min(max(fewest, 0), max(places ?? 2, 1))
    let (ratioPlaces, differencePlaces) = (ratioPlaces, places ?? 2)
    self.differencePlaces = differencePlaces
    self.rows = rows.map { row in
      MetricRow(
        environment: row.environment, isBaseline: row.environment == baseline, unavailable: row.unavailable,
        given: row.series, unit: unit,
        medianPlaces: medianPlaces, ratioPlaces: ratioPlaces, differencePlaces: differencePlaces,
        isJudged: isJudged, against: namesOther ? row.series?.reference?.environment ?? baseline : nil)
    }
  }

  var hasData: Bool { rows.contains { $0.series != nil } }

  /// "µs" or "Gbit/s, larger is better"; may be empty.
  var aside: String {
    [unit.symbol, metric.isBetterLarger ? "larger is better" : ""].filter { !$0.isEmpty }.joined(separator: ", ")
  }

  /// The head of the column of differences.
  var differenceHead: String {
    unit.differenceSymbol.isEmpty ? "difference" : "difference, \(unit.differenceSymbol)"
  }
}

/// One environment's line of a ``MetricTable``.
struct MetricRow {
  let environment: String
  let isBaseline: Bool
  let unavailable: String?
  /// nil where nothing was measured.
  let series: SeriesResult?
  /// Whether ``outcome`` says why nothing was measured.
  let hasNote: Bool
  /// Without the unit; "–" where there is none.
  let median: String
  let medianWithUnit: String
  let ratio: RatioText?
  let differenceParts: DifferenceText?
  let outcome: RowOutcome

  var name: String { InertText.name(environment) }

  init(
    environment: String, isBaseline: Bool, unavailable: String?, given: SeriesResult?, unit: DisplayUnit,
    medianPlaces: Int, ratioPlaces: Int, differencePlaces: Int, isJudged: Bool, against: String?
  ) {
    self.environment = environment
    self.isBaseline = isBaseline
    self.unavailable = unavailable
    let series = given.flatMap { $0.median == nil && $0.ratio == nil ? nil : $0 }
    self.series = series
    hasNote = series == nil && given?.note != nil
    median =
      series?.median.map { NumberFormat.decimal(unit.scaled($0), places: medianPlaces) } ?? NumberFormat.none
    medianWithUnit = series?.median.map { unit.text($0, places: medianPlaces) } ?? NumberFormat.none
    ratio = series?.ratio.map { RatioText($0, places: ratioPlaces) }
    differenceParts = series?.difference.map { DifferenceText($0, unit: unit, places: differencePlaces) }
    outcome = RowOutcome(
      isBaseline: isBaseline, unavailable: unavailable, series: given, unit: unit, isJudged: isJudged,
      against: against.map { InertText.name($0) })
  }
}

/// What a line of a table says in the end: a shape and words, never a colour alone.
struct RowOutcome: Equatable {
  enum Kind: String {
    case baseline, more, less, undecided, unavailable, unjudged
  }

  var kind: Kind
  var shape: String
  var words: String

  /// - Parameter against: what it is held against, where that has to be said.
  init(
    isBaseline: Bool, unavailable: String?, series: SeriesResult?, unit: DisplayUnit, isJudged: Bool,
    against: String? = nil
  ) {
    let note = series?.note.map { InertText.line($0, limit: 160) }
    guard let series, series.median != nil || series.ratio != nil else {
      self.init(.unavailable, "–", unavailable != nil ? "unavailable" : note ?? "no data")
      return
    }
    let words = series.metric.comparatives
    let than = against.map { " than \($0)" } ?? ""
    switch series.direction {
    case _ where isBaseline: self.init(.baseline, "", "baseline")
    case _ where series.ratio == nil && series.difference == nil: self.init(.unavailable, "–", note ?? "no estimate")
    case _ where !isJudged: self.init(.unjudged, "?", "not judged")
    case .higher: self.init(.more, "▲", words.above + than)
    case .lower: self.init(.less, "▼", words.below + than)
    case .undecided, nil:
      // An obstacle, such as blocks that depend on each other, is no finding of "no difference".
      if let ratio = series.ratio, ratio.low > 1 || ratio.high < 1 || note != nil {
        self.init(.unjudged, "?", "undecided" + (note.map { ": \($0)" } ?? ""))
      } else if let ratio = series.ratio,
        max(ratio.estimate, 1 / ratio.estimate) - 1 > ratio.minimumDetectableEffect
      {
        // Skewed blocks: of such an effect it cannot be said that it would have shown.
        self.init(.unjudged, "?", "undecided: blocks disagree")
      } else {
        let limit =
          series.ratio.map { NumberFormat.percent($0.minimumDetectableEffect) }
          ?? series.difference.map { unit.difference($0.minimumDetectableEffect, places: 2) } ?? NumberFormat.none
        let from = against.map { " from \($0)" } ?? ""
        self.init(.undecided, "≈", "no difference\(from) found (<\(NumberFormat.gap)\(limit))")
      }
    }
  }

  private init(_ kind: Kind, _ shape: String, _ words: String) {
    self.kind = kind
    self.shape = shape
    self.words = words
  }

  var text: String { shape.isEmpty ? words : "\(shape) \(words)" }
}

extension ClaimResult.Verdict {
  var shape: String {
    switch self {
    case .supported: "✓"
    case .refuted: "✗"
    case .inconclusive: "?"
    case .unavailable: "–"
    }
  }
}
