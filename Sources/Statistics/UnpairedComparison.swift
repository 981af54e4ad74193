import Glibc

/// One series of trials against another of another time or place: two independent samples, nothing paired.
///
/// Both samples are checked for dependence in time (``SerialDependence``; if either asks for it, neighbours are merged in
/// both, so that the samples keep one kind of value) and give the Hodges–Lehmann estimate of the shift, of logarithms
/// where ratios are wanted, with an interval of order statistics of the differences.
///
/// **Which interval.** That of Moses, which belongs to the rank-sum test and is exact if both samples have the same shape,
/// is too narrow where the smaller sample has the larger spread, as two hosts easily have: nominal 99 % covered 94 % for
/// 8 values with three times the spread of 40 others, and 96 % with twice the spread of 18 others. So the variance of the
/// rank sum is also estimated from the placements of the aligned samples (Fligner & Policello, *JASA* 76 (1981) 162–168;
/// Hollander, Wolfe & Chicken §4.4), and the wider of both intervals is taken. Simulated, normal values, 3000 runs each,
/// nominal 99 %, spreads equal to tenfold in either sample: 98.6–99.9 % for 8 and 8, 12 and 12, 20 and 20, 40 and 40,
/// 8 and 18; no less than 97.7 % for 8 or 12 and 40. Its price is width: where the spreads are equal 1.16, 1.09, 1.06 and
/// 1.03 times that of Moses for the first four.
///
/// **What it cannot know.** The interval is about the two runs as they were. What differs from run to run on one and the
/// same host (the placement of memory, a neighbour for an hour) is the same for all blocks of a run, and so in no interval
/// that two runs can give.
public enum UnpairedComparison {
  /// The fewest values that each sample must have.
  public static let smallestCount = PairedComparison.smallestCount

  /// Compares two samples, each in block order.
  ///
  /// - Parameters:
  ///   - first: the values that the others are held against, in one unit; positive where `scale` is `.ratio`.
  ///   - second: the other values, in the same unit.
  ///   - scale: ratios (second ÷ first) or differences (second − first).
  ///   - confidence: between 0 and 1, both excluded.
  /// - Throws: `.notFinite`, `.notPositive`, or `.tooFewPairs` for fewer than 8 values in a sample or fewer than this
  ///   confidence needs.
  public static func compare(
    first: [Double], second: [Double], scale: ComparisonScale, confidence: Double
  ) throws(StatisticsError) -> UnpairedEstimate {
    precondition(confidence > 0 && confidence < 1, "a confidence lies between 0 and 1")
    for value in first + second {
      guard value.isFinite else {
        throw StatisticsError(code: .notFinite, message: "a trial has no finite value: void its block and run it again")
      }
      guard scale == .difference || value > 0 else {
        throw StatisticsError(
          code: .notPositive, message: "a value is not positive, so that no ratio exists: compare differences")
      }
    }
    let fewest = min(first.count, second.count)
    guard fewest >= smallestCount,
      RankSum.criticalValue(n: first.count, m: second.count, confidence: confidence) != nil
    else {
      throw StatisticsError(
        code: .tooFewPairs,
        message: "\(first.count) and \(second.count) blocks are too few for an interval of "
          + "\(Decimals.format(confidence * 100, places: 2)) %: run at least \(max(smallestCount, fewest + 1)) in each")
    }
    let values = (first.map(scale.analysed), second.map(scale.analysed))
    let assessed = (SerialDependence.assess(values.0), SerialDependence.assess(values.1))
    let factor = max(assessed.0.mergedBlocks, assessed.1.mergedBlocks)
    var used = values
    var dependence = SerialDependence.Verdict.independent
    if assessed.0.verdict == .dependent || assessed.1.verdict == .dependent {
      dependence = .dependent
    } else if factor > 1 {
      let merged = (
        SerialDependence.merge(values.0, factor: factor), SerialDependence.merge(values.1, factor: factor)
      )
      let canMerge =
        min(merged.0.count, merged.1.count) >= smallestCount
        && RankSum.criticalValue(n: merged.0.count, m: merged.1.count, confidence: confidence) != nil
      dependence = canMerge ? .mergedAway : .dependent
      if canMerge { used = merged }
    }
    guard let moses = RankSum.criticalValue(n: used.0.count, m: used.1.count, confidence: confidence) else {
      preconditionFailure("samples without an interval are refused above, and not made by merging")
    }
    let shift = HodgesLehmannShift.estimate(from: used.0, to: used.1)
    let aligned = Placements(used.0, used.1.map { $0 - shift })
    let product = used.0.count * used.1.count
    let robust = Int(
      (Double(product) / 2 - normalQuantile(upperTail: (1 - confidence) / 2) * aligned.deviation).rounded(.down))
    let k = min(moses, max(0, robust))
    let interval = HodgesLehmannShift.interval(from: used.0, to: used.1, criticalValue: k)
    let halves = [values.0, values.1].compactMap { SplitHalf.agreement($0, confidence: confidence) }
    return UnpairedEstimate(
      scale: scale, estimate: scale.reported(interval.estimate), low: scale.reported(interval.low),
      high: scale.reported(interval.high), confidence: confidence, achievedConfidence: interval.achievedConfidence,
      counts: (used.0.count, used.1.count), lag1: (assessed.0.lag1, assessed.1.lag1),
      mergedBlocks: dependence == .mergedAway ? factor : 1, dependence: dependence,
      splitHalvesAgree: halves.isEmpty ? nil : halves.allSatisfy(\.self),
      pValue: max(RankSum.pValue(first: used.0, second: used.1), Placements(used.0, used.1).pValue))
  }

  /// z with P(Z > z) = `tail`, by bisection.
  static func normalQuantile(upperTail tail: Double) -> Double {
    var low = 0.0
    var high = 40.0
    while high - low > 1e-12 * max(1, low) {
      let middle = (low + high) / 2
      if erfc(middle / 2.0.squareRoot()) / 2 > tail { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}

/// How many values of the other sample lie below each value, ties by half.
private struct Placements {
  /// The estimated standard deviation of U that does not suppose one spread for both samples.
  let deviation: Double
  /// Two-sided, by the normal approximation.
  let pValue: Double

  init(_ first: [Double], _ second: [Double]) {
    var ofFirst = [Double](repeating: 0, count: first.count)
    var ofSecond = [Double](repeating: 0, count: second.count)
    for i in first.indices {
      for j in second.indices {
        let share = second[j] < first[i] ? 1.0 : second[j] == first[i] ? 0.5 : 0
        ofFirst[i] += share
        ofSecond[j] += 1 - share
      }
    }
    let means = (Descriptive.mean(ofFirst), Descriptive.mean(ofSecond))
    var variance = means.0 * means.1
    for placement in ofFirst { variance += (placement - means.0) * (placement - means.0) }
    for placement in ofSecond { variance += (placement - means.1) * (placement - means.1) }
    deviation = variance.squareRoot()
    let distance = abs(ofSecond.reduce(0, +) - Double(first.count * second.count) / 2)
    pValue = deviation > 0 ? erfc(distance / deviation / 2.0.squareRoot()) : distance > 0 ? 0 : 1
  }
}
