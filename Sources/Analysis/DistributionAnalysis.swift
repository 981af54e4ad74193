internal import Model
internal import Statistics

/// The distributions of latencies, trial by trial.
enum DistributionAnalysis {
  /// Close enough for a smooth line, closer in the tails. A trial that has too few samples for the last ones goes
  /// without them.
  static let shares: [Double] =
    [0.001, 0.002, 0.005, 0.01, 0.025] + (1...19).map { Double($0) / 20 }
    + [0.975, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99995, 0.99999]

  /// One for each environment, and for the control, of each workload that times single operations; nil where there is
  /// none.
  static func distributions(_ record: RunRecord, _ blocks: PairedBlocks) -> [DistributionResult]? {
    let all = PairedBlocks.keys(of: record).filter { !$0.isCaptured }
      .compactMap { distribution($0, blocks.trials(of: $0)) }
    return all.isEmpty ? nil : all
  }

  /// nil where there are too few samples for a line.
  private static func distribution(_ key: PairedBlocks.Key, _ trials: [Trial]) -> DistributionResult? {
    let histograms = trials.map(\.histogram)
    guard let fewest = histograms.map(\.total).min(), fewest > 0 else { return nil }
    let needed = Double(DistributionResult.fewestSamples) * (1 - 1e-9)
    let shares = shares.filter { Double(fewest) * min($0, 1 - $0) >= needed }
    guard shares.count > 4 else { return nil }
    let quantiles = histograms.map { $0.quantiles(shares).map { Double($0) } }
    let columns = shares.indices.map { place in quantiles.map { $0[place] } }
    return DistributionResult(
      environment: key.environment, workload: key.workload, isControl: key.isControl, trials: trials.count,
      shares: shares, medians: columns.map { Descriptive.median($0) }, lows: columns.map { $0.min() ?? 0 },
      highs: columns.map { $0.max() ?? 0 })
  }
}
