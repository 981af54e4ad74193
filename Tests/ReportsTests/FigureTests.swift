import Foundation
import Model
import PlainText
import Testing

@testable import Reports

/// An element's attribute, by position in the text of a picture.
private func numbers(_ svg: String, _ pattern: Regex<(Substring, Substring)>) -> [Double] {
  svg.matches(of: pattern).compactMap { Double($0.1) }
}

extension Figure {
  /// Everything of it that is shown.
  fileprivate var whole: String {
    var parts = [id, heading, caption, picture.text]
    for key in keys { parts += [key.sign, key.text] }
    for table in data {
      parts += [table.title, table.aside, table.first]
      parts += table.columns
      parts += table.notes
      parts += table.groups.compactMap(\.title)
      for row in table.rows { parts += [row.name] + row.cells.map(\.whole) }
    }
    return parts.joined(separator: "\n")
  }

  fileprivate func row(_ name: String) throws -> TextTable.Row {
    try #require(data.flatMap(\.rows).first { $0.name == name })
  }

  fileprivate func cell(_ name: String, _ column: String) throws -> TextTable.Cell {
    let index = try #require(data.first?.columns.firstIndex(of: column))
    return try row(name).cells[index]
  }
}

private func all(_ result: RunResult) -> [Figure] {
  let page = Presentation(result)
  return page.workloads.flatMap(page.distributionFigures) + page.workloads.compactMap(page.countsFigure)
    + [page.controlFigure].compactMap(\.self) + page.slopeFigures.map(\.figure)
}

@Suite("Figures")
struct FigureTests {
  static let results: [RunResult] = [
    Fixture.result, Synthetic.ladder, Synthetic.stream, Synthetic.open, Synthetic.exec, Synthetic.slope,
    Synthetic.large, StorageRuns.cowIO, StorageRuns.depth, Variants.interrupted, Variants.failedControl,
    Distributions.ladder, Distributions.many, Distributions.rules, Distributions.hostile,
  ]

  @Test("have unique names that fit an anchor and a file", arguments: results.indices)
  func names(index: Int) {
    let ids = all(Self.results[index]).map(\.id)
    #expect(Set(ids).count == ids.count)
    for id in ids { #expect(id.wholeMatch(of: /[a-z0-9-]+/) != nil, "\(id)") }
  }

  @Test("have no place that is no number, and none beyond the edge", arguments: results.indices)
  func places(index: Int) {
    for figure in all(Self.results[index]) {
      let svg = figure.picture.text
      #expect(!svg.lowercased().contains("nan") && !svg.lowercased().contains("\"inf"), "\(figure.id)")
      for share in numbers(svg, /(?:x|x1|x2|cx)="(-?[0-9.]+)%"/) {
        #expect((-0.01...100.01).contains(share), "\(figure.id): \(share) %")
      }
      for y in numbers(svg, /(?:y|y1|y2|cy)="(-?[0-9.]+)"/) {
        #expect((-0.01...figure.picture.height + 0.01).contains(y), "\(figure.id): \(y) of \(figure.picture.height)")
      }
    }
  }

  @Test("have words, numbers behind them, and one row a thing that is drawn", arguments: results.indices)
  func words(index: Int) {
    for figure in all(Self.results[index]) {
      #expect(!figure.heading.isEmpty && figure.caption.hasSuffix("."))
      #expect(!figure.picture.title.isEmpty && !figure.picture.summary.isEmpty)
      #expect(!figure.data.isEmpty)
      for table in figure.data {
        #expect(table.hasData)
        for row in table.rows {
          #expect(row.cells.count == table.columns.count)
          #expect(figure.picture.summary.contains(row.name), "\(figure.id) lacks \(row.name)")
        }
      }
    }
  }

  @Test("show hostile names inert")
  func hostile() {
    let figures = all(Distributions.hostile)
    #expect(figures.map(\.id.first) == ["d", "t", "d", "t", "c", "c", "s"])
    for figure in figures {
      #expect(!figure.whole.contains("\u{202E}") && !figure.whole.contains("\u{1B}"), "\(figure.id)")
      for part in [figure.picture.text] + figure.keys.map(\.sign) {
        #expect(!part.contains("<script"), "\(figure.id)")
      }
      #expect(figure.whole.contains("alert(1)"))
    }
  }

  @Test("are not there where there is nothing to draw")
  func empty() {
    let page = Presentation(Fixture.result)
    #expect(page.distributionFigures("udp-rr-spin").isEmpty)
    #expect(page.countsFigure("udp-rr-spin") == nil)
    #expect(page.slopeFigures.isEmpty)
    #expect(Presentation(Variants.interrupted).controlFigure == nil)
    let none = Presentation(Variants.changed { $0.control = [] })
    #expect(none.controlFigure == nil)
    #expect(none.distributionFigures("no such workload").isEmpty && none.countsFigure("no such workload") == nil)
  }
}

@Suite("Figures of distributions")
struct DistributionFigureTests {
  private func figures(_ result: RunResult) throws -> (cumulative: Figure, tail: Figure) {
    let figures = Presentation(result).distributionFigures("udp-rr-spin")
    try #require(figures.count == 2)
    return (figures[0], figures[1])
  }

  /// The points of a picture's lines, shares of the width in thousandths across and pixels upwards.
  private func paths(_ svg: String) -> [[(x: Double, y: Double)]] {
    svg.matches(of: /<path vector-effect="non-scaling-stroke" d="M([^"]+)"/).map { path in
      path.1.split(separator: "L").map { point in
        let parts = point.split(separator: " ").compactMap { Double($0) }
        return (parts.first ?? .nan, parts.last ?? .nan)
      }
    }
  }

  @Test("rise from left to right, and the slower lies to the right")
  func monotone() throws {
    let (cumulative, tail) = try figures(Distributions.added(to: Fixture.result))
    for figure in [cumulative, tail] {
      let lines = paths(figure.picture.text)
      #expect(lines.count == 5)
      for line in lines {
        for (here, next) in zip(line, line.dropFirst()) {
          #expect(next.x >= here.x && next.y <= here.y)
        }
      }
    }
    // native, its control, netns, veth, bridge; 0.5 is in the same place of each.
    func middle(_ line: [(x: Double, y: Double)]) throws -> Double {
      try #require(line.min { abs($0.y - 158) < abs($1.y - 158) }).x
    }
    let middles = try paths(cumulative.picture.text).map(middle)
    #expect(middles[2] < middles[0] && middles[0] < middles[1] && middles[1] < middles[3] && middles[3] < middles[4])
  }

  @Test("put each percentile where its latency and its nines are")
  func positions() throws {
    let (_, tail) = try figures(Distributions.added(to: Fixture.result))
    let svg = tail.picture.text
    // A tick for each percentile: p90, p99, p99.9 and p99.99 equally far apart.
    let ticks = Dictionary(
      svg.matches(of: /x="([0-9.]+)%"[^>]*>(p[0-9.]+)</).map { (String($0.2), Double($0.1) ?? .nan) },
      uniquingKeysWith: { first, _ in first })
    let steps = try ["p90", "p99", "p99.9", "p99.99"].map { try #require(ticks[$0]) }
    for (here, next) in zip(steps, steps.dropFirst()) { #expect(abs((next - here) - (steps[1] - steps[0])) < 0.02) }
    // Marks of native at p50 and p99: 8.124 and 14.31 µs, and the scale is logarithmic.
    let marks = svg.matches(of: /<svg class="xy-mark hue0 filled"[^>]* x="([0-9.]+)%" y="([0-9.]+)"/)
      .map { (x: Double($0.1) ?? .nan, y: Double($0.2) ?? .nan) }
    let p50 = try #require(marks.first)
    let p99 = try #require(marks.first { abs($0.x - steps[1]) < 0.02 })
    let p999 = try #require(marks.first { abs($0.x - steps[2]) < 0.02 })
    #expect(abs((p50.y - p99.y) / (p99.y - p999.y) - log(14_310 / 8_124.0) / log(31_200 / 14_310.0)) < 0.01)
  }

  @Test("say every environment's numbers, and the range over the trials")
  func numbers() throws {
    let (cumulative, tail) = try figures(Distributions.added(to: Fixture.result))
    let said = tail.picture.summary.replacing("\u{A0}", with: " ")
    #expect(said.contains("native: p50 8.12, p75 8.49, p90 9.01, p99 14.3, p99.9 31.2, p99.99 68.0 µs"))
    #expect(said.contains("native′ (control): p50 8.16"))
    #expect(said.contains("bridge: p50 10.6"))
    #expect(try tail.cell("bridge", "p99.9") == TextTable.Cell(text: "39.9", detail: "[36.7–44.7]"))
    #expect(cumulative.data[0].columns == ["p1", "p10", "p25", "p50", "p75", "p90", "p99"])
    #expect(tail.caption.contains("never pooled") && tail.caption.contains("fewer than 100 samples"))
  }

  @Test("leave out what too few samples lie beyond")
  func fewSamples() throws {
    var result = Distributions.added(to: Fixture.result)
    let few = Distributions.added(to: Fixture.result, samples: 12_000).distributions ?? []
    let index = try #require(result.distributions?.firstIndex { $0.environment == "veth" })
    result.distributions?[index] = try #require(few.first { $0.environment == "veth" })
    let (_, tail) = try figures(result)
    #expect(try tail.cell("veth", "p99").text == "15.8")
    #expect(try tail.cell("veth", "p99.9") == .none)
    #expect(try tail.cell("bridge", "p99.9").text == "39.9")
    #expect(tail.data[0].notes == ["A dash: fewer than 100 samples of some trial lay beyond this percentile."])
    #expect(tail.picture.summary.contains("veth: p50 8.89, p75 9.30, p90 9.87, p99 15.8\u{A0}µs"))
  }

  @Test("of a single environment are one line, on a linear scale if it spreads little")
  func single() throws {
    var result = Fixture.result
    result.distributions = [
      Distributions.made("native", "udp-rr-spin", through: [(0.5, 8_000), (0.9, 9_000), (0.99, 10_000)])
    ]
    let (cumulative, tail) = try figures(result)
    #expect(cumulative.keys.map(\.text) == ["A native"] && tail.keys.count == 1)
    #expect(paths(cumulative.picture.text).count == 1)
    #expect(!cumulative.caption.contains("logarithmic"))
    #expect(!cumulative.caption.contains("control"))
    result.distributions?[0] = Distributions.made(
      "native", "udp-rr-spin", through: [(0.5, 8_000), (0.9, 9_000), (0.99, 90_000)])
    #expect(try figures(result).cumulative.caption.contains("logarithmic"))
  }

  @Test("keep the letters of many environments apart", arguments: [2, 5, 15, 20])
  func letters(count: Int) {
    for few in [false, true] {
      let lines = (0..<count).map { index in
        let made = Distributions.made(
          "e", "w", through: [(0.5, 8_000 + Double(index % 4)), (0.99, 12_000)], samples: few ? 500 : 1_000_000)
        return DistributionChart.Line(
          letter: XYChart.letter(index), style: XYChart.Style(place: index), isControl: false,
          points: zip(made.shares, made.medians).map { (latency: $1, share: $0) })
      }
      let chart = DistributionChart(
        title: "t", summary: "s", lines: lines, unit: DisplayUnit(.rttP50, reference: 8_000))
      let (places, bottom) = chart.letterPlaces
      let sorted = places.sorted()
      for (here, next) in zip(sorted, sorted.dropFirst()) { #expect(next - here >= 14.99) }
      #expect(sorted.allSatisfy { (8...bottom).contains($0) })
      // Each has its letter.
      let svg = chart.picture(id: "x")?.text ?? ""
      #expect(svg.ranges(of: "class=\"value\"").count == count)
    }
  }

  @Test("spread labels no farther than needed, to both sides")
  func spread() {
    #expect(XYChart.spread([100, 100, 100], gap: 15, within: 0...300) == [85, 100, 115])
    #expect(XYChart.spread([250, 20, 30], gap: 15, within: 0...300) == [250, 17.5, 32.5])
    #expect(XYChart.spread([300, 299], gap: 15, within: 0...300) == [300, 285])
    #expect(XYChart.spread([], gap: 15, within: 0...300).isEmpty)
    // Nothing round lies between 8.1 and 9.6 on a logarithmic scale.
    #expect(XYChart.ticks(Scale(covering: [8.1, 9.6], isLogarithmic: true), 8).count >= 3)
  }

  @Test("tell fifteen environments apart without colour")
  func many() throws {
    let (cumulative, tail) = try figures(Distributions.many)
    #expect(cumulative.keys.count == 16 && Set(cumulative.keys.map(\.text)).count == 16)
    let styles = (0..<20).map { XYChart.Style(place: $0) }
    #expect(Set(styles.map { "\($0.mark) \($0.dash)" }).count == 20)
    let places = tail.picture.text.matches(of: /<text class="value" x="77.5%" y="([0-9.]+)"/)
      .compactMap { Double($0.1) }.sorted()
    #expect(places.count == 16)
    for (here, next) in zip(places, places.dropFirst()) { #expect(next - here >= 14.99) }
    #expect(cumulative.keys.map(\.text).prefix(2) == ["A environment-0", "A′ environment-0′ (control)"])
  }

  @Test("survive what no analysis makes")
  func broken() {
    var result = Fixture.result
    func broken(_ shares: [Double], _ medians: [Double]) -> DistributionResult {
      DistributionResult(
        environment: "native", workload: "udp-rr-spin", trials: 1, shares: shares, medians: medians, lows: [], highs: []
      )
    }
    let page = { Presentation(result) }
    result.distributions = [broken([], [])]
    #expect(page().distributionFigures("udp-rr-spin").isEmpty)
    result.distributions = [broken([0.5, 0.9], [.nan, 0])]
    #expect(page().distributionFigures("udp-rr-spin").isEmpty)
    // Points, but no range: the lines are drawn, and no number is made up.
    result.distributions = [broken([0.25, 0.5, 0.9, 1], [1_000, 2_000, 3_000, 4_000])]
    let figures = page().distributionFigures("udp-rr-spin")
    #expect(figures.count == 2)
    for figure in figures {
      #expect(!figure.picture.text.lowercased().contains("nan"))
      #expect(figure.picture.summary == "native: too few samples")
    }
  }
}

@Suite("Figures of counts")
struct CountsFigureTests {
  @Test("draw from zero, each column to its own largest")
  func bars() throws {
    let figure = try #require(Presentation(Synthetic.ladder).countsFigure("udp-rr-spin"))
    let summary = figure.picture.summary
    #expect(summary.contains("native: transmissions 2.00, receptions 2.00, softirqs 2.00, context switches 0.00"))
    #expect(summary.contains("published-proxy: transmissions 4.12–4.52"))
    let bars = figure.picture.text.matches(of: /<line class="bar" x1="([0-9.]+)%" y1="([0-9.]+)" x2="([0-9.]+)%"/)
      .map { (start: Double($0.1) ?? .nan, y: Double($0.2) ?? .nan, end: Double($0.3) ?? .nan) }
    // Ten environments; nothing switches contexts, so that five of six columns have bars.
    #expect(bars.count == 10 * 5)
    let first = bars.filter { $0.start == 0 }
    #expect(first.count == 10 && first.map(\.y) == first.map(\.y).sorted())
    // native sends 2, bridge 4.
    #expect(abs(first[3].end / first[0].end - 2) < 0.01)
    #expect((first.map(\.end).max() ?? 0) < 100 / 6.0)
  }

  @Test("show a range as a range, and agreement as one number")
  func ranges() throws {
    let figure = try #require(Presentation(Synthetic.ladder).countsFigure("udp-rr-spin"))
    let svg = figure.picture.text
    // Transmissions, receptions and softirqs of the proxy: a line and two ends each.
    #expect(svg.ranges(of: "class=\"bar-range\"").count == 3 * 3)
    #expect(svg.contains(">4.12–4.52<") && figure.caption.contains("the lowest and the highest"))
    #expect(try figure.cell("published-proxy", "transmissions").text == "4.12–4.52")
    #expect(try figure.cell("veth", "system calls").text == "4.00")
    #expect(figure.data[0].notes == ["instructions, cycles: unavailable: \(Synthetic.missingPMU)."])
    var agreed = Synthetic.ladder
    agreed.series.removeAll { $0.environment == "published-proxy" }
    let plain = try #require(Presentation(agreed).countsFigure("udp-rr-spin"))
    #expect(!plain.picture.text.contains("bar-range") && !plain.caption.contains("the lowest and the highest"))
  }

  @Test("leave a dash where an environment was not counted")
  func missing() throws {
    var result = Synthetic.ladder
    for index in result.series.indices
    where result.series[index].environment == "bridge" && result.series[index].metric == .systemCalls {
      result.series[index].trials = []
      result.series[index].median = nil
    }
    let figure = try #require(Presentation(result).countsFigure("udp-rr-spin"))
    #expect(try figure.cell("bridge", "system calls") == .none)
    #expect(figure.picture.text.contains(">–<"))
    let bridge = try #require(figure.picture.summary.split(separator: "; ").first { $0.hasPrefix("bridge: ") })
    #expect(!bridge.contains("system calls") && bridge.contains("buffers allocated 2.00"))
  }
}

@Suite("Figure of the control")
struct ControlFigureTests {
  @Test("is centred on 1, with the interval where it belongs")
  func positions() throws {
    let figure = try #require(Presentation(Fixture.result).controlFigure)
    let svg = figure.picture.text
    // 1 in the middle; 0.987 and 1.018 to its left and right, in proportion.
    #expect(svg.contains("<line class=\"step\" x1=\"50%\""))
    let interval = try #require(svg.firstMatch(of: /class="interval" x1="([0-9.]+)%" y1="[0-9.]+" x2="([0-9.]+)%"/))
    let (low, high) = try (#require(Double(interval.1)), #require(Double(interval.2)))
    #expect(low < 50 && high > 50)
    #expect(abs((high - 50) / (50 - low) - 18 / 13.0) < 0.01)
    #expect(figure.picture.summary.contains("udp-rr-spin: 1.00× [0.99, 1.02], passed"))
    #expect(
      try figure.row("tcp-rr-spin").cells.map(\.whole).prefix(3) == [
        "round trip p50", "1.00× [0.98, 1.01]", "✓ passed",
      ])
  }

  @Test("shows what is allowed only where the result has it")
  func allowed() throws {
    let figure = try #require(Presentation(Fixture.result).controlFigure)
    #expect(figure.picture.text.ranges(of: "class=\"reference\"").count == 2)
    #expect(figure.picture.summary.contains("1.02], passed, allowed within ±2.5\u{A0}%; tcp-rr-spin"))
    #expect(figure.caption.contains("dashed"))
    let without = try #require(Presentation(Variants.changed { $0.control[0].allowed = nil }).controlFigure)
    #expect(!without.picture.text.contains("reference") && !without.caption.contains("dashed"))
  }

  @Test("says which failed, which has none, and why")
  func failed() throws {
    let figure = try #require(
      Presentation(
        Variants.changed { result in
          result.control[0].isPassed = false
          result.control[0].reason = "the interval does not contain 1"
          result.control[1].ratio = nil
          result.control[1].isPassed = false
          result.control[1].reason = "too few pairs"
        }
      ).controlFigure)
    #expect(
      try figure.row("udp-rr-spin").cells.suffix(2).map(\.text) == ["✗ failed", "the interval does not contain 1"])
    #expect(try figure.row("tcp-rr-spin").cells.suffix(3).map(\.text) == ["–", "– none", "too few pairs"])
    #expect(figure.picture.summary.contains("tcp-rr-spin: no interval, none"))
    #expect(figure.picture.text.ranges(of: "class=\"interval\"").count == 1)
  }
}

@Suite("Figures of slopes")
struct SlopeFigureTests {
  @Test("are one for each workload and metric, with a line for each claim")
  func groups() throws {
    let figures = Presentation(Distributions.rules).slopeFigures
    #expect(figures.map(\.workload) == ["udp-rr-spin", "tcp-crr-spin"])
    let figure = try #require(figures.first?.figure)
    let keys = figure.keys.map { $0.text.replacing("\u{A0}", with: " ") }
    #expect(keys[0] == "A rules: 12.3 ns per rule [11.9, 12.7]" && keys[1].hasPrefix("B rules-map: 0.0"))
    #expect(figure.heading == "Round trip p50 of udp-rr-spin against the number of rules")
    #expect(figure.data[0].groups.map { $0.rows.count } == [5, 5])
    let titles = figure.data[0].groups.compactMap { $0.title?.replacing("\u{A0}", with: " ") }
    #expect(titles[0] == "rules, slope 12.3 ns per rule [11.9, 12.7]")
    #expect(figures[1].figure.heading.hasPrefix("Transaction p50 of tcp-crr-spin"))
  }

  @Test("put sizes and medians where they belong on linear scales")
  func positions() throws {
    let figure = try #require(Presentation(Distributions.rules).slopeFigures.first?.figure)
    let marks = figure.picture.text
      .matches(of: /<svg class="xy-mark hue0 filled"[^>]* x="([0-9.]+)%" y="([0-9.]+)"/)
      .map { (x: Double($0.1) ?? .nan, y: Double($0.2) ?? .nan) }
    try #require(marks.count == 5)
    // 0, 100, 1000, 5000 and 30 000 rules.
    #expect(abs((marks[3].x - marks[0].x) / (marks[4].x - marks[0].x) - 5_000 / 30_000.0) < 0.001)
    #expect(abs((marks[0].y - marks[3].y) / (marks[0].y - marks[4].y) - 5_000 / 30_000.0) < 0.005)
    // The line meets the last mark, as the slope is that of the medians.
    let path = try #require(figure.picture.text.firstMatch(of: /d="M([0-9.]+) ([0-9.]+)L([0-9.]+) ([0-9.]+)"/))
    #expect(abs((Double(path.4) ?? .nan) - marks[4].y) < 0.2 && abs((Double(path.3) ?? .nan) / 10 - marks[4].x) < 0.02)
  }

  @Test("draw no line without a slope, and one line for two claims about it")
  func noSlope() throws {
    var result = Distributions.rules
    for index in result.claims.indices {
      result.claims[index].estimate = nil
      result.claims[index].low = nil
      result.claims[index].high = nil
    }
    result.claims.append(result.claims[0])
    let figure = try #require(Presentation(result).slopeFigures.first?.figure)
    #expect(!figure.picture.text.contains("vector-effect"))
    #expect(figure.keys.count == 2 && figure.data[0].groups[0].title == "rules, no slope")
    #expect(!figure.caption.contains("slope"))
  }

  @Test("are of layers where layers grow, and of steps where names do not tell")
  func axes() throws {
    let depth = Presentation(StorageRuns.depth).slopeFigures
    #expect(!depth.isEmpty)
    for entry in depth { #expect(entry.figure.heading.hasSuffix("against the number of layers")) }
    let hostile = try #require(Presentation(Distributions.hostile).slopeFigures.first?.figure)
    #expect(hostile.heading.hasSuffix("against the number of steps"))
  }
}
