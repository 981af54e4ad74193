/// Why a statistic cannot be computed from the data given.
///
/// The message names what is wrong and what would mend it, so that a caller can show it as it is.
public struct StatisticsError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of data problem it is.
  public enum Code: String, Sendable, Equatable, Codable {
    /// The two lists of a paired comparison do not have the same length.
    case lengthsDiffer
    /// Fewer pairs than the method can give an interval for.
    case tooFewPairs
    /// A ratio was asked for and a value is zero or negative.
    case notPositive
    /// A value is infinite or not a number.
    case notFinite
    /// A slope was asked for, and there are no two different sizes.
    case noSpread
  }

  /// What kind of problem it is.
  public let code: Code
  /// The problem and its remedy, in one sentence.
  public let message: String

  /// An error of one kind with its sentence.
  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
