internal import Analysis
internal import ArgumentParser
internal import Foundation
internal import Model
internal import PlainText
internal import Reports
internal import Store

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Write the reports of runs and nights again.",
    discussion: """
      Nothing is measured. Prints the paths of what was written.

      EXAMPLES
        bench report latest                       HTML, Markdown and JSON
        bench report latest --format junit,csv    for a CI server or a spreadsheet
        bench report 20261124-0901 20261124-1540  two runs, by beginnings of ids
        bench report there.json                   from a result file
        bench report --index                      an index page of all stored runs
      """)

  @Argument(
    help: ArgumentHelp(
      "Ids of runs, the beginnings of some, 'latest', 'latest~1' (the one before), result files (bench.run/1), or whole "
        + "ids of nights.",
      valueName: "run"))
  var runs: [String] = []

  @OptionGroup var store: StoreOptions

  @Option(name: .customLong("report"), help: ArgumentHelp("Where the reports go.", valueName: "directory"))
  var directory = "reports"

  @Option(
    name: .customLong("format"),
    help: ArgumentHelp(
      "\(ReportFormat.allCases.map(\.rawValue).joined(separator: ", ")) (default: "
        + "\(ReportFormat.standard.map(\.rawValue).joined(separator: ","))).", valueName: "a,b"))
  var formats: [WordList] = []

  @Flag(
    name: .customLong("index"),
    help: "Write index.html, too: all stored runs, with what reports of them are in the directory.")
  var hasIndex = false

  func validate() throws {
    if runs.isEmpty && !hasIndex {
      throw ValidationError("Name a run, or 'latest'. 'bench list --runs' lists what is stored.")
    }
    if runs.isEmpty && !formats.isEmpty { throw ValidationError("--format says how to write runs; none is named.") }
  }

  func run() throws {
    let kinds = try formats.words.map { try $0.map(Self.format) } ?? ReportFormat.standard
    // All are found before anything is written.
    let source = RunSource(storePath: store.resolvedPath)
    let subjects = try runs.map { name in
      try source.night(name).map(Subject.night) ?? .run(try source.load(name))
    }
    for subject in subjects {
      let paths =
        switch subject {
        case .run(let result): try ReportWriter.write(result, to: directory, formats: kinds)
        case .night(let night): try NightReport.write(night, to: directory, formats: try Self.nightFormats(kinds))
        }
      Console.output(paths.joined(separator: "\n"))
    }
    if hasIndex { Console.output(try writeIndex(try RunStore.openReadOnly(path: store.resolvedPath))) }
  }

  private enum Subject {
    case run(RunResult)
    case night(NightResult)
  }

  private static func nightFormats(_ kinds: [ReportFormat]) throws(UserError) -> [PageFormat] {
    try kinds.map { kind throws(UserError) in
      guard let format = PageFormat(rawValue: kind.rawValue) else {
        throw UserError(
          .usage, "a night has no report in the format '\(kind.rawValue)'",
          remedy:
            "there are: \(PageFormat.allCases.map(\.rawValue).joined(separator: ", ")); for other programs there is "
            + "'bench nightly --export'")
      }
      return format
    }
  }

  private static func format(_ word: String) throws(UserError) -> ReportFormat {
    if let format = ReportFormat(rawValue: word) { return format }
    let all = ReportFormat.allCases.map(\.rawValue)
    let hint = Suggestion.nearest(to: word, among: all).map { " (did you mean '\($0)'?)" }
    throw UserError(
      .usage, "unknown format '\(InertText.name(word))'\(hint ?? "")",
      remedy: "there are: \(all.joined(separator: ", "))")
  }

  /// - Returns: the page's path.
  private func writeIndex(_ stored: RunStore) throws -> String {
    let entries = try stored.runs().map { listing in
      let result = RunAnalysis.analyze(try stored.run(listing.id))
      return IndexEntry(result, links: ReportWriter.existing(result, in: directory))
    }
    if entries.isEmpty {
      throw UserError(
        .usage, "no runs are stored in \(store.resolvedPath)", remedy: "begin with 'bench run network-hop'")
    }
    try ReportWriter.prepare(directory)
    let path = "\(directory)/index.html".replacing("//", with: "/")
    try ReportWriter.replace(path, with: Data(try IndexPage.render(entries).utf8))
    return path
  }
}
