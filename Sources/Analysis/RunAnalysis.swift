public import Model
internal import Statistics

/// From a stored run to everything that is said about it. Pure: the same trials give the same result, to the bit.
public enum RunAnalysis {
  /// What has a ladder beside the headline metric, where every rung has a value.
  private static let furtherLadders: [Metric] = [.totalCPU, .deviceTransmissions, .deviceReceptions]
  /// The margin of a workload's control where no claim about its headline metric sets one. What does a fixed piece of work
  /// has few operations in a trial, and is about factors.
  private static func defaultMargin(_ kind: WorkloadSpec.Kind) -> Double {
    switch kind {
    case .copyUp, .lookup, .metadata, .mmapWrite: 0.25
    default: 0.05
    }
  }

  public static func analyze(_ run: StoredRun) -> RunResult {
    let record = run.record
    let blocks = PairedBlocks(run)
    let voided = run.blocks.filter(\.isVoid)
    let noise = noiseSummary(run, blocks)
    // The second copies of a run that holds two workers against each other are no copies.
    let controlled = record.referenceWorkerSHA256 == nil ? record.workloadSpecs : []
    let control = controlled.map { workload in
      let margin = record.scenario.claims.filter {
        $0.workload == workload.name && $0.metric == workload.kind.headline && $0.quantity == .ratio
      }.map(\.margin).min()
      return Control.judge(
        blocks, record: record, workload: workload.name, metric: workload.kind.headline,
        margin: margin ?? defaultMargin(workload.kind))
    }
    let storage = StorageAnalysis(record, blocks)
    let series = table(record, blocks, storage)
    let inside = WaterfallAnalysis(record, blocks)
    return RunResult(
      run: summary(record, valid: blocks.count, voided: voided.count), environments: record.environments,
      workloads: record.workloadSpecs, series: series, control: control,
      ladders: record.workloadSpecs.flatMap { ladders($0, record, blocks) }, hops: inside.hops,
      waterfalls: inside.waterfalls, distributions: DistributionAnalysis.distributions(record, blocks),
      lines: storage.lines(), growth: storage.growth(),
      claims: claims(record, blocks, voided: voided.count, noise: noise),
      voided: voided.map { VoidedBlock(block: $0.index, reasons: $0.voidReasons) }, noise: noise,
      warnings: record.warnings + warnings(run, blocks, series) + inside.warnings)
  }

  /// Whether every claim that this run can decide has its verdict, so that it may stop. A run that can decide none is
  /// run for its numbers, and goes on.
  public static func isDecided(_ run: StoredRun) -> Bool {
    let blocks = PairedBlocks(run)
    guard run.record.profile.looks.contains(blocks.count) else { return false }
    let verdicts = ClaimJudge(run.record, blocks).judgements().map(\.result.verdict).filter { $0 != .unavailable }
    return !verdicts.isEmpty && !verdicts.contains(.inconclusive)
  }

  /// A workload's headline metric in one environment, as it stands.
  public struct Headline: Sendable, Equatable {
    public var environment: String
    public var workload: String
    public var metric: Metric
    /// Environment ÷ baseline: the Hodges–Lehmann estimate over the valid blocks so far, one at the least.
    public var ratio: Double
  }

  /// What a display shows while a run is under way: of ``analyze(_:)`` a small part, in a small part of its time, and
  /// without an interval.
  public static func headlines(_ run: StoredRun) -> [Headline] {
    let record = run.record
    let blocks = PairedBlocks(run)
    let others = record.environments.filter { $0.unavailable == nil && $0.name != record.scenario.baseline }
    var headlines: [Headline] = []
    for workload in record.workloadSpecs {
      let metric = workload.kind.headline
      func values(_ environment: String) -> [Double]? {
        guard case .value(let values) = blocks.values(metric, .init(environment: environment, workload: workload.name)),
          values.allSatisfy({ $0 > 0 })
        else { return nil }
        return values
      }
      guard let baseline = values(record.scenario.baseline) else { continue }
      for environment in others {
        guard let values = values(environment.name) else { continue }
        let logarithms = zip(values, baseline).map { ComparisonScale.ratio.analysed($0 / $1) }
        headlines.append(
          Headline(
            environment: environment.name, workload: workload.name, metric: metric,
            ratio: ComparisonScale.ratio.reported(HodgesLehmann.estimate(logarithms))))
      }
    }
    return headlines
  }

  // MARK: - Parts

  private static func summary(_ record: RunRecord, valid: Int, voided: Int) -> RunSummary {
    RunSummary(
      id: record.id, scenario: record.scenario.name, title: record.scenario.title,
      description: record.scenario.description, profile: record.profileName, family: record.family,
      seed: record.seed, started: record.started, finished: record.finished, host: record.host,
      workerSHA256: record.workerSHA256,
      version: record.version, command: record.command, exit: record.exit, stopReason: record.stopReason,
      baseline: record.scenario.baseline, windowMilliseconds: record.profile.windowMilliseconds, validBlocks: valid,
      voidedBlocks: voided, injection: record.injection)
  }

  private static func claims(
    _ record: RunRecord, _ blocks: PairedBlocks, voided: Int, noise: NoiseSummary
  ) -> [ClaimResult] {
    let judgements = ClaimJudge(record, blocks).judgements()
    let total = blocks.count + voided
    let obstacle: String? =
      if total > 0 && Double(voided) > RunResult.largestVoidedShare * Double(total) {
        "\(voided) of \(total) blocks had to be voided, more than a quarter: this host was too disturbed for a verdict."
      } else if noise.overall == .hostile {
        "The host was hostile to measuring: too disturbed for a verdict."
      } else { nil }
    guard let obstacle else { return judgements.map(\.result) }
    return judgements.map { judgement in
      // A disturbed host does not disturb a count that every block repeats.
      guard judgement.result.verdict != .unavailable, !judgement.isExact else { return judgement.result }
      var result = judgement.result
      result.verdict = .inconclusive
      result.reason = obstacle
      return result
    }
  }

  /// Every metric that a workload of its kind can have, in every environment, with q-values over the whole table.
  private static func table(
    _ record: RunRecord, _ blocks: PairedBlocks, _ storage: StorageAnalysis
  ) -> [SeriesResult] {
    var rows: [SeriesResult] = []
    var tests: [(row: Int, p: Double)] = []
    for workload in record.workloadSpecs {
      let baseline = PairedBlocks.Key(environment: record.scenario.baseline, workload: workload.name)
      for metric in workload.kind.metrics {
        let inBaseline = blocks.values(metric, baseline)
        for environment in record.environments where environment.unavailable == nil {
          let key = PairedBlocks.Key(environment: environment.name, workload: workload.name)
          var row = SeriesResult(
            environment: environment.name, workload: workload.name, metric: metric, trials: [], median: nil)
          switch blocks.values(metric, key) {
          case .unavailable(let reason): row.note = reason
          case .value(let values):
            row.trials = values
            row.median = Descriptive.median(values)
            if metric.isCount { row.exact = Descriptive.agreed(values, within: SeriesResult.agreement) }
            if key == baseline { break }
            row.reference = storage.comparison(metric, environment: environment.name, workload: workload.name)
            // A proxy's time, say: what is not there cannot be divided by.
            if case .unavailable(let reason) = inBaseline {
              row.note = "the baseline has none: \(reason)"
            } else if let p = compare(&row, blocks, key, baseline, record.profile.confidence) {
              tests.append((rows.count, p))
            }
          }
          rows.append(row)
        }
      }
    }
    for (test, q) in zip(tests, MultipleTesting.benjaminiHochberg(tests.map(\.p))) { rows[test.row].qValue = q }
    return rows
  }

  /// Fills in ratio, difference and direction; returns the p-value of "no difference".
  private static func compare(
    _ row: inout SeriesResult, _ blocks: PairedBlocks, _ key: PairedBlocks.Key, _ baseline: PairedBlocks.Key,
    _ confidence: Double
  ) -> Double? {
    func comparison(_ scale: ComparisonScale) throws(Comparison.Failure) -> Comparison {
      try Comparison(
        blocks, metric: row.metric, environment: key, baseline: baseline, scale: scale, confidence: confidence)
    }
    var decisive: Comparison?
    do throws(Comparison.Failure) {
      let difference = try comparison(.difference)
      row.difference = difference.interval
      decisive = difference
      let ratio = try comparison(.ratio)
      row.ratio = ratio.interval
      decisive = ratio
      row.note = ratio.obstacle
    } catch { row.note = error.reason }
    guard let decisive else { return nil }
    row.direction = decisive.direction
    return decisive.estimate.pValue
  }

  /// The headline's ladder, and those of what else adds up from rung to rung. File systems and stores of images do not add
  /// layer on layer: there is none of them.
  private static func ladders(
    _ workload: WorkloadSpec, _ record: RunRecord, _ blocks: PairedBlocks
  ) -> [LadderResult] {
    guard workload.kind.field == .network else { return [] }
    let rungs = record.environments.filter { $0.unavailable == nil }
    func isEverywhere(_ metric: Metric) -> Bool {
      rungs.allSatisfy { rung in
        guard case .value = blocks.values(metric, .init(environment: rung.name, workload: workload.name)) else {
          return false
        }
        return true
      }
    }
    let further = furtherLadders.filter { workload.kind.metrics.contains($0) && isEverywhere($0) }
    return ([workload.kind.headline] + further).map { ladder(workload.name, $0, rungs, record, blocks) }
  }

  private static func ladder(
    _ workload: String, _ metric: Metric, _ rungs: [EnvironmentRecord], _ record: RunRecord, _ blocks: PairedBlocks
  ) -> LadderResult {
    func interval(_ to: String, _ from: String, _ scale: ComparisonScale) -> IntervalEstimate? {
      let comparison = try? Comparison(
        blocks, metric: metric, environment: .init(environment: to, workload: workload),
        baseline: .init(environment: from, workload: workload), scale: scale, confidence: record.profile.confidence)
      return comparison?.interval
    }
    let bottom = rungs.first?.name ?? record.scenario.baseline
    let steps = zip(rungs, rungs.dropFirst()).map { from, to in
      LadderResult.Step(
        from: from.name, to: to.name, layer: to.layer, ratio: interval(to.name, from.name, .ratio),
        difference: interval(to.name, from.name, .difference), totalRatio: interval(to.name, bottom, .ratio),
        totalDifference: interval(to.name, bottom, .difference))
    }
    var result = LadderResult(
      workload: workload, metric: metric, steps: steps, ratioResidual: nil, differenceResidual: nil)
    let ratios = steps.compactMap(\.ratio?.estimate)
    if ratios.count == steps.count, let whole = steps.last?.totalRatio {
      let ladder = Ladder.compose(steps: ratios, total: whole.estimate, scale: .ratio)
      result.composedRatio = ladder.composed
      result.ratioResidual = 1 / ladder.residual - 1
    }
    let differences = steps.compactMap(\.difference?.estimate)
    if differences.count == steps.count, let whole = steps.last?.totalDifference {
      let ladder = Ladder.compose(steps: differences, total: whole.estimate, scale: .difference)
      result.composedDifference = ladder.composed
      result.differenceResidual = -ladder.residual
    }
    return result
  }

  private static func noiseSummary(_ run: StoredRun, _ blocks: PairedBlocks) -> NoiseSummary {
    let readings = blocks.trials.map { BlockNoise(trials: $0).readings }
    func median(_ values: [Double?]) -> Double? {
      let known = values.compactMap { $0 }
      return known.isEmpty || known.count < values.count ? nil : Descriptive.median(known)
    }
    let classes = run.blocks.filter { !$0.isVoid }.map(\.noiseClass)
    // The median block, with an even number the worse of the two in the middle.
    let ranked = classes.map { NoiseClass($0) }.sorted()
    let overall = ranked.isEmpty ? HostNoise.unknown : HostNoise(ranked[ranked.count / 2])
    let everything = PairedBlocks(run, includeVoid: true)
    return NoiseSummary(
      overall: overall,
      blocks: Dictionary(classes.map { ($0.rawValue, 1) }, uniquingKeysWith: +),
      stealShare: median(readings.map(\.stealShare)), foreignCPUShare: median(readings.map(\.foreignCPUShare)),
      runDelayShare: median(readings.map(\.runDelayShare)), canaryVariation: median(readings.map(\.canaryCV)),
      withVoided: everything.count == blocks.count
        ? []
        : run.record.scenario.claims.compactMap { claim in
          let comparison = try? ClaimJudge.quantity(of: claim, record: run.record, blocks: everything)
          return comparison.map { NoiseSummary.WithVoided(claim: claim.id, interval: $0.interval) }
        })
  }

  /// What a reader should know before believing the numbers.
  private static func warnings(_ run: StoredRun, _ blocks: PairedBlocks, _ series: [SeriesResult]) -> [String] {
    let hasLadder = run.record.field == .network
    var warnings = run.record.environments.compactMap { environment in
      environment.unavailable.map {
        Sentence.ended(
          hasLadder
            ? "The ladder has no rung \(environment.name), which could not run here: \($0)"
            : "\(environment.name) could not run here: \($0)")
      }
    }
    if let reference = run.record.referenceWorkerSHA256 {
      warnings.append(
        "In each environment this run's worker took turns with another (SHA-256 \(reference.prefix(12))…), so that there "
          + "is no control: it says whether one worker is slower than the other, and nothing of the host.")
    }
    let valid = Set(run.blocks.filter { !$0.isVoid }.map(\.index))
    let trials = run.trials.filter { valid.contains($0.block) }
    // Where loss is a metric of the workload, it is a result.
    let closed = Set(run.record.workloadSpecs.filter { !$0.kind.metrics.contains(.loss) }.map(\.name))
    let asking = trials.filter { closed.contains($0.workload) }
    let lost = asking.map(\.messages.lost).reduce(0, +)
    if lost > 0 {
      let sent = asking.map(\.messages.sent).reduce(0, +)
      warnings.append(
        "\(lost) of \(sent) requests were lost; a lost request is no sample, so percentiles do not show it.")
    }
    let foreign = trials.map(\.messages.foreign).reduce(0, +)
    if foreign > 0 { warnings.append("\(foreign) messages that were not of this run reached a client.") }
    let headlines = Dictionary(
      run.record.workloadSpecs.map { ($0.name, $0.kind.headline) }, uniquingKeysWith: { first, _ in first })
    for row in series where row.metric == headlines[row.workload] {
      if row.ratio?.method == "sign-test" {
        warnings.append(
          "\(row.workload) in \(row.environment): the differences are skewed, so the interval is that of the sign test."
        )
      }
      if let merged = row.ratio?.mergedBlocks, merged > 1 {
        warnings.append(
          "\(row.workload) in \(row.environment): neighbouring blocks depend on each other; \(merged) were merged into one."
        )
      }
      if let note = row.note, row.ratio != nil { warnings.append("\(row.workload) in \(row.environment): \(note).") }
    }
    return warnings
  }
}

extension NoiseClass {
  init(_ noise: HostNoise) {
    switch noise {
    case .quiet: self = .quiet
    case .noisy: self = .noisy
    case .hostile: self = .hostile
    case .unknown: self = .unknown
    }
  }
}
