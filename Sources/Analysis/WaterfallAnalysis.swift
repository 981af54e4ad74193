internal import Model
internal import Statistics

/// From the trials with taps on to the hops of each path, their books, and what looking cost.
struct WaterfallAnalysis {
  let hops: Measured<[HopResult]>
  let waterfalls: [WaterfallResult]

  init(_ record: RunRecord, _ blocks: PairedBlocks) {
    if case .unavailable(let reason) = record.capture {
      hops = .unavailable(reason)
      waterfalls = []
      return
    }
    var results: [HopResult] = []
    var waterfalls: [WaterfallResult] = []
    for workload in record.capturedWorkloads {
      for environment in record.environments where environment.unavailable == nil {
        let key = PairedBlocks.Key(environment: environment.name, workload: workload, isCaptured: true)
        let reduction = Reduction(key, record: record, blocks: blocks)
        guard let waterfall = reduction.waterfall() else { continue }
        waterfalls.append(waterfall)
        results += reduction.hops()
      }
    }
    self.waterfalls = waterfalls
    if !waterfalls.isEmpty {
      hops = .value(results)
    } else if record.capturedWorkloads.isEmpty {
      hops = .unavailable(
        "no message of this run has the \(WorkloadSpec.smallestCaptured) bytes by which packets are told apart")
    } else {
      hops = .unavailable("no valid block")
    }
  }

  /// What looking may cost, as parts of round trip p50 and p99.
  static let largestTax: [Metric: Double] = [.rttP50: 0.05, .rttP99: 0.10]

  /// Where the books do not close as well as they should.
  var warnings: [String] {
    waterfalls.flatMap { waterfall in
      let name = "\(waterfall.workload) in \(waterfall.environment)"
      var warnings: [String] = []
      if let residual = waterfall.residual, abs(residual) > WaterfallResult.largestResidual {
        warnings.append("\(name): the sum of the hops is off the round trip by \(percent(residual, signed: true)).")
      }
      if waterfall.sampled > 0 {
        let share = Double(waterfall.matched) / Double(waterfall.sampled)
        if share < WaterfallResult.smallestMatchedShare {
          warnings.append("\(name): \(percent(share)) of the round trips looked at were seen at every point.")
        }
      }
      if !waterfall.excluded.isEmpty {
        warnings.append("\(name): the hops of \(waterfall.excluded.count) trials do not count.")
      }
      for tax in waterfall.tax {
        guard let limit = Self.largestTax[tax.metric], let ratio = tax.ratio, ratio.low > 1 + limit else { continue }
        warnings.append(
          "\(name): looking inside made \(tax.metric.title) \(percent(ratio.estimate - 1)) longer. A larger "
            + "'sampling' in the scenario looks at fewer round trips.")
      }
      return warnings
    }
  }

  private func percent(_ share: Double, signed: Bool = false) -> String {
    let tenths = (share * 1000).rounded() / 10
    return "\(signed && tenths > 0 ? "+" : "")\(tenths) %"
  }

  /// One workload in one environment.
  private struct Reduction {
    let key: PairedBlocks.Key
    let record: RunRecord
    let blocks: PairedBlocks
    /// All of them.
    let trials: [Trial]
    /// What the trials that count say of their paths.
    let valid: [(trial: Trial, hops: TrialHops)]

    init(_ key: PairedBlocks.Key, record: RunRecord, blocks: PairedBlocks) {
      self.key = key
      self.record = record
      self.blocks = blocks
      trials = blocks.trials(of: key)
      let seen = trials.compactMap { trial in trial.hops.map { (trial: trial, hops: $0) } }
      // One path, one row of points: a trial that had another could not be added up with the rest.
      let points = seen.first?.hops.points
      valid = seen.filter { $0.hops.objections.isEmpty && $0.hops.points == points }
    }

    var points: [Waypoint] { trials.lazy.compactMap(\.hops).first?.points ?? [] }

    func hops() -> [HopResult] {
      let points = points
      let turn = points.firstIndex { $0.source == .application && $0.event == .receive } ?? 0
      return zip(points, points.dropFirst()).enumerated().map { index, ends in
        func level(_ quantile: (HopQuantiles) -> Double?) -> Measured<LevelEstimate> {
          self.level { $0.hops.hops.indices.contains(index) ? quantile($0.hops.hops[index]) : nil }
        }
        return HopResult(
          environment: key.environment, workload: key.workload, index: index,
          leg: index < turn ? .request : index == turn ? .server : .reply, kind: HopKind(from: ends.0, to: ends.1),
          from: ends.0.id, to: ends.1.id, p50: level(\.p50), p90: level(\.p90), p99: level(\.p99))
      }
    }

    func waterfall() -> WaterfallResult? {
      guard case .value(let spec) = record.capture, !trials.isEmpty else { return nil }
      let observed = level { $0.hops.roundTrip.p50 }
      // Trial by trial: where a host is now faster, now slower, estimates over trials need not add up.
      let sum = level { entry in
        let parts = entry.hops.hops.compactMap(\.p50)
        return parts.count == entry.hops.hops.count ? parts.reduce(0, +) : nil
      }
      var residual: Double?
      if case .value(let sum) = sum, case .value(let observed) = observed, observed.estimate > 0 {
        residual = (sum.estimate - observed.estimate) / observed.estimate
      }
      let closures = valid.compactMap(\.hops.requestClosure)
      return WaterfallResult(
        environment: key.environment, workload: key.workload,
        sampling: trials.lazy.compactMap(\.hops).first?.sampling ?? spec.sampling, points: points,
        trials: valid.count, excluded: excluded, sampled: valid.map(\.hops.sampled).reduce(0, +),
        matched: valid.map(\.hops.matched).reduce(0, +),
        unmatched: valid.map(\.hops.unmatched).reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }, taps: taps,
        roundTrip: level { $0.trial.values[.rttP50] }, observed: observed, sum: sum.estimate, residual: residual,
        requestClosure: closures.isEmpty ? nil : Descriptive.median(closures), tax: [.rttP50, .rttP99].map(tax))
    }

    private var excluded: [String] {
      trials.compactMap { trial in
        guard let hops = trial.hops else { return "block \(trial.block): nothing was captured" }
        if !hops.objections.isEmpty { return "block \(trial.block): \(hops.objections.joined(separator: "; "))" }
        return hops.points == points ? nil : "block \(trial.block): its path has other points"
      }
    }

    /// The sums of the trials' books, tap by tap.
    private var taps: [TapReading] {
      guard var sums = valid.first?.hops.taps else { return [] }
      for books in valid.dropFirst().map(\.hops.taps) where books.count == sums.count {
        for (index, book) in books.enumerated() { sums[index] += book }
      }
      return sums
    }

    /// A level over the trials that count: the pseudomedian with its interval, or the median alone where there are too
    /// few trials for one.
    private func level(_ value: ((trial: Trial, hops: TrialHops)) -> Double?) -> Measured<LevelEstimate> {
      let values = valid.map(value)
      let known = values.compactMap { $0 }
      guard !known.isEmpty else {
        return .unavailable(
          valid.isEmpty ? "no trial whose hops count" : "too few round trips were looked at in a trial")
      }
      guard known.count == values.count else {
        return .unavailable("\(values.count - known.count) of \(values.count) trials looked at too few round trips")
      }
      let confidence = record.profile.confidence
      guard let estimate = try? PairedComparison.compare(differences: known, scale: .difference, confidence: confidence)
      else { return .value(LevelEstimate(estimate: Descriptive.median(known), n: known.count)) }
      return .value(
        LevelEstimate(
          estimate: estimate.estimate, low: estimate.low, high: estimate.high, confidence: confidence, n: estimate.n))
    }

    /// Taps on against taps off, in the same blocks.
    private func tax(_ metric: Metric) -> WaterfallResult.Tax {
      var plain = key
      plain.isCaptured = false
      func compare(_ scale: ComparisonScale) throws(Comparison.Failure) -> Comparison {
        try Comparison(
          blocks, metric: metric, environment: key, baseline: plain, scale: scale,
          confidence: record.profile.confidence)
      }
      var tax = WaterfallResult.Tax(metric: metric, ratio: nil, difference: nil)
      do throws(Comparison.Failure) {
        tax.difference = try compare(.difference).interval
        let ratio = try compare(.ratio)
        tax.ratio = ratio.interval
        tax.note = ratio.obstacle
      } catch { tax.note = error.reason }
      return tax
    }
  }
}

extension Measured<LevelEstimate> {
  fileprivate var estimate: Double? {
    if case .value(let level) = self { level.estimate } else { nil }
  }
}

extension TapReading {
  fileprivate static func += (sum: inout TapReading, other: TapReading) {
    sum.packets += other.packets
    sum.used += other.used
    sum.outside += other.outside
    sum.duplicates += other.duplicates
    sum.foreign += other.foreign
    sum.undecodable += other.undecodable
    sum.dropped += other.dropped
    sum.interfaceDropped += other.interfaceDropped
  }
}
