import Foundation
import Model
import Scenarios
import Testing

/// What a shipped scenario names and claims.
private struct Shipped: Codable, Equatable {
  var environments: [String]
  var claims: [ClaimSpec]
}

@Suite("The claims of the shipped scenarios")
struct ShippedClaimsTests {
  /// Where the sources lie: these files are read as users have them.
  private static let directory =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "scenarios").path

  private let golden: [String: Shipped]
  private let catalogue = ScenarioCatalogue(directories: [Self.directory])

  init() throws {
    golden = try JSONDecoder().decode([String: Shipped].self, from: Data(Fixture.text("shipped-claims.json").utf8))
  }

  private func scenarios() throws -> [String: Scenario] {
    let known = Set(golden.values.flatMap(\.environments)).sorted()
    let entries = catalogue.entries(knownEnvironments: known)
    return Dictionary(uniqueKeysWithValues: try entries.map { ($0.name, try $0.content.get()) })
  }

  /// The golden was written when each scenario said all of its claims itself. A difference changes what a verdict means:
  /// it is taken over by hand, with its reason in the commit.
  @Test("are what they were")
  func unchanged() throws {
    let now = try scenarios().mapValues { Shipped(environments: $0.environments, claims: $0.claims) }
    #expect(now.keys.sorted() == golden.keys.sorted())
    for (name, scenario) in golden { #expect(now[name] == scenario, "\(name)") }
  }

  @Test("are all of the file of claims, and each of that is measured or says why not")
  func complete() throws {
    let file = try catalogue.claims()
    let measured = try scenarios().values.flatMap(\.claims).map(\.id)
    #expect(Set(measured).count == measured.count, "an id is measured by one scenario")
    #expect(Set(measured) == Set(file.claims.filter { $0.open == nil }.map(\.id)))
    #expect(file.claims.count > measured.count)
    // Reports group by section, in the file's order.
    let sections = file.claims.map(\.section)
    let changes = zip(sections, sections.dropFirst()).filter { $0 != $1 }.count
    #expect(changes + 1 == Set(sections).count, "a section's claims stand together")
  }

  @Test("are no scenario of the catalogue")
  func catalogued() throws {
    #expect(!catalogue.names().contains("claims"))
    let path = "\(Self.directory)/claims.yaml"
    let error = try #require(
      userError { () throws(UserError) in try ScenarioFile.load(path: path, knownEnvironments: knownEnvironments) })
    #expect(
      error.message.hasSuffix(
        "schema 'bench.claims/1' is that of a file of claims, not of a scenario ('bench.scenario/1')"))
  }
}
