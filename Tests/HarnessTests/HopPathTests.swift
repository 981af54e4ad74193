import Capture
import Environments
import Foundation
import Model
import NetlinkKit
import TestSupport
import Testing

@testable import Environments
@testable import Harness

@Suite("The points of a path")
struct HopPathTests {
  private func interface(_ role: String, _ name: String, _ passage: Passage, isTappable: Bool = true)
    -> EnvironmentInterface
  {
    EnvironmentInterface(role: role, namespace: nil, interface: name, passage: passage, isTappable: isTappable)
  }

  @Test("go out over every interface and come back in reverse")
  func bridge() {
    let path = HopPath([
      interface("client", "client0", .requestsOut), interface("switch", "port-client", .requestsIn),
      interface("switch", "port-server", .requestsOut), interface("server", "server0", .requestsIn),
      interface("switch", "bridge0", .none, isTappable: false), interface("switch", "other", .none),
    ])
    #expect(
      path.points.map(\.id) == [
        "client/client:send", "client/client0:send", "switch/port-client:receive", "switch/port-server:send",
        "server/server0:receive", "server/server:receive", "server/server:send", "server/server0:send",
        "switch/port-server:receive", "switch/port-client:send", "client/client0:receive", "client/client:receive",
      ])
    #expect(path.client == ClientPoints(sent: 0, received: 11))
    #expect(path.server == ServerPoints(received: 5, sent: 6))
    #expect(path.taps.map(\.interface.interface) == ["client0", "port-client", "port-server", "server0", "other"])
    #expect(path.taps.map(\.requestPoint) == [1, 2, 3, 4, nil])
    #expect(path.taps.map(\.replyPoint) == [10, 9, 8, 7, nil])
    #expect(path.taps.map(\.number) == [0, 1, 2, 3, 5])
    #expect(path.taps.map(\.isDeclared) == [true, true, true, true, false])
    #expect(!path.usesSocketStamps)
  }

  @Test("of a loopback are told by the sockets")
  func loopback() {
    let path = HopPath([interface("both", "lo", .loopback)])
    #expect(
      path.points.map(\.id) == [
        "both/client:send", "both/lo:send", "both/lo:receive", "both/server:receive", "both/server:send",
        "both/lo:send", "both/lo:receive", "both/client:receive",
      ])
    #expect(path.client == ClientPoints(sent: 0, transmitted: 1, arrived: 6, received: 7))
    #expect(path.server == ServerPoints(arrived: 2, received: 3, sent: 4, transmitted: 5))
    #expect(path.taps.isEmpty && path.usesSocketStamps)
  }
}

/// Client and server joined by two veth pairs. Packets take the first; the environment says that they take the second.
private struct LyingPair: EnvironmentDefinition {
  var name: String { "veth" }
  var summary: String { "s" }
  var layer: String { "l" }
  var needs: [HostCapability] { [.networkNamespaces, .veth] }

  func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    try explained { () throws(NetlinkError) in
      try server.socket.createVethPair("server0", peer: "client0", peerIn: client.namespace)
      try server.socket.createVethPair("server1", peer: "client1", peerIn: client.namespace)
      try EndToEnd.address(client: client, server: server)
      try client.socket.setUp("client1")
      try server.socket.setUp("server1")
    }
    return try BuiltEnvironment(
      client: client, server: server, serverAddress: EndToEnd.serverAddress,
      path: [
        PathInterface(place: client, interface: "client1", passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: server, interface: "server1", passage: .requestsIn, mtu: EndToEnd.mtu),
      ])
  }
}

extension RealPaths {
  @Suite("Runs that look inside", .requiresNetworkNamespaces, .requiresProgram("ip"))
  struct CaptureRunTests {
    private func bench(_ scenario: Scenario) throws -> Bench {
      var scenario = scenario
      scenario.capture = CaptureSpec(sampling: 1)
      return try Bench(scenario)
    }

    @Test(
      "knows every hop of every environment, and the hops sum to the whole",
      arguments: [
        WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin), WorkloadSpec(name: "tcp", kind: .tcpRR, wait: .spin),
      ])
    func everyEnvironment(_ workload: WorkloadSpec) throws {
      let bench = try bench(
        .tiny(environments: EnvironmentRegistry.names, window: 200, budget: 6, workloads: [workload]))
      let run = try bench.run()
      let block = try #require(run.blocks.first)
      let captured = run.trials.filter { $0.block == block.index && $0.isCaptured }
      #expect(captured.map(\.environment).sorted() == EnvironmentRegistry.names.sorted(), "\(block.voidReasons)")
      for trial in captured {
        let hops = try #require(trial.hops)
        #expect(hops.objections == [] && hops.hops.count == hops.points.count - 1)
        #expect(
          hops.matched > 10 && Double(hops.matched) >= 0.999 * Double(hops.sampled),
          "\(trial.environment): \(hops.matched) of \(hops.sampled), \(hops.unmatched)")
        // Each request's hops are what its application measured, but for the reading of two clocks.
        #expect((0..<2000).contains(try #require(hops.requestClosure)))
        let declared = hops.taps.filter { $0.interface != "lo" }
        #expect(declared.count == (["native", "netns"].contains(trial.environment) ? 0 : hops.points.count / 2 - 2))
        for tap in declared {
          #expect(tap.used == 2 * hops.sampled && tap.dropped == 0 && tap.undecodable == 0 && tap.duplicates == 0)
        }
        #expect(hops.taps.filter { $0.interface == "lo" }.allSatisfy { $0.packets == 0 })
        if trial.environment != "native" { #expect(trial.attestation.failures == []) }
      }
      #expect(run.trials.filter { !$0.isCaptured }.allSatisfy { $0.hops == nil })
      #expect(try bench.remains() == [])
    }

    @Test(
      "the packets that are kept tell tcpdump and a script the same hops, to the nanosecond",
      .requiresProgram("tcpdump"), .requiresProgram("python3"))
    func independent() throws {
      // Without a warm-up, every packet in the files is one of the window.
      let bench = try bench(.tiny(environments: ["native", "bridge"], window: 100, warmup: 0, budget: 3))
      let packets = "\(bench.directory.path)/packets"
      let run = try bench.run(packets: packets)
      let block = try #require(run.blocks.first).index
      let trial = try #require(run.trials.first { $0.block == block && $0.isCaptured && $0.environment == "bridge" })
      let hops = try #require(trial.hops)
      #expect(hops.objections == [] && hops.matched == hops.sampled && hops.matched > 10)

      let folder = "\(packets)/\(run.record.id)/block-\(block)"
      let taps = ["client-client0", "switch-port-client", "switch-port-server", "server-server0"]
      let files = taps.map { "\(folder)/udp.bridge.\($0).pcapng" }
      let script = repository.appending(path: "Tests/HarnessTests/Fixtures/hop_medians.py").path
      let medians = try lines(of: ["python3", script] + files).map { try #require(Double($0)) }
      // The script knows nothing of the workers' stamps: hops from tap to tap, out and back.
      let own = zip(hops.points, zip(hops.points.dropFirst(), hops.hops)).filter {
        $0.source == .tap && $1.0.source == .tap
      }
      #expect(medians.count == 6 && medians == own.map { $0.1.1.p50 })
    }

    @Test("packets that take another path than the declared one void the trial")
    func lie() throws {
      let bench = try bench(.tiny(environments: ["native", "veth"], budget: 3))
      var plan = bench.plan
      plan.environments = plan.environments.map { $0.name == "veth" ? LyingPair() : $0 }
      let run = try bench.run(plan: plan)
      #expect(!run.blocks.isEmpty && run.blocks.allSatisfy { $0.isVoid })
      let reasons = try #require(run.blocks.first).voidReasons
      // Each tap says so by itself, whatever the interfaces' counters say.
      for name in ["client0 (client)", "server0 (server)"] {
        #expect(
          reasons.contains { $0.hasSuffix(" messages passed \(name), which is not on the path") }, "\(reasons)")
      }
      for name in ["client1 (client)", "server1 (server)"] {
        #expect(
          reasons.contains { $0.hasSuffix(" messages did not pass \(name), which is on the path") }, "\(reasons)")
      }
      #expect(try bench.remains() == [])
    }
  }
}
