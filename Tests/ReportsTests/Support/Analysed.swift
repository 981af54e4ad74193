import Model
import Statistics

// What the analysis computes beside estimates, for results that were made by hand.

extension SeriesResult {
  /// With the number that all trials agree on, of a count.
  var counted: SeriesResult {
    var series = self
    series.exact = metric.isCount ? Descriptive.agreed(trials, within: SeriesResult.agreement) : nil
    return series
  }
}

extension LadderResult {
  /// With what the steps make together.
  var composed: LadderResult {
    var ladder = self
    let ratios = steps.compactMap(\.ratio?.estimate)
    let differences = steps.compactMap(\.difference?.estimate)
    if ratios.count == steps.count { ladder.composedRatio = ratios.reduce(1, *) }
    if differences.count == steps.count { ladder.composedDifference = differences.reduce(0, +) }
    return ladder
  }
}
