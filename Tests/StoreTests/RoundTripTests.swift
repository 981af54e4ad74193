import Foundation
import Model
import Store
import Testing

@Suite("A stored run")
struct RoundTripTests {
  private let fixture: TestStore
  private var store: RunStore { fixture.store }

  init() throws { fixture = try TestStore() }

  @Test("comes back as it was, from another connection too")
  func everything() throws {
    var run = Sample.run("20261124-031541-7f3a")
    try store.begin(run)
    #expect(try store.run(run.id) == StoredRun(record: run, blocks: [], trials: []))

    var trials: [Trial] = []
    var blocks: [BlockRecord] = []
    for index in 0..<3 {
      for (position, environment) in ["veth", "native", "native", "veth"].enumerated() {
        let trial = Sample.trial(
          block: index, position: position, environment: environment, isControl: position == 2,
          isCaptured: position == 3, samples: [0, .max, UInt32(index)],
          growth: position == 1 ? (0..<index).map(Self.usage) : nil)
        try store.append(trial, run: run.id)
        trials.append(trial)
      }
      let block = BlockRecord(index: index, voidReasons: index == 1 ? ["steal 5 %"] : [], noiseClass: .noisy)
      try store.append(block, run: run.id)
      blocks.append(block)
    }
    run.exit = .completed
    run.finished = Date()
    run.stopReason = "every claim has its verdict"
    run.warnings.append("another")
    try store.update(run)

    let expected = StoredRun(record: run, blocks: blocks, trials: trials)
    #expect(try store.run(run.id) == expected)
    #expect(try RunStore(path: store.path).run("latest") == expected)
    #expect(try RunStore.openReadOnly(path: store.path).run("latest") == expected)
    #expect(try store.integrityProblems() == [])
  }

  private static func usage(_ step: Int) -> ImageUsage {
    ImageUsage(total: 1e12 / 3 + Double(step), reclaimable: 0, shared: .infinity, unique: 0.1)
  }

  @Test("keeps every bit of a value", arguments: 0..<3)
  func bits(_ seed: Int) throws {
    var values: [Double] = [
      0, -0.0, .pi, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .infinity, 1e15 + 0.3,
      9_007_199_254_740_991,
    ]
    values += (0..<100).map { Double(bitPattern: UInt64($0 + 1000 * seed) &* 0x9e37_79b9_7f4a_7c15) }
    try store.begin(Sample.run("r"))
    var expected: [UInt64] = []
    for (index, value) in values.enumerated() where !value.isNaN {
      var trial = Sample.trial(block: index, position: 0)
      trial.values = [.rate: value]
      trial.noise.canaryNanoseconds = value
      try store.append(trial, run: "r")
      // SQLite keeps no sign for zero, and no measurement has one.
      expected.append((value + 0.0).bitPattern)
    }
    let trials = try store.run("r").trials
    #expect(trials.map { $0.values[.rate]?.bitPattern } == expected)
    #expect(trials.map { (($0.noise.canaryNanoseconds ?? .nan) + 0.0).bitPattern } == expected)
  }

  @Test("keeps times exactly")
  func times() throws {
    for index in 0..<50 {
      let started = Date(timeIntervalSinceReferenceDate: 8e8 + Double(index) * 0.000_123_456_789)
      try store.begin(Sample.run("r\(index)", started: started))
      #expect(try store.run("r\(index)").record.started == started)
    }
  }

  @Test("refuses a value that is no number, since it would come back as nothing")
  func notANumber() throws {
    try store.begin(Sample.run("r"))
    var trial = Sample.trial(block: 0, position: 0)
    trial.values[.rttP99] = .nan
    let error = userError { () throws(UserError) in try store.append(trial, run: "r") }
    #expect(error?.exitCode == .internalError)
    #expect(error?.message.contains("rtt_p99") == true)
    #expect(try store.run("r").trials == [])
  }

  @Test("keeps the trials of a block that never ended, without a record of the block")
  func unfinishedBlock() throws {
    try store.begin(Sample.run("r"))
    try store.append(Sample.trial(block: 0, position: 0), run: "r")
    try store.append(BlockRecord(index: 0, voidReasons: [], noiseClass: .quiet), run: "r")
    try store.append(Sample.trial(block: 1, position: 0), run: "r")
    let run = try store.run("r")
    #expect(run.blocks.map(\.index) == [0])
    #expect(run.trials.map(\.block) == [0, 1])
  }

  @Test("does not take the same trial, block or run twice")
  func twice() throws {
    try store.begin(Sample.run("r"))
    try store.append(Sample.trial(block: 0, position: 0), run: "r")
    try store.append(BlockRecord(index: 0, voidReasons: [], noiseClass: .quiet), run: "r")
    #expect(throws: UserError.self) { try store.begin(Sample.run("r")) }
    #expect(throws: UserError.self) { try store.append(Sample.trial(block: 0, position: 1), run: "r") }
    #expect(throws: UserError.self) {
      try store.append(BlockRecord(index: 0, voidReasons: ["x"], noiseClass: .quiet), run: "r")
    }
    #expect(try store.run("r").trials.count == 1)
  }

  @Test("is needed before its trials and blocks")
  func unknownRun() {
    let trial = userError { () throws(UserError) in
      try store.append(Sample.trial(block: 0, position: 0), run: "no\u{1B}ne")
    }
    #expect(trial?.message == "the store has no run 'no\\u{1B}ne'")
    #expect(throws: UserError.self) {
      try store.append(BlockRecord(index: 0, voidReasons: [], noiseClass: .quiet), run: "none")
    }
    #expect(throws: UserError.self) { try store.update(Sample.run("none")) }
    #expect(throws: UserError.self) { try store.delete(run: "none") }
    #expect(throws: UserError.self) { try store.abandon("none", reason: "x") }
  }

  @Test("is deleted with all that belongs to it, and nothing else")
  func delete() throws {
    for id in ["a", "b"] {
      try store.begin(Sample.run(id))
      try store.append(Sample.trial(block: 0, position: 0), run: id)
      try store.append(BlockRecord(index: 0, voidReasons: [], noiseClass: .quiet), run: id)
    }
    try store.delete(run: "a")
    #expect(try store.runs().map(\.id) == ["b"])
    #expect(try store.run("b").trials.count == 1)
    #expect(try store.integrityProblems() == [])
    #expect(throws: UserError.self) { try store.run("a") }
  }

  @Test("is marked as failed when its controller is gone, but not after its end")
  func abandon() throws {
    try store.begin(Sample.run("a"))
    #expect(try store.abandon("a", reason: "the controller was killed"))
    let record = try store.run("a").record
    #expect(record.exit == .failed)
    #expect(record.stopReason == "the controller was killed")
    #expect(try store.abandon("a", reason: "again") == false)
    #expect(try store.run("a").record.stopReason == "the controller was killed")
  }
}

@Suite("Finding a run")
struct FindingTests {
  private let fixture: TestStore
  private var store: RunStore { fixture.store }

  init() throws {
    fixture = try TestStore()
    for (index, id) in ["20261124-031541-7f3a", "20261124-041541-1111", "20261125-031541-2222"].enumerated() {
      try store.begin(Sample.run(id, started: Date(timeIntervalSinceReferenceDate: Double(index))))
    }
  }

  @Test(
    "takes an id, a unique beginning or 'latest'",
    arguments: [
      ("20261124-031541-7f3a", "20261124-031541-7f3a"), ("20261125", "20261125-031541-2222"),
      ("20261124-04", "20261124-041541-1111"), ("latest", "20261125-031541-2222"),
    ])
  func found(_ id: String, _ expected: String) throws {
    #expect(try store.run(id).record.id == expected)
  }

  @Test("prefers a whole id to a beginning")
  func whole() throws {
    try store.begin(Sample.run("20261124"))
    #expect(try store.run("20261124").record.id == "20261124")
  }

  @Test("says which runs a beginning may mean")
  func ambiguous() {
    let error = userError { () throws(UserError) in try store.run("20261124") }
    #expect(error?.exitCode == .usage)
    #expect(error?.message == "'20261124' is the beginning of 2 runs")
    #expect(error?.remedy == "Give one of: 20261124-041541-1111, 20261124-031541-7f3a, or 'latest'.")
  }

  @Test("suggests the nearest id and shows the newest")
  func unknown() {
    let error = userError { () throws(UserError) in try store.run("20261124-031541-7f3b") }
    #expect(error?.exitCode == .usage)
    #expect(
      error?.message
        == "no run '20261124-031541-7f3b' in the store \(store.path) (did you mean '20261124-031541-7f3a'?)")
    #expect(error?.remedy?.hasPrefix("Give one of: 20261125-031541-2222, 20261124-041541-1111, ") == true)
    #expect(userError { () throws(UserError) in try store.run("lastest") }?.message.contains("'latest'") == true)
  }

  @Test("takes no odd text for an id", arguments: ["", "%", "_", "*", "' OR 1=1 --", "\0", "\u{1B}[2J"])
  func odd(_ id: String) {
    let error = userError { () throws(UserError) in try store.run(id) }
    #expect(error?.exitCode == .usage)
    #expect(error?.message.contains("\u{1B}") == false)
  }

  @Test("says how to make the first run")
  func empty() throws {
    let empty = try TestStore()
    let error = userError { () throws(UserError) in try empty.store.run("latest") }
    #expect(error?.exitCode == .usage)
    #expect(error?.message == "the store \(empty.store.path) holds no runs yet")
    #expect(try empty.store.runs() == [])
  }

  @Test("lists the newest first, with what was stored of each")
  func list() throws {
    try store.append(Sample.trial(block: 0, position: 0), run: "20261124-041541-1111")
    try store.append(BlockRecord(index: 0, voidReasons: [], noiseClass: .quiet), run: "20261124-041541-1111")
    try store.append(Sample.trial(block: 1, position: 0), run: "20261124-041541-1111")
    let runs = try store.runs()
    #expect(runs.map(\.id) == ["20261125-031541-2222", "20261124-041541-1111", "20261124-031541-7f3a"])
    #expect(runs.map(\.trials) == [0, 2, 0])
    #expect(runs.map(\.blocks) == [0, 1, 0])
    #expect(runs.first?.scenario == "network-hop")
    #expect(runs.first?.profile == .quick)
    #expect(runs.first?.exit == .running)
    #expect(runs.first?.started == Date(timeIntervalSinceReferenceDate: 2))
    #expect(try store.runs(limit: 1).map(\.id) == ["20261125-031541-2222"])
    #expect(try store.runs(limit: 0) == [])
    #expect(try store.runs(limit: -3) == [])
  }
}

@Suite("The default path of the store")
struct DefaultPathTests {
  @Test(
    "follows BENCH_STORE, XDG_STATE_HOME and HOME",
    arguments: [
      (["BENCH_STORE": "/a/b.sqlite", "XDG_STATE_HOME": "/s", "HOME": "/h"], "/a/b.sqlite"),
      (["BENCH_STORE": "b.sqlite", "HOME": "/h"], "b.sqlite"),
      (["BENCH_STORE": "", "XDG_STATE_HOME": "/s", "HOME": "/h"], "/s/bench/bench.sqlite"),
      (["XDG_STATE_HOME": "/s/", "HOME": "/h"], "/s/bench/bench.sqlite"),
      (["XDG_STATE_HOME": "relative", "HOME": "/h"], "/h/.local/state/bench/bench.sqlite"),
      (["HOME": "/h/"], "/h/.local/state/bench/bench.sqlite"),
    ])
  func path(_ environment: [String: String], _ expected: String) {
    #expect(RunStore.defaultPath(environment: environment) == expected)
  }

  @Test("is absolute without any of them")
  func nothing() {
    #expect(RunStore.defaultPath(environment: [:]).hasPrefix("/"))
  }
}
