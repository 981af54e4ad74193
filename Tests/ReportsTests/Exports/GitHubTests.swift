import Foundation
import Model
import PlainText
import Testing

@testable import Reports

@Suite("A night on GitHub: the summary")
struct GitHubSummaryTests {
  @Test("says the verdict first, then the worst")
  func order() throws {
    let text = try NightExport.render(.github, night: ExportNights.regression, runs: [], history: [])
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "## bench nightly: regression")
    #expect(lines[1] == "Worse: udp-rr-spin in veth and slirp, softirqs in bridge.")
    let rows = lines.filter { $0.hasPrefix("| `") }
    #expect(
      rows[0].hasPrefix("| `network-hop/udp-rr-spin/veth/rtt_p50:overhead` | **worse** | 1.21× \\[1.19, 1.23\\] |"))
    #expect(rows[1].hasPrefix("| `network-hop/udp-rr-spin/bridge/softirqs:count` | **worse** | 5 |"))
    #expect(text.contains("| 16 | 1.10× [1.08, 1.12] | \\< 0.0001 | **worse** |"))
    #expect(text.contains("held against `cdcdcdcdcdcd`"))
  }

  @Test("tells what an inconclusive, a blind and a first night lack")
  func others() {
    let inconclusive = GitHubSummary.render(ExportNights.inconclusive)
    #expect(inconclusive.contains("### Objections\n\n- steal of 7 % in 9 of 12 blocks\n"))
    #expect(GitHubSummary.render(ExportNights.blind).contains("Detector self-test: not found."))
    let first = GitHubSummary.render(ExportNights.newEpoch)
    #expect(first.contains("kernel: 6.12.0-1-amd64 → 6.18.0-3-amd64") && first.contains("with no baseline yet"))
    #expect(first.contains("Nothing was screened: 0 of 20 nights are there."))
  }

  @Test("of a night that is too large is cut between series, keeps the worst and says what is missing")
  func cut() throws {
    let text = GitHubSummary.render(ExportNights.large(4_000))
    #expect(text.utf8.count <= 1_048_576 && text.utf8.count > 1_000_000)
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `network-hop/udp-rr-spin/environment") }
    #expect(rows.allSatisfy { $0.hasSuffix(" |") })
    #expect(rows.first?.contains("environment-3999") == true)
    #expect(text.contains("\n\(4_000 - rows.count) of 4000 series are not shown: GitHub's summary holds 1024 KiB."))
    #expect(text.hasSuffix("\n"))
  }

  @Test("stays within its limit, however small lists have to be", arguments: [6_000, 10_000, 50_000])
  func limit(_ limit: Int) {
    var night = ExportNights.large(300)
    night.objections = (0..<500).map { "objection \($0)" }
    night.notes = night.objections
    let text = GitHubSummary.render(night, limit: limit)
    #expect(text.utf8.count <= limit)
    #expect(text.contains(" objections are not shown") || limit > 10_000)
  }

  @Test("lets hostile text add no cell, no line and no heading", arguments: Hostile.texts)
  func hostile(_ text: String) {
    func shape(_ markdown: String) -> [String] {
      markdown.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        if line.hasPrefix("|") {
          // Bars that are no escaped ones.
          var bars = 0
          var isEscaped = false
          for scalar in line.unicodeScalars {
            if scalar == "|" && !isEscaped { bars += 1 }
            isEscaped = scalar == "\\" && !isEscaped
          }
          return "row of \(bars)"
        }
        return line.hasPrefix("#") ? "heading" : line.hasPrefix("- ") ? "item" : line.isEmpty ? "" : "text"
      }
    }
    // Blank text is an empty line where other text is a line.
    let isBlank = InertText.line(text).isEmpty
    func compared(_ text: String) -> [String] {
      shape(GitHubSummary.render(ExportNights.saying(text))).filter { !isBlank || $0 != "text" && !$0.isEmpty }
    }
    #expect(compared(text) == compared("tame"))
  }
}

@Suite("A night on GitHub: annotations")
struct GitHubAnnotationTests {
  /// A command as the runner reads it: kind, title and message.
  private struct Command: Equatable {
    var kind: String
    var title: String
    var message: String

    init(_ line: Substring) throws {
      // src/Runner.Common/ActionCommand.cs: up to the first space the command, up to the next "::" its properties, parted
      // by commas.
      try #require(line.hasPrefix("::"))
      let rest = line.dropFirst(2)
      let end = try #require(rest.range(of: "::"))
      let head = rest[..<end.lowerBound].split(separator: " ", maxSplits: 1)
      kind = String(head[0])
      let properties = head[1].split(separator: ",")
      try #require(properties.count == 1 && properties[0].hasPrefix("title="))
      func plain(_ text: some StringProtocol) -> String {
        text.replacingOccurrences(of: "%0D", with: "\r").replacingOccurrences(of: "%0A", with: "\n")
          .replacingOccurrences(of: "%3A", with: ":").replacingOccurrences(of: "%2C", with: ",")
          .replacingOccurrences(of: "%25", with: "%")
      }
      title = plain(properties[0].dropFirst("title=".count))
      message = plain(rest[end.upperBound...])
    }
  }

  private func commands(_ night: NightResult) throws -> [Command] {
    let text = try NightExport.render(.annotations, night: night, runs: [], history: [])
    #expect(text.isEmpty || text.hasSuffix("\n"))
    // At every line feed: to Swift it may be half of another character.
    return try text.unicodeScalars.split(separator: "\n").map { try Command(Substring($0)) }
  }

  @Test("has an error for each regression, with its numbers")
  func regression() throws {
    let commands = try commands(ExportNights.regression)
    let errors = commands.filter { $0.kind == "error" }
    #expect(
      errors.map(\.title) == [
        "worse: round trip p50 of udp-rr-spin in veth (network-hop)",
        "worse: round trip p50 of udp-rr-spin in slirp (network-hop)",
        "worse: network softirqs per round trip of udp-rr-spin in bridge (network-hop), count",
      ])
    #expect(
      errors[0].message.hasPrefix("today's ÷ the pinned worker's 1.10× [1.08, 1.12], n = 16, p < 0.0001 (Holm); "))
    #expect(
      Set(commands.filter { $0.kind == "warning" }.map { String($0.title.prefix { $0 != ":" }) }) == [
        "moved", "changed level",
      ])
  }

  @Test("warns of what is open, makes one error of a blind night, and is of no error where nothing is worse")
  func others() throws {
    #expect(!(try commands(ExportNights.clean)).contains { $0.kind == "error" })
    let inconclusive = try commands(ExportNights.inconclusive).filter { $0.kind == "warning" }
    #expect(inconclusive[0].title == "bench nightly: inconclusive")
    #expect(inconclusive.contains { $0.title.hasPrefix("not confirmed tonight: ") })
    let blind = try commands(ExportNights.blind)
    #expect(blind.map(\.kind) == ["error"] && blind[0].title == "bench nightly: detector blind")
    #expect(
      try commands(ExportNights.newEpoch).contains { $0.kind == "notice" && $0.title == "bench nightly: epoch 3" })
    let unnamed = try commands(ExportNights.verdict(.regression, "Worse, somehow."))
    #expect(unnamed.first?.message == "Worse, somehow." && unnamed.first?.kind == "error")
  }

  @Test("stay at ten of a kind; the last says how many more there are", arguments: [9, 10, 11, 500])
  func most(_ count: Int) throws {
    let night = ExportNights.verdict(.regression, "many") { night in
      night.confirmations = (0..<count).map { ExportNights.confirmation("e\($0)", 1.1, isWorse: true) }
      night.series = []
      night.changePoints = []
      night.objections = (0..<count).map { "objection \($0)" }
    }
    let commands = try commands(night)
    for kind in ["error", "warning"] {
      let own = commands.filter { $0.kind == kind }
      #expect(own.count == min(10, count))
      #expect(own.last?.title == (count > 10 ? "bench nightly: \(count - 9) more" : own.last?.title))
      #expect(own.last?.title.contains(" more") == (count > 10))
    }
  }

  @Test(
    "let hostile text make no command and no property",
    arguments: Hostile.texts + ["::error::x", "%0A::error::x", "a,file=b:c", "##[error]x", ":\u{301}:,\u{301}"])
  func hostile(_ text: String) throws {
    let commands = try commands(ExportNights.saying(text))
    let tame = try self.commands(ExportNights.saying("tame"))
    #expect(commands.map(\.kind) == tame.map(\.kind))
    let objection = InertText.line(text)
    #expect(commands.contains { $0.title == "bench nightly: objection" && $0.message == objection })
  }
}
