import Glibc

/// Where a series changed its level, and stayed there: E-divisive change points.
///
/// **What it does.** Of all ways to cut a piece of the series in two, the candidate is the one whose sides differ the most
/// by the energy statistic
///
///     Q(X, Y) = 2/(n + m) · [ Σ|xᵢ − yⱼ| − m/(n − 1) · Σ|xᵢ − xₖ| − n/(m − 1) · Σ|yⱼ − yₖ| ]
///
/// (X the n values before the cut, Y the m behind it, up to any end within the piece; the sums within X and Y over
/// pairs). Pieces are cut as long as Student's t test of a candidate's two sides has p ≤ 10 × `largestPValue`. That is done in
/// windows that overlap by half; in a series of years a change would otherwise have to stand out of all that ever
/// happened. From all that was found, what is weakest is then taken away again and its neighbours are judged anew, until
/// every change point that is left has p ≤ `largestPValue` *between its neighbours*.
///
/// A p-value here is that of a cut chosen because it is the most different: it is too small, and a bound on it is no rate
/// of false alarms. Hence bounds such as 10⁻³ (Hunter's) or 10⁻⁵.
///
/// **Cost.** A piece of n values takes n² steps and 2n numbers of memory, by running sums; a series grows by a window's
/// square per half window. 500 series of 365 values take well below a second.
///
/// **In what it differs from Apache Otava** (Hunter's successor; `compute_change_points` of 0.8), on purpose:
/// - The t test has the sample's variance, Σ(x − x̄)² ÷ (n − 1). Otava gives the population's, ÷ n, to a formula that
///   expects the sample's; its p-values of short levels come out too small (by more than half, at three values a side).
/// - After a change point is taken away, *both* neighbours are judged anew. Otava looks at the one behind and at the one
///   behind that, so that the one before may keep a p-value of sides that no longer exist.
/// - ``Settings/shortestLevel``, which Otava does not have.
///
/// On a shared set of series (`Benchmarks/peers/changepoints.py`) both say the same except where one of the first two
/// decides.
///
/// Sources: Matteson & James, *A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data*, JASA 109
/// (2014); Fleming et al., *Hunter: Using Change Point Detection to Hunt for Performance Regressions*, ICPE 2023
/// (arXiv 2301.03034).
public enum EDivisive {
  /// What counts as a change.
  public struct Settings: Sendable, Equatable {
    /// How many values are looked at at a time, at least 2.
    public var windowLength: Int
    /// The largest p-value that a change point may have in the end.
    public var largestPValue: Double
    /// The smallest relative change of the mean, the larger of |after ÷ before − 1| and |before ÷ after − 1|, that a
    /// change point must exceed. Of logarithms it has no meaning: leave it at 0.
    public var smallestMagnitude: Double
    /// The fewest values that a level must have, from 1. A shorter one joins that neighbour which is nearer to it.
    public var shortestLevel: Int

    public init(
      windowLength: Int = 50, largestPValue: Double = 0.001, smallestMagnitude: Double = 0, shortestLevel: Int = 1
    ) {
      self.windowLength = windowLength
      self.largestPValue = largestPValue
      self.smallestMagnitude = smallestMagnitude
      self.shortestLevel = shortestLevel
    }
  }

  /// One change of level.
  public struct ChangePoint: Sendable, Equatable {
    /// The first value of the new level, from 0; never 0.
    public let index: Int
    /// The means of the values since the change point before, and up to the next one, in the unit of the values.
    public let meanBefore: Double
    public let meanAfter: Double
    /// Of Student's two-sided t test between the two.
    public let pValue: Double

    /// The relative change, seen from the side from which it is larger; of a mean of 0, nothing can be said.
    var magnitude: Double {
      let forward = meanBefore == 0 ? 0 : abs(meanAfter / meanBefore - 1)
      let backward = meanAfter == 0 ? 0 : abs(meanBefore / meanAfter - 1)
      return max(forward, backward)
    }
  }

  /// The change points of a series.
  ///
  /// - Parameters:
  ///   - values: finite, in the order of time.
  ///   - settings: what counts as a change.
  /// - Returns: in the order of time; empty for fewer than three values, which no test can tell apart.
  public static func changePoints(_ values: [Double], settings: Settings = Settings()) -> [ChangePoint] {
    precondition(settings.windowLength >= 2, "a window that can be cut has at least 2 values")
    precondition(values.allSatisfy(\.isFinite), "a series has finite values")
    // Pointers keep unoptimised builds fast; they do not leave this closure.
    return values.withUnsafeBufferPointer { buffer in
      guard let x = buffer.baseAddress, buffer.count > 2 else { return [] }
      let indices = cuts(x, count: buffer.count, settings)
      return merge(indices, x, count: buffer.count, settings)
    }
  }

  // MARK: - Cutting

  /// Where a piece of the series is most different before and behind.
  private struct Candidate {
    var index: Int
    var q: Double
  }

  /// What windows find at the relaxed level, ascending.
  private static func cuts(_ x: UnsafePointer<Double>, count: Int, _ settings: Settings) -> [Int] {
    var found: Set<Int> = []
    var sums = [Double](repeating: 0, count: 2 * settings.windowLength + 2)
    let level = relaxed(settings.largestPValue)
    var start = 0
    while start < count {
      let end = min(start + settings.windowLength, count)
      let new = cuts(x, start..<end, level: level, &sums)
      found.formUnion(new)
      // From the last change on, so that the next window begins with the level that is there now.
      start = max(new.last ?? 0, start + settings.windowLength / 2)
    }
    return found.sorted()
  }

  /// Weak points are kept at first: a neighbour that is taken away later can make them strong.
  private static func relaxed(_ p: Double) -> Double {
    if p < 0.05 { return 10 * p }
    return p < 0.5 ? 2 * p : p
  }

  /// What one window has, ascending: always the piece with the largest statistic is cut next, until that is not
  /// significant.
  private static func cuts(
    _ x: UnsafePointer<Double>, _ window: Range<Int>, level: Double, _ sums: inout [Double]
  ) -> [Int] {
    var pieces = [window]
    var candidates = [candidate(x, window, &sums)]
    while true {
      var best: (place: Int, candidate: Candidate)?
      for (place, candidate) in candidates.enumerated() {
        guard let candidate else { continue }
        if best.map({ candidate.q > $0.candidate.q }) ?? true { best = (place, candidate) }
      }
      guard let (place, cut) = best else { break }
      let piece = pieces[place]
      guard compare(x, piece.lowerBound, cut.index, piece.upperBound).pValue <= level else { break }
      let sides = [piece.lowerBound..<cut.index, cut.index..<piece.upperBound]
      pieces.replaceSubrange(place...place, with: sides)
      candidates.replaceSubrange(place...place, with: sides.map { candidate(x, $0, &sums) })
    }
    return pieces.dropFirst().map(\.lowerBound)
  }

  /// The cut with the largest Q over all cuts and all ends, the first of those that are equal; nil for a piece of one.
  ///
  /// - Parameter sums: at least 2 × (length + 1) numbers, which are overwritten.
  private static func candidate(
    _ series: UnsafePointer<Double>, _ piece: Range<Int>, _ sums: inout [Double]
  ) -> Candidate? {
    let length = piece.count
    guard length > 1 else { return nil }
    let x = series + piece.lowerBound
    return sums.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return nil }
      // Sums of |xᵢ − xⱼ| over the pairs of x[..<cut], and of x[cut..<end]. The former stays as it is once it is known,
      // the latter grows with the end.
      let before = base
      let behind = base + length + 1
      before[0] = 0
      before[1] = 0
      behind[0] = 0
      behind[0] = 0
      var best = 1
      var largest = -Double.infinity
      var last = 1
      while last < length {
        let value = x[last]
        var distances = 0.0
        var cut = last - 1
        behind[last] = 0
        while cut >= 0 {
          distances += abs(value - x[cut])
          behind[cut] += distances
          cut -= 1
        }
        let all = behind[0]
        let count = Double(last + 1)
        before[last + 1] = all
        cut = 1
        while cut <= last {
          let n = Double(cut)
          let m = count - n
          var q = all - before[cut] - behind[cut]
          if cut > 1 { q -= m / (n - 1) * before[cut] }
          if cut < last { q -= n / (m - 1) * behind[cut] }
          q *= 2 / count
          if q > largest || (q == largest && cut < best) {
            largest = q
            best = cut
          }
          cut += 1
        }
        last += 1
      }
      return Candidate(index: piece.lowerBound + best, q: largest)
    }
  }

  /// Where a whole series would be cut first; for tests.
  static func mostDifferentCut(_ values: [Double]) -> Int? {
    var sums = [Double](repeating: 0, count: 2 * values.count + 2)
    return values.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.flatMap { candidate($0, 0..<buffer.count, &sums)?.index }
    }
  }

  // MARK: - Merging

  private static func merge(
    _ indices: [Int], _ x: UnsafePointer<Double>, count: Int, _ settings: Settings
  ) -> [ChangePoint] {
    var borders = [0] + indices + [count]
    func judged(_ place: Int) -> ChangePoint {
      let result = compare(x, borders[place - 1], borders[place], borders[place + 1])
      return ChangePoint(
        index: borders[place], meanBefore: result.before, meanAfter: result.after, pValue: result.pValue)
    }
    // The point at `place` of `found` is the border at `place + 1`.
    var found = indices.indices.map { judged($0 + 1) }
    while let place = superfluous(found, count: count, settings) {
      found.remove(at: place)
      borders.remove(at: place + 1)
      for neighbour in [place - 1, place] where found.indices.contains(neighbour) {
        found[neighbour] = judged(neighbour + 1)
      }
    }
    return found
  }

  /// The change point to be taken away next: one beside a level that is too short, then the one with the largest p-value,
  /// then the smallest; nil where all may stay.
  private static func superfluous(_ found: [ChangePoint], count: Int, _ settings: Settings) -> Int? {
    guard let last = found.last else { return nil }
    if count - last.index < settings.shortestLevel { return found.count - 1 }
    if found[0].index < settings.shortestLevel { return 0 }
    for place in found.indices.dropFirst() where found[place].index - found[place - 1].index < settings.shortestLevel {
      let begins = found[place - 1]
      let ends = found[place]
      let isNearerToNext = abs(ends.meanAfter - ends.meanBefore) < abs(begins.meanAfter - begins.meanBefore)
      return isNearerToNext ? place : place - 1
    }
    var weakest = 0
    var smallest = 0
    for place in found.indices {
      if found[place].pValue > found[weakest].pValue { weakest = place }
      if found[place].magnitude < found[smallest].magnitude { smallest = place }
    }
    if found[weakest].pValue > settings.largestPValue { return weakest }
    return settings.smallestMagnitude > 0 && found[smallest].magnitude <= settings.smallestMagnitude ? smallest : nil
  }

  // MARK: - The test

  /// Student's two-sided t test, with one variance for both, between x[start..<cut] and x[cut..<end].
  private static func compare(
    _ x: UnsafePointer<Double>, _ start: Int, _ cut: Int, _ end: Int
  ) -> (before: Double, after: Double, pValue: Double) {
    let before = moments(x, start, cut)
    let after = moments(x, cut, end)
    let freedom = end - start - 2
    let difference = after.mean - before.mean
    // By so much, means and sums of squares of equal values can be off.
    let rounding = Double(end - start) * Double.ulpOfOne * max(before.largest, after.largest)
    guard freedom > 0, abs(difference) > rounding else { return (before.mean, after.mean, 1) }
    let squares = before.squares + after.squares
    // Values that never vary on either side: then a difference is one.
    guard squares > Double(end - start) * rounding * rounding else { return (before.mean, after.mean, 0) }
    let variance = squares / Double(freedom)
    let error = (variance * (1 / Double(cut - start) + 1 / Double(end - cut))).squareRoot()
    return (
      before.mean, after.mean, StudentT.twoSided(difference / error, degreesOfFreedom: Double(freedom))
    )
  }

  /// Mean, sum of the squared deviations from it, and largest magnitude of x[start..<end].
  private static func moments(
    _ x: UnsafePointer<Double>, _ start: Int, _ end: Int
  ) -> (mean: Double, squares: Double, largest: Double) {
    var sum = 0.0
    var largest = 0.0
    var index = start
    while index < end {
      sum += x[index]
      largest = max(largest, abs(x[index]))
      index += 1
    }
    let mean = sum / Double(end - start)
    var squares = 0.0
    index = start
    while index < end {
      squares += (x[index] - mean) * (x[index] - mean)
      index += 1
    }
    return (mean, squares, largest)
  }
}
