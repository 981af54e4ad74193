import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

@Suite("Transactions of SQLite", .serialized)
struct CommitTests {
  private func scratch() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.makeDirectory(FileLayout.directory(.own, in: scratch.path))
    return scratch
  }

  private func database(_ scratch: borrowing Scratch) -> String { "\(scratch.path)/own/commits.db" }

  private func settings(
    _ scratch: borrowing Scratch, rows: Int = 1, rowSize: Int = 100, warmup: UInt64 = 0,
    window: UInt64 = 100 * milliseconds
  ) -> StorageConfiguration {
    StorageConfiguration(
      loop: .commit, directory: scratch.path, count: rows, blockSize: rowSize, warmupNanoseconds: warmup,
      windowNanoseconds: window, seed: 11)
  }

  /// What the sqlite3 program reads there.
  private func query(_ database: String, _ sql: String) throws -> String {
    String(try output("sqlite3", [database, sql]).dropLast())
  }

  @Test(
    "have a sample each, and leave a whole database with their rows", .requiresProgram("sqlite3"), arguments: [1, 5],
    [1, 100, 4096])
  func rows(count: Int, size: Int) throws {
    let scratch = try scratch()
    let (result, samples, starts) = try measured(CommitLoop(settings(scratch, rows: count, rowSize: size)))
    let times = try #require(samples[.commit])
    #expect(starts == 1 && samples.count == 1 && times.count > 0)
    #expect(result.operations == UInt64(times.count) && !result.isTruncated)
    #expect(result.bytes == UInt64(times.count * count * size))
    #expect(times.reduce(0, +) == result.windowNanoseconds && result.windowNanoseconds >= 100 * milliseconds)
    #expect(result.cpuNanoseconds > 0)
    let database = database(scratch)
    #expect(try query(database, "PRAGMA integrity_check") == "ok")
    #expect(try query(database, "PRAGMA journal_mode") == "wal")
    #expect(
      try query(database, "SELECT count(*), min(length(value)), max(length(value)) FROM t")
        == "\(times.count * count)|\(size)|\(size)")
  }

  @Test("of the warm-up are not counted", .requiresProgram("sqlite3"))
  func warmup() throws {
    let scratch = try scratch()
    let settings = settings(scratch, warmup: 50 * milliseconds, window: 0)
    let (result, samples, _) = try measured(CommitLoop(settings))
    #expect(result.operations == 0 && result.bytes == 0 && samples[.commit] == [] && result.windowNanoseconds == 0)
    #expect(try #require(Int(query(database(scratch), "SELECT count(*) FROM t"))) > 0)
  }

  @Test("are synced one by one", .requiresProgram("strace"))
  func syncs() throws {
    let scratch = try scratch()
    let (outcome, calls) = try traced(settings(scratch, rows: 3), scratch)
    let commits = outcome.samples[0].count
    let syncs = calls.count { $0.hasPrefix("fdatasync(") || $0.hasPrefix("fsync(") }
    // Beside theirs, those of checkpoints, the one at the end among them, and of logs that begin again.
    #expect(commits > 0 && syncs >= commits && syncs <= commits + 20)
  }

  @Test("that have ended are there when the worker is killed", .requiresProgram("sqlite3"))
  func killed() throws {
    let scratch = try scratch()
    let rows = 4
    let worker = try WorkerProcess(settings(scratch, rows: rows, window: 600_000 * milliseconds))
    try worker.ready()
    // Nothing but the table and no row as yet: there is no warm-up.
    let database = database(scratch)
    func logSize() throws -> Int {
      var status = stat()
      try systemCall("stat", on: database) { stat("\(database)-wal", &status) }
      return Int(status.st_size)
    }
    let empty = try logSize()
    try worker.send(.start)
    let deadline = farDeadline()
    while try logSize() < empty + 100_000, Clock.monotonic() < deadline { usleep(1000) }
    worker.child.kill()
    #expect(try worker.child.waitForExit(deadline: farDeadline()) == .killed(signal: SIGKILL))
    #expect(try query(database, "PRAGMA integrity_check") == "ok")
    let found = try #require(Int(query(database, "SELECT count(*) FROM t")))
    #expect(found > 0 && found % rows == 0)
  }

  @Test("end with SQLite's reason when the disk is full", .requiresNetworkNamespaces)
  func full() throws {
    let scratch = try Scratch()
    let path = scratch.path
    let settings = settings(scratch, rows: 10, rowSize: 4096, window: 20_000 * milliseconds)
    let reason = try MountNamespace().run { () throws in
      try Mount.make("tmpfs", at: path, options: [.value("size", "2m")])
      try scratch.makeDirectory("\(path)/own")
      return try failure(of: CommitLoop(settings))
    }
    #expect(reason == "SQLite, a transaction, \(path)/own/commits.db: database or disk is full")
  }

  @Test("end where they find more or less than they have committed", .requiresProgram("sqlite3"))
  func strange() throws {
    let scratch = try scratch()
    let database = database(scratch)
    let reason = try failure(
      of: CommitLoop(settings(scratch)),
      whenReady: { _ in _ = try output("sqlite3", [database, "INSERT INTO t (value) VALUES (x'00')"]) })
    #expect(reason.hasPrefix("\(database) has ") && reason.hasSuffix(" were committed"))
    let numbers = reason.split(separator: " ").compactMap { Int($0) }
    #expect(numbers.count == 2 && numbers[0] == numbers[1] + 1)
  }

  @Test("are refused with a reason where there can be no database of theirs")
  func refused() throws {
    let scratch = try Scratch()
    let database = database(scratch)
    #expect(
      try failure(of: CommitLoop(settings(scratch)))
        == "SQLite, open, \(database): unable to open database file (No such file or directory)")
    try scratch.makeDirectory("\(scratch.path)/own")
    _ = try measured(CommitLoop(settings(scratch, window: 0)))
    // A second one on the same files finds the first one's table.
    let reason = try failure(of: CommitLoop(settings(scratch, window: 0)))
    #expect(reason.hasPrefix("SQLite, CREATE TABLE ") && reason.hasSuffix("\(database): table t already exists"))
    try scratch.write([UInt8](repeating: 7, count: 8192), to: "\(scratch.path)/other")
    #expect(rename("\(scratch.path)/other", database) == 0)
    #expect(try failure(of: CommitLoop(settings(scratch))).hasSuffix("\(database): file is not a database"))
  }
}
