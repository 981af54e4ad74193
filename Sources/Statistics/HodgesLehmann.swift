/// The Hodges–Lehmann estimate of location and the interval that belongs to the Wilcoxon signed-rank test.
///
/// Both come from the M = n(n + 1)/2 Walsh averages (xᵢ + xⱼ)/2, i ≤ j. What they estimate is the *pseudomedian*: the
/// median of the mean of two independent values. For a symmetric distribution it is the median and the mean; for a
/// skewed one it lies between the two.
///
/// Source: Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*, 3rd ed., §3.2–3.3.
public enum HodgesLehmann {
  /// Estimate and interval, in the unit of the values.
  public struct Interval: Sendable, Equatable, Codable {
    /// The median of the Walsh averages.
    public let estimate: Double
    /// The (K + 1)-th smallest Walsh average.
    public let low: Double
    /// The (K + 1)-th largest Walsh average.
    public let high: Double
    /// The confidence that the interval attains if the values are independent and symmetric; at least the nominal one.
    public let achievedConfidence: Double
  }

  /// The Walsh averages, not sorted: n(n + 1)/2 of them.
  public static func walshAverages(_ values: [Double]) -> [Double] {
    let n = values.count
    return [Double](unsafeUninitializedCapacity: n * (n + 1) / 2) { buffer, initialized in
      // Pointers keep unoptimised builds fast; they do not leave this closure.
      values.withUnsafeBufferPointer { source in
        guard let source = source.baseAddress, let target = buffer.baseAddress else { return }
        var next = 0
        var i = 0
        while i < n {
          let value = source[i]
          var j = i
          while j < n {
            (target + next).initialize(to: 0.5 * value + 0.5 * source[j])
            next += 1
            j += 1
          }
          i += 1
        }
      }
      initialized = n * (n + 1) / 2
    }
  }

  /// The median of the Walsh averages. The list must not be empty.
  public static func estimate(_ values: [Double]) -> Double {
    precondition(!values.isEmpty, "the location of no values is undefined")
    var averages = walshAverages(values)
    return averages.withUnsafeMutableBufferPointer { Selection.median(of: $0) }
  }

  /// Estimate and interval of at least the given confidence, exact up to 200 values if they are independent and
  /// symmetric about one point (they need not have the same spread).
  ///
  /// - Parameters:
  ///   - values: finite values, in any order. Time and memory grow with n²: 1000 values are half a million averages.
  ///   - confidence: between 0 and 1, both excluded.
  /// - Returns: nil where there are too few values for that confidence (`WilcoxonSignedRank.smallestCount`).
  public static func interval(_ values: [Double], confidence: Double) -> Interval? {
    guard let k = WilcoxonSignedRank.criticalValue(n: values.count, confidence: confidence) else { return nil }
    return interval(values, criticalValue: k)
  }

  static func interval(_ values: [Double], criticalValue k: Int) -> Interval {
    var averages = walshAverages(values)
    return averages.withUnsafeMutableBufferPointer { buffer in
      let low = Selection.select(k, in: buffer)
      // What is left of the low end and right of the high one is out of the game: the median of what lies between is
      // that of all.
      let above = UnsafeMutableBufferPointer(rebasing: buffer[k...])
      let high = Selection.select(above.count - 1 - k, in: above)
      let between = UnsafeMutableBufferPointer(rebasing: above[...(above.count - 1 - k)])
      return Interval(
        estimate: Selection.median(of: between), low: low, high: high,
        achievedConfidence: WilcoxonSignedRank.achievedConfidence(n: values.count, criticalValue: k))
    }
  }
}
