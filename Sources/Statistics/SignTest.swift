import Glibc

/// The sign test and the interval for the median that belongs to it: exact for independent values of any shape.
///
/// Source: Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*, 3rd ed., §3.4–3.6.
public enum SignTest {
  /// Median and interval, in the unit of the values.
  public struct Interval: Sendable, Equatable, Codable {
    /// The sample median.
    public let estimate: Double
    /// The (k + 1)-th smallest value.
    public let low: Double
    /// The (k + 1)-th largest value.
    public let high: Double
    /// The confidence that the interval attains if the values are independent; at least the nominal one.
    public let achievedConfidence: Double
  }

  /// How many order statistics to leave out at each end: the interval from the (k + 1)-th smallest to the (k + 1)-th
  /// largest of n values covers the median with at least the given confidence, and k is the largest such number.
  ///
  /// - Returns: k, or nil where even the interval from smallest to largest falls short of the confidence.
  public static func criticalValue(n: Int, confidence: Double) -> Int? {
    precondition(confidence > 0 && confidence < 1, "a confidence lies between 0 and 1")
    let tail = (1 - confidence) / 2 + 1e-12
    var k = -1
    var sum = 0.0
    while k + 1 <= n {
      sum += probability(n: n, count: k + 1)
      guard sum <= tail else { break }
      k += 1
    }
    return k < 0 ? nil : k
  }

  /// The confidence that the interval without k values at each end attains: 1 − 2·P(B ≤ k), B binomial(n, ½).
  public static func achievedConfidence(n: Int, criticalValue k: Int) -> Double {
    max(0, 1 - 2 * lowerTail(n: n, atMost: k))
  }

  /// Sample median and interval of at least the given confidence.
  ///
  /// - Parameters:
  ///   - values: finite values, in any order.
  ///   - confidence: between 0 and 1, both excluded.
  /// - Returns: nil where there are too few values for that confidence.
  public static func interval(_ values: [Double], confidence: Double) -> Interval? {
    guard let k = criticalValue(n: values.count, confidence: confidence) else { return nil }
    var copy = values
    return copy.withUnsafeMutableBufferPointer { buffer in
      let low = Selection.select(k, in: buffer)
      let high = Selection.select(buffer.count - 1 - k, in: buffer)
      return Interval(
        estimate: Selection.median(of: buffer), low: low, high: high,
        achievedConfidence: achievedConfidence(n: values.count, criticalValue: k))
    }
  }

  /// The exact p-value of the hypothesis that the median is `shift`. Values equal to the shift are dropped; where
  /// nothing is left the result is 1.
  public static func pValue(differences: [Double], shift: Double = 0, alternative: Alternative = .twoSided) -> Double {
    var above = 0
    var below = 0
    for difference in differences {
      if difference > shift { above += 1 } else if difference < shift { below += 1 }
    }
    let n = above + below
    guard n > 0 else { return 1 }
    return alternative.pValue(atMost: lowerTail(n: n, atMost: above), atLeast: lowerTail(n: n, atMost: below))
  }

  /// P(B ≤ k) for B binomial(n, ½).
  static func lowerTail(n: Int, atMost k: Int) -> Double {
    guard k >= 0 else { return 0 }
    guard k < n else { return 1 }
    var sum = 0.0
    var count = 0
    while count <= k {
      sum += probability(n: n, count: count)
      count += 1
    }
    return min(1, sum)
  }

  /// P(B = count), through logarithms of factorials so that any n has a value.
  private static func probability(n: Int, count: Int) -> Double {
    exp(logFactorial(n) - logFactorial(count) - logFactorial(n - count) - Double(n) * 0.6931471805599453)
  }

  private static let logFactorials: [Double] = {
    var sum = 0.0
    return [0]
      + (1...1024).map { number in
        sum += log(Double(number))
        return sum
      }
  }()

  private static func logFactorial(_ n: Int) -> Double {
    if n < logFactorials.count { return logFactorials[n] }
    // Stirling's series; the next term is below 10⁻¹⁷ here.
    let x = Double(n)
    return x * log(x) - x + log(2 * Double.pi * x) / 2 + 1 / (12 * x) - 1 / (360 * x * x * x)
  }
}
