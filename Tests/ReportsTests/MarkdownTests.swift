import Foundation
import Model
import Testing

@testable import Reports

@Suite("The Markdown report")
struct MarkdownTests {
  @Test("equals its golden")
  func golden() throws {
    try expectGolden(MarkdownReport.render(Fixture.result), "report.md")
  }

  @Test(
    "has rectangular tables",
    arguments: [
      Fixture.result, Variants.empty, Variants.unavailableEnvironment, Variants.notes, Variants.troubled,
      Variants.withoutCapture, Synthetic.ladder, Synthetic.stream, Synthetic.open, Synthetic.exec, Synthetic.slope,
    ])
  func tables(result: RunResult) {
    var columns: Int?
    for line in MarkdownReport.render(result).split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("|") else {
        columns = nil
        continue
      }
      let cells = line.replacing("\\|", with: "").ranges(of: "|").count - 1
      if let columns { #expect(cells == columns, "\(line)") }
      columns = cells
    }
  }

  @Test("tells how to repeat the run")
  func method() {
    let text = MarkdownReport.render(Fixture.result)
    let run = Fixture.result.run
    for part in ["`\(run.command)`", "`\(run.seed)`", "`\(run.workerSHA256)`", "Retpolines", "| exit | completed |"] {
      #expect(text.contains(part), "it lacks \(part)")
    }
  }
}
