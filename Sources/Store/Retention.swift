public import Foundation

/// What of a store is kept when it is pruned. Whatever it says, nothing is removed that belongs to the pinned baseline or
/// to a night that may be gone on with.
public struct Retention: Sendable, Equatable {
  /// Which of the runs that belong to no night are kept.
  public enum LooseRuns: Sendable, Equatable {
    case all
    /// So many, the newest ones.
    case newest(Int)
    /// Those that started at this time or later.
    case since(Date)
  }

  /// Of how many finished nights the runs are kept, the last ones: the trials are by far the most of what a night takes.
  /// nil keeps all.
  public var nightsWithRuns: Int?
  /// Of how many finished nights anything is kept, the last ones: older ones are no history any more. nil keeps all.
  public var nights: Int?
  public var looseRuns: LooseRuns

  public init(nightsWithRuns: Int? = nil, nights: Int? = nil, looseRuns: LooseRuns = .all) {
    self.nightsWithRuns = nightsWithRuns
    self.nights = nights
    self.looseRuns = looseRuns
  }
}

/// What pruning removed, or would remove.
public struct Pruned: Sendable, Equatable {
  /// Ids of the runs, oldest first.
  public var runs: [String]
  /// Ids of the nights, oldest first.
  public var nights: [String]
  /// SHA-256 of the kept workers, in order.
  public var workers: [String]
  /// Bytes of the database and the kept workers before, and after; the same of a dry run.
  public var bytesBefore: Int
  public var bytesAfter: Int

  public init(runs: [String], nights: [String], workers: [String], bytesBefore: Int, bytesAfter: Int) {
    self.runs = runs
    self.nights = nights
    self.workers = workers
    self.bytesBefore = bytesBefore
    self.bytesAfter = bytesAfter
  }

  public var isEmpty: Bool { runs.isEmpty && nights.isEmpty && workers.isEmpty }
}
