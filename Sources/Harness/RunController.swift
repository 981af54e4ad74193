internal import Analysis
internal import Capture
internal import Environments
internal import Foundation
public import LinuxKit
public import Model
public import Store

/// Runs the blocks of a plan until the verdicts are reached, the budget is used up, or the user stops it.
public struct RunController {
  private let plan: RunPlan
  private let worker: WorkerBinary
  private let processors: Processors
  private let store: RunStore
  private let journalDirectory: String
  private let interruption: Interruption?
  private let observe: (RunEvent) -> Void
  private let packetDirectory: String?
  /// How long a worker may take for what should take milliseconds, in ns; tests of those that hang have less.
  var patience: UInt64 = 10_000_000_000

  /// A run in which this many blocks in a row could not be measured ends: something is broken, and repeating it would
  /// only use up the budget.
  private static let mostBrokenBlocks = 3

  /// - Parameters:
  ///   - packetDirectory: where the packets that taps saw are kept, in a folder for the run; nil keeps none.
  public init(
    plan: RunPlan, worker: WorkerBinary, processors: Processors, store: RunStore, journalDirectory: String,
    packetDirectory: String? = nil, interruption: Interruption? = nil,
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) {
    self.plan = plan
    self.worker = worker
    self.processors = processors
    self.store = store
    self.journalDirectory = journalDirectory
    self.packetDirectory = packetDirectory
    self.interruption = interruption
    self.observe = observe
  }

  /// Measures, and returns the run as it was stored. Whatever way it ends, finished trials are in the store and
  /// nothing is left on the host.
  /// - Parameters:
  ///   - command: the command that repeats the run; `version`: the program's.
  public func run(command: String, version: String) throws(UserError) -> StoredRun {
    let started = Clock.monotonic()
    // One run at a time on a host: two would measure each other.
    let lock = try measuringLock()
    defer { extendLifetime(lock) }
    let journal = try Journal(runID: Self.newID(), directory: journalDirectory)
    defer { journal.close() }

    let hostResources = HostResources(journal: journal)
    do throws(UserError) {
      // Once for all trials, where any of them needs it.
      if let first = plan.environments.first(where: { $0.needs.contains(.networkNamespaces) }) {
        do throws(UserError) { try hostResources.prepareNamespaceDirectory() } catch { throw explained(error, first) }
      }
      // Images are made once a run, and go with it.
      let caches = Caches(
        engines: EngineCache(resources: hostResources), storage: StorageCache(resources: hostResources))
      let run = try measure(journal, caches, started: started, command: command, version: version)
      try hostResources.removeAll()
      return run
    } catch {
      try? hostResources.removeAll()
      throw error
    }
  }

  private func measure(
    _ journal: Journal, _ caches: Caches, started: UInt64, command: String, version: String
  ) throws(UserError) -> StoredRun {
    let probe = try probeEnvironments(journal, caches)
    var record = RunRecord(
      id: journal.runID, scenario: plan.scenario, profileName: plan.profileName, profile: plan.profile,
      environments: probe.environments, workloads: plan.workloads.map(\.name), capture: probe.capture,
      family: plan.family,
      seed: plan.seed, started: Date(),
      host: HostProbe.facts(processors: processors, isNetwork: plan.environments.contains { $0.field == .network }),
      workerSHA256: worker.sha256,
      version: version, command: command, warnings: probe.warnings, injection: plan.injection?.description,
      referenceWorkerSHA256: plan.reference?.sha256)
    try store.begin(record)
    observe(.started(record))
    var run = StoredRun(record: record, blocks: [], trials: [])
    do throws(UserError) {
      let end = try measureBlocks(&run, journal: journal, caches: caches, started: started)
      record.exit = end.exit
      record.stopReason = end.reason
    } catch {
      record.exit = .failed
      record.stopReason = error.message
      record.finished = Date()
      // The first error is the one to report; a store that cannot take its note is most likely the same trouble.
      try? store.update(record)
      throw error
    }
    record.finished = Date()
    try store.update(record)
    run.record = record
    return run
  }

  // MARK: - Blocks

  private struct End {
    var exit: RunRecord.Exit
    var reason: String
  }

  private func measureBlocks(
    _ run: inout StoredRun, journal: Journal, caches: Caches, started: UInt64
  ) throws(UserError) -> End {
    let available = run.record.environments.filter { $0.unavailable == nil }.map(\.name)
    let budget = UInt64(plan.profile.budgetSeconds) * 1_000_000_000
    let mostBlocks = plan.profile.looks.last ?? 0
    var longestBlock = UInt64(plan.estimatedBlockSeconds * 1e9)
    var broken = 0
    var index = 0
    while true {
      let valid = run.blocks.filter { !$0.isVoid }.count
      if valid >= mostBlocks { return End(exit: .completed, reason: "all \(mostBlocks) blocks were measured") }
      let elapsed = Clock.monotonic() - started
      if elapsed + longestBlock > budget {
        return End(
          exit: .completed, reason: "the time budget of \(plan.profile.budgetSeconds) s was used up")
      }
      observe(
        .blockStarted(
          BlockProgress(
            block: valid, of: mostBlocks, elapsedNanoseconds: elapsed, budgetNanoseconds: budget,
            blockNanoseconds: longestBlock)))
      let blockStart = Clock.monotonic()
      let outcome = try measureBlock(
        index, available: available, run: &run, journal: journal, caches: caches)
      guard case .ended(let failures) = outcome else {
        return End(exit: .interrupted, reason: "interrupted by the user")
      }
      longestBlock = Clock.monotonic() - blockStart
      let trials = run.trials.filter { $0.block == index }
      let block = BlockJudge.judge(index: index, trials: trials, failures: failures)
      try store.append(block, run: run.record.id)
      run.blocks.append(block)
      broken = failures.isEmpty ? 0 : broken + 1
      guard broken < Self.mostBrokenBlocks else {
        throw UserError(
          .internalError, "\(broken) blocks in a row could not be measured: \(failures[0])",
          remedy: "'bench doctor' may know why; what was measured before is in the store")
      }
      observe(.blockEnded(block, estimates: estimates(run)))
      if !block.isVoid && RunAnalysis.isDecided(run) {
        return End(exit: .completed, reason: "every claim had its verdict")
      }
      index += 1
    }
  }

  private enum BlockOutcome {
    case ended(failures: [String])
    case interrupted
  }

  private func measureBlock(
    _ index: Int, available: [String], run: inout StoredRun, journal: Journal, caches: Caches
  ) throws(UserError) -> BlockOutcome {
    var plan = plan
    // What the host does not allow is not tried again in each block.
    plan.capture = run.record.capture
    func runner(_ worker: WorkerBinary) -> TrialRunner {
      TrialRunner(
        plan: plan, worker: worker, processors: processors, interruption: interruption,
        packetDirectory: packetDirectory.map { "\($0)/\(run.record.id)/block-\(index)" }, version: run.record.version,
        engines: caches.engines, storage: caches.storage, patience: patience)
    }
    let own = runner(worker)
    let reference = plan.reference.map(runner)
    let slots = plan.order(of: index, available: available)
    for (position, slot) in slots.enumerated() {
      if interruption?.isPending == true { return .interrupted }
      observe(
        .trialStarted(
          environment: slot.environment, workload: slot.workload, isCaptured: slot.isCaptured, position: position,
          of: slots.count))
      do throws(TrialRunner.Failure) {
        let chosen = slot.isControl ? reference ?? own : own
        let trial = try chosen.run(slot, block: index, position: position, journal: journal)
        run.trials.append(trial)
        do throws(UserError) { try store.append(trial, run: run.record.id) } catch { throw .fatal(error) }
      } catch {
        switch error {
        case .interrupted: return .interrupted
        case .fatal(let error): throw error
        // The rest of a block that cannot count any more would be time spent for nothing.
        case .trial(let reason):
          let taps = slot.isCaptured ? " with taps on" : ""
          return .ended(failures: ["\(slot.workload) in \(slot.environment)\(taps): \(reason)"])
        }
      }
    }
    return .ended(failures: [])
  }

  /// Ratios of the headline metric as they stand, for the live line.
  private func estimates(_ run: StoredRun) -> [RunEvent.Estimate] {
    RunAnalysis.headlines(run).map {
      RunEvent.Estimate(environment: $0.environment, workload: $0.workload, ratio: $0.ratio)
    }
  }

  // MARK: - Before the blocks

  /// Builds each environment once: one that cannot run here is said to be unavailable, with the reason, and the rest
  /// goes on. One that is not permitted ends the run before it starts, since the remedy is the user's to choose.
  private func probeEnvironments(_ journal: Journal, _ caches: Caches) throws(UserError) -> Probe {
    var probe = Probe(capture: plan.capture)
    for definition in plan.environments {
      var record = EnvironmentRecord(
        name: definition.name, summary: definition.summary, layer: definition.layer, reference: definition.reference)
      let resources = HostResources(
        journal: journal,
        settings: BuildSettings(
          family: plan.family, worker: worker.path, engines: caches.engines, storage: caches.storage,
          mountsHostPrograms: plan.runsCommands))
      var failure: UserError?
      do throws(UserError) {
        if let network = definition as? any NetworkEnvironment {
          try probe.tryCapture(in: try network.build(with: resources), plan)
        } else {
          record.details = try details(of: definition, resources)
        }
      } catch { failure = error }
      try resources.removeAll()
      if let failure {
        if failure.exitCode == .notPermitted { throw explained(failure, definition) }
        guard definition.name != plan.scenario.baseline else { throw failure }
        record.unavailable = failure.message + (failure.remedy.map { "; \($0)" } ?? "")
      }
      probe.environments.append(record)
    }
    return probe
  }

  /// Builds an environment for files or images, with all that the workloads need in it: what has no room is found out
  /// before the blocks, and images are made here and not within one.
  private func details(
    of definition: any EnvironmentDefinition, _ resources: HostResources
  ) throws(UserError) -> [String]? {
    var details: [String] = []
    for workload in plan.workloads {
      switch definition {
      case let definition as any StorageEnvironment:
        details = try definition.build(with: resources, content: plan.content(of: workload)).details
      case let definition as any ImageEnvironment:
        details = try definition.build(with: resources, content: plan.content(of: workload)).details
      default: preconditionFailure("an environment is for packets, for files or for images")
      }
      // One at a time, as in the trials.
      try resources.removeAll()
    }
    return details.isEmpty ? nil : details
  }

  /// What is made once a run.
  private struct Caches {
    let engines: EngineCache
    let storage: StorageCache
  }

  /// What was found out before the blocks.
  private struct Probe {
    var environments: [EnvironmentRecord] = []
    var capture: Measured<CaptureSpec>
    var warnings: [String] = []

    /// Sets the taps once. Where that is impossible the run goes on without looking inside, and says why.
    mutating func tryCapture(in environment: BuiltEnvironment, _ plan: RunPlan) throws(UserError) {
      guard case .value(let spec) = capture, let workload = plan.workloads.first(where: \.isCapturable) else { return }
      do throws(TapError) {
        _ = try InsideView(environment, workload: workload, spec: spec, family: plan.family, window: 0, duration: 0)
      } catch {
        let remedy = error.isPermission ? ": it takes root (CAP_NET_RAW)" : ""
        capture = .unavailable("\(error)\(remedy)")
        warnings.append("Packets are not captured in this run: \(error)\(remedy).")
      }
    }
  }

  /// What a user without the privilege can do about it.
  private func explained(_ failure: UserError, _ definition: any EnvironmentDefinition) -> UserError {
    guard failure.exitCode == .notPermitted else { return failure }
    let asRoot = "run as root (for instance 'sudo bench run …')"
    // The baseline is always in: where it is what takes the privilege, there is nothing to measure without.
    let isBaseline = definition.name == plan.scenario.baseline
    return UserError(
      .notPermitted, "environment '\(definition.name)': \(failure.message)",
      remedy: isBaseline ? asRoot : "\(asRoot), or measure with --env \(plan.scenario.baseline) alone")
  }

  private func measuringLock() throws(UserError) -> LockedFile {
    do {
      try FileManager.default.createDirectory(atPath: journalDirectory, withIntermediateDirectories: true)
      if let lock = try LockedFile.lock(directory: journalDirectory) { return lock }
    } catch {
      throw UserError(
        .notPermitted,
        "cannot lock \(journalDirectory): \((error as? SystemError)?.reason ?? error.localizedDescription)",
        remedy: "set BENCH_JOURNAL to a directory that can be written")
    }
    throw UserError(
      .unavailable, "another run is measuring on this host",
      remedy: "wait until it is done: two runs measure each other")
  }

  /// A new id of a run or of a night: sorts by time, and tells those of one second apart.
  public static func newID() -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = "yyyyMMdd-HHmmss"
    let suffix = String(UInt16.random(in: .min ... .max), radix: 16)
    return formatter.string(from: Date()) + "-" + String(repeating: "0", count: 4 - suffix.count) + suffix
  }
}

/// What a run tells whoever watches it. Never sent within a window.
public enum RunEvent: Sendable {
  /// A ratio as it stands.
  public struct Estimate: Sendable {
    public var environment: String
    public var workload: String
    public var ratio: Double
  }

  case started(RunRecord)
  case blockStarted(BlockProgress)
  case trialStarted(environment: String, workload: String, isCaptured: Bool, position: Int, of: Int)
  case blockEnded(BlockRecord, estimates: [Estimate])
}

/// How far a run has got.
public struct BlockProgress: Sendable {
  /// Valid blocks so far.
  public var block: Int
  /// The most blocks that the run may take.
  public var of: Int
  public var elapsedNanoseconds: UInt64
  public var budgetNanoseconds: UInt64
  /// The length of the last block, or an estimate.
  public var blockNanoseconds: UInt64

  /// The longest that the run can still take.
  public var remainingNanoseconds: UInt64 {
    let byBlocks = UInt64(max(0, of - block)) * blockNanoseconds
    let byBudget = budgetNanoseconds > elapsedNanoseconds ? budgetNanoseconds - elapsedNanoseconds : 0
    return min(byBlocks, byBudget)
  }
}
