internal import Analysis
internal import Environments
internal import Foundation
public import Harness
public import LinuxKit
public import Model
internal import Regression
public import Store

/// Carries a night through: measures the suite, tests the detector, screens, confirms, judges, and makes it history.
///
/// Each step is stored before the next begins. A night that is killed in the middle is gone on with by the next start, if
/// that is of the same suite, worker and host; else it is abandoned. Only the last step, one transaction, makes it count.
public struct NightController {
  /// What tonight's worker is to be held against.
  public enum BaselineChoice: Sendable {
    /// The worker of the last clean night, or the one that a person pinned.
    case lastGood
    /// This one, whatever is pinned.
    case given(PinnedBaseline, WorkerBinary)
  }

  /// Tells whoever watches.
  public enum Event {
    /// A step begins, or is passed over: a sentence.
    case step(String)
    case run(RunEvent)
    case runEnded
  }

  private(set) var plan: NightPlan
  let worker: WorkerBinary
  let processors: Processors
  let store: RunStore
  let journalDirectory: String
  let budgetSeconds: Int
  let choice: BaselineChoice
  let interruption: Interruption?
  let version: String
  let command: String
  let observe: (Event) -> Void

  /// An unfinished night that is older, in seconds, is not gone on with: the host has had another day.
  static let resumable: TimeInterval = 12 * 3600
  /// The most nights that tonight is held against.
  static let historyNights = 90

  /// - Parameters:
  ///   - budgetSeconds: the whole night ends within this.
  ///   - command: the command that does it again.
  public init(
    plan: NightPlan, worker: WorkerBinary, processors: Processors, store: RunStore, journalDirectory: String,
    budgetSeconds: Int, baseline: BaselineChoice = .lastGood, interruption: Interruption? = nil, version: String,
    command: String, observe: @escaping (Event) -> Void = { _ in }
  ) {
    self.plan = plan
    self.worker = worker
    self.processors = processors
    self.store = store
    self.journalDirectory = journalDirectory
    self.budgetSeconds = budgetSeconds
    choice = baseline
    self.interruption = interruption
    self.version = version
    self.command = command
    self.observe = observe
  }

  /// A finished night, with the suite's runs that exports are made from.
  public struct Outcome: Sendable {
    public var result: NightResult
    public var runs: [RunResult]
  }

  /// - Throws: `.unavailable` where the host lacks what the whole night needs, and whatever a run throws; `.interrupted`
  ///   after a signal: what was measured is kept, and the next start goes on.
  public func run() throws(UserError) -> Outcome {
    let began = Clock.monotonic()
    var controller = self
    return try controller.carryThrough(began: began)
  }

  private mutating func carryThrough(began: UInt64) throws(UserError) -> Outcome {
    let host = HostProbe.facts(processors: processors)
    let fingerprint = fingerprint(host)
    // Before there is a night that would be left unfinished.
    let pinned = try pinnedBaseline(fingerprint)
    var night = try takeUp(host, fingerprint)
    plan = plan.seeded(night.seed)
    night.baselineSHA256 = pinned?.baseline.workerSHA256
    let past = try store.nights().filter { $0.phase == .finished }
    let opened = try store.epoch(for: fingerprint, started: night.started)
    night.epoch = opened.epoch.number
    try store.update(night)

    var runs: [NightEvidence.Run] = []
    for (index, part) in plan.parts.enumerated() {
      let result = try measure(&night, .suite, index, part, "Measuring \(part.scenario.name)", began: began)
      runs.append(NightEvidence.Run(role: .suite, result: RunAnalysis.analyze(result)))
    }
    try enter(.testing, &night)
    let tested = try measure(
      &night, .selfTest, 0, try plan.selfTest(worker: worker), "Testing the detector with a slowdown of 10 %",
      began: began)
    runs.append(NightEvidence.Run(role: .selfTest, result: RunAnalysis.analyze(tested)))
    try enter(.confirming, &night)

    var evidence = NightEvidence(
      night: summary(night, host), epoch: try state(of: opened.epoch, past, fingerprint), runs: runs,
      selfTest: selfTest(tested), baseline: pinned?.baseline,
      history: NightHistory(nights: [], series: [], values: []), before: [:], goodCounts: [:], duels: [])
    if let last = past.first, last.started > night.started {
      evidence.notes.append(
        "The clock went back: the night before, \(last.id), began later than this one. Nights keep their order.")
    }
    try addHistory(to: &evidence, opened.epoch, past)
    try confirm(&evidence, &night, evidence.isWorkerPinned ? nil : pinned?.worker, began: began)
    evidence.night.finished = Date()
    let result = NightJudge.judge(evidence)
    try finish(&night, result, evidence, fingerprint)
    return Outcome(result: result, runs: evidence.suiteRuns)
  }

  // MARK: - Before

  private func fingerprint(_ host: HostFacts) -> [Epoch.Fact] {
    let needs = plan.parts.flatMap(\.environments).flatMap(\.needs)
    return EpochFingerprint.facts(host, engines: EngineVersion.needed(by: needs), suite: plan.digest)
  }

  /// The night that was left unfinished, if it may be gone on with, or a new one.
  private func takeUp(_ host: HostFacts, _ fingerprint: [Epoch.Fact]) throws(UserError) -> NightRecord {
    var found: NightRecord?
    for var night in try store.unfinishedNights() {
      let engines = EngineVersion.needed(by: plan.parts.flatMap(\.environments).flatMap(\.needs))
      let age = Date().timeIntervalSince(night.started)
      let isSame =
        night.suiteDigest == plan.digest && night.workerSHA256 == worker.sha256
        && EpochFingerprint.facts(night.host, engines: engines, suite: night.suiteDigest) == fingerprint
      // A clock that went back makes a night younger than nothing.
      if found == nil, isSame, (0...Self.resumable).contains(age) {
        found = night
      } else {
        night.phase = .abandoned
        night.finished = Date()
        night.reason =
          isSame ? "left unfinished for too long" : "left unfinished, and suite, worker or host have changed"
        try store.update(night)
        observe(.step("Night \(night.id) was \(night.reason ?? "left unfinished"): it does not count."))
      }
    }
    if let found {
      observe(.step("Going on with night \(found.id), which was left unfinished."))
      return found
    }
    let night = NightRecord(
      id: RunController.newID(), suite: plan.suite.name, suiteDigest: plan.digest, started: Date(), host: host,
      workerSHA256: worker.sha256, version: version, seed: plan.seed)
    try store.begin(night)
    return night
  }

  /// What tonight's worker is held against, and its file; nil where nothing is pinned yet.
  private func pinnedBaseline(_ fingerprint: [Epoch.Fact]) throws(UserError) -> (
    baseline: PinnedBaseline, worker: WorkerBinary
  )? {
    switch choice {
    case .given(let baseline, let worker):
      // Of a file nothing is known but the host; of a night, its epoch.
      let known = Set(baseline.fingerprint.map(\.subject))
      let changes = EpochFingerprint.changes(
        from: baseline.fingerprint, to: fingerprint.filter { known.contains($0.subject) })
      guard changes.isEmpty else {
        let words = changes.map { "\($0.subject): \($0.a), now \($0.b)" }.joined(separator: "; ")
        throw UserError(
          .badInput, "the baseline \(baseline.origin ?? "given") is of another epoch (\(words))",
          remedy:
            "Name a night of this epoch, or the worker's file: workers can be held against each other on any host.")
      }
      return (baseline, worker)
    case .lastGood:
      guard let baseline = try store.baseline() else { return nil }
      if baseline.workerSHA256 == worker.sha256 { return (baseline, worker) }
      guard let kept = try WorkerBinary.kept(sha256: baseline.workerSHA256, in: store) else {
        throw UserError(
          .badInput, "the pinned worker \(baseline.workerSHA256.prefix(12))… is no longer kept beside the store",
          remedy: "Pin another one: bench baseline set NIGHT|FILE. Or forget it: bench baseline clear")
      }
      return (baseline, kept)
    }
  }

  // MARK: - Measuring

  /// A part of the night: from the store, where an earlier start has measured it whole, else measured now.
  private func measure(
    _ night: inout NightRecord, _ role: NightRecord.Part.Role, _ index: Int, _ runPlan: RunPlan, _ what: String,
    began: UInt64
  ) throws(UserError) -> StoredRun {
    if let part = night.parts.first(where: { $0.role == role && $0.index == index }) {
      // Only a run that was completed became a part.
      if let run = try? store.run(part.run), run.record.exit == .completed {
        observe(.step("\(what): measured already, run \(part.run)."))
        return run
      }
      night.parts.removeAll { $0.role == role && $0.index == index }
    }
    observe(.step("\(what)."))
    // What does not fit into the night ends with fewer blocks, and says so.
    var runPlan = runPlan
    runPlan.profile.budgetSeconds = max(1, min(runPlan.profile.budgetSeconds, Int(secondsLeft(since: began))))
    let controller = RunController(
      plan: runPlan, worker: worker, processors: processors, store: store, journalDirectory: journalDirectory,
      interruption: interruption, observe: { observe(.run($0)) })
    defer { observe(.runEnded) }
    let run = try controller.run(command: command, version: version)
    guard run.record.exit != .interrupted else {
      throw UserError(
        .interrupted, "interrupted while night \(night.id) was being measured",
        remedy: "What was measured whole is kept: the next 'bench nightly' goes on with it.")
    }
    night.parts.append(NightRecord.Part(role: role, index: index, run: run.record.id))
    try store.update(night)
    return run
  }

  /// What is left of the budget.
  private func secondsLeft(since began: UInt64) -> Double {
    max(0, Double(budgetSeconds) - Double(Clock.monotonic() - began) / 1e9)
  }

  private func enter(_ phase: NightRecord.Phase, _ night: inout NightRecord) throws(UserError) {
    night.phase = phase
    try store.update(night)
  }

  private func selfTest(_ run: StoredRun) -> NightResult.SelfTest {
    let workload = run.record.workloadSpecs.first
    let metric = workload?.kind.headline ?? .rttP50
    var test = NightResult.SelfTest(
      scenario: run.record.scenario.name, workload: workload?.name ?? "", environment: run.record.scenario.baseline,
      metric: metric, injected: 1 + NightPlan.injectedSlowdown, ratio: nil, pValue: nil, isFound: false)
    let obstacle = Self.obstacle(of: RunAnalysis.analyze(run))
    let pairing = WorkerPairing.pairings(of: run) { [$0.kind.headline] }.first
    guard let pairing, pairing.obstacle == nil, obstacle == nil else {
      test.reason = obstacle ?? pairing?.obstacle ?? "no valid block"
      return test
    }
    let confirmed = Confirming.judge([
      Candidate(differences: pairing.differences, isCost: metric.isCost)
    ]).first
    test.ratio = confirmed?.ratio
    test.pValue = confirmed?.pValue
    test.isFound = confirmed?.isWorse ?? false
    if !test.isFound { test.reason = confirmed?.reason }
    return test
  }

  /// Why nothing may be concluded from a run in which two workers took turns; nil if something may.
  private static func obstacle(of result: RunResult) -> String? {
    for obstacle in result.obstacles {
      switch obstacle {
      // The self-test's very purpose; and such a run has no control.
      case .injected, .failedControl: continue
      case .voided(let voided, let blocks): return "\(voided) of \(blocks) blocks were voided, more than a quarter"
      case .tooFewBlocks(let valid): return "only \(valid) blocks were valid"
      case .hostile: return "the host was hostile to measuring"
      }
    }
    return nil
  }

  /// Holds tonight's worker against the pinned one, and the user's own program against its last good build, in fresh
  /// blocks.
  /// - Parameter pinned: nil where tonight's worker is the pinned one, or none is pinned.
  private func confirm(
    _ evidence: inout NightEvidence, _ night: inout NightRecord, _ pinned: WorkerBinary?, began: UInt64
  ) throws(UserError) {
    let flagged = NightJudge.flagged(evidence.values, history: evidence.history)
    var obstacles: [String] = []
    for index in plan.parts.indices {
      let workloads = plan.comparedWorkloads(of: index, hasOtherWorker: pinned != nil)
      let scenario = plan.parts[index].scenario.name
      guard let runPlan = plan.confirmation(of: index, against: pinned, tonight: worker) else { continue }
      let needed = plan.seconds(of: runPlan)
      let left = secondsLeft(since: began)
      let isMeasured = night.parts.contains { $0.role == .confirmation && $0.index == index }
      guard isMeasured || needed <= left else {
        obstacles.append(
          "the budget of \(Self.minutes(Double(budgetSeconds))) had \(Self.minutes(left)) left for \(scenario), "
            + "which takes about \(Self.minutes(needed))")
        evidence.duels += workloads.flatMap { workload in
          plan.parts[index].environments.map {
            WorkerDuel(
              scenario: scenario, workload: workload.name, environment: $0.name, metric: workload.kind.headline,
              differences: [], obstacle: "there was no time left in the budget", isProgram: workload.kind == .exec)
          }
        }
        continue
      }
      let run = try measure(
        &night, .confirmation, index, runPlan, "Holding what is under test against what was good, in \(scenario)",
        began: began)
      let result = RunAnalysis.analyze(run)
      evidence.runs.append(NightEvidence.Run(role: .confirmation, result: result))
      let obstacle = Self.obstacle(of: result)
      let pairings = WorkerPairing.pairings(of: run) { workload in
        let more = flagged.filter { $0.scenario == scenario && $0.workload == workload.name }.map(\.metric)
        return ([workload.kind.headline] + more).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
      }
      evidence.duels += pairings.filter { pairing in
        // A metric that was flagged in one environment is not asked for in the others.
        pairing.metric == workloads.first { $0.name == pairing.workload }?.kind.headline
          || flagged.contains {
            $0.scenario == scenario && $0.workload == pairing.workload && $0.environment == pairing.environment
              && $0.metric == pairing.metric
          }
      }.map { pairing in
        WorkerDuel(
          scenario: scenario, workload: pairing.workload, environment: pairing.environment, metric: pairing.metric,
          differences: obstacle == nil ? pairing.differences : [], obstacle: obstacle ?? pairing.obstacle,
          isProgram: workloads.contains { $0.name == pairing.workload && $0.kind == .exec })
      }
    }
    if !obstacles.isEmpty {
      evidence.confirmationObstacle = Sentence.ended("Not measured again: " + obstacles.joined(separator: "; "))
    }
  }

  private static func minutes(_ seconds: Double) -> String {
    seconds < 90 ? "\(Int(seconds.rounded())) s" : "\(Int((seconds / 60).rounded())) min"
  }

  // MARK: - Judging

  private func summary(_ night: NightRecord, _ host: HostFacts) -> NightResult.Night {
    NightResult.Night(
      id: night.id, suite: plan.suite.name, title: plan.suite.title, started: night.started, finished: Date(),
      host: host, workerSHA256: worker.sha256, version: version, seed: plan.seed, command: command)
  }

  /// - Parameter past: finished nights, the last first.
  private func state(
    of epoch: Epoch, _ past: [NightRecord], _ fingerprint: [Epoch.Fact]
  ) throws(UserError) -> NightResult.EpochState {
    let counted = past.count { $0.epoch == epoch.number && Self.counts($0.verdict) }
    let before = try store.epochs().last { $0.number < epoch.number }
    return NightResult.EpochState(
      number: epoch.number, started: epoch.started, nights: counted, isNew: counted == 0,
      changes: counted == 0 ? before.map { EpochFingerprint.changes(from: $0.fingerprint, to: fingerprint) } ?? [] : [])
  }

  /// Whether a night with this verdict is history that others are held against.
  private static func counts(_ verdict: NightVerdict?) -> Bool { verdict == .clean || verdict == .regression }

  /// What tonight's values are held against.
  private func addHistory(
    to evidence: inout NightEvidence, _ epoch: Epoch, _ past: [NightRecord]
  ) throws(UserError) {
    let series = evidence.values.map(\.series)
    let matrix = try store.historyMatrix(epoch: epoch.number, series: series, nights: Self.historyNights)
    let starts = Dictionary(past.map { ($0.id, $0.started) }, uniquingKeysWith: { first, _ in first })
    // Nights without a verdict that counts have no values, and are no nights of history.
    let places = matrix.nights.indices.filter { place in matrix.values.contains { $0[place] != nil } }
    evidence.history = NightHistory(
      nights: places.map {
        NightHistory.Night(id: matrix.nights[$0], started: starts[matrix.nights[$0]] ?? evidence.night.started)
      },
      series: series, values: matrix.values.map { row in places.map { row[$0] } })
    if evidence.epoch.isNew, let last = past.first(where: { Self.counts($0.verdict) }) {
      evidence.before = try values(of: last.id)
    }
    // The baseline's own night, where that is of this epoch; else the last that was clean.
    let ofEpoch = past.filter { $0.epoch == epoch.number }
    let good =
      ofEpoch.first { $0.id == evidence.baseline?.origin && Self.counts($0.verdict) }
      ?? ofEpoch.first { $0.verdict == .clean }
    if let good { evidence.goodCounts = try values(of: good.id).filter { $0.key.quantity == .count } }
  }

  private func values(of night: String) throws(UserError) -> [HistorySeries: Double] {
    Dictionary(
      try store.nightValues(night).map { ($0.series, $0.value) }, uniquingKeysWith: { first, _ in first })
  }

  /// Makes the night history, and its worker the one that later ones are held against, if it was clean.
  private func finish(
    _ night: inout NightRecord, _ result: NightResult, _ evidence: NightEvidence, _ fingerprint: [Epoch.Fact]
  ) throws(UserError) {
    night.phase = .finished
    night.finished = result.night.finished
    night.verdict = result.verdict
    night.reason = result.reason
    let valid = evidence.suiteRuns.filter { $0.obstacles.isEmpty }
    // Kept before it is pinned: a baseline without its file is none.
    let isPinning = result.verdict == .clean && !(evidence.baseline?.isManual ?? false)
    if isPinning { try worker.keep(in: store) }
    try store.finish(
      night, result: result, values: Self.counts(result.verdict) ? valid.flatMap { SeriesValues.values(of: $0) } : [])
    if isPinning {
      try store.pin(
        PinnedBaseline(
          workerSHA256: worker.sha256, origin: night.id, pinned: Date(), isManual: false, fingerprint: fingerprint))
    }
  }
}
