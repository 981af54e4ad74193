/// The hypothesis that a test sets against its null hypothesis "location = shift".
public enum Alternative: String, Sendable, Equatable, Codable, CaseIterable {
  /// The location is not the shift.
  case twoSided
  /// The location is below the shift.
  case less
  /// The location is above the shift.
  case greater
}

extension Alternative {
  /// The p-value from both tails of a discrete statistic that grows with the location.
  ///
  /// The two-sided value doubles the smaller tail (and never exceeds 1), as SciPy and R do.
  func pValue(atMost lower: Double, atLeast upper: Double) -> Double {
    switch self {
    case .less: min(1, lower)
    case .greater: min(1, upper)
    case .twoSided: min(1, 2 * min(lower, upper))
    }
  }
}
