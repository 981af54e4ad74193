/// A form in which other programs read a night or a run. What each is for, and how to wire it, is in docs/exports.md.
public enum ExportFormat: String, CaseIterable, Sendable {
  /// JUnit's XML, one case a series: Jenkins, GitLab, GitHub's reporters, and others that show tests.
  case junit
  /// GitHub's Markdown, for `$GITHUB_STEP_SUMMARY`.
  case github
  /// GitHub's workflow commands, for the standard output of a step: errors and warnings beside the run.
  case annotations
  /// OpenMetrics 1.0, that the Prometheus text format's parsers read as well: node_exporter's textfile collector, GitLab's
  /// metrics report.
  case openmetrics
  /// The history as a CSV file that Apache Otava imports, one row a night.
  case otava
  /// Go's benchmark format, one line a block: benchstat.
  case benchstat
  /// hyperfine's JSON, one time a block: what plots and compares its results.
  case hyperfine

  /// The name that the file has where no other was asked for.
  public var fileName: String {
    switch self {
    case .junit: "junit.xml"
    case .github: "summary.md"
    case .annotations: "annotations.txt"
    // node_exporter reads files of this suffix alone.
    case .openmetrics: "bench.prom"
    case .otava: "otava.csv"
    case .benchstat: "benchstat.txt"
    case .hyperfine: "hyperfine.json"
    }
  }

  /// One phrase: who reads it.
  public var purpose: String {
    switch self {
    case .junit: "JUnit XML, one case a series, for services that show tests"
    case .github: "Markdown for GitHub's step summary"
    case .annotations: "workflow commands that annotate a run on GitHub"
    case .openmetrics: "OpenMetrics text, for node_exporter's textfile collector and GitLab"
    case .otava: "CSV of the history, for Apache Otava"
    case .benchstat: "Go's benchmark format, one line a block, for benchstat"
    case .hyperfine: "hyperfine's JSON, one time a block, for what reads hyperfine"
    }
  }

  /// Whether one run alone, without a night around it, can be rendered so: see ``RunExport``.
  public var isOfRuns: Bool {
    switch self {
    case .openmetrics, .otava, .benchstat, .hyperfine: true
    case .junit, .github, .annotations: false
    }
  }
}
