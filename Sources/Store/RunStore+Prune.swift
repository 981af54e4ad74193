internal import Foundation
internal import GRDB
public import Model

/// Keeping a store from growing for ever.
extension RunStore {
  /// Removes what `retention` does not keep, and workers that nothing refers to any more: those that are neither the pinned
  /// one, nor of a night that may be gone on with, nor of a night whose runs are kept.
  /// - Parameter isDryRun: says only what would go.
  public func prune(_ retention: Retention, isDryRun: Bool = false) throws(UserError) -> Pruned {
    let before = bytes
    var pruned =
      try isDryRun
      ? read { db in try plan(retention, db) }
      : write { db in
        let pruned = try plan(retention, db)
        let runs = try Columns.json(pruned.runs)
        try db.execute(sql: "DELETE FROM runs WHERE id IN (SELECT value FROM json_each(?))", arguments: [runs])
        let numbers = try Int64.fetchAll(
          db, sql: "SELECT number FROM nights WHERE id IN (SELECT value FROM json_each(?))",
          arguments: [try Columns.json(pruned.nights)])
        try NightRows.remove(numbers, db)
        return pruned
      }
    pruned.bytesBefore = before
    pruned.bytesAfter = before
    if isDryRun { return pruned }
    // Only now that no row leads to them.
    for worker in pruned.workers { unlink("\(workerDirectory)/\(worker)") }
    try compact()
    pruned.bytesAfter = bytes
    return pruned
  }

  private func plan(_ retention: Retention, _ db: Database) throws -> Pruned {
    let baseline = try Self.baseline(db)
    // Before this number a night has no runs any more, and before that one it is gone.
    let firstWithRuns = try Self.firstKept(retention.nightsWithRuns, db)
    let first = try Self.firstKept(retention.nights, db)
    let over = "phase IN ('finished', 'abandoned')"
    let nights = try String.fetchAll(
      db, sql: "SELECT id FROM nights WHERE number < ? AND \(over) AND id IS NOT ? ORDER BY number",
      arguments: [first, baseline?.origin])
    var runs = try String.fetchAll(
      db,
      sql: """
        SELECT id FROM runs
        WHERE id IS NOT ?1 AND EXISTS (SELECT 1 FROM night_runs WHERE run = runs.id)
          AND NOT EXISTS (
            SELECT 1 FROM night_runs p JOIN nights n ON n.number = p.night
            WHERE p.run = runs.id AND (n.number >= ?2 OR NOT n.\(over) OR n.id IS ?1))
        ORDER BY started, rowid
        """, arguments: [baseline?.origin, max(first, firstWithRuns)])
    runs += try Self.looseRuns(retention.looseRuns, db).filter { $0 != baseline?.origin }
    return Pruned(
      runs: runs, nights: nights,
      workers: try unreferencedWorkers(firstNight: max(first, firstWithRuns), baseline, db), bytesBefore: 0,
      bytesAfter: 0)
  }

  /// The number of the oldest of the last `count` finished nights; of fewer, and without a limit, all are kept.
  private static func firstKept(_ count: Int?, _ db: Database) throws -> Int64 {
    guard let count else { return .min }
    if count <= 0 { return .max }
    return try Int64.fetchOne(
      db, sql: "SELECT number FROM nights WHERE phase = 'finished' ORDER BY number DESC LIMIT 1 OFFSET ?",
      arguments: [count - 1]) ?? .min
  }

  /// Runs of no night that are over and are not kept, oldest first.
  private static func looseRuns(_ kept: Retention.LooseRuns, _ db: Database) throws -> [String] {
    let loose = "exit <> 'running' AND NOT EXISTS (SELECT 1 FROM night_runs WHERE run = runs.id)"
    switch kept {
    case .all: return []
    case .newest(let count):
      return try String.fetchAll(
        db, sql: "SELECT id FROM runs WHERE \(loose) ORDER BY started DESC, rowid DESC LIMIT -1 OFFSET ?",
        arguments: [max(0, count)]
      ).reversed()
    case .since(let date):
      return try String.fetchAll(
        db, sql: "SELECT id FROM runs WHERE \(loose) AND started < ? ORDER BY started, rowid",
        arguments: [Columns.seconds(date)])
    }
  }

  /// Names of files of the workers' directory: workers, and what a killed copy has left.
  private func unreferencedWorkers(firstNight: Int64, _ baseline: PinnedBaseline?, _ db: Database) throws -> [String] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT worker_sha256, baseline_sha256 FROM nights
        WHERE number >= ? OR phase NOT IN ('finished', 'abandoned') OR id IS ?
        """, arguments: [firstNight, baseline?.origin])
    var kept = Set(try rows.map { row in try Columns.value(row, "worker_sha256") as String })
    for row in rows {
      if let reference: String = try Columns.optional(row, "baseline_sha256") { kept.insert(reference) }
    }
    if let baseline { kept.insert(baseline.workerSHA256) }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: workerDirectory)) ?? []
    return names.sorted().filter { name in
      let digest = name.prefix(64)
      guard Self.isDigest(digest) else { return false }
      if name.count == 64 { return !kept.contains(name) }
      return name.hasSuffix(".part") && !Self.isBeingWritten(name)
    }
  }

  /// Whether the process that a temporary file is named by (`<sha256>.<process>.part`) is there.
  private static func isBeingWritten(_ name: String) -> Bool {
    guard let process = Int32(name.dropFirst(65).dropLast(5)), process > 0 else { return false }
    return kill(process, 0) == 0 || errno == EPERM
  }

  // MARK: - Room

  /// Gives the room of removed rows back, where that is a quarter of the file or more: less is filled again by the next
  /// nights, and the whole file is written anew.
  private func compact() throws(UserError) {
    try Self.rethrowing(path) {
      do {
        try queue.writeWithoutTransaction { db in
          let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
          let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
          if free > 256 && free * 4 >= pages { try db.execute(sql: "VACUUM") }
          _ = try Row.fetchAll(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
      } catch let error as DatabaseError
        where [.SQLITE_FULL, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_IOERR].contains(error.resultCode)
      {
        // A copy of the file does not fit on the disk, or somebody reads: the rows are gone, and their pages are used
        // again.
      }
    }
  }

  /// Of the database, its log and the kept workers.
  private var bytes: Int {
    let workers = (try? FileManager.default.contentsOfDirectory(atPath: workerDirectory)) ?? []
    let files = [path, "\(path)-wal"] + workers.map { "\(workerDirectory)/\($0)" }
    return files.reduce(0) { sum, file in
      var status = stat()
      return lstat(file, &status) == 0 ? sum + Int(status.st_size) : sum
    }
  }
}
