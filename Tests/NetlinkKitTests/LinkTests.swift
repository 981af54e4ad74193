import LinuxKit
import NetlinkKit
import TestSupport
import Testing

@Suite("Links", .requiresNetworkNamespaces)
struct LinkTests {
  @Test("lo is up in a prepared namespace, and alone")
  func loopback() throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0])
      let links = try socket.links()
      #expect(links.map(\.name) == ["lo"])
      #expect(links.map(\.isUp) == [true])
      #expect(links[0].index == 1)
      #expect(links[0].kind == nil)
      #expect(links[0].hardwareAddress == "00:00:00:00:00:00")
    }
  }

  @Test("a veth pair is born with one end in each of two namespaces and carries datagrams")
  func vethPair() throws {
    try withNamespaces(2) { namespaces in
      try Wire.lay(namespaces[0], namespaces[1])
      let client = try Datagrams(in: namespaces[0], address: Wire.client, port: 7000)
      let server = try Datagrams(in: namespaces[1], address: Wire.server, port: 7001)
      // The first datagram after the carrier is not lost.
      try client.send([1, 2, 3], to: Wire.server, port: 7001)
      #expect(try server.receive() == [1, 2, 3])
      try server.send([4], to: Wire.client, port: 7000)
      #expect(try client.receive() == [4])
    }
  }

  @Test("both ends can be born in namespaces that are not the socket's")
  func remoteEnds() throws {
    try withNamespaces(3) { namespaces in
      let third = try NetlinkSocket.prepare(namespaces[2])
      try third.createVethPair("a0", in: namespaces[0], peer: "b0", peerIn: namespaces[1], mtu: 9000)
      #expect(try third.links().map(\.name) == ["lo"])
      let first = try NetlinkSocket.open(in: namespaces[0])
      let second = try NetlinkSocket.open(in: namespaces[1])
      let a = try #require(try first.link(named: "a0"))
      let b = try #require(try second.link(named: "b0"))
      #expect(a.linkedIndex == b.index && b.linkedIndex == a.index)
      #expect(a.mtu == 9000 && b.mtu == 9000)
      #expect(a.isUp && !b.isUp)
    }
  }

  @Test("what a link says of itself is what ip says of it", .requiresProgram("ip"))
  func attributes() throws {
    try withNamespaces(2) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0])
      let bridge = try socket.createBridge("br0", mtu: 1400)
      try socket.createVethPair("port0", peer: "eth0", peerIn: namespaces[1], mtu: 1400, bridgeIndex: bridge)
      let other = try NetlinkSocket.prepare(namespaces[1])
      try other.setUp("eth0")
      try socket.waitUntilRunning("port0")
      try socket.waitUntilRunning("br0")

      let ours = try socket.links()
      let theirs = try Witness.links(in: namespaces[0])
      #expect(ours.map(\.name) == theirs.map(\.ifname))
      #expect(ours.map(\.index) == theirs.map(\.ifindex))
      #expect(ours.map(\.mtu) == theirs.map(\.mtu))
      #expect(ours.map(\.hardwareAddress) == theirs.map(\.address))
      #expect(ours.map(\.kind) == theirs.map { $0.linkinfo?.info_kind })
      #expect(ours.map(\.isUp) == theirs.map { $0.flags.contains("UP") })
      #expect(ours.map(\.isRunning) == theirs.map { $0.flags.contains("LOWER_UP") })
      #expect(ours.map { "\($0.operationalState)".uppercased() } == theirs.map(\.operstate))
      #expect(ours.map { $0.masterIndex == bridge } == theirs.map { $0.master == "br0" })
    }
  }

  @Test("a bridge forwards between its ports")
  func bridge() throws {
    try withNamespaces(3) { namespaces in
      let (left, right) = (namespaces[0], namespaces[1])
      let hub = try NetlinkSocket.prepare(namespaces[2])
      let bridge = try hub.createBridge("br0")
      for (port, host, address) in [("port0", left, Wire.client), ("port1", right, Wire.server)] {
        try hub.createVethPair(port, peer: "eth0", peerIn: host, bridgeIndex: bridge)
        let socket = try NetlinkSocket.prepare(host)
        try socket.addAddress(address, prefixLength: 24, to: "eth0")
        try socket.setUp("eth0")
        try socket.waitUntilRunning("eth0")
        try hub.waitUntilRunning(port)
      }
      let client = try Datagrams(in: left, address: Wire.client, port: 7000)
      let server = try Datagrams(in: right, address: Wire.server, port: 7001)
      try client.send(Array("hop".utf8), to: Wire.server, port: 7001)
      #expect(try server.receive() == Array("hop".utf8))
      #expect(try hub.counters(of: "port1").txPackets > 0)

      // Out of the bridge, the way is gone; back in, it is there again.
      try hub.setMaster("port1", bridge: nil)
      #expect(try hub.link(named: "port1")?.masterIndex == nil)
      try hub.setMaster("port1", bridge: "br0")
      #expect(try hub.link(named: "port1")?.masterIndex == bridge)
    }
  }

  @Test("up, down and mtu change as told")
  func changes() throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0])
      try socket.createVethPair("a0", peer: "b0", mtu: 1280)
      try socket.waitUntilRunning("a0")
      try socket.setMTU(4000, of: "a0")
      #expect(try socket.link(named: "a0")?.mtu == 4000)
      #expect(try socket.link(named: "b0")?.mtu == 1280)
      try socket.setDown("b0")
      #expect(try socket.link(named: "b0")?.isUp == false)
      #expect(try socket.link(named: "a0")?.isRunning == false)
      try socket.setUp("b0")
      try socket.waitUntilRunning("a0")
    }
  }

  @Test("counters are what ip counts, and their difference is what was sent", .requiresProgram("ip"))
  func counters() throws {
    try withNamespaces(2) { namespaces in
      try Wire.lay(namespaces[0], namespaces[1])
      let left = try NetlinkSocket.open(in: namespaces[0])
      let right = try NetlinkSocket.open(in: namespaces[1])
      let client = try Datagrams(in: namespaces[0], address: Wire.client, port: 7000)
      let server = try Datagrams(in: namespaces[1], address: Wire.server, port: 7001)
      let hardware = try #require(try right.link(named: "server0")).hardwareAddress
      try left.addNeighbor(Wire.server, hardwareAddress: hardware, on: "client0")

      let before = (try left.counters(of: "client0"), try right.counters(of: "server0"))
      for _ in 0..<10 {
        try client.send([UInt8](repeating: 7, count: 100), to: Wire.server, port: 7001)
        #expect(try server.receive().count == 100)
      }
      let after = (try left.counters(of: "client0"), try right.counters(of: "server0"))
      // Ethernet 14 + IPv4 20 + UDP 8 bytes before each payload; the known neighbour needs no ARP.
      #expect(after.0 - before.0 == LinkCounters(txPackets: 10, txBytes: 1420))
      #expect(after.1 - before.1 == LinkCounters(rxPackets: 10, rxBytes: 1420))

      let seen = try #require(try Witness.link("client0", in: namespaces[0]).stats64)
      #expect(seen.rx == .init(bytes: after.0.rxBytes, packets: after.0.rxPackets, errors: 0, dropped: 0))
      #expect(seen.tx == .init(bytes: after.0.txBytes, packets: after.0.txPackets, errors: 0, dropped: 0))
    }
  }

  @Test("deleting one end takes the other with it, at once")
  func deletion() throws {
    try withNamespaces(2) { namespaces in
      try Wire.lay(namespaces[0], namespaces[1])
      let left = try NetlinkSocket.open(in: namespaces[0])
      let right = try NetlinkSocket.open(in: namespaces[1])
      try left.delete("client0")
      #expect(try left.link(named: "client0") == nil)
      #expect(try right.link(named: "server0") == nil)
    }
  }

  @Test("a namespace takes its links along: nothing of it can be seen afterwards", .requiresProgram("ip"))
  func teardown() throws {
    struct Name: Decodable { var name: String }
    var gone: [NetworkNamespace] = []
    try withNamespaces(2) { namespaces in
      try Wire.lay(namespaces[0], namespaces[1])
      gone = namespaces
    }
    // As a person would look; `ip netns` prints nothing at all, not `[]`, where there is none.
    try withNamespaces(1) { _ in
      let names: [Name] = try Witness.ip(["-j", "netns", "list"])
      #expect(Set(names.map(\.name)).isDisjoint(with: gone.map(\.name)))
    }
    #expect(throws: NetlinkError.self) { _ = try NetlinkSocket.open(in: gone[0]) }
  }
}
