import Foundation
import Model
import PlainText
import Testing

@testable import Reports

@Suite("The terminal table")
struct TerminalTests {
  @Test("equals its golden", arguments: [80, 120])
  func golden(width: Int) throws {
    try expectGolden(TerminalTable.render(Fixture.result, width: width, color: false), "terminal-\(width).txt")
  }

  @Test("of a failed control equals its golden")
  func goldenOfFailedControl() throws {
    try expectGolden(
      TerminalTable.render(Variants.failedControl, width: 80, color: false), "terminal-80-failed-control.txt")
  }

  @Test("never exceeds the width", arguments: [1, 40, 55, 60, 72, 80, 81, 99, 100, 120, 140, 160, 500])
  func width(width: Int) {
    let results = [
      Fixture.result, Variants.failedControl, Variants.interrupted, Variants.unavailableEnvironment, Variants.empty,
      Variants.notes, Variants.injected, Variants.troubled, Variants.oneTrial, Variants.blocking,
      Variants.withoutCapture,
    ]
    for result in results {
      let texts = [
        TerminalTable.render(result, width: width, color: false),
        TerminalTable.waterfalls(result, width: width, color: false),
      ]
      for line in texts.flatMap({ $0.split(separator: "\n") }) {
        #expect(String(line).terminalWidth <= max(40, min(160, width)), "\(line)")
      }
    }
  }

  @Test("says the same with colour as without")
  func color() {
    let plain = TerminalTable.render(Fixture.result, width: 100, color: false)
    let colored = TerminalTable.render(Fixture.result, width: 100, color: true)
    #expect(colored.contains("\u{1B}["))
    let stripped = colored.replacing(/\x{1B}\[[0-9;]*m/, with: "")
      .split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.replacing(/\s+$/, with: "") }.joined(separator: "\n")
    #expect(stripped == plain)
  }

  @Test("gives long environment names a line of their own before it gives up the table")
  func longNames() {
    let result = Variants.changed { result in
      for index in result.environments.indices where result.environments[index].name == "bridge" {
        result.environments[index].name = "docker-bridge-with-filter"
      }
      for index in result.series.indices where result.series[index].environment == "bridge" {
        result.series[index].environment = "docker-bridge-with-filter"
      }
    }
    let text = TerminalTable.render(result, width: 80, color: false)
    #expect(text.contains("\n  docker-bridge-with-filt…\n"))
    #expect(text.contains("p50    10.60  1.30× [1.28, 1.33]"))
  }

  @Test("gives every verdict a word and a shape")
  func verdicts() {
    for (verdict, words) in [
      (ClaimResult.Verdict.supported, "✓ supported"), (.refuted, "✗ refuted"), (.inconclusive, "? inconclusive"),
      (.unavailable, "– unavailable"),
    ] {
      let result = Variants.changed { $0.claims[0].verdict = verdict }
      #expect(TerminalTable.render(result, width: 80, color: false).contains(words))
    }
  }
}
