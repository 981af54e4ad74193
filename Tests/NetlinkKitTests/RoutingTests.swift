import Glibc
import LinuxKit
import NetlinkKit
import TestSupport
import Testing

@Suite("A namespace becomes a router", .requiresNetworkNamespaces)
struct RoutingTests {
  private static let switches = ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]

  private func read(_ namespace: NetworkNamespace) throws -> [String?] {
    try namespace.run { () throws(SystemError) in Self.switches.map { SmallFile.line("/proc/sys/net/\($0)") } }
  }

  @Test("of the one family or the other, and nobody else does")
  func forwarding() throws {
    let host = Self.switches.map { SmallFile.line("/proc/sys/net/\($0)") }
    try withNamespaces(3) { namespaces in
      let fresh = try read(namespaces[2])
      try namespaces[0].enableForwarding(ipv6: false)
      try namespaces[1].enableForwarding(ipv6: true)
      let first = try read(namespaces[0])
      let second = try read(namespaces[1])
      #expect(first[0] == "1" && first[1] == fresh[1])
      #expect(second[1] == "1" && second[0] == fresh[0])
      #expect(try read(namespaces[2]) == fresh)
    }
    #expect(Self.switches.map { SmallFile.line("/proc/sys/net/\($0)") } == host)
  }

  @Test("packets between its networks pass once it does")
  func passes() throws {
    try withNamespaces(3) { namespaces in
      let router = try NetlinkSocket.prepare(namespaces[2])
      for number in 0...1 {
        let end = try NetlinkSocket.prepare(namespaces[number])
        try router.createVethPair("port\(number)", peer: "end\(number)", peerIn: namespaces[number])
        try end.setUp("end\(number)")
        try end.addAddress("198.18.\(number).2", prefixLength: 24, to: "end\(number)")
        try router.addAddress("198.18.\(number).1", prefixLength: 24, to: "port\(number)")
        try end.addRoute(destination: "0.0.0.0", prefixLength: 0, gateway: "198.18.\(number).1")
        try end.waitUntilRunning("end\(number)")
        try router.waitUntilRunning("port\(number)")
      }
      let client = try Datagrams(in: namespaces[0], address: "198.18.0.2", port: 9000)
      let server = try Datagrams(in: namespaces[1], address: "198.18.1.2", port: 9000)
      let before = try router.counters(of: "port1")
      try client.send([1], to: "198.18.1.2", port: 9000)
      #expect(try router.counters(of: "port1").txPackets == before.txPackets)
      try namespaces[2].enableForwarding(ipv6: false)
      try client.send([2], to: "198.18.1.2", port: 9000)
      #expect(try server.receive() == [2], "the one before was dropped")
    }
  }

  @Test("an address is waited for until packets for it are taken in", arguments: ["198.18.0.1", "2001:2::1"])
  func taken(_ address: String) throws {
    try withNamespaces(2) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0], ipv6: true)
      let other = try NetlinkSocket.prepare(namespaces[1], ipv6: true)
      try socket.createVethPair("client0", peer: "server0", peerIn: namespaces[1])
      try other.setUp("server0")
      try socket.waitUntilRunning("client0")
      let before = #expect(throws: NetlinkError.self) {
        try socket.waitUntilTaken(address, timeout: .milliseconds(20))
      }
      #expect(before?.code == ETIMEDOUT && before?.subject == address)
      try socket.addAddress(address, prefixLength: 24, to: "client0")
      try socket.waitUntilTaken(address)
      struct Route: Decodable {
        var type: String?
        var dst: String
      }
      let routes: [Route] = try Witness.ip([
        "-n", namespaces[0].name, "-j", address.contains(":") ? "-6" : "-4", "route", "show", "table", "local",
      ])
      #expect(routes.contains { $0.dst == address && $0.type == "local" })
    }
  }
}
