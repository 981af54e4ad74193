import Glibc

/// The rank-sum statistic of Mann, Whitney and Wilcoxon for two independent samples: U, the number of pairs of a value
/// of the second and one of the first in which the second's is larger; a tie counts one half.
///
/// Exact for up to 1600 pairs (40 values against 40): the null distribution is counted, not approximated. Beyond that
/// the normal approximation with continuity and tie correction takes over.
///
/// Source: Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*, 3rd ed., §4.1–4.3.
public enum RankSum {
  /// The largest product of the sizes whose null distribution is counted exactly.
  public static let largestExactProduct = 1600

  /// The critical value K: the interval from the (K + 1)-th to the (n·m − K)-th of the n·m sorted differences covers the
  /// shift with at least the given confidence, and K is the largest such number.
  ///
  /// - Parameters:
  ///   - n: the size of the first sample.
  ///   - m: the size of the second sample.
  ///   - confidence: between 0 and 1, both excluded.
  /// - Returns: K, or nil where even the interval from smallest to largest falls short of the confidence.
  public static func criticalValue(n: Int, m: Int, confidence: Double) -> Int? {
    precondition(confidence > 0 && confidence < 1, "a confidence lies between 0 and 1")
    precondition(n >= 0 && m >= 0, "a number of values is not negative")
    guard n > 0, m > 0 else { return nil }
    let tail = (1 - confidence) / 2 + tolerance
    var k = -1
    if n * m > largestExactProduct {
      var high = n * m / 2
      while high - k > 1 {
        let middle = k + (high - k) / 2
        if approximateLowerTail(u: Double(middle), n: n, m: m, tieTerm: 0) <= tail { k = middle } else { high = middle }
      }
    } else {
      let cumulative = cumulative(n: n, m: m)
      while k + 1 < cumulative.count, cumulative[k + 1] <= tail { k += 1 }
    }
    return k < 0 ? nil : k
  }

  /// The confidence that the interval of `criticalValue` attains, 1 − 2·P(U ≤ K); a little above the nominal one, since U
  /// takes whole numbers only.
  public static func achievedConfidence(n: Int, m: Int, criticalValue: Int) -> Double {
    1 - 2 * lowerTail(n: n, m: m, atMost: criticalValue)
  }

  /// P(U ≤ u) under the null hypothesis for samples of n and m values without ties.
  public static func lowerTail(n: Int, m: Int, atMost u: Int) -> Double {
    precondition(n > 0 && m > 0, "a sample has at least one value")
    guard u >= 0 else { return 0 }
    guard u < n * m else { return 1 }
    if n * m > largestExactProduct { return approximateLowerTail(u: Double(u), n: n, m: m, tieTerm: 0) }
    return cumulative(n: n, m: m)[u]
  }

  /// The p-value of the hypothesis that both samples come from one distribution.
  ///
  /// Equal values share the mean of their ranks, and the null distribution is then counted for those very ranks, so that
  /// the value stays exact.
  ///
  /// - Parameters:
  ///   - first: at least one finite value, in any order.
  ///   - second: the same.
  ///   - alternative: `.greater` is that the second sample lies higher.
  /// - Returns: a probability, exact up to 1600 pairs.
  public static func pValue(first: [Double], second: [Double], alternative: Alternative = .twoSided) -> Double {
    precondition(!first.isEmpty && !second.isEmpty, "a sample has at least one value")
    let (n, m) = (first.count, second.count)
    let all = (first.map { (value: $0, isSecond: false) } + second.map { (value: $0, isSecond: true) })
      .sorted { $0.value < $1.value }
    // Ranks are held doubled, so that the mean rank of tied values stays a whole number.
    var doubledRanks: [Int] = []
    doubledRanks.reserveCapacity(all.count)
    var doubledSum = 0
    var tieTerm = 0.0
    while doubledRanks.count < all.count {
      let start = doubledRanks.count
      var end = start + 1
      while end < all.count, all[end].value == all[start].value { end += 1 }
      let rank = start + end + 1
      for place in start..<end {
        if all[place].isSecond { doubledSum += rank }
        doubledRanks.append(rank)
      }
      let tied = Double(end - start)
      tieTerm += tied * tied * tied - tied
    }
    // Of U, from the rank sum of the second sample.
    let doubled = doubledSum - m * (m + 1)
    let reversed = 2 * n * m - doubled
    if n * m > largestExactProduct {
      return alternative.pValue(
        atMost: approximateLowerTail(u: Double(doubled) / 2, n: n, m: m, tieTerm: tieTerm),
        atLeast: approximateLowerTail(u: Double(reversed) / 2, n: n, m: m, tieTerm: tieTerm))
    }
    if tieTerm == 0 {
      return alternative.pValue(
        atMost: lowerTail(n: n, m: m, atMost: doubled / 2), atLeast: lowerTail(n: n, m: m, atMost: reversed / 2))
    }
    let tails = tails(of: doubledRanks, choosing: m, sum: doubledSum)
    return alternative.pValue(atMost: tails.atMost, atLeast: tails.atLeast)
  }

  /// Absorbs rounding where a tail probability equals the level.
  private static let tolerance = 1e-12

  /// P(U ≤ u) for u = 0 … n·m. The number of ways to get u is the coefficient of qᵘ in the Gaussian binomial
  /// coefficient (n + m over n), which is made factor by factor; the upper half mirrors the lower one.
  private static func cumulative(n: Int, m: Int) -> [Double] {
    let last = n * m
    let half = last / 2
    var ways = [Double](repeating: 0, count: half + 1)
    ways[0] = 1
    for i in 1...n {
      var u = half
      while u >= m + i {
        ways[u] -= ways[u - m - i]
        u -= 1
      }
      u = i
      while u <= half {
        ways[u] += ways[u - i]
        u += 1
      }
    }
    var total = 1.0
    for i in 1...n { total *= Double(m + i) / Double(i) }
    var sum = 0.0
    return (0...last).map { u in
      sum += ways[min(u, last - u)] / total
      return min(1, sum)
    }
  }

  /// The tails of the sum of `count` of these ascending doubled ranks, drawn without replacement, at `sum`.
  private static func tails(
    of ranks: [Int], choosing count: Int, sum: Int
  ) -> (atMost: Double, atLeast: Double) {
    // Ranks counted from the other end turn one tail into the other: the shorter one is worked out.
    let top = 2 * (ranks.count + 1)
    let mirrored = count * top - sum
    if mirrored < sum {
      let tails = tails(of: ranks.reversed().map { top - $0 }, choosing: count, sum: mirrored)
      return (tails.atLeast, tails.atMost)
    }
    var prefix = [0]
    for rank in ranks { prefix.append(prefix[prefix.count - 1] + rank) }
    let width = sum + 1
    // Probability that of the ranks so far `drawn` were drawn and add up to s, at drawn · width + s; nothing beyond `sum`
    // is of interest.
    var table = [Double](repeating: 0, count: (count + 1) * width)
    table[0] = 1
    table.withUnsafeMutableBufferPointer { table in
      for (place, rank) in ranks.enumerated() {
        let left = ranks.count - place
        var drawn = min(place + 1, count)
        while drawn >= max(0, count - left + 1) {
          // With `drawn` ranks drawn before, the next is drawn with the probability (count − drawn) ÷ left.
          let stays = 1 - Double(count - drawn) / Double(left)
          let comes = Double(count - drawn + 1) / Double(left)
          let row = drawn * width
          let largest = min(sum, prefix[place + 1] - prefix[place + 1 - drawn])
          var s = prefix[drawn]
          while s <= largest {
            let before = drawn > 0 && s >= rank ? table[row - width + s - rank] * comes : 0
            table[row + s] = table[row + s] * stays + before
            s += 1
          }
          drawn -= 1
        }
      }
    }
    let row = count * width
    let atMost = table[row...(row + sum)].reduce(0, +)
    return (min(1, atMost), min(1, 1 - atMost + table[row + sum]))
  }

  /// - Parameter tieTerm: Σ(t³ − t) over groups of t equal values.
  private static func approximateLowerTail(u: Double, n: Int, m: Int, tieTerm: Double) -> Double {
    let product = Double(n * m)
    let total = Double(n + m)
    let variance = product / 12 * (total + 1 - tieTerm / (total * (total - 1)))
    guard variance > 0 else { return 1 }
    return erfc(-(u + 0.5 - product / 2) / sqrt(2 * variance)) / 2
  }
}
