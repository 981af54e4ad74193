import Glibc

/// The triples test of symmetry: among all triples of values, are there more that lean right (the middle one is nearer
/// to the smallest) than lean left?
///
/// It looks at the order of sums only, so a far outlier counts no more than a near one, and two equal humps are not
/// taken for skewness, as they are by tests that compare mean and median.
///
/// Source: Randles, Fligner, Policello & Wolfe, *JASA* 75 (1980) 168–172; Hollander, Wolfe & Chicken,
/// *Nonparametric Statistical Methods*, 3rd ed., §3.9.
public enum TriplesTest {
  /// What the test found.
  public struct Result: Sendable, Equatable, Codable {
    /// (right − left) ÷ all triples, from −1 (all lean left) to 1 (all lean right).
    public let coefficient: Double
    /// The sum over triples divided by its estimated standard deviation; standard normal for large n under symmetry.
    public let statistic: Double

    /// True where |statistic| exceeds 1.96: 5 % of the time, at most, for symmetric data.
    public var isSkewed: Bool { abs(statistic) > 1.959963984540054 }
  }

  /// Tests symmetry about an unknown centre.
  ///
  /// - Parameter values: finite values, in any order. Fewer than six say nothing about their shape: the result is then
  ///   "not skewed". Time grows with n³.
  public static func test(_ values: [Double]) -> Result {
    let n = values.count
    guard n >= 6 else { return Result(coefficient: 0, statistic: 0) }
    let sorted = values.sorted()
    var total = 0
    var singleSquares = 0
    var pairSquares = 0
    // pairs[a·n + b], a < b, collects the signs of all triples that contain both a and b.
    withUnsafeTemporaryAllocation(of: Int.self, capacity: n * n) { pairs in
      pairs.initialize(repeating: 0)
      sorted.withUnsafeBufferPointer { values in
        // Pointers keep unoptimised builds fast; they do not leave this closure.
        let x = values.baseAddress.unsafelyUnwrapped
        let pair = pairs.baseAddress.unsafelyUnwrapped
        var i = 0
        while i < n {
          let row = pair + i * n
          var k = i + 2
          while k < n {
            let ends = x[i] + x[k]
            let column = pair + k
            var sum = 0
            var j = i + 1
            while j < k {
              // For x[i] ≤ x[j] ≤ x[k] the three signs of the definition add up to this one.
              let middle = x[j] + x[j]
              let sign = ends > middle ? 1 : ends < middle ? -1 : 0
              sum += sign
              row[j] += sign
              column[j * n] += sign
              j += 1
            }
            row[k] += sum
            total += sum
            k += 1
          }
          i += 1
        }
        var a = 0
        while a < n {
          // Each triple that contains a is in two of its pairs.
          var twice = 0
          var b = 0
          while b < n {
            if a < b {
              let count = pair[a * n + b]
              twice += count
              pairSquares += count * count
            } else if b < a {
              twice += pair[b * n + a]
            }
            b += 1
          }
          singleSquares += (twice / 2) * (twice / 2)
          a += 1
        }
      }
    }
    let size = Double(n)
    let triples = size * (size - 1) * (size - 2) / 6
    let sum = Double(total)
    let variance =
      (size - 3) * (size - 4) / ((size - 1) * (size - 2)) * Double(singleSquares)
      + (size - 3) / (size - 4) * Double(pairSquares) + triples
      - (1 - (size - 3) * (size - 4) * (size - 5) / (size * (size - 1) * (size - 2))) * sum * sum
    return Result(coefficient: sum / triples, statistic: variance > 0 ? sum / sqrt(variance) : 0)
  }
}
