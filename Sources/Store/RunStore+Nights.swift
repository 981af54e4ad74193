public import Foundation
internal import GRDB
public import Model

/// Nights and the history that they make.
///
/// History is in the order in which nights began to be stored, not in that of their clocks: a clock that went back puts a
/// night's ``Model/HistoryPoint/started`` before that of the night before, and nothing else. Only finished nights have
/// values, since ``finish(_:result:values:)`` stores these and the verdict in one transaction.
extension RunStore {
  // MARK: - Writing

  /// Stores a night that begins: it comes after all others.
  public func begin(_ night: NightRecord) throws(UserError) {
    try Self.requireUnfinished(night)
    try write { db in try NightRows.insert(night, db) }
  }

  /// Replaces everything that is stored of a night that is not finished.
  public func update(_ night: NightRecord) throws(UserError) {
    try Self.requireUnfinished(night)
    try write { db in
      if try NightRows.update(night, db) == nil { throw Self.lost(night, try Self.isFinished(night, db)) }
    }
  }

  /// Makes a night count: its values, its record and its result are all stored, or nothing is.
  /// - Parameters:
  ///   - night: finished, with its epoch, verdict and reason.
  ///   - values: at most one of each series; finite.
  public func finish(_ night: NightRecord, result: NightResult, values: [SeriesValue]) throws(UserError) {
    guard night.phase == .finished, night.finished != nil, night.epoch != nil, night.verdict != nil,
      result.night.id == night.id
    else { throw UserError(.internalError, "the night \(StoreFailure.shown(night.id)) is not finished") }
    try write { db in
      guard let number = try NightRows.update(night, result: try StoredResult(result), db) else {
        throw Self.lost(night, try Self.isFinished(night, db))
      }
      try SeriesRows.insert(values, night: number, db)
    }
  }

  /// The epoch of a night that begins at `started` on a host with this fingerprint: that of the last finished night, if it
  /// had the same, else a new one, which is stored. One that only unfinished nights have is still new.
  public func epoch(
    for fingerprint: [Epoch.Fact], started: Date
  ) throws(UserError) -> (epoch: Epoch, isNew: Bool) {
    try write { db in try NightRows.epoch(for: fingerprint, started: started, db) }
  }

  // MARK: - Reading

  /// Nights that are neither finished nor abandoned, the last first.
  public func unfinishedNights() throws(UserError) -> [NightRecord] {
    try read { db in
      try NightRows.nights("WHERE phase NOT IN ('finished', 'abandoned') ORDER BY number DESC", [], db)
    }
  }

  /// - Parameter id: a night's id, a beginning of it that no other night has, or `latest`.
  public func night(_ id: String) throws(UserError) -> NightRecord {
    try read { [path] db in
      let found = try Named.nights.find(id, db, path: path)
      guard let night = try NightRows.nights("WHERE id = ?", [found], db).first else {
        throw Damage(problem: "it has lost the night '\(found)'")
      }
      return night
    }
  }

  /// The last nights, the last first, in whatever phase.
  /// - Parameter limit: how many at the most; nil gives all.
  public func nights(limit: Int? = nil) throws(UserError) -> [NightRecord] {
    try read { db in
      try NightRows.nights("ORDER BY number DESC LIMIT ?", [limit.map { max(0, $0) } ?? -1], db)
    }
  }

  /// - Parameter id: as of ``night(_:)``.
  /// - Returns: nil unless the night is finished.
  public func nightResult(_ id: String) throws(UserError) -> NightResult? {
    try read { [path] db in try NightRows.result(try Named.nights.find(id, db, path: path), db) }
  }

  /// What a night has added to history; empty unless it is finished.
  /// - Parameter id: as of ``night(_:)``.
  public func nightValues(_ id: String) throws(UserError) -> [SeriesValue] {
    try read { [path] db in try SeriesRows.values(night: try Named.nights.find(id, db, path: path), db) }
  }

  /// By number.
  public func epochs() throws(UserError) -> [Epoch] { try read(NightRows.epochs) }

  /// All series that have a history, in the order in which they came to be, with how many nights have a value of each.
  public func historySeries() throws(UserError) -> [(series: HistorySeries, nights: Int)] {
    try historyListings().map { ($0.series, $0.nights) }
  }

  /// As ``historySeries()``, with the last point of each.
  public func historyListings() throws(UserError) -> [HistoryListing] { try read(SeriesRows.listings) }

  /// The history of one series over all epochs, oldest first; empty if there is none.
  /// - Parameter limit: how many nights at the most, the last ones; nil gives all.
  public func history(of series: HistorySeries, limit: Int? = nil) throws(UserError) -> [HistoryPoint] {
    try read { db in
      guard let id = try SeriesRows.id(series, db) else { return [] }
      return try SeriesRows.history(id, limit: limit.map { max(0, $0) } ?? -1, db)
    }
  }

  /// The history of many series in one epoch.
  /// - Parameters:
  ///   - epoch: its number.
  ///   - series: in the wanted order; one that has no history has no values.
  ///   - nights: how many finished nights at the most, the last ones.
  /// - Returns: the ids of the nights, oldest first, and `values[i][j]`: that of `series[i]` in `nights[j]`, nil where
  ///   that night has none.
  public func historyMatrix(
    epoch: Int, series: [HistorySeries], nights: Int
  ) throws(UserError) -> (nights: [String], values: [[Double?]]) {
    try read { db in try SeriesRows.matrix(epoch: epoch, series: series, nights: nights, db) }
  }

  // MARK: - Errors

  private static func requireUnfinished(_ night: NightRecord) throws(UserError) {
    if night.phase == .finished {
      throw UserError(
        .internalError, "the night \(StoreFailure.shown(night.id)) can be finished only with its values and its result")
    }
  }

  private static func isFinished(_ night: NightRecord, _ db: Database) throws -> Bool {
    try Bool.fetchOne(db, sql: "SELECT 1 FROM nights WHERE id = ?", arguments: [night.id]) ?? false
  }

  private static func lost(_ night: NightRecord, _ isFinished: Bool) -> UserError {
    let shown = StoreFailure.shown(night.id)
    if isFinished {
      return UserError(
        .unavailable, "the night '\(shown)' is finished already, and counts",
        remedy: "Another program may have finished it; 'bench history --nights' shows it.")
    }
    return UserError(
      .unavailable, "the store has no night '\(shown)'",
      remedy: "Another program may have deleted it; 'bench history --nights' shows those that are there.")
  }
}
