import Foundation
import Testing

@testable import Environments

@Suite("Every registered environment is explained and examined")
struct RegistryTests {
  @Test("names are unique, and found")
  func names() {
    #expect(Set(EnvironmentRegistry.names).count == EnvironmentRegistry.all.count)
    for definition in EnvironmentRegistry.all {
      #expect(EnvironmentRegistry.definition(named: definition.name)?.summary == definition.summary)
      #expect(!definition.summary.isEmpty && !definition.layer.isEmpty && !definition.summary.contains("\n"))
      #expect(definition.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
    }
    #expect(EnvironmentRegistry.definition(named: "nowhere") == nil)
  }

  @Test("it has a section in docs/environments.md", arguments: EnvironmentRegistry.names)
  func documented(_ name: String) throws {
    let text = try String(contentsOf: repository.appending(path: "docs/environments.md"), encoding: .utf8)
    // One section may be of several that differ by a number.
    let isThere = text.split(separator: "\n").contains { $0.hasPrefix("## ") && $0.contains("`\(name)`") }
    #expect(isThere, "write a section '## `\(name)`'")
  }

  @Test("what it needs of the host is probed by the doctor", arguments: EnvironmentRegistry.names)
  func examined(_ name: String) throws {
    let folder = repository.appending(path: "Sources/Doctor")
    let code = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "swift" }.map { try String(contentsOf: $0, encoding: .utf8) }.joined()
    for need in try #require(EnvironmentRegistry.definition(named: name)).needs {
      #expect(code.contains("case .\(need.rawValue):"), "the doctor says nothing about \(need)")
    }
  }
}
