import Foundation
import Model
import Scenarios
import Testing

@Suite("A mistake in a scenario file")
struct MistakeTests {
  @Test("has fixtures")
  func fixturesExist() {
    #expect(Fixture.mistakes.count > 130)
  }

  @Test("is named with its place and what would be valid", arguments: Fixture.mistakes)
  func message(_ name: String) throws {
    let path = Fixture.path("\(name).yaml")
    let error = try #require(
      userError { () throws(UserError) in try ScenarioFile.load(path: path, knownEnvironments: knownEnvironments) })
    let expected = try Fixture.text("\(name).expected")
    let directory = Fixture.directory.path + "/"
    #expect(error.message.replacing(directory, with: "") + "\n" == expected)
    #expect(error.exitCode == .badInput)
    #expect(error.remedy != nil)
  }

  @Test("does not bring control characters of the file or its name to the terminal")
  func controlCharacters() throws {
    let text = try Fixture.text("valid.yaml").replacing("wait: spin", with: "wait: \"\\e[31mspin\\a\"")
      .replacing("rtt_p50", with: "\"rtt\\u202E\"").replacing("name: fixture", with: "\"na\\bme\": fixture")
    let error = try #require(
      userError { () throws(UserError) in
        try ScenarioFile.parse(text, file: "a\u{1B}[2J.yaml", knownEnvironments: knownEnvironments)
      })
    let isClean = error.description.unicodeScalars.allSatisfy {
      $0 == "\n" || $0.properties.generalCategory != .control
    }
    #expect(isClean, "\(error.description)")
    #expect(error.message.contains("a\\u{1B}[2J.yaml"))
  }

  @Test("shows no more than the start of a long value")
  func longValue() throws {
    let text = try Fixture.text("valid.yaml").replacing("rtt_p50", with: String(repeating: "x", count: 50_000))
    let error = try #require(
      userError { () throws(UserError) in
        try ScenarioFile.parse(text, file: "a.yaml", knownEnvironments: knownEnvironments)
      })
    #expect(error.message.count < 500)
  }
}
