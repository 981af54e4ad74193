import Glibc

/// The Wilcoxon signed-rank statistic W⁺: the sum of the ranks, by magnitude, of the positive differences.
///
/// Everything here is exact up to 200 pairs: the null distribution is counted, not approximated. Beyond that the
/// normal approximation with continuity and tie correction takes over (its error is then below 10⁻⁴).
///
/// Source: Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*, 3rd ed., §3.1–3.3.
public enum WilcoxonSignedRank {
  /// The largest number of pairs whose null distribution is counted exactly.
  public static let largestExactCount = 200

  /// The fewest pairs for which an interval of this confidence exists: 2^(n−1) ≥ 1 ÷ (1 − confidence).
  ///
  /// - Parameter confidence: between 0 and 1, both excluded.
  public static func smallestCount(confidence: Double) -> Int {
    precondition(confidence > 0 && confidence < 1, "a confidence lies between 0 and 1")
    var n = 1
    while 1 - 2 * power(0.5, n) < confidence - tolerance { n += 1 }
    return n
  }

  /// The critical value K: the interval from the (K + 1)-th to the (M − K)-th of the M = n(n + 1)/2 sorted Walsh
  /// averages covers the pseudomedian with at least the given confidence, and K is the largest such number.
  ///
  /// - Parameters:
  ///   - n: the number of pairs.
  ///   - confidence: between 0 and 1, both excluded.
  /// - Returns: K, or nil where even the interval from smallest to largest falls short of the confidence.
  public static func criticalValue(n: Int, confidence: Double) -> Int? {
    precondition(confidence > 0 && confidence < 1, "a confidence lies between 0 and 1")
    precondition(n >= 0, "a number of pairs is not negative")
    guard n > 0 else { return nil }
    let tail = (1 - confidence) / 2 + tolerance
    if n > largestExactCount {
      // The largest w whose approximate tail probability stays below; the start is the inverse by bisection.
      var low = -1
      var high = n * (n + 1) / 4
      while high - low > 1 {
        let middle = low + (high - low) / 2
        if approximateLowerTail(w: Double(middle), n: n, tieCorrection: 0) <= tail {
          low = middle
        } else {
          high = middle
        }
      }
      return low < 0 ? nil : low
    }
    return withCumulative(n: n) { cumulative in
      var k = -1
      while k + 1 < cumulative.count, cumulative[k + 1] <= tail { k += 1 }
      return k < 0 ? nil : k
    }
  }

  /// The confidence that the interval of `criticalValue` attains, 1 − 2·P(W⁺ ≤ K); a little above the nominal one,
  /// since W⁺ takes whole numbers only.
  public static func achievedConfidence(n: Int, criticalValue: Int) -> Double {
    1 - 2 * lowerTail(n: n, atMost: criticalValue)
  }

  /// P(W⁺ ≤ w) under the null hypothesis for n pairs without ties.
  public static func lowerTail(n: Int, atMost w: Int) -> Double {
    precondition(n >= 0, "a number of pairs is not negative")
    guard w >= 0 else { return 0 }
    guard w < n * (n + 1) / 2 else { return 1 }
    if n > largestExactCount { return approximateLowerTail(w: Double(w), n: n, tieCorrection: 0) }
    return withCumulative(n: n) { $0[w] }
  }

  /// The p-value of the hypothesis that the differences are symmetric about `shift`.
  ///
  /// A difference equal to the shift is dropped and n reduced (Wilcoxon's own treatment). Equal magnitudes share the
  /// mean of their ranks, and the null distribution is then enumerated for those very ranks, so that the value
  /// stays exact. Where nothing is left there is no evidence: the result is 1.
  ///
  /// - Parameters:
  ///   - differences: one value a pair, all finite, in any order.
  ///   - shift: the location under the null hypothesis, in the unit of the differences.
  ///   - alternative: which side speaks against the null hypothesis.
  /// - Returns: a probability, exact up to 200 pairs.
  public static func pValue(differences: [Double], shift: Double = 0, alternative: Alternative = .twoSided) -> Double {
    var deviations: [Double] = []
    deviations.reserveCapacity(differences.count)
    for difference in differences where difference != shift { deviations.append(difference - shift) }
    let n = deviations.count
    guard n > 0 else { return 1 }
    deviations.sort { abs($0) < abs($1) }

    // Ranks are held doubled, so that the mean rank of a tied pair stays a whole number.
    var doubledRanks: [Int] = []
    doubledRanks.reserveCapacity(n)
    var doubledStatistic = 0
    var tieCorrection = 0.0
    var start = 0
    while start < n {
      var end = start + 1
      while end < n, abs(deviations[end]) == abs(deviations[start]) { end += 1 }
      let doubledRank = start + end + 1
      while doubledRanks.count < end {
        if deviations[doubledRanks.count] > 0 { doubledStatistic += doubledRank }
        doubledRanks.append(doubledRank)
      }
      let tied = Double(end - start)
      tieCorrection += (tied * tied * tied - tied) / 48
      start = end
    }

    let total = n * (n + 1) / 2
    if n > largestExactCount {
      let w = Double(doubledStatistic) / 2
      return alternative.pValue(
        atMost: approximateLowerTail(w: w, n: n, tieCorrection: tieCorrection),
        atLeast: approximateLowerTail(w: Double(total) - w, n: n, tieCorrection: tieCorrection))
    }
    if tieCorrection == 0 {
      let w = doubledStatistic / 2
      return alternative.pValue(atMost: lowerTail(n: n, atMost: w), atLeast: lowerTail(n: n, atMost: total - w))
    }
    let cumulative = cumulativeSum(of: doubledRanks)
    return alternative.pValue(
      atMost: cumulative[doubledStatistic], atLeast: cumulative[2 * total - doubledStatistic])
  }

  /// Absorbs rounding where a tail probability equals the level, as 1/128 does at 8 pairs.
  private static let tolerance = 1e-12

  /// Null distributions for the sizes that are asked for again and again, each made from the one before.
  private static let commonDistributions: [[Double]] = {
    var probabilities = [1.0]
    var tables = [[1.0]]
    for rank in 1...64 {
      probabilities = addRank(rank, to: probabilities)
      tables.append(runningSum(probabilities))
    }
    return tables
  }()

  private static func withCumulative<Result>(n: Int, _ body: ([Double]) -> Result) -> Result {
    if n < commonDistributions.count { return body(commonDistributions[n]) }
    return body(cumulativeSum(of: Array(1...n)))
  }

  /// P(S ≤ s) for s = 0 … Σ ranks, where each rank joins the sum S with probability one half.
  private static func cumulativeSum(of ranks: [Int]) -> [Double] {
    var probabilities = [1.0]
    for rank in ranks { probabilities = addRank(rank, to: probabilities) }
    return runningSum(probabilities)
  }

  private static func addRank(_ rank: Int, to probabilities: [Double]) -> [Double] {
    let count = probabilities.count
    return [Double](unsafeUninitializedCapacity: count + rank) { buffer, initialized in
      var sum = 0
      while sum < count + rank {
        let without = sum < count ? probabilities[sum] : 0
        let with = sum >= rank ? probabilities[sum - rank] : 0
        buffer.initializeElement(at: sum, to: (without + with) / 2)
        sum += 1
      }
      initialized = count + rank
    }
  }

  private static func runningSum(_ probabilities: [Double]) -> [Double] {
    var sum = 0.0
    return probabilities.map { probability in
      sum += probability
      return min(1, sum)
    }
  }

  private static func approximateLowerTail(w: Double, n: Int, tieCorrection: Double) -> Double {
    let count = Double(n)
    let mean = count * (count + 1) / 4
    let variance = count * (count + 1) * (2 * count + 1) / 24 - tieCorrection
    guard variance > 0 else { return 1 }
    return erfc(-(w + 0.5 - mean) / sqrt(2 * variance)) / 2
  }

  private static func power(_ base: Double, _ exponent: Int) -> Double { pow(base, Double(exponent)) }
}
