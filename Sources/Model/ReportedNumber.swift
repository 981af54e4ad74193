/// Reads the number off what the user's own client printed.
public struct ReportedNumber {
  private let regex: Regex<AnyRegexOutput>

  /// Why a pattern cannot be used, as part of a sentence.
  public struct Problem: Error, Sendable {
    public let description: String
  }

  /// - Parameter pattern: a regular expression whose first group is the number.
  public init(pattern: String) throws(Problem) {
    let groups: Int
    do {
      regex = try Regex(pattern)
      // An alternative that always matches tells how many groups there are.
      groups = try Regex("(?:\(pattern))|").firstMatch(in: "")?.output.count ?? 0
    } catch { throw Problem(description: "is no regular expression: \(error)") }
    guard groups > 1 else { throw Problem(description: "needs a group in parentheses around the number") }
  }

  /// The number of the last match, as a program that reports its progress prints the result last; nil if there is none.
  public func number(in text: String) -> Double? {
    guard let match = text.matches(of: regex).last, let group = match.output[1].substring else { return nil }
    // Thousands may be set apart by commas.
    return Double(group.replacing(",", with: ""))
  }
}
