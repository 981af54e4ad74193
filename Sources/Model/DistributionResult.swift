/// How the latency of a workload is distributed in one environment: what pictures of distributions are drawn from.
///
/// Each trial has a distribution of its own. At each share stands the median over the valid blocks of the trials'
/// quantiles, beside the smallest and the largest of them; samples of different trials are never pooled.
public struct DistributionResult: Codable, Sendable, Equatable {
  /// At each share there must be this many samples of every trial above it and, if it is less than a half, below it:
  /// the same rule as for the percentiles among the metrics.
  public static let fewestSamples = 100

  public var environment: String
  public var workload: String
  /// Whether this is the second copy of the baseline.
  public var isControl: Bool
  /// The number of trials.
  public var trials: Int
  /// Parts of the samples, ascending, each in 0...1.
  public var shares: [Double]
  /// The latency in ns that the part at the same place of ``shares`` does not exceed: median over the trials.
  public var medians: [Double]
  /// The smallest of the trials' quantiles, in ns.
  public var lows: [Double]
  /// The largest of the trials' quantiles, in ns.
  public var highs: [Double]

  enum CodingKeys: String, CodingKey {
    case environment, workload
    case isControl = "control"
    case trials, shares, medians, lows, highs
  }

  public init(
    environment: String, workload: String, isControl: Bool = false, trials: Int, shares: [Double], medians: [Double],
    lows: [Double], highs: [Double]
  ) {
    self.environment = environment
    self.workload = workload
    self.isControl = isControl
    self.trials = trials
    self.shares = shares
    self.medians = medians
    self.lows = lows
    self.highs = highs
  }
}
