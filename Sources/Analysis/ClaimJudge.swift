internal import Model
internal import Statistics

/// From blocks to verdicts: the group-sequential rule.
///
/// Verdicts are looked at when 8, 12, 18, 27 and 40 blocks are valid (or as the profile says). At each look a claim is
/// decided if its interval lies wholly inside or wholly outside its region, if the p-value of that, adjusted over the
/// scenario's claims by Holm, is small enough, and if its workload's control passes *at that look*. A decided claim
/// stays decided: its interval is that of its look.
struct ClaimJudge {
  private let record: RunRecord
  private let claims: [ClaimSpec]
  private let blocks: PairedBlocks

  init(_ record: RunRecord, _ blocks: PairedBlocks) {
    self.record = record
    self.claims = record.scenario.claims
    self.blocks = blocks
  }

  /// One claim at one look.
  private struct Reading {
    var comparison: Comparison?
    var decision = Decision.overlaps
    var p = 1.0
    /// Why it cannot be decided at this look.
    var obstacle: String?
  }

  func verdicts() -> [ClaimResult] {
    var results = claims.map { unavailability(of: $0) }
    for look in record.profile.looks where look <= blocks.count {
      let readings = claims.map { read($0, at: look) }
      let adjusted = MultipleTesting.holm(readings.map(\.p))
      for (index, claim) in claims.enumerated() where results[index] == nil {
        let reading = readings[index]
        guard let comparison = reading.comparison, reading.obstacle == nil, reading.decision != .overlaps,
          adjusted[index] <= (1 - record.profile.confidence) / 2
        else { continue }
        let isSupported = reading.decision == .inside
        results[index] = ClaimResult(
          spec: claim, verdict: isSupported ? .supported : .refuted,
          reason: isSupported ? claim.supportedReason : claim.refutedReason, interval: comparison.interval,
          adjustedP: adjusted[index])
      }
    }
    return zip(claims, results).map { claim, result in result ?? inconclusive(claim) }
  }

  private func unavailability(of claim: ClaimSpec) -> ClaimResult? {
    if !record.workloads.contains(claim.workload) {
      return ClaimResult(
        spec: claim, verdict: .unavailable,
        reason: "The workload \(claim.workload) was not part of this run (profile \(record.profileName.rawValue)).")
    }
    guard let environment = record.environments.first(where: { $0.name == claim.environment }) else {
      return ClaimResult(
        spec: claim, verdict: .unavailable, reason: "The environment \(claim.environment) was not part of this run.")
    }
    return environment.unavailable.map {
      ClaimResult(
        spec: claim, verdict: .unavailable, reason: "The environment \(claim.environment) could not run here: \($0)")
    }
  }

  private func read(_ claim: ClaimSpec, at count: Int) -> Reading {
    let prefix = blocks.prefix(count)
    let scale: ComparisonScale = claim.quantity == .ratio ? .ratio : .difference
    var reading = Reading()
    do throws(Comparison.Failure) {
      let comparison = try Comparison(
        prefix, metric: claim.metric,
        environment: .init(environment: claim.environment, workload: claim.workload),
        baseline: .init(environment: record.scenario.baseline, workload: claim.workload), scale: scale,
        confidence: record.profile.confidence)
      let estimate = comparison.estimate
      let region = Region(above: claim.region.above, below: claim.region.below)
      reading.comparison = comparison
      reading.decision = region.decide(low: estimate.low, high: estimate.high)
      let p = region.pValue(
        of: reading.decision, differences: estimate.differences, scale: scale, method: estimate.method)
      // The outside of two bounds comes doubled; here every claim is held against the one-sided level.
      let isTwoSided = reading.decision == .outside && claim.region.above != nil && claim.region.below != nil
      reading.p = isTwoSided ? p / 2 : p
      reading.obstacle = comparison.obstacle
    } catch { reading.obstacle = error.reason }
    if reading.obstacle == nil {
      let control = Control.judge(
        prefix, record: record, workload: claim.workload, metric: claim.metric, scale: scale, margin: claim.margin)
      if !control.isPassed { reading.obstacle = control.reason }
    }
    return reading
  }

  private func inconclusive(_ claim: ClaimSpec) -> ClaimResult {
    let smallest = record.profile.looks.first ?? PairedComparison.smallestCount
    guard blocks.count >= smallest else {
      return ClaimResult(
        spec: claim, verdict: .inconclusive,
        reason: "\(blocks.count) valid blocks are too few for a verdict: it takes at least \(smallest).")
    }
    // The interval of all blocks, to show how far the run got.
    let reading = read(claim, at: blocks.count)
    let reason: String
    if let obstacle = reading.obstacle {
      reason = "No verdict: \(obstacle)."
    } else if reading.decision == .overlaps {
      reason = "The interval reaches across the claim's limit; more blocks, or a quieter host, would decide."
    } else {
      reason =
        "The interval is clear of the claim's limit, but not at a look with enough blocks for "
        + "\(claims.count) claims at once; a longer run would decide."
    }
    return ClaimResult(spec: claim, verdict: .inconclusive, reason: reason, interval: reading.comparison?.interval)
  }
}

/// The A/A twin: the baseline against its own second copy.
enum Control {
  static func judge(
    _ blocks: PairedBlocks, record: RunRecord, workload: String, metric: Metric, scale: ComparisonScale, margin: Double
  ) -> ControlResult {
    let baseline = PairedBlocks.Key(environment: record.scenario.baseline, workload: workload)
    var twin = baseline
    twin.isControl = true
    var trials: [Double] = []
    if case .value(let values) = blocks.values(metric, twin) { trials = values }
    func compare(_ scale: ComparisonScale) throws(Comparison.Failure) -> Comparison {
      try Comparison(
        blocks, metric: metric, environment: twin, baseline: baseline, scale: scale,
        confidence: record.profile.confidence)
    }
    do throws(Comparison.Failure) {
      let comparison = try compare(scale)
      let gate = ControlGate.judge(estimate: comparison.estimate, margin: margin)
      let other = try? compare(scale == .ratio ? .difference : .ratio)
      let (ratio, difference) =
        scale == .ratio
        ? (comparison.interval, other?.interval) : (other?.interval, comparison.interval)
      return ControlResult(
        workload: workload, metric: metric, trials: trials,
        median: trials.isEmpty ? nil : Descriptive.median(trials), ratio: ratio, difference: difference,
        isPassed: gate.passes,
        reason: gate.reason)
    } catch {
      return ControlResult(
        workload: workload, metric: metric, trials: trials,
        median: trials.isEmpty ? nil : Descriptive.median(trials), ratio: nil, difference: nil, isPassed: false,
        reason: "no control: \(error.reason)")
    }
  }
}
