import Foundation
import LinuxKit
import Model
import NetlinkKit
import TestSupport
import Testing

@testable import Environments

@Suite("A tunnel's packets are found on the link below, and nowhere else", .requiresNetworkNamespaces)
struct TunnelTests {
  private func attest(
    _ environment: BuiltEnvironment, _ family: AddressFamily, to address: String? = nil
  ) throws -> Attestation {
    let exchange = try Exchange(
      client: environment.client.namespaceToEnter, server: environment.server.namespaceToEnter,
      address: address ?? environment.service.targetAddress)
    let before = try environment.readCounters()
    try exchange.roundTrips(50, size: 64)
    return environment.attest(
      from: before, to: try environment.readCounters(), traffic: .datagrams(50, family: family))
  }

  @Test("what `ip` says of it", .requiresProgram("ip"), arguments: AddressFamily.allCases)
  func attributes(_ family: AddressFamily) throws {
    struct Link: Decodable {
      struct Info: Decodable { var info_kind: String?; var info_data: Tunnel? }
      struct Tunnel: Decodable {
        var id, port: Int
        var remote, remote6, link: String?
        var learning: Bool
      }
      var ifname: String
      var mtu: Int
      var linkinfo: Info?
    }
    let workplace = try Workplace(family: family)
    try workplace.with(VxlanTunnel()) { _ in
      let json = try output(
        "/usr/bin/env", ["ip", "-n", "bench-\(workplace.runID)-1-client", "-d", "-j", "link", "show", "vxlan0"])
      let link = try #require(try JSONDecoder().decode([Link].self, from: Data(json.utf8)).first)
      let tunnel = try #require(link.linkinfo?.info_data)
      #expect(link.linkinfo?.info_kind == "vxlan" && link.mtu == (family == .ipv4 ? 1450 : 1430))
      #expect(tunnel.id == 4097 && tunnel.port == 4789 && tunnel.link == "underlay-c" && !tunnel.learning)
      #expect((tunnel.remote ?? tunnel.remote6) == (family == .ipv4 ? "198.18.1.2" : "2001:2:0:1::2"))
    }
  }

  @Test("packets past the tunnel, straight over the link below", arguments: AddressFamily.allCases)
  func past(_ family: AddressFamily) throws {
    let workplace = try Workplace(family: family)
    try workplace.with(VxlanTunnel()) { environment in
      let attestation = try attest(environment, family, to: Subnet(family: family, number: 1).address(2))
      #expect(
        attestation.failures.filter { $0.hasPrefix("vxlan0 ") && $0.hasSuffix("where the path has at least 50") }.count
          == 4,
        "\(attestation.failures)")
      #expect(try attest(environment, family).isPassed, "as it should be")
    }
  }

  @Test("the largest message of one packet fills the link below to the byte", arguments: AddressFamily.allCases)
  func full(_ family: AddressFamily) throws {
    let workplace = try Workplace(family: family)
    try workplace.with(VxlanTunnel()) { environment in
      let exchange = try Exchange(environment)
      let namespace = NetworkNamespace(name: "bench-\(workplace.runID)-1-client")
      let socket = try NetlinkSocket.open(in: namespace)
      let before = try silence(of: "underlay-c", socket)
      let size = VxlanTunnel.overlayMTU(family) - family.headerLength - 8
      try exchange.roundTrips(20, size: size)
      let growth = try socket.counters(of: "underlay-c") - before
      // 1500 bytes of IP and 14 of Ethernet; a report of groups may be among them.
      #expect((20 * 1514...20 * 1514 + 400).contains(growth.txBytes), "\(growth)")
      #expect((20...24).contains(growth.txPackets))
    }
  }

  /// The interface's counters when they have stood still: what the kernel says of its groups, each time in the tunnel's
  /// wrapping, goes out when it likes.
  private func silence(of interface: String, _ socket: borrowing NetlinkSocket) throws -> LinkCounters {
    var before = try socket.counters(of: interface)
    for _ in 0..<20 {
      usleep(250_000)
      let now = try socket.counters(of: interface)
      if now == before { return now }
      before = now
    }
    return before
  }

  @Test("taps: nothing is listened to where the stamp is an old one, and the link below carries VXLAN")
  func taps() throws {
    let workplace = try Workplace()
    try workplace.with(VxlanTunnel()) { environment in
      let path = environment.interfaces.filter { $0.passage != .none }
      #expect(path.map(\.interface) == ["vxlan0", "underlay-c", "underlay-s", "vxlan0"])
      #expect(path.map(\.role) == ["client", "client", "server", "server"])
      #expect(path.map { $0.tap == .sentOnly } == [true, false, false, true])
      #expect(path.map { $0.encapsulation == .vxlan } == [false, true, true, false])
    }
  }

  @Test("a kernel without such links makes the environment unavailable, with the remedy")
  func missing() {
    let lacking = NetlinkError(
      operation: "create macvlan link", subject: "client0 on parent0", code: EOPNOTSUPP,
      explanation: "Unknown device type")
    let error = userError { () throws(UserError) in
      try explained(lacking: "macvlan", module: "macvlan") { () throws(NetlinkError) in throw lacking }
    }
    #expect(error?.exitCode == .unavailable)
    #expect(error?.message.hasPrefix("the kernel lacks macvlan: cannot create macvlan link client0 on parent0") == true)
    #expect(error?.remedy == "run 'modprobe macvlan'")
    let other = NetlinkError(operation: "o", subject: "s", code: EPERM)
    let refused = userError { () throws(UserError) in
      try explained(lacking: "macvlan", module: "macvlan") { () throws(NetlinkError) in throw other }
    }
    #expect(refused?.exitCode == .notPermitted)
  }
}

@Suite("Two macvlan links reach each other by their parent, which stays silent", .requiresNetworkNamespaces)
struct MacvlanTests {
  @Test("neither the parent nor its wire counts a message", arguments: AddressFamily.allCases)
  func silent(_ family: AddressFamily) throws {
    let workplace = try Workplace(family: family)
    try workplace.with(MacvlanPair()) { environment in
      let exchange = try Exchange(environment)
      let before = try environment.readCounters()
      try exchange.roundTrips(100, size: 64)
      let attestation = environment.attest(
        from: before, to: try environment.readCounters(), traffic: .datagrams(100, family: family))
      #expect(attestation.isPassed, "\(attestation.failures)")
      let others = attestation.hops.filter { !$0.isDeclared }
      #expect(Set(others.map(\.interface)).isSuperset(of: ["parent0", "wire0", "lo"]))
      #expect(others.allSatisfy { $0.transmitted <= 8 && $0.received <= 8 }, "\(others)")
      #expect(environment.interfaces.first { $0.interface == "parent0" }?.tap == TapMode.none)
    }
  }

  @Test("links that do not reach each other directly (private mode) are found out", .requiresProgram("ip"))
  func separate() throws {
    let workplace = try Workplace()
    try workplace.with(MacvlanPair()) { environment in
      for role in ["1-client", "2-server"] {
        let interface = role.hasSuffix("client") ? "client0" : "server0"
        _ = try output(
          "/usr/bin/env",
          [
            "ip", "-n", "bench-\(workplace.runID)-\(role)", "link", "set", interface, "type", "macvlan", "mode",
            "private",
          ])
      }
      #expect(throws: (any Error).self, "nothing arrives") { try Exchange(environment) }
      // What the client sent went out by the wire instead.
      let before = try environment.readCounters()
      let lonely = try Datagrams(in: environment.client.namespaceToEnter, .ipv4)
      for _ in 0..<50 { try lonely.send(64, to: environment.service.listenAddress, port: 9) }
      let failures = environment.attest(
        from: before, to: try environment.readCounters(), traffic: .datagrams(50)
      ).failures
      #expect(failures.contains("parent0 (switch) sent 50 packets, but is not on the path"), "\(failures)")
      #expect(failures.contains("server0 (server) received 0 packets where the path has at least 50"))
    }
  }
}
