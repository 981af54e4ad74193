import LinuxKit
import NetlinkKit
import TestSupport
import Testing

@Suite("Silence", .requiresNetworkNamespaces)
struct QuietNamespaceTests {
  @Test("nothing passes over an idle veth pair between prepared namespaces", arguments: [2])
  func silence(seconds: Int) async throws {
    try await withNamespaces(2) { namespaces in
      try Wire.lay(namespaces[0], namespaces[1])
      let left = try NetlinkSocket.open(in: namespaces[0])
      let right = try NetlinkSocket.open(in: namespaces[1])
      // Not a wait for something: the time in which IPv6 would have spoken (see the next test).
      try await Task.sleep(for: .seconds(seconds))
      #expect(try left.counters(of: "client0") == LinkCounters())
      #expect(try right.counters(of: "server0") == LinkCounters())
      #expect(try left.addresses(of: "client0").map(\.description) == ["198.18.0.1/24"])
    }
  }

  @Test("with IPv6 left on, packets that nobody sent pass: so the silence above is no accident")
  func noise() async throws {
    try await withNamespaces(2) { namespaces in
      try Wire.lay(namespaces[0], namespaces[1], isPrepared: false)
      let left = try NetlinkSocket.open(in: namespaces[0])
      let deadline = ContinuousClock.now + .seconds(2)
      while try left.counters(of: "client0").txPackets == 0, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(try left.counters(of: "client0").txPackets > 0)
    }
  }

  @Test("with IPv6 on but quiet, nothing passes but reports of groups, and those at once", .requiresProgram("ip"))
  func quietIPv6() async throws {
    try await withNamespaces(2) { namespaces in
      let left = try NetlinkSocket.prepare(namespaces[0], ipv6: true)
      let right = try NetlinkSocket.prepare(namespaces[1], ipv6: true)
      try left.createVethPair("client0", peer: "server0", peerIn: namespaces[1])
      try right.setUp("server0")
      try left.addAddress("2001:2::1", prefixLength: 64, to: "client0")
      try right.addAddress("2001:2::2", prefixLength: 64, to: "server0")
      try left.waitUntilRunning("client0")
      try left.waitUntilTaken("2001:2::1")
      // No link-local address beside it, and usable at once: not tentative.
      #expect(try left.addresses(of: "client0").map(\.description) == ["2001:2::1/64"])
      struct Flags: Decodable {
        struct Address: Decodable { var local: String; var tentative, nodad: Bool? }
        var addr_info: [Address]
      }
      let seen: [Flags] = try Witness.ip(["-n", namespaces[0].name, "-j", "-6", "addr", "show", "client0"])
      let address = try #require(seen.first?.addr_info.first)
      #expect(address.local == "2001:2::1" && address.tentative == nil && address.nodad == true)

      // Not a wait for something: the time in which they come, and then one in which they would, by default.
      try await Task.sleep(for: .milliseconds(200))
      let early = try left.counters(of: "client0")
      #expect(early.txPackets <= 4 && early.rxPackets <= 4, "\(early)")
      try await Task.sleep(for: .seconds(2))
      #expect(try left.counters(of: "client0") == early)
    }
  }

  @Test("the host's IPv6 is as it was")
  func host() throws {
    let names = ["disable_ipv6", "accept_ra", "autoconf", "addr_gen_mode", "dad_transmits", "router_solicitations"]
    func read() -> [String?] {
      names.flatMap { name in ["default", "all", "lo"].map { SmallFile.line("/proc/sys/net/ipv6/conf/\($0)/\(name)") } }
    }
    let before = read()
    try withNamespaces(1) { namespaces in
      _ = try NetlinkSocket.prepare(namespaces[0], ipv6: true)
      let inside = try namespaces[0].run { () throws(SystemError) in
        names.map { SmallFile.line("/proc/sys/net/ipv6/conf/default/\($0)") }
      }
      #expect(inside == ["0", "0", "0", "1", "0", "0"])
    }
    #expect(read() == before)
  }

  @Test("bridge netfilter is switched in one namespace alone")
  func bridgeNetfilter() throws {
    @Sendable func read() -> [String?] {
      ["iptables", "ip6tables", "arptables"].map { SmallFile.line("/proc/sys/net/bridge/bridge-nf-call-\($0)") }
    }
    let host = read()
    try withNamespaces(2) { namespaces in
      let fresh = try namespaces[1].run { () throws(SystemError) in read() }
      try namespaces[0].disableBridgeNetfilter()
      #expect(try namespaces[0].run { () throws(SystemError) in read() } == ["0", "0", "0"])
      try namespaces[0].enableBridgeNetfilter()
      #expect(try namespaces[0].run { () throws(SystemError) in read() } == ["1", "1", "1"])
      #expect(try namespaces[1].run { () throws(SystemError) in read() } == fresh)
    }
    #expect(read() == host)
  }

  @Test("IPv6 can be switched off later, too")
  func later() throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0], ipv6: true)
      #expect(try socket.addresses(of: "lo").map(\.description).contains("::1/128"))
      try namespaces[0].disableIPv6()
      #expect(try socket.addresses(of: "lo").map(\.description) == ["127.0.0.1/8"])
    }
  }
}
