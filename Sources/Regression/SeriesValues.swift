public import Model

/// What of a run becomes history.
public enum SeriesValues {
  /// A largest value says more about the length of the window than about the path.
  private static let leftOut: Set<Metric> = [.rttMax, .loss]
  /// The processor counts these, and other work on it shows in them: they are no counts that repeat.
  private static let inexact: Set<Metric> = [.instructions, .cycles]

  /// The values of every series that `result` has, in the order of its table: of timed metrics the overhead of each
  /// environment, and the level of the headline in the baseline; of counts what every block of an environment repeats.
  public static func values(of result: RunResult) -> [SeriesValue] {
    let headlines = Dictionary(
      result.workloads.map { ($0.name, $0.kind.headline) }, uniquingKeysWith: { first, _ in first })
    return result.series.compactMap { row in
      func value(_ quantity: HistorySeries.Quantity, _ value: Double, _ interval: IntervalEstimate? = nil)
        -> SeriesValue
      {
        SeriesValue(
          series: HistorySeries(
            scenario: result.run.scenario, workload: row.workload, environment: row.environment, metric: row.metric,
            quantity: quantity),
          value: value, low: interval?.low, high: interval?.high)
      }
      guard !leftOut.contains(row.metric) else { return nil }
      if row.metric.isCount {
        guard let exact = row.exact, !inexact.contains(row.metric) else { return nil }
        return value(.count, exact)
      }
      if row.environment == result.run.baseline {
        guard row.metric == headlines[row.workload], let median = row.median else { return nil }
        return value(.level, median)
      }
      guard let ratio = row.ratio, ratio.estimate > 0, ratio.estimate.isFinite else { return nil }
      return value(.overhead, ratio.estimate, ratio)
    }
  }
}
