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

  /// What was found about a claim.
  struct Judgement {
    var result: ClaimResult
    /// It rests on counts that are the same in every block (``Comparison/repeatsExactly``).
    var isExact = false
  }

  /// One claim at one look.
  private struct Reading {
    var comparison: Comparison?
    var decision = Decision.overlaps
    var p = 1.0
    /// Why it cannot be decided at this look.
    var obstacle: String?
  }

  func judgements() -> [Judgement] {
    var results = claims.map { unavailability(of: $0).map { Judgement(result: $0) } }
    for look in record.profile.looks where look <= blocks.count {
      guard results.contains(where: { $0 == nil }) else { break }
      let prefix = look == blocks.count ? blocks : blocks.prefix(look)
      let readings = zip(claims, results).map { claim, result in
        // What is unavailable is no question that was asked of the data.
        result?.result.verdict == .unavailable ? Reading() : read(claim, of: prefix)
      }
      let adjusted = holm(readings, results)
      for (index, claim) in claims.enumerated() where results[index] == nil {
        let reading = readings[index]
        guard let comparison = reading.comparison, reading.obstacle == nil, reading.decision != .overlaps,
          adjusted[index] <= (1 - record.profile.confidence) / 2
        else { continue }
        let isSupported = reading.decision == .inside
        results[index] = Judgement(
          result: ClaimResult(
            spec: claim, verdict: isSupported ? .supported : .refuted,
            reason: isSupported ? claim.supportedReason : claim.refutedReason, interval: comparison.interval,
            adjustedP: adjusted[index]),
          isExact: comparison.repeatsExactly)
      }
    }
    return zip(claims, results).map { claim, result in result ?? inconclusive(claim) }
  }

  /// How many claims this run can ask about.
  private var askedCount: Int { claims.count { unavailability(of: $0) == nil } }

  /// p-values, adjusted over the claims that this run can ask about: what was not measured is not tested, and costs
  /// nothing.
  private func holm(_ readings: [Reading], _ results: [Judgement?]) -> [Double] {
    let asked = claims.indices.filter { results[$0]?.result.verdict != .unavailable }
    var adjusted = [Double](repeating: 1, count: claims.count)
    for (index, p) in zip(asked, MultipleTesting.holm(asked.map { readings[$0].p })) { adjusted[index] = p }
    return adjusted
  }

  /// Names everything that the claim is about and that was not measured.
  private func unavailability(of claim: ClaimSpec) -> ClaimResult? {
    let absent = claim.workloads.filter { !record.workloads.contains($0) }
    if !absent.isEmpty {
      let reasons = absent.map {
        "The workload \($0) was not part of this run (profile \(record.profileName.rawValue))."
      }
      return ClaimResult(spec: claim, verdict: .unavailable, reason: reasons.joined(separator: " "))
    }
    let missing = claim.environments.compactMap { name -> String? in
      guard let environment = record.environments.first(where: { $0.name == name }) else {
        return "The environment \(name) was not part of this run."
      }
      return environment.unavailable.map { "The environment \(name) could not run here: \($0)" }
    }
    guard !missing.isEmpty else { return nil }
    let reason = missing.count == 1 ? missing[0] : missing.map(Sentence.ended).joined(separator: " ")
    return ClaimResult(spec: claim, verdict: .unavailable, reason: reason)
  }

  /// The quantity that the claim is about, over some blocks.
  static func quantity(
    of claim: ClaimSpec, record: RunRecord, blocks: PairedBlocks
  ) throws(Comparison.Failure) -> Comparison {
    let confidence = record.profile.confidence
    switch claim.quantity {
    case .slope where claim.overWorkloads != nil:
      return try Comparison(
        blocks, metric: claim.metric, environment: (claim.environment, isControl: false), over: claim.workloadSizes,
        confidence: confidence)
    case .slope:
      return try Comparison(
        blocks, metric: claim.metric, workload: claim.workload, over: claim.sizes, confidence: confidence)
    case .ratio, .difference:
      return try Comparison(
        blocks, metric: claim.metric, environment: .init(environment: claim.environment, workload: claim.workload),
        baseline: .init(environment: claim.against ?? record.scenario.baseline, workload: claim.workload),
        scale: claim.quantity.scale, confidence: confidence)
    }
  }

  private func read(_ claim: ClaimSpec, of blocks: PairedBlocks) -> Reading {
    let scale = claim.quantity.scale
    var reading = Reading()
    do throws(Comparison.Failure) {
      let comparison = try Self.quantity(of: claim, record: record, blocks: blocks)
      let estimate = comparison.estimate
      let region = Region(above: claim.region.above, below: claim.region.below)
      reading.comparison = comparison
      reading.decision = region.decide(low: estimate.low, high: estimate.high)
      let p = region.pValue(
        of: reading.decision, differences: estimate.differences, scale: scale, method: estimate.method,
        isNoisy: !comparison.repeatsExactly)
      // The outside of two bounds comes doubled; here every claim is held against the one-sided level.
      let isTwoSided = reading.decision == .outside && claim.region.above != nil && claim.region.below != nil
      reading.p = isTwoSided ? p / 2 : p
      reading.obstacle = comparison.obstacle
    } catch { reading.obstacle = error.reason }
    if reading.obstacle == nil { reading.obstacle = Control.objection(to: claim, record: record, blocks: blocks) }
    return reading
  }

  private func inconclusive(_ claim: ClaimSpec) -> Judgement {
    let smallest = record.profile.looks.first ?? PairedComparison.smallestCount
    guard blocks.count >= smallest else {
      return Judgement(
        result: ClaimResult(
          spec: claim, verdict: .inconclusive,
          reason: "\(blocks.count) valid blocks are too few for a verdict: it takes at least \(smallest)."))
    }
    // The interval of all blocks, to show how far the run got.
    let reading = read(claim, of: blocks)
    let reason: String
    if let obstacle = reading.obstacle {
      reason = "No verdict: \(obstacle)."
    } else if reading.decision == .overlaps {
      reason = "The interval reaches across the claim's limit; more blocks, or a quieter host, would decide."
    } else {
      reason =
        "The interval is clear of the claim's limit, but not at a look with enough blocks for "
        + "\(askedCount) claims at once; a longer run would decide."
    }
    return Judgement(
      result: ClaimResult(spec: claim, verdict: .inconclusive, reason: reason, interval: reading.comparison?.interval),
      isExact: reading.comparison?.repeatsExactly ?? false)
  }
}

extension ClaimSpec {
  /// What a slope's line goes through, by size.
  var sizes: [(environment: String, size: Double)] {
    (over ?? [:]).sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map { (environment: $0.key, size: $0.value) }
  }

  /// What the line of a slope over workloads goes through, by size.
  var workloadSizes: [(workload: String, size: Double)] {
    (overWorkloads ?? [:]).sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map { (workload: $0.key, size: $0.value) }
  }
}

extension ClaimSpec.Quantity {
  /// A slope is a difference for each unit of size.
  var scale: ComparisonScale { self == .ratio ? .ratio : .difference }
}

/// The A/A twin: the baseline against its own second copy.
enum Control {
  private static func keys(_ record: RunRecord, _ workload: String) -> (
    baseline: PairedBlocks.Key, twin: PairedBlocks.Key
  ) {
    let baseline = PairedBlocks.Key(environment: record.scenario.baseline, workload: workload)
    var twin = baseline
    twin.isControl = true
    return (baseline, twin)
  }

  /// Why the control forbids a verdict about the claim; nil if it does not.
  ///
  /// The control must show no difference to within half the claim's margin. A slope over environments has no twin of its
  /// own. So the control's difference is spread over the span of the sizes: that is the slope which two environments that
  /// do not differ would seem to have, were they the line's two ends. Of a slope over workloads there is a twin at every
  /// size: its line's slope less the baseline's, block by block, must be 0.
  static func objection(to claim: ClaimSpec, record: RunRecord, blocks: PairedBlocks) -> String? {
    let keys = keys(record, claim.workload)
    let confidence = record.profile.confidence
    func control() throws(Comparison.Failure) -> Comparison {
      if claim.overWorkloads != nil {
        return try Comparison(
          blocks, metric: claim.metric, environment: (keys.twin.environment, isControl: true),
          minus: keys.baseline.environment, over: claim.workloadSizes, confidence: confidence)
      }
      let control = try Comparison(
        blocks, metric: claim.metric, environment: keys.twin, baseline: keys.baseline, scale: claim.quantity.scale,
        confidence: confidence)
      let sizes = claim.sizes.map(\.size)
      guard claim.quantity == .slope, let first = sizes.first, let last = sizes.last, last > first else {
        return control
      }
      return try Comparison(control, dividedBy: last - first)
    }
    do throws(Comparison.Failure) {
      let gate = ControlGate.judge(estimate: try control().estimate, margin: claim.margin)
      return gate.passes ? nil : gate.reason
    } catch { return "no control: \(error.reason)" }
  }

  static func judge(
    _ blocks: PairedBlocks, record: RunRecord, workload: String, metric: Metric, margin: Double
  ) -> ControlResult {
    let keys = keys(record, workload)
    var trials: [Double] = []
    if case .value(let values) = blocks.values(metric, keys.twin) { trials = values }
    func compare(_ scale: ComparisonScale) throws(Comparison.Failure) -> Comparison {
      try Comparison(
        blocks, metric: metric, environment: keys.twin, baseline: keys.baseline, scale: scale,
        confidence: record.profile.confidence)
    }
    var result = ControlResult(
      workload: workload, metric: metric, trials: trials, median: trials.isEmpty ? nil : Descriptive.median(trials),
      ratio: nil, difference: nil, isPassed: false, reason: "")
    do throws(Comparison.Failure) {
      let ratio = try compare(.ratio)
      let gate = ControlGate.judge(estimate: ratio.estimate, margin: margin)
      result.ratio = ratio.interval
      result.difference = (try? compare(.difference))?.interval
      result.allowed = gate.allowed
      result.isPassed = gate.passes
      result.reason = gate.reason
    } catch { result.reason = "no control: \(error.reason)" }
    return result
  }
}
