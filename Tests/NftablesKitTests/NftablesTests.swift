import Foundation
import LinuxKit
import NetlinkKit
import NftablesKit
import TestSupport
import Testing

@Suite("Rules through libnftables", .requiresNetworkNamespaces, .requiresProgram("nft"))
struct NftablesTests {
  private static let table = """
    add table ip bench
    add counter ip bench seen
    add chain ip bench input { type filter hook input priority filter; }
    add rule ip bench input udp dport 9000 counter name seen
    """

  @Test("what is made is what nft sees, in that namespace and nowhere else")
  func made() throws {
    try withNamespaces(2) { namespaces in
      let host = try ruleset(in: nil)
      let output = try Nftables.run(Self.table, in: namespaces[0].path)
      #expect(output == "", "nothing was listed")
      let seen = try ruleset(in: namespaces[0])
      #expect(seen.contains("udp dport 9000 counter name \"seen\""), "\(seen)")
      #expect(try ruleset(in: namespaces[1]) == "")
      #expect(try ruleset(in: nil) == host)
    }
  }

  @Test("a listing is JSON")
  func listing() throws {
    try withNamespaces(1) { namespaces in
      let path = namespaces[0].path
      try Nftables.run(Self.table, in: path)
      let listing = try Nftables.run("list ruleset", in: path)
      let root = try #require(try JSONSerialization.jsonObject(with: Data(listing.utf8)) as? [String: [[String: Any]]])
      let kinds = try #require(root["nftables"]).flatMap(\.keys)
      #expect(kinds == ["metainfo", "table", "counter", "chain", "rule"])
    }
  }

  @Test("a counter counts packets")
  func counter() throws {
    try withNamespaces(1) { namespaces in
      let path = namespaces[0].path
      _ = try NetlinkSocket.prepare(namespaces[0])
      try Nftables.run(Self.table, in: path)
      #expect(try Nftables.counter(named: "seen", table: "bench", family: "ip", in: path) == 0)
      try namespaces[0].run { () throws(SystemError) in
        let socket = Descriptor(
          owning: try systemCall("socket") {
            Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
          })
        let number = socket.rawValue
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(9000).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        for _ in 0..<7 {
          try systemCall("sendto") {
            withUnsafePointer(to: address) { pointer in
              pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(number, "x", 1, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
              }
            }
          }
        }
      }
      #expect(try Nftables.counter(named: "seen", table: "bench", family: "ip", in: path) == 7)
    }
  }

  @Test("one transaction: a command that fails takes the others with it")
  func transaction() throws {
    try withNamespaces(1) { namespaces in
      let path = namespaces[0].path
      #expect(nftablesError("\(Self.table)\nadd rule ip bench nowhere accept", in: path) != nil)
      let left = try ruleset(in: namespaces[0])
      #expect(left == "")
    }
  }

  @Test("an error names the command, the place and libnftables' own reason")
  func errors() throws {
    try withNamespaces(1) { namespaces in
      let path = namespaces[0].path
      let missing = try #require(nftablesError("add rule ip bench nowhere accept", in: path))
      #expect(missing.command == "add rule ip bench nowhere accept" && missing.namespacePath == path)
      #expect(missing.message.contains("No such file or directory"))
      #expect(missing.message.contains("^^^^^"), "it marks the place: \(missing.message)")
      #expect(missing.description.hasPrefix("nft add rule ip bench nowhere accept in \(path): Error: "))
      #expect(!missing.isPermission)

      let nonsense = try #require(nftablesError("  \n  frobnicate the rules\nlist ruleset", in: path))
      #expect(nonsense.command == "frobnicate the rules")
      #expect(nonsense.message.contains("syntax error"))

      let addresses = String(repeating: "198.19.0.1, ", count: 99)
      let long = try #require(nftablesError("add rule ip bench nowhere ip saddr { \(addresses) }", in: path))
      #expect(long.command.count < 120 && long.command.hasSuffix("…"))

      let counter = #expect(throws: NftablesError.self) {
        try Nftables.counter(named: "seen", table: "bench", family: "ip", in: path)
      }
      #expect(try #require(counter).command == "list counter ip bench seen")
    }
  }

  @Test("a namespace that is not there")
  func nowhere() throws {
    let error = try #require(nftablesError("list ruleset", in: "/run/netns/bench-test-nowhere"))
    #expect(error.message == "open /run/netns/bench-test-nowhere: No such file or directory")
  }

  @Test("without the right to")
  func notPermitted() async {
    await #expect(processExitsWith: .success) {
      try withNamespaces(1) { namespaces in
        let path = namespaces[0].path
        // The effective id of this process alone, so that root comes back to clean up; of all its threads (glibc).
        try #require(seteuid(65_534) == 0)
        let error = nftablesError("add table ip bench", in: path)
        try #require(seteuid(0) == 0)
        #expect(try #require(error).isPermission, "\(String(describing: error))")
      }
    }
  }

  @Test("many threads at once, each in its namespace")
  func threads() throws {
    try withNamespaces(8) { namespaces in
      let results = onDedicatedThreads(Array(namespaces.enumerated())) { number, namespace throws(SystemError) in
        do throws(NftablesError) {
          for round in 0..<20 { try Nftables.run("add table ip bench_\(number)_\(round)", in: namespace.path) }
          return try Nftables.run("list tables", in: namespace.path)
        } catch { return "\(error)" }
      }
      for (number, result) in results.enumerated() {
        let listing = try result.get()
        #expect(listing.components(separatedBy: "\"bench_\(number)_").count == 21, "\(listing)")
        #expect(listing.components(separatedBy: "\"bench_").count == 21, "and no other's")
      }
    }
  }

  @Test("it leaves no descriptor open")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      try withNamespaces(1) { namespaces in
        let path = namespaces[0].path
        try Nftables.run(Self.table, in: path)
        let before = try descriptorCount()
        for _ in 0..<20 {
          _ = try Nftables.run("list ruleset", in: path)
          _ = nftablesError("add rule ip bench nowhere accept", in: path)
        }
        #expect(try descriptorCount() == before)
      }
    }
  }
}

private func nftablesError(_ commands: String, in path: String) -> NftablesError? {
  do throws(NftablesError) {
    _ = try Nftables.run(commands, in: path)
    return nil
  } catch { return error }
}

/// What the program nft says, an independent reader; nil is the host's own namespace.
private func ruleset(in namespace: NetworkNamespace?) throws -> String {
  guard let namespace else { return try programOutput("nft", ["list", "ruleset"]) }
  return try programOutput("ip", ["netns", "exec", namespace.name, "nft", "list", "ruleset"])
}
