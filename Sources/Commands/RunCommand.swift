internal import Analysis
internal import ArgumentParser
internal import Environments
internal import Foundation
internal import Harness
internal import LinuxKit
internal import Model
internal import Reports
internal import Store

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Measure a scenario, print the result and write the reports.",
    discussion: """
      The environments run in randomised blocks, each with fresh namespaces and fresh processes, until every claim has \
      its verdict or the profile's time is used up. Ctrl-C keeps the finished trials and cleans up.

      EXAMPLES
        sudo bench run network-hop
        sudo bench run network-hop --env native,veth --workload tcp-rr-spin
        sudo bench run ./my-scenario.yaml --json result.json --report out
        sudo bench run network-hop --save-pcap packets
        sudo bench run network-hop --json - | jq '.claims[] | {id, verdict}'
      """)

  @Argument(help: ArgumentHelp("Scenarios, by name or by path.", valueName: "scenario"))
  var scenarios: [String]

  @Option(
    name: .customLong("env"),
    help: ArgumentHelp("Only these environments; the baseline is always in.", valueName: "a,b"))
  var environments: WordList?

  @Option(
    name: .customLong("workload"),
    help: ArgumentHelp("Only these workloads, by their names in the scenario.", valueName: "a,b"))
  var workloads: WordList?

  @Option(help: ArgumentHelp("quick, standard or thorough.", valueName: "name"))
  var profile: ProfileName = .quick

  @Option(help: ArgumentHelp("The seed of the random order; the same seed gives the same order.", valueName: "n"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("The CPUs of client and server, for instance 2,3.", valueName: "a,b"))
  var cpus: WordList?

  @Option(
    name: .customLong("json"),
    help: ArgumentHelp(
      "Write the result (bench.run/1) to a file; - is stdout, and then nothing else is.", valueName: "file"))
  var json: String?

  @Option(name: .customLong("report"), help: ArgumentHelp("Where the reports go.", valueName: "directory"))
  var reports = "reports"

  @Flag(help: "Write no reports.")
  var noReport = false

  @Flag(help: "Leave out the trials that look inside the path.")
  var noCapture = false

  @Option(
    name: .customLong("save-pcap"),
    help: ArgumentHelp(
      "Keep the packets that the taps saw, as pcapng: one file a tap, in a folder for each block.",
      valueName: "directory"))
  var packets: String?

  @Flag(help: "No progress on stderr.")
  var quiet = false

  @OptionGroup var store: StoreOptions

  /// For tests of the detector: a slowdown of known size.
  @Option(name: .customLong("inject"), help: .private)
  var injection: String?

  func validate() throws {
    if scenarios.isEmpty { throw ValidationError("Name a scenario. 'bench list' shows what there is.") }
    if noCapture && packets != nil { throw ValidationError("--save-pcap has nothing to keep with --no-capture.") }
    if json == "-" && scenarios.count > 1 { throw ValidationError("--json - takes one scenario at a time.") }
  }

  func run() throws {
    // Before any thread is started, so that the signals are blocked in all of them.
    let interruption = try Interruption()
    let environment = Program.environment
    let plans = try scenarios.map { try plan($0) }
    let worker = try WorkerBinary.locate(environment: environment, program: Program.executable)
    let processors = try Processors.choose(requested: try cpus.map { try Self.numbers($0.words) })
    let outputs = RunOutputs(json: json, reports: noReport ? nil : reports, packets: packets, environment: environment)
    // Before minutes are spent on numbers that could then not be written.
    try outputs.check()
    let runs = try store.open()
    let journals = Journal.defaultDirectory(environment: environment)
    try Housekeeping.sweep(journals: journals, store: runs, isQuiet: quiet)

    var status = ExitStatus.success
    for plan in plans {
      let progress = ProgressDisplay(isQuiet: quiet, environment: environment)
      let controller = RunController(
        plan: plan, worker: worker, processors: processors, store: runs, journalDirectory: journals,
        packetDirectory: packets, interruption: interruption, observe: progress.handle)
      let run: StoredRun
      do {
        defer { progress.finish() }
        run = try controller.run(command: repetition(of: plan), version: BenchCommand.version)
      }
      let result = RunAnalysis.analyze(run)
      try outputs.write(result)
      status = max(status, Self.status(of: result))
      if run.record.exit == .interrupted { break }
    }
    if status != .success { throw ExitStatusError(status: status) }
  }

  private func plan(_ scenario: String) throws(UserError) -> RunPlan {
    try RunPlan(
      scenario: try ScenarioSource.load(scenario), profile: profile, environments: environments?.words,
      workloads: workloads?.words, isCapturing: !noCapture, seed: seed ?? UInt64.random(in: 1...999_999_999),
      injection: try injection.map { text throws(UserError) in try Injection(parsing: text) })
  }

  private static func numbers(_ words: [String]) throws(UserError) -> [Int] {
    try words.map { word throws(UserError) in
      guard let number = Int(word), number >= 0 else {
        throw UserError(.usage, "'\(word)' is no CPU number", remedy: "write for instance --cpus 2,3")
      }
      return number
    }
  }

  /// The command that repeats the run, with the seed that was drawn.
  private func repetition(of plan: RunPlan) -> String {
    var words = ["bench", "run", plan.scenario.name, "--profile", profile.rawValue, "--seed", "\(plan.seed)"]
    if let environments { words += ["--env", environments.words.joined(separator: ",")] }
    if let workloads { words += ["--workload", workloads.words.joined(separator: ",")] }
    if let cpus { words += ["--cpus", cpus.words.joined(separator: ",")] }
    if noCapture { words.append("--no-capture") }
    return words.joined(separator: " ")
  }

  /// Interrupted, or inconclusive if any claim that the run could decide is open.
  static func status(of result: RunResult) -> ExitStatus {
    if result.run.exit == .interrupted { return .interrupted }
    return isInconclusive(result) ? .inconclusive : .success
  }

  static func isInconclusive(_ result: RunResult) -> Bool { result.claims.contains { $0.verdict == .inconclusive } }
}
