import Foundation
import LinuxKit
import Model
import PlainText
import TestSupport
import Testing

@testable import Reports

@Suite("A night, in every format")
struct NightTests {
  enum Format: CaseIterable {
    case terminal, markdown, html

    /// The text that a reader sees, without markup, on one line.
    func text(_ night: NightResult) throws -> String {
      let text =
        switch self {
        case .terminal: NightReport.terminal(night, width: 160, color: false)
        case .markdown:
          NightReport.markdown(night).replacing(/(?m)^> (\[![A-Z]+\])?/, with: "").replacing("\\", with: "")
            .replacing("**", with: "").replacing("`", with: "")
        case .html: try Self.visible(NightReport.html(night))
        }
      return text.replacing(/[ \u{A0}\n]+/, with: " ")
    }

    private static func visible(_ html: String) throws -> String {
      let body = try #require(html.range(of: "<body>"))
      return String(html[body.upperBound...]).replacing(/<(?:title|desc)[^>]*>[^<]*/, with: " ")
        .replacing(/<[^>]*>/, with: " ").replacing("&lt;", with: "<").replacing("&gt;", with: ">")
        .replacing("&#39;", with: "'").replacing("&quot;", with: "\"").replacing("&amp;", with: "&")
    }
  }

  @Test("says what it found: a shape, a word, and why", arguments: Format.allCases)
  func verdicts(format: Format) throws {
    for (night, shape, word, sentence) in [
      (Nights.clean, "✓", "Clean", "Nothing is worse: 7 series were screened against 34 nights"),
      (
        Nights.regression, "✗", "Regression",
        "Round trip p50 of udp-rr-spin in bridge: 1.101× [1.092, 1.111], today's worker ÷ the pinned one, slower. "
          + "One more series is worse or changed."
      ),
      (Nights.inconclusive, "?", "Inconclusive", "The host was hostile while network-hop was measured"),
      (Nights.blind, "!", "Detector blind", "The detector did not find a slowdown of 10 %"),
      (Nights.newEpoch, "✓", "Clean", "Nothing is worse; the host changed"),
      (Nights.collecting, "✓", "Clean", "Nothing was held against history yet."),
      (Nights.empty, "?", "Inconclusive", "Nothing could be measured."),
    ] {
      let text = try format.text(night)
      let head = try #require(text.range(of: "\(shape) \(word)"), "\(format) lacks: \(shape) \(word)")
      let why = try #require(text.range(of: sentence), "\(format) lacks: \(sentence)")
      #expect(head.lowerBound < why.lowerBound)
      // Nothing comes before it but the title and the list of contents.
      let tiles = try #require(text.range(of: "self-test of the detector"))
      #expect(why.upperBound < tiles.lowerBound)
    }
  }

  @Test("says what to do next", arguments: Format.allCases)
  func steps(format: Format) throws {
    for (night, parts) in [
      (Nights.clean, ["Nothing is to be done."]),
      (
        Nights.regression,
        [
          "bench history network-hop/udp-rr-spin/bridge/rtt_p50:overhead",
          "bench compare \(Nights.night(1)) 20261129-020000-c0d0", "bench baseline set \(Nights.night(0))",
          "System calls per round trip of udp-rr-spin in bridge", "4 → 5",
        ]
      ),
      (
        Nights.inconclusive,
        [
          "Tonight does not count as clean", "bench nightly --suite nightly.yaml --seed 7713512077101",
          "others used 12 % of the CPUs", "The control of udp-rr-spin failed",
        ]
      ),
      (Nights.blind, ["Nothing else that tonight says counts", "bench doctor", "not found", "p is 0.21"]),
      (
        Nights.newEpoch,
        [
          "The host is not what it was (kernel 6.12.0-1-amd64 → 6.18.0-3-amd64; docker 26.1.3 → 26.1.5): epoch 3 begins",
          "0 of the 20 nights",
        ]
      ),
      (Nights.collecting, ["6 of the 20 nights", "No worker is pinned yet"]),
      (Nights.moved, ["1 overhead lies further from history than chance explains", "by hand on"]),
    ] {
      let text = try format.text(night)
      for part in parts {
        // The terminal capitalises nothing in lists.
        #expect(text.lowercased().contains(part.lowercased()), "\(format) lacks: \(part)")
      }
    }
    #expect(try !format.text(Nights.regression).contains("Nothing is to be done"))
  }

  @Test("says how far it can be believed, and what it was made from", arguments: Format.allCases)
  func evidence(format: Format) throws {
    let text = try format.text(Nights.clean)
    for part in [
      "1.10× put in, 1.098× [1.087, 1.110] seen", "62 valid blocks, 1 voided", "3 quiet, 1 noisy", "No control failed.",
      "1 of 7 flagged", "against 34 nights", "0 of 3 worse", "1.004× [0.995, 1.012]", "less than 2 %",
      "1.149× → 1.191×",
      "worse", "5 steady", "1 better", "1 cleared", "7713512077101", Nights.today, Nights.pinned,
      "by a clean night on", "from \(Nights.night(1))", "2, since", "26.1.5",
      "bench nightly --suite nightly.yaml", "exit code 0",
    ] {
      #expect(text.contains(part), "\(format) lacks: \(part)")
    }
  }

  @Test("a command is one that a shell reads as it is meant")
  func words() {
    #expect(
      NightPage.word("network-hop/udp-rr-spin/bridge/rtt_p50:overhead")
        == "network-hop/udp-rr-spin/bridge/rtt_p50:overhead")
    #expect(NightPage.word("a b") == "'a b'")
    #expect(NightPage.word("$(rm -r ~)'") == "'$(rm -r ~)'\\'''")
    #expect(NightPage.word("-x") == "'-x'")
  }

  @Test("fits terminals of any width, and has no escapes without colour", arguments: [40, 60, 80, 120, 160])
  func widths(width: Int) {
    for night in Nights.all.map(\.night) + Variants.hostile.map(Nights.saying) {
      let text = NightReport.terminal(night, width: width, color: false)
      #expect(!text.contains("\u{1B}") && text.hasSuffix("\n"))
      for line in text.split(separator: "\n") { #expect(String(line).terminalWidth <= width, "\(line)") }
    }
    let colored = NightReport.terminal(Nights.regression, width: width, color: true)
    #expect(colored.contains("\u{1B}[31m"))
    #expect(
      colored.replacing(/\u{1B}\[[0-9;]*m/, with: "")
        == NightReport.terminal(Nights.regression, width: width, color: false))
  }

  @Test("hostile text is inert", arguments: Variants.hostile)
  func hostile(text: String) throws {
    let night = Nights.saying(text)
    let html = try NightReport.html(night)
    let body = html[try #require(html.range(of: "<body>")).upperBound...]
    #expect(!body.contains("<script") && !body.contains("<img") && !body.contains("\u{202E}"))
    let tags = Set(body.matches(of: /<\/?([A-Za-z0-9]+)/).map { String($0.output.1) })
    let known = try Set(
      Nights.all.flatMap {
        try NightReport.html($0.night).matches(of: /<\/?([A-Za-z0-9]+)/).map { String($0.output.1) }
      })
    #expect(tags.subtracting(known) == [])
    let terminal = NightReport.terminal(night, width: 100, color: false)
    let markdown = NightReport.markdown(night)
    for output in [terminal, markdown] {
      let controls = output.unicodeScalars.filter {
        $0 != "\n" && ($0.properties.generalCategory == .control || ("\u{202A}"..."\u{202E}").contains($0))
      }
      #expect(controls.isEmpty)
    }
    // What stands in code cannot come alive; all else is escaped.
    let bare = markdown.replacing(/(?s)(?<ticks>`+).*?\k<ticks>(?!`)/, with: "").replacing(/\\</, with: "")
      .replacing(/<\/?(details|summary)>/, with: "")
    #expect(!bare.contains("<"))
    for line in markdown.split(separator: "\n") where line.hasPrefix("|") {
      #expect(!line.replacing("\\|", with: "").hasSuffix("\\"), "\(line.prefix(200))")
    }
    let again = try NightReport.decode(NightReport.json(night))
    #expect(again == night)
  }

  @Test("the page is one file that asks for nothing, and its links lead somewhere", arguments: Nights.all.map(\.name))
  func page(name: String) throws {
    let night = try #require(Nights.all.first { $0.name == name }).night
    let html = try NightReport.html(night)
    #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("<link"))
    #expect(html.ranges(of: "<script").count == 1 && html.contains("script-src 'sha256-\(HTMLPage.scriptHash)'"))
    let ids = html.matches(of: /\ id="([^"]*)"/).map { String($0.output.1) }
    #expect(Set(ids).count == ids.count, "no id is given twice")
    for link in html.matches(of: /\ href="#([^"]*)"/) { #expect(ids.contains(String(link.output.1))) }
    for label in html.matches(of: /aria-labelledby="([^"]*)"/) {
      for id in label.output.1.split(separator: " ") { #expect(ids.contains(String(id))) }
    }
  }

  @Test("500 series are rendered within a second, into less than 1 MB")
  func large() throws {
    let night = Nights.large(500)
    var html = ""
    let time = try threadTime { html = try NightReport.html(night) }
    #expect(html.utf8.count < 1_000_000)
    #expect(time < .seconds(1))
    #expect(html.ranges(of: "id=\"spark-").count == NightPage.mostMovers * 2)
    #expect(html.contains("And 440 more, in the table of every series."))
    #expect(html.ranges(of: "<th scope=\"row\"><bdi>").count >= 600)
    #expect(NightReport.markdown(night).utf8.count < 1_000_000)
  }

  @Test("is written to files named by the night")
  func files() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-night-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let paths = try NightReport.write(Nights.clean, to: directory.path, formats: PageFormat.allCases)
    #expect(paths == ["html", "md", "json"].map { "\(directory.path)/night-\(Nights.night(0)).\($0)" })
    #expect(try Data(contentsOf: URL(filePath: paths[2])) == NightReport.json(Nights.clean))
    var strange = Nights.clean
    strange.night.id = "../../x"
    let one = try NightReport.write(strange, to: directory.path, formats: [.json])
    #expect(one.count == 1 && URL(filePath: one[0]).deletingLastPathComponent().path == directory.path)
    #expect(throws: UserError.self) { try NightReport.write(strange, to: paths[0], formats: [.json]) }
  }

  @Test("the terminal's page", arguments: ["clean", "regression", "inconclusive", "blind", "new-epoch", "collecting"])
  func golden(name: String) throws {
    let night = try #require(Nights.all.first { $0.name == name }).night
    try expectGolden(NightReport.terminal(night, width: 100, color: false), "night-\(name).txt")
  }

  @Test("the Markdown and the HTML page")
  func pages() throws {
    try expectGolden(NightReport.markdown(Nights.regression), "night.md")
    let html = try NightReport.html(Nights.regression)
    // What every page shares is not the night's.
    try expectGolden(
      html.replacing(HTMLPage.css, with: "").replacing(HTMLPage.script, with: "")
        .replacing(HTMLPage.scriptHash, with: ""), "night.html")
  }

  @Test("a number that JSON cannot hold is named, whatever is written")
  func noNumber() throws {
    var night = Nights.clean
    night.series[1].value = .nan
    var comparison = Compared.comparison
    comparison.series[0].medianA = .infinity
    #expect { try NightReport.json(night) } throws: { error in
      "\(error)".contains("the night cannot be written as JSON: series.") && "\(error)".contains("value is nan")
    }
    #expect { try ComparisonReport.json(comparison) } throws: { error in
      (error as? UserError)?.exitCode == .internalError && "\(error)".contains("median_a")
    }
  }

  @Test("a file that is no night is refused, and it is said why")
  func foreign() throws {
    let json = String(decoding: try NightReport.json(Nights.clean), as: UTF8.self)
    for (text, why) in [
      ("{}", "this is no night of bench: schema is missing"), ("night", "it is not JSON"),
      (json.replacing("bench.night/1", with: "bench.night/9"), "this version reads bench.night/1"),
      (json.replacing("\"clean\"", with: "\"fine\""), "this is no night of bench: verdict"),
    ] {
      #expect { try NightReport.decode(Data(text.utf8)) } throws: { error in
        (error as? UserError)?.exitCode == .badInput && "\(error)".contains(why)
      }
    }
  }
}

@Suite("A series from night to night")
struct HistoryPlotTests {
  private static let counts = [0, 1, 2, 3, 30, 99, 365, 1_000]

  @Test("fits terminals of any width, with any number of nights", arguments: [60, 80, 120, 200])
  func widths(width: Int) {
    for view in Self.counts.map({ Histories.view($0) }) + Variants.hostile.map(Histories.saying) {
      let text = HistoryPlot.terminal(view, width: width, color: false)
      #expect(!text.contains("\u{1B}") && text.hasSuffix("\n"))
      for line in text.split(separator: "\n") { #expect(String(line).terminalWidth <= width, "\(line)") }
      let colored = HistoryPlot.terminal(view, width: width, color: true)
      #expect(colored.replacing(/\u{1B}\[[0-9;]*m/, with: "") == text)
    }
  }

  @Test("shows each night where there is room, borders of epochs, and lists change points")
  func content() throws {
    let text = HistoryPlot.terminal(Histories.view(60), width: 120, color: false)
    let plot = text.split(separator: "\n").filter { $0.contains("┤") || $0.contains(" │") }
    #expect(plot.map { line in line.count { $0 == "●" } }.reduce(0, +) == 60)
    for part in [
      "Round trip p50 of udp-rr-spin in bridge", "network-hop/udp-rr-spin/bridge/rtt_p50:overhead", "60 nights",
      "┊epoch 2", "▲A", "1.230× → 1.291×, worse", "p < 0.001", "15 nights",
      "kernel 6.12.0-1-amd64 → 6.18.0-3-amd64", NumberFormat.day(Nights.day(60)), NumberFormat.day(Nights.day(1)),
    ] {
      #expect(text.replacing("\u{A0}", with: " ").contains(part), "lacks: \(part)")
    }
    let none = HistoryPlot.terminal(Histories.view(0), width: 80, color: false)
    #expect(none.contains("No night has a value of this series.") && !none.contains("●"))
    #expect(HistoryPlot.terminal(Histories.view(1), width: 80, color: false).contains("No change point."))
  }

  @Test("a value lies at its height: the highest at the top, the lowest at the bottom")
  func heights() throws {
    var view = Histories.view(3)
    view.changePoints = []
    view.epochs = []
    for (index, value) in [1.0, 2.0, 1.5].enumerated() {
      view.points[index].epoch = 1
      view.points[index].value = value
      view.points[index].low = nil
      view.points[index].high = nil
    }
    let lines = HistoryPlot.terminal(view, width: 80, color: false).split(separator: "\n")
      .filter { $0.contains("┤") || $0.contains(" │") }
    #expect(lines.count == 15)
    let places = lines.map { line in line.split(separator: /[┤│]/, maxSplits: 1).last.map { Array(String($0)) } ?? [] }
    let rows = places.indices.filter { places[$0].contains("●") }
    #expect(rows == [0, 7, 14])
    let columns = rows.compactMap { places[$0].firstIndex(of: "●") }
    #expect(columns[2] < columns[0] && columns[0] < columns[1], "nights go from left to right")
  }

  @Test("counts and levels have their units")
  func units() {
    let level = HistoryPlot.terminal(
      Histories.view(30, quantity: .level, level: 8_100), width: 100, color: false)
    #expect(level.contains("µs") && level.contains("the median of a night".withCapital))
    let bytes = HistoryPlot.terminal(
      Histories.view(30, metric: .bytesCopied, quantity: .count, level: 67_108_864), width: 100, color: false)
    #expect(bytes.contains("MiB"))
    let words = SeriesWords(Nights.series("x", .bytesCopied, .count))
    #expect(
      words.change(from: 67_108_864, to: 67_108_865) == "67\u{202F}108\u{202F}864 → 67\u{202F}108\u{202F}865\u{A0}bytes"
    )
    #expect(SeriesWords(Nights.series("x", .systemCalls, .count)).change(from: 4, to: 4.02) == "4 → 4.02")
  }

  @Test("the picture is a document of its own, in words too, and stays small", arguments: counts)
  func picture(count: Int) throws {
    let svg = HistoryPlot.svg(Histories.view(count))
    // Refuses what is not well-formed.
    #expect(try XMLTree.parse(svg).name == "svg")
    #expect(svg.hasPrefix("<?xml") && svg.contains("<title id=\"history-t\">Round trip p50 of udp-rr-spin in bridge"))
    #expect(svg.contains("<desc id=\"history-d\">") && !svg.contains("<script") && !svg.contains("href"))
    #expect(svg.utf8.count < 200_000)
    if count >= 30 { #expect(svg.contains("m-triangle") && svg.contains("epoch 2") && svg.contains("1.230× → 1.291×")) }
  }

  @Test("hostile text is inert in the picture", arguments: Variants.hostile)
  func hostile(text: String) throws {
    let svg = HistoryPlot.svg(Histories.saying(text))
    let elements = try Set(XMLTree.parse(svg).descendants.map(\.name))
    let known = try Set(XMLTree.parse(HistoryPlot.svg(Histories.view(40))).descendants.map(\.name))
    #expect(elements.subtracting(known) == [])
    #expect(!svg.contains("\u{202E}"))
  }

  @Test("the terminal's plot", arguments: [60, 120])
  func golden(width: Int) throws {
    try expectGolden(HistoryPlot.terminal(Histories.view(90), width: width, color: false), "history-\(width).txt")
  }
}

@Suite("The files bench.night/1 and bench.claims-ledger/1")
struct NightSchemaTests {
  private static let docs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs")
    .standardizedFileURL

  private static func definitions(_ name: String) throws -> [String: [String: Any]] {
    let schema = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: docs.appending(path: name))) as? [String: Any])
    return try #require(schema["$defs"] as? [String: [String: Any]])
  }

  @Test("keys are sorted, times are those of result files, and it ends in a newline")
  func form() throws {
    let data = try NightReport.json(Nights.clean)
    let text = String(decoding: data, as: UTF8.self)
    #expect(text.hasPrefix("{\n  \"baseline\" : {") && text.hasSuffix("}\n"))
    #expect(text.contains("\"schema\" : \"bench.night/1\""))
    #expect(text.contains("\"started\" : \"\(ReportJSON.timestamp(Nights.start))\""))
    #expect(try NightReport.json(Nights.clean) == data)
    for (_, night) in Nights.all { #expect(try NightReport.decode(NightReport.json(night)) == night) }
  }

  @Test("name metrics, units, states and facts of hosts as the program and the other schemas do")
  func shared() throws {
    let run = try Self.definitions("bench.run.schema.json")
    let night = try Self.definitions("bench.night.schema.json")
    let ledger = try Self.definitions("bench.claims-ledger.schema.json")
    func values(_ definitions: [String: [String: Any]], _ name: String, _ key: String? = nil) throws -> [String] {
      let definition = try #require(definitions[name])
      guard let key else { return try #require(definition["enum"] as? [String]) }
      let properties = try #require(definition["properties"] as? [String: [String: Any]])
      return try #require(properties[key]?["enum"] as? [String])
    }
    let history = try Self.definitions("bench.history.schema.json")
    for name in ["metric", "unit", "quantity"] { #expect(try values(history, name) == values(night, name), "\(name)") }
    for name in ["name", "fact"] {
      #expect(history[name].map { $0 as NSDictionary } == night[name].map { $0 as NSDictionary }, "\(name)")
    }
    for name in ["metric", "unit", "noiseClass"] { #expect(try values(night, name) == values(run, name), "\(name)") }
    #expect(try values(ledger, "metric") == values(run, "metric"))
    for name in ["host", "interval"] {
      let keys = try [night, run].map { try #require($0[name]?["properties"] as? [String: Any]).keys.sorted() }
      #expect(keys[0] == keys[1], "\(name)")
    }
    #expect(try values(night, "series", "state") == NightResult.Series.State.allCases.map(\.rawValue))
    #expect(try values(night, "quantity") == HistorySeries.Quantity.allCases.map(\.rawValue))
    #expect(try values(night, "run", "role") == NightRecord.Part.Role.allCases.map(\.rawValue))
    #expect(try values(night, "difference", "kind") == FactDifference.Kind.allCases.map(\.rawValue))
    #expect(try values(ledger, "verdict") == ClaimsLedger.Verdict.allCases.map(\.rawValue))
    let claim = try [ledger["result"], run["claim"]].map {
      try #require($0?["properties"] as? [String: Any]).keys.sorted()
    }
    #expect(claim[0] == claim[1])
  }

  @Test("nights validate against the published schema", .requiresJSONSchema)
  func nights() throws {
    try Self.validate(
      Nights.all.map { try NightReport.json($0.night) } + [NightReport.json(Nights.saying("<b>"))],
      "bench.night.schema.json",
      breaking: [
        "d['verdict'] = 'fine'", "d['unknown'] = 1", "d['series'][0]['state'] = 'odd'", "del d['self_test']",
        "del d['series'][1]['low']", "d['night']['started'] = 'yesterday'", "d['change_points'][0]['p_value'] = 2",
      ])
  }

  @Test("histories validate against the published schema", .requiresJSONSchema)
  func histories() throws {
    try Self.validate(
      [
        Histories.view(40), Histories.view(40, metric: .throughput, quantity: .level),
        Histories.view(1, metric: .systemCalls, quantity: .count), Histories.saying("<b>"),
      ].map { try HistoryJSON.encode($0) }, "bench.history.schema.json",
      breaking: [
        "d['unknown'] = 1", "del d['points'][0]['low']", "d['points'][3]['started'] = 790000000.5",
        "d['series']['quantity'] = 'odd'", "d['epochs'][0]['number'] = 0", "d['change_points'][0]['p_value'] = 2",
        "d['unit'] = 'furlong'",
      ])
  }

  @Test("ledgers validate against the published schema", .requiresJSONSchema)
  func ledgers() throws {
    let mixed = LedgerTests.mixed
    try Self.validate(
      [mixed.json(), mixed.showing([.open]).json(), mixed.showing([]).json()], "bench.claims-ledger.schema.json",
      breaking: [
        "d['claims'][0]['verdict'] = 'maybe'", "d['unknown'] = 1", "del d['counts']['open']",
        "d['claims'][0]['claim']['rule']['metric'] = 'speed'", "d['left_out']['lost'] = 1",
      ])
  }

  /// - Parameter breaking: what makes the first file invalid, each a statement of Python about `d`.
  private static func validate(_ files: [Data], _ schema: String, breaking: [String]) throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-schema-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let paths = try files.enumerated().map { index, data in
      let file = directory.appending(path: "\(index).json")
      try data.write(to: file)
      return file.path
    }
    let script = """
      import json, sys, jsonschema
      schema = json.load(open(sys.argv[1]))
      jsonschema.Draft202012Validator.check_schema(schema)
      validator = jsonschema.Draft202012Validator(schema)
      for name in sys.argv[3:]:
          validator.validate(json.load(open(name)))
      for statement in json.loads(sys.argv[2]):
          d = json.load(open(sys.argv[3]))
          exec(statement)
          assert not validator.is_valid(d), statement
      """
    let statements = String(decoding: try JSONEncoder().encode(breaking), as: UTF8.self)
    let outcome = try runProgram("python3", ["-c", script, docs.appending(path: schema).path, statements] + paths)
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
  }
}
