import Glibc

/// Summary numbers of one list. All of them keep the unit of the values unless they say otherwise.
public enum Descriptive {
  /// The arithmetic mean. The list must not be empty.
  public static func mean(_ values: [Double]) -> Double {
    precondition(!values.isEmpty, "the mean of no values is undefined")
    var sum = 0.0
    for value in values { sum += value }
    return sum / Double(values.count)
  }

  /// The median: the middle value, or the mean of the middle two. The list must not be empty.
  public static func median(_ values: [Double]) -> Double {
    precondition(!values.isEmpty, "the median of no values is undefined")
    var copy = values
    return copy.withUnsafeMutableBufferPointer { Selection.median(of: $0) }
  }

  /// The median, if no value is further from it than the part `tolerance` of it; else nil, as for no values.
  public static func agreed(_ values: [Double], within tolerance: Double) -> Double? {
    guard let low = values.min(), let high = values.max() else { return nil }
    let center = median(values)
    return max(high - center, center - low) <= tolerance * abs(center) ? center : nil
  }

  /// The quantile of order `probability` by linear interpolation between order statistics: type 7 of Hyndman & Fan,
  /// *Sample Quantiles in Statistical Packages* (1996), the default of R and NumPy.
  ///
  /// With h = (n − 1)·probability, the result is x₍⌊h⌋₊₁₎ + (h − ⌊h⌋)·(x₍⌊h⌋₊₂₎ − x₍⌊h⌋₊₁₎).
  ///
  /// - Parameters:
  ///   - values: at least one value, in any order.
  ///   - probability: from 0 to 1.
  public static func quantile(_ values: [Double], _ probability: Double) -> Double {
    precondition(!values.isEmpty, "the quantile of no values is undefined")
    precondition(probability >= 0 && probability <= 1, "a quantile's order lies between 0 and 1")
    let position = Double(values.count - 1) * probability
    let rank = Int(position)
    var copy = values
    return copy.withUnsafeMutableBufferPointer { buffer in
      let lower = Selection.select(rank, in: buffer)
      guard rank + 1 < buffer.count else { return lower }
      let upper = Selection.select(rank + 1, in: buffer)
      return lower + (position - Double(rank)) * (upper - lower)
    }
  }

  /// The median absolute deviation from the median, *not* multiplied by 1.4826. The list must not be empty.
  public static func mad(_ values: [Double]) -> Double {
    let center = median(values)
    return median(values.map { abs($0 - center) })
  }

  /// The standard deviation with n − 1 in the denominator; nil for fewer than two values.
  public static func standardDeviation(_ values: [Double]) -> Double? {
    guard values.count >= 2 else { return nil }
    let center = mean(values)
    var sum = 0.0
    for value in values { sum += (value - center) * (value - center) }
    return sqrt(sum / Double(values.count - 1))
  }

  /// The standard deviation (n − 1) divided by the mean's magnitude, a pure number; nil where it is undefined
  /// (fewer than two values, or a mean of zero).
  public static func coefficientOfVariation(_ values: [Double]) -> Double? {
    guard let deviation = standardDeviation(values) else { return nil }
    let center = mean(values)
    return center == 0 ? nil : deviation / abs(center)
  }

  /// The lag-1 autocorrelation r₁ = Σ(xₜ − x̄)(xₜ₊₁ − x̄) ÷ Σ(xₜ − x̄)², values in the order of time.
  ///
  /// A list that does not vary by more than rounding, or has fewer than two values, has no measurable dependence: the
  /// result is 0.
  /// For independent values the expectation is −1/n, not 0 (Kendall, *Biometrika* 1954).
  public static func lag1Autocorrelation(_ values: [Double]) -> Double {
    guard values.count >= 2 else { return 0 }
    let center = mean(values)
    var products = 0.0
    var squares = 0.0
    var previous = 0.0
    var largest = 0.0
    for value in values {
      let deviation = value - center
      products += previous * deviation
      squares += deviation * deviation
      previous = deviation
      largest = max(largest, abs(value))
    }
    // The mean of equal values can be off by this much, which would look like perfect dependence.
    let rounding = Double(values.count) * Double.ulpOfOne * largest
    return squares > Double(values.count) * rounding * rounding ? products / squares : 0
  }
}
