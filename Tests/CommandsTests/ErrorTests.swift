internal import Foundation
internal import Testing

/// Every mistake of a user is one paragraph on stderr, has the right exit code, and leaves nothing behind. What is
/// wrong *inside* a scenario has its goldens with the reader of scenarios.
@Suite("A mistake on the command line")
struct ErrorTests {
  /// Commands that go wrong, with the exit code; in a workplace that ``furnish(_:)`` has furnished.
  private static let mistakes: [(arguments: [String], code: Int32)] = [
    // What the user typed.
    (["bogus"], 64),
    (["run"], 64),
    (["run", "--bogus", "./tiny.yaml"], 64),
    (["run", "network-hopp"], 64),
    (["run", "./tiny.yaml", "--env", "netnss"], 64),
    (["run", "./tiny.yaml", "--workload", "udp-blok"], 64),
    (["run", "./tiny.yaml", "--profile", "nonsense"], 64),
    (["run", "./tiny.yaml", "--profile", "standard"], 64),
    (["run", "./tiny.yaml", "--seed", "-1"], 64),
    (["run", "./tiny.yaml", "--seed", "18446744073709551616"], 64),
    (["run", "./tiny.yaml", "--cpus", "0,0"], 64),
    (["run", "./tiny.yaml", "--cpus", "0"], 64),
    (["run", "./tiny.yaml", "--cpus", "a,b"], 64),
    (["run", "./tiny.yaml", "--env", ","], 64),
    (["run", "./tiny.yaml", "./tiny.yaml", "--json", "-"], 64),
    (["list", "--limit", "0"], 64),
    (["describe", "network-hopp"], 64),
    // Scenario files.
    (["run", "./missing.yaml"], 65),
    (["run", "./typo.yaml"], 65),
    (["run", "./folder/"], 65),
    (["run", "./junk.yaml"], 65),
    (["run", "./empty.yaml"], 65),
    (["run", "./numbers.yaml"], 65),
    (["run", "/dev/zero"], 65),
    (["describe", "./typo.yaml"], 65),
    (["validate", "./typo.yaml", "./empty.yaml"], 65),
    // Where results go.
    (["run", "./tiny.yaml", "--json", "missing/result.json"], 64),
    (["run", "./tiny.yaml", "--json", "folder"], 64),
    (["run", "./tiny.yaml", "--report", "tiny.yaml"], 64),
    (["run", "./tiny.yaml", "--report", "tiny.yaml/reports"], 64),
    (["run", "./tiny.yaml", "--store", "folder"], 65),
    (["run", "./tiny.yaml", "--store", "typo.yaml"], 65),
    (["run", "./tiny.yaml", "--store", "junk.sqlite"], 65),
    (["run", "./tiny.yaml", "--store", "typo.yaml/bench.sqlite"], 65),
    // Stored runs.
    (["analyze", "latest"], 65),
    (["report", "latest"], 65),
    (["list", "--runs"], 65),
    (["analyze", "latest", "--store", "junk.sqlite"], 65),
    (["report", "latest", "--format", "html,markdwon"], 64),
  ]

  private static func furnish(_ place: Workplace) throws {
    try place.write(TinyScenario.text(), to: "tiny.yaml")
    try place.write(TinyScenario.text(), to: "scenarios/network-hop.yaml")
    try place.write(TinyScenario.text().replacing("environment: netns", with: "enviroment: netns"), to: "typo.yaml")
    try place.write("", to: "empty.yaml")
    try place.write(
      TinyScenario.text(budget: "99999999999999999999h", looks: "[8, -12, 1e9]")
        .replacing("window: 20ms", with: "window: -20ms"), to: "numbers.yaml")
    try place.write("", to: "folder/kept")
    let junk = Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) })
    try place.write(junk, to: "junk.yaml")
    try place.write(junk, to: "junk.sqlite")
  }

  @Test("is one paragraph that names the thing and the remedy")
  func transcript() throws {
    let place = try Workplace()
    try Self.furnish(place)
    let before = place.names(in: ".")
    var transcript = ""
    for (arguments, code) in Self.mistakes {
      let outcome = try place.run(program: try Executable.path(), arguments)
      let command = "bench \(arguments.joined(separator: " "))"
      #expect(outcome.code == code, "\(command): \(outcome.status), \(outcome.errors)")
      #expect(outcome.output == "", "\(command)")
      #expect(outcome.errors.hasSuffix("\n") && !outcome.errors.contains("\n\n"), "\(command): \(outcome.errors)")
      #expect(!outcome.errors.contains("UserError") && !outcome.errors.contains("Optional("), "\(command)")
      transcript += "$ \(command)\n\(outcome.errors)=> \(code)\n\n"
    }
    #expect(place.names(in: ".").filter { !$0.hasPrefix(".std") } == before, "something was left behind")
    #expect(place.names(in: "folder") == ["kept"])
    // The names that there are depend on where the program was built.
    let stable = transcript.replacing(place.directory, with: "$DIRECTORY")
      .replacing(/The scenarios are: .*/, with: "The scenarios are: …")
    try expectGolden(stable, "mistakes.txt")
  }

  @Test("in the CPUs says which ones may be used")
  func processors() throws {
    let place = try Workplace()
    try Self.furnish(place)
    let outcome = try place.bench("run", "./tiny.yaml", "--cpus", "99999,99998")
    #expect(outcome.code == 64)
    #expect(outcome.errors.wholeMatch(of: /bench: CPU 99999 may not be used here\nthese may: \d+(,\d+)*\n/) != nil)
  }

  @Test("in one of several files does not hide what is right with the others")
  func validate() throws {
    let place = try Workplace()
    try Self.furnish(place)
    let outcome = try place.bench("validate", "./typo.yaml", "./tiny.yaml")
    #expect(outcome.code == 65)
    #expect(outcome.output == "./tiny.yaml: valid (tiny: A tiny scenario)\n")
    #expect(outcome.errors.contains("./typo.yaml:27:5: unknown key 'enviroment'"), "\(outcome.errors)")
  }

  @Test("by a worker that is none is found before anything is made")
  func worker() throws {
    let place = try Workplace()
    try Self.furnish(place)
    let missing = try place.bench("run", "./tiny.yaml", environment: ["BENCH_WORKER": "/nonexistent/worker"])
    #expect(missing.code == 69)
    #expect(
      missing.errors
        == "bench: the worker /nonexistent/worker is missing or not executable\nbuild it with 'make build'\n")
    #expect(!FileManager.default.fileExists(atPath: place.storePath))
  }
}

@Suite("Scenarios")
struct ScenarioCommandTests {
  @Test("are valid where nothing is wrong")
  func validate() throws {
    let place = try Workplace()
    try place.write(TinyScenario.text(), to: "mine.yaml")
    let outcome = try place.bench("validate", "mine.yaml")
    #expect(outcome.code == 0)
    #expect(outcome.output == "mine.yaml: valid (tiny: A tiny scenario)\n")
    #expect(outcome.errors == "")
  }

  @Test("that docs/scenarios.md has people copy are valid")
  func documentation() throws {
    let place = try Workplace()
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/scenarios.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let example = try #require(text.firstMatch(of: /(?s)```yaml\n(.*?)```/))
    try place.write(String(example.1), to: "example.yaml")
    let outcome = try place.bench("validate", "example.yaml")
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  @Test("of the current directory are listed and run by name")
  func list() throws {
    let place = try Workplace()
    try place.write(TinyScenario.text(), to: "scenarios/my-own.yaml")
    try place.write("nonsense", to: "scenarios/not-good.yaml")
    let outcome = try place.bench("list")
    #expect(outcome.code == 0)
    #expect(outcome.errors == "")
    #expect(outcome.output.contains(/my-own +A tiny scenario\n/))
    #expect(outcome.output.contains(/not-good +not valid: see 'bench validate not-good'\n/))
    for environment in ["native", "netns", "veth", "bridge"] { #expect(outcome.output.contains("  \(environment) ")) }
    #expect(try place.bench("validate", "my-own").code == 0)
  }

  @Test("are described: what they would do, and how long it takes")
  func describe() throws {
    let place = try Workplace()
    try place.write(TinyScenario.text(), to: "tiny.yaml")
    let outcome = try place.bench("describe", "tiny.yaml")
    #expect(outcome.code == 0)
    #expect(outcome.errors == "")
    try expectGolden(outcome.output, "describe.txt")
  }
}
