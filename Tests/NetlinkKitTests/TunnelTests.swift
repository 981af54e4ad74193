import Foundation
import Glibc
import LinuxKit
import NetlinkKit
import TestSupport
import Testing

@Suite("Links over other links", .requiresNetworkNamespaces)
struct TunnelTests {
  private struct Detail: Decodable {
    struct Info: Decodable { var info_kind: String?; var info_data: Data? }
    struct Data: Decodable {
      var id, port: Int?
      var remote, remote6, local, local6, link, mode: String?
      var learning: Bool?
    }
    var ifname: String
    var mtu: Int
    var flags: [String]
    var linkinfo: Info?
  }

  private func detail(_ name: String, in namespace: NetworkNamespace) throws -> Detail {
    let all: [Detail] = try Witness.ip(["-n", namespace.name, "-d", "-j", "link", "show", name])
    return try #require(all.first)
  }

  @Test(
    "a VXLAN link is what ip says it is, over either family", .requiresProgram("ip"),
    arguments: [("198.18.1.1", "198.18.1.2"), ("2001:2:0:1::1", "2001:2:0:1::2")])
  func vxlan(_ local: String, _ remote: String) throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0], ipv6: local.contains(":"))
      try socket.createVethPair("a0", peer: "b0")
      let ends = VxlanTunnelEnds(network: 0xabcdef, local: local, remote: remote)
      try socket.createVxlan("vx0", ends: ends, over: "a0", mtu: 1400)
      let seen = try detail("vx0", in: namespaces[0])
      let data = try #require(seen.linkinfo?.info_data)
      #expect(seen.linkinfo?.info_kind == "vxlan" && seen.mtu == 1400 && seen.flags.contains("UP"))
      #expect(data.id == 0xabcdef && data.port == 4789 && data.link == "a0" && data.learning == false)
      #expect(data.remote ?? data.remote6 == remote && data.local ?? data.local6 == local)
      #expect(try socket.link(named: "vx0")?.kind == "vxlan")
      let taken = #expect(throws: NetlinkError.self) {
        try socket.createVxlan("vx0", ends: ends, over: "a0", mtu: 1400)
      }
      #expect(taken?.isExists == true && taken?.isUnsupported == false && taken?.subject == "vx0 over a0")
    }
  }

  @Test("a VXLAN link needs two addresses of one family, and a link below")
  func refused() throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0])
      try socket.createVethPair("a0", peer: "b0")
      let mixed = #expect(throws: NetlinkError.self) {
        try socket.createVxlan(
          "vx0", ends: VxlanTunnelEnds(network: 1, local: "198.18.1.1", remote: "2001:2::1"), over: "a0", mtu: 1400)
      }
      #expect(mixed?.code == EINVAL && mixed?.message.contains("two families") == true)
      let missing = #expect(throws: NetlinkError.self) {
        try socket.createVxlan(
          "vx0", ends: VxlanTunnelEnds(network: 1, local: "198.18.1.1", remote: "198.18.1.2"), over: "c0", mtu: 1400)
      }
      #expect(missing?.isMissing == true && missing?.subject == "c0")
      let large = #expect(throws: NetlinkError.self) {
        try socket.createVxlan(
          "vx0", ends: VxlanTunnelEnds(network: 1 << 24, local: "198.18.1.1", remote: "198.18.1.2"), over: "a0",
          mtu: 1400)
      }
      #expect(large != nil)
      #expect(try socket.link(named: "vx0") == nil)
    }
  }

  @Test("macvlan links in bridge mode are born in other namespaces and carry datagrams", .requiresProgram("ip"))
  func macvlan() throws {
    try withNamespaces(3) { namespaces in
      let hub = try NetlinkSocket.prepare(namespaces[2])
      try hub.createVethPair("parent0", peer: "wire0")
      for (namespace, name, address) in [
        (namespaces[0], "client0", Wire.client), (namespaces[1], "server0", Wire.server),
      ] {
        let socket = try NetlinkSocket.prepare(namespace)
        try hub.createMacvlan(name, on: "parent0", in: namespace)
        let seen = try detail(name, in: namespace)
        #expect(seen.linkinfo?.info_kind == "macvlan" && seen.linkinfo?.info_data?.mode == "bridge")
        #expect(!seen.flags.contains("UP"))
        try socket.addAddress(address, prefixLength: 24, to: name)
        try socket.setUp(name)
        try socket.waitUntilRunning(name)
      }
      #expect(try hub.links().map(\.name).sorted() == ["lo", "parent0", "wire0"])
      let client = try Datagrams(in: namespaces[0], address: Wire.client, port: 7000)
      let server = try Datagrams(in: namespaces[1], address: Wire.server, port: 7001)
      try client.send([1, 2, 3], to: Wire.server, port: 7001)
      #expect(try server.receive() == [1, 2, 3])
      let missing = #expect(throws: NetlinkError.self) { try hub.createMacvlan("x0", on: "none0") }
      #expect(missing?.isMissing == true)
    }
  }

  @Test("what a kernel does not know is told from other refusals")
  func unsupported() {
    let unknown = NetlinkError(operation: "o", subject: "s", code: EOPNOTSUPP, explanation: "Unknown device type")
    #expect(unknown.isUnsupported && !unknown.isMissing && !unknown.isPermission)
    #expect(NetlinkError(operation: "o", subject: "s", code: EAFNOSUPPORT).isUnsupported)
    #expect(!NetlinkError(operation: "o", subject: "s", code: EINVAL).isUnsupported)
  }
}
