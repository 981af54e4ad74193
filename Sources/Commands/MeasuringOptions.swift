internal import Analysis
public import ArgumentParser
internal import Environments
internal import Foundation
internal import Harness
internal import LinuxKit
public import Model
internal import Store

/// What every command takes that measures a scenario.
struct MeasuringOptions: ParsableArguments {
  @Option(help: ArgumentHelp("ipv4 or ipv6.", valueName: "name"))
  var family: AddressFamily = .ipv4

  @Option(
    name: .customLong("json"),
    help: ArgumentHelp(
      "Write the result (bench.run/1) to a file; - is stdout, and then nothing else is.", valueName: "file"))
  var json: String?

  @OptionGroup var session: SessionOptions

  /// Measures each plan, prints its result and writes its reports.
  /// - Parameters:
  ///   - packets: where captured packets are kept; nil keeps none.
  ///   - repetition: the command that repeats a plan.
  /// - Throws: `ExitStatusError` unless every claim has its verdict.
  func measure(_ plans: [RunPlan], packets: String? = nil, repetition: (RunPlan) -> String) throws {
    // Before any thread is started, so that the signals are blocked in all of them.
    let interruption = try Interruption()
    let environment = Program.environment
    let worker = try WorkerBinary.locate(environment: environment, program: Program.executable)
    let processors = try session.processors()
    let outputs = session.outputs(json: json, packets: packets)
    // Before minutes are spent on numbers that could then not be written.
    try outputs.check()
    let runs = try session.store.open()
    let journals = Journal.defaultDirectory(environment: environment)
    try Housekeeping.sweep(journals: journals, store: runs, isQuiet: session.quiet)

    var status = ExitStatus.success
    for plan in plans {
      let progress = ProgressDisplay(isQuiet: session.quiet, environment: environment)
      let controller = RunController(
        plan: plan, worker: worker, processors: processors, store: runs, journalDirectory: journals,
        packetDirectory: packets, interruption: interruption, observe: progress.handle)
      let run: StoredRun
      do {
        defer { progress.finish() }
        run = try controller.run(command: repetition(plan), version: BenchCommand.version)
      }
      let result = RunAnalysis.analyze(run)
      try outputs.write(result)
      status = max(status, RunCommand.status(of: result))
      if run.record.exit == .interrupted { break }
    }
    if status != .success { throw ExitStatusError(status: status) }
  }

  /// The words that repeat what was chosen here; the seed is the plan's.
  func repetition(of plan: RunPlan) -> [String] {
    session.repetition(seed: plan.seed) + (family == .ipv4 ? [] : ["--family", family.rawValue])
  }
}

extension AddressFamily: ExpressibleByArgument {}
