import Foundation
import Model
import Scenarios
import Testing

@Suite("Suites of nights")
struct SuiteFileTests {
  private static let text = """
    schema: bench.suite/1
    name: mine
    title: Mine
    budget: 20min
    runs:
      - scenario: network-hop
        environments: [native, veth]
        workloads: [udp-rr-spin]
        blocks: 10
        window: 100ms
      - scenario: ./cow.yaml
        last_good: ./cow-last.yaml
    """

  private static func parse(_ text: String) throws -> NightSuite { try SuiteFile.parse(text, file: "mine.yaml") }

  private static func complaint(_ text: String) throws -> String {
    let error = try #require(throws: UserError.self) { try parse(text) }
    #expect(error.exitCode == .badInput)
    return error.message
  }

  @Test("say what is measured, and leave the rest to the scenario")
  func valid() throws {
    let suite = try Self.parse(Self.text)
    #expect(suite.name == "mine" && suite.budgetSeconds == 1200 && suite.selfTest == .standard)
    #expect(
      suite.entries == [
        NightSuite.Entry(
          scenario: "network-hop", environments: ["native", "veth"], workloads: ["udp-rr-spin"], blocks: 10,
          windowMilliseconds: 100),
        NightSuite.Entry(scenario: "./cow.yaml", lastGood: "./cow-last.yaml"),
      ])
  }

  @Test(
    "name the place of a mistake and the nearest word",
    arguments: [
      ("budget: 20min", "budget: 20m", "mine.yaml:4:9: unknown unit 'm' in 'budget'"),
      ("blocks: 10", "blocks: 4", "mine.yaml:9:13: 'blocks' must be a whole number in 8…200"),
      ("    environments:", "    enviroments:", "unknown key 'enviroments' in a run of the suite (did you mean"),
      ("bench.suite/1", "bench.scenario/1", "schema 'bench.scenario/1' is that of a scenario, not of a suite"),
      ("bench.suite/1", "bench.suite/9", "newer than this program"),
      ("./cow.yaml", "network-hop", "a second run of the scenario 'network-hop'"),
      ("title: Mine\n", "", "the suite has no 'title'"),
      ("runs:", "runs: []\nx:", "'runs' needs at least one run"),
    ])
  func mistakes(old: String, new: String, expected: String) throws {
    let message = try Self.complaint(Self.text.replacing(old, with: new, maxReplacements: 1))
    #expect(message.contains(expected), "\(message)")
  }

  @Test("are found by name in the folder of suites, and an unknown one is told the nearest")
  func resolve() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("suites-\(UUID())")
    defer { try? FileManager.default.removeItem(at: directory) }
    let folder = directory.appendingPathComponent(SuiteFile.directory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(Self.text.utf8).write(to: folder.appendingPathComponent("mine.yaml"))
    let path = try SuiteFile.resolve("mine", in: ["/nowhere", directory.path])
    #expect(path == "\(folder.path)/mine.yaml")
    #expect(try SuiteFile.load(path: path).name == "mine")
    #expect(SuiteFile.isSuite(path: path))
    #expect(try SuiteFile.resolve("./other.yaml", in: []) == "./other.yaml")
    let error = try #require(throws: UserError.self) { try SuiteFile.resolve("mien", in: [directory.path]) }
    #expect(error.exitCode == .usage && error.message.contains("did you mean 'mine'"))
  }

  @Test("that ship are valid, and name what there is")
  func shipped() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let suite = try SuiteFile.load(path: root.appendingPathComponent("scenarios/suites/nightly.yaml").path)
    for entry in suite.entries {
      let path = root.appendingPathComponent("scenarios/\(entry.scenario).yaml").path
      let text = try String(contentsOfFile: path, encoding: .utf8)
      for name in (entry.environments ?? []) + (entry.workloads ?? []) { #expect(text.contains(name), "\(name)") }
    }
  }
}
