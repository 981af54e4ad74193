import Foundation
import LinuxKit
import Model
import NetlinkKit
import TestSupport
import Testing

@testable import Environments

/// The environments of links alone: no router, no engine.
let linkEnvironments: [any NetworkEnvironment] = [
  NamespaceLoopback(), MacvlanPair(), VethPair(), BridgedPair(), BridgeNetfilter(), VxlanTunnel(),
]

@Suite("Every environment stands, passes packets and attests its path", .requiresNetworkNamespaces)
struct PathTests {
  static let names = linkEnvironments.map(\.name)

  private func definition(_ name: String) throws -> any NetworkEnvironment {
    try #require(linkEnvironments.first { $0.name == name })
  }

  @Test("packets take the declared path, and that is attested", arguments: names, AddressFamily.allCases)
  func attested(_ name: String, _ family: AddressFamily) throws {
    let workplace = try Workplace(family: family)
    try workplace.with(try definition(name)) { environment in
      let exchange = try Exchange(environment)
      // Around the sizes that fill a packet, of both families, plain and in VXLAN.
      for size in [1, 64, 1382, 1383, 1402, 1403, 1422, 1423, 1452, 1453, 1472, 1473, 2800, 9000, 60_000] {
        let before = try environment.readCounters()
        try exchange.roundTrips(100, size: size)
        let attestation = environment.attest(
          from: before, to: try environment.readCounters(), traffic: .datagrams(100, size: size, family: family))
        #expect(attestation.isPassed, "\(size) B: \(attestation.failures)")
        #expect(attestation.hops.contains { $0.isDeclared && $0.transmitted >= 100 && $0.received >= 100 })
        #expect(attestation.hops.allSatisfy { $0.isDeclared == ($0.expected > 0) })
      }
    }
    #expect(try remains(of: workplace.runID) == [])
  }

  @Test("messages on a connection, on one of their own each, and in bulk", arguments: names, AddressFamily.allCases)
  func connections(_ name: String, _ family: AddressFamily) throws {
    let workplace = try Workplace(family: family)
    try workplace.with(try definition(name)) { environment in
      func attest(_ traffic: PathTraffic, _ body: () throws -> Void) throws {
        let before = try environment.readCounters()
        try body()
        let attestation = environment.attest(from: before, to: try environment.readCounters(), traffic: traffic)
        #expect(attestation.isPassed, "\(traffic): \(attestation.failures)")
      }
      let dialogue = try Dialogue(environment, .bytes, family: family)
      try dialogue.roundTrips(3, size: 1)
      for size in [1, 64, 1400, 9000] {
        try attest(.messages(100, size: size, family: family)) { try dialogue.roundTrips(100, size: size) }
      }
      try attest(.messages(100, family: family, connections: 100)) { try dialogue.connections(100, size: 64) }
      let stream = PathTraffic(
        transport: .tcp, family: family, size: 65_000, replySize: 1, requests: 500, replies: 1, connections: 1,
        isBulk: true)
      try attest(stream) { try ByteStream(environment).send(500, size: 65_000) }
    }
  }

  @Test("what the kernel says by itself is over when an environment stands, or within the slack", arguments: names)
  func quiet(_ name: String) async throws {
    let workplace = try Workplace(family: .ipv6)
    defer { try? workplace.resources.removeAll() }
    let environment = try (try definition(name)).build(with: workplace.resources)
    _ = try Exchange(environment)
    let before = try environment.readCounters()
    // Not a wait for something: the time in which routers would be asked for, and groups reported.
    try await Task.sleep(for: .milliseconds(1500))
    let attestation = environment.attest(
      from: before, to: try environment.readCounters(), traffic: .datagrams(0, family: .ipv6))
    #expect(attestation.isPassed, "\(attestation.failures)")
    #expect(
      attestation.hops.allSatisfy { $0.transmitted <= 8 && $0.received <= 8 },
      "\(attestation.hops.map { ($0.interface, $0.transmitted, $0.received) })")
    extendLifetime(environment)
  }

  @Test("native: the host's own loopback, where others may come in between")
  func native() throws {
    let workplace = try Workplace()
    try workplace.with(NativeLoopback()) { environment in
      #expect(environment.client.namespaceToEnter == nil && environment.server.namespaceToEnter == nil)
      let exchange = try Exchange(environment)
      // Packets of others void a trial, and the run repeats it; here too, for longer than another test sends its own.
      let deadline = Clock.monotonic() + 30_000_000_000
      var attestation: Attestation
      while true {
        let before = try environment.readCounters()
        try exchange.roundTrips(500, size: 64)
        attestation = environment.attest(from: before, to: try environment.readCounters(), traffic: .datagrams(500))
        #expect(attestation.hops.map(\.interface) == ["lo"] && attestation.hops[0].expected == 1000)
        #expect(attestation.hops[0].transmitted >= 1000 && attestation.hops[0].received >= 1000)
        if attestation.isPassed || Clock.monotonic() > deadline { break }
        poll(nil, 0, 50)
      }
      #expect(attestation.failures == [])
      #expect(workplace.journal.resources.isEmpty, "native makes nothing")
    }
  }

  @Test("the interfaces on the path are those that `ip` sees", .requiresProgram("ip"))
  func interfaces() throws {
    let expected: [String: Set<String>] = [
      "netns": ["lo"], "veth": ["lo", "client0", "server0"],
      "macvlan": ["lo", "client0", "server0", "parent0", "wire0"],
      "bridge": ["lo", "client0", "server0", "bridge0", "port-client", "port-server"],
      "bridge-netfilter": ["lo", "client0", "server0", "bridge0", "port-client", "port-server"],
      "vxlan": ["lo", "underlay-c", "underlay-s", "vxlan0"],
    ]
    for name in Self.names {
      let workplace = try Workplace()
      try workplace.with(try definition(name)) { environment in
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
        client: environment.server.namespaceToEnter, server: environment.server.namespaceToEnter,
        address: environment.service.listenAddress)
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
        client: environment.client.namespaceToEnter, server: environment.client.namespaceToEnter, address: "127.0.0.1")
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
        client: environment.server.namespaceToEnter, server: environment.server.namespaceToEnter,
        address: environment.service.listenAddress)
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
    arguments: [1500, 1450, 65_535], AddressFamily.allCases)
  func fragments(_ mtu: Int, _ family: AddressFamily) throws {
    let count = 5
    let subnet = Subnet(family: family, number: 0)
    try withNamespaces(2) { namespaces in
      let left = try NetlinkSocket.prepare(namespaces[0], ipv6: family == .ipv6)
      let right = try NetlinkSocket.prepare(namespaces[1], ipv6: family == .ipv6)
      try left.createVethPair("client0", peer: "server0", peerIn: namespaces[1])
      try left.setMTU(mtu, of: "client0")
      try right.setMTU(mtu, of: "server0")
      try right.setUp("server0")
      try left.addAddress(subnet.address(1), prefixLength: subnet.prefixLength, to: "client0")
      try right.addAddress(subnet.address(2), prefixLength: subnet.prefixLength, to: "server0")
      try left.waitUntilRunning("client0")
      try right.waitUntilRunning("server0")
      try left.waitUntilTaken(subnet.address(1))
      try right.waitUntilTaken(subnet.address(2))
      let exchange = try Exchange(
        client: namespaces[0].path, server: namespaces[1].path, address: subnet.address(2))
      for size in [1, 1402, 1403, 1422, 1423, 1440, 1441, 1452, 1453, 1472, 1473, 2888, 2889, 2952, 2953, 65_000] {
        let before = try left.counters(of: "client0")
        try exchange.roundTrips(count, size: size)
        let growth = try left.counters(of: "client0") - before
        let said = PathAttestation.packets(
          from: .client, .datagrams(count, size: size, family: family), mtu: mtu)
        #expect(said.least == said.most)
        // A neighbour may be confirmed meanwhile, or a group reported: a few packets, in either direction, and fewer
        // than a fragment more for each message would be.
        #expect(
          (said.least...said.least + 4).contains(growth.txPackets), "\(size) B: \(growth.txPackets), not \(said.least)")
        #expect((said.least...said.least + 4).contains(growth.rxPackets))
      }
    }
  }

  @Test("UDP: the arithmetic of RFC 791, with the loopback's MTU, too")
  func arithmetic() {
    for (mtu, size, fragments) in [
      (1500, 1, 1), (1500, 1472, 1), (1500, 1473, 2), (1500, 2952, 2), (1500, 2953, 3), (1500, 65_000, 44),
      (65_536, 1, 1), (65_536, 1473, 1), (65_536, 65_000, 1), (1450, 1422, 1), (1450, 1423, 2), (68, 100, 3),
    ] as [(Int, Int, UInt64)] {
      #expect(said(.datagrams(10, size: size), mtu) == [10 * fragments, 10 * fragments], "\(size) B at MTU \(mtu)")
    }
  }

  @Test("UDP: the arithmetic of RFC 8200, whose fragments have a header more")
  func arithmetic6() {
    for (mtu, size, fragments) in [
      (1500, 1, 1), (1500, 1452, 1), (1500, 1453, 2), (1500, 2888, 2), (1500, 2889, 3), (65_536, 65_000, 1),
      (1430, 1382, 1), (1430, 1383, 2), (1280, 1232, 1), (1280, 1233, 2),
    ] as [(Int, Int, UInt64)] {
      let traffic = PathTraffic.datagrams(10, size: size, family: .ipv6)
      #expect(said(traffic, mtu) == [10 * fragments, 10 * fragments], "\(size) B at MTU \(mtu)")
    }
  }

  @Test("requests and replies have sizes of their own")
  func replies() {
    let traffic = PathTraffic(transport: .udp, size: 64, replySize: 4000, requests: 10, replies: 9)
    #expect(said(traffic, 1500) == [10, 10] && said(traffic, 1500, from: .server) == [27, 27])
    // Each segment may be acknowledged: by the side that sends less.
    let tcp = PathTraffic(transport: .tcp, size: 64, replySize: 4000, requests: 10, replies: 10)
    #expect(said(tcp, 1500) == [10, 10 + 30] && said(tcp, 1500, from: .server) == [10, 30 + 10])
  }

  @Test("TCP: between one packet a message and, for each segment, one and its acknowledgement")
  func tcp() {
    for (mtu, size, most) in [(1500, 64, 2), (1500, 1448, 2), (1500, 1449, 4), (65_536, 65_000, 2)]
      as [(Int, Int, UInt64)]
    {
      #expect(said(.messages(10, size: size), mtu) == [10, 10 * most])
    }
    #expect(said(.messages(10, size: 1428, family: .ipv6), 1500) == [10, 20])
    #expect(said(.messages(10, size: 1429, family: .ipv6), 1500) == [10, 40])
  }

  @Test("TCP: a connection for each message makes a few packets more")
  func connections() {
    let traffic = PathTraffic.messages(10, connections: 10)
    // SYN, acknowledgement, request, acknowledgement, FIN, acknowledgement; and on the other side SYN, acknowledgement,
    // reply, FIN, acknowledgement.
    #expect(said(traffic, 1500) == [10, 60] && said(traffic, 1500, from: .server) == [10, 50])
  }

  @Test("bulk: as many as its bytes need in the largest packets that there are, and none for nothing")
  func bulk() {
    let stream = PathTraffic(
      transport: .tcp, size: 524_280, replySize: 1, requests: 40, replies: 0, isBulk: true)
    #expect(said(stream, 1500) == [40, 40 * 363] && said(stream, 1500, from: .server) == [1, 40 * 363])
    let small = PathTraffic.messages(10, isBulk: true)
    #expect(said(small, 1500) == [1, 20])
    let nothing = PathTraffic.messages(0, isBulk: true)
    #expect(said(nothing, 1500) == [0, 0])
    // Datagrams are not put together.
    var datagrams = PathTraffic.datagrams(10)
    datagrams.isBulk = true
    #expect(said(datagrams, 1500) == [10, 10])
  }

  /// The fewest and the most.
  private func said(_ traffic: PathTraffic, _ mtu: Int, from side: PathAttestation.Side = .client) -> [UInt64] {
    let bounds = PathAttestation.packets(from: side, traffic, mtu: mtu)
    return [bounds.least, bounds.most]
  }
}
