import Glibc

/// What an unpaired comparison found: an estimate, its interval, and all that decides whether they can be believed.
public struct UnpairedEstimate: Sendable, Equatable {
  /// Whether the numbers are ratios (second ÷ first) or differences (second − first).
  public let scale: ComparisonScale
  /// The estimate: a ratio (pure number) or a difference (unit of the values).
  public let estimate: Double
  /// The lower end of the interval, on the same scale.
  public let low: Double
  /// The upper end of the interval, on the same scale.
  public let high: Double
  /// The nominal confidence that was asked for, between 0 and 1.
  public let confidence: Double
  /// The confidence attained by the interval where both samples have one shape; at least the nominal one.
  public let achievedConfidence: Double
  /// How many values of each sample the interval rests on: after merging, if neighbours were merged.
  public let counts: (first: Int, second: Int)
  /// r₁ of each sample in block order, on the scale of analysis, before merging.
  public let lag1: (first: Double, second: Double)
  /// How many neighbours of either sample make one value: 1, 2 or 4.
  public let mergedBlocks: Int
  /// Whether the blocks of both samples are independent. With `.dependent` nothing may be concluded.
  public let dependence: SerialDependence.Verdict
  /// Whether the halves of each sample agree (``SplitHalf``); nil where neither is long enough to tell.
  public let splitHalvesAgree: Bool?
  /// The two-sided p-value against "no difference": the exact one of the rank-sum test, or that of the robust test if it
  /// is larger.
  public let pValue: Double

  /// The smallest effect that an interval of this width tells from none: its half-width, of a ratio as a part (.03 is 3 %).
  public var minimumDetectableEffect: Double {
    let halfWidth = (scale.analysed(high) - scale.analysed(low)) / 2
    return scale == .ratio ? expm1(halfWidth) : halfWidth
  }

  public static func == (a: UnpairedEstimate, b: UnpairedEstimate) -> Bool {
    a.scale == b.scale && a.estimate == b.estimate && a.low == b.low && a.high == b.high
      && a.confidence == b.confidence && a.achievedConfidence == b.achievedConfidence && a.counts == b.counts
      && a.lag1 == b.lag1 && a.mergedBlocks == b.mergedBlocks && a.dependence == b.dependence
      && a.splitHalvesAgree == b.splitHalvesAgree && a.pValue == b.pValue
  }
}
