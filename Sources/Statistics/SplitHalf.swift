/// Whether the first half of the blocks tells the same story as the second.
///
/// Each half gets its Hodges–Lehmann estimate and Wilcoxon interval, at the comparison's confidence or, where a half is
/// too short for that, from its smallest to its largest value. The halves *agree* if at least one of the two estimates
/// lies in the other half's interval; they disagree if neither does. Between halves of one stationary independent
/// series that happens in 1 to 3 of 100 runs at 99 % (12 to 40 blocks), in 3 to 12 of 100 at 95 %. A shift of 1.5 standard
/// deviations between the halves is seen, at 99 %, with probability .70 (20 blocks), .90 (27) and .99 (40). A disagreement
/// is thus a reason to withhold a verdict and look for what changed, not a proof that something did.
public enum SplitHalf {
  /// The fewest values a half must have for its interval to mean something: 6, whose range covers 97 %.
  public static let smallestHalf = 6

  /// Compares the halves of differences given in block order; an odd one in the middle belongs to the second half.
  ///
  /// - Returns: nil where a half would have fewer than six values: agreement is then unknown, not given.
  public static func agreement(_ differences: [Double], confidence: Double) -> Bool? {
    let half = differences.count / 2
    guard half >= smallestHalf else { return nil }
    let first = interval(Array(differences[..<half]), confidence: confidence)
    let second = interval(Array(differences[half...]), confidence: confidence)
    return (second.low...second.high).contains(first.estimate) || (first.low...first.high).contains(second.estimate)
  }

  private static func interval(_ values: [Double], confidence: Double) -> HodgesLehmann.Interval {
    let k = WilcoxonSignedRank.criticalValue(n: values.count, confidence: confidence) ?? 0
    return HodgesLehmann.interval(values, criticalValue: k)
  }
}
