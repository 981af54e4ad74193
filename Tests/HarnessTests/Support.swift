import Environments
import Foundation
import LinuxKit
import Model
import Store
import Testing

@testable import Harness

/// A directory of its own for one test, removed when the last reference goes.
final class ScratchDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-harness-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var store: String { "\(path)/store/bench.sqlite" }
  var journals: String { "\(path)/journal" }
  /// Journals that are still there.
  var journalFiles: [String] { (try? FileManager.default.contentsOfDirectory(atPath: journals)) ?? [] }

  /// An executable that is a shell script.
  func script(_ text: String) throws -> String {
    let script = "\(path)/worker-\(UUID().uuidString)"
    try shell(#"printf '#!/bin/sh\n%s\n' "$1" > "$2" && chmod 755 "$2""#, [text, script])
    return script
  }

  /// A copy of an executable, whose path tells its processes from all others.
  func copy(of executable: String) throws -> String {
    let copy = "\(path)/bench-worker"
    try shell(#"cp "$1" "$2""#, [executable, copy])
    return copy
  }

  /// Executables are written by a process of their own: a descriptor of this one, open for writing, would be inherited
  /// by whatever another test starts at that moment, and keep the file from being run.
  private func shell(_ command: String, _ arguments: [String]) throws {
    let child = try ChildProcess(executable: "/bin/sh", arguments: ["-c", command, "sh"] + arguments)
    try #require(try child.waitForExit(deadline: Clock.monotonic() + 20_000_000_000) == .exited(0))
  }
}

/// An executable that tests need is not there.
struct MissingExecutable: Error, CustomStringConvertible {
  let description: String
}

/// The executables of the project: named by a variable, else beside the tests, else in the checkout's build directory.
enum Built {
  static func worker() throws -> String { try locate("bench-worker", variable: "BENCH_WORKER") }
  static func bench() throws -> String { try locate("bench", variable: "BENCH_EXECUTABLE") }

  private static func locate(_ name: String, variable: String) throws -> String {
    var candidates: [String] = []
    if let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty {
      candidates = [path]
    } else {
      if let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
        candidates.append(URL(filePath: tests).deletingLastPathComponent().appending(path: name).path)
      }
      candidates += ["debug", "release"].map { repository.appending(path: ".build/\($0)/\(name)").path }
    }
    guard let path = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
      throw MissingExecutable(
        description:
          "cannot find \(name) (looked at \(candidates.joined(separator: ", "))): build it with 'make build', "
          + "and name it in \(variable)")
    }
    return path
  }
}

/// The root of the repository.
let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// The error of a call that must fail.
func userError(_ body: () throws(UserError) -> some Any) -> UserError? {
  do throws(UserError) {
    _ = try body()
    return nil
  } catch { return error }
}

extension Scenario {
  /// A scenario of trials as short as can be.
  static func tiny(
    environments: [String] = ["native", "netns", "veth"], window: Int = 30, warmup: Int = 5, budget: Int = 15,
    looks: [Int] = [8], workloads: [WorkloadSpec] = [WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin)],
    claims: [ClaimSpec] = []
  ) -> Scenario {
    Scenario(
      name: "tiny", title: "t", description: "d", baseline: "native", environments: environments, workloads: workloads,
      profiles: [
        .quick: Profile(windowMilliseconds: window, warmupMilliseconds: warmup, budgetSeconds: budget, looks: looks)
      ], claims: claims)
  }
}

/// A controller in a directory of the test.
struct Bench {
  let directory: ScratchDirectory
  let store: RunStore
  let plan: RunPlan
  let worker: WorkerBinary

  init(_ scenario: Scenario = .tiny(), worker: String? = nil, injection: Injection? = nil) throws {
    directory = try ScratchDirectory()
    store = try RunStore(path: directory.store)
    plan = try RunPlan(scenario: scenario, profile: .quick, seed: .random(in: 1...999_999), injection: injection)
    self.worker = try WorkerBinary(path: try worker ?? directory.copy(of: Built.worker()))
  }

  init(directory: ScratchDirectory, _ scenario: Scenario, worker: String) throws {
    self.directory = directory
    store = try RunStore(path: directory.store)
    plan = try RunPlan(scenario: scenario, profile: .quick, seed: 1)
    self.worker = try WorkerBinary(path: worker)
  }

  func run(
    plan: RunPlan? = nil, packets: String? = nil, interruption: Interruption? = nil, patience: UInt64? = nil,
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws(UserError) -> StoredRun {
    // As the program has it: writing to a worker that died is an error, not the end of the tests.
    signal(SIGPIPE, SIG_IGN)
    var controller = RunController(
      plan: plan ?? self.plan, worker: worker, processors: try Processors.choose(), store: store,
      journalDirectory: directory.journals, packetDirectory: packets, interruption: interruption, observe: observe)
    if let patience { controller.patience = patience }
    return try controller.run(command: "bench run tiny", version: "0")
  }

  /// Measures until that is enough for a test, and interrupts the run then: how many blocks it takes is the host's to say.
  /// A run that gives up, because three blocks in a row could not be measured, is followed by another.
  /// - Returns: the runs, five at the most. If they are not enough, a run has come to the end of its plan, or all gave up.
  func runs(
    plan: RunPlan? = nil, packets: String? = nil, until isEnough: @escaping @Sendable ([StoredRun]) -> Bool
  ) throws -> [StoredRun] {
    var runs: [StoredRun] = []
    repeat {
      var plan = plan ?? self.plan
      // Others come first in its blocks.
      plan.seed += UInt64(runs.count)
      let id = try onOwnThread { [plan, runs] in
        let interruption = try Interruption()
        var id = ""
        let error = userError { () throws(UserError) in
          try run(plan: plan, packets: packets, interruption: interruption) { event in
            switch event {
            case .started(let record): id = record.id
            case .blockEnded:
              if let run = try? store.run(id), isEnough(runs + [run]) { pthread_kill(pthread_self(), SIGINT) }
            default: break
            }
          }
        }
        if let error, !error.message.contains("blocks in a row could not be measured") { throw error }
        return id
      }
      runs.append(try store.run(id))
    } while !isEnough(runs) && runs.last?.record.exit == .failed && runs.count < 5
    return runs
  }

  /// Measures until a block shows what the test is about.
  /// - Returns: its run, the block and its trials.
  func runUntilBlock(
    plan: RunPlan? = nil, packets: String? = nil, where isEnough: @escaping @Sendable ([Trial]) -> Bool
  ) throws -> (run: StoredRun, block: BlockRecord, trials: [Trial]) {
    let runs = try runs(plan: plan, packets: packets) { runs in
      runs.contains { run in run.blocks.contains { isEnough(run.trials(of: $0)) } }
    }
    let found = runs.lazy.flatMap { run in run.blocks.map { (run: run, block: $0, trials: run.trials(of: $0)) } }
    return try #require(
      found.first { isEnough($0.trials) }, "\(runs.map { $0.record.stopReason ?? "" }), \(runs.map(\.voidReasons))")
  }

  /// Everything that this run, or one like it, still has on the host.
  func remains() throws -> [String] {
    let ids = try store.runs().map(\.id)
    return try ids.flatMap { try hostRemains(of: $0) } + Processes.running(worker.path).map { "process \($0)" }
      + directory.journalFiles
  }
}

extension TrialRunner {
  /// A trial that is repeated, nine times at the most, if it could not be measured or its window passed without a single
  /// operation, as may happen where others compute: the run that it would be in repeats its block.
  func runUntilMeasured(_ slot: RunPlan.Slot, journal: Journal) throws -> Trial {
    for _ in 0..<9 {
      do throws(Failure) {
        let trial = try run(slot, block: 0, position: 0, journal: journal)
        if trial.messages.completed > 0 { return trial }
      } catch {
        guard case .trial = error else { throw error }
      }
    }
    return try run(slot, block: 0, position: 0, journal: journal)
  }
}

extension StoredRun {
  /// Of all its blocks.
  var voidReasons: [[String]] { blocks.map(\.voidReasons) }

  func trials(of block: BlockRecord) -> [Trial] { trials.filter { $0.block == block.index } }

  /// Whether a block ended before it had all of its trials because one could not be measured, as may happen where others
  /// compute: it says first which one, and why.
  func isCutShort(_ block: BlockRecord, of count: Int) -> Bool {
    trials(of: block).count < count && block.voidReasons.first?.firstMatch(of: #/^\S+ in \S+.*: /#) != nil
  }

  /// The run with the blocks that count for nothing because the host was busy, which it may be in a test; and with the
  /// medians of windows in which it left time for a few round trips only.
  var withBusyBlocks: StoredRun {
    var run = self
    for place in run.blocks.indices { run.blocks[place].voidReasons = [] }
    for place in run.trials.indices where run.trials[place].histogram.total >= 20 {
      run.trials[place].values[.rttP50] = run.trials[place].histogram.quantile(0.5).map(Double.init)
    }
    let starved = Set(run.trials.filter { $0.values[.rttP50] == nil }.map(\.block))
    run.blocks.removeAll { starved.contains($0.index) }
    return run
  }
}

/// What independent witnesses find of a run on the host: the program `ip`, the directory of namespaces and the
/// kernel's table of mounts by the run's id, and the host's own links by the names that environments give.
func hostRemains(of runID: String) throws -> [String] {
  let listing = try lines(of: ["ip", "netns", "list"])
  let files = (try? FileManager.default.contentsOfDirectory(atPath: NetworkNamespace.directory)) ?? []
  let mounts = try SmallFile.text("/proc/self/mountinfo").split(separator: "\n").map(String.init)
  let links = try lines(of: ["ip", "-o", "link", "show"])
  let names = ["client0", "server0", "bridge0", "port-client", "port-server"]
  let loops = (try? lines(of: ["losetup", "--all", "--noheadings", "--output", "NAME,BACK-FILE"])) ?? []
  return (listing + files + mounts + loops).filter { $0.contains(runID) }
    + links.filter { line in names.contains { line.contains(": \($0)@") || line.contains(": \($0):") } }
}

func lines(of command: [String]) throws -> [String] {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"
  let child = try ChildProcess(executable: "/usr/bin/env", arguments: command, environment: ["PATH=\(path)"])
  let deadline = Clock.monotonic() + 20_000_000_000
  var lines: [String] = []
  while true {
    do throws(ChildProcess.Failure) {
      lines.append(String(decoding: try child.readLine(deadline: deadline), as: UTF8.self))
    } catch {
      guard error == .ended else { throw error }
      break
    }
  }
  try #require(try child.waitForExit(deadline: deadline) == .exited(0), "\(command): \(child.standardError())")
  return lines
}

/// Processes, by the executable they run or are a script of.
enum Processes {
  static func running(_ executable: String) -> [Int32] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap { Int32($0) }.filter { pid in
      guard let bytes = try? SmallFile.bytes("/proc/\(pid)/cmdline") else { return false }
      return bytes.split(separator: 0).contains { $0.elementsEqual(executable.utf8) }
    }
  }
}

/// Runs `body` on a thread of its own that Swift's pool knows nothing about, so that signals can be sent to it alone.
func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
  try onDedicatedThread { () throws(SystemError) in Result { try body() } }.get()
}
