import Model
import Testing

@testable import Reports

/// What docs/exports.md shows is out of these files.
@Suite("Exports of a night")
struct ExportGoldenTests {
  @Test("are what they were", arguments: ExportFormat.allCases)
  func goldens(_ format: ExportFormat) throws {
    var run = Fixture.result
    run.series = run.series.filter { [.rttP50, .rttP99].contains($0.metric) }
    let history = ExportNights.history(6)
    try expectGolden(
      NightExport.render(format, night: ExportNights.regression, runs: [run], history: history),
      "night-\(format.fileName)")
  }

  @Test("come with the definition that Otava takes")
  func otava() throws {
    try expectGolden(
      NightExport.otavaConfiguration(night: ExportNights.regression, history: ExportNights.history(6)),
      "night-otava.yaml")
  }
}
