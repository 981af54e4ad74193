internal import Analysis
public import ArgumentParser
internal import Environments
internal import Foundation
internal import Harness
internal import LinuxKit
public import Model
internal import Store

/// What every command that measures takes.
struct MeasuringOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The seed of the random order; the same seed gives the same order.", valueName: "n"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("The CPUs of client and server, for instance 2,3.", valueName: "a,b"))
  var cpus: WordList?

  @Option(help: ArgumentHelp("ipv4 or ipv6.", valueName: "name"))
  var family: AddressFamily = .ipv4

  @Option(
    name: .customLong("json"),
    help: ArgumentHelp(
      "Write the result (bench.run/1) to a file; - is stdout, and then nothing else is.", valueName: "file"))
  var json: String?

  @Option(name: .customLong("report"), help: ArgumentHelp("Where the reports go.", valueName: "directory"))
  var reports = "reports"

  @Flag(help: "Write no reports.")
  var noReport = false

  @Flag(help: "No progress on stderr.")
  var quiet = false

  @OptionGroup var store: StoreOptions

  /// Drawn once, so that the command that repeats the run can name it.
  func drawnSeed() -> UInt64 { seed ?? UInt64.random(in: 1...999_999_999) }

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
    var words = ["--seed", "\(plan.seed)"]
    if let cpus { words += ["--cpus", cpus.words.joined(separator: ",")] }
    if family != .ipv4 { words += ["--family", family.rawValue] }
    return words
  }

  static func numbers(_ words: [String]) throws(UserError) -> [Int] {
    try words.map { word throws(UserError) in
      guard let number = Int(word), number >= 0 else {
        throw UserError(.usage, "'\(word)' is no CPU number", remedy: "write for instance --cpus 2,3")
      }
      return number
    }
  }
}

extension AddressFamily: ExpressibleByArgument {}
