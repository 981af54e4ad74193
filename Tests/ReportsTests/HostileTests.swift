import Foundation
import Model
import PlainText
import Testing

@testable import Reports

/// A result in which whatever anybody could have written says the same.
enum Hostile {
  /// ``Variants/saying(_:)``, and the free text that it leaves out.
  static func result(_ text: String) -> RunResult {
    var result = Variants.saying(text)
    for index in result.environments.indices {
      result.environments[index].details = [text, text]
      if index > 0 { result.environments[index].reference = "native" + text }
    }
    result.series[3].reference = ReferenceComparison(
      environment: "native" + text, ratio: Fixture.ratio(1.1, 1.05, 1.15), direction: .higher, note: text)
    for index in result.series.indices { result.series[index].ratio?.method = "m" + text }
    for index in result.control.indices { result.control[index].ratio?.method = "m" + text }
    result.distributions = [
      DistributionResult(
        environment: "native" + text, workload: "udp-rr-spin" + text, trials: 12, shares: [0.1, 0.5, 0.9],
        medians: [7_000, 8_000, 9_000], lows: [6_900, 7_900, 8_800], highs: [7_200, 8_200, 9_400])
    ]
    result.growth = [
      GrowthResult(
        environment: "native" + text, workload: "udp-rr-spin" + text,
        steps: [ImageUsage(total: 2e9, reclaimable: 1e9, shared: 5e8, unique: 5e8)], isMonotonic: true)
    ]
    return result
  }

  /// A run that must say at once, and with the text of the injection, that it is none.
  static func injected(_ text: String) -> RunResult {
    var result = result(text)
    result.run.injection = text
    result.hops = .unavailable(text)
    result.waterfalls = []
    return result
  }

  static let texts: [String] =
    Variants.hostile + [
      "{{x}} {{{x}}} {{#x}} {{/x}} {{> x}} {{%x}}", "[a](javascript:x)", "@user", "'", "|", "`",
      "\u{1B}]8;;http://x.example\u{1B}\\link\u{1B}]8;;\u{1B}\\", "\u{2066}a\u{2067}b\u{2068}c\u{2069}\u{202A}\u{202D}",
      "]]><x/><!--", "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>&e;", "&#0;&#x1B;",
      "\u{FFFF}\u{E123}\u{10FFFD}\u{FFFD}", "a\",\"b\r\n=1,2", "\"\u{301},=1", "+1", "-1;=1", "＝1",
      "javascript:alert(1)",
      "- item", "+ item", "1. item", "12) item", "---", "===", "- - -", "..\\..//x", "</title></style></script>",
      "a\u{2028}b\u{2029}c\u{0B}d\u{0C}e",
    ]
}

/// The elements of a document in order, each with its attributes' names, as a browser finds them.
struct TagScanner {
  struct Tag: Equatable {
    var name: String
    var attributes: [String]
  }

  static func tags(_ html: String) -> [Tag] {
    let bytes = Array(html.utf8)
    var tags: [Tag] = []
    var index = 0
    func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "<") else {
        index += 1
        continue
      }
      index += 1
      func word() -> String {
        let start = index
        while index < bytes.count, !isSpace(bytes[index]), bytes[index] != UInt8(ascii: ">"),
          bytes[index] != UInt8(ascii: "=")
        {
          index += 1
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
      }
      var tag = Tag(name: word(), attributes: [])
      while index < bytes.count, bytes[index] != UInt8(ascii: ">") {
        if isSpace(bytes[index]) {
          index += 1
        } else if bytes[index] == UInt8(ascii: "=") {
          index += 1
          if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
            index += 1
            while index < bytes.count, bytes[index] != UInt8(ascii: "\"") { index += 1 }
            index += 1
          } else {
            tag.attributes.append("(without quotes)")
            _ = word()
          }
        } else {
          tag.attributes.append(word())
        }
      }
      tags.append(tag)
    }
    return tags
  }
}

@Suite("Hostile text")
struct HostileTests {
  private static let tame = Hostile.result("tame")

  /// No control character but those named, nothing that turns the direction of text, nothing that is no character.
  private func expectHarmless(_ text: String, controls: Set<Unicode.Scalar> = ["\n"]) {
    let harmful = text.unicodeScalars.first { scalar in
      switch scalar.properties.generalCategory {
      case .control: !controls.contains(scalar)
      // Markdown's word joiner keeps addresses from being links.
      case .format: scalar != "\u{2060}"
      case .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
      default: false
      }
    }
    #expect(harmful == nil, "U+\(String(harmful?.value ?? 0, radix: 16))")
  }

  /// What is blank leaves its place out, and with it the elements around it.
  private func isBlank(_ text: String) -> Bool { InertText.line(text).isEmpty }

  @Test("adds no element and no attribute to the HTML report", arguments: Hostile.texts)
  func html(text: String) throws {
    for make in [Hostile.result, Hostile.injected] {
      let html = try HTMLReport.render(make(text))
      expectHarmless(html)
      let tags = TagScanner.tags(html)
      let plain = TagScanner.tags(try HTMLReport.render(make("tame")))
      if isBlank(text) {
        let known = Set(plain.map(\.name))
        #expect(tags.allSatisfy { known.contains($0.name) })
      } else {
        #expect(tags.count == plain.count)
        let first = zip(tags, plain).first { $0 != $1 }
        #expect(first == nil)
      }
      let attributes = Set(tags.flatMap(\.attributes))
      #expect(!attributes.contains { $0.lowercased().hasPrefix("on") || $0 == "(without quotes)" })
    }
  }

  @Test("adds no element, no attribute and no address to the index page", arguments: Hostile.texts)
  func index(text: String) throws {
    func entries(_ text: String) -> [IndexEntry] {
      [
        IndexEntry(Hostile.result(text), links: [("f" + text, text), (text, "/" + text)]),
        IndexEntry(Hostile.injected(text), links: [("f" + text, "javascript:" + text)]),
      ]
    }
    let html = try IndexPage.render(entries(text))
    expectHarmless(html)
    #expect(html.utf8.count < 200_000 + 10 * text.utf8.count * 3)
    let tags = TagScanner.tags(html)
    let plain = TagScanner.tags(try IndexPage.render(entries("tame")))
    if !isBlank(text) {
      #expect(tags.count == plain.count)
      #expect(zip(tags, plain).first { $0 != $1 } == nil)
    }
    #expect(Set(tags.map(\.name)).isSubset(of: Set(plain.map(\.name))))
    for match in html.matches(of: /href="([^"]*)"/) {
      #expect(match.1.wholeMatch(of: /#s[0-9]+|(\.\/|\.\.\/)[A-Za-z0-9_.~\/%-]*/) != nil, "\(match.1)")
    }
  }

  @Test("leaves JUnit's XML well-formed, with the same elements", arguments: Hostile.texts)
  func junit(text: String) throws {
    for make in [Hostile.result, Hostile.injected] {
      let xml = JUnitReport.render(make(text))
      expectHarmless(xml)
      #expect(!xml.contains("<!"))
      let root = try XMLTree.parse(xml)
      let plain = try XMLTree.parse(JUnitReport.render(make("tame")))
      let elements = root.descendants.filter { $0.name != "property" }.map(\.name)
      #expect(elements == plain.descendants.filter { $0.name != "property" }.map(\.name))
      #expect(root.attributes.count == plain.attributes.count)
      let scenario = try #require(root.all("testsuite").first).attributes["name"]
      // What was escaped reads as it was.
      #expect(scenario == InertText.name(text))
    }
  }

  @Test("adds no row, no column and no formula to the CSV report", arguments: Hostile.texts)
  func csv(text: String) throws {
    for make in [Hostile.result, Hostile.injected] {
      let result = make(text)
      let csv = CSVReport.render(result)
      expectHarmless(csv, controls: ["\r", "\n"])
      let rows = try StrictCSV.rows(csv)
      #expect(rows.count == 1 + result.series.count + result.control.count)
      #expect(rows.allSatisfy { $0.count == CSVReport.columns.count })
      let numbers = Set(
        CSVReport.columns.indices.filter { place in
          ["ratio", "difference", "median", "exact", "q_value", "n_trials"].contains {
            CSVReport.columns[place].hasPrefix($0) && !CSVReport.columns[place].hasSuffix("method")
          } || CSVReport.columns[place].hasPrefix("reference_") && !CSVReport.columns[place].hasSuffix("environment")
        })
      for row in rows.dropFirst() {
        for (place, cell) in row.enumerated() {
          if numbers.contains(place) {
            #expect(cell.isEmpty || Double(cell) != nil, "\(CSVReport.columns[place]): \(cell)")
          } else {
            #expect(!isFormula(cell), "\(CSVReport.columns[place]): \(cell)")
          }
        }
      }
    }
  }

  @Test("survives JSON", arguments: Hostile.texts)
  func json(text: String) throws {
    for make in [Hostile.result, Hostile.injected] {
      let result = make(text)
      let data = try JSONResult.encode(result)
      #expect(try JSONResult.decode(data) == result)
      #expect(data.allSatisfy { $0 >= 32 || $0 == 10 })
    }
  }

  @Test("keeps to the width of a terminal, and moves nothing in it", arguments: Hostile.texts)
  func terminal(text: String) {
    for make in [Hostile.result, Hostile.injected] {
      for color in [false, true] {
        let result = make(text)
        let output = [
          TerminalTable.render(result, width: 80, color: color),
          TerminalTable.waterfalls(result, width: 80, color: color),
        ].joined(separator: "\n")
        // Our own colours, and nothing else that begins with an escape.
        let plain = output.replacing(/\x{1B}\[[0-9;]*m/, with: "")
        #expect(color || plain == output)
        expectHarmless(plain)
        for line in plain.split(separator: "\n") { #expect(String(line).terminalWidth <= 80, "\(line)") }
      }
    }
  }

  @Test("adds no heading, row, column or link to the Markdown report", arguments: Hostile.texts)
  func markdown(text: String) {
    for make in [Hostile.result, Hostile.injected] {
      let markdown = MarkdownReport.render(make(text))
      expectHarmless(markdown)
      let shape = Shape(markdown)
      let plain = Shape(MarkdownReport.render(make("tame")))
      if isBlank(text) {
        #expect(shape.links == plain.links)
      } else {
        #expect(shape == plain)
      }
    }
  }

  private struct Shape: Equatable {
    var headings: [Int] = []
    /// Live "|" of each row.
    var columns: [Int] = []
    var links = 0
    var fences = 0
    /// What makes a line an item of a list, once for each list that it opens, a rule, or the line under a heading.
    var markers = 0
    /// Whether a code span does not end.
    var isOpen = false

    init(_ markdown: String) {
      for line in markdown.split(separator: "\n") {
        if line.hasPrefix("```") { fences += 1 }
        var rest = line.drop { $0 == " " || $0 == ">" }
        if rest.wholeMatch(of: /-[- ]*|=+/) != nil { markers += 1 }
        while let marker = rest.prefixMatch(of: /([-+*]|[0-9]+[.)]) +/) {
          markers += 1
          rest = rest[marker.range.upperBound...]
        }
        if line.hasPrefix("#") { headings.append(line.prefix { $0 == "#" }.count) }
        var bars = 0
        var last: Unicode.Scalar?
        let scalars = Array(line.unicodeScalars)
        var place = 0
        while place < scalars.count {
          let scalar = scalars[place]
          if scalar == "\\" {
            place += 2
            last = nil
            continue
          }
          if scalar == "`" {
            // A code span ends at a run of as many backticks; what is in it is no markup, but for the bars of a table.
            let open = scalars[place...].prefix { $0 == "`" }.count
            var end = place + open
            while end < scalars.count {
              let run = scalars[end...].prefix { $0 == "`" }.count
              if run == open { break }
              if run == 0, scalars[end] == "|", scalars[end - 1] != "\\" { bars += 1 }
              end += max(1, run)
            }
            isOpen = isOpen || end >= scalars.count && !line.hasPrefix("```")
            place = end + open
            last = nil
            continue
          }
          if scalar == "|" { bars += 1 }
          if scalar == "(" && last == "]" { links += 1 }
          last = scalar
          place += 1
        }
        if line.hasPrefix("|") { columns.append(bars) }
      }
    }
  }
}
