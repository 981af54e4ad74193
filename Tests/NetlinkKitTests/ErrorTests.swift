import Glibc
import LinuxKit
import NetlinkKit
import TestSupport
import Testing

@Suite("Errors name what was asked, of what, and why not", .requiresNetworkNamespaces)
struct ErrorTests {
  /// Runs `body` with a socket in a new namespace that has the pair a0/b0; returns what it threw.
  private func failure(_ body: (borrowing NetlinkSocket) throws(NetlinkError) -> Void) throws -> NetlinkError {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.prepare(namespaces[0])
      try socket.createVethPair("a0", peer: "b0")
      var caught: NetlinkError?
      do throws(NetlinkError) { try body(socket) } catch { caught = error }
      return try #require(caught)
    }
  }

  @Test("a link that does not exist")
  func missing() throws {
    for error in [
      try failure { socket throws(NetlinkError) in try socket.setUp("nope0") },
      try failure { socket throws(NetlinkError) in try socket.delete("nope0") },
      try failure { socket throws(NetlinkError) in _ = try socket.counters(of: "nope0") },
      try failure { socket throws(NetlinkError) in try socket.addAddress("198.18.0.1", prefixLength: 24, to: "nope0") },
      try failure { socket throws(NetlinkError) in try socket.setMaster("a0", bridge: "nope0") },
    ] {
      #expect(error.isMissing, "\(error)")
      #expect(error.subject.contains("nope0"))
      #expect(error.description.contains("No such device"))
    }
    let error = try failure { socket throws(NetlinkError) in try socket.setUp("nope0") }
    #expect(error.operation == "set up" && error.subject == "nope0")
  }

  @Test("a missing link is no error to who only asks")
  func lookUp() throws {
    try withNamespaces(1) { namespaces in
      let socket = try NetlinkSocket.open(in: namespaces[0])
      #expect(try socket.link(named: "nope0") == nil)
    }
  }

  @Test("a name that is taken")
  func duplicate() throws {
    let pair = try failure { socket throws(NetlinkError) in try socket.createVethPair("a0", peer: "c0") }
    #expect(pair.isExists && pair.description == "create veth pair a0/c0: File exists")
    let peer = try failure { socket throws(NetlinkError) in try socket.createVethPair("c0", peer: "b0") }
    #expect(peer.isExists, "\(peer)")
    let bridge = try failure { socket throws(NetlinkError) in try socket.createBridge("a0") }
    #expect(bridge.isExists, "\(bridge)")
  }

  @Test("a name that libnl would cut short")
  func longName() throws {
    let error = try failure { socket throws(NetlinkError) in try socket.createBridge("sixteen-letters-") }
    #expect(error.code == ENAMETOOLONG && error.message.contains("1 to 15 bytes"))
  }

  @Test("an address that is none")
  func address() throws {
    let name = try failure { socket throws(NetlinkError) in
      try socket.addAddress("localhost", prefixLength: 24, to: "a0")
    }
    #expect(name.code == EINVAL && name.message.contains("localhost is not an IP address"))
    let prefix = try failure { socket throws(NetlinkError) in
      try socket.addAddress("198.18.0.1", prefixLength: 33, to: "a0")
    }
    #expect(prefix.code == EINVAL && prefix.message.contains("0 to 32"))
  }

  @Test("the kernel's own explanation is passed on")
  func explanation() throws {
    let error = try failure { socket throws(NetlinkError) in
      try socket.addRoute(destination: "203.0.113.0", prefixLength: 24, gateway: "192.0.2.1")
    }
    #expect(error.code == ENETUNREACH)
    #expect(error.subject == "203.0.113.0/24 via 192.0.2.1")
    #expect(error.message.contains("Nexthop has invalid gateway"))
  }

  @Test("a carrier that does not come")
  func noCarrier() throws {
    let error = try failure { socket throws(NetlinkError) in
      try socket.setDown("b0")
      try socket.waitUntilRunning("a0", timeout: .milliseconds(20))
    }
    #expect(error.code == ETIMEDOUT && error.message.contains("other end"))
  }

  @Test("a namespace that does not exist")
  func missingNamespace() throws {
    let absent = randomNamespace()
    let error = try failure { socket throws(NetlinkError) in
      try socket.createVethPair("c0", peer: "d0", peerIn: absent)
    }
    #expect(error.isMissing && error.message.contains(absent.name))
    let opening = try failure { _ throws(NetlinkError) in _ = try NetlinkSocket.open(in: absent) }
    #expect(opening.isMissing && opening.subject == absent.name)
  }

  @Test("no permission")
  func permission() async {
    await #expect(processExitsWith: .success) {
      let socket = try NetlinkSocket()
      try systemCall("setuid") { setuid(65_534) }
      let error = #expect(throws: NetlinkError.self) { try socket.createBridge("bench-test-br") }
      #expect(error?.isPermission == true)
      #expect(error?.description == "create bridge bench-test-br: Operation not permitted")
    }
  }
}
