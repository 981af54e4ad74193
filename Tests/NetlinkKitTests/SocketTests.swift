import Glibc
import LinuxKit
import NetlinkKit
import TestSupport
import Testing

@Suite("A netlink socket", .requiresNetworkNamespaces)
struct SocketTests {
  @Test("stays in its namespace, whichever thread uses it")
  func belongsToNamespace() throws {
    try withNamespaces(2) { namespaces in
      let (own, foreign) = (namespaces[0], namespaces[1])
      let socket = try NetlinkSocket.prepare(own)
      // Used by a thread that is in another namespace.
      try foreign.run { () throws(SystemError) in
        do throws(NetlinkError) { try socket.createVethPair("a0", peer: "b0") } catch {
          Issue.record("\(error)")
        }
      }
      #expect(try socket.links().map(\.name).sorted() == ["a0", "b0", "lo"])
      let other = try NetlinkSocket.open(in: foreign)
      #expect(try other.links().map(\.name) == ["lo"])
      let host = try NetlinkSocket()
      #expect(try host.link(named: "a0") == nil)
    }
  }

  @Test("may be used by several threads at a time")
  func concurrentUse() async throws {
    try await withNamespaces(1) { namespaces in
      let socket = SharedSocket(try NetlinkSocket.prepare(namespaces[0]))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<4 {
          group.addTask {
            for round in 0..<5 {
              let name = "v\(number)-\(round)"
              try socket.value.createVethPair(name, peer: name + "p", up: false)
              #expect(try socket.value.link(named: name)?.kind == "veth")
              let error = #expect(throws: NetlinkError.self) { try socket.value.setUp("nope\(number)") }
              #expect(error?.description == "set up nope\(number): No such device")
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try socket.value.links().count == 1 + 4 * 5 * 2)
    }
  }

  @Test("leaks no descriptor over 100 links made and deleted, and no memory over 5000 requests")
  func leaks() async {
    await #expect(processExitsWith: .success) {
      try withNamespaces(2) { namespaces in
        func cycle() throws {
          let socket = try NetlinkSocket.open(in: namespaces[0])
          try socket.createVethPair("a0", peer: "b0", peerIn: namespaces[1])
          try socket.addAddress("198.18.0.1", prefixLength: 24, to: "a0")
          #expect(throws: NetlinkError.self) { try socket.createVethPair("a0", peer: "b0", peerIn: namespaces[1]) }
          _ = try socket.links()
          try socket.delete("a0")
        }
        try cycle()
        let before = try descriptorCount()
        for _ in 0..<100 { try cycle() }
        // One lost in each cycle would make a hundred; the runtime may open a few of its own meanwhile.
        #expect(try descriptorCount() < before + 10)

        // Refused at once, so that many fit in a short test; all that libnl allocates for a pair is allocated.
        let socket = try NetlinkSocket.open(in: namespaces[0])
        try socket.createVethPair("a0", peer: "b0")
        func refuse(_ times: Int) {
          for _ in 0..<times { #expect(throws: NetlinkError.self) { try socket.createVethPair("a0", peer: "b0") } }
        }
        func residentPages() throws -> Int {
          try #require(Int(SmallFile.text("/proc/self/statm").split(separator: " ")[1]))
        }
        refuse(1000)
        let pages = try residentPages()
        refuse(5000)
        // The tests' own bookkeeping takes some hundred pages. One link object lost in each request would take 600 and more.
        #expect(try residentPages() - pages < 300)
      }
    }
  }
}

private final class SharedSocket: Sendable {
  let value: NetlinkSocket
  init(_ value: consuming NetlinkSocket) { self.value = value }
}
