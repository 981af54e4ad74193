internal import Foundation
internal import GRDB
public import Model

/// Runs and their trials, kept in one SQLite file that several processes may use at the same time.
///
/// A trial is on the disk when ``append(_:run:)-(Trial,_)`` returns. A ``Model/BlockRecord`` is written when its block
/// has ended: trials of a block that has none are those that a killed controller left. They stay readable, but only
/// blocks with a record are complete and may be analysed.
///
/// Every failure is a `UserError` that names the file and the remedy:
/// - `.notPermitted`: the file or its directory may not be read or written;
/// - `.badInput`: the path is a directory, or the file is no store, is damaged or is of a newer version of `bench`;
/// - `.unavailable`: the disk is full or failing, or another program holds the lock;
/// - `.usage`: no run has the id that was asked for.
public final class RunStore: Sendable {
  /// The absolute path of the database file.
  public let path: String
  let queue: DatabaseQueue

  /// How long to wait for another process's transaction, which takes milliseconds.
  static let busyTimeout = 10.0

  // MARK: - Opening

  /// Opens the store at `path` for reading and writing; makes the file and the directories above it where they are
  /// missing, and brings an older store up to date.
  public convenience init(path: String) throws(UserError) {
    try self.init(path: path, busyTimeout: Self.busyTimeout)
  }

  /// - Parameters:
  ///   - busyTimeout: how long to wait for a lock, in seconds.
  ///   - maximumPages: makes the store as good as full at this size, for tests.
  ///   - isDurable: whether to wait for the disk; false is for tests of size.
  init(path: String, busyTimeout: Double, maximumPages: Int? = nil, isDurable: Bool = true) throws(UserError) {
    self.path = try Self.absolute(path)
    try Self.makeDirectory(above: self.path)
    try Self.checkFile(self.path)
    let configuration = Self.configuration(busyTimeout: busyTimeout)
    queue = try Self.rethrowing(self.path) { [path = self.path] in
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      let migrator = Schema.migrator
      // Before anything is written, even the journal mode.
      try queue.read { db in try Self.check(db, migrator, path: path) }
      try queue.inDatabase { db in
        if try String.fetchOne(db, sql: "PRAGMA journal_mode") != "wal" {
          try db.execute(sql: "PRAGMA journal_mode = WAL")
        }
        // With NORMAL, the usual choice beside WAL, the last trials before a power cut could be lost. A trial takes a
        // second to make, so that one more fsync after its window costs nothing.
        try db.execute(sql: "PRAGMA synchronous = \(isDurable ? "FULL" : "OFF")")
        if let maximumPages { try db.execute(sql: "PRAGMA max_page_count = \(maximumPages)") }
      }
      try Self.migrate(queue, migrator)
      return queue
    }
  }

  private init(path: String, queue: DatabaseQueue) {
    self.path = path
    self.queue = queue
  }

  /// Opens an existing store for reading only: nothing is made and nothing is changed, so that reports can be had from
  /// a store on a read-only file system or of another user. (One of an older version is first brought up to date, where
  /// that is permitted.) Writing to it fails with `.notPermitted`.
  public static func openReadOnly(path: String) throws(UserError) -> RunStore {
    let path = try absolute(path)
    if !FileManager.default.fileExists(atPath: path) { throw StoreFailure.missing(path) }
    try checkFile(path)
    var configuration = configuration(busyTimeout: busyTimeout)
    configuration.readonly = true
    let readOnly = configuration
    let queue = try rethrowing(path) {
      do {
        do { return try checkedQueue(path, path, readOnly) } catch is OlderStore where access(path, W_OK) == 0 {
          // Its runs are readable once its tables are those of today.
          _ = try RunStore(path: path)
          return try checkedQueue(path, path, readOnly)
        }
      } catch let error as DatabaseError where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) {
        // A reader of a WAL database makes its index file, and cannot where the directory is read-only. A store at
        // rest has no log, and may then be read as a file that nobody changes.
        let log = (try? FileManager.default.attributesOfItem(atPath: path + "-wal"))?[.size] as? Int ?? 0
        guard log == 0, access(path, R_OK) == 0, let file = uri(path) else { throw error }
        return try checkedQueue(file, path, readOnly)
      } catch is OlderStore {
        throw StoreFailure.notAStore(
          "was written by an older version of bench, and may not be changed here", path: path)
      }
    }
    return RunStore(path: path, queue: queue)
  }

  private static func checkedQueue(
    _ file: String, _ path: String, _ configuration: Configuration
  ) throws -> DatabaseQueue {
    let queue = try DatabaseQueue(path: file, configuration: configuration)
    let migrator = Schema.migrator
    try queue.read { db in
      try check(db, migrator, path: path)
      if try !migrator.hasCompletedMigrations(db) { throw OlderStore() }
    }
    return queue
  }

  /// Has to be brought up to date before it can be read.
  private struct OlderStore: Error {}

  /// The file as an SQLite URI that promises that nobody changes it (https://sqlite.org/uri.html).
  private static func uri(_ path: String) -> String? {
    path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed).map { "file:\($0)?immutable=1" }
  }

  /// SQLite on Debian takes a path that begins with `file:` for a URI; an absolute one never does.
  private static func absolute(_ path: String) throws(UserError) -> String {
    if path.isEmpty || path.utf8.contains(0) {
      throw UserError(
        .badInput, "'\(StoreFailure.shown(path))' is not a file name for the store",
        remedy: "Give the path of a file with --store PATH or BENCH_STORE.")
    }
    return path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
  }

  /// Makes the directories above the file that are missing, for the user alone, as the XDG Base Directory Specification
  /// wants it.
  private static func makeDirectory(above path: String) throws(UserError) {
    let directory = (path as NSString).deletingLastPathComponent
    if FileManager.default.fileExists(atPath: directory) { return }
    var made = ""
    for component in directory.split(separator: "/") {
      made += "/\(component)"
      if mkdir(made, 0o700) == 0 || errno == EEXIST { continue }
      throw StoreFailure.cannotMake(directory, errno)
    }
  }

  /// Refuses what SQLite would misunderstand: it reads a directory as a disk failure, and a file that is too short to
  /// have a database's header as a new one, which it may write over.
  private static func checkFile(_ path: String) throws(UserError) {
    var status = stat()
    if stat(path, &status) != 0 { return }
    if status.st_mode & S_IFMT == S_IFDIR { throw StoreFailure.cannotOpen(path) }
    if status.st_mode & S_IFMT != S_IFREG { throw StoreFailure.notAStore("is not a regular file", path: path) }
    if (1..<100).contains(status.st_size) { throw StoreFailure.notAStore("is not a database", path: path) }
  }

  private static func configuration(busyTimeout: Double) -> Configuration {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = true
    configuration.busyMode = .timeout(busyTimeout)
    configuration.label = "bench store"
    return configuration
  }

  /// Refuses what is no store of this version or an older one.
  private static func check(_ db: Database, _ migrator: DatabaseMigrator, path: String) throws {
    let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
    if isEmpty { return }
    let application = try Int32.fetchOne(db, sql: "PRAGMA application_id")
    // The first migration makes the mark and its tables at once; only the list of migrations comes before.
    let isUnborn =
      try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table'") == ["grdb_migrations"]
    if application != Schema.applicationID && !isUnborn {
      throw StoreFailure.notAStore("is a database of another program", path: path)
    }
    if try migrator.hasBeenSuperseded(db) { throw StoreFailure.newer(path: path) }
  }

  /// Two processes may find the same store out of date at the same time. Each migration is one transaction, so that
  /// one of them fails and finds the work done.
  private static func migrate(_ queue: DatabaseQueue, _ migrator: DatabaseMigrator) throws {
    for _ in migrator.migrations {
      do { return try migrator.migrate(queue) } catch let error as DatabaseError {
        // On a disk that is full there is not even a list of migrations: the first error says why.
        if (try? queue.read(migrator.hasCompletedMigrations)) == true { return }
        if ![.SQLITE_ERROR, .SQLITE_CONSTRAINT].contains(error.resultCode) { throw error }
      }
    }
    try migrator.migrate(queue)
  }

  // MARK: - Writing

  /// Stores a run that begins.
  public func begin(_ run: RunRecord) throws(UserError) {
    try write { db in try RunRows.insert(run, db) }
  }

  /// Stores a trial. It is on the disk when this returns, and comes back with the same numbers to the last bit (but for
  /// the sign of a zero).
  /// - Parameter run: the id of a run that has begun.
  public func append(_ trial: Trial, run: String) throws(UserError) {
    // SQLite stores NaN as NULL: it would come back as a value that is missing without a reason.
    if let metric = Metric.allCases.first(where: { trial.values[$0]?.isNaN == true }) {
      let trial = "the trial of \(trial.workload) in \(trial.environment), block \(trial.block),"
      throw UserError(.internalError, "\(trial) has no number for \(metric.rawValue)")
    }
    try write { db in
      try Self.require(run, db)
      try RunRows.insert(trial, run: run, db)
    }
  }

  /// Stores that a block has ended, and how. Its trials count from now on.
  /// - Parameter run: the id of a run that has begun.
  public func append(_ block: BlockRecord, run: String) throws(UserError) {
    try write { db in
      try Self.require(run, db)
      try RunRows.insert(block, run: run, db)
    }
  }

  /// Replaces everything that is stored of a run but its blocks and trials: how it ended, its warnings.
  public func update(_ run: RunRecord) throws(UserError) {
    try write { db in
      if try !RunRows.update(run, db) { throw Self.lost(run.id) }
    }
  }

  /// Marks a run that is recorded as going on, but whose controller is gone, as failed. A run that has ended is left
  /// as it is. Whether the controller is gone is for the caller to know.
  /// - Parameters:
  ///   - id: the whole id of the run.
  ///   - reason: becomes the run's stop reason.
  /// - Returns: whether the run was going on.
  @discardableResult
  public func abandon(_ id: String, reason: String) throws(UserError) -> Bool {
    try write { db in
      try Self.require(id, db)
      try db.execute(
        sql: "UPDATE runs SET exit = ?, stop_reason = ? WHERE id = ? AND exit = ?",
        arguments: [RunRecord.Exit.failed.rawValue, reason, id, RunRecord.Exit.running.rawValue])
      return db.changesCount == 1
    }
  }

  /// Removes a run with its blocks and trials.
  /// - Parameter run: the whole id of the run.
  public func delete(run: String) throws(UserError) {
    try write { db in
      try Self.require(run, db)
      try db.execute(sql: "DELETE FROM runs WHERE id = ?", arguments: [run])
    }
  }

  // MARK: - Reading

  /// A run with its blocks, in order, and all its trials, in the order in which they were stored.
  ///
  /// Trials whose block has no ``Model/BlockRecord`` are among them: see ``RunStore``.
  /// - Parameter id: a run's id, a beginning of it that no other run has, or `latest`.
  public func run(_ id: String) throws(UserError) -> StoredRun {
    try read { [path] db in
      let found = try Self.find(id, db, path: path)
      guard let run = try RunRows.run(found, db) else { throw Self.lost(found) }
      return run
    }
  }

  /// The whole id of a run.
  /// - Parameter name: as of ``run(_:)``.
  public func runID(_ name: String) throws(UserError) -> String {
    try read { [path] db in try Self.find(name, db, path: path) }
  }

  /// The newest runs, newest first.
  /// - Parameter limit: how many at the most; nil gives all.
  public func runs(limit: Int? = nil) throws(UserError) -> [RunListing] {
    try read { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT id, scenario, profile, started, finished, exit,
            (SELECT count(*) FROM blocks WHERE blocks.run = runs.id) AS block_count,
            (SELECT count(*) FROM trials WHERE trials.run = runs.id) AS trial_count
          FROM runs ORDER BY started DESC, rowid DESC LIMIT ?
          """, arguments: [limit.map { max(0, $0) } ?? -1])
      return try rows.map { row in
        RunListing(
          id: try Columns.value(row, "id"), scenario: try Columns.value(row, "scenario"),
          profile: try Columns.word(row, "profile"), started: try Columns.date(row, "started"),
          finished: try Columns.optionalDate(row, "finished"), exit: try Columns.word(row, "exit"),
          blocks: try Columns.value(row, "block_count"), trials: try Columns.value(row, "trial_count"))
      }
    }
  }

  /// What is wrong with the file, as SQLite sees it (`PRAGMA integrity_check` and `foreign_key_check`); empty for a
  /// sound store.
  public func integrityProblems() throws(UserError) -> [String] {
    try read { db in
      let problems = try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
      let orphans = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { row in
        "a row of \(row["table"] as String? ?? "?") belongs to no row of \(row["parent"] as String? ?? "?")"
      }
      return problems + orphans
    }
  }

  // MARK: - Finding

  static func find(_ id: String, _ db: Database, path: String) throws -> String {
    try Named.runs.find(id, db, path: path)
  }

  private static func require(_ run: String, _ db: Database) throws {
    let isThere = try Bool.fetchOne(db, sql: "SELECT 1 FROM runs WHERE id = ?", arguments: [run]) ?? false
    if !isThere { throw lost(run) }
  }

  private static func lost(_ run: String) -> UserError {
    UserError(
      .unavailable, "the store has no run '\(StoreFailure.shown(run))'",
      remedy: "Another program may have deleted it; 'latest' is the newest one.")
  }

  // MARK: - Errors

  func write<Value>(_ body: (Database) throws -> Value) throws(UserError) -> Value {
    try Self.rethrowing(path) { try queue.write(body) }
  }

  func read<Value>(_ body: (Database) throws -> Value) throws(UserError) -> Value {
    try Self.rethrowing(path) { try queue.read(body) }
  }

  static func rethrowing<Value>(_ path: String, _ body: () throws -> Value) throws(UserError) -> Value {
    do { return try body() } catch { throw StoreFailure.userError(error, path: path) }
  }
}

extension RunStore {
  /// A setting of the open connection, for tests.
  func pragma(_ name: String) throws(UserError) -> String? {
    try read { db in try String.fetchOne(db, sql: "PRAGMA \(name)") }
  }
}
