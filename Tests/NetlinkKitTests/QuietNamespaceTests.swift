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
      try Wire.lay(namespaces[0], namespaces[1], ipv6: true)
      let left = try NetlinkSocket.open(in: namespaces[0])
      let deadline = ContinuousClock.now + .seconds(2)
      while try left.counters(of: "client0").txPackets == 0, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(try left.counters(of: "client0").txPackets > 0)
    }
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
