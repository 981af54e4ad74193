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
  private func interface(
    _ role: String, _ name: String, _ passage: Passage, tap: TapMode = .both,
    encapsulation: Environments.Encapsulation = .plain
  ) -> EnvironmentInterface {
    EnvironmentInterface(
      role: role, namespace: nil, interface: name, passage: passage, tap: tap, encapsulation: encapsulation)
  }

  @Test("go out over every interface and come back in reverse")
  func bridge() {
    let path = HopPath([
      interface("client", "client0", .requestsOut), interface("switch", "port-client", .requestsIn),
      interface("switch", "port-server", .requestsOut), interface("server", "server0", .requestsIn),
      interface("switch", "bridge0", .none, tap: .none), interface("switch", "other", .none),
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

  @Test("go through a tunnel, whose ends tell only what they send")
  func tunnel() {
    let path = HopPath([
      interface("client", "vxlan0", .requestsOut, tap: .sentOnly),
      interface("client", "underlay-c", .requestsOut, encapsulation: .vxlan),
      interface("server", "underlay-s", .requestsIn, encapsulation: .vxlan),
      interface("server", "vxlan0", .requestsIn, tap: .sentOnly), interface("client", "lo", .none),
    ])
    #expect(
      path.points.map(\.id) == [
        "client/client:send", "client/vxlan0:send", "client/underlay-c:send", "server/underlay-s:receive",
        "server/server:receive", "server/server:send", "server/vxlan0:send", "server/underlay-s:send",
        "client/underlay-c:receive", "client/client:receive",
      ])
    #expect(path.taps.map(\.interface.interface) == ["vxlan0", "underlay-c", "underlay-s", "vxlan0", "lo"])
    #expect(path.taps.map(\.requestPoint) == [1, 2, 3, nil, nil])
    #expect(path.taps.map(\.replyPoint) == [nil, 8, 7, 6, nil])
    #expect(path.taps.map(\.number) == [0, 1, 2, 3, 4])
    #expect(path.taps.map { $0.interface.encapsulation == .vxlan } == [false, true, true, false, false])
    #expect(path.client == ClientPoints(sent: 0, received: 9) && path.server == ServerPoints(received: 4, sent: 5))
  }

  @Test("leave out what must not be listened to")
  func untappable() {
    let path = HopPath([
      interface("client", "client0", .requestsOut), interface("host", "bridge0", .requestsIn, tap: .none),
      interface("host", "bridge1", .loopback, tap: .none), interface("server", "server0", .requestsIn),
      interface("switch", "parent0", .none, tap: .none),
    ])
    #expect(
      path.points.map(\.id) == [
        "client/client:send", "client/client0:send", "server/server0:receive", "server/server:receive",
        "server/server:send", "server/server0:send", "client/client0:receive", "client/client:receive",
      ])
    #expect(path.taps.map(\.number) == [0, 3])
  }

  @Test("are one for each direction on a loopback that is a part of a longer path")
  func loopbackOnTheWay() {
    let path = HopPath([
      interface("client", "lo", .loopback), interface("client", "client0", .requestsOut),
      interface("server", "server0", .requestsIn), interface("server", "lo", .loopback),
    ])
    #expect(
      path.points.map(\.id) == [
        "client/client:send", "client/lo:receive", "client/client0:send", "server/server0:receive", "server/lo:receive",
        "server/server:receive", "server/server:send", "server/lo:receive", "server/server0:send",
        "client/client0:receive", "client/lo:receive", "client/client:receive",
      ])
    #expect(path.points.filter { $0.source == .socket }.isEmpty && !path.usesSocketStamps)
    #expect(path.taps.map(\.requestPoint) == [1, 2, 3, 4] && path.taps.map(\.replyPoint) == [10, 9, 8, 7])
    #expect(path.client == ClientPoints(sent: 0, received: 11) && path.server == ServerPoints(received: 5, sent: 6))
  }
}

/// Client and server joined by two veth pairs. Packets take the first; the environment says that they take the second.
private struct LyingPair: NetworkEnvironment {
  var name: String { "veth" }
  var summary: String { "s" }
  var layer: String { "l" }
  var needs: [HostCapability] { [.networkNamespaces, .veth] }

  func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let serverAddress = try explained { () throws(NetlinkError) in
      try server.socket.createVethPair("server0", peer: "client0", peerIn: client.namespace)
      try server.socket.createVethPair("server1", peer: "client1", peerIn: client.namespace)
      let address = try EndToEnd.join(client: client, server: server, family: .ipv4)
      try client.socket.setUp("client1")
      try server.socket.setUp("server1")
      return address
    }
    return try BuiltEnvironment(
      client: client, server: server, service: ServiceAddress(listenAddress: serverAddress),
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

    /// Whether a trial has looked at more than a few requests. One without hops has them missing for no reason of the
    /// host's.
    private static func hasLooked(_ trial: Trial) -> Bool { trial.hops.map { $0.sampled > 10 } ?? true }

    /// The first trial that was looked into.
    private static func captured(in environment: String, _ runs: [StoredRun]) -> Trial? {
      runs.lazy.flatMap(\.trials).first { isCaptured($0, in: environment) }
    }

    private static func isCaptured(_ trial: Trial, in environment: String) -> Bool {
      trial.isCaptured && trial.environment == environment && hasLooked(trial)
    }

    /// Those of links alone; every other one has taps on links of these kinds.
    private static let environments = ["native", "netns", "macvlan", "veth", "vxlan", "bridge", "bridge-netfilter"]
    /// How many interfaces their packets pass that are listened to.
    private static let taps = ["macvlan": 2, "veth": 2, "vxlan": 4, "bridge": 4, "bridge-netfilter": 4]

    @Test(
      "knows every hop of every environment, and the hops sum to the whole",
      arguments: [
        WorkloadSpec(name: "udp", kind: .udpRR, wait: .spin), WorkloadSpec(name: "tcp", kind: .tcpRR, wait: .spin),
        // In fragments, of which the first has what taps look for.
        WorkloadSpec(name: "large", kind: .udpRR, wait: .spin, size: 4000),
      ], AddressFamily.allCases)
    func everyEnvironment(_ workload: WorkloadSpec, _ family: AddressFamily) throws {
      let bench = try bench(
        .tiny(environments: Self.environments, window: 200, budget: 300, workloads: [workload]))
      var plan = bench.plan
      plan.family = family
      // Where others compute, a block may end early with a trial that failed, and a window may pass with hardly a request:
      // what one block lacks, another has.
      let runs = try bench.runs(plan: plan) { runs in
        Self.environments.allSatisfy { Self.captured(in: $0, runs) != nil }
      }
      for environment in Self.environments {
        let trial = try #require(Self.captured(in: environment, runs), "\(environment): \(runs.map(\.voidReasons))")
        let hops = try #require(trial.hops)
        #expect(hops.objections == [], "\(trial.environment)")
        #expect(hops.hops.count == hops.points.count - 1)
        #expect(
          hops.matched > 10 && Double(hops.matched) >= 0.999 * Double(hops.sampled),
          "\(trial.environment): \(hops.matched) of \(hops.sampled), \(hops.unmatched)")
        // Each request's hops are what its application measured, but for the reading of two clocks.
        #expect((0..<2000).contains(try #require(hops.requestClosure)))
        let declared = hops.taps.filter { tap in
          hops.points.contains { $0.source == .tap && $0.name == tap.interface && $0.namespace == tap.namespace }
        }
        #expect(declared.count == Self.taps[trial.environment, default: 0])
        for tap in declared {
          // Two, but where only what is sent is looked at.
          let points = hops.points.filter {
            $0.source == .tap && $0.name == tap.interface && $0.namespace == tap.namespace
          }.count
          #expect(points == (tap.interface == "vxlan0" ? 1 : 2))
          #expect(tap.used == points * hops.sampled && tap.dropped == 0 && tap.undecodable == 0 && tap.duplicates == 0)
        }
        #expect(hops.taps.filter { $0.interface == "lo" }.allSatisfy { $0.packets == 0 })
        if trial.environment != "native" { #expect(trial.attestation.failures == []) }
      }
      #expect(runs.flatMap(\.trials).filter { !$0.isCaptured }.allSatisfy { $0.hops == nil })
      #expect(try bench.remains() == [])
    }

    @Test(
      "the packets that are kept tell tcpdump and a script the same hops, to the nanosecond",
      .requiresProgram("tcpdump"), .requiresProgram("python3"))
    func independent() throws {
      // Without a warm-up, every packet in the files is one of the window.
      let bench = try bench(.tiny(environments: ["native", "bridge"], window: 100, warmup: 0, budget: 120))
      let packets = "\(bench.directory.path)/packets"
      let (run, block, trials) = try bench.runUntilBlock(packets: packets) { trials in
        trials.contains { Self.isCaptured($0, in: "bridge") }
      }
      let hops = try #require(trials.first { Self.isCaptured($0, in: "bridge") }?.hops)
      #expect(hops.objections == [] && hops.matched == hops.sampled && hops.matched > 10)

      let folder = "\(packets)/\(run.record.id)/block-\(block.index)"
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
      let bench = try bench(.tiny(environments: ["native", "veth"], budget: 120))
      var plan = bench.plan
      plan.environments = plan.environments.map { $0.name == "veth" ? LyingPair() : $0 }
      let (run, block, _) = try bench.runUntilBlock(plan: plan) { trials in
        trials.contains { Self.isCaptured($0, in: "veth") }
      }
      #expect(run.blocks.allSatisfy { $0.isVoid })
      let reasons = block.voidReasons
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
