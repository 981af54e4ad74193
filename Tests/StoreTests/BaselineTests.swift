import Foundation
import Model
import Testing

@testable import Store

@Suite("A pinned baseline")
struct BaselineTests {
  private let fixture: TestStore
  private var store: RunStore { fixture.store }

  init() throws { fixture = try TestStore() }

  private func worker(_ text: String) throws -> String {
    let path = "\(fixture.directory.path)/worker-\(UUID().uuidString)"
    try Data(text.utf8).write(to: URL(filePath: path))
    return path
  }

  @Test("is one at a time, and comes back as it was")
  func one() throws {
    #expect(try store.baseline() == nil)
    #expect(try store.clearBaseline() == false)
    var baseline = PinnedBaseline(
      workerSHA256: Sample.digest(1), origin: "night-1", pinned: Date(timeIntervalSinceReferenceDate: 1.0 / 3),
      isManual: true, fingerprint: Sample.fingerprint)
    try store.pin(baseline)
    #expect(try RunStore(path: store.path).baseline() == baseline)
    baseline.origin = nil
    baseline.isManual = false
    try store.pin(baseline)
    #expect(try store.baseline() == baseline)
    #expect(try store.clearBaseline())
    #expect(try store.baseline() == nil)
  }

  @Test("has its worker beside the store, whole and executable")
  func keptWorker() throws {
    let digest = Sample.digest(7)
    #expect(store.workerPath(sha256: digest) == nil)
    try store.keepWorker(path: try worker(String(repeating: "x", count: 3_000_000)), sha256: digest)
    let path = try #require(store.workerPath(sha256: digest))
    #expect(path == "\(store.path).workers/\(digest)")
    let facts = try FileManager.default.attributesOfItem(atPath: path)
    #expect(facts[.size] as? Int == 3_000_000 && facts[.posixPermissions] as? Int == 0o755)
    // A damaged copy is mended by keeping it again.
    try store.keepWorker(path: try worker("sound"), sha256: digest)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "sound")
    #expect(try FileManager.default.contentsOfDirectory(atPath: store.workerDirectory) == [digest])
  }

  @Test(
    "keeps no worker under a name that is no SHA-256",
    arguments: ["", "../../etc/passwd", "ab", "G\(Sample.digest(1).dropFirst())"])
  func noDigest(_ name: String) throws {
    let path = try worker("x")
    #expect(userError { () throws(UserError) in try store.keepWorker(path: path, sha256: name) } != nil)
    #expect(store.workerPath(sha256: name) == nil)
  }

  @Test("says why a worker cannot be kept, and leaves nothing of it", .requiresMount)
  func full() throws {
    let disk = try TinyFileSystem(kibibytes: 512)
    let store = try RunStore(path: "\(disk.path)/bench.sqlite")
    let path = try worker(String(repeating: "x", count: 2_000_000))
    let error = userError { () throws(UserError) in try store.keepWorker(path: path, sha256: Sample.digest(1)) }
    #expect(error?.exitCode == .unavailable)
    #expect(error?.message.hasSuffix("no space left on device") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: store.workerDirectory) == [])
    let missing = userError { () throws(UserError) in
      try store.keepWorker(path: "\(disk.path)/nothing", sha256: Sample.digest(1))
    }
    #expect(missing?.message.contains("cannot be read") == true)
  }
}

@Suite("A store that is pruned")
struct PruneTests {
  private let fixture: TestStore
  private var store: RunStore { fixture.store }

  /// Six nights of two runs each, the third abandoned and the last unfinished, each of a worker of its own; three runs of
  /// no night, the last still going on.
  init() throws {
    fixture = try TestStore()
    let worker = "\(fixture.directory.path)/worker"
    try Data("x".utf8).write(to: URL(filePath: worker))
    for number in 1...6 {
      let runs = ["\(number)a", "\(number)b"]
      for id in runs { try run(id, day: number) }
      var night = Sample.night(number, runs: runs)
      night.baselineSHA256 = nil
      try store.keepWorker(path: worker, sha256: night.workerSHA256)
      if number == 3 || number == 6 {
        night.phase = number == 3 ? .abandoned : .confirming
        try store.begin(night)
      } else {
        try store.add(night, Sample.values(number), fingerprint: number == 1 ? [] : Sample.fingerprint)
      }
    }
    for (index, id) in ["x", "y", "z"].enumerated() { try run(id, day: index, exit: id == "z" ? .running : .completed) }
  }

  private func run(_ id: String, day: Int, exit: RunRecord.Exit = .completed) throws {
    var run = Sample.run(id, started: Sample.night(day).started)
    run.exit = exit
    try store.begin(run)
    try store.append(Sample.trial(block: 0, position: 0, samples: (0..<2000).map { $0 &* 7919 }), run: id)
  }

  private func runs() throws -> Set<String> { Set(try store.runs().map(\.id)) }

  @Test("loses nothing where nothing is asked for")
  func nothing() throws {
    #expect(try store.prune(Retention()).isEmpty)
    #expect(try runs().count == 15)
    #expect(try store.nights().count == 6)
  }

  @Test("loses the runs of old nights and not their history, and says before what it would lose")
  func runsOfNights() throws {
    let dry = try store.prune(Retention(nightsWithRuns: 2), isDryRun: true)
    #expect(dry.runs == ["1a", "1b", "2a", "2b", "3a", "3b"] && dry.nights == [])
    #expect(dry.workers == (1...3).map(Sample.digest))
    #expect(try runs().count == 15)
    let pruned = try store.prune(Retention(nightsWithRuns: 2))
    #expect(pruned.runs == dry.runs && pruned.workers == dry.workers && pruned.bytesAfter < pruned.bytesBefore)
    #expect(try runs() == ["4a", "4b", "5a", "5b", "6a", "6b", "x", "y", "z"])
    #expect(try store.history(of: Sample.series(0)).count == 4)
    #expect(try store.nightResult("night-1001") != nil)
    #expect(try store.night("night-1001").parts.map(\.run) == ["1a", "1b"])
    #expect(store.workerPath(sha256: Sample.digest(3)) == nil && store.workerPath(sha256: Sample.digest(4)) != nil)
    #expect(try store.integrityProblems() == [])
    #expect(try store.prune(Retention(nightsWithRuns: 2)).isEmpty)
  }

  @Test("loses old nights with all that belongs to them")
  func nights() throws {
    // Opened for a night that does not name it yet.
    let opened = try store.epoch(for: [Epoch.Fact("kernel", "7")], started: .now).epoch
    let pruned = try store.prune(Retention(nights: 1))
    #expect(pruned.nights == (1...4).map { "night-\(1000 + $0)" })
    #expect(try runs() == ["5a", "5b", "6a", "6b", "x", "y", "z"])
    #expect(try store.history(of: Sample.series(0)).map(\.night) == ["night-1005"])
    #expect(try store.epochs().map(\.number) == [2, opened.number])
    #expect(try store.integrityProblems() == [])
    // A night that comes then is not given the number of another.
    try store.add(Sample.night(7), Sample.values(7))
    #expect(try store.history(of: Sample.series(0)).map(\.night) == ["night-1005", "night-1007"])
  }

  @Test("never loses what the pinned baseline is, or what may be gone on with", arguments: ["night-1001", "1a", nil])
  func pinned(_ origin: String?) throws {
    try store.pin(
      PinnedBaseline(
        workerSHA256: Sample.digest(1), origin: origin, pinned: .now, isManual: true, fingerprint: []))
    let pruned = try store.prune(Retention(nightsWithRuns: 0, nights: 0, looseRuns: .newest(0)))
    #expect(try store.baseline()?.origin == origin)
    #expect(store.workerPath(sha256: Sample.digest(1)) != nil && store.workerPath(sha256: Sample.digest(6)) != nil)
    let ofBaseline: Set<String> = origin == "1a" ? ["1a"] : origin == nil ? [] : ["1a", "1b"]
    #expect(try runs() == ofBaseline.union(["6a", "6b", "z"]))
    #expect(
      try Set(store.nights().map(\.id)) == (origin == "night-1001" ? ["night-1001", "night-1006"] : ["night-1006"]))
    #expect(pruned.workers == (2...5).map(Sample.digest))
    #expect(try store.unfinishedNights().count == 1)
    #expect(try store.integrityProblems() == [])
  }

  @Test("loses runs of no night by number or by age, when asked, and none that goes on")
  func looseRuns() throws {
    #expect(try store.prune(Retention(looseRuns: .newest(1)), isDryRun: true).runs == ["x"])
    #expect(try store.prune(Retention(looseRuns: .since(Sample.night(1).started)), isDryRun: true).runs == ["x"])
    #expect(try store.prune(Retention(looseRuns: .since(.distantFuture))).runs == ["x", "y"])
    #expect(try runs().contains("z"))
  }

  @Test("loses what a killed copy of a worker has left, and no other file")
  func leftovers() throws {
    let digest = Sample.digest(5)
    // No process has a number that large (PID_MAX_LIMIT is 2^22).
    let names = ["\(digest).2147483646.part", "\(digest).\(getpid()).part", "README"]
    for name in names { try Data().write(to: URL(filePath: "\(store.workerDirectory)/\(name)")) }
    #expect(try store.prune(Retention()).workers == [names[0]])
    for name in names.dropFirst() {
      #expect(FileManager.default.fileExists(atPath: "\(store.workerDirectory)/\(name)"))
    }
  }

  @Test("gives the room back")
  func room() throws {
    for block in 0..<120 {
      try store.append(Sample.trial(block: block + 1, position: 0, samples: (0..<2000).map { $0 &* 7919 }), run: "1a")
    }
    let pruned = try store.prune(Retention(nightsWithRuns: 1))
    #expect(pruned.bytesAfter * 2 < pruned.bytesBefore)
    #expect(try store.pragma("freelist_count") == "0")
    #expect(try store.integrityProblems() == [])
  }
}
