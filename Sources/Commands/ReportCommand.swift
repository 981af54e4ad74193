internal import ArgumentParser
internal import Model
internal import Reports

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Write the reports of a stored run again.")

  @OptionGroup var stored: StoredRunOptions

  @Option(name: .customLong("report"), help: ArgumentHelp("Where the reports go.", valueName: "directory"))
  var directory = "reports"

  @Option(name: .customLong("format"), help: ArgumentHelp("html, markdown, json.", valueName: "a,b"))
  var formats: WordList?

  func run() throws {
    let kinds = try (formats?.words ?? ReportFormat.allCases.map(\.rawValue)).map { word throws(UserError) in
      guard let format = ReportFormat(rawValue: word) else {
        let hint = Suggestion.nearest(to: word, among: ReportFormat.allCases.map(\.rawValue)).map {
          " (did you mean '\($0)'?)"
        }
        throw UserError(.usage, "unknown format '\(word)'\(hint ?? "")", remedy: "there are: html, markdown, json")
      }
      return format
    }
    let result = try stored.analyze()
    let paths = try ReportWriter.write(result, to: directory, formats: kinds)
    Console.output(paths.joined(separator: "\n"))
  }
}
