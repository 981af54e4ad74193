/// The Hodges–Lehmann estimate of a shift between two independent samples, and the interval of Moses that belongs to the
/// rank-sum test.
///
/// Both come from the n·m differences yⱼ − xᵢ. What they estimate is the median of the difference of two independent
/// values, one of each sample; where the samples differ by a shift only, it is that shift.
///
/// Source: Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*, 3rd ed., §4.2–4.3.
public enum HodgesLehmannShift {
  /// The median of all differences. Neither list may be empty.
  public static func estimate(from first: [Double], to second: [Double]) -> Double {
    precondition(!first.isEmpty && !second.isEmpty, "the shift between no values is undefined")
    return Descriptive.median(differences(first, second))
  }

  /// Estimate and interval of at least the given confidence, in the unit of the values.
  ///
  /// - Parameters:
  ///   - first: finite values, in any order.
  ///   - second: the same.
  ///   - confidence: between 0 and 1, both excluded.
  /// - Returns: nil where there are too few values for that confidence.
  public static func interval(
    from first: [Double], to second: [Double], confidence: Double
  ) -> HodgesLehmann.Interval? {
    guard let k = RankSum.criticalValue(n: first.count, m: second.count, confidence: confidence) else { return nil }
    return interval(from: first, to: second, criticalValue: k)
  }

  static func interval(from first: [Double], to second: [Double], criticalValue k: Int) -> HodgesLehmann.Interval {
    let sorted = differences(first, second).sorted()
    return HodgesLehmann.Interval(
      estimate: Descriptive.median(sorted), low: sorted[k], high: sorted[sorted.count - 1 - k],
      achievedConfidence: RankSum.achievedConfidence(n: first.count, m: second.count, criticalValue: k))
  }

  private static func differences(_ first: [Double], _ second: [Double]) -> [Double] {
    var differences: [Double] = []
    differences.reserveCapacity(first.count * second.count)
    for value in second { for other in first { differences.append(value - other) } }
    return differences
  }
}
