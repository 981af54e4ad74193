import LinuxKit
import NetlinkKit
import TestSupport
import Testing

@Suite("Addresses, routes and neighbours", .requiresNetworkNamespaces)
struct AddressTests {
  @Test("addresses of both families are there, and usable, at once", .requiresProgram("ip"))
  func addresses() throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0], ipv6: true)
      try socket.createVethPair("a0", peer: "b0", up: false)
      try socket.addAddress("2001:db8::1", prefixLength: 64, to: "a0")
      try socket.addAddress("198.18.0.1", prefixLength: 24, to: "a0")
      try socket.addAddress("198.18.1.1", prefixLength: 32, to: "a0")
      #expect(
        try socket.addresses(of: "a0").map(\.description) == ["198.18.0.1/24", "198.18.1.1/32", "2001:db8::1/64"])
      #expect(try socket.addresses(of: "b0").isEmpty)

      let seen: [Witness.Addresses] = try Witness.ip(["-n", namespaces[0].name, "-j", "addr", "show", "a0"])
      let pairs = seen[0].addr_info.map { "\($0.local)/\($0.prefixlen)" }
      #expect(Set(pairs) == ["198.18.0.1/24", "198.18.1.1/32", "2001:db8::1/64"])
    }
  }

  @Test("routes lead to a gateway, out of a device, or by default", .requiresProgram("ip"))
  func routes() throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0])
      try socket.createVethPair("a0", peer: "b0")
      try socket.addAddress("198.18.0.1", prefixLength: 24, to: "a0")
      try socket.addRoute(destination: "203.0.113.0", prefixLength: 24, gateway: "198.18.0.2")
      try socket.addRoute(destination: "192.0.2.0", prefixLength: 24, device: "a0")
      try socket.addRoute(destination: "0.0.0.0", prefixLength: 0, gateway: "198.18.0.3", device: "a0")

      let seen: [Witness.Route] = try Witness.ip(["-n", namespaces[0].name, "-j", "route", "show"])
      let routes = Set(seen.map { "\($0.dst) \($0.gateway ?? "-") \($0.dev ?? "-")" })
      #expect(
        routes == [
          "default 198.18.0.3 a0", "203.0.113.0/24 198.18.0.2 a0", "192.0.2.0/24 - a0", "198.18.0.0/24 - a0",
        ])
    }
  }

  @Test("a neighbour that was told stays", .requiresProgram("ip"))
  func neighbours() throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0])
      try socket.createVethPair("a0", peer: "b0")
      try socket.addNeighbor("198.18.0.9", hardwareAddress: "02:00:00:00:00:09", on: "a0")
      let seen: [Witness.Neighbour] = try Witness.ip(["-n", namespaces[0].name, "-j", "neigh", "show", "dev", "a0"])
      #expect(seen.map(\.dst) == ["198.18.0.9"])
      #expect(seen.map(\.lladdr) == ["02:00:00:00:00:09"])
      #expect(seen.map(\.state) == [["PERMANENT"]])
    }
  }
}
