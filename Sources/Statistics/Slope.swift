/// By how much something grows with the size of something else, block by block.
///
/// In each block a straight line is laid through one value a size, by least squares; the blocks' slopes then go through
/// the one procedure for differences (``PairedComparison``), whose "no difference" is a slope of 0. So the unit of
/// replication stays the block, and neither the scatter about a line nor its bend makes an interval too narrow.
///
/// **Why least squares.** Within a block the trials are few and the sizes far apart (0, 100, 1000, 5000, 30 000), so that
/// the line hangs on its ends, as it should: a pair of near sizes says next to nothing about the slope, and Theil and
/// Sen's median of pairs would listen to it as to any other. A slow trial is dealt with where there are enough values to
/// tell: among the blocks.
public enum Slope {
  /// The slope of the least-squares line, in the unit of `y` for each unit of `x`. Exactly 0 for values that are all
  /// equal.
  ///
  /// b = Σ(xᵢ − x̄)(yᵢ − y₁) ÷ Σ(xᵢ − x̄)², which is the usual formula since Σ(xᵢ − x̄) = 0.
  ///
  /// - Parameters:
  ///   - y: one value for each of `x`, in its order.
  ///   - x: at least two different sizes.
  /// - Throws: `.lengthsDiffer`, `.notFinite` or `.noSpread`.
  public static func leastSquares(_ y: [Double], over x: [Double]) throws(StatisticsError) -> Double {
    let first = try firstValue(y, over: x, for: "slope")
    let center = Descriptive.mean(x)
    var products = 0.0
    var squares = 0.0
    for (size, value) in zip(x, y) {
      products += (size - center) * (value - first)
      squares += (size - center) * (size - center)
    }
    return products / squares
  }

  /// Checks that a line can be laid.
  /// - Parameter noun: what it is asked for.
  /// - Returns: the first value.
  /// - Throws: `.lengthsDiffer`, `.notFinite` or `.noSpread`.
  static func firstValue(_ y: [Double], over x: [Double], for noun: String) throws(StatisticsError) -> Double {
    guard y.count == x.count else {
      throw StatisticsError(
        code: .lengthsDiffer, message: "\(y.count) values cannot be laid over \(x.count) sizes: give one for each")
    }
    guard y.allSatisfy(\.isFinite), x.allSatisfy(\.isFinite) else {
      throw StatisticsError(code: .notFinite, message: "a line goes through finite values only")
    }
    guard let first = y.first, Set(x).count > 1 else {
      throw StatisticsError(code: .noSpread, message: "a \(noun) takes two different sizes at least")
    }
    return first
  }

  /// What `lay` makes of each block's values, one for each size, in block order.
  /// - Parameter series: for each size, one value a block.
  /// - Throws: `.lengthsDiffer`, or what `lay` throws.
  static func blockByBlock<Result>(
    _ series: [[Double]], _ lay: ([Double]) throws(StatisticsError) -> Result
  ) throws(StatisticsError) -> [Result] {
    let blocks = series.first?.count ?? 0
    guard series.allSatisfy({ $0.count == blocks }) else {
      throw StatisticsError(
        code: .lengthsDiffer, message: "the sizes do not have a value each in every block: give one of each")
    }
    var results: [Result] = []
    results.reserveCapacity(blocks)
    for block in 0..<blocks { results.append(try lay(series.map { $0[block] })) }
    return results
  }

  /// The slope with its interval: that of the blocks' slopes, on the scale of differences.
  ///
  /// - Parameters:
  ///   - series: for each of `sizes`, in its order, one value a block, in block order and in the unit of the metric.
  ///   - sizes: at least two different ones.
  ///   - confidence: between 0 and 1, both excluded.
  ///   - isNoisy: see ``PairedComparison/compare(differences:scale:confidence:isNoisy:)``.
  /// - Throws: `.lengthsDiffer`, `.notFinite`, `.noSpread` or `.tooFewPairs`.
  public static func compare(
    series: [[Double]], over sizes: [Double], confidence: Double, isNoisy: Bool = true
  ) throws(StatisticsError) -> PairedEstimate {
    let slopes = try blockByBlock(series) { values throws(StatisticsError) in
      try leastSquares(values, over: sizes)
    }
    return try PairedComparison.compare(
      differences: slopes, scale: .difference, confidence: confidence, isNoisy: isNoisy)
  }
}
