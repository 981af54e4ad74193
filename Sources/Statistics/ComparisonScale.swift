import Glibc

/// How an environment is set against its baseline.
public enum ComparisonScale: String, Sendable, Equatable, Codable, CaseIterable {
  /// Environment ÷ baseline, a pure number; analysed as the difference of natural logarithms. No difference is 1.
  case ratio
  /// Environment − baseline, in the unit of the metric. No difference is 0.
  case difference

  /// What "no difference" is on this scale.
  public var neutral: Double { self == .ratio ? 1 : 0 }

  /// From the scale of results to the scale of analysis: the logarithm of a ratio, a difference as it is.
  public func analysed(_ value: Double) -> Double { self == .ratio ? log(value) : value }

  /// From the scale of analysis back to that of results.
  public func reported(_ value: Double) -> Double { self == .ratio ? exp(value) : value }
}
