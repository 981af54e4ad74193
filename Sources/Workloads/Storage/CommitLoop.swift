internal import CSQLite
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// Transactions of SQLite that are on the disk when they have ended: what a small service does with its state.
///
/// The database is in WAL mode with `synchronous=FULL`, so each commit appends to the log and syncs it; everything else,
/// the checkpoint after every 1000 pages of log included, is as SQLite has it. A transaction is BEGIN IMMEDIATE, `count`
/// INSERTs of a blob of `blockSize` bytes, and COMMIT; a sample is the time of all that.
///
/// When the window is over, SQLite checks the database, and the rows must be as many as were committed.
public struct CommitLoop: StorageLoop {
  private let configuration: StorageConfiguration

  public init(_ configuration: StorageConfiguration) { self.configuration = configuration }

  /// Room for this many transactions a second: more than SQLite does without a disk.
  private static let fastestPerSecond: UInt64 = 500_000
  private static let sampleLimit: UInt64 = 1 << 26

  public func run(_ conversation: any StorageConversation) throws(WorkloadError) {
    let path = "\(FileLayout.directory(.own, in: configuration.directory))/commits.db"
    let longest = max(configuration.windowNanoseconds, configuration.warmupNanoseconds)
    let room = min(Self.sampleLimit, longest / (1_000_000_000 / Self.fastestPerSecond) + 1024)
    // Written to, so its pages are there when the window opens.
    var samples = [UInt64](repeating: 0, count: Int(room))
    var result = StorageResult()
    do {
      let database = try Database(path)
      try database.prepare()
      let transaction = try Transaction(database, configuration)
      let warmup = try transaction.repeated(for: configuration.warmupNanoseconds, into: &samples)
      // What the warm-up has left to be written is not the window's. The log itself stays as long as it is, and is
      // written over.
      try database.run("PRAGMA wal_checkpoint(PASSIVE)")
      try syncFileSystem(of: configuration.directory)
      try conversation.awaitStart()

      let usage = ProcessUsage()
      let window = try transaction.repeated(for: configuration.windowNanoseconds, into: &samples)
      usage.account(for: &result)

      result.windowNanoseconds = window.nanoseconds
      result.operations = UInt64(window.count)
      result.bytes = UInt64(window.count) * UInt64(configuration.count) * UInt64(configuration.blockSize)
      result.isTruncated = window.count == samples.count
      try database.check(rows: (warmup.count + window.count) * configuration.count)
    }
    // Closed by now, which has brought the log into the database.
    try syncFileSystem(of: configuration.directory)
    samples.removeLast(samples.count - Int(result.operations))
    conversation.report(StorageOutcome(result: result, samples: [(.commit, samples)]))
  }
}

/// The statements of one transaction, prepared, and the blob that they insert.
private struct Transaction: ~Copyable {
  private let database: OpaquePointer
  private let path: String
  private let begin: Statement
  private let insert: Statement
  private let commit: Statement
  private let blob: Blob
  private let count: Int

  /// - Parameter database: must outlive this.
  init(_ database: borrowing Database, _ configuration: StorageConfiguration) throws(WorkloadError) {
    let begin = try Statement(database, "BEGIN IMMEDIATE")
    let insert = try Statement(database, "INSERT INTO t (value) VALUES (?1)")
    let commit = try Statement(database, "COMMIT")
    let blob = Blob(size: configuration.blockSize, seed: configuration.seed)
    // Bound once: SQLite reads the memory at each step. No destructor is SQLITE_STATIC: it stays where it is.
    let code = sqlite3_bind_blob64(insert.handle, 1, blob.bytes.baseAddress, UInt64(configuration.blockSize), nil)
    guard code == SQLITE_OK else { throw database.error("bind \(configuration.blockSize) bytes", code) }
    self.database = database.handle
    path = database.path
    count = configuration.count
    self.begin = begin
    self.insert = insert
    self.commit = commit
    self.blob = blob
  }

  /// Transactions until `duration` ns have passed, or `samples` are full.
  borrowing func repeated(
    for duration: UInt64, into samples: inout [UInt64]
  ) throws(WorkloadError) -> (count: Int, nanoseconds: UInt64) {
    // Locals, so that the optimiser may keep them in registers across the calls.
    let (begin, insert, commit, rows) = (begin.handle, insert.handle, commit.handle, count)
    var done = 0
    var code = SQLITE_DONE
    let start = Clock.monotonic()
    var now = start
    samples.withUnsafeMutableBufferPointer { samples in
      while now - start < duration && done < samples.count {
        code = Self.step(begin)
        var row = 0
        while code == SQLITE_DONE && row < rows {
          code = Self.step(insert)
          row &+= 1
        }
        if code == SQLITE_DONE { code = Self.step(commit) }
        let end = Clock.monotonic()
        if code != SQLITE_DONE { return }
        samples[done] = end - now
        done &+= 1
        now = end
      }
    }
    guard code == SQLITE_DONE else { throw Database.error(database, path, "a transaction", code) }
    return (done, now - start)
  }

  /// Runs a statement that gives no rows, and makes it ready to be run again.
  @inline(__always)
  private static func step(_ statement: OpaquePointer) -> Int32 {
    let code = sqlite3_step(statement)
    let reset = sqlite3_reset(statement)
    return code == SQLITE_DONE && reset != SQLITE_OK ? reset : code
  }
}

/// What is inserted: random, since some file systems compress.
private struct Blob: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer

  init(size: Int, seed: UInt64) {
    bytes = .allocate(byteCount: (size + 7) / 8 * 8, alignment: 8)
    var numbers = SplitMix64(seed: seed)
    for offset in stride(from: 0, to: bytes.count, by: 8) {
      bytes.storeBytes(of: numbers.next(), toByteOffset: offset, as: UInt64.self)
    }
  }

  deinit { bytes.deallocate() }
}

/// A connection to a database in WAL mode.
private struct Database: ~Copyable {
  let handle: OpaquePointer
  let path: String

  init(_ path: String) throws(WorkloadError) {
    var handle: OpaquePointer?
    let code = sqlite3_open_v2(
      path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let handle else {
      let reason = Self.error(handle, path, "open", code)
      sqlite3_close_v2(handle)
      throw reason
    }
    self.handle = handle
    self.path = path
  }

  // Of statements that are still there, the last one closes it.
  deinit { sqlite3_close_v2(handle) }

  /// What SQLite has been told is read back: a file system without shared memory, or a wrong word, leaves it as it was.
  borrowing func prepare() throws(WorkloadError) {
    let mode = try text("PRAGMA journal_mode=WAL")
    guard mode == "wal" else {
      throw WorkloadError("SQLite has no write-ahead log on \(path): the journal's mode stays '\(mode)'")
    }
    try run("PRAGMA synchronous=FULL")
    let level = try text("PRAGMA synchronous")
    guard level == "2" else { throw WorkloadError("SQLite does not sync each commit of \(path): level \(level)") }
    try run("CREATE TABLE t (id INTEGER PRIMARY KEY, value BLOB NOT NULL)")
  }

  /// Checks the whole database, and that it has so many rows.
  borrowing func check(rows: Int) throws(WorkloadError) {
    let answer = try text("PRAGMA integrity_check")
    guard answer == "ok" else { throw WorkloadError("\(path) is damaged: \(answer)") }
    let found = try text("SELECT count(*) FROM t")
    guard found == String(rows) else { throw WorkloadError("\(path) has \(found) rows where \(rows) were committed") }
  }

  borrowing func run(_ sql: String) throws(WorkloadError) { _ = try text(sql) }

  /// The first column of the first row; empty if there is none.
  borrowing func text(_ sql: String) throws(WorkloadError) -> String {
    let statement = try Statement(self, sql)
    var first: String?
    var code = sqlite3_step(statement.handle)
    while code == SQLITE_ROW {
      if first == nil { first = sqlite3_column_text(statement.handle, 0).map { String(cString: $0) } }
      code = sqlite3_step(statement.handle)
    }
    guard code == SQLITE_DONE else { throw error(sql, code) }
    return first ?? ""
  }

  borrowing func error(_ what: String, _ code: Int32) -> WorkloadError {
    Self.error(handle, path, what, code)
  }

  /// With the kernel's reason, where there is one: SQLite's own is "disk I/O error" for most of them.
  static func error(_ handle: OpaquePointer?, _ path: String, _ what: String, _ code: Int32) -> WorkloadError {
    let words = handle.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(code)
    let reason = words.map { String(cString: $0) } ?? "error \(code)"
    let isKernels = [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xFF)
    let errno = isKernels ? handle.map { sqlite3_system_errno($0) } ?? 0 : 0
    let cause = errno == 0 ? "" : " (\(SystemError(call: "", code: errno).reason))"
    return WorkloadError("SQLite, \(what), \(path): \(reason)\(cause)")
  }
}

/// A prepared statement.
private struct Statement: ~Copyable {
  let handle: OpaquePointer

  init(_ database: borrowing Database, _ sql: String) throws(WorkloadError) {
    var handle: OpaquePointer?
    let code = sqlite3_prepare_v2(database.handle, sql, -1, &handle, nil)
    guard code == SQLITE_OK, let handle else { throw database.error(sql, code) }
    self.handle = handle
  }

  deinit { sqlite3_finalize(handle) }
}
