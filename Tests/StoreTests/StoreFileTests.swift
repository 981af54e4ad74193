import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Store

@Suite("The store's file")
struct StoreFileTests {
  private let directory: ScratchDirectory
  init() throws { directory = try ScratchDirectory() }

  private func failure(_ path: String) -> UserError? {
    userError { () throws(UserError) in try RunStore(path: path) }
  }

  @Test("is made with the directories above it, for the user alone")
  func made() throws {
    let path = "\(directory.path)/a/b/bench.sqlite"
    let store = try RunStore(path: path)
    #expect(try store.runs() == [])
    let mode = try FileManager.default.attributesOfItem(atPath: "\(directory.path)/a")[.posixPermissions] as? Int
    #expect(mode == 0o700)
  }

  @Test("may be an empty file at first")
  func emptyFile() throws {
    try Data().write(to: URL(filePath: directory.store))
    let store = try RunStore(path: directory.store)
    try store.begin(Sample.run("r"))
    #expect(try RunStore(path: directory.store).runs().count == 1)
  }

  @Test("has a log, full synchronisation, foreign keys and our mark", .requiresSQLite3)
  func settings() throws {
    let store = try RunStore(path: directory.store)
    try store.begin(Sample.run("r"))
    #expect(try sqlite3(directory.store, "PRAGMA journal_mode") == "wal")
    #expect(try sqlite3(directory.store, "PRAGMA application_id") == "\(Schema.applicationID)")
    #expect(
      try sqlite3(directory.store, "SELECT identifier FROM grdb_migrations ORDER BY 1")
        == "1 runs, blocks and trials\n2 captured trials\n3 address families\n4 images and references\n"
        + "5 nights and their history")
    #expect(try store.pragma("synchronous") == "2")
    #expect(try store.pragma("foreign_keys") == "1")
  }

  @Test("is no directory")
  func directoryGiven() {
    let error = failure(directory.path)
    #expect(error?.exitCode == .badInput)
    #expect(error?.message == "the store \(directory.path) is a directory")
    #expect(
      userError { () throws(UserError) in try RunStore.openReadOnly(path: directory.path) }?.exitCode == .badInput)
  }

  @Test("is not below a file")
  func belowFile() throws {
    try Data("x".utf8).write(to: URL(filePath: directory.store))
    let error = failure("\(directory.store)/bench.sqlite")
    #expect(error?.exitCode == .badInput)
    #expect(error?.message.contains(directory.store) == true)
  }

  @Test("is a regular file")
  func device() {
    #expect(failure("/dev/null")?.message == "the store /dev/null is not a regular file")
  }

  @Test("is a file name", arguments: ["", "a\0b"])
  func noName(_ path: String) {
    #expect(failure(path)?.exitCode == .badInput)
    #expect(userError { () throws(UserError) in try RunStore.openReadOnly(path: path) }?.exitCode == .badInput)
  }

  @Test("is left as it is when it holds something else", arguments: [1, 50, 99, 100, 511, 5000, 100_000])
  func junk(_ size: Int) throws {
    let bytes = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 197 &+ 13) })
    try bytes.write(to: URL(filePath: directory.store))
    let error = failure(directory.store)
    #expect(error?.exitCode == .badInput)
    #expect(error?.message == "the store \(directory.store) is not a database")
    #expect(try Data(contentsOf: URL(filePath: directory.store)) == bytes)
    #expect(
      userError { () throws(UserError) in try RunStore.openReadOnly(path: directory.store) }?.exitCode == .badInput)
  }

  @Test("is left as it is when it is the database of another program", .requiresSQLite3)
  func otherDatabase() throws {
    try sqlite3(directory.store, "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')")
    let before = try Data(contentsOf: URL(filePath: directory.store))
    let error = failure(directory.store)
    #expect(error?.exitCode == .badInput)
    #expect(error?.message == "the store \(directory.store) is a database of another program")
    #expect(try Data(contentsOf: URL(filePath: directory.store)) == before)
  }

  @Test(
    "of the first version is brought up to date with all that it holds", .requiresSQLite3, arguments: [true, false])
  func older(_ isReading: Bool) throws {
    let dump = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/store-1.sql")
    try sqlite3(directory.store, try String(contentsOf: dump, encoding: .utf8))
    let store = isReading ? try RunStore.openReadOnly(path: directory.store) : try RunStore(path: directory.store)
    let run = try store.run("latest")
    #expect(run.record.id == "20261124-055952-0aac" && run.record.exit == .completed)
    #expect(run.record.capture == .unavailable("packets were not captured in this run"))
    #expect(run.blocks == [BlockRecord(index: 0, voidReasons: [], noiseClass: .noisy)])
    #expect(run.trials.map(\.environment).sorted() == ["bridge", "native", "native", "netns", "veth"])
    #expect(run.trials.allSatisfy { !$0.isCaptured && $0.hops == nil && $0.values[.rttP50] != nil })
    #expect(try store.integrityProblems() == [])
    if isReading { return }
    // A trial of today finds its place beside those.
    var trial = run.trials[0]
    trial.isCaptured = true
    try store.append(trial, run: run.record.id)
    #expect(try store.run("latest").trials.count == 6)
  }

  @Test(
    "from before images were rebuilt is brought up to date with all that it holds", .requiresSQLite3,
    arguments: [true, false])
  func beforeImages(_ isReading: Bool) throws {
    let trials = [
      Sample.trial(block: 0, position: 0), Sample.trial(block: 0, position: 1, isCaptured: true),
      Sample.trial(block: 0, position: 2, environment: "native", isControl: true),
    ]
    do {
      let store = try RunStore(path: directory.store)
      try store.begin(Sample.run("r"))
      for trial in trials { try store.append(trial, run: "r") }
    }
    // The third version lacked the column and nothing else.
    try sqlite3(
      directory.store,
      "ALTER TABLE trials DROP COLUMN growth_json; DELETE FROM grdb_migrations WHERE identifier LIKE '4%'; "
        + "PRAGMA wal_checkpoint(TRUNCATE)")
    let store = isReading ? try RunStore.openReadOnly(path: directory.store) : try RunStore(path: directory.store)
    #expect(try store.run("r").trials == trials)
    #expect(try store.integrityProblems() == [])
    if isReading { return }
    let grown = Sample.trial(
      block: 1, position: 0, growth: [ImageUsage(total: 4, reclaimable: 3, shared: 2, unique: 1)])
    try store.append(grown, run: "r")
    #expect(try store.run("r").trials == trials + [grown])
  }

  @Test("is left as it is when a newer version wrote it", .requiresSQLite3)
  func newer() throws {
    do {
      let store = try RunStore(path: directory.store)
      try store.begin(Sample.run("r"))
    }
    try sqlite3(
      directory.store, "INSERT INTO grdb_migrations VALUES ('3 from the future'); PRAGMA wal_checkpoint(TRUNCATE)")
    let before = try Data(contentsOf: URL(filePath: directory.store))
    let error = failure(directory.store)
    #expect(error?.exitCode == .badInput)
    #expect(error?.message == "the store \(directory.store) was written by a newer version of bench")
    #expect(
      userError { () throws(UserError) in try RunStore.openReadOnly(path: directory.store) }?.exitCode == .badInput)
    #expect(try Data(contentsOf: URL(filePath: directory.store)) == before)
    #expect(try sqlite3(directory.store, "SELECT count(*) FROM runs") == "1")
  }

  @Test(
    "is named as damaged when a value cannot be one of ours", .requiresSQLite3,
    arguments: [
      "UPDATE trials SET histogram = x'0105'", "UPDATE trials SET histogram = x''",
      "UPDATE trials SET attestation_json = '{'", "UPDATE runs SET exit = 'vanished'",
      "UPDATE trials SET growth_json = '[{}]'", "UPDATE trials SET growth_json = ''",
      "UPDATE runs SET scenario_json = '[]'", "UPDATE trial_values SET metric = 'goodput' WHERE metric = 'rate'",
      "UPDATE blocks SET noise_class = 'loud'",
    ])
  func damagedValue(_ sql: String) throws {
    let store = try RunStore(path: directory.store)
    try store.begin(Sample.run("r"))
    try store.append(Sample.trial(block: 0, position: 0), run: "r")
    try store.append(BlockRecord(index: 0, voidReasons: [], noiseClass: .quiet), run: "r")
    try sqlite3(directory.store, sql)
    let error = userError { () throws(UserError) in try store.run("r") }
    #expect(error?.exitCode == .badInput)
    #expect(error?.message.hasPrefix("the store \(directory.store) is damaged: ") == true)
  }

  @Test("with damaged pages is an error or a problem found, never a crash")
  func damagedPages() throws {
    do {
      let store = try RunStore(path: directory.store)
      try store.begin(Sample.run("r"))
      for block in 0..<20 { try store.append(Sample.trial(block: block, position: 0), run: "r") }
    }
    let sound = try Data(contentsOf: URL(filePath: directory.store))
    var noticed = 0
    for page in 0..<(sound.count / 4096) {
      var bytes = sound
      // The first page keeps its header, without which the file is no database at all.
      let start = page * 4096 + (page == 0 ? 100 : 0)
      bytes.replaceSubrange(start..<(page + 1) * 4096, with: repeatElement(0xa5, count: (page + 1) * 4096 - start))
      let path = "\(directory.path)/damaged-\(page).sqlite"
      try bytes.write(to: URL(filePath: path))
      let error = userError { () throws(UserError) in
        let store = try RunStore(path: path)
        let problems = try store.integrityProblems()
        if !problems.isEmpty { noticed += 1 }
        return try store.run("r")
      }
      if let error {
        #expect([.badInput, .usage, .internalError].contains(error.exitCode), "\(error)")
        noticed += 1
      }
    }
    #expect(noticed > 0)
  }

  @Test("that does not exist is not made by reading")
  func readMissing() {
    let error = userError { () throws(UserError) in try RunStore.openReadOnly(path: directory.store) }
    #expect(error?.exitCode == .badInput)
    #expect(error?.message == "the store \(directory.store) does not exist")
    #expect(!FileManager.default.fileExists(atPath: directory.store))
    let deep = userError { () throws(UserError) in try RunStore.openReadOnly(path: "\(directory.path)/x/y.sqlite") }
    #expect(deep?.message == "the store \(directory.path)/x/y.sqlite does not exist")
  }

  @Test("opened for reading only is not written")
  func readOnly() throws {
    do {
      let store = try RunStore(path: directory.store)
      try store.begin(Sample.run("r"))
    }
    let store = try RunStore.openReadOnly(path: directory.store)
    #expect(try store.runs().count == 1)
    let error = userError { () throws(UserError) in try store.begin(Sample.run("s")) }
    #expect(error?.exitCode == .notPermitted)
    #expect(error?.message == "the store \(directory.store) may not be written")
  }

  @Test(
    "may have odd characters in its name",
    arguments: ["a b?immutable=1#%20'.sqlite", "file:x.sqlite", "ünï\u{1F600}.sqlite"])
  func oddName(_ name: String) throws {
    let path = "\(directory.path)/\(name)"
    do {
      let store = try RunStore(path: path)
      try store.begin(Sample.run("r"))
    }
    #expect(FileManager.default.fileExists(atPath: path))
    #expect(try RunStore.openReadOnly(path: path).runs().count == 1)
  }

  @Test("on a read-only file system can be read but not written", .requiresMount)
  func readOnlyFileSystem() throws {
    let disk = try TinyFileSystem(kibibytes: 4096)
    let path = "\(disk.path)/odd name?.sqlite"
    do {
      let store = try RunStore(path: path)
      try store.begin(Sample.run("r"))
      try store.append(Sample.trial(block: 0, position: 0), run: "r")
    }
    try disk.makeReadOnly()
    #expect(try RunStore.openReadOnly(path: path).run("r").trials.count == 1)
    let error = failure(path)
    #expect(error?.exitCode == .notPermitted, "\(String(describing: error))")
    #expect(failure("\(disk.path)/new.sqlite")?.exitCode == .notPermitted)
    #expect(failure("\(disk.path)/new/new.sqlite")?.exitCode == .notPermitted)
  }

  @Test("on a full disk is an error, and what was stored stays", .requiresMount)
  func fullDisk() throws {
    let disk = try TinyFileSystem(kibibytes: 1024)
    let store = try RunStore(path: "\(disk.path)/bench.sqlite")
    try store.begin(Sample.run("r"))
    var stored: [Trial] = []
    var error: UserError?
    for block in 0..<10_000 where error == nil {
      let trial = Sample.trial(block: block, position: 0, samples: (0..<2000).map { $0 &* 7919 })
      error = userError { () throws(UserError) in try store.append(trial, run: "r") }
      if error == nil { stored.append(trial) }
    }
    #expect(error?.exitCode == .unavailable, "\(String(describing: error))")
    #expect(error?.message.contains(disk.path) == true)
    #expect(stored.count > 5)
    #expect(try store.run("r").trials == stored)
    #expect(failure("\(disk.path)/second.sqlite")?.exitCode == .unavailable)
  }

  @Test("that cannot grow is an error, and what was stored stays")
  func full() throws {
    let store = try RunStore(path: directory.store, busyTimeout: 1, maximumPages: 40)
    try store.begin(Sample.run("r"))
    var stored = 0
    var error: UserError?
    for block in 0..<1000 where error == nil {
      let trial = Sample.trial(block: block, position: 0, samples: (0..<1000).map { $0 &* 7919 })
      error = userError { () throws(UserError) in try store.append(trial, run: "r") }
      if error == nil { stored += 1 }
    }
    #expect(error?.exitCode == .unavailable)
    #expect(error?.message == "the store \(directory.store) cannot grow: the disk is full")
    #expect(stored > 0)
    #expect(try store.run("r").trials.count == stored)
    // The failed transaction left nothing: what is deleted makes room again.
    try store.delete(run: "r")
    try store.begin(Sample.run("s"))
    #expect(try store.integrityProblems() == [])
  }
}

@Suite("Several users of a store")
struct ConcurrencyTests {
  private let directory: ScratchDirectory
  init() throws { directory = try ScratchDirectory() }

  @Test("that open a new one at the same time all get it", arguments: 0..<10)
  func openTogether(_ round: Int) async throws {
    let path = "\(directory.path)/round-\(round).sqlite"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<6 {
        group.addTask {
          let store = try RunStore(path: path)
          try store.begin(Sample.run("run-\(writer)"))
        }
      }
      try await group.waitForAll()
    }
    #expect(try RunStore(path: path).runs().count == 6)
  }

  @Test("that write at the same time lose nothing")
  func writeTogether() async throws {
    let path = directory.store
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<3 {
        group.addTask {
          let store = try RunStore(path: path)
          try store.begin(Sample.run("run-\(writer)"))
          for block in 0..<20 {
            try store.append(Sample.trial(block: block, position: 0), run: "run-\(writer)")
            _ = try store.run("run-\(writer)")
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try RunStore(path: path).runs().map(\.trials) == [20, 20, 20])
  }

  @Test("see what another process has written, and may write beside it", .requiresSQLite3)
  func otherProcess() throws {
    let store = try RunStore(path: directory.store)
    try store.begin(Sample.run("r"))
    #expect(try sqlite3(directory.store, "SELECT id FROM runs") == "r")
    try sqlite3(directory.store, "UPDATE runs SET version = '9'")
    #expect(try store.run("r").record.version == "9")
  }

  @Test("read while one writes, and are told when the lock is not given up", .requiresSQLite3)
  func locked() throws {
    let store = try RunStore(path: directory.store, busyTimeout: 0.05)
    try store.begin(Sample.run("r"))
    let holder = try ChildProcess(
      executable: "/usr/bin/sqlite3", arguments: [directory.store], environment: testEnvironment)
    try holder.write(Array("BEGIN EXCLUSIVE;\nSELECT 'held';\n".utf8))
    #expect(try holder.readLine(deadline: farDeadline()) == Array("held".utf8))

    #expect(try store.runs().count == 1)
    let error = userError { () throws(UserError) in try store.append(Sample.trial(block: 0, position: 0), run: "r") }
    #expect(error?.exitCode == .unavailable)
    #expect(error?.message == "the store \(directory.store) is locked by another program")

    try holder.write(Array(".quit\n".utf8))
    #expect(try holder.waitForExit(deadline: farDeadline()) == .exited(0))
    try store.append(Sample.trial(block: 0, position: 0), run: "r")
  }

  @Test("find every stored trial after one is killed, in the files as they are at that moment")
  func killed() throws {
    let store = try RunStore(path: directory.store)
    try store.begin(Sample.run("r"))
    for block in 0..<5 {
      try store.append(Sample.trial(block: block, position: 0), run: "r")
      // What a process that is killed now leaves: the files, and no chance to close them.
      let copy = "\(directory.path)/copy-\(block).sqlite"
      for suffix in ["", "-wal"] {
        try FileManager.default.copyItem(atPath: directory.store + suffix, toPath: copy + suffix)
      }
      let survivor = try RunStore(path: copy)
      #expect(try survivor.run("r").trials.count == block + 1)
      #expect(try survivor.integrityProblems() == [])
    }
  }
}

@Suite("A store of many trials")
struct VolumeTests {
  @Test("takes a thousand with a hundred thousand samples each")
  func thousand() throws {
    let fixture = try TestStore()
    try fixture.store.begin(Sample.run("r"))
    // Spread as latencies are: a few thousand distinct values.
    let samples: [UInt32] = (0..<100_000).map { index in
      let tail: UInt32 = index % 997 == 0 ? UInt32(index) : 0
      return 9_000 + UInt32(index * 7919 % 3001) + tail
    }
    let trial = Sample.trial(block: 0, position: 0, samples: samples)
    let start = ContinuousClock.now
    for block in 0..<1000 {
      var next = trial
      next.block = block
      try fixture.store.append(next, run: "r")
    }
    let written = ContinuousClock.now - start
    let run = try fixture.store.run("r")
    let read = ContinuousClock.now - start - written
    #expect(run.trials.count == 1000)
    #expect(run.trials.allSatisfy { $0.histogram == trial.histogram })
    print("1000 trials of 100 000 samples: \(written / 1000) each to append, \(read / 1000) each to read")
  }
}
