import Foundation
import Model
import Scenarios
import Testing

@Suite("The catalogue of scenarios")
struct ScenarioCatalogueTests {
  private let first: ScratchDirectory
  private let second: ScratchDirectory
  private let catalogue: ScenarioCatalogue

  init() throws {
    first = try ScratchDirectory()
    second = try ScratchDirectory()
    catalogue = ScenarioCatalogue(directories: [first.path, second.path, "/nonexistent"])
    let text = try Fixture.text("valid.yaml")
    _ = try first.write("network-hop.yaml", text.utf8)
    _ = try first.write("broken.yml", "name: x".utf8)
    _ = try first.write("notes.txt", "".utf8)
    _ = try first.write(".hidden.yaml", text.utf8)
    _ = try second.write("network-hop.yaml", text.replacing("A title", with: "Another title").utf8)
    _ = try second.write("storage.yaml", text.utf8)
  }

  @Test("lists the files of all directories by name, the first of a name only")
  func list() throws {
    #expect(catalogue.names() == ["broken", "network-hop", "storage"])
    let entries = catalogue.entries(knownEnvironments: knownEnvironments)
    #expect(entries.map(\.name) == ["broken", "network-hop", "storage"])
    #expect(entries.map(\.title) == [nil, "A title", "A title"])
    #expect(entries.first { $0.name == "network-hop" }?.path == "\(first.path)/network-hop.yaml")
    let broken = try #require(entries.first { $0.name == "broken" })
    #expect(throws: UserError.self) { try broken.content.get() }
  }

  @Test("resolves a name to the file that has it")
  func name() throws {
    #expect(try catalogue.resolve("network-hop") == "\(first.path)/network-hop.yaml")
    #expect(try catalogue.resolve("storage") == "\(second.path)/storage.yaml")
  }

  @Test("takes a path as it is", arguments: ["mine.yaml", "mine.yml", "./mine", "/a/b", "../network-hop"])
  func path(_ path: String) throws {
    #expect(try ScenarioCatalogue(directories: []).resolve(path) == path)
  }

  @Test("suggests the nearest name for an unknown one and lists all")
  func unknown() {
    let error = userError { () throws(UserError) in try catalogue.resolve("netwrok-hop") }
    #expect(error?.exitCode == .usage)
    #expect(error?.message == "unknown scenario 'netwrok-hop' (did you mean 'network-hop'?)")
    #expect(
      error?.remedy
        == "The scenarios are: broken, network-hop, storage. Any other is run by its path, e.g. ./mine.yaml")
  }

  @Test("says where it looked when there are none")
  func none() throws {
    let empty = try ScratchDirectory()
    let error = userError { () throws(UserError) in
      try ScenarioCatalogue(directories: [empty.path]).resolve("network-hop")
    }
    #expect(error?.exitCode == .usage)
    #expect(error?.message == "unknown scenario 'network-hop': no scenarios were found in \(empty.path)")
  }

  @Test("takes no odd name for a file", arguments: ["", "..", "\u{1B}[31m", String(repeating: "x", count: 100_000)])
  func oddName(_ name: String) {
    let error = userError { () throws(UserError) in try catalogue.resolve(name) }
    #expect(error?.exitCode == .usage)
    #expect(error.map { $0.message.count < 300 && !$0.message.contains("\u{1B}") } == true)
  }
}
