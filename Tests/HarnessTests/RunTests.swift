import Analysis
import Environments
import Foundation
import LinuxKit
import Model
import Store
import TestSupport
import Testing

@testable import Harness

/// What measures: one at a time, since two would measure each other.
@Suite("On real paths", .serialized) enum RealPaths {}

extension RealPaths {
  /// Whole runs, with real workers on real paths. Nothing here depends on how
  /// quiet the host is.
  @Suite("Whole runs", .requiresNetworkNamespaces, .requiresProgram("ip"))
  struct RunTests {
    /// A connection repeats what is lost, and waits for seconds: a host so busy that datagrams are given up, and trials with
    /// them, does not keep these from being measured.
    private static let patient = [WorkloadSpec(name: "tcp", kind: .tcpRR, wait: .spin)]

    @Test("a run ends, stores each trial as it ends, attests every path and leaves nothing")
    func complete() throws {
      let bench = try Bench(.tiny(workloads: Self.patient))
      let witness = try RunStore.openReadOnly(path: bench.store.path)
      var events: [RunEvent] = []
      var id = ""
      var stored: [Int] = []
      let run = try bench.run { event in
        events.append(event)
        switch event {
        case .started(let record): id = record.id
        case .trialStarted: stored.append((try? witness.run(id).trials.count) ?? -1)
        default: break
        }
      }
      #expect(run.record.exit == .completed)
      let reasons = [
        "all 8 blocks were measured", "the time budget of 15 s was used up", "every claim had its verdict",
      ]
      #expect(reasons.contains(try #require(run.record.stopReason)))
      #expect(run.record.finished != nil && run.record.injection == nil)
      #expect(run.record.environments.map(\.name) == ["native", "netns", "veth"])
      #expect(run.record.environments.allSatisfy { $0.unavailable == nil })
      #expect(run.record.workerSHA256.count == 64)
      #expect(run.record.host.clientCPU != nil && run.record.host.clientCPU != run.record.host.serverCPU)
      // Each trial that started had all before it in the store, but for those that failed.
      var before: [Int] = []
      for block in run.blocks {
        let first = run.trials.count { $0.block < block.index }
        before += (0..<started(block, in: run)).map { first + $0 }
      }
      #expect(stored == before)
      #expect(try bench.store.run(id) == run)
      #expect(run.blocks.count { !$0.isVoid } <= 8)
      #expect(run.blocks.contains { !run.isCutShort($0, of: 4) }, "\(run.blocks.map(\.voidReasons))")

      for block in run.blocks {
        let trials = run.trials(of: block)
        let order = bench.plan.order(of: block.index, available: ["native", "netns", "veth"])
        if run.isCutShort(block, of: 4) {
          let failed = order[trials.count]
          let reason = block.voidReasons[0]
          #expect(reason.hasPrefix("\(failed.workload) in \(failed.environment): "), "\(reason)")
          #expect(block == BlockJudge.judge(index: block.index, trials: trials, failures: [reason]))
          continue
        }
        #expect(trials.map(\.position) == [0, 1, 2, 3])
        #expect(trials.map(\.environment) == order.map(\.environment))
        #expect(trials.map(\.isControl) == order.map(\.isControl))
        #expect(block == BlockJudge.judge(index: block.index, trials: trials))
        for trial in trials {
          if !block.isVoid { #expect(trial.attestation.isPassed && !trial.attestation.hops.isEmpty) }
          // The host's own loopback is shared with others; those of a run never stray.
          if trial.environment != "native" { #expect(trial.attestation.failures == []) }
          let declared = trial.attestation.hops.filter(\.isDeclared)
          #expect(declared.map(\.interface) == (trial.environment == "veth" ? ["client0", "server0"] : ["lo"]))
          #expect(declared.allSatisfy { $0.expected >= trial.messages.completed && $0.transmitted >= $0.expected })
          // A host that is busy enough leaves no time for any.
          #expect(trial.histogram.total == trial.messages.completed)
          #expect(trial.windowNanoseconds >= 29_000_000)
          #expect((trial.values[.rttP50] != nil) == (trial.messages.completed >= 200))
          #expect((trial.values[.rttMean] ?? 0 > 500) == (trial.messages.completed > 0))
          #expect(trial.noise.canaryNanoseconds != nil && trial.noise.clockStepNanoseconds != nil)
        }
      }
      expectOrder(of: events, in: run, bench.plan)
      #expect(try bench.remains() == [])
    }

    /// How many trials of a block of four have started: those that it has, and one that could not be measured.
    private func started(_ block: BlockRecord, in run: StoredRun) -> Int {
      run.trials(of: block).count + (run.isCutShort(block, of: 4) ? 1 : 0)
    }

    /// started, then for each block: blockStarted, its trials by position, blockEnded.
    private func expectOrder(of events: [RunEvent], in run: StoredRun, _ plan: RunPlan) {
      let words = events.map { event in
        switch event {
        case .started: "started"
        case .blockStarted: "block"
        case .trialStarted(let environment, _, _, let position, let count): "\(environment) \(position)/\(count)"
        case .blockEnded(let block, _): "end \(block.index)"
        }
      }
      var expected = ["started"]
      for block in run.blocks {
        expected.append("block")
        let order = plan.order(of: block.index, available: ["native", "netns", "veth"])
        expected += (0..<started(block, in: run)).map { "\(order[$0].environment) \($0)/4" }
        expected.append("end \(block.index)")
      }
      #expect(words == expected)
    }

    @Test("both transports, both ways of waiting, one CPU and large messages, over every environment")
    func everyWorkload() throws {
      let workloads = [
        WorkloadSpec(name: "udp-large", kind: .udpRR, wait: .spin, size: 9000),
        WorkloadSpec(name: "tcp", kind: .tcpRR, wait: .spin),
        WorkloadSpec(name: "tcp-large", kind: .tcpRR, wait: .block, size: 65_000),
        WorkloadSpec(name: "udp-same", kind: .udpRR, wait: .block, placement: .same),
      ]
      // Engines have tests of their own; rules differ in nothing but their number.
      let environments = EnvironmentRegistry.network.filter { environment in
        !environment.needs.contains(where: \.isEngine) && !environment.name.hasPrefix("rules-")
          && workloads.allSatisfy { environment.objection(to: $0) == nil }
      }.map(\.name)
      #expect(environments.count >= 11)
      let bench = try Bench(.tiny(environments: environments, budget: 300, workloads: workloads))
      let count = workloads.count * environments.count
      // Where others compute, hardly a block so long is whole: what one lacks, another has.
      let runs = try bench.runs { Self.kinds(in: $0).count == count }
      #expect(Self.kinds(in: runs).count == count, "\(runs.map(\.voidReasons))")
      for run in runs {
        let whole = count + workloads.count
        for block in run.blocks where !run.isCutShort(block, of: whole) {
          #expect(run.trials(of: block).count == whole, "\(block.voidReasons)")
        }
      }
      for trial in runs.flatMap(\.trials) where trial.environment != "native" {
        #expect(trial.attestation.failures == [], "\(trial.workload) in \(trial.environment)")
        #expect(trial.messages.sent > 0 && trial.messages.foreign == 0)
      }
      #expect(try bench.remains() == [])
    }

    /// What was measured, each workload in each environment once.
    private static func kinds(in runs: [StoredRun]) -> Set<String> {
      Set(runs.flatMap(\.trials).map { "\($0.workload) in \($0.environment)" })
    }

    @Test("a worker that does not enter its namespace is found out: its block is void")
    func wrongPath() throws {
      let directory = try ScratchDirectory()
      // The real worker, told of no namespace; it takes over the script's process, so that signals reach it.
      let script = try directory.script(
        #"""
        exec /bin/bash -c 'read -r line; exec 3<&0
        exec "$0" < <(printf "%s\n" "$line" | sed "s/\"namespace\":\"[^\"]*\",//"; exec cat <&3) 3<&-' '\#(try Built.worker())'
        """#)
      let bench = try Bench(directory: directory, .tiny(environments: ["native", "netns"], budget: 90), worker: script)
      let run = try bench.runUntilBlock { $0.count == 3 }.run
      #expect(run.blocks.allSatisfy { $0.isVoid })
      for block in run.blocks where !run.isCutShort(block, of: 3) {
        #expect(
          block.voidReasons.contains {
            $0.hasPrefix("udp in netns: lo (both) sent 0 packets where the path has at least")
          },
          "\(block.voidReasons)")
      }
      #expect(RunAnalysis.analyze(run).run.validBlocks == 0)
      #expect(try bench.remains() == [])
    }

    @Test("what is stored analyses to the same numbers")
    func analysedAgain() throws {
      let bench = try Bench(.tiny(environments: ["native", "netns"], budget: 8, workloads: Self.patient))
      let run = try bench.run()
      let again = try RunStore.openReadOnly(path: bench.store.path).run(run.record.id)
      #expect(RunAnalysis.analyze(again) == RunAnalysis.analyze(run))
    }

    @Test("the budget ends a run that has more blocks to go")
    func budget() throws {
      let bench = try Bench(.tiny(environments: ["native"], budget: 2, looks: [40], workloads: Self.patient))
      var begun = 0
      var (started, lastEnd) = (UInt64(0), UInt64(0))
      let run = try bench.run { event in
        switch event {
        case .started: (started, lastEnd) = (Clock.monotonic(), Clock.monotonic())
        // A block begins only if there is time for another like the last; when it is over, and stored, is the host's to say.
        case .blockStarted(let progress):
          begun += 1
          #expect(progress.budgetNanoseconds == 2_000_000_000)
          #expect(progress.elapsedNanoseconds >= lastEnd - started)
          #expect(progress.elapsedNanoseconds + progress.blockNanoseconds <= progress.budgetNanoseconds)
        case .blockEnded: lastEnd = Clock.monotonic()
        default: break
        }
      }
      #expect(run.blocks.count == begun && begun < 40)
      #expect(run.record.exit == .completed)
      #expect(run.record.stopReason == "the time budget of 2 s was used up")
    }

    // Where others compute, blocks take several times as long, and some have a window with hardly a round trip: so these
    // have time, and blocks, to spare for an interval of eight.
    @Test("a delay put into the twin's server is found by the control, in its size")
    func injection() throws {
      let bench = try Bench(
        .tiny(environments: ["native"], window: 60, budget: 50, looks: [12]),
        injection: Injection(target: "control", kind: .delay(nanoseconds: 20_000)))
      let run = try bench.run().withBusyBlocks
      #expect(try #require(run.record.injection).contains("20000 ns"))
      let control = try #require(RunAnalysis.analyze(run).control.first)
      let difference = try #require(control.difference, "\(control.reason)")
      #expect(difference.low > 0)
      #expect(difference.low <= 23_000 && difference.high >= 19_000, "[\(difference.low), \(difference.high)] ns")
      #expect(!control.isPassed)
    }

    @Test("a slowdown in percent lengthens the round trips of its environment alone")
    func slowdown() throws {
      let bench = try Bench(
        .tiny(environments: ["native", "netns"], window: 60, budget: 50, looks: [12]),
        injection: Injection(target: "netns", kind: .slowdown(partsPerMillion: 2_000_000)))
      let run = try bench.run().withBusyBlocks
      let result = RunAnalysis.analyze(run)
      // Three times as long; netns itself may be some tenths off.
      let ratio = try #require(result.series.first { $0.environment == "netns" && $0.metric == .rttP50 }?.ratio)
      #expect(ratio.low < 4 && ratio.high > 2.4 && ratio.low > 1.2, "[\(ratio.low), \(ratio.high)]")
    }

    @Test("while a run is measuring, another one is refused")
    func second() throws {
      let bench = try Bench(.tiny(environments: ["native"], budget: 8, looks: [1], workloads: Self.patient))
      let other = try Bench(
        directory: bench.directory, .tiny(environments: ["native"], workloads: Self.patient), worker: bench.worker.path)
      var errors: [UserError?] = []
      let run = try bench.run { event in
        if case .blockStarted = event { errors.append(userError { () throws(UserError) in try other.run() }) }
      }
      #expect(run.record.exit == .completed && !errors.isEmpty)
      for error in errors {
        #expect(error?.exitCode == .unavailable)
        #expect(error?.message == "another run is measuring on this host")
      }
      #expect(try bench.store.runs().count == 1)
      // And afterwards not any more.
      #expect(try other.run().record.exit == .completed)
    }

    @Test("a journal that cannot be made", arguments: ["/proc/nothing/journal", "/dev/null/journal"])
    func noJournal(_ path: String) throws {
      let bench = try Bench(.tiny(environments: ["native"]))
      let processors = try Processors.choose()
      let error = userError { () throws(UserError) in
        try RunController(
          plan: bench.plan, worker: bench.worker, processors: processors, store: bench.store, journalDirectory: path
        ).run(command: "c", version: "0")
      }
      #expect(error?.exitCode == .notPermitted)
      #expect(error?.message.contains(path) == true && error?.remedy?.contains("BENCH_JOURNAL") == true)
      #expect(try bench.store.runs().isEmpty)
    }

    @Test("without the right to make namespaces the run ends before it starts, and says what to do")
    func notPermitted() async {
      await #expect(processExitsWith: .success) {
        // Everything below as a user without privileges.
        try #require(setgid(65_534) == 0 && setuid(65_534) == 0)
        let directory = try ScratchDirectory()
        let bench = try Bench(directory: directory, .tiny(), worker: "/bin/cat")
        let error = userError { () throws(UserError) in try bench.run() }
        #expect(error?.exitCode == .notPermitted, "\(String(describing: error))")
        #expect(error?.remedy?.contains("root") == true)
        #expect(try bench.store.runs().isEmpty)
        #expect(try bench.remains() == [])
      }
    }

    @Test("an interrupt keeps finished trials and cleans up", arguments: [0, 1, 4], [true, false])
    func interrupted(_ trialsBefore: Int, _ isWithinTrial: Bool) throws {
      let scenario = Scenario.tiny(budget: 120, looks: [40], workloads: Self.patient)
      let bench = try Bench(scenario)
      let (id, struck) = try onOwnThread { [directory = bench.directory, worker = bench.worker.path] in
        let bench = try Bench(directory: directory, scenario, worker: worker)
        let interruption = try Interruption()
        var started = 0
        // How many trials had started when the signal came.
        var struck: Int?
        let run = try bench.run(interruption: interruption) { event in
          // Sent to this thread alone, where it is blocked and waited for; other tests see nothing of it. At the start of a
          // trial it strikes while the workers are waited for; at a block's it is seen before its first trial.
          let strikes =
            switch event {
            case .trialStarted: isWithinTrial && started == trialsBefore
            case .blockStarted: !isWithinTrial && started >= trialsBefore
            default: false
            }
          if strikes {
            struck = started
            pthread_kill(pthread_self(), SIGINT)
          }
          if case .trialStarted = event { started += 1 }
        }
        return (run.record.id, struck)
      }
      let run = try bench.store.run(id)
      #expect(run.record.exit == .interrupted && run.record.stopReason == "interrupted by the user")
      #expect(run.record.finished != nil)
      // Every trial that had started was kept, but for those that could not be measured: each has cut its block short.
      let cut = run.blocks.filter { run.isCutShort($0, of: 4) }
      #expect(run.trials.count + cut.count == struck)
      // Blocks have four trials; one that was not finished has no record.
      #expect(run.blocks.count { run.trials(of: $0).count == 4 } + cut.count == run.blocks.count)
      if cut.isEmpty {
        #expect(struck == (isWithinTrial ? trialsBefore : (trialsBefore + 3) / 4 * 4))
        #expect(run.blocks.count == run.trials.count / 4)
      }
      #expect(try bench.remains() == [])
    }
  }
}

/// Workers that fail. They use no CPU, so these may run beside anything.
@Suite("A worker that fails", .requiresNetworkNamespaces, .requiresProgram("ip"))
struct FailingWorkerTests {
  /// Runs with a script as the worker, and expects the run to give up after three blocks.
  private func failure(
    _ script: String, environments: [String] = ["native", "veth"], patience: UInt64? = nil
  ) throws -> String {
    let directory = try ScratchDirectory()
    let bench = try Bench(
      directory: directory, .tiny(environments: environments, budget: 120), worker: try directory.script(script))
    let error = try #require(userError { () throws(UserError) in try bench.run(patience: patience) })
    #expect(error.exitCode == .internalError)
    #expect(error.message.contains("3 blocks in a row could not be measured"))
    #expect(try #require(error.remedy).contains("bench doctor"))
    let id = try #require(try bench.store.runs().first).id
    let run = try bench.store.run(id)
    #expect(run.record.exit == .failed && run.record.stopReason == error.message && run.record.finished != nil)
    #expect(run.trials.isEmpty && run.blocks.count == 3)
    #expect(run.blocks.allSatisfy { $0.voidReasons.count == 1 })
    #expect(try bench.remains() == [])
    return error.message
  }

  @Test("that exits at once")
  func exits() throws {
    let message = try failure("echo 'no such luck' >&2; exit 1")
    #expect(message.contains("the server exited with 1: no such luck"), "\(message)")
  }

  @Test("that closes its input at once")
  func closes() throws {
    let message = try failure("exec <&-; exit 3")
    #expect(message.contains("the server exited with 3"), "\(message)")
  }

  @Test("that is no program at all")
  func noProgram() throws {
    let directory = try ScratchDirectory()
    let file = "\(directory.path)/worker"
    try Data([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3]).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
    let bench = try Bench(directory: directory, .tiny(environments: ["native"]), worker: file)
    let error = try #require(userError { () throws(UserError) in try bench.run() })
    #expect(error.exitCode == .internalError && error.message.contains("cannot start the worker"), "\(error)")
    #expect(try bench.remains() == [])
  }

  @Test("that prints junk")
  func junk() throws {
    let message = try failure("echo 'Segmentation fault'; exec cat >/dev/null")
    #expect(message.contains(": server: "), "\(message)")
  }

  @Test("that says the wrong thing")
  func wrongMessage() throws {
    let message = try failure(#"echo '{"type":"ready","canary_ns":5}'; exec cat >/dev/null"#)
    #expect(message.contains("the server did not say that it listens"), "\(message)")
  }

  @Test("that says why it fails")
  func explains() throws {
    let message = try failure(#"echo '{"type":"failed","message":"setns: Operation not permitted"}'; exit 1"#)
    #expect(message.contains("server: setns: Operation not permitted"), "\(message)")
  }

  /// The start of a script that is the server itself, and goes on as the client.
  private let asClient = #"""
    read -r line
    case $line in
    *'"role":"server"'*) echo '{"type":"listening","port":9}'; exec cat >/dev/null ;;
    esac
    echo '{"type":"ready","canary_ns":5}'
    read -r start

    """#

  @Test("that dies in the middle of the window")
  func dies() throws {
    let message = try failure(asClient + "kill -9 $$")
    #expect(message.contains("the client killed by signal 9"), "\(message)")
  }

  @Test("that dies before it has sent all its samples")
  func cutSamples() throws {
    let result =
      #"{"type":"result","window_ns":5,"samples":100,"sent":100,"lost":0,"late":0,"duplicate":0,"foreign":0,"#
      + #""cpu_ns":1,"voluntary_switches":0,"involuntary_switches":0,"truncated":false,"service_times":false,"first_sequence":1,"stamps":0,"#
      + #""stamps_truncated":false}"#
    let message = try failure(asClient + "echo '\(result)'; printf 'only this'; exit 0")
    #expect(message.contains("the client exited with 0"), "\(message)")
  }

  @Test(
    "that promises more samples or stamps than there can be",
    arguments: ["samples", "stamps"], ["-1", "9223372036854775807", "4611686018427387904"])
  func absurdCounts(_ what: String, _ count: String) throws {
    let samples = what == "samples" ? count : "0"
    let stamps = what == "stamps" ? count : "0"
    let result =
      #"{"type":"result","window_ns":5,"samples":\#(samples),"sent":100,"lost":0,"late":0,"duplicate":0,"foreign":0,"#
      + #""cpu_ns":1,"voluntary_switches":0,"involuntary_switches":0,"truncated":false,"service_times":false,"first_sequence":1,"#
      + #""stamps":\#(stamps),"stamps_truncated":false}"#
    let message = try failure(asClient + "echo '\(result)'; exit 0", environments: ["native"])
    #expect(message.contains("client: a result of \(count) \(what)") || message.contains("'\(what)'"), "\(message)")
  }

  @Test(
    "that hangs, with its output open or closed",
    arguments: [
      ("exec sleep 600", 200_000_000, "did not answer in time"),
      // So long it has to close its output, and then to end, which it never does: three blocks take all of it.
      ("exec cat >/dev/null", 3_000_000_000, "closed its output"),
    ] as [(String, UInt64, String)])
  func hangs(_ script: String, _ patience: UInt64, _ words: String) throws {
    let message = try failure(script, environments: ["native"], patience: patience)
    #expect(message.contains("the server \(words)"), "\(message)")
  }

  @Test("that hangs, and a user who does not wait for it")
  func hangsInterrupted() throws {
    let directory = try ScratchDirectory()
    let script = try directory.script("exec sleep 600")
    try onOwnThread {
      let bench = try Bench(directory: directory, .tiny(), worker: script)
      var struck: UInt64?
      let run = try bench.run(interruption: try Interruption(), patience: 60_000_000_000) { event in
        guard case .trialStarted = event else { return }
        struck = Clock.monotonic()
        pthread_kill(pthread_self(), SIGINT)
      }
      // Where the disk is busy, storing how it ended takes its time, but not as long as the worker would be waited for.
      let end = Clock.monotonic()
      #expect(end - (try #require(struck)) < 30_000_000_000)
      #expect(run.record.exit == .interrupted && run.trials.isEmpty)
      #expect(try bench.remains() == [])
    }
  }
}

@Suite("Worker executable")
struct WorkerBinaryTests {
  @Test("its hash is that of sha256sum")
  func hash() throws {
    let directory = try ScratchDirectory()
    let script = try directory.script("exit 0")
    // Of "#!/bin/sh\nexit 0\n".
    #expect(
      try WorkerBinary(path: script).sha256 == "306c6ca7407560340797866e077e053627ad409277d1b9da58106fce4cf717cb")
  }

  @Test("it is looked for where the variable says, then beside the program, then where it is installed")
  func locate() throws {
    let directory = try ScratchDirectory()
    let named = try directory.script("exit 0")
    let program = "\(directory.path)/bin/bench"
    #expect(try WorkerBinary.locate(environment: ["BENCH_WORKER": named], program: program).path == named)
    let error = userError { () throws(UserError) in
      try WorkerBinary.locate(environment: ["BENCH_WORKER": ""], program: program)
    }
    #expect(error?.exitCode == .unavailable)
    #expect(error?.message.contains("\(directory.path)/bin/bench-worker") == true)
    #expect(error?.message.contains("\(directory.path)/libexec/bench/bench-worker") == true)
    #expect(error?.remedy?.contains("BENCH_WORKER") == true)
    for place in ["libexec/bench", "bin"] {
      let target = "\(directory.path)/\(place)"
      try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: named, toPath: "\(target)/bench-worker")
      #expect(try WorkerBinary.locate(environment: [:], program: program).path == "\(target)/bench-worker")
    }
  }

  @Test("one that is missing or cannot be run")
  func missing() throws {
    for path in ["/nonexistent/worker", "/etc/passwd"] {
      let error = userError { () throws(UserError) in try WorkerBinary(path: path) }
      #expect(error?.exitCode == .unavailable && error?.message.contains(path) == true)
    }
  }
}
