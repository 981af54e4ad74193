import Foundation
import LinuxKit
import Model
import Store
import TestSupport
import Testing

@testable import Harness

/// The whole program as a child, in a directory of the test, with a copy of the worker that is known by its path.
private struct Program {
  let directory: ScratchDirectory
  let executable: String
  let worker: String
  let scenario: String
  let trialsPerBlock: Int

  /// - Parameters:
  ///   - environments: the baseline first; each block has one trial of each, and the control's.
  ///   - workload: an entry of the scenario's workloads.
  ///   - further: a further key of the scenario, with its value.
  init(
    environments: [String] = ["native", "netns", "veth", "bridge"],
    workload: String = "{ name: udp, kind: udp-rr, wait: spin, size: 64 }", further: String = ""
  ) throws {
    directory = try ScratchDirectory()
    executable = try Built.bench()
    worker = try directory.copy(of: Built.worker())
    scenario = "\(directory.path)/tiny.yaml"
    trialsPerBlock = environments.count + 1
    let text = """
      schema: bench.scenario/1
      name: tiny
      title: Trials as short as can be
      description: For a run that is killed.
      baseline: \(environments[0])
      environments: [\(environments.joined(separator: ", "))]
      workloads:
        - \(workload)
      \(further)
      profiles:
        quick: { window: 10ms, warmup: 2ms, budget: 60s, looks: [40] }
        standard: { window: 10ms, warmup: 2ms, budget: 1s, looks: [8] }
      claims: []
      """
    try text.write(toFile: scenario, atomically: true, encoding: .utf8)
  }

  var store: String { directory.store }

  /// Starts the program; its stderr comes out of the child's stdout.
  func start(_ arguments: [String]) throws -> ChildProcess {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"
    return try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", #"exec "$0" "$@" 2>&1 >/dev/null"#, executable] + arguments,
      environment: ["PATH=\(path)", "BENCH_WORKER=\(worker)", "BENCH_JOURNAL=\(directory.journals)"])
  }

  func run(_ profile: String = "quick") throws -> ChildProcess {
    try start([
      "run", scenario, "--profile", profile, "--store", store, "--report", "\(directory.path)/reports", "--seed", "1",
    ])
  }

  /// Runs to the end; returns how it ended and what it said on stderr.
  func finish(_ child: ChildProcess, within seconds: UInt64 = 60) throws -> (ChildProcess.ExitStatus, [String]) {
    let deadline = Clock.monotonic() + seconds * 1_000_000_000
    var lines: [String] = []
    while true {
      do throws(ChildProcess.Failure) {
        lines.append(String(decoding: try child.readLine(deadline: deadline), as: UTF8.self))
      } catch {
        guard error == .ended else { throw error }
        break
      }
    }
    return (try child.waitForExit(deadline: deadline), lines)
  }

  /// Reads progress until `count` lines have come after the first one, or for `nanoseconds` after it, whichever is
  /// sooner.
  func watch(_ child: ChildProcess, lines count: Int, nanoseconds: UInt64) throws -> [String] {
    var lines = [String(decoding: try child.readLine(deadline: Clock.monotonic() + 30_000_000_000), as: UTF8.self)]
    let deadline = Clock.monotonic() + nanoseconds
    while lines.count <= count {
      do throws(ChildProcess.Failure) {
        lines.append(String(decoding: try child.readLine(deadline: deadline), as: UTF8.self))
      } catch {
        guard error == .timedOut else { throw error }
        break
      }
    }
    return lines
  }

  /// Files that are there, by their paths in the directory.
  func files() throws -> Set<String> {
    let all = FileManager.default.enumerator(atPath: directory.path)
    var files: Set<String> = []
    while let file = all?.nextObject() as? String {
      var isDirectory: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: "\(directory.path)/\(file)", isDirectory: &isDirectory)
      if !isDirectory.boolValue { files.insert(file) }
    }
    return files
  }

  /// Whether the workers are gone, which takes them a moment: the kernel kills them after their parent.
  func workersEnd() -> Bool {
    let deadline = Clock.monotonic() + 10_000_000_000
    while !Processes.running(worker).isEmpty {
      if Clock.monotonic() > deadline { return false }
      poll(nil, 0, 5)
    }
    return true
  }

  static let ownFiles: Set = [
    "bench-worker", "tiny.yaml", "store/bench.sqlite", "store/bench.sqlite-wal", "store/bench.sqlite-shm",
  ]
}

/// The run's id in the first line of progress.
private func runID(_ lines: [String]) throws -> String {
  let line = try #require(lines.first)
  return try #require(line.firstMatch(of: /run ([0-9]{8}-[0-9]{6}-[0-9a-f]{4}):/), "\(lines)").output.1.description
}

extension RealPaths {
  @Suite("The program, killed and interrupted", .requiresNetworkNamespaces, .requiresProgram("ip"))
  struct KilledControllerTests {
    private static let iterations =
      ProcessInfo.processInfo.environment["BENCH_KILL_ITERATIONS"].flatMap { Int($0) } ?? 12

    @Test("kill -9 at a random moment: after cleaning up nothing is left, and finished trials are in the store")
    func killed() throws { try kill(try Program(), times: Self.iterations) }

    @Test("kill -9 while file systems are made, mounted and written: nothing is left attached, mounted or on the disk")
    func killedOnFiles() throws {
      let program = try Program(
        environments: ["plain-ext4", "overlayfs-ext4", "overlayfs-xfs", "btrfs-snapshot"],
        workload: "{ name: copy-up, kind: copy-up, file_size: 64KiB, files: 4 }",
        further: "image_size: 512MiB")
      try kill(program, times: Self.iterations)
    }

    /// All trials of every block that ended are there, but for one that a trial which could not be measured has cut short.
    private func expectWholeBlocks(_ run: StoredRun, _ program: Program, _ comment: Comment?) {
      for block in run.blocks where !run.isCutShort(block, of: program.trialsPerBlock) {
        #expect(run.trials(of: block).count == program.trialsPerBlock, comment)
      }
    }

    private func kill(_ program: Program, times: Int) throws {
      for iteration in 0..<times {
        // A random moment is the point here: before the first block, within a trial, between two.
        let (count, nanoseconds) = (Int.random(in: 0...12), UInt64.random(in: 0...2_000_000_000))
        let comment = Comment(rawValue: "iteration \(iteration): \(count) lines or \(nanoseconds / 1_000_000) ms")
        let child = try program.run()
        let lines = try program.watch(child, lines: count, nanoseconds: nanoseconds)
        child.kill()
        #expect(
          try child.waitForExit(deadline: Clock.monotonic() + 10_000_000_000) == .killed(signal: SIGKILL), comment)
        let id = try runID(lines)
        let ended = lines.count { $0.hasPrefix("block ") }
        #expect(program.workersEnd(), comment)

        // 'bench cleanup' and the next start do the same; that one takes longer.
        if Int.random(in: 0..<3) > 0 {
          let (status, _) = try program.finish(try program.start(["cleanup", "--store", program.store]))
          #expect(status == .exited(0), comment)
          #expect(program.directory.journalFiles == [], comment)
          #expect(try program.files().subtracting(Program.ownFiles) == [], comment)
        } else {
          let next = try program.run("standard")
          let words = try program.watch(next, lines: 1, nanoseconds: 30_000_000_000)
          #expect(words[0].contains("Cleaned up after run \(id), which was killed"), "\(words)")
          #expect(try hostRemains(of: id) == [], comment)
          let (status, _) = try program.finish(next)
          #expect([.exited(0), .exited(3)].contains(status), comment)
          #expect(program.directory.journalFiles == [], comment)
          try FileManager.default.removeItem(atPath: "\(program.directory.path)/reports")
        }
        #expect(try hostRemains(of: id) == [], comment)
        #expect(Processes.running(program.worker) == [], comment)

        let store = try RunStore(path: program.store)
        #expect(try store.integrityProblems() == [], comment)
        let run = try store.run(id)
        #expect(run.record.exit == .failed && run.record.stopReason == "the controller was killed", comment)
        #expect(run.blocks.count >= ended, comment)
        expectWholeBlocks(run, program, comment)
      }
    }

    @Test(
      "an interrupt at a random moment: exit 130, cleaned up at once, finished trials kept",
      arguments: [SIGINT, SIGTERM])
    func interrupted(_ signal: Int32) throws {
      let program = try Program()
      for _ in 0..<3 {
        let child = try program.run()
        let lines = try program.watch(
          child, lines: .random(in: 0...8), nanoseconds: .random(in: 0...1_000_000_000))
        child.signal(signal)
        let (status, rest) = try program.finish(child)
        #expect(status == .exited(130), "\(rest)")
        let id = try runID(lines)
        #expect(program.workersEnd())
        #expect(try hostRemains(of: id) == [])
        #expect(program.directory.journalFiles == [])
        let run = try RunStore(path: program.store).run(id)
        #expect(run.record.exit == .interrupted && run.record.stopReason == "interrupted by the user")
        #expect(run.blocks.count >= lines.count { $0.hasPrefix("block ") })
        expectWholeBlocks(run, program, nil)
      }
    }

    @Test("a second program at once is told that another run is measuring")
    func second() throws {
      let program = try Program()
      let first = try program.run()
      _ = try program.watch(first, lines: 1, nanoseconds: 30_000_000_000)
      let (status, lines) = try program.finish(try program.run())
      #expect(status == .exited(ExitStatus.unavailable.rawValue))
      #expect(lines.joined().contains("another run is measuring on this host"), "\(lines)")
      first.signal(SIGINT)
      #expect(try program.finish(first).0 == .exited(130))
    }
  }
}
