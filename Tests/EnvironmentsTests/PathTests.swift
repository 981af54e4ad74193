import Foundation
import LinuxKit
import Model
import NetlinkKit
import TestSupport
import Testing

@testable import Environments

@Suite("Every environment stands, passes packets and attests its path", .requiresNetworkNamespaces)
struct PathTests {
  static let own = EnvironmentRegistry.names.filter { $0 != "native" }

  @Test("packets take the declared path, and that is attested", arguments: own)
  func attested(_ name: String) throws {
    let workplace = try Workplace()
    try workplace.with(try #require(EnvironmentRegistry.definition(named: name))) { environment in
      let exchange = try Exchange(environment)
      for size in [1, 64, 1472, 9000] {
        let before = try environment.readCounters()
        try exchange.roundTrips(200, size: size)
        let attestation = environment.attest(
          from: before, to: try environment.readCounters(), traffic: .datagrams(200, size: size))
        #expect(attestation.isPassed, "\(size) B: \(attestation.failures)")
        #expect(attestation.hops.contains { $0.isDeclared && $0.transmitted >= 200 && $0.received >= 200 })
        #expect(attestation.hops.allSatisfy { $0.isDeclared == ($0.expected > 0) })
      }
    }
  }

  @Test("native: the host's own loopback, where others may come in between")
  func native() throws {
    let workplace = try Workplace()
    try workplace.with(NativeLoopback()) { environment in
      #expect(environment.clientNamespace == nil && environment.serverNamespace == nil)
      let exchange = try Exchange(environment)
      // Packets of others void a trial, and the run repeats it; here too.
      let attestations = try (0..<10).lazy.map { _ in
        let before = try environment.readCounters()
        try exchange.roundTrips(500, size: 64)
        return environment.attest(from: before, to: try environment.readCounters(), traffic: .datagrams(500))
      }
      var failures: [[String]] = []
      for attestation in attestations {
        failures.append(attestation.failures)
        #expect(attestation.hops.map(\.interface) == ["lo"] && attestation.hops[0].expected == 1000)
        #expect(attestation.hops[0].transmitted >= 1000 && attestation.hops[0].received >= 1000)
        if attestation.isPassed { break }
      }
      #expect(failures.last == [], "\(failures)")
      #expect(workplace.journal.resources.isEmpty, "native makes nothing")
    }
  }

  @Test("the interfaces on the path are those that `ip` sees", .requiresProgram("ip"))
  func interfaces() throws {
    let expected: [String: Set<String>] = [
      "netns": ["lo"], "veth": ["lo", "client0", "server0"],
      "bridge": ["lo", "client0", "server0", "bridge0", "port-client", "port-server"],
    ]
    for name in Self.own {
      let workplace = try Workplace()
      try workplace.with(try #require(EnvironmentRegistry.definition(named: name))) { environment in
        let namespaces = workplace.journal.resources.compactMap { resource in
          if case .networkNamespace(let name) = resource { name } else { nil }
        }
        #expect(namespaces.allSatisfy { $0.hasPrefix("bench-\(workplace.runID)-") })
        struct Link: Decodable { var ifname: String }
        var seen: Set<String> = []
        for namespace in namespaces {
          let json = try output("/usr/bin/env", ["ip", "-n", namespace, "-j", "link", "show"])
          seen.formUnion(try JSONDecoder().decode([Link].self, from: Data(json.utf8)).map(\.ifname))
        }
        // Fallback tunnels, which some kernels give to each namespace, are none of ours; but they must stay silent.
        #expect(seen.isSuperset(of: try #require(expected[name])), "\(name): \(seen)")
        let counters = try environment.readCounters()
        let attestation = environment.attest(from: counters, to: counters, traffic: .datagrams(0))
        #expect(Set(attestation.hops.map(\.interface)) == seen)
      }
    }
  }

  @Test("a bridge stands in a namespace of the run, and bridge netfilter is off there")
  func bridgeNetfilter() throws {
    let workplace = try Workplace()
    try workplace.with(BridgedPair()) { _ in
      let hub = NetworkNamespace(name: "bench-\(workplace.runID)-3-switch")
      let switches = try hub.run { () throws(SystemError) in
        ["iptables", "ip6tables", "arptables"].compactMap {
          SmallFile.line("/proc/sys/net/bridge/bridge-nf-call-\($0)")
        }
      }
      // None at all where the kernel has no br_netfilter.
      #expect(switches.allSatisfy { $0 == "0" }, "\(switches)")
    }
  }
}

@Suite("A wrong path is found out", .requiresNetworkNamespaces)
struct WrongPathTests {
  /// The veth environment as it should be; what the tests do in it is wrong.
  private func withVeth(_ body: (BuiltEnvironment, Workplace) throws -> Void) throws {
    let workplace = try Workplace()
    try workplace.with(VethPair()) { try body($0, workplace) }
  }

  private func attest(_ environment: BuiltEnvironment, _ traffic: PathTraffic, _ body: () throws -> Void) throws
    -> Attestation
  {
    let before = try environment.readCounters()
    try body()
    return environment.attest(from: before, to: try environment.readCounters(), traffic: traffic)
  }

  /// Whether a failure names the interface and what was expected there. How many packets it counted is not always to be
  /// told in advance: ARP may add one.
  private func names(_ attestation: Attestation, _ interface: String, _ expectation: String) -> Bool {
    attestation.failures.contains { $0.hasPrefix("\(interface) ") && $0.hasSuffix(" packets \(expectation)") }
  }

  @Test("packets over the loopback of the server's namespace instead of the pair")
  func wrongNamespace() throws {
    try withVeth { environment, _ in
      // As if the client had not entered its own namespace but the server's.
      let exchange = try Exchange(
        client: environment.serverNamespace, server: environment.serverNamespace, address: environment.serverAddress)
      let attestation = try attest(environment, .datagrams(100)) { try exchange.roundTrips(100, size: 64) }
      #expect(!attestation.isPassed)
      #expect(names(attestation, "client0 (client) sent", "where the path has at least 100"))
      #expect(names(attestation, "server0 (server) received", "where the path has at least 100"))
      #expect(attestation.failures.contains("lo (server) sent 200 packets, but is not on the path"))
    }
  }

  @Test("workers that entered no namespace at all")
  func noNamespace() throws {
    try withVeth { environment, _ in
      let exchange = try Exchange(client: nil, server: nil, address: "127.0.0.1")
      let attestation = try attest(environment, .datagrams(100)) { try exchange.roundTrips(100, size: 64) }
      #expect(!attestation.isPassed)
      let missing = attestation.failures.filter { $0.hasSuffix("packets where the path has at least 100") }
      #expect(missing.count == 4, "sent and received, on both ends: \(attestation.failures)")
    }
  }

  @Test("fewer packets than the client says it sent")
  func tooFew() throws {
    try withVeth { environment, _ in
      let exchange = try Exchange(environment)
      let attestation = try attest(environment, .datagrams(100)) { try exchange.roundTrips(90, size: 64) }
      #expect(names(attestation, "client0 (client) sent", "where the path has at least 100"))
    }
  }

  @Test("more packets than the messages can make")
  func tooMany() throws {
    try withVeth { environment, _ in
      let exchange = try Exchange(environment)
      let attestation = try attest(environment, .datagrams(100)) { try exchange.roundTrips(150, size: 64) }
      #expect(names(attestation, "client0 (client) sent", "where the path has at most 100: others used it, too"))
      #expect(attestation.failures.count == 4)
    }
  }

  @Test("the right number of packets on the path, and others beside it")
  func besides() throws {
    try withVeth { environment, _ in
      let exchange = try Exchange(environment)
      let stray = try Exchange(
        client: environment.clientNamespace, server: environment.clientNamespace, address: "127.0.0.1")
      let attestation = try attest(environment, .datagrams(100)) {
        try exchange.roundTrips(100, size: 64)
        try stray.roundTrips(50, size: 64)
      }
      #expect(
        attestation.failures == [
          "lo (client) sent 100 packets, but is not on the path",
          "lo (client) received 100 packets, but is not on the path",
        ])
    }
  }

  @Test("a bridge's traffic that does not go over the bridge")
  func besideTheBridge() throws {
    let workplace = try Workplace()
    try workplace.with(BridgedPair()) { environment in
      let exchange = try Exchange(
        client: environment.serverNamespace, server: environment.serverNamespace, address: environment.serverAddress)
      let attestation = try attest(environment, .datagrams(100)) { try exchange.roundTrips(100, size: 64) }
      for hop in ["client0 (client)", "port-client (switch)", "port-server (switch)", "server0 (server)"] {
        #expect(names(attestation, "\(hop) sent", "where the path has at least 100"), "\(attestation.failures)")
      }
    }
  }
}

@Suite("How many packets messages make")
struct PacketCountTests {
  @Test(
    "UDP: one per fragment, as the kernel's own counters say", .requiresNetworkNamespaces,
    arguments: [1500, 65_535], [1, 1472, 1473, 2952, 2953, 65_000])
  func fragments(_ mtu: Int, _ size: Int) throws {
    let count = 5
    try withNamespaces(2) { namespaces in
      let left = try NetlinkSocket.prepare(namespaces[0])
      let right = try NetlinkSocket.prepare(namespaces[1])
      try left.createVethPair("client0", peer: "server0", peerIn: namespaces[1])
      try left.setMTU(mtu, of: "client0")
      try right.setMTU(mtu, of: "server0")
      try right.setUp("server0")
      try left.addAddress("198.18.0.1", prefixLength: 30, to: "client0")
      try right.addAddress("198.18.0.2", prefixLength: 30, to: "server0")
      try left.waitUntilRunning("client0")
      try right.waitUntilRunning("server0")
      let exchange = try Exchange(client: namespaces[0].path, server: namespaces[1].path, address: "198.18.0.2")
      let before = try left.counters(of: "client0")
      try exchange.roundTrips(count, size: size)
      let growth = try left.counters(of: "client0") - before
      let said = PathAttestation.packets(UInt64(count), .datagrams(count, size: size), mtu: mtu)
      #expect(said.least == said.most)
      // A neighbour may be confirmed meanwhile: one packet, in either direction.
      #expect((said.least...said.least + 1).contains(growth.txPackets), "sent \(growth.txPackets), said \(said.least)")
      #expect((said.least...said.least + 1).contains(growth.rxPackets))
    }
  }

  @Test("UDP: the arithmetic of RFC 791, with the loopback's MTU, too")
  func arithmetic() {
    for (mtu, size, fragments) in [
      (1500, 1, 1), (1500, 1472, 1), (1500, 1473, 2), (1500, 2952, 2), (1500, 2953, 3), (1500, 65_000, 44),
      (65_536, 1, 1), (65_536, 1473, 1), (65_536, 65_000, 1), (1450, 1422, 1), (1450, 1423, 2), (68, 100, 3),
    ] as [(Int, Int, UInt64)] {
      let said = PathAttestation.packets(10, .datagrams(10, size: size), mtu: mtu)
      #expect(said.least == 10 * fragments && said.most == 10 * fragments, "\(size) B at MTU \(mtu): \(said)")
    }
  }

  @Test("TCP: between one packet a message and, for each segment, one and its acknowledgement")
  func tcp() {
    for (mtu, size, most) in [(1500, 64, 2), (1500, 1448, 2), (1500, 1449, 4), (65_536, 65_000, 2)]
      as [(Int, Int, UInt64)]
    {
      let traffic = PathTraffic(transport: .tcp, size: size, requests: 10, replies: 10)
      let said = PathAttestation.packets(10, traffic, mtu: mtu)
      #expect(said.least == 10 && said.most == 10 * most)
    }
  }
}
