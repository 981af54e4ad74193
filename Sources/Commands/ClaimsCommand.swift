internal import Analysis
public import ArgumentParser
internal import Environments
internal import Foundation
internal import Harness
internal import Model
internal import PlainText
public import Reports
internal import Scenarios
internal import Store

struct ClaimsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "claims", abstract: "Say how each claim of the article stands on this host.",
    discussion: """
      Nothing is measured: the stored runs are analysed again. Of each scenario the newest completed runs of this host \
      (by its name, kernel and processor) are looked at, and each claim has the verdict of the newest that could give \
      one. Where there is none yet, the command that would settle it is named.

      EXAMPLES
        bench claims
        bench claims --verdict open,inconclusive
        bench claims --scenario network-hop,cow-io --report reports
        bench claims --json - | jq '.claims[] | {id: .claim.id, verdict}'
      """)

  @OptionGroup var store: StoreOptions

  @Option(
    name: .customLong("scenario"),
    help: ArgumentHelp("Only the claims that these scenarios measure, by name.", valueName: "a,b"))
  var scenarios: [WordList] = []

  @Option(
    name: .customLong("verdict"),
    help: ArgumentHelp("Only these: supported, refuted, inconclusive, unavailable, open.", valueName: "a,b"))
  var verdicts: [WordList] = []

  @Option(help: ArgumentHelp("What is written to stdout.", valueName: "name"))
  var format: LedgerFormat = .text

  @Option(
    name: .customLong("report"),
    help: ArgumentHelp("Write claims.html, claims.md and claims.json there, too.", valueName: "directory"))
  var directory: String?

  @Option(
    name: .customLong("json"),
    help: ArgumentHelp("Write the ledger (bench.claims-ledger/1) to a file; - is stdout.", valueName: "file"))
  var json: String?

  func validate() throws {
    if json == "-" && format != .text && format != .json {
      throw ValidationError("--json - and --format \(format.rawValue) both write to stdout: choose one.")
    }
  }

  func run() throws {
    try RunOutputs(json: json, reports: directory, environment: Program.environment).check()
    let shown = try wantedVerdicts()
    let ledger = try ledger()
    let report = shown.map(ledger.showing) ?? ledger
    if let json, json != "-" { try ReportWriter.replace(json, with: try report.json()) }
    let format = json == "-" ? .json : format
    switch format {
    case .text:
      Console.output(
        report.text(
          width: Console.width(environment: Program.environment),
          color: Console.isColored(descriptor: 1, environment: Program.environment)))
    case .markdown: Console.output(report.markdown())
    case .json: Console.output(String(decoding: try report.json(), as: UTF8.self))
    case .html: Console.output(try report.html())
    }
    guard let directory else { return }
    let list = try report.write(to: directory).map { "  \($0)" }.joined(separator: "\n")
    if format == .text { Console.output("Reports\n\(list)") } else { Console.error("Reports:\n\(list)") }
  }

  /// nil shows all.
  private func wantedVerdicts() throws(UserError) -> [ClaimsLedger.Verdict]? {
    guard let words = verdicts.words else { return nil }
    let all = ClaimsLedger.Verdict.allCases.map(\.rawValue)
    var verdicts: [ClaimsLedger.Verdict] = []
    for word in words {
      guard let verdict = ClaimsLedger.Verdict(rawValue: word) else {
        let hint = Suggestion.nearest(to: word, among: all).map { " (did you mean '\($0)'?)" } ?? ""
        throw UserError(
          .usage, "unknown verdict '\(InertText.name(word))'\(hint)",
          remedy: "there are: \(all.joined(separator: ", "))")
      }
      verdicts.append(verdict)
    }
    return verdicts
  }

  private func ledger() throws(UserError) -> LedgerReport {
    let catalogue = ScenarioSource.catalogue
    var claims = try catalogue.claims().claims
    let known = try knownScenarios(catalogue)
    if scenarios.words != nil {
      let measured = Set(known.values.flatMap { $0.claims.map(\.id) })
      claims.removeAll { !measured.contains($0.id) }
    }
    let facts = HostProbe.facts(processors: nil, isNetwork: false)
    var builder = LedgerBuilder(claims: claims, scenarios: known, host: HostFingerprint(facts))
    // Where nothing has been measured yet there is no store: every claim is open then.
    guard FileManager.default.fileExists(atPath: store.resolvedPath) else {
      if store.path != nil { Console.error("There is no store at \(store.resolvedPath): no runs to go by.") }
      return builder.report()
    }
    let runs = try RunStore.openReadOnly(path: store.resolvedPath)
    for listing in try runs.runs() where builder.shouldRead(scenario: listing.scenario, exit: listing.exit) {
      let stored = try runs.run(listing.id)
      if builder.shouldAnalyze(stored.record) { builder.add(RunAnalysis.analyze(stored)) }
    }
    return builder.report()
  }

  /// The scenarios that count, by the name that `bench run` takes. One that is not valid is told, and does not count.
  private func knownScenarios(_ catalogue: ScenarioCatalogue) throws(UserError) -> [String: Scenario] {
    let entries = catalogue.entries(knownEnvironments: EnvironmentRegistry.names)
    var known: [String: Scenario] = [:]
    if let words = scenarios.words {
      for word in words {
        let path = try catalogue.resolve(word)
        guard let entry = entries.first(where: { $0.name == word || $0.path == path }) else {
          known[word] = try ScenarioSource.load(word)
          continue
        }
        switch entry.content {
        case .success(let scenario): known[entry.name] = scenario
        case .failure(let error): throw error
        }
      }
      return known
    }
    for entry in entries {
      switch entry.content {
      case .success(let scenario): known[entry.name] = scenario
      case .failure:
        Console.error("\(entry.name) is not valid and does not count: see 'bench validate \(entry.path)'.")
      }
    }
    return known
  }
}

extension LedgerFormat: ExpressibleByArgument {}
