import Foundation
import Model
import PlainText
import Testing

@testable import Reports

/// What holds for terminal, Markdown and HTML alike.
@Suite("Every human format")
struct EveryFormatTests {
  enum Format: CaseIterable {
    case terminal, markdown, html

    /// The text that a reader sees, without markup.
    func text(_ result: RunResult) throws -> String {
      switch self {
      case .terminal: TerminalTable.render(result, width: 160, color: false)
      case .markdown:
        MarkdownReport.render(result).replacing("\\", with: "").replacing("*", with: "").replacing("`", with: "")
      case .html: Self.visible(try HTMLReport.render(result))
      }
    }

    private static func visible(_ html: String) -> String {
      guard let body = html.range(of: "<body>") else { return "" }
      return String(html[body.upperBound...]).replacing(/<[^>]*>/, with: "")
        .replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&#39;", with: "'")
        .replacing("&quot;", with: "\"").replacing("&amp;", with: "&")
    }
  }

  @Test("says first that a run cannot bear a verdict, and why", arguments: Format.allCases)
  func invalidFirst(format: Format) throws {
    let cases: [(RunResult, heading: String, why: String)] = [
      (
        Variants.failedControl, "No verdict can be had from this run",
        "The control of udp-rr-spin failed: the interval [1.02, 1.06]"
      ),
      (Variants.oneFailedControl, "No verdict can be had from tcp-rr-spin", "The control of tcp-rr-spin failed"),
      (Variants.manyVoided, "No verdict can be had from this run", "5 of 17 blocks were voided"),
      (Variants.interrupted, "No verdict can be had from this run", "The run was interrupted with 3 valid blocks"),
      (
        Variants.injected, "Not a measurement of this host: no verdict can be had",
        "a slowdown was put into the worker on purpose (5 % more time in every request)"
      ),
      (Variants.empty, "No verdict can be had from this run", "The run failed with 0 valid blocks"),
    ]
    for (result, heading, why) in cases {
      let text = try format.text(result).replacing("\u{A0}", with: " ").replacing(/[ \n┃>]+/, with: " ")
      let start = text.replacing("[!CAUTION] ", with: "").drop { $0 == " " }
      #expect(start.hasPrefix(heading), "\(format) starts with: \(start.prefix(80))")
      let reason = try #require(text.range(of: why), "\(format) does not say: \(why)")
      let title = try #require(text.range(of: "What a network hop of a container costs"))
      #expect(reason.lowerBound < title.lowerBound)
    }
  }

  @Test("says nothing of the kind of a valid run", arguments: Format.allCases)
  func validHasNoAlarm(format: Format) throws {
    #expect(try !format.text(Fixture.result).contains("o verdict can be had"))
  }

  @Test("judges no row where the control failed", arguments: Format.allCases)
  func rowsAreNotJudged(format: Format) throws {
    let text = try format.text(Variants.failedControl)
    #expect(text.contains("? not judged"))
    #expect(!text.contains("▲ slower"))
  }

  @Test("lets no verdict stand that the run cannot bear", arguments: Format.allCases)
  func verdictsAreWithdrawn(format: Format) throws {
    let text = try format.text(Variants.manyVoided).replacing(/[ ]*\n[ ]*/, with: "\n")
    #expect(text.contains("the numbers alone would say: refuted."))
    // The definitions at the end explain the signs.
    let end = text.range(of: "Definitions", options: .backwards)?.lowerBound ?? text.endIndex
    let said = text[..<end].replacing(" ", with: "")
    #expect(!said.contains("✗refuted") && !said.contains("✓supported") && said.contains("?inconclusive"))
  }

  @Test("carries numbers, claims and reasons", arguments: Format.allCases)
  func content(format: Format) throws {
    // The terminal breaks long lines.
    let text = try format.text(Fixture.result).replacing(/[ \u{A0}\n]+/, with: " ")
    for part in [
      "10.60", "1.30×", "[1.28, 1.33]", "2.45", "[2.28, 2.69]", "−0.70", "[−0.83, −0.59]", "▲ slower", "▼ faster",
      "baseline",
      "no difference found (< 4.8 %)", "1.00× [0.99, 1.02]", "The steps compose to 1.31× and +2.47 µs",
      "residual 0.2 % and 0.02 µs",
      "supported",
      "refuted", "net-hop", "net-namespace", "more than 10 % longer than over the host's own loopback", "2.5 %",
      "The CPU frequency governor cannot be read", "1 of 13 blocks voided", "steal of 2.3 % during bridge (limit 2 %)",
      "net-hop with the voided blocks put back: 1.30× [1.27, 1.33]",
      "14 iptables rules", "build-07", "6.18.0-3-amd64", "quiet", "99 %",
    ] {
      #expect(text.contains(part), "\(format) lacks \(part)")
    }
    #expect(!text.contains("-0.0") && !text.contains("−0.00 "))
  }

  @Test("shows an environment that could not run, with the remedy", arguments: Format.allCases)
  func unavailable(format: Format) throws {
    let text = try format.text(Variants.unavailableEnvironment)
    #expect(text.contains("veth"))
    #expect(text.contains("– unavailable"))
    #expect(text.contains("load the module with: modprobe veth"))
    #expect(text.contains("The ladder lacks a step"))
  }

  @Test("has words for a run without anything in it", arguments: Format.allCases)
  func empty(format: Format) throws {
    let text = try format.text(Variants.empty)
    #expect(text.contains("Nothing was measured."))
    #expect(text.contains("The scenario judges no claim."))
  }

  @Test("says why a series has no value or no finding", arguments: [Format.markdown, .html])
  func notes(format: Format) throws {
    let text = try format.text(Variants.notes)
    #expect(text.contains("– the server's clock could not be read"))
    #expect(text.contains("? undecided: neighbouring blocks depend on each other"))
    #expect(text.contains("▲ slower"))
  }

  @Test("of every hostile text stays inert", arguments: Variants.hostile)
  func hostile(text: String) throws {
    let result = Variants.saying(text)
    let tame = Variants.saying("tame")

    for color in [false, true] {
      let terminal = [
        TerminalTable.render(result, width: 80, color: color),
        TerminalTable.waterfalls(result, width: 80, color: color),
      ].joined().replacing(/\x{1B}\[[0-9;]*m/, with: "")
      #expect(terminal.unicodeScalars.allSatisfy(isHarmless))
      for line in terminal.split(separator: "\n") { #expect(String(line).terminalWidth <= 80, "\(line)") }
    }

    let html = try HTMLReport.render(result)
    #expect(html.unicodeScalars.allSatisfy(isHarmless))
    // What is blank leaves its place out.
    let isBlank = text.allSatisfy(\.isWhitespace)
    let tameTags = tags(try HTMLReport.render(tame))
    #expect(isBlank || tags(html) == tameTags)
    #expect(html.utf8.count < 400_000)

    let markdown = MarkdownReport.render(result)
    #expect(markdown.unicodeScalars.allSatisfy(isHarmless))
    let shape = try skeleton(markdown)
    let expected = try skeleton(MarkdownReport.render(tame))
    for (line, pair) in zip(shape, expected).enumerated() where !isBlank {
      #expect(
        pair.0 == pair.1, "line \(line + 1): \(markdown.split(separator: "\n", omittingEmptySubsequences: false)[line])"
      )
    }
    #expect(isBlank || shape.count == expected.count)
    #expect(withoutCode(markdown).firstRange(of: /[^\\]:\/\//) == nil)
    #expect(withoutCode(markdown).firstRange(of: /@[A-Za-z]/) == nil)
  }

  private func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: scalar == "\n"
    case .format: scalar == "\u{2060}"
    case .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
    default: true
    }
  }

  /// The elements of a document in order, with the names of their attributes, as a browser finds them: quoted values
  /// are skipped whole.
  private func tags(_ html: String) -> [String] {
    let body = html.unicodeScalars
    var found: [String] = []
    var index = body.startIndex
    while index < body.endIndex {
      guard body[index] == "<" else {
        index = body.index(after: index)
        continue
      }
      var tag = ""
      var quote: Unicode.Scalar?
      while index < body.endIndex {
        let scalar = body[index]
        index = body.index(after: index)
        if let open = quote {
          if scalar == open { quote = nil }
        } else if scalar == "\"" || scalar == "'" {
          quote = scalar
        } else {
          tag.unicodeScalars.append(scalar)
          if scalar == ">" { break }
        }
      }
      // Paths and positions are in quoted values; a chart's labels change no element.
      found.append(tag)
    }
    return found
  }

  private func withoutCode(_ markdown: String) -> String {
    var text = ""
    var rest = Substring(markdown)
    while let tick = rest.firstIndex(of: "`") {
      text += rest[..<tick]
      if text.hasSuffix("\\") {
        text += "`"
        rest = rest[rest.index(after: tick)...]
        continue
      }
      let fence = rest[tick...].prefix { $0 == "`" }
      var search = rest[fence.endIndex...]
      var end: Substring.Index?
      while let next = search.firstIndex(of: "`") {
        let run = search[next...].prefix { $0 == "`" }
        if run.count == fence.count {
          end = run.endIndex
          break
        }
        search = search[run.endIndex...]
      }
      guard let end else { return text + rest[tick...] }
      text += "C"
      rest = rest[end...]
    }
    return text + rest
  }

  /// For each line: how it starts, its cells, and the markup that is live in it.
  private func skeleton(_ markdown: String) throws -> [String] {
    withoutCode(markdown).split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var live = ""
      var isEscaped = false
      for character in line.unicodeScalars {
        if isEscaped {
          isEscaped = false
        } else if character == "\\" {
          isEscaped = true
        } else if "|<>`*_#[]~!$&".unicodeScalars.contains(character) {
          live.unicodeScalars.append(character)
        }
      }
      // Numbers' brackets come with every interval; an entity is text.
      return live.replacing("&", with: "")
    }
  }
}
