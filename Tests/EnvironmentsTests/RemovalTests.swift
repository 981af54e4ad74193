import Foundation
import LinuxKit
import Model
import NetlinkKit
import TestSupport
import Testing

@testable import Environments

@Suite("What was made is taken away", .requiresNetworkNamespaces, .requiresProgram("ip"))
struct RemovalTests {
  @Test(
    "nothing is left of an environment", arguments: ["native"] + linkEnvironments.map(\.name), AddressFamily.allCases)
  func nothingLeft(_ name: String, _ family: AddressFamily) throws {
    let links = try hostLinks()
    let workplace = try Workplace(family: family)
    try workplace.with(try #require(EnvironmentRegistry.definition(named: name) as? any NetworkEnvironment)) {
      environment in
      let isThere = try !remains(of: workplace.runID).isEmpty
      #expect(isThere == (name != "native"))
    }
    #expect(try remains(of: workplace.runID) == [])
    #expect(
      try hostLinks().subtracting(links).isDisjoint(with: [
        "client0", "server0", "bridge0", "port-client", "port-server", "parent0", "wire0", "vxlan0", "underlay-c",
        "underlay-s",
      ]))
    #expect(workplace.journal.resources == [])
    workplace.journal.close()
    #expect(workplace.directory.files == [])
  }

  @Test("taking away twice is fine")
  func twice() throws {
    let workplace = try Workplace()
    try workplace.with(VethPair()) { _ in }
    try workplace.resources.removeAll()
    #expect(try remains(of: workplace.runID) == [])
  }

  @Test("the same resources can be used again, as a run does for trial after trial")
  func again() throws {
    let workplace = try Workplace()
    for _ in 0..<5 { try workplace.with(BridgedPair()) { _ in } }
    #expect(try remains(of: workplace.runID) == [])
    #expect(workplace.journal.resources == [])
  }

  @Test("last made, first taken away")
  func order() throws {
    let workplace = try Workplace()
    try workplace.with(BridgedPair()) { _ in }
    struct Line: Decodable {
      struct Entry: Decodable {
        struct Name: Decodable { var name: String }
        var networkNamespace: Name?
      }
      var made: [String: Entry]?
      var gone: [String: Entry]?
    }
    let lines = try SmallFile.text(workplace.journalFile).split(separator: "\n").map {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8))
    }
    func names(_ part: KeyPath<Line, [String: Line.Entry]?>) -> [String] {
      lines.compactMap { $0[keyPath: part]?["_0"]?.networkNamespace?.name }
    }
    #expect(names(\.made).map { $0.split(separator: "-").last } == ["client", "server", "switch"])
    #expect(names(\.gone) == names(\.made).reversed())
  }

  /// Fails when it is half built.
  private struct HalfBuilt: NetworkEnvironment {
    var name: String { "half-built" }
    var summary: String { "" }
    var layer: String { "" }
    var needs: [HostCapability] { [] }
    func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
      let client = try resources.namespace("client")
      let server = try resources.namespace("server")
      try explained { () throws(NetlinkError) in
        try client.socket.createVethPair("client0", peer: "server0", peerIn: server.namespace)
        try client.socket.setUp("client1")
      }
      return try BuiltEnvironment(
        client: client, server: server, service: ServiceAddress(listenAddress: "198.18.0.2"), path: [])
    }
  }

  @Test("a build that fails in the middle leaves nothing")
  func failure() throws {
    let workplace = try Workplace()
    let error = #expect(throws: UserError.self) { try workplace.with(HalfBuilt()) { _ in } }
    #expect(error?.exitCode == .unavailable)
    #expect(try #require(error?.message).contains("client1"))
    #expect(try remains(of: workplace.runID) == [])
    #expect(workplace.journal.resources == [])
  }

  @Test("a build whose journal is full leaves nothing, also without a note of it", .requiresProgram("ip"))
  func fullJournal() throws {
    let disk = try TinyFileSystem(kibibytes: 16)
    let runID = randomRunID()
    let journal = try Journal(runID: runID, directory: disk.path)
    let size = {
      (try FileManager.default.attributesOfItem(atPath: "\(disk.path)/\(runID).journal")[.size] as? Int) ?? 0
    }
    try journal.enter(.networkNamespace(name: "bench-\(runID)-1-client"))
    let entry = try size()
    try journal.strike(.networkNamespace(name: "bench-\(runID)-1-client"))
    // With short entries up to the end of its first page, so that there is room for one more of that length only.
    while try size() + 2 * entry <= 4096 { try journal.enter(.directory(path: "/nonexistent")) }
    try disk.fill()
    let resources = HostResources(journal: journal)
    defer { try? resources.removeAll() }
    let error = userError { () throws(UserError) in _ = try VethPair().build(with: resources) }
    #expect(error?.exitCode == .unavailable)
    #expect(try #require(error?.message).contains("No space left on device"))
    #expect(try #require(error?.message).contains(disk.path))
    #expect(try #require(error?.remedy).contains("free some space"))
    // That striking out fails as well is said, but keeps nothing from going.
    _ = userError { () throws(UserError) in try resources.removeAll() }
    #expect(try remains(of: runID) == [])
  }

  @Test("a namespace that somebody else took away is no error")
  func missing() throws {
    let workplace = try Workplace()
    try workplace.with(VethPair()) { _ in
      _ = try output("/usr/bin/env", ["ip", "netns", "delete", "bench-\(workplace.runID)-1-client"])
    }
    #expect(try remains(of: workplace.runID) == [])
    #expect(workplace.journal.resources == [])
  }
}
