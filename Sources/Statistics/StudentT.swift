import Glibc

/// Student's t distribution: how seldom a deviation in units of an *estimated* standard deviation is so large by chance.
///
/// By the regularised incomplete beta function, P(|T| ≥ t) = I_x(ν/2, 1/2) with x = ν ÷ (ν + t²); far out in the tail the
/// result keeps its digits, since it is never had as 1 minus something.
///
/// Source: *NIST Digital Library of Mathematical Functions*, §8.17 (the function, and its continued fraction 8.17.22).
public enum StudentT {
  /// P(T ≥ t): the one-sided p-value of a statistic that speaks against the null hypothesis where it is large.
  ///
  /// - Parameters:
  ///   - t: any number, also an infinite one.
  ///   - degreesOfFreedom: above 0.
  /// - Returns: a probability, to 10 digits up to 10 000 degrees of freedom.
  public static func upperTail(_ t: Double, degreesOfFreedom: Double) -> Double {
    let half = twoSided(t, degreesOfFreedom: degreesOfFreedom) / 2
    return t >= 0 ? half : 1 - half
  }

  /// P(|T| ≥ |t|): the two-sided p-value.
  ///
  /// - Parameters:
  ///   - t: any number, also an infinite one.
  ///   - degreesOfFreedom: above 0.
  /// - Returns: a probability, to 10 digits up to 10 000 degrees of freedom.
  public static func twoSided(_ t: Double, degreesOfFreedom: Double) -> Double {
    precondition(degreesOfFreedom > 0, "Student's t has more than 0 degrees of freedom")
    precondition(!t.isNaN, "a statistic is a number")
    let square = t * t
    guard square.isFinite else { return 0 }
    let sum = degreesOfFreedom + square
    return regularisedBeta(x: degreesOfFreedom / sum, complement: square / sum, degreesOfFreedom / 2, 0.5)
  }

  /// I_x(a, b), with 1 − x given as well, because it cannot be had from an x near 1.
  private static func regularisedBeta(x: Double, complement y: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard y > 0 else { return 1 }
    let factor = exp(a * log(x) + b * log(y) + logGamma(a + b) - logGamma(a) - logGamma(b))
    // The fraction converges fast on the near side of the mean only; beyond it the other tail is had.
    return x < (a + 1) / (a + b + 2)
      ? factor * continuedFraction(x, a, b) / a : 1 - factor * continuedFraction(y, b, a) / b
  }

  /// 1 ÷ (1 + d₁ ÷ (1 + d₂ ÷ (1 + …))) from the front, by Lentz's method (*Applied Optics* 15 (1976) 668).
  private static func continuedFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    // What takes the place of a denominator that comes out as 0.
    let tiny = 1e-300
    var numerator = 1.0
    var denominator = 0.0
    var result = 1.0
    for step in 1...500 {
      let m = Double(step / 2)
      let d =
        step.isMultiple(of: 2)
        ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      numerator = 1 + d / numerator
      if abs(numerator) < tiny { numerator = tiny }
      denominator = 1 + d * denominator
      if abs(denominator) < tiny { denominator = tiny }
      denominator = 1 / denominator
      let change = numerator * denominator
      result *= change
      if abs(change - 1) < 1e-15 { break }
    }
    return 1 / result
  }

  /// ln Γ(x) for x > 0. Not lgamma(3), which writes the sign into a global.
  private static func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
  }
}
