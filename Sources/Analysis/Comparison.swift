internal import Model
internal import Statistics

/// One environment against another in one metric, on one scale; or the line through several.
struct Comparison {
  let estimate: PairedEstimate
  /// Counts that are the same in every block. They are what they are on a host however busy: neither its noise nor the
  /// order of blocks takes anything from them.
  let repeatsExactly: Bool

  /// A count repeats if no value is farther than this part from the series' median. A packet of somebody else falls in
  /// now and then.
  static let countTolerance = 0.005

  var interval: IntervalEstimate {
    IntervalEstimate(
      estimate: estimate.estimate, low: estimate.low, high: estimate.high, confidence: estimate.confidence,
      n: estimate.n, method: estimate.method == .wilcoxon ? "wilcoxon" : "sign-test",
      minimumDetectableEffect: estimate.minimumDetectableEffect, lag1: estimate.lag1,
      mergedBlocks: estimate.mergedBlocks)
  }

  /// Why nothing may be concluded from the estimate; nil if something may.
  var obstacle: String? {
    if estimate.dependence == .dependent {
      return "neighbouring blocks depend on each other, and merging them did not help"
    }
    if estimate.splitHalfAgrees == false { return "the first and the second half of the blocks disagree" }
    return nil
  }

  /// What stands in the way of comparing two series at all.
  struct Failure: Error {
    let reason: String
  }

  init(
    _ blocks: PairedBlocks, metric: Metric, environment: PairedBlocks.Key, baseline: PairedBlocks.Key,
    scale: ComparisonScale, confidence: Double
  ) throws(Failure) {
    let question = ComparisonMemory.Question(
      metric: metric, environment: environment, baseline: baseline, scale: scale, confidence: confidence)
    self = try blocks.comparisons.answer(question) { () throws(Failure) in
      let numerator = try Self.values(blocks, metric, environment)
      let denominator = try Self.values(blocks, metric, baseline)
      let repeats = metric.isCount && Self.repeats(numerator) && Self.repeats(denominator)
      return try Comparison(repeatsExactly: repeats) { () throws(StatisticsError) in
        try PairedComparison.compare(
          environment: numerator, baseline: denominator, scale: scale, confidence: confidence, isNoisy: !repeats)
      }
    }
  }

  /// By how much the metric grows with the size of something, block by block.
  init(
    _ blocks: PairedBlocks, metric: Metric, workload: String, over sizes: [(environment: String, size: Double)],
    confidence: Double
  ) throws(Failure) {
    var series: [[Double]] = []
    for size in sizes {
      series.append(try Self.values(blocks, metric, .init(environment: size.environment, workload: workload)))
    }
    let repeats = metric.isCount && series.allSatisfy(Self.repeats)
    try self.init(repeatsExactly: repeats) { () throws(StatisticsError) in
      try Slope.compare(series: series, over: sizes.map(\.size), confidence: confidence, isNoisy: !repeats)
    }
  }

  /// By how much the metric grows with the size of a workload's files, block by block: the lines' slopes in one
  /// environment; or by how much they differ from those in another.
  /// - Parameters:
  ///   - environment: its name, and whether the second copy is meant.
  ///   - baseline: nil compares with nothing.
  init(
    _ blocks: PairedBlocks, metric: Metric, environment: (name: String, isControl: Bool), minus baseline: String? = nil,
    over sizes: [(workload: String, size: Double)], confidence: Double
  ) throws(Failure) {
    func series(_ name: String, isControl: Bool) throws(Failure) -> [[Double]] {
      var series: [[Double]] = []
      for size in sizes {
        let key = PairedBlocks.Key(environment: name, workload: size.workload, isControl: isControl)
        do throws(Failure) { series.append(try Self.values(blocks, metric, key)) } catch {
          throw Failure(reason: "\(size.workload) in \(error.reason)")
        }
      }
      return series
    }
    let here = try series(environment.name, isControl: environment.isControl)
    var there: [[Double]] = []
    if let baseline { there = try series(baseline, isControl: false) }
    let repeats = metric.isCount && (here + there).allSatisfy(Self.repeats)
    try self.init(repeatsExactly: repeats) { () throws(StatisticsError) in
      let slopes = try Line.fits(series: here, over: sizes.map(\.size)).map(\.slope)
      let others = try Line.fits(series: there, over: sizes.map(\.size)).map(\.slope)
      let differences = baseline == nil ? slopes : zip(slopes, others).map { $0 - $1 }
      return try PairedComparison.compare(
        differences: differences, scale: .difference, confidence: confidence, isNoisy: !repeats)
    }
  }

  /// What has been estimated elsewhere.
  init(_ estimate: PairedEstimate) {
    self.estimate = estimate
    repeatsExactly = false
  }

  /// A difference spread over a span: what it would make of a slope, were it between the span's ends.
  init(_ difference: Comparison, dividedBy span: Double) throws(Failure) {
    try self.init(repeatsExactly: difference.repeatsExactly) { () throws(StatisticsError) in
      // The differences are those after merging: they are not to be merged anew.
      try PairedComparison.compare(
        differences: difference.estimate.differences.map { $0 / span }, scale: .difference,
        confidence: difference.estimate.confidence, isNoisy: false)
    }
  }

  private init(
    repeatsExactly: Bool, _ compare: () throws(StatisticsError) -> PairedEstimate
  ) throws(Failure) {
    self.repeatsExactly = repeatsExactly
    do throws(StatisticsError) { estimate = try compare() } catch { throw Failure(reason: error.message) }
  }

  private static func repeats(_ values: [Double]) -> Bool {
    let median = Descriptive.median(values)
    return values.allSatisfy { abs($0 - median) <= countTolerance * abs(median) }
  }

  private static func values(
    _ blocks: PairedBlocks, _ metric: Metric, _ key: PairedBlocks.Key
  ) throws(Failure) -> [Double] {
    switch blocks.values(metric, key) {
    case .value(let values): return values
    case .unavailable(let reason): throw Failure(reason: "\(key.environment): \(reason)")
    }
  }
}

/// The comparisons of one set of blocks that have been made: table, ladders, claims and controls ask for the same ones.
final class ComparisonMemory {
  struct Question: Hashable {
    let metric: Metric
    let environment: PairedBlocks.Key
    let baseline: PairedBlocks.Key
    let scale: ComparisonScale
    let confidence: Double
  }

  private var answers: [Question: Result<Comparison, Comparison.Failure>] = [:]

  func answer(
    _ question: Question, _ compare: () throws(Comparison.Failure) -> Comparison
  ) throws(Comparison.Failure) -> Comparison {
    if let known = answers[question] { return try known.get() }
    let answer = Result { () throws(Comparison.Failure) in try compare() }
    answers[question] = answer
    return try answer.get()
  }
}
