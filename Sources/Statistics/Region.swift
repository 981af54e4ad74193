/// Where an interval lies in relation to a region.
public enum Decision: String, Sendable, Equatable, Codable, CaseIterable {
  /// The whole interval is in the region.
  case inside
  /// No point of the interval is in the region.
  case outside
  /// The interval is partly in the region: nothing is decided.
  case overlaps
}

/// The open set of values that a claim allows: above one bound, below another, or between the two.
///
/// Bounds are on the scale of results (1.10 for a ratio, µs for a difference), and do not themselves belong to the
/// region.
public struct Region: Sendable, Equatable, Codable {
  /// Values must exceed this, if given.
  public let above: Double?
  /// Values must stay below this, if given.
  public let below: Double?

  /// A region with at least one bound; with both, `above` must be smaller than `below`.
  public init(above: Double? = nil, below: Double? = nil) {
    precondition(Self.isValid(above: above, below: below), "a region needs a bound, and its bounds in order")
    self.above = above
    self.below = below
  }

  /// True where the bounds make a region: at least one, none of them NaN, and `above` smaller than `below`.
  public static func isValid(above: Double?, below: Double?) -> Bool {
    switch (above, below) {
    case (nil, nil): false
    case (let above?, nil): !above.isNaN
    case (nil, let below?): !below.isNaN
    case (let above?, let below?): above < below
    }
  }

  /// Compares a closed interval with the region: `.inside` supports a claim, `.outside` refutes it.
  public func decide(low: Double, high: Double) -> Decision {
    precondition(low <= high, "an interval's low end does not exceed its high end")
    if let above, high <= above { return .outside }
    if let below, low >= below { return .outside }
    if let above, low <= above { return .overlaps }
    if let below, high >= below { return .overlaps }
    return .inside
  }

  /// The p-value behind a decision, for adjustment over several claims (``MultipleTesting/holm(_:)``).
  ///
  /// - `.inside` rejects "the value lies outside": the larger of the one-sided p-values at the bounds, which needs no
  ///   correction (two one-sided tests; Schuirmann 1987).
  /// - `.outside` rejects "the value lies inside": the one-sided p-value at the bound; with two bounds twice the
  ///   smaller one, since there are two ways of being wrong.
  /// - `.overlaps` rejects nothing: 1.
  ///
  /// An interval of confidence c that decides has a value of at most (1 − c)/2 here, or 1 − c for the outside of two
  /// bounds: .005 and .01 at 99 %.
  ///
  /// - Parameters:
  ///   - decision: what the interval says.
  ///   - differences: on the scale of analysis (logarithms for ratios), as in ``PairedEstimate/differences``.
  ///   - scale: what the differences are; the bounds are converted. A bound of zero or less on a ratio is no bound.
  ///   - method: the test; the one the interval belongs to.
  ///   - isNoisy: false for values that repeat by their nature, such as counts, which may lie on a bound in every block.
  ///     A test of ranks has no use for such a value. But the bound is outside, and so `.outside` is then judged by signs
  ///     in which it counts as outside: if the location were inside, n values of n would be outside at most once in 2ⁿ
  ///     times.
  public func pValue(
    of decision: Decision, differences: [Double], scale: ComparisonScale, method: PairedEstimate.Method = .wilcoxon,
    isNoisy: Bool = true
  ) -> Double {
    func oneSided(_ bound: Double?, _ alternative: Alternative) -> Double? {
      guard let bound else { return nil }
      // A ratio is always positive: above such a bound for certain, below it never.
      if scale == .ratio, bound <= 0 { return alternative == .greater ? 0 : 1 }
      let shift = scale.analysed(bound)
      if !isNoisy, decision == .outside {
        let inside = differences.count { alternative == .less ? $0 > shift : $0 < shift }
        return SignTest.lowerTail(n: differences.count, atMost: inside)
      }
      return method.pValue(differences: differences, shift: shift, alternative: alternative)
    }
    switch decision {
    case .overlaps:
      return 1
    case .inside:
      return max(oneSided(above, .greater) ?? 0, oneSided(below, .less) ?? 0)
    case .outside:
      switch (oneSided(above, .less), oneSided(below, .greater)) {
      case (let left?, let right?): return min(1, 2 * min(left, right))
      case (let left?, nil): return left
      case (nil, let right?): return right
      case (nil, nil): return 1
      }
    }
  }
}

extension PairedEstimate {
  /// Where the interval lies in relation to the region.
  public func decision(in region: Region) -> Decision { region.decide(low: low, high: high) }

  /// The p-value behind a decision about the region, from the very differences and the test the interval rests on.
  public func pValue(of decision: Decision, in region: Region) -> Double {
    region.pValue(of: decision, differences: differences, scale: scale, method: method)
  }
}
