internal import Model
internal import Statistics

/// One environment against another in one metric, on one scale.
struct Comparison {
  let estimate: PairedEstimate

  var interval: IntervalEstimate {
    IntervalEstimate(
      estimate: estimate.estimate, low: estimate.low, high: estimate.high, confidence: estimate.confidence,
      n: estimate.n, method: estimate.method == .wilcoxon ? "wilcoxon" : "sign-test",
      minimumDetectableEffect: estimate.minimumDetectableEffect, lag1: estimate.lag1,
      mergedBlocks: estimate.mergedBlocks)
  }

  /// Why nothing may be concluded from the estimate; nil if something may.
  var obstacle: String? {
    if estimate.dependence == .dependent {
      return "neighbouring blocks depend on each other, and merging them did not help"
    }
    if estimate.splitHalfAgrees == false { return "the first and the second half of the blocks disagree" }
    return nil
  }

  /// What stands in the way of comparing two series at all.
  struct Failure: Error {
    let reason: String
  }

  init(
    _ blocks: PairedBlocks, metric: Metric, environment: PairedBlocks.Key, baseline: PairedBlocks.Key,
    scale: ComparisonScale, confidence: Double
  ) throws(Failure) {
    let numerator = try Self.values(blocks, metric, environment)
    let denominator = try Self.values(blocks, metric, baseline)
    do throws(StatisticsError) {
      estimate = try PairedComparison.compare(
        environment: numerator, baseline: denominator, scale: scale, confidence: confidence)
    } catch { throw Failure(reason: error.message) }
  }

  private static func values(
    _ blocks: PairedBlocks, _ metric: Metric, _ key: PairedBlocks.Key
  ) throws(Failure) -> [Double] {
    switch blocks.values(metric, key) {
    case .value(let values): return values
    case .unavailable(let reason): throw Failure(reason: "\(key.environment): \(reason)")
    }
  }
}
