import Glibc

/// What a paired comparison found: an estimate, its interval, and all that decides whether they can be believed.
public struct PairedEstimate: Sendable, Equatable, Codable {
  /// Where the interval comes from.
  public enum Method: String, Sendable, Equatable, Codable, CaseIterable {
    /// Hodges–Lehmann estimate and Wilcoxon signed-rank interval; speaks about the pseudomedian of the differences.
    case wilcoxon
    /// Sample median and sign-test interval; speaks about the median of the differences. Used where they are skewed.
    case signTest
  }

  /// Whether the numbers are ratios or differences.
  public let scale: ComparisonScale
  /// The estimate: a ratio (pure number) or a difference (unit of the metric).
  public let estimate: Double
  /// The lower end of the interval, on the same scale.
  public let low: Double
  /// The upper end of the interval, on the same scale.
  public let high: Double
  /// The nominal confidence that was asked for, between 0 and 1.
  public let confidence: Double
  /// The confidence attained by the interval, at least the nominal one (the statistics are discrete).
  public let achievedConfidence: Double
  /// How many pairs the interval rests on: after merging, if blocks were merged.
  public let n: Int
  /// Which interval this is.
  public let method: Method
  /// How the differences lean: (right − left) ÷ all triples, from −1 to 1, by ``TriplesTest``.
  public let skewness: Double
  /// True where the triples test rejects symmetry; the method is then the sign test.
  public let isSkewed: Bool
  /// r₁ of the differences in block order, before merging.
  public let lag1: Double
  /// How many adjacent blocks make one pair: 1, 2 or 4.
  public let mergedBlocks: Int
  /// Whether the blocks are independent. With `.dependent` no verdict may be drawn: say inconclusive.
  public let dependence: SerialDependence.Verdict
  /// Whether the halves of the run agree (``SplitHalf``); nil where they are too short to tell. With false, withhold
  /// the verdict.
  public let splitHalfAgrees: Bool?
  /// The exact two-sided p-value against "no difference", by the test that belongs to `method`.
  public let pValue: Double
  /// The differences the interval rests on, merged if blocks were merged, in block order: natural logarithms of ratios
  /// or differences in the unit of the metric.
  public let differences: [Double]

  /// An estimate put together by hand, for what is not made by ``PairedComparison``: stored results, examples, tests.
  public init(
    scale: ComparisonScale, estimate: Double, low: Double, high: Double, confidence: Double, achievedConfidence: Double,
    n: Int, method: Method, skewness: Double, isSkewed: Bool, lag1: Double, mergedBlocks: Int,
    dependence: SerialDependence.Verdict, splitHalfAgrees: Bool?, pValue: Double, differences: [Double]
  ) {
    self.scale = scale
    self.estimate = estimate
    self.low = low
    self.high = high
    self.confidence = confidence
    self.achievedConfidence = achievedConfidence
    self.n = n
    self.method = method
    self.skewness = skewness
    self.isSkewed = isSkewed
    self.lag1 = lag1
    self.mergedBlocks = mergedBlocks
    self.dependence = dependence
    self.splitHalfAgrees = splitHalfAgrees
    self.pValue = pValue
    self.differences = differences
  }

  /// The same with an interval that is one point.
  func with(estimate: Double) -> PairedEstimate {
    PairedEstimate(
      scale: scale, estimate: estimate, low: estimate, high: estimate, confidence: confidence,
      achievedConfidence: achievedConfidence, n: n, method: method, skewness: skewness, isSkewed: isSkewed, lag1: lag1,
      mergedBlocks: mergedBlocks, dependence: dependence, splitHalfAgrees: splitHalfAgrees, pValue: pValue,
      differences: differences)
  }

  /// The smallest effect that an interval of this width tells from none: its half-width. For a ratio,
  /// exp((ln high − ln low)/2) − 1, so that .03 means 3 %; for a difference, (high − low)/2 in the unit of the metric.
  ///
  /// An estimate farther than this from no difference has an interval that excludes it (if the interval is
  /// symmetric about its estimate, on the scale of analysis). Print it beside every "no difference".
  public var minimumDetectableEffect: Double {
    let halfWidth = (scale.analysed(high) - scale.analysed(low)) / 2
    return scale == .ratio ? expm1(halfWidth) : halfWidth
  }

  /// True where the interval contains "no difference" (1 for ratios, 0 for differences).
  public var containsNoDifference: Bool { low <= scale.neutral && scale.neutral <= high }
}
