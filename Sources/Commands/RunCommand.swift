internal import ArgumentParser
internal import Harness
internal import Model

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
  var environments: [WordList] = []

  @Option(
    name: .customLong("workload"),
    help: ArgumentHelp("Only these workloads, by their names in the scenario.", valueName: "a,b"))
  var workloads: [WordList] = []

  @Option(help: ArgumentHelp("quick, standard or thorough.", valueName: "name"))
  var profile: ProfileName = .quick

  @Flag(help: "Leave out the trials that look inside the path.")
  var noCapture = false

  @Option(
    name: .customLong("save-pcap"),
    help: ArgumentHelp(
      "Keep the packets that the taps saw, as pcapng: one file a tap, in a folder for each block.",
      valueName: "directory"))
  var packets: String?

  @OptionGroup var measuring: MeasuringOptions

  /// For tests of the detector: a slowdown of known size.
  @Option(name: .customLong("inject"), help: .private)
  var injection: String?

  func validate() throws {
    if scenarios.isEmpty { throw ValidationError("Name a scenario. 'bench list' shows what there is.") }
    if noCapture && packets != nil { throw ValidationError("--save-pcap has nothing to keep with --no-capture.") }
    if measuring.json == "-" && scenarios.count > 1 { throw ValidationError("--json - takes one scenario at a time.") }
  }

  func run() throws {
    let plans = try scenarios.map { try plan($0) }
    try measuring.measure(plans, packets: packets, repetition: repetition)
  }

  private func plan(_ scenario: String) throws(UserError) -> RunPlan {
    try RunPlan(
      scenario: try ScenarioSource.load(scenario), profile: profile, environments: environments.words,
      workloads: workloads.words, isCapturing: !noCapture, family: measuring.family,
      seed: measuring.session.drawnSeed(),
      injection: try injection.map { text throws(UserError) in try Injection(parsing: text) })
  }

  /// The command that repeats the run, with the seed that was drawn.
  private func repetition(of plan: RunPlan) -> String {
    var words = ["bench", "run", plan.scenario.name, "--profile", profile.rawValue]
    words += measuring.repetition(of: plan)
    if let environments = environments.words { words += ["--env", environments.joined(separator: ",")] }
    if let workloads = workloads.words { words += ["--workload", workloads.joined(separator: ",")] }
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
