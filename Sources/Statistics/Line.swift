/// A straight line through times whose errors are proportional to them: time = a + b · size, block by block.
///
/// In each block a line is laid through one value a size; the blocks' intercepts and slopes then go through the one
/// procedure for differences (``PairedComparison``), whose "no difference" is 0. So the unit of replication stays the
/// block, as with ``Slope``.
///
/// **Why relative weights.** The sizes span 4 KiB to 1 GiB, and the times nearly as much. The error of a time is a share
/// of it: 3 % of half a millisecond is 15 µs, 3 % of four seconds is 120 ms. Least squares with equal weights would
/// then see the longest time alone: the intercept, half a millisecond, would be what is left when two numbers of
/// seconds are subtracted. With the weight 1 ÷ time² each size has the same say, and the line minimises the sum of the
/// squared *relative* errors.
///
/// **Why reweighting.** Of two values that are equally wrong, 1 ÷ value² gives the smaller one more weight, which pulls
/// the line below the truth by about twice the squared relative error. The weight is therefore that of the line itself:
/// 1 ÷ fitted², where the first line has 1 ÷ value² (iteratively reweighted least squares; Carroll & Ruppert,
/// *Transformation and Weighting in Regression*, 1988, chapter 2).
public enum Line {
  /// The line of one block.
  public struct Fit: Sendable, Equatable {
    /// a, in the unit of the values.
    public var intercept: Double
    /// b, in the unit of the values for each unit of size.
    public var slope: Double

    public init(intercept: Double, slope: Double) {
      self.intercept = intercept
      self.slope = slope
    }
  }

  /// Lines that are laid in all. With errors of 8 % the third differs from the thirtieth by a few parts in a million.
  public static let rounds = 3

  /// Where a line comes near 0, or below, its own value is no weight: it then counts as this part of the value measured.
  private static let smallestPart = 0.1

  /// The line with the least sum of squared relative errors.
  ///
  /// Exact for values that lie on a line, up to rounding; for values that are all equal the slope is exactly 0.
  ///
  /// - Parameters:
  ///   - y: one value for each of `x`, in its order; positive, unless all are equal.
  ///   - x: at least two different sizes.
  /// - Throws: `.lengthsDiffer`, `.notFinite`, `.noSpread` or `.notPositive`.
  public static func fit(_ y: [Double], over x: [Double]) throws(StatisticsError) -> Fit {
    let first = try Slope.firstValue(y, over: x, for: "line")
    // Counts may be 0 at every size, which has no relative error, and needs none.
    if y.allSatisfy({ $0 == first }) { return Fit(intercept: first, slope: 0) }
    guard y.allSatisfy({ $0 > 0 }) else {
      throw StatisticsError(
        code: .notPositive, message: "a value is not positive, so that it has no relative error to lay a line by")
    }
    var line = weighted(y, over: x, scales: y)
    for _ in 1..<rounds {
      let scales = zip(x, y).map { max(line.intercept + line.slope * $0, smallestPart * $1) }
      line = weighted(y, over: x, scales: scales)
    }
    return line
  }

  /// The lines of the blocks, in block order.
  ///
  /// - Parameters:
  ///   - series: for each of `sizes`, in its order, one value a block, in block order.
  ///   - sizes: at least two different ones.
  /// - Throws: what ``fit(_:over:)`` throws.
  public static func fits(series: [[Double]], over sizes: [Double]) throws(StatisticsError) -> [Fit] {
    try Slope.blockByBlock(series) { values throws(StatisticsError) in try fit(values, over: sizes) }
  }

  /// Intercept and slope with their intervals: those of the blocks' lines, on the scale of differences.
  ///
  /// - Parameters:
  ///   - series: for each of `sizes`, in its order, one value a block, in block order and in the unit of the metric.
  ///   - sizes: at least two different ones.
  ///   - confidence: of each of the two intervals, between 0 and 1, both excluded.
  ///   - isNoisy: see ``PairedComparison/compare(differences:scale:confidence:isNoisy:)``.
  /// - Throws: what ``fit(_:over:)`` throws, or `.tooFewPairs`.
  public static func compare(
    series: [[Double]], over sizes: [Double], confidence: Double, isNoisy: Bool = true
  ) throws(StatisticsError) -> (intercept: PairedEstimate, slope: PairedEstimate) {
    let lines = try fits(series: series, over: sizes)
    return (
      try PairedComparison.compare(
        differences: lines.map(\.intercept), scale: .difference, confidence: confidence, isNoisy: isNoisy),
      try PairedComparison.compare(
        differences: lines.map(\.slope), scale: .difference, confidence: confidence, isNoisy: isNoisy)
    )
  }

  /// Weighted least squares with the weights 1 ÷ scale².
  private static func weighted(_ y: [Double], over x: [Double], scales: [Double]) -> Fit {
    // Scales in parts of the smallest: squares of times in ns, over many orders of magnitude, stay in range.
    let smallest = scales.min() ?? 1
    let weights = scales.map { (smallest / $0) * (smallest / $0) }
    let total = weights.reduce(0, +)
    let center = zip(weights, x).reduce(0) { $0 + $1.0 * $1.1 } / total
    let level = zip(weights, y).reduce(0) { $0 + $1.0 * $1.1 } / total
    var products = 0.0
    var squares = 0.0
    for ((weight, size), value) in zip(zip(weights, x), y) {
      products += weight * (size - center) * (value - level)
      squares += weight * (size - center) * (size - center)
    }
    let slope = products / squares
    return Fit(intercept: level - slope * center, slope: slope)
  }
}
