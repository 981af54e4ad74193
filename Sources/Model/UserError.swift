/// An error that a user can act on: one paragraph that names the place, the problem and the remedy, and the exit code
/// that tells a script which kind it is.
public struct UserError: Error, Sendable, Equatable, CustomStringConvertible {
  public var exitCode: ExitStatus
  /// What is wrong, naming the thing and the place. No trailing full stop is added.
  public var message: String
  /// What to do about it; nil where the message says it all.
  public var remedy: String?

  public init(_ exitCode: ExitStatus, _ message: String, remedy: String? = nil) {
    self.exitCode = exitCode
    self.message = message
    self.remedy = remedy
  }

  public var description: String { remedy.map { "\(message)\n\($0)" } ?? message }
}

/// The exit codes of `bench`: part of its contract.
public enum ExitStatus: Int32, Sendable, CaseIterable, Comparable {
  case success = 0
  /// A regression was found, or a gate failed.
  case failed = 1
  /// The run is valid as far as it goes, but no verdict could be had.
  case inconclusive = 3
  case usage = 64
  case badInput = 65
  /// The host lacks something.
  case unavailable = 69
  case internalError = 70
  case notPermitted = 77
  /// Interrupted, and cleaned up.
  case interrupted = 130

  /// By number, so that of several results the one that asks for most attention is the greatest.
  public static func < (a: ExitStatus, b: ExitStatus) -> Bool { a.rawValue < b.rawValue }
}
