import Foundation
import Model
import Testing

@testable import Reports

@Suite("The ladder")
struct LadderTests {
  typealias Format = EveryFormatTests.Format

  private func text(_ format: Format, _ result: RunResult) throws -> String {
    try format.text(result).replacing(/[ \u{A0}\n]+/, with: " ")
  }

  @Test("has each rung against the one below and against the baseline, and what it adds", arguments: Format.allCases)
  func rungs(format: Format) throws {
    let text = try text(format, Synthetic.ladder)
    for part in [
      // bridge: over veth, and over native.
      "1.25×", "[1.23, 1.26]", "1.71", "[1.61, 1.81]", "1.47×", "[1.44, 1.49]", "2.73", "[2.60, 2.86]",
      "a second veth pair and a Linux bridge",
    ] {
      #expect(text.contains(part), "\(format) lacks \(part)")
    }
  }

  @Test("composes to the whole, with what is left over in % and in the unit", arguments: Format.allCases)
  func closing(format: Format) throws {
    #expect(
      try text(format, Synthetic.ladder).contains(
        "The steps compose to 2.28× and +7.44 µs; measured from bottom to top: 2.27× [2.24, 2.30] and "
          + "+7.44 µs [7.24, 7.64]; residual 0.4 % and 0.003 µs."))
  }

  @Test("lists rungs that could not run, and why", arguments: Format.allCases)
  func unavailable(format: Format) throws {
    let text = try text(format, Synthetic.ladder)
    #expect(text.contains("– unavailable: crun refuses to start on hybrid cgroups"))
    #expect(text.contains("– unavailable: runsc is not installed"))
    // The remedy stands at the head alone.
    #expect(text.ranges(of: "bench doctor --fix installs it").count == 1)
    let remedy = try #require(text.range(of: "bench doctor --fix installs it"))
    let rung = try #require(text.range(of: "– unavailable: runsc is not installed"))
    #expect(remedy.lowerBound < rung.lowerBound)
  }

  @Test("says over what a step leads that is not the rung right below")
  func gap() throws {
    let presentation = Presentation(
      Variants.changed { result in
        result.environments[2].unavailable = "the kernel has no veth devices"
        result.series.removeAll { $0.environment == "veth" }
        result.ladders[0].steps = [
          Fixture.step("native", "netns", "a namespace", (0.914, 0.898, 0.927)),
          Fixture.step("netns", "bridge", "a bridge", (1.425, 1.4, 1.45)),
        ]
      })
    let rungs = presentation.ladder("udp-rr-spin").rungs
    #expect(rungs.map(\.layer) == ["", "a namespace", "a veth pair", "a bridge (over netns)"])
    #expect(rungs[2].unavailable == "the kernel has no veth devices")
  }

  @Test("without a step says so, and without any is a plain table")
  func incomplete() {
    let missing = Presentation(
      Variants.changed {
        $0.ladders[0].ratioResidual = nil; $0.ladders[0].differenceResidual = nil
      })
    #expect(
      missing.ladder("udp-rr-spin").closing == "The ladder lacks a step, so its steps do not compose to the whole.")
    let none = Presentation(Variants.changed { $0.ladders = [] }).ladder("udp-rr-spin")
    #expect(!none.hasSteps && none.closing == nil && none.rungs.count == 4)
  }

  @Test("of CPU stands beside that of time")
  func further() throws {
    let further = Presentation(Synthetic.ladder).furtherLadders("udp-rr-spin")
    #expect(further.map(\.table.metric) == [.totalCPU])
    #expect(MarkdownReport.render(Synthetic.ladder).contains("The ladder by CPU per round trip"))
    #expect(try HTMLReport.render(Synthetic.ladder).contains("The ladder by CPU per round trip"))
  }

  @Test("holds where a rung is far off: the chart turns logarithmic")
  func logarithmic() throws {
    #expect(try HTMLReport.render(Synthetic.slope).contains("as a ratio to veth; logarithmic"))
    #expect(try !HTMLReport.render(Synthetic.ladder).contains("; logarithmic"))
  }

  @Test("equals its golden", arguments: [80, 160])
  func terminal(width: Int) throws {
    try expectGolden(
      section(TerminalTable.render(Synthetic.ladder, width: width, color: false), "udp-rr-spin", "\nClaims"),
      "ladder-\(width).txt")
  }

  @Test("equals its golden in Markdown")
  func markdown() throws {
    try expectGolden(section(MarkdownReport.render(Synthetic.ladder), "## Workload", "\n## All series"), "ladder.md")
  }

  @Test("equals its golden in HTML")
  func html() throws {
    let html = try section(
      HTMLReport.render(Synthetic.ladder), "<table class=\"stack rungs\">", "<div class=\"figures\">")
    try expectGolden(html, "ladder.html")
  }
}

/// What stands between two texts, the first one included.
func section(_ text: String, _ start: String, _ end: String) throws -> String {
  let from = try #require(text.range(of: start))
  let to = try #require(text.range(of: end, range: from.upperBound..<text.endIndex))
  return String(text[from.lowerBound..<to.lowerBound]) + "\n"
}
