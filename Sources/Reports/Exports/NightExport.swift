public import Model

/// A night, rendered for other programs. Pure: the same night gives the same bytes.
public enum NightExport {
  /// Renders `night` as a whole document, ending in a newline.
  /// - Parameters:
  ///   - runs: the analysed runs of the suite, in its order; only ``ExportFormat/benchstat`` and
  ///     ``ExportFormat/hyperfine``, which give every block, read them.
  ///   - history: the series as `bench history` shows them, only ``ExportFormat/otava`` reads them. Tonight's values are
  ///     added where they are not in it yet.
  /// - Throws: `.internalError` if the document cannot be written.
  public static func render(
    _ format: ExportFormat, night: NightResult, runs: [RunResult], history: [HistoryView]
  ) throws(UserError) -> String {
    switch format {
    case .junit: JUnitNight.render(night)
    case .github: GitHubSummary.render(night)
    case .annotations: GitHubAnnotations.render(night)
    case .openmetrics: OpenMetricsExport.render(night)
    case .otava: OtavaTable(history: history, night: night).csv
    case .benchstat: GoBenchmarks.render(runs)
    case .hyperfine: try HyperfineJSON.render(runs)
    }
  }

  /// The definition of a test, `otava.yaml`, by which Apache Otava reads what ``render(_:night:runs:history:)`` gives for
  /// ``ExportFormat/otava``: a CSV file has no room for it.
  /// - Parameter file: the path of the CSV file, as Otava is to open it.
  public static func otavaConfiguration(
    night: NightResult, history: [HistoryView], file: String = ExportFormat.otava.fileName
  ) -> String {
    OtavaTable(history: history, night: night).configuration(file: file)
  }
}

/// A run, rendered for other programs that can do something with one run alone.
public enum RunExport {
  /// Renders `run` as a whole document, ending in a newline.
  /// - Throws: `.usage` for a format that is about a night's verdicts; `.internalError` if the document cannot be written.
  public static func render(_ format: ExportFormat, run: RunResult) throws(UserError) -> String {
    switch format {
    case .openmetrics: OpenMetricsExport.render(run)
    case .otava: OtavaTable(run: run).csv
    case .benchstat: GoBenchmarks.render([run])
    case .hyperfine: try HyperfineJSON.render([run])
    case .junit:
      throw UserError(
        .usage, "'junit' has one case a series of a night, and a single run is held against no history",
        remedy: "For the claims and controls of a run: bench report RUN --format junit")
    case .github:
      throw UserError(
        .usage, "'github' is the summary of a night, and a single run is held against no history",
        remedy: "For a run in GitHub's Markdown: bench report RUN --format markdown")
    case .annotations:
      throw UserError(
        .usage, "'annotations' are a night's regressions and warnings, and a single run is held against no history",
        remedy: "Known for a run: \(ExportFormat.allCases.filter(\.isOfRuns).map(\.rawValue).joined(separator: ", "))")
    }
  }
}
