import Foundation
import LinuxKit
import Model
import PlainText
import TestSupport
import Testing

@testable import Reports

/// Two runs of the fixture compared, on two hosts; every number is written down here.
enum Compared {
  static func change(
    _ estimate: Double, _ low: Double, _ high: Double, q: Double = 0.0004, finding: SeriesChange.Finding? = nil,
    scale: SeriesChange.Scale = .ratio, obstacle: String? = nil
  ) -> SeriesChange {
    let neutral = scale == .ratio ? 1.0 : 0
    return SeriesChange(
      scale: scale, estimate: estimate, low: low, high: high, confidence: 0.99, nA: 12, nB: 18,
      minimumDetectableEffect: (high - low) / 2, lag1A: 0.05, lag1B: -0.12, pValue: q / 3, qValue: q,
      finding: finding
        ?? (obstacle != nil ? .undecided : low > neutral ? .higher : high < neutral ? .lower : .noDifferenceFound),
      obstacle: obstacle)
  }

  static func series(
    _ environment: String, _ metric: Metric, _ a: Double, _ b: Double, level: SeriesChange?,
    overhead: SeriesChange? = nil, ratios: (Double, Double)? = nil
  ) -> ComparedSeries {
    ComparedSeries(
      environment: environment, workload: "udp-rr-spin", metric: metric, medianA: a, medianB: b, ratioA: ratios?.0,
      ratioB: ratios?.1, level: level, overhead: overhead)
  }

  static var runs: (RunResult, RunResult) {
    var b = Fixture.result
    b.run.id = "20261125-091200-c0de"
    b.run.host.hostname = "second"
    b.run.host.kernel = "6.19.0"
    b.run.host.governor = "performance"
    b.run.validBlocks = 18
    return (Fixture.result, b)
  }

  static var comparison: RunComparison {
    let (a, b) = runs
    return RunComparison(
      a: ComparedRun(a), b: ComparedRun(b), confidence: 0.99, objections: [],
      differences: [
        FactDifference(.program, "SHA-256 of the worker", a: "0f".repeated(32), b: "1e".repeated(32)),
        FactDifference(.host, "host", a: a.run.host.hostname, b: "second"),
        FactDifference(.host, "frequency governor", a: "unknown", b: "performance"),
        FactDifference(.sampling, "valid blocks", a: "12", b: "18"),
      ],
      refused: [], onlyInA: [SeriesName(environment: "overlay", workload: "udp-rr-spin", metric: .rttP50)],
      onlyInB: [],
      series: [
        series("native", .rttP50, 8_124, 6_101, level: change(0.751, 0.742, 0.763)),
        series(
          "netns", .rttP50, 7_421, 5_566, level: change(0.752, 0.741, 0.764),
          overhead: change(0.998, 0.981, 1.016, q: 0.61), ratios: (0.914, 0.912)),
        series(
          "bridge", .rttP50, 10_604, 8_912, level: change(0.841, 0.828, 0.853), overhead: change(1.119, 1.094, 1.143),
          ratios: (1.302, 1.457)),
        series("native", .rttP99, 14_310, 11_002, level: change(0.772, 0.731, 0.815)),
        series(
          "bridge", .rttP99, 18_200, 15_900, level: change(0.874, 0.81, 0.94, q: 0.0002),
          overhead: change(1.07, 1.002, 1.149, q: 0.09), ratios: (1.27, 1.44)),
        series(
          "bridge", .loss, 0, 0.002, level: change(0.002, 0.001, 0.003, q: 0.003, scale: .difference)),
        series(
          "bridge", .systemCalls, 4, 6,
          level: SeriesChange(scale: .exactRatio, estimate: 1.5, nA: 12, nB: 18, finding: .higher)),
        series(
          "bridge", .deviceTransmissions, 0, 1,
          level: SeriesChange(scale: .exactDifference, estimate: 1, nA: 12, nB: 18, finding: .higher)),
        series(
          "netns", .systemCalls, 4, 4,
          level: SeriesChange(scale: .exactRatio, estimate: 1, nA: 12, nB: 18, finding: .same)),
      ])
  }

  static func changed(_ change: (inout RunComparison) -> Void) -> RunComparison {
    var comparison = comparison
    change(&comparison)
    return comparison
  }

  static let undecided = "neighbouring blocks of a run depend on each other"

  /// Of A, the control failed; and in B one series depends on itself.
  static var troubled: RunComparison {
    changed { comparison in
      let reason = "The control of udp-rr-spin failed: it is 1.04."
      comparison.objections = [Objection(run: .a, workload: "udp-rr-spin", reason: reason, touchesCounts: false)]
      for place in comparison.series.indices where !comparison.series[place].metric.isCount {
        for path in [\ComparedSeries.level, \ComparedSeries.overhead] {
          comparison.series[place][keyPath: path]?.finding = .undecided
          comparison.series[place][keyPath: path]?.obstacle = "A: \(reason)"
        }
      }
      comparison.series[2].level?.obstacle = undecided
      comparison.series[1].overhead = nil
      comparison.series[1].overheadNote = "B has 17 trials, and 18 of its baseline: they cannot be paired"
    }
  }

  /// Nothing left to conclude from.
  static var empty: RunComparison {
    changed {
      $0.objections = [
        Objection(run: .b, reason: "It has 3 valid blocks; an interval needs at least 8.", touchesCounts: true)
      ]
      $0.refused = [RefusedWorkload(workload: "tcp-rr-spin", a: "size: 64", b: "size: 1400")]
      $0.series = []
    }
  }

  static func saying(_ text: String) -> RunComparison {
    changed { comparison in
      comparison.a.title = text
      comparison.b.id = text
      comparison.b.host.hostname = text
      comparison.a.host.cpuModel = text
      comparison.objections = [Objection(run: .a, workload: text, reason: text, touchesCounts: true)]
      comparison.differences.append(FactDifference(.host, text, a: text, b: text))
      comparison.refused = [RefusedWorkload(workload: text, a: text, b: text)]
      comparison.onlyInA = [SeriesName(environment: text, workload: text, metric: .rttP50)]
      comparison.series[0].environment = text
      comparison.series[1].workload = text
      comparison.series[2].level?.obstacle = text
      comparison.series[2].overheadNote = text
    }
  }
}

extension String {
  fileprivate func repeated(_ count: Int) -> String { String(repeating: self, count: count) }
}

@Suite("Two runs compared, in every format")
struct ComparisonTests {
  enum Format: CaseIterable {
    case terminal, markdown, html

    /// The text that a reader sees, without markup, on one line.
    func text(_ comparison: RunComparison) throws -> String {
      let text =
        switch self {
        case .terminal: ComparisonReport.terminal(comparison, width: 160, color: false)
        case .markdown: ComparisonReport.markdown(comparison).replacing("\\", with: "")
        case .html: try Self.visible(ComparisonReport.html(comparison))
        }
      return text.replacing(/[ \u{A0}\n┃]+/, with: " ")
    }

    private static func visible(_ html: String) throws -> String {
      let body = try #require(html.range(of: "<body>"))
      return String(html[body.upperBound...]).replacing(/<[^>]*>/, with: " ").replacing("&lt;", with: "<")
        .replacing("&gt;", with: ">").replacing("&#39;", with: "'").replacing("&quot;", with: "\"")
        .replacing("&amp;", with: "&")
    }
  }

  @Test("says what changed, and by how much", arguments: Format.allCases)
  func content(format: Format) throws {
    let text = try format.text(Compared.comparison)
    for part in [
      "What a network hop of a container costs", "Not the same program measured (SHA-256 of the worker differs)",
      "Of 2 headline overheads: 1 higher in B, 1 without a difference found.",
      "Of 3 headline levels: 3 lower in B.", "0.75× [0.74, 0.76]", "▼ faster", "1.12× [1.09, 1.14]", "▲ higher",
      "≈ no difference found (< 1.8 %)", "second", "frequency governor",
      "round trip p99, bridge: 0.87× [0.81, 0.94] ▼ faster, q < 0.001",
      "system calls per round trip, bridge: 1.50× ▲ more", "+1.00 ▲ more",
      "+0.20 % points [0.10, 0.30] ▲ more, q 0.003",
      "1 more interval of other metrics excludes no difference, but with q > 0.05",
      "only in A: udp-rr-spin in overlay (round trip p50)",
    ] {
      #expect(text.contains(part), "\(format) lacks: \(part)")
    }
    #expect(!text.contains("No finding"))
  }

  @Test("says first that nothing can be concluded, and why", arguments: Format.allCases)
  func alarmFirst(format: Format) throws {
    for (comparison, heading, why) in [
      (
        Compared.troubled, "No finding can be had of udp-rr-spin",
        "Run A: The control of udp-rr-spin failed: it is 1.04."
      ),
      (Compared.empty, "No finding can be had from these runs", "Run B: It has 3 valid blocks"),
      (
        Compared.changed {
          $0.objections = [
            Objection(run: .b, reason: "The host was hostile.", touchesCounts: false)
          ]
        }, "Nothing can be concluded from these runs but counts that every trial repeats",
        "Run B: The host was hostile."
      ),
    ] {
      let text = try format.text(comparison).replacing("> ", with: "").replacing("[!CAUTION] ", with: "")
        .replacing("**", with: "")
      #expect(text.drop { $0 == " " }.hasPrefix(heading), "\(format) starts with: \(text.prefix(90))")
      let reason = try #require(text.range(of: why), "\(format) does not say: \(why)")
      let title = try #require(text.range(of: "What a network hop of a container costs"))
      #expect(reason.lowerBound < title.lowerBound)
    }
    let refused = try format.text(Compared.empty)
    #expect(refused.contains("The workload tcp-rr-spin is not the same work in both runs"))
  }

  @Test("bears no finding where there is none", arguments: Format.allCases)
  func undecided(format: Format) throws {
    let text = try format.text(Compared.troubled)
    #expect(text.contains("? undecided") && !text.contains("▼ faster"))
    #expect(text.contains("▲ more"), "counts stand")
    #expect(
      text.contains("udp-rr-spin in bridge (round trip p50): neighbouring blocks of a run depend on each other."))
    #expect(text.contains("udp-rr-spin in netns (overhead in round trip p50): B has 17 trials"))
    // What the top says is not said again for each row.
    #expect(text.ranges(of: "failed: it is 1.04").count == 1)
  }

  @Test("fits terminals of any width, and has no escapes without colour", arguments: [40, 60, 80, 120, 160])
  func widths(width: Int) {
    for comparison in [Compared.comparison, Compared.troubled, Compared.empty] + Variants.hostile.map(Compared.saying) {
      let text = ComparisonReport.terminal(comparison, width: width, color: false)
      #expect(!text.contains("\u{1B}") && text.hasSuffix("\n"))
      for line in text.split(separator: "\n") {
        #expect(String(line).terminalWidth <= width, "\(line)")
      }
    }
    let colored = ComparisonReport.terminal(Compared.comparison, width: width, color: true)
    #expect(colored.contains("\u{1B}[36m"))
    #expect(
      colored.replacing(/\u{1B}\[[0-9;]*m/, with: "")
        == ComparisonReport.terminal(Compared.comparison, width: width, color: false))
  }

  @Test("hostile text is inert", arguments: Variants.hostile)
  func hostile(text: String) throws {
    let comparison = Compared.saying(text)
    let html = try ComparisonReport.html(comparison)
    let body = html[try #require(html.range(of: "<body>")).upperBound...]
    #expect(!body.contains("<script") && !body.contains("<img") && !body.contains("\u{202E}"))
    let tags = Set(body.matches(of: /<\/?([A-Za-z0-9]+)/).map { String($0.output.1) })
    let known = Set(
      try ComparisonReport.html(Compared.troubled).matches(of: /<\/?([A-Za-z0-9]+)/).map { String($0.output.1) })
    #expect(tags.subtracting(known) == [])
    let terminal = ComparisonReport.terminal(comparison, width: 100, color: false)
    let markdown = ComparisonReport.markdown(comparison)
    for output in [terminal, markdown] {
      let controls = output.unicodeScalars.filter {
        $0 != "\n" && ($0.properties.generalCategory == .control || ("\u{202A}"..."\u{202E}").contains($0))
      }
      #expect(controls.isEmpty)
    }
    #expect(!markdown.replacing(/\\</, with: "").replacing(/<\/?(details|summary)>/, with: "").contains("<"))
    let again = try JSONSerialization.jsonObject(with: try ComparisonReport.json(comparison)) as? [String: Any]
    #expect((again?["b"] as? [String: Any])?["id"] as? String == text)
  }

  @Test("the page has its figures, each with words for who does not see it, and no script")
  func figures() throws {
    let html = try ComparisonReport.html(Compared.comparison)
    #expect(html.ranges(of: "<figure id=").count == 2)
    #expect(html.contains("<figure id=\"overhead-0\"") && html.contains("<figure id=\"level-0\""))
    #expect(html.contains("bridge: 1.12× [1.09, 1.14], ▲ higher</desc>"))
    #expect(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"))
    let ids = html.matches(of: /\ id="([^"]*)"/).map { String($0.output.1) }
    #expect(Set(ids).count == ids.count, "no id is given twice")
    for link in html.matches(of: /\ href="#([^"]*)"/) { #expect(ids.contains(String(link.output.1))) }
  }

  @Test("a row without an interval is in no figure")
  func noFigure() throws {
    let comparison = Compared.changed { $0.series.removeAll { $0.metric != .systemCalls } }
    #expect(try !ComparisonReport.html(comparison).contains("<figure"))
  }

  @Test("is written to files named by both runs")
  func files() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-compare-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let paths = try ComparisonReport.write(
      Compared.comparison, to: directory.path, formats: PageFormat.allCases)
    let stem = "\(directory.path)/compare-\(Fixture.result.run.id)-20261125-091200-c0de"
    #expect(paths == ["html", "md", "json"].map { "\(stem).\($0)" })
    #expect(try Data(contentsOf: URL(filePath: paths[2])) == ComparisonReport.json(Compared.comparison))
    let strange = try ComparisonReport.write(
      Compared.changed { $0.a.id = "../../x" }, to: directory.path, formats: [.json])
    #expect(strange.count == 1 && URL(filePath: strange[0]).deletingLastPathComponent().path == directory.path)
  }

  @Test("the terminal's page", arguments: [80, 120])
  func golden(width: Int) throws {
    try expectGolden(
      ComparisonReport.terminal(Compared.comparison, width: width, color: false), "compare-\(width).txt")
  }

  @Test("the Markdown page")
  func markdown() throws {
    try expectGolden(ComparisonReport.markdown(Compared.troubled), "compare.md")
  }
}

@Suite("The file bench.comparison/1")
struct ComparisonSchemaTests {
  private static let docs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs")
    .standardizedFileURL

  private static func schema(_ name: String) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: docs.appending(path: name))) as? [String: Any])
  }

  private static let all = [Compared.comparison, Compared.troubled, Compared.empty]

  @Test("keys are sorted, times are those of result files, and it ends in a newline")
  func form() throws {
    let text = String(decoding: try ComparisonReport.json(Compared.comparison), as: UTF8.self)
    #expect(text.hasPrefix("{\n  \"a\" : {") && text.hasSuffix("}\n"))
    #expect(text.contains("\"schema\" : \"bench.comparison/1\""))
    #expect(text.contains("\"started\" : \"\(ReportJSON.timestamp(Fixture.start))\""))
  }

  @Test("names metrics, units, kinds and facts of hosts as the schema of results does")
  func shared() throws {
    let own = try #require(try Self.schema("bench.comparison.schema.json")["$defs"] as? [String: [String: Any]])
    let other = try #require(try Self.schema("bench.run.schema.json")["$defs"] as? [String: [String: Any]])
    for name in ["metric", "unit", "noiseClass"] {
      #expect(own[name]?["enum"] as? [String] == other[name]?["enum"] as? [String], "\(name)")
    }
    let facts = try [own, other].map { try #require($0["host"]?["properties"] as? [String: Any]).keys.sorted() }
    #expect(facts[0] == facts[1])
    let kinds = try #require(own["kind"]?["enum"] as? [String])
    #expect(kinds.sorted() == WorkloadSpec.Kind.allCases.map(\.rawValue).sorted())
    for (definition, key, values) in [
      ("change", "finding", SeriesChange.Finding.allCases.map(\.rawValue)),
      ("change", "scale", SeriesChange.Scale.allCases.map(\.rawValue)),
      ("difference", "kind", FactDifference.Kind.allCases.map(\.rawValue)),
    ] {
      let properties = try #require(own[definition]?["properties"] as? [String: [String: Any]])
      #expect(properties[key]?["enum"] as? [String] == values)
    }
  }

  @Test("validates against the published schema", .requiresJSONSchema)
  func validates() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-compare-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    var files: [String] = []
    for (index, comparison) in Self.all.enumerated() {
      let file = directory.appending(path: "\(index).json")
      try ComparisonReport.json(comparison).write(to: file)
      files.append(file.path)
    }
    let script = """
      import json, sys, jsonschema
      schema = json.load(open(sys.argv[1]))
      jsonschema.Draft202012Validator.check_schema(schema)
      validator = jsonschema.Draft202012Validator(schema)
      for name in sys.argv[2:]:
          validator.validate(json.load(open(name)))
      broken = json.load(open(sys.argv[2]))
      broken["series"][0]["level"]["finding"] = "maybe"
      assert not validator.is_valid(broken)
      broken = json.load(open(sys.argv[2]))
      broken["unknown"] = 1
      assert not validator.is_valid(broken)
      """
    let schema = Self.docs.appending(path: "bench.comparison.schema.json").path
    let outcome = try runProgram("python3", ["-c", script, schema] + files)
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
  }
}
