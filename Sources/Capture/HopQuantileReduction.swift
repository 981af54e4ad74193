public import Model

/// From many durations to the few quantiles that are kept of them.
public enum HopQuantileReduction {
  /// p50, p90 and p99 by nearest rank: of n values in ascending order the one of rank ⌈q · n⌉, so always one of them.
  ///
  /// A quantile is nil where it would leave no value beyond it, n · (1 − q) < 1: fewer than 2 values for p50, 10 for p90,
  /// 100 for p99. There it would be the greatest value itself. That one is enough is a low bar on purpose: how far a
  /// quantile of few values is to be trusted is what the interval over trials says.
  /// - Parameter values: in ns, in any order.
  public static func quantiles(_ values: [Int64]) -> HopQuantiles { reduce(values) { Double($0) } }

  /// The same for durations that cannot be negative.
  public static func quantiles(_ values: [UInt64]) -> HopQuantiles { reduce(values) { Double($0) } }

  private static func reduce<Value: Comparable>(_ values: [Value], _ number: (Value) -> Double) -> HopQuantiles {
    let ordered = values.sorted()
    func quantile(_ percent: Int) -> Double? {
      rank(percent, of: ordered.count).map { number(ordered[$0 - 1]) }
    }
    return HopQuantiles(p50: quantile(50), p90: quantile(90), p99: quantile(99))
  }

  /// The rank of a percentile among `count` values, from 1 on; nil where there are too few for it.
  static func rank(_ percent: Int, of count: Int) -> Int? {
    count * (100 - percent) < 100 ? nil : (count * percent + 99) / 100
  }
}
