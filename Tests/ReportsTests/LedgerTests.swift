import Foundation
import Model
import PlainText
import Testing

@testable import Reports

@Suite("The ledger of claims")
struct LedgerTests {
  private static let rule = ArticleClaim.Rule(
    metric: .rttP50, quantity: .ratio, region: ClaimRegion(above: 1.10), margin: 0.10)

  private static func article(_ id: String, open: String? = nil) -> ArticleClaim {
    ArticleClaim(
      id: id, section: open == nil ? "Wrapping a process into a virtual network host" : "One process",
      statement: open == nil
        ? "A container's own network stack makes every packet slower." : "Process 1 leaves zombies.",
      rule: open == nil ? rule : nil,
      published: [ClaimSpec.Published(source: "ONCache, NSDI 2025", finding: "29 % fewer")],
      open: open)
  }

  private static let claims = [
    article("net-hop"), article("net-namespace"), article("net-veth"),
    article("pid1", open: "needs a scenario with orphans"),
  ]

  private static let scenario = Scenario(
    name: "network-hop", title: "A hop", description: "", baseline: Fixture.baseline,
    environments: Fixture.environments.map(\.name), workloads: Fixture.workloads,
    profiles: [
      .quick: Profile(
        windowMilliseconds: 100, warmupMilliseconds: 10, budgetSeconds: 60, environments: ["native", "netns", "bridge"]),
      .standard: Profile(windowMilliseconds: 500, warmupMilliseconds: 10, budgetSeconds: 300),
    ],
    claims: [
      Fixture.claim("net-hop", environment: "bridge", region: ClaimRegion(above: 1.10), margin: 0.10),
      Fixture.claim("net-namespace", environment: "netns", region: ClaimRegion(above: 1.05), margin: 0.05),
      Fixture.claim("net-veth", environment: "veth", region: ClaimRegion(above: 1.05), margin: 0.05),
    ])

  private static func builder() -> LedgerBuilder {
    LedgerBuilder(claims: claims, scenarios: ["network-hop": scenario], host: HostFingerprint(Fixture.host))
  }

  /// A run `age` days before the fixture's, changed.
  private static func run(_ id: String, age: Int, _ change: (inout RunResult) -> Void = { _ in }) -> RunResult {
    var result = Fixture.result
    result.run.id = id
    result.run.started = Fixture.start.addingTimeInterval(-86_400 * Double(age))
    change(&result)
    return result
  }

  private static func report(_ runs: [RunResult]) -> LedgerReport {
    var builder = builder()
    for run in runs { builder.add(run) }
    return builder.report()
  }

  private static func entry(_ id: String, _ report: LedgerReport) throws -> ClaimsLedger.Entry {
    try #require(report.ledger.claims.first { $0.claim.id == id })
  }

  private static func record(
    host: HostFacts = Fixture.host, injection: String? = nil
  ) -> RunRecord {
    RunRecord(
      id: "r", scenario: scenario, profileName: .quick,
      profile: Profile(
        windowMilliseconds: 100, warmupMilliseconds: 10, budgetSeconds: 60), environments: Fixture.environments,
      workloads: Fixture.workloads.map(\.name), seed: 1, started: Fixture.start, host: host, workerSHA256: "",
      version: "0.1.0", command: "", exit: .completed, injection: injection)
  }

  // MARK: Which run counts

  @Test("gives each claim the verdict of the newest run that has one")
  func newest() throws {
    let report = Self.report([Self.run("new", age: 0), Self.run("old", age: 1)])
    let hop = try Self.entry("net-hop", report)
    #expect(hop.verdict == .supported && hop.run?.id == "new" && hop.others == [] && hop.settle == nil)
    #expect(hop.result?.estimate == 1.302 && hop.result?.n == 12)
    #expect(hop.reason == Fixture.claims[0].reason)
    #expect(try Self.entry("net-namespace", report).verdict == .refuted)
    let counts = report.ledger.counts
    #expect((counts.total, counts.decided, counts.supported, counts.refuted) == (4, 2, 1, 1))
    #expect((counts.open, counts.unmeasured, counts.inconclusive, counts.unavailable) == (2, 1, 0, 0))
  }

  @Test("names earlier and later runs that say something else")
  func disagreement() throws {
    let report = Self.report([
      Self.run("newest", age: 0) { $0.claims[0].verdict = .inconclusive },
      Self.run("middle", age: 1),
      Self.run("oldest", age: 2) { $0.claims[0].verdict = .refuted },
    ])
    let hop = try Self.entry("net-hop", report)
    #expect(hop.verdict == .supported && hop.run?.id == "middle")
    #expect(hop.others.map(\.id) == ["newest", "oldest"])
    #expect(hop.others.map(\.verdict) == [.inconclusive, .refuted])
    let line = try #require(report.lines.first)
    #expect(line.others == ["The later run newest was inconclusive.", "The earlier run oldest said refuted."])
    #expect(try Self.entry("net-namespace", report).others == [])
    let twice = Self.report(
      [0, 1].map { age in Self.run("undecided-\(age)", age: age) { $0.claims[0].verdict = .inconclusive } }
        + [Self.run("oldest", age: 2)])
    #expect(
      twice.lines.first?.others == ["2 later runs, the newest of them undecided-0, were inconclusive."])
  }

  @Test("gives no verdict that its run cannot bear", arguments: ["control", "hostile", "voided"])
  func validity(_ fault: String) throws {
    let report = Self.report([
      Self.run("bad", age: 0) { result in
        switch fault {
        case "control": result.control[0].isPassed = false
        case "hostile": result.noise.overall = .hostile
        default: result.run.voidedBlocks = 5
        }
      }
    ])
    let hop = try Self.entry("net-hop", report)
    #expect(hop.verdict == .inconclusive)
    #expect(hop.reason.hasPrefix("No verdict can be had from this run; the numbers alone would say: supported. "))
    #expect(report.ledger.counts.decided == 0)
    #expect(hop.settle == "sudo bench run network-hop --profile standard")
  }

  @Test("takes no part that a run left out for an answer")
  func partial() throws {
    let report = Self.report([
      Self.run("native-only", age: 0) { result in
        result.environments.removeAll { $0.name == "bridge" }
        result.claims[0].verdict = .unavailable
      }
    ])
    #expect(try Self.entry("net-hop", report).verdict == .open)
    #expect(try Self.entry("net-namespace", report).verdict == .refuted)
  }

  @Test("says what could not run here, unless another run says more")
  func unavailable() throws {
    let without = Self.run("without", age: 0) { result in
      result.claims[0].verdict = .unavailable
      result.claims[0].reason = "The environment bridge could not run here."
    }
    let alone = try Self.entry("net-hop", Self.report([without]))
    #expect(alone.verdict == .unavailable && alone.settle == nil)
    #expect(alone.reason == "The environment bridge could not run here.")
    let both = try Self.entry("net-hop", Self.report([without, Self.run("old", age: 1)]))
    #expect(both.verdict == .supported && both.others.map(\.verdict) == [.unavailable])
  }

  @Test("takes no answer to another question", arguments: ["margin", "region", "environment", "workload", "baseline"])
  func outdated(_ difference: String) throws {
    let report = Self.report([
      Self.run("old rule", age: 0) { result in
        for index in result.claims.indices {
          switch difference {
          case "margin": result.claims[index].margin += 0.01
          case "region": result.claims[index].region = ClaimRegion(above: 1.01)
          case "environment": result.claims[index].environment = "veth"
          case "workload": result.workloads[0].size = 512
          default: result.run.baseline = "netns"
          }
        }
      }
    ])
    #expect(try Self.entry("net-hop", report).verdict == .open)
    #expect(report.ledger.leftOut.outdated == 1)
    #expect(report.omissions == "Runs left out: 1 judged by rules that have changed since.")
  }

  @Test("reads completed runs of its scenarios, and so many of each")
  func reading() {
    var builder = Self.builder()
    let isRead = [
      builder.shouldRead(scenario: "mine", exit: .completed),
      builder.shouldRead(scenario: "network-hop", exit: .interrupted),
      builder.shouldRead(scenario: "network-hop", exit: .running),
      builder.shouldRead(scenario: "network-hop", exit: .failed),
    ]
    #expect(isRead == [false, false, false, false])
    var read = 0
    for _ in 0..<15 where builder.shouldRead(scenario: "network-hop", exit: .completed) {
      let isAnalyzed = builder.shouldAnalyze(Self.record())
      #expect(isAnalyzed)
      read += 1
    }
    #expect(read == LedgerBuilder.mostRuns)
    let left = builder.report().ledger.leftOut
    #expect(left.unfinished == 3 && left.older == 5 && left.total == 8)
  }

  @Test("leaves out other hosts, other kernels and tests of the detector, without end to those it reads")
  func elsewhere() {
    var builder = Self.builder()
    var other = Fixture.host
    other.hostname = "build-08"
    var newer = Fixture.host
    newer.kernel = "6.19"
    var exchanged = Fixture.host
    exchanged.cpuModel = nil
    let analyzed = [
      builder.shouldAnalyze(Self.record(host: other)), builder.shouldAnalyze(Self.record(host: newer)),
      builder.shouldAnalyze(Self.record(host: exchanged)), builder.shouldAnalyze(Self.record(injection: "5 %")),
      builder.shouldAnalyze(Self.record()),
    ]
    #expect(analyzed == [false, false, false, false, true])
    var read = 0
    while read < 1_000, builder.shouldRead(scenario: "network-hop", exit: .completed) {
      read += 1
      _ = builder.shouldAnalyze(Self.record(host: other))
    }
    #expect(read == LedgerBuilder.mostReads)
    let left = builder.report().ledger.leftOut
    #expect(left.elsewhere == 3 + read && left.injected == 1 && left.older == 1)
  }

  // MARK: What would settle a claim

  @Test("names the shortest profile that asks an open claim, and a longer one after that")
  func settling() throws {
    let empty = Self.report([])
    #expect(try Self.entry("net-hop", empty).settle == "sudo bench run network-hop")
    // The quick profile leaves its environment out.
    #expect(try Self.entry("net-veth", empty).settle == "sudo bench run network-hop --profile standard")
    let pid1 = try Self.entry("pid1", empty)
    #expect(pid1.settle == nil && pid1.scenarios == [])
    #expect(pid1.reason == "No scenario of this version measures it: needs a scenario with orphans.")
    func open(_ profile: ProfileName) throws -> String? {
      try Self.entry(
        "net-hop",
        Self.report([
          Self.run("r", age: 0) { result in
            result.run.profile = profile
            result.claims[0].verdict = .inconclusive
          }
        ])
      ).settle
    }
    #expect(try open(.quick) == "sudo bench run network-hop --profile standard")
    // There is no longer one: the same again.
    #expect(try open(.standard) == "sudo bench run network-hop --profile standard")
  }

  // MARK: Formats

  static var mixed: LedgerReport {
    report([
      run("20261124-031541-7f3a", age: 0) { $0.claims[1].verdict = .inconclusive },
      run("20261123-031541-7f3a", age: 1) { result in
        result.claims[0].verdict = .refuted
        result.claims[1].verdict = .inconclusive
      },
    ])
  }

  @Test("sums itself up in a sentence")
  func summary() {
    #expect(
      Self.mixed.summary
        == "On this host 1 of 4 claims is decided: 1 supported, 0 refuted; 1 inconclusive, 2 open (1 measured by no "
        + "scenario yet).")
    let empty = Self.report([])
    #expect(empty.summary == "On this host none of 4 claims is decided; 4 open (1 measured by no scenario yet).")
    #expect(empty.beginning?.hasSuffix("Begin with: sudo bench run network-hop") == true)
    #expect(Self.mixed.beginning == nil && empty.omissions == nil && empty.selection == nil)
  }

  @Test("in text is as its golden is, at 80 columns and without escape sequences")
  func textGolden() throws {
    let text = Self.mixed.text(width: 80, color: false)
    #expect(text.split(separator: "\n").allSatisfy { String($0).terminalWidth <= 80 })
    #expect(!text.contains("\u{1B}"))
    try expectGolden(text, "ledger.txt")
    let colored = Self.mixed.text(width: 80, color: true)
    #expect(colored.replacing(try Regex("\u{1B}\\[[0-9;]*m"), with: "") == text)
    for width in [1, 40, 60, 500] {
      let lines = Self.mixed.text(width: width, color: false).split(separator: "\n")
      #expect(lines.allSatisfy { String($0).terminalWidth <= max(40, min(160, width)) }, "\(width)")
    }
  }

  @Test("in Markdown and HTML is as its goldens are")
  func documents() throws {
    try expectGolden(Self.mixed.markdown(), "ledger.md")
    // The style sheet is another file's affair.
    let html = try Self.mixed.html()
    let start = try #require(html.range(of: "<style>"))
    let end = try #require(html.range(of: "</style>"))
    try expectGolden(String(html[..<start.upperBound] + html[end.lowerBound...]), "ledger.html")
    #expect(!html.contains("<script") && !html.contains("http:") && !html.contains("https:"))
    #expect(html.contains("<h1>") && html.contains("lang=\"en\""))
  }

  @Test("as JSON has its schema and reads back as it was")
  func json() throws {
    let data = try Self.mixed.json()
    #expect(try Self.mixed.json() == data)
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let text = try decoder.singleValueContainer().decode(String.self)
      return try #require(ReportJSON.date(text))
    }
    let ledger = try decoder.decode(ClaimsLedger.self, from: data)
    #expect(ledger == Self.mixed.ledger && ledger.schema == "bench.claims-ledger/1")
  }

  @Test("shows the verdicts that are asked for, with the counts of all")
  func selection() throws {
    let open = Self.mixed.showing([.open])
    #expect(open.ledger.claims.map(\.claim.id) == ["net-veth", "pid1"])
    #expect(open.ledger.counts == Self.mixed.ledger.counts)
    #expect(open.summary == Self.mixed.summary && open.selection == "Shown: 2 of 4.")
    let none = Self.mixed.showing([.unavailable])
    #expect(try none.html().contains("No claim is of this kind."))
    #expect(none.text(width: 80, color: false).contains("Shown: 0 of 4."))
    #expect(none.markdown().hasSuffix("Shown: 0 of 4.\n"))
  }

  @Test("renders hostile text inert in every format")
  func hostile() throws {
    let evil = "<script>alert(1)</script>\u{1B}[31m\u{202E}|`[x](http://evil.example)\n# head"
    var claim = Self.article("net-hop")
    claim.section = evil
    claim.statement = evil
    claim.published = [ClaimSpec.Published(source: evil, finding: String(repeating: "x", count: 10_000))]
    var builder = LedgerBuilder(
      claims: [claim], scenarios: ["network-hop": Self.scenario],
      host: HostFingerprint(hostname: evil, kernel: evil, cpuModel: evil))
    builder.add(
      Self.run(evil, age: 0) { result in
        result.claims[0].reason = evil
        result.claims[0].statement = evil
      })
    let report = builder.report()
    #expect(report.ledger.counts.supported == 1)
    let html = try report.html()
    for text in [report.text(width: 80, color: false), report.markdown(), html] {
      #expect(!text.contains("\u{1B}") && !text.contains("\u{202E}"))
      #expect(text.count < 60_000)
    }
    #expect(!html.contains("<script") && html.contains("&lt;script&gt;alert"))
    let markdown = report.markdown()
    let bare = markdown.replacing("\\]", with: "").replacing("\\<", with: "").replacing("<br>", with: "")
    #expect(!bare.contains("]") && !bare.contains("<") && !bare.contains("\n# head"))
    let rows = markdown.split(separator: "\n").filter { $0.hasPrefix("|") }
    let bars = rows.map { row in row.replacing("\\|", with: "").count { $0 == "|" } }
    #expect(Set(bars) == [6])
  }

  @Test("goes into files that are named for it")
  func files() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-ledger-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let paths = try Self.mixed.write(to: directory)
    #expect(paths == ["html", "md", "json"].map { "\(directory)/claims.\($0)" })
    #expect(try Data(contentsOf: URL(filePath: paths[2])) == Self.mixed.json())
    #expect(try String(contentsOfFile: paths[1], encoding: .utf8) == Self.mixed.markdown())
    #expect(throws: UserError.self) { try Self.mixed.write(to: paths[0]) }
  }
}
