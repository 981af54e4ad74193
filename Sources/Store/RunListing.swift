public import Foundation
public import Model

/// A run in a list: what it takes to choose one.
public struct RunListing: Sendable, Equatable {
  /// The run's id.
  public var id: String
  /// The scenario's name.
  public var scenario: String
  /// The profile it ran with.
  public var profile: ProfileName
  /// When it started.
  public var started: Date
  /// When it ended; nil while it goes on, or if its controller was killed.
  public var finished: Date?
  /// How it ended.
  public var exit: RunRecord.Exit
  /// Blocks that ended, voided ones included.
  public var blocks: Int
  /// Trials stored, those of a block that never ended included.
  public var trials: Int
}
