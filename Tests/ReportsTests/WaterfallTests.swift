import Foundation
import Model
import PlainText
import Testing

@testable import Reports

@Suite("The inside of the round trip")
struct WaterfallTests {
  @Test("on the terminal equals its golden")
  func golden() throws {
    try expectGolden(
      TerminalTable.waterfalls(Fixture.result, width: 110, color: false), "terminal-waterfalls-110.txt")
    try expectGolden(
      TerminalTable.waterfalls(Variants.troubled, width: 80, color: false), "terminal-waterfalls-80-troubled.txt")
  }

  /// "0.91 [0.88, 0.95]", from the numbers alone.
  private static func text(_ level: Measured<LevelEstimate>) throws -> (estimate: String, interval: String) {
    guard case .value(let level) = level else { return ("–", "") }
    func text(_ nanoseconds: Double) -> String { String(format: "%.2f", nanoseconds / 1_000) }
    return (text(level.estimate), "[\(text(try #require(level.low))), \(text(try #require(level.high)))]")
  }

  private static func path(_ hop: HopResult) throws -> String {
    try [hop.from, hop.to].map { id in
      let place = try #require(id.split(separator: "/").last)
      return String(try #require(place.split(separator: ":").first))
    }.joined(separator: " → ")
  }

  @Test("has every hop of the result, in order, in Markdown, in HTML and on the terminal")
  func everyHop() throws {
    let result = Fixture.result
    let hops = Fixture.insides.flatMap(\.hops)
    #expect(result.hops == .value(hops))
    #expect(hops.count == 7 + 7 + 7 + 11 + 7 + 11)
    let html = try HTMLReport.render(result)
    let chart = html.components(separatedBy: "<g class=\"hop ").dropFirst()
    #expect(chart.count == hops.count)
    let markdown = try rows(
      MarkdownReport.render(result), from: "## Inside the round trip", where: { $0.contains(" → ") })
    let terminal = try rows(
      TerminalTable.waterfalls(result, width: 120, color: false), from: "Inside the round trip",
      where: { $0.hasPrefix("    ") && $0.contains(" → ") })
    let tables = html.components(separatedBy: "<table class=\"stack hops\">").dropFirst()
    let table = tables.flatMap { table in
      (table.components(separatedBy: "</table>").first ?? table)
        .components(separatedBy: "<tr><th scope=\"row\"><bdi>").dropFirst()
    }
    #expect(markdown.count == hops.count)
    #expect(terminal.count == hops.count)
    #expect(table.count == hops.count)
    for (index, hop) in hops.enumerated() {
      let path = try Self.path(hop)
      let levels = try [hop.p50, hop.p90, hop.p99].map(Self.text)
      let cells = levels.map { "\($0.estimate) \($0.interval)" }
      #expect(markdown[index].hasPrefix("| `\(path)` | \(hop.kind.title) | \(cells.joined(separator: " | ")) |"))
      #expect(terminal[index].hasPrefix("    \(hop.kind.title.padded(to: 26))  \(path)"))
      #expect(terminal[index].contains(" \(levels[0].estimate) µs \(levels[0].interval)"))
      #expect(table[index].hasPrefix("\(path)</bdi>") && table[index].contains(hop.kind.title))
      for level in levels { #expect(table[index].contains("\(level.estimate) <span class=\"ci\">\(level.interval)")) }
      let tip = try #require(chart[chart.startIndex + index].firstMatch(of: /<title>([^<]*)<\/title>/)?.1)
      let expected =
        "\(path): \(hop.kind.title)\n"
        + zip(["p50", "p90", "p99"], levels).map { "\($0) \($1.estimate)\u{A0}µs \($1.interval)" }
        .joined(separator: "\n")
      #expect(tip == expected)
    }
  }

  private func rows(_ text: String, from heading: String, where isRow: (String) -> Bool) throws -> [String] {
    let start = try #require(text.range(of: heading)).upperBound
    let rest = String(text[start...])
    let end = rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex
    return rest[..<end].split(separator: "\n").map { String($0).replacing("\u{A0}", with: " ") }
      .filter(isRow)
  }

  @Test("gives the first workload's hops in the run's table, the others' in a line")
  func compact() throws {
    let text = TerminalTable.render(Fixture.result, width: 120, color: false).replacing("\u{A0}", with: " ")
    #expect(text.contains("port-client → port-server  1.57 µs [1.52, 1.63]"))
    #expect(
      text.contains(
        "\n  bridge sum 13.53 µs, residual −0.6 %; longest server0 → server (softirq, stack up, wake-up) 3.01 µs\n"))
    #expect(!text.contains("1.62 µs [1.56, 1.68]"))
    let flat = text.replacing(/[ \n]+/, with: " ")
    #expect(
      flat.contains(
        "sum 10.92 µs, application 11.02 µs, residual −0.9 %; 99.96 % of 3120 sampled requests matched, 0 packets "
          + "dropped; looking costs p50 +3.1 % [1.0, 5.2], p99 +6 % [0, 11]"))
  }

  @Test("says what speaks against the hops, with a sign", arguments: EveryFormatTests.Format.allCases)
  func troubles(format: EveryFormatTests.Format) throws {
    let text = try format.text(Variants.troubled).replacing(/[ \u{A0}\n]+/, with: " ")
    for part in [
      "closure the hops have no sum: 1 hop without a p50",
      "residual 4.1 %, beyond the 3 % within which the hops pass for the whole",
      "matched 3026 of 3120 sampled requests (96.9 %); the others: 71 not seen at server/server0:receive, 23 not seen at "
        + "client/client0:receive", "41 dropped",
      "trials 10, looking at one request in 64; 2 more do not count: block 3: 41 packets dropped at switch/port-client; "
        + "block 7: a clock step of 2.1 ms", "negative lo → lo",
      "trials 0, looking at one request in 64; 1 more does not count: block 0: the taps saw no packet", "macvlan",
    ] {
      let place = try #require(text.range(of: part), "\(format) lacks \(part)")
      let before = text[..<place.lowerBound].suffix(3)
      let isBook = part.hasPrefix("closure") || part.hasPrefix("matched") || part.hasPrefix("trials")
      #expect(!isBook || before.contains("!"), "\(format): no sign before \(part)")
    }
    #expect(!text.contains("a reason of none"))
    #expect(text.contains("p99 +6 %"), "what is known stays")
    if format != .terminal {
      #expect(text.contains("p50 of 1 hop: no trial has a p50; p99 of 7 hops: fewer than 200 requests were matched"))
    }
  }

  @Test("is not there without a capture, and the reason is", arguments: EveryFormatTests.Format.allCases)
  func without(format: EveryFormatTests.Format) throws {
    let text = try format.text(Variants.withoutCapture)
    #expect(text.contains("packets were not captured in this run"))
    #expect(!text.contains("Inside the round trip"))
    #expect(!text.contains("capture tax"))
    let alone = TerminalTable.waterfalls(Variants.withoutCapture, width: 80, color: false)
    #expect(alone.contains("– hop latencies: packets were not captured in this run\n"))
    // Captured, and yet nothing: said, too.
    let nothing = Variants.changed { result in
      result.hops = .value([])
      result.waterfalls = []
    }
    #expect(try format.text(nothing).contains("no trial looked inside the path"))
  }

  @Test("shows no interval where one trial gave none")
  func oneTrial() throws {
    let text = TerminalTable.waterfalls(Variants.oneTrial, width: 120, color: false)
    let hops = text.split(separator: "\n").filter { $0.hasPrefix("    ") && $0.contains(" → ") }
    #expect(hops.count == 50)
    #expect(hops.allSatisfy { !$0.contains("[") })
    #expect(!text.contains("Brackets are"))
    #expect(text.contains("1 pair is too few for an interval"))
  }

  @Test("says the same with colour as without")
  func color() {
    let plain = TerminalTable.waterfalls(Variants.troubled, width: 100, color: false)
    let colored = TerminalTable.waterfalls(Variants.troubled, width: 100, color: true)
    #expect(colored.contains("\u{1B}["))
    let stripped = colored.replacing(/\x{1B}\[[0-9;]*m/, with: "")
      .split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.replacing(/\s+$/, with: "") }.joined(separator: "\n")
    #expect(stripped == plain)
  }

  @Test("tells in method and terms what the hops are", arguments: [EveryFormatTests.Format.markdown, .html])
  func method(format: EveryFormatTests.Format) throws {
    let text = try format.text(Fixture.result)
    for part in [
      "one request in 64, chosen by the low bits of its sequence number", "CLOCK_REALTIME", "CLOCK_MONOTONIC",
      "client0 (client), port-client (switch), port-server (switch), server0 (server): taps",
      "lo (both sides): timestamps of the sockets", "capture tax", "waterfall", "residual",
    ] {
      #expect(text.contains(part), "\(format) lacks \(part)")
    }
  }

  // MARK: Bars

  @Test("draws bars that join and together fill the width", arguments: [1, 6, 17, 60])
  func bars(cells: Int) {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let lengths = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
        pow(10, Double.random(in: 1...5, using: &generator))
      }
      var times = [0.0]
      for length in lengths { times.append((times.last ?? 0) + length) }
      let bars = WaterfallBars(covering: times, cells: cells)
      var total = 0
      for (from, to) in zip(times, times.dropFirst()) {
        #expect(bars.eighth(to) >= bars.eighth(from))
        total += bars.eighth(to) - bars.eighth(from)
        let text = bars.bar(from: from, to: to)
        #expect(text.terminalWidth <= cells)
        #expect(text.contains { $0 != " " }, "a hop of \(to - from) ns cannot be seen")
        // No cell before the one it starts in, none after the one it ends in.
        let blank = text.prefix { $0 == " " }.count
        #expect(blank == min(cells - 1, bars.eighth(from) / 8))
        #expect(text.count <= max(blank + 1, (bars.eighth(to) + 7) / 8))
      }
      #expect(total == cells * 8)
      #expect(bars.bar(from: 0, to: times.last ?? 0) == String(repeating: "█", count: cells))
    }
  }

  @Test("hatches a bar that runs backwards, and survives times that are none")
  func oddBars() {
    let bars = WaterfallBars(covering: [0, 400, 300, 1_000], cells: 10)
    #expect(bars.bar(from: 400, to: 300) == "   ▒")
    #expect(bars.bar(from: 0, to: 300) == "███")
    #expect(bars.bar(from: 450, to: 1_000) == "    ▐█████")
    #expect(bars.bar(from: 0, to: 1) == "▏")
    let flat = WaterfallBars(covering: [0, 0, .nan, .infinity], cells: 10)
    #expect(flat.bar(from: 0, to: .nan) == "▏")
    #expect(WaterfallBars(covering: [0, 1], cells: 0).bar(from: 0, to: 1) == "")
  }

  // MARK: Drawings

  private struct Segment {
    var x1: Double
    var y1: Double
    var x2: Double
    var y2: Double
  }

  /// The lines of each waterfall's hops, as they are drawn.
  private func drawings(_ html: String) throws -> [[Segment]] {
    try html.components(separatedBy: "<svg class=\"chart\"").dropFirst().compactMap { chart in
      let svg = try #require(chart.components(separatedBy: "</svg></figure>").first)
      guard svg.contains("Inside a round trip of") else { return nil }
      return try svg.matches(
        of: /<line class="(?:known|unknown)" x1="([^%"]*)%" y1="([^"]*)" x2="([^%"]*)%" y2="([^"]*)"\/>/
      ).map { match in
        Segment(
          x1: try #require(Double(match.1)), y1: try #require(Double(match.2)), x2: try #require(Double(match.3)),
          y2: try #require(Double(match.4)))
      }
    }
  }

  @Test("draws hops that join, down to the server and up again, all to one scale")
  func drawing() throws {
    let drawings = try drawings(HTMLReport.render(Fixture.result))
    #expect(drawings.map(\.count) == [7, 7, 7, 11, 7, 11])
    for segments in drawings {
      for (line, next) in zip(segments, segments.dropFirst()) {
        #expect(line.x2 == next.x1 && line.y2 == next.y1)
      }
      let turn = segments.count / 2
      for (index, line) in segments.enumerated() {
        #expect(line.x2 > line.x1)
        #expect(index < turn ? line.y2 >= line.y1 : index == turn ? line.y2 == line.y1 : line.y2 <= line.y1)
      }
      #expect(segments.first?.y1 == segments.last?.y2)
    }
    // The lengths of the drawings are as the sums: 7 989, 7 398, 8 936 and 10 923 ns.
    let lengths = try drawings.prefix(4).map { segments in
      try #require(segments.last).x2 - (try #require(segments.first)).x1
    }
    for (length, sum) in zip(lengths, [7_989.0, 7_398, 8_936, 10_923]) {
      #expect(abs(length / lengths[3] - sum / 10_923) < 0.001)
    }
    let bridge = try #require(drawings.dropFirst(3).first)
    let p50 = [912.0, 1_043, 1_574, 487, 2_010, 104, 874, 611, 1_240, 386, 1_682]
    for (line, length) in zip(bridge, p50) { #expect(abs((line.x2 - line.x1) / lengths[3] - length / 10_923) < 0.001) }
  }

  static let odd: [RunResult] = [
    Fixture.result, Variants.troubled, Variants.oneTrial, Variants.blocking,
    // Numbers that are none, and hops that are nowhere.
    Variants.changed { result in
      var hops = Fixture.insides.flatMap(\.hops)
      hops[0].p50 = .value(LevelEstimate(estimate: .nan, n: 1))
      hops[1].p50 = .value(LevelEstimate(estimate: .infinity, low: -.infinity, high: .nan, confidence: 0.99, n: 1))
      hops[2].p50 = .value(LevelEstimate(estimate: 1e300, n: 1))
      hops[3].index = 99
      result.hops = .value(hops)
      result.waterfalls[0].sum = .nan
      result.waterfalls[0].residual = .nan
      result.waterfalls[1].points = []
      result.waterfalls[2].points = Array(result.waterfalls[2].points.prefix(3))
    },
  ]

  @Test("draws nothing outside the picture, whatever the numbers", arguments: odd)
  func bounds(result: RunResult) throws {
    let html = try HTMLReport.render(result)
    for chart in html.components(separatedBy: "<svg class=\"chart\"").dropFirst() {
      let svg = try #require(chart.components(separatedBy: "</svg></figure>").first)
      for match in svg.matches(of: /\s(x|y|x1|x2|y1|y2|cx|cy|r|dx|width|height)="([^"]*)"/) {
        let text = String(match.2)
        let number = try #require(Double(text.replacing("%", with: "")), "\(match.0)")
        #expect(number.isFinite)
        if text.hasSuffix("%") { #expect((0...100).contains(number), "\(match.0)") }
      }
      #expect(!svg.lowercased().contains("nan") && !svg.contains("inf\""))
    }
    for width in [60, 100, 160] {
      let text = TerminalTable.waterfalls(result, width: width, color: false)
      #expect(text.split(separator: "\n").allSatisfy { String($0).terminalWidth <= width })
    }
    #expect(!MarkdownReport.render(result).isEmpty)
  }

  @Test("rounds no share up to the whole, and gives a change its sign")
  func numbers() {
    #expect(NumberFormat.shareOfAll(1) == "100\u{A0}%")
    #expect(NumberFormat.shareOfAll(0.999_999) == "99.99\u{A0}%")
    #expect(NumberFormat.shareOfAll(0.969_87) == "96.9\u{A0}%")
    #expect(NumberFormat.change(Fixture.ratio(1.031, 1.010, 1.052)) == "+3.1\u{A0}% [1.0, 5.2]")
    #expect(NumberFormat.change(Fixture.ratio(0.98, 0.9, 1.06)) == "−2\u{A0}% [−10, 6]")
    #expect(NumberFormat.change(Fixture.ratio(1, 0.99, 1.01)) == "0.0\u{A0}% [−1.0, 1.0]")
  }
}
