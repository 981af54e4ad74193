internal import Analysis
internal import ArgumentParser
internal import Foundation
internal import LinuxKit
internal import Model
internal import PlainText
internal import Reports
internal import Store

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Hold one run against another, of this host or of two.",
    discussion: """
      Says how every series that both runs have has changed: its level, B ÷ A, and its overhead, environment ÷ \
      baseline, which a host that is faster altogether does not move. Nothing is measured.

      EXAMPLES
        bench compare latest~1 latest          the last run against the one before
        bench compare here.json there.json     two hosts, by their result files
        bench compare 20261124 latest --report reports
        bench compare latest~1 latest --json - | jq .series

      EXIT STATUS
        0  something could be concluded, be it that nothing changed
        3  nothing could
      """)

  @Argument(
    help: ArgumentHelp(
      "What is held against: a run's id, the beginning of one, 'latest', 'latest~1' (the one before), or a result file "
        + "(bench.run/1).", valueName: "a"))
  var a: String

  @Argument(help: ArgumentHelp("What is held against it, named likewise.", valueName: "b"))
  var b: String

  @Option(help: ArgumentHelp("Of every interval, between 0.5 and 0.9999.", valueName: "share"))
  var confidence = 0.99

  @Option(
    name: .customLong("json"),
    help: ArgumentHelp("Write the comparison (bench.comparison/1) to a file; - is stdout.", valueName: "file"))
  var json: String?

  @Option(
    name: .customLong("report"), help: ArgumentHelp("Write reports to a directory.", valueName: "directory"))
  var directory: String?

  @Option(
    name: .customLong("format"), help: ArgumentHelp("Of the reports: html, markdown, json.", valueName: "a,b"))
  var formats: WordList?

  @OptionGroup var store: StoreOptions

  func validate() throws {
    guard confidence >= 0.5, confidence <= 0.9999 else {
      throw ValidationError("--confidence \(confidence) is not between 0.5 and 0.9999.")
    }
    if formats != nil, directory == nil { throw ValidationError("--format goes with --report.") }
  }

  func run() throws {
    let kinds = try (formats?.words ?? PageFormat.allCases.map(\.rawValue)).map { word throws(UserError) in
      guard let format = PageFormat(rawValue: word) else {
        let hint = Suggestion.nearest(to: word, among: PageFormat.allCases.map(\.rawValue)).map {
          " (did you mean '\($0)'?)"
        }
        throw UserError(
          .usage, "unknown format '\(InertText.name(word))'\(hint ?? "")", remedy: "there are: html, markdown, json")
      }
      return format
    }
    try RunOutputs(json: json, reports: directory, environment: Program.environment).check()
    let comparison: RunComparison
    do throws(UserError) {
      let source = RunSource(storePath: store.resolvedPath)
      comparison = try RunComparing.compare(try source.load(a), try source.load(b), confidence: confidence)
    } catch { throw Self.inert(error) }
    try write(comparison, kinds)
    if !comparison.hasFinding { throw ExitStatusError(status: .inconclusive) }
  }

  /// Names in a result file may hold anything.
  private static func inert(_ error: UserError) -> UserError {
    UserError(
      error.exitCode, error.message.split(separator: "\n").map { InertText.line(String($0)) }.joined(separator: "\n"),
      remedy: error.remedy)
  }

  private func write(_ comparison: RunComparison, _ formats: [PageFormat]) throws {
    let environment = Program.environment
    if json == "-" {
      Console.output(String(decoding: try ComparisonReport.json(comparison), as: UTF8.self))
    } else {
      if let json { try ReportWriter.replace(json, with: try ComparisonReport.json(comparison)) }
      Console.output(
        ComparisonReport.terminal(
          comparison, width: Console.width(environment: environment),
          color: Console.isColored(descriptor: 1, environment: environment)))
    }
    guard let directory else { return }
    let paths = try ComparisonReport.write(comparison, to: directory, formats: formats)
    let list = paths.map { "  \($0)" }.joined(separator: "\n")
    if json == "-" { Console.error("Reports:\n\(list)") } else { Console.output("Reports\n\(list)") }
  }
}
