internal import ArgumentParser
internal import Doctor
internal import Environments
internal import Foundation
internal import Harness
internal import LinuxKit
internal import Model
internal import Nightly
internal import Reports
internal import Scenarios
internal import Store

struct NightlyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nightly", abstract: "The regression job: measure a suite, hold it against its history, and confirm.",
    discussion: """
      Looks at the host, measures the suite, tests its own detector with a slowdown put in on purpose, screens every \
      series against the nights before, and holds a worker that is not the pinned one against that, in 16 fresh blocks. \
      A night that is killed or interrupted is gone on with by the next start, or starts clean; only a finished one counts.

      EXAMPLES
        sudo bench nightly                 the suite that comes with bench
        bench nightly --dry-run            what it would do, and how long it takes
        sudo bench nightly --suite ./nightly.yaml --budget 30min
        sudo bench nightly --export junit=night.xml --export openmetrics=bench.prom

      EXIT STATUS
        0    clean, or a new epoch began
        1    a regression that was confirmed, or an environment that is missing
        3    no verdict could be had
        65   a bad suite, baseline or store
        69   the host lacks something, or another night goes on
        70   the detector is blind
        130  interrupted; the next start goes on
      """)

  @Option(help: ArgumentHelp("A suite, by name or by path.", valueName: "file"))
  var suite = "nightly"

  @Option(
    help: ArgumentHelp(
      "What tonight's worker is held against: last-good, a night, a run, or a worker's file.", valueName: "name"))
  var baseline = "last-good"

  @Option(help: ArgumentHelp("The whole night ends within this (default: the suite's).", valueName: "duration"))
  var budget: DurationArgument?

  @Option(help: ArgumentHelp("How long to wait for another night to end.", valueName: "duration"))
  var wait: DurationArgument?

  @Flag(help: "Say what it would do and how long that takes, and do nothing.")
  var dryRun = false

  @Option(
    name: .customLong("export"),
    help: ArgumentHelp(
      "Write the night for another tool: junit, github, annotations, openmetrics, otava, benchstat or hyperfine; - is "
        + "stdout.", valueName: "format=file"))
  var exports: [String] = []

  @Option(
    name: .customLong("json"),
    help: ArgumentHelp(
      "Write the night (bench.night/1) to a file; - is stdout, and then nothing else is.", valueName: "file"))
  var json: String?

  @OptionGroup var session: SessionOptions

  func validate() throws {
    let toStdout = exports.count { $0.hasSuffix("=-") } + (json == "-" ? 1 : 0)
    if toStdout > 1 { throw ValidationError("Only one of --json and --export can go to stdout.") }
    if session.seed == 0 { throw ValidationError("--seed takes a number from 1.") }
  }

  func run() throws {
    let environment = Program.environment
    let targets = try exports.map { text throws(UserError) in try ExportTarget(parsing: text) }
    let worker = try WorkerBinary.locate(environment: environment, program: Program.executable)
    let plan = try plan()
    let budget = try checkedBudget(plan, worker)
    if dryRun { return try describe(plan, worker, budget) }
    // Before any thread is started, so that the signals are blocked in all of them.
    let interruption = try Interruption()
    let processors = try session.processors()
    try session.outputs(json: json).check()
    for target in targets where target.path != "-" { try target.check() }
    let runs = try session.store.open()
    let lock = try NightLock.take(
      beside: runs.path, wait: Double(wait?.milliseconds ?? 0) / 1000, interruption: interruption
    ) { say($0) }
    defer { extendLifetime(lock) }
    let journals = Journal.defaultDirectory(environment: environment)
    try Housekeeping.sweep(journals: journals, store: runs, isQuiet: session.quiet)
    try examine(environment, journals)
    let choice = try BaselineSource(store: session.store).choice(baseline)
    let progress = ProgressDisplay(isQuiet: session.quiet, environment: environment)
    let controller = NightController(
      plan: plan, worker: worker, processors: processors, store: runs, journalDirectory: journals,
      budgetSeconds: budget, baseline: choice, interruption: interruption, version: BenchCommand.version,
      command: repetition(plan)
    ) { event in
      switch event {
      case .step(let sentence): say(sentence)
      case .run(let event): progress.handle(event)
      case .runEnded: progress.finish()
      }
    }
    let outcome = try controller.run()
    try write(outcome, targets, runs)
    if outcome.result.verdict != .clean { throw ExitStatusError(status: outcome.result.verdict.exitStatus) }
  }

  private func say(_ sentence: String) { if !session.quiet { Console.error(sentence) } }

  private func plan() throws(UserError) -> NightPlan {
    let path = try SuiteFile.resolve(suite, in: ScenarioSource.catalogue.directories)
    return try NightPlan(
      suite: try SuiteFile.load(path: path), path: path, seed: session.drawnSeed()
    ) { name throws(UserError) in try ScenarioSource.load(name) }
  }

  /// Refuses a budget that the suite alone would overrun, before anything is measured.
  private func checkedBudget(_ plan: NightPlan, _ worker: WorkerBinary) throws(UserError) -> Int {
    let budget = budget.map { $0.milliseconds / 1000 } ?? plan.suite.budgetSeconds
    // What comes last, the confirmation, may be left out; a suite cut short would be no night.
    let needed = try plan.steps(worker: worker).dropLast().reduce(0) { $0 + $1.seconds }
    guard Double(budget) >= needed else {
      throw UserError(
        self.budget == nil ? .badInput : .usage,
        "the budget of \(Self.words(Double(budget))) is too short: the suite \(plan.suite.name) takes about "
          + "\(Self.words(needed))",
        remedy: "Give it more with --budget or in \(plan.path), or measure less there.")
    }
    return budget
  }

  private func describe(_ plan: NightPlan, _ worker: WorkerBinary, _ budget: Int) throws {
    let steps = try plan.steps(worker: worker)
    var lines = ["\(plan.suite.title) (suite \(plan.suite.name), \(plan.path))", ""]
    for (place, step) in steps.enumerated() {
      lines.append("  \(place + 1). \(step.what): about \(Self.words(step.seconds))")
    }
    lines.append("")
    lines.append(
      "In all about \(Self.words(steps.reduce(0) { $0 + $1.seconds })), of a budget of \(Self.words(Double(budget))). "
        + "Blocks that have to be voided take more.")
    if let runs = try? RunStore.openReadOnly(path: session.store.resolvedPath) {
      let nights = try runs.nights().count { $0.phase == .finished }
      let pinned = try runs.baseline().map { "worker \($0.workerSHA256.prefix(12))…" } ?? "nothing yet"
      lines.append("The store has \(nights) finished nights; pinned is \(pinned).")
      for night in try runs.unfinishedNights() {
        lines.append("Night \(night.id) was left unfinished; it would be gone on with, if nothing has changed since.")
      }
    } else {
      lines.append("There is no history yet: this would be the first night.")
    }
    Console.output(lines.joined(separator: "\n"))
  }

  static func words(_ seconds: Double) -> String {
    seconds < 120 ? "\(Int(seconds.rounded(.up))) s" : "\(Int((seconds / 60).rounded(.up))) min"
  }

  private func examine(_ environment: [String: String], _ journals: String) throws(UserError) {
    say("Looking at the host.")
    let diagnosis = Doctor.examine(
      environment: environment, journalDirectory: journals, program: Program.executable,
      storePath: session.store.resolvedPath)
    let status = diagnosis.exitStatus
    guard status == .success else {
      let fatal = diagnosis.findings.filter { $0.status == .fatal }.map(\.title).joined(separator: "; ")
      throw UserError(
        status, "this host cannot be measured on: \(fatal)",
        remedy: status == .notPermitted ? "run as root" : "'bench doctor' says more, and what mends it")
    }
  }

  /// The command that does it again.
  private func repetition(_ plan: NightPlan) -> String {
    var words = ["bench", "nightly", "--suite", ShellWords.quoted(suite)] + session.repetition(seed: plan.seed)
    if baseline != "last-good" { words += ["--baseline", ShellWords.quoted(baseline)] }
    return words.joined(separator: " ")
  }

  private func write(_ outcome: NightController.Outcome, _ targets: [ExportTarget], _ runs: RunStore) throws {
    let result = outcome.result
    let environment = Program.environment
    if let json, json != "-" { try ReportWriter.replace(json, with: try NightReport.json(result)) }
    if json == "-" {
      Console.output(String(decoding: try NightReport.json(result), as: UTF8.self))
    } else if !targets.contains(where: { $0.path == "-" }) {
      Console.output(
        NightReport.terminal(
          result, width: Console.width(environment: environment),
          color: Console.isColored(descriptor: 1, environment: environment)))
    }
    for target in targets { try target.write(result, runs: outcome.runs, store: runs) }
    guard !session.noReport else { return }
    let paths = try NightReport.write(result, to: session.reports, formats: PageFormat.allCases)
    say("Reports\n" + paths.map { "  \($0)" }.joined(separator: "\n"))
  }
}
