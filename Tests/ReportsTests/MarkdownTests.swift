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

  @Test("does not say that an effect would have shown where the estimate lies beyond it")
  func beyondDetection() {
    let result = Variants.changed { result in
      for index in result.series.indices where result.series[index].environment == "veth" {
        result.series[index].ratio = Fixture.ratio(1.17, 0.998, 1.2)
        result.series[index].direction = .undecided
      }
    }
    let answer = Presentation(result).answer.joined(separator: "\n")
    let sentence = "it takes 1.17× as long as in native (1.00 to 1.20), but that is undecided: blocks disagree."
    #expect(answer.contains(sentence), "\(answer)")
    #expect(!MarkdownReport.render(result).contains("would have shown"))
  }

  @Test("shows its figures where it is told where they are, and else none")
  func figures() throws {
    let document = MarkdownReport.document(Fixture.result, figures: "report-figures")
    let pattern = /!\[(.*)\]\(report-figures\/([a-z0-9-]+)\.svg\)\n/
    let images = document.text.matches(of: pattern)
    #expect(images.map { String($0.2) } == document.figures.map(\.id))
    for (image, figure) in zip(images, document.figures) {
      #expect(String(image.1).replacing("\\", with: "") == figure.picture.title)
    }
    #expect(Set(document.figures.map(\.id)).count == 13)
    #expect(document.figures.map(\.id).starts(with: ["control", "ladder-0", "percentiles-0", "trials-0"]))
    #expect(!MarkdownReport.render(Fixture.result).contains("!["))
    // The same ones, by the same names, as on the page.
    let html = try HTMLReport.render(Fixture.result)
    for figure in document.figures { #expect(html.contains("<figure id=\"\(figure.id)\"")) }
  }

  @Test("without figures says the same as with them, but for what they bring along")
  func text() {
    let plain = MarkdownReport.render(Fixture.result).split(separator: "\n")
    let lines = Set(MarkdownReport.render(Fixture.result, figures: "f").split(separator: "\n"))
    for line in plain { #expect(lines.contains(line), "\(line)") }
  }

  @Test(
    "has rectangular tables",
    arguments: [
      Fixture.result, Variants.empty, Variants.unavailableEnvironment, Variants.notes, Variants.troubled,
      Variants.withoutCapture, Synthetic.ladder, Synthetic.stream, Synthetic.open, Synthetic.exec, Synthetic.slope,
    ])
  func tables(result: RunResult) {
    var columns: Int?
    let text = MarkdownReport.render(result, figures: "figures")
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
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
