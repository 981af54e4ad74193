public import Model
internal import Statistics

/// From a stored run to everything that is said about it. Pure: the same trials give the same result, to the bit.
public enum RunAnalysis {
  /// The metric that ladders and controls are about.
  private static let headline = Metric.rttP50
  /// The margin of a workload's control where no claim sets one.
  private static let defaultMargin = 0.05
  /// More voided blocks than this, as a part of all, and there is no verdict.
  public static let mostVoided = 0.25

  public static func analyze(_ run: StoredRun) -> RunResult {
    let record = run.record
    let blocks = PairedBlocks(run)
    let voided = run.blocks.filter(\.isVoid)
    let noise = noiseSummary(run, blocks)
    let ladders = record.workloads.map { ladder($0, record, blocks) }
    let control = record.workloads.map { workload in
      let margin = record.scenario.claims.filter { $0.workload == workload && $0.quantity == .ratio }.map(\.margin)
        .min()
      return Control.judge(
        blocks, record: record, workload: workload, metric: headline, scale: .ratio, margin: margin ?? defaultMargin)
    }
    let series = table(record, blocks)
    let inside = WaterfallAnalysis(record, blocks)
    return RunResult(
      run: summary(record, valid: blocks.count, voided: voided.count), environments: record.environments,
      workloads: record.workloadSpecs, series: series, control: control, ladders: ladders,
      hops: inside.hops, waterfalls: inside.waterfalls,
      claims: claims(record, blocks, voided: voided.count, noise: noise),
      voided: voided.map { VoidedBlock(block: $0.index, reasons: $0.voidReasons) }, noise: noise,
      warnings: record.warnings + warnings(run, blocks, series) + inside.warnings)
  }

  /// Whether every claim that this run can decide has its verdict, so that it may stop. A run that can decide none is
  /// run for its numbers, and goes on.
  public static func isDecided(_ run: StoredRun) -> Bool {
    let blocks = PairedBlocks(run)
    guard run.record.profile.looks.contains(blocks.count) else { return false }
    let verdicts = ClaimJudge(run.record, blocks).verdicts().map(\.verdict).filter { $0 != .unavailable }
    return !verdicts.isEmpty && !verdicts.contains(.inconclusive)
  }

  // MARK: - Parts

  private static func summary(_ record: RunRecord, valid: Int, voided: Int) -> RunSummary {
    RunSummary(
      id: record.id, scenario: record.scenario.name, title: record.scenario.title,
      description: record.scenario.description, profile: record.profileName, seed: record.seed,
      started: record.started, finished: record.finished, host: record.host, workerSHA256: record.workerSHA256,
      version: record.version, command: record.command, exit: record.exit, stopReason: record.stopReason,
      baseline: record.scenario.baseline, windowMilliseconds: record.profile.windowMilliseconds, validBlocks: valid,
      voidedBlocks: voided, injection: record.injection)
  }

  private static func claims(
    _ record: RunRecord, _ blocks: PairedBlocks, voided: Int, noise: NoiseSummary
  ) -> [ClaimResult] {
    let verdicts = ClaimJudge(record, blocks).verdicts()
    let total = blocks.count + voided
    let obstacle: String? =
      if total > 0 && Double(voided) / Double(total) > mostVoided {
        "\(voided) of \(total) blocks had to be voided, more than a quarter: this host was too disturbed for a verdict."
      } else if noise.overall == .hostile {
        "The host was hostile to measuring: too disturbed for a verdict."
      } else { nil }
    guard let obstacle else { return verdicts }
    return verdicts.map { verdict in
      guard verdict.verdict != .unavailable else { return verdict }
      var verdict = verdict
      verdict.verdict = .inconclusive
      verdict.reason = obstacle
      return verdict
    }
  }

  /// Every metric of every workload in every environment, with q-values over the whole table.
  private static func table(_ record: RunRecord, _ blocks: PairedBlocks) -> [SeriesResult] {
    var rows: [SeriesResult] = []
    var tests: [(row: Int, p: Double)] = []
    for workload in record.workloads {
      let baseline = PairedBlocks.Key(environment: record.scenario.baseline, workload: workload)
      for metric in Metric.allCases {
        for environment in record.environments where environment.unavailable == nil {
          let key = PairedBlocks.Key(environment: environment.name, workload: workload)
          guard case .value(let values) = blocks.values(metric, key) else {
            rows.append(unavailable(blocks.values(metric, key), environment.name, workload, metric))
            continue
          }
          var row = SeriesResult(
            environment: environment.name, workload: workload, metric: metric, trials: values,
            median: Descriptive.median(values))
          if key != baseline {
            if let p = compare(&row, blocks, key, baseline, record.profile.confidence) { tests.append((rows.count, p)) }
          }
          rows.append(row)
        }
      }
    }
    for (test, q) in zip(tests, MultipleTesting.benjaminiHochberg(tests.map(\.p))) { rows[test.row].qValue = q }
    return rows
  }

  private static func unavailable(
    _ values: Measured<[Double]>, _ environment: String, _ workload: String, _ metric: Metric
  ) -> SeriesResult {
    var note: String?
    if case .unavailable(let reason) = values { note = reason }
    return SeriesResult(
      environment: environment, workload: workload, metric: metric, trials: [], median: nil, note: note)
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
    let estimate = decisive.estimate
    let neutral = estimate.scale.neutral
    row.direction =
      decisive.obstacle != nil || estimate.containsNoDifference
      ? .undecided : (estimate.low > neutral ? .higher : .lower)
    return estimate.pValue
  }

  private static func ladder(_ workload: String, _ record: RunRecord, _ blocks: PairedBlocks) -> LadderResult {
    let rungs = record.environments.filter { $0.unavailable == nil }
    func interval(_ to: String, _ from: String, _ scale: ComparisonScale) -> IntervalEstimate? {
      let comparison = try? Comparison(
        blocks, metric: headline, environment: .init(environment: to, workload: workload),
        baseline: .init(environment: from, workload: workload), scale: scale, confidence: record.profile.confidence)
      return comparison?.interval
    }
    let steps = zip(rungs, rungs.dropFirst()).map { from, to in
      LadderResult.Step(
        from: from.name, to: to.name, layer: to.layer, ratio: interval(to.name, from.name, .ratio),
        difference: interval(to.name, from.name, .difference))
    }
    var result = LadderResult(
      workload: workload, metric: headline, steps: steps, ratioResidual: nil, differenceResidual: nil)
    let ratios = steps.compactMap(\.ratio?.estimate)
    let differences = steps.compactMap(\.difference?.estimate)
    guard let bottom = rungs.first?.name, let top = rungs.last?.name, ratios.count == steps.count,
      differences.count == steps.count, let wholeRatio = interval(top, bottom, .ratio),
      let wholeDifference = interval(top, bottom, .difference)
    else { return result }
    result.ratioResidual =
      1 / Ladder.compose(steps: ratios, total: wholeRatio.estimate, scale: .ratio).residual - 1
    result.differenceResidual =
      -Ladder.compose(steps: differences, total: wholeDifference.estimate, scale: .difference).residual
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
          let comparison = try? Comparison(
            everything, metric: claim.metric,
            environment: .init(environment: claim.environment, workload: claim.workload),
            baseline: .init(environment: run.record.scenario.baseline, workload: claim.workload),
            scale: claim.quantity == .ratio ? .ratio : .difference, confidence: run.record.profile.confidence)
          return comparison.map { NoiseSummary.WithVoided(claim: claim.id, interval: $0.interval) }
        })
  }

  /// What a reader should know before believing the numbers.
  private static func warnings(_ run: StoredRun, _ blocks: PairedBlocks, _ series: [SeriesResult]) -> [String] {
    var warnings: [String] = []
    let valid = Set(run.blocks.filter { !$0.isVoid }.map(\.index))
    let trials = run.trials.filter { valid.contains($0.block) }
    let lost = trials.map(\.messages.lost).reduce(0, +)
    if lost > 0 {
      let sent = trials.map(\.messages.sent).reduce(0, +)
      warnings.append(
        "\(lost) of \(sent) requests were lost; a lost request is no sample, so percentiles do not show it.")
    }
    let foreign = trials.map(\.messages.foreign).reduce(0, +)
    if foreign > 0 { warnings.append("\(foreign) messages that were not of this run reached a client.") }
    for row in series where row.metric == headline {
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
