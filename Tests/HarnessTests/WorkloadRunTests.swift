import Environments
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Harness

extension RealPaths {
  /// Each kind of workload, once, with real workers. Nothing here depends on how quick they are.
  @Suite("Each kind of workload", .requiresNetworkNamespaces)
  struct WorkloadRunTests {
    static let workloads: [WorkloadSpec] = [
      WorkloadSpec(name: "udp-rr", kind: .udpRR, wait: .spin, size: 64, replySize: 300),
      WorkloadSpec(name: "tcp-rr", kind: .tcpRR, wait: .block, size: 300, replySize: 64),
      WorkloadSpec(name: "udp-many", kind: .udpRR, wait: .block, concurrency: 7),
      WorkloadSpec(name: "tcp-many", kind: .tcpRR, wait: .block, concurrency: 20),
      WorkloadSpec(name: "http", kind: .tcpRR, wait: .block, concurrency: 3, framing: .http),
      WorkloadSpec(name: "tcp-crr", kind: .tcpCRR, wait: .block),
      WorkloadSpec(name: "tcp-stream", kind: .tcpStream, wait: .block, size: 65_000),
      WorkloadSpec(name: "udp-stream", kind: .udpStream, wait: .block, size: 1000),
      WorkloadSpec(name: "udp-open", kind: .udpOpen, wait: .block, rate: 2000),
      WorkloadSpec(name: "tcp-open", kind: .tcpOpen, wait: .block, concurrency: 4, rate: 2000, framing: .http),
    ]

    /// One trial, whole: up, warm-up, window, counting, down.
    private func trial(
      _ workload: WorkloadSpec, in environment: String, family: AddressFamily = .ipv4
    ) throws -> Trial {
      let directory = try ScratchDirectory()
      let scenario = Scenario.tiny(
        environments: ["native", environment], window: 100, warmup: 20, workloads: [workload])
      let plan = try RunPlan(scenario: scenario, profile: .quick, family: family, seed: 1)
      let runner = TrialRunner(
        plan: plan, worker: try WorkerBinary(path: try directory.copy(of: Built.worker())),
        processors: try Processors.choose(), interruption: nil)
      let resources = HostResources(journal: try Journal(runID: "setup", directory: directory.journals))
      try resources.prepareNamespaceDirectory()
      defer { try? resources.removeAll() }
      return try runner.runUntilMeasured(
        .init(environment: environment, workload: workload.name),
        journal: try Journal(runID: "t\(UInt32.random(in: 0 ... .max))", directory: directory.journals))
    }

    @Test("yields its metrics, and says why others are missing", arguments: workloads, ["netns", "veth"])
    func metrics(_ workload: WorkloadSpec, _ environment: String) throws {
      let trial = try trial(workload, in: environment)
      #expect(trial.attestation.failures == [])
      #expect(trial.messages.completed > 0 && trial.messages.foreign == 0)
      let known = Set(trial.values.keys).union(trial.unavailable.keys)
      #expect(known == Set(workload.kind.metrics))
      #expect(Set(trial.values.keys).isDisjoint(with: trial.unavailable.keys))
      #expect(trial.values.values.allSatisfy { $0.isFinite && $0 >= 0 })
      #expect((trial.values[.totalCPU] ?? 0) > 0)
      #expect((trial.values[.rttMax] != nil) == workload.kind.isTimed)
      #expect((trial.values[.serviceP50] != nil) == (workload.rate != nil && trial.messages.lost == 0))
      #expect((trial.values[.throughput] ?? 0 > 1e6) == (workload.kind == .tcpStream || workload.kind == .udpStream))
      #expect(trial.unavailable[.proxyCPU] == (workload.kind == .exec ? nil : "no proxy is in the path"))
    }

    @Test("goes over IPv6, too", arguments: workloads, ["netns", "veth"])
    func ipv6(_ workload: WorkloadSpec, _ environment: String) throws {
      let trial = try trial(workload, in: environment, family: .ipv6)
      #expect(trial.attestation.failures == [] && trial.messages.completed > 0)
    }

    @Test("an open loop keeps its rate, and counts every request")
    func openLoop() throws {
      let trial = try trial(WorkloadSpec(name: "o", kind: .udpOpen, wait: .block, rate: 5000), in: "veth")
      #expect((499...501).contains(trial.messages.sent))
      #expect(trial.messages.completed + trial.messages.lost == trial.messages.sent)
    }

    @Test("kernel events are those of the path", .requiresTracepoints)
    func counts() throws {
      // A request and its reply.
      for (environment, crossings) in [("netns", 2.0), ("veth", 2), ("bridge", 4)] {
        // What others send over the same CPUs is counted, too, and can only add: one trial that they let alone is enough.
        var counts: [Double] = []
        while counts.count < 10 && !counts.contains(where: { $0 < crossings * 1.005 }) {
          let trial = try trial(WorkloadSpec(name: "u", kind: .udpRR, wait: .block), in: environment)
          counts.append(try #require(trial.values[.deviceTransmissions]))
          #expect((trial.values[.systemCalls] ?? 0) >= 4, "send and receive, on both sides")
        }
        #expect(counts.allSatisfy { $0 > crossings * 0.995 }, "\(environment): \(counts)")
        #expect(counts.contains { $0 < crossings * 1.005 }, "\(environment): \(counts)")
      }
    }
  }

  @Suite("The user's own commands", .requiresNetworkNamespaces, .requiresProgram("python3"))
  struct CommandRunTests {
    private static let server = [
      "python3", "-u", "-c",
      """
      import socket, sys
      s = socket.create_server((sys.argv[1], int(sys.argv[2])))
      print("noise " * 20000)
      while True:
          c, _ = s.accept(); c.sendall(c.recv(100).upper()); c.close()
      """,
      "{server_address}", "{server_port}",
    ]
    private static let client = [
      "python3", "-c",
      """
      import socket, sys
      c = socket.create_connection((sys.argv[1], int(sys.argv[2]))); c.sendall(b"hello")
      print("answer", c.recv(100).decode(), "rate: 1,250.5 per second")
      """,
      "{server_address}", "{server_port}",
    ]

    private func run(_ commands: WorkloadSpec.Commands, environments: [String] = ["native", "netns", "veth"]) throws
      -> StoredRun
    {
      let workload = WorkloadSpec(name: "exec", kind: .exec, wait: .block, commands: commands)
      // A block that the host has disturbed is repeated, which takes time only where it happens.
      let bench = try Bench(.tiny(environments: environments, budget: 600, workloads: [workload]))
      let result = Result { try bench.run() }
      #expect(try bench.remains() == [])
      return try result.get()
    }

    @Test("run where the environment has server and client, and report a number")
    func serverAndClient() throws {
      let run = try run(.init(server: Self.server, client: Self.client, reported: "HELLO rate: ([0-9.,]+)"))
      let valid = Set(run.blocks.filter { !$0.isVoid }.map(\.index))
      #expect(valid.count == 8, "\(run.blocks.flatMap(\.voidReasons))")
      for trial in run.trials where valid.contains(trial.block) {
        #expect(trial.values[.reported] == 1250.5)
        #expect((trial.values[.duration] ?? 0) > 1_000_000)
        #expect((trial.values[.serverCPU] ?? 0) > 0)
      }
    }

    @Test("need no server")
    func clientAlone() throws {
      let run = try run(.init(server: nil, client: ["sh", "-c", "exit 0"]), environments: ["native", "netns"])
      #expect(run.blocks.count { !$0.isVoid } == 8 && run.trials.count == 3 * run.blocks.count)
      #expect(run.trials.allSatisfy { $0.unavailable[.serverCPU] == "there is no server" })
    }

    @Test(
      "that fail are told by name, with their last words",
      arguments: [
        (nil, ["sh", "-c", "echo no such luck >&2; exit 3"], "the client 'sh' exited with 3: no such luck"),
        (nil, ["/no/such/program"], "/no/such/program"),
        (["sh", "-c", "echo busy >&2; exit 1"], ["true"], "the server 'sh' ended before it listened: busy"),
      ] as [([String]?, [String], String)])
    func failures(_ server: [String]?, _ client: [String], _ expected: String) throws {
      let error = userError { () throws(UserError) in
        do { return try run(.init(server: server, client: client), environments: ["native", "netns"]) } catch {
          throw error as? UserError ?? UserError(.internalError, "\(error)")
        }
      }
      #expect(error?.message.contains(expected) == true, "\(error?.message ?? "no error")")
    }

    @Test("whose output lacks the number are a failure, not a gap")
    func noNumber() throws {
      let error = userError { () throws(UserError) in
        do {
          return try run(
            .init(server: nil, client: ["echo", "x"], reported: "rate (.*)"), environments: ["native", "netns"])
        } catch { throw error as? UserError ?? UserError(.internalError, "\(error)") }
      }
      #expect(error?.message.contains("printed nothing that 'rate (.*)' matches") == true)
    }
  }
}

@Suite("A command's placeholders")
struct CommandTemplateTests {
  @Test("are filled in wherever they stand")
  func filled() {
    #expect(
      CommandTemplate.filled(
        ["curl", "http://{server_address}:{server_port}/{server_port}", "{other}"], address: "198.18.0.2", port: 80)
        == ["curl", "http://198.18.0.2:80/80", "{other}"])
  }
}
