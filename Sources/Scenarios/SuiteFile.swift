internal import Foundation
public import Model
internal import Yams

/// Reads suites: which scenarios, and what of them, `bench nightly` measures.
public enum SuiteFile {
  /// The directory, beside the scenarios, in which suites are found by name.
  public static let directory = "suites"

  private static let schemaPrefix = "bench.suite/"
  private static let keys = ["schema", "name", "title", "budget", "self_test", "runs"]
  private static let entryKeys = ["scenario", "environments", "workloads", "blocks", "window", "warmup", "last_good"]
  private static let selfTestKeys = ["scenario", "workload"]
  private static let extensions = [".yaml", ".yml"]

  /// The path of a suite: what has a slash or ends in `.yaml` or `.yml` is one already; any other is looked for in the
  /// folder `suites` of `directories`, first match first.
  /// - Throws: `.usage` for a name that no file has, with the nearest one and a list of all.
  public static func resolve(_ nameOrPath: String, in directories: [String]) throws(UserError) -> String {
    if nameOrPath.contains("/") || extensions.contains(where: nameOrPath.hasSuffix) { return nameOrPath }
    var names: [String] = []
    for directory in directories.map({ "\($0)/\(directory)" }) {
      let files = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
      for file in files where !file.hasPrefix(".") {
        guard let suffix = extensions.first(where: file.hasSuffix) else { continue }
        let name = String(file.dropLast(suffix.count))
        if name == nameOrPath { return "\(directory)/\(file)" }
        if !names.contains(name) { names.append(name) }
      }
    }
    let near = Suggestion.nearest(to: String(nameOrPath.prefix(100)), among: names)
    throw UserError(
      .usage,
      "unknown suite \(Display.quoted(nameOrPath))\(near.map { " (did you mean '\(Display.plain($0))'?)" } ?? "")",
      remedy: names.isEmpty
        ? "None comes with the program here: give the path of a suite file, e.g. ./nightly.yaml"
        : "The suites are: \(Display.list(names)). Any other is named by its path, e.g. ./mine.yaml")
  }

  /// Reads the file at `path`.
  /// - Throws: `.badInput` for a file that is missing, no text or no valid suite, with one line for each mistake (up to
  ///   ten); `.notPermitted` for one that the user may not read.
  public static func load(path: String) throws(UserError) -> NightSuite {
    try parse(try TextFile.read(path), file: path)
  }

  /// Whether the file at `path` says that it is a suite, valid or not.
  public static func isSuite(path: String) -> Bool {
    guard let text = try? TextFile.read(path) else { return false }
    return text.split(separator: "\n").contains { $0.hasPrefix("schema:") && $0.contains(schemaPrefix) }
  }

  /// Reads the text of a suite.
  /// - Parameter file: the name that errors give the text.
  /// - Throws: `.badInput`, with one line for each mistake (up to ten).
  public static func parse(_ text: String, file: String) throws(UserError) -> NightSuite {
    let problems = Problems(file: file)
    guard let root = YAMLDocument.compose(text, problems), let suite = read(root, problems), problems.isEmpty else {
      throw problems.error
    }
    return suite
  }

  /// - Returns: nil if `problems` has at least one problem.
  private static func read(_ root: Node, _ problems: Problems) -> NightSuite? {
    guard
      SchemaCheck(
        current: NightSuite.currentSchema, prefix: schemaPrefix, subject: "a suite",
        others: [Scenario.currentSchema: "a scenario"]
      ).accepts(root, problems), let fields = Fields(root, subject: "the suite", keys: keys, problems)
    else { return nil }
    let name = fields.name("name")
    let title = fields.text("title")
    let budget = fields.milliseconds("budget", in: 60_000...86_400_000, wholeSeconds: true)
    var selfTest = NightSuite.SelfTest.standard
    if let node = fields.node("self_test", isRequired: false),
      let parts = Fields(node, subject: "'self_test'", keys: selfTestKeys, problems)
    {
      if let scenario = parts.text("scenario"), let workload = parts.name("workload") {
        selfTest = NightSuite.SelfTest(scenario: scenario, workload: workload)
      }
    }
    let nodes = fields.list("runs", of: "runs")
    if let nodes, nodes.isEmpty { fields.report("'runs' needs at least one run", at: "runs") }
    var entries: [NightSuite.Entry] = []
    for node in nodes ?? [] {
      guard let fields = Fields(node, subject: "a run of the suite", keys: entryKeys, problems) else { continue }
      let entry = read(fields)
      // Series are named by their scenario: two runs of one would be told apart by nothing.
      if let entry, entries.contains(where: { $0.scenario == entry.scenario }) {
        fields.report("a second run of the scenario \(Display.quoted(entry.scenario))", at: "scenario")
      } else if let entry {
        entries.append(entry)
      }
    }
    guard problems.isEmpty, let name, let title, let budget else { return nil }
    return NightSuite(name: name, title: title, budgetSeconds: budget / 1000, selfTest: selfTest, entries: entries)
  }

  private static func read(_ fields: Fields) -> NightSuite.Entry? {
    guard let scenario = fields.text("scenario") else { return nil }
    var entry = NightSuite.Entry(scenario: scenario)
    if fields.has("environments") { entry.environments = fields.texts("environments", of: "names")?.map(\.text) }
    if fields.has("workloads") { entry.workloads = fields.texts("workloads", of: "names")?.map(\.text) }
    if let blocks = fields.integer("blocks", in: NightSuite.Entry.blockCounts, default: entry.blocks) {
      entry.blocks = blocks
    }
    if fields.has("window") { entry.windowMilliseconds = fields.milliseconds("window", in: 10...600_000) }
    if fields.has("warmup") { entry.warmupMilliseconds = fields.milliseconds("warmup", in: 0...60_000) }
    if fields.has("last_good") { entry.lastGood = fields.text("last_good") }
    return entry
  }
}
