internal import Foundation
internal import Glibc
internal import LinuxKit
internal import TestSupport
internal import Testing

/// Whole nights, as short as they can be. How their verdicts come out is the host's affair; what they leave is not.
@Suite("A night", .serialized)
struct NightlyTests {
  private static let suite = """
    schema: bench.suite/1
    name: tiny-night
    title: A tiny night
    budget: 10min
    self_test: { scenario: ./tiny.yaml, workload: udp-block }
    runs:
      - scenario: ./tiny.yaml
        environments: [native, netns]
        workloads: [udp-block]
        blocks: 8
    """

  private func workplace(_ suite: String = suite) throws -> Workplace {
    let place = try Workplace()
    try place.write(TinyScenario.text(), to: "tiny.yaml")
    try place.write(suite, to: "night.yaml")
    return place
  }

  @Test("can be had as a plan, without root and without leaving anything")
  func dryRun() throws {
    let place = try workplace()
    let plan = try place.bench("nightly", "--suite", "./night.yaml", "--dry-run")
    #expect(plan.code == 0, "\(plan.errors)")
    for part in [
      "A tiny night", "measure tiny: 8 blocks of 1 workload in 2 environments", "16 blocks with a slowdown of 10 %",
      "of a budget of 10 min", "this would be the first night",
    ] { #expect(plan.output.contains(part), "\(part)") }
    #expect(!place.exists("state") && !place.exists("journal") && !place.exists("reports"))
    let shipped = try place.bench("nightly", "--dry-run", "--suite", "nightly")
    #expect(shipped.code == 0 && shipped.output.contains("measure network-hop"), "\(shipped.errors)")
  }

  @Test(
    "refuses what it cannot do before it measures, with a remedy",
    arguments: [
      (["--suite", "nightlly"], 64, "did you mean 'nightly'?"),
      (["--suite", "./absent.yaml"], 65, "absent.yaml"),
      (["--suite", "./tiny.yaml"], 65, "is that of a scenario, not of a suite"),
      (["--suite", "./night.yaml", "--budget", "1s"], 64, "the budget of 1 s is too short"),
      (["--suite", "./night.yaml", "--budget", "soon"], 64, "--budget"),
      (["--suite", "./night.yaml", "--export", "junit"], 64, "this names no file"),
      (["--suite", "./night.yaml", "--export", "junt=x.xml"], 64, "did you mean 'junit'?"),
      (["--suite", "./night.yaml", "--export", "junit=-", "--json", "-"], 64, "Only one of --json and --export"),
      (["--suite", "./night.yaml", "--export", "junit=no/where/x.xml"], 64, "there is no directory"),
    ])
  func refusals(arguments: [String], code: Int32, message: String) throws {
    let place = try workplace()
    let outcome = try place.run(
      program: try Executable.path(), ["nightly"] + arguments)
    #expect(outcome.code == code, "\(outcome.errors)")
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(!place.exists("state/bench.sqlite"))
  }

  @Test("can be checked without running anything, together with what it names")
  func validate() throws {
    let place = try workplace()
    let valid = try place.bench("validate", "./night.yaml")
    #expect(valid.code == 0 && valid.output == "./night.yaml: valid (suite tiny-night: A tiny night)\n", "\(valid)")
    try place.write(Self.suite.replacing("udp-block]", with: "udp-blok]"), to: "bad.yaml")
    let bad = try place.bench("validate", "./bad.yaml")
    #expect(bad.code == 65 && bad.errors.contains("did you mean 'udp-block'"), "\(bad.errors)")
  }

  @Test("says what of the suite a scenario does not have, naming the suite's file")
  func unknownPart() throws {
    let place = try workplace(Self.suite.replacing("[native, netns]", with: "[native, netsn]"))
    let outcome = try place.bench("nightly", "--suite", "./night.yaml", "--dry-run")
    #expect(outcome.code == 65)
    #expect(outcome.errors.contains("./night.yaml: scenario 'tiny' has no environment 'netsn' (did you mean 'netns'?)"))
  }

  @Test(
    "is whole in the store, in reports and in exports, or is gone on with after a kill",
    .requiresNetworkNamespaces)
  func wholeNight() throws {
    let place = try workplace()
    // Killed while it measures: the suite's run is not over, and the night does not count.
    let killed = try place.startBench(watchingErrors: "nightly", "--suite", "./night.yaml", "--seed", "3")
    var line = ""
    repeat {
      line = String(decoding: try killed.readLine(deadline: place.deadline), as: UTF8.self)
    } while !line.hasPrefix("block 1 of")
    #expect(kill(killed.pid, SIGKILL) == 0)
    #expect(try killed.waitForExit(deadline: place.deadline) == .killed(signal: SIGKILL))
    try checkStore(place, finished: 0)

    let night = try place.bench(
      "nightly", "--suite", "./night.yaml", "--seed", "3", "--json", "night.json", "--report", "out", "--export",
      "junit=night.xml", "--export", "openmetrics=bench.prom", "--export", "github=summary.md")
    let result = try JSONSerialization.jsonObject(with: try place.data("night.json")) as? [String: Any]
    let verdict = try #require(result?["verdict"] as? String)
    let codes: [String: Int32] = ["clean": 0, "inconclusive": 3, "blind": 70]
    #expect(night.code == codes[verdict], "\(verdict): \(night.errors)")
    #expect(night.errors.contains("Going on with night"), "\(night.errors)")
    #expect(night.errors.contains("Cleaned up after run"), "\(night.errors)")
    let id = try #require((result?["night"] as? [String: Any])?["id"] as? String)
    #expect(place.names(in: "out") == ["night-\(id).html", "night-\(id).json", "night-\(id).md"])
    #expect(try place.data("out/night-\(id).json") == place.data("night.json"))
    #expect(try place.read("night.xml").contains("<testsuite"))
    #expect(try place.read("bench.prom").hasSuffix("# EOF\n"))
    #expect(try place.read("summary.md").contains("tiny-night"))
    #expect(place.names(in: "journal") == [], "nothing is left on the host")
    try checkStore(place, finished: 1)

    try place.write(Self.suite.replacing("blocks: 8", with: "blocks: 9"), to: "other.yaml")
    let foreign = try place.bench("nightly", "--suite", "./other.yaml", "--baseline", id)
    #expect(foreign.code == 65, "\(foreign.errors)")
    #expect(foreign.errors.contains("the baseline \(id) is of another epoch (suite: "), "\(foreign.errors)")

    let nights = try place.bench("history", "--nights")
    #expect(nights.code == 0 && nights.output.contains(id), "\(nights.errors)")
    let again = try place.bench("nightly", "--suite", "./night.yaml", "--dry-run")
    #expect(again.output.contains("The store has 1 finished night"), "\(again.output)")
  }

  private func checkStore(_ place: Workplace, finished: Int) throws {
    let checked = try place.run(
      program: "/usr/bin/python3",
      [
        "-c",
        """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1])
        print(db.execute("PRAGMA integrity_check").fetchone()[0])
        print(db.execute("SELECT count(*) FROM nights WHERE phase = 'finished'").fetchone()[0])
        """, place.storePath,
      ])
    #expect(checked.output == "ok\n\(finished)\n", "\(checked.errors)")
  }

  @Test("lets no second one measure beside it", .requiresNetworkNamespaces)
  func twoAtOnce() throws {
    let place = try workplace()
    let first = try place.startBench(watchingErrors: "nightly", "--suite", "./night.yaml")
    var line = ""
    repeat {
      line = String(decoding: try first.readLine(deadline: place.deadline), as: UTF8.self)
    } while !line.hasPrefix("Measuring")
    let second = try place.bench("nightly", "--suite", "./night.yaml")
    #expect(second.code == 69)
    #expect(second.errors.contains("another night goes on") && second.errors.contains("--wait"))
    let waiting = try place.bench("nightly", "--suite", "./night.yaml", "--wait", "1s")
    #expect(waiting.code == 69 && waiting.errors.contains("waiting until it is done"))
    // An interrupt keeps what is there, and cleans up.
    #expect(kill(first.pid, SIGINT) == 0)
    #expect(try place.finish(first).code == 130)
    #expect(place.names(in: "journal") == [])
    try checkStore(place, finished: 0)
  }
}
