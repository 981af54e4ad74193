internal import Analysis
internal import ArgumentParser
internal import Model
internal import Store

/// What `analyze` and `report` share: a stored run, analysed again.
struct StoredRunOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("A run's id, the beginning of one, or 'latest'.", valueName: "run"))
  var run: String

  @OptionGroup var store: StoreOptions

  /// Computes everything again from the stored trials.
  func analyze() throws(UserError) -> RunResult {
    RunAnalysis.analyze(try RunStore.openReadOnly(path: store.resolvedPath).run(run))
  }
}

struct AnalyzeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "analyze", abstract: "Compute a stored run's result again from its trials.",
    discussion: "Nothing is measured: the same trials give the same numbers.")

  @OptionGroup var stored: StoredRunOptions

  @Option(
    name: .customLong("json"),
    help: ArgumentHelp("Write the result (bench.run/1) to a file; - is stdout.", valueName: "file"))
  var json: String?

  func run() throws {
    let outputs = RunOutputs(json: json, reports: nil, environment: Program.environment)
    try outputs.check()
    let result = try stored.analyze()
    try outputs.write(result)
    // That the run was interrupted is no failure of the analysis; that it bears no verdict is told as after any run.
    if RunCommand.isInconclusive(result) { throw ExitStatusError(status: .inconclusive) }
  }
}
