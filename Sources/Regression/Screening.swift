internal import Glibc
internal import Statistics

/// Tonight's overheads held against those of the nights before: which series lie further off than chance explains.
///
/// For a series with m nights of history, values in natural logarithms,
///
///     t = (y − median) ÷ (s · √(1 + 1.57/m)),   s = 1.4826 · MAD,
///
/// is held against Student's t with m − 1 degrees of freedom. The root adds the error of the median itself, whose variance is
/// 1.57 ÷ m of that of a value. A series is flagged where p < ``level`` in the worse direction, and it is at least
/// ``smallestEffect`` worse.
///
/// **What all series share** is a night's mood, and is taken out first: of tonight, and of every night of the history, since
/// otherwise the moods of the past would be in s and hide what is a series' own. A night's mood is the median, over the
/// series, of how far each lies from its own median in the *costlier* direction: a night that makes round trips longer
/// makes rates smaller. What more than half of all series have in common is therefore not flagged; it is reported as
/// ``ScreeningOutcome/common``, and today's worker is held against the pinned one directly in any case (``Confirming``).
///
/// **A screen, not a verdict.** MAD is had from few nights with less certainty than m − 1 degrees of freedom say: of 500
/// series that did not change, 6 to 9 are flagged a night where noise is normal, and up to 20 where its tails are heavy
/// (docs/nightly-simulation.md). That is the price of finding, on the same night, most of what is 5 % worse.
public enum Screening {
  /// The fewest nights of history that a series is screened against.
  public static let nightsNeeded = 20
  /// The one-sided p-value below which a series is flagged.
  public static let level = 0.01
  /// The smallest change that is worth a second look, as a ratio less 1.
  public static let smallestEffect = 0.02
  /// The fewest series whose median is a night's mood.
  ///
  /// One series that regressed, be it ever so much, moves the median of k series by half the distance between two order
  /// statistics: by 0.18 standard deviations of a night at 8 series, 0.42 at 4, 0.56 at 3, and it *is* the median where it
  /// is alone. Below 8 nothing is taken out, and the moods stay in the spread.
  public static let seriesNeeded = 8
  /// The smallest spread that is believed, in natural logarithms: no ratio of measured times is known better than to a
  /// part in a thousand, and 20 equal values do not say that there is no spread.
  public static let smallestSpread = 0.001

  /// Screens one night. Pure: the same numbers give the same outcome.
  ///
  /// - Parameters:
  ///   - history: `history[series][night]`, natural logarithms, oldest first; nil where a night lacks the series. All rows
  ///     have the same length. What is not finite counts as lacking.
  ///   - tonight: one value a series, likewise.
  ///   - isCost: of each series, whether larger is worse.
  /// - Returns: of each series what was found, in the order given.
  public static func screen(history: [[Double?]], tonight: [Double?], isCost: [Bool]) -> ScreeningOutcome {
    precondition(
      history.count == tonight.count && history.count == isCost.count,
      "history, tonight and isCost are of the same series")
    let nights = history.first?.count ?? 0
    precondition(history.allSatisfy { $0.count == nights }, "all series have the same nights, some of them nil")

    // In the costlier direction from here on, so that one night's mood has one sign.
    var rows: [Row] = []
    for (index, value) in tonight.enumerated() {
      let sign = isCost[index] ? 1.0 : -1.0
      guard let value, value.isFinite else { continue }
      let row = Row(index: index, sign: sign, tonight: sign * value, history: history[index])
      if row.values.count >= nightsNeeded { rows.append(row) }
    }
    let common = takeOutMoods(&rows, nights: nights)

    var series = [ScreenedSeries?](repeating: nil, count: tonight.count)
    for row in rows { series[row.index] = row.screened(common: common ?? 0) }
    let counted = (0..<nights).count { night in history.contains { $0[night]?.isFinite ?? false } }
    return ScreeningOutcome(common: common, nights: counted, series: series)
  }

  /// Takes each night's mood out of its values, and says what tonight's is; nil, and nothing done, where too few series have
  /// tonight.
  private static func takeOutMoods(_ rows: inout [Row], nights: Int) -> Double? {
    guard rows.count >= seriesNeeded else { return nil }
    var deviations = [[Double]](repeating: [], count: nights)
    for row in rows {
      for (night, value) in zip(row.nights, row.values) { deviations[night].append(value - row.median) }
    }
    // A night with too few series keeps its mood, which makes spreads larger, never smaller.
    let moods = deviations.map { $0.count >= seriesNeeded ? Descriptive.median($0) : 0 }
    for index in rows.indices { rows[index].subtract(moods) }
    return Descriptive.median(rows.map { $0.tonight - $0.median })
  }

  /// One series that can be screened.
  private struct Row {
    let index: Int
    /// 1 of a cost, −1 of what is better when larger; every value here has been multiplied by it.
    let sign: Double
    let tonight: Double
    /// The nights that have a value, and the values.
    private(set) var nights: [Int] = []
    private(set) var values: [Double] = []
    private(set) var median = 0.0

    init(index: Int, sign: Double, tonight: Double, history: [Double?]) {
      self.index = index
      self.sign = sign
      self.tonight = tonight
      nights.reserveCapacity(history.count)
      values.reserveCapacity(history.count)
      for (night, value) in history.enumerated() {
        guard let value, value.isFinite else { continue }
        nights.append(night)
        values.append(sign * value)
      }
      if !values.isEmpty { median = Descriptive.median(values) }
    }

    mutating func subtract(_ moods: [Double]) {
      for place in values.indices { values[place] -= moods[nights[place]] }
      median = Descriptive.median(values)
    }

    func screened(common: Double) -> ScreenedSeries {
      let spread = spread
      let worse = tonight - common - median
      let count = Double(values.count)
      let t = worse / (spread * (1 + 1.57 / count).squareRoot())
      let p = StudentT.upperTail(t, degreesOfFreedom: count - 1)
      let least = log1p(Screening.smallestEffect)
      return ScreenedSeries(
        nights: values.count, median: sign * median, spread: spread, shift: sign * worse, t: sign * t, pValue: p,
        isFlagged: p < Screening.level && worse >= least,
        isBetter: StudentT.upperTail(-t, degreesOfFreedom: count - 1) < Screening.level && worse <= -least)
    }

    /// An estimate of the standard deviation that a few bad nights do not touch.
    private var spread: Double {
      let deviations = values.map { abs($0 - median) }
      var spread = 1.4826 * Descriptive.median(deviations)
      // More than half of all nights are equal: MAD then says nothing of the others. The mean deviation does, times
      // √(π/2), as for the modified z-score (Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993).
      if spread == 0 { spread = 1.2533 * Descriptive.mean(deviations) }
      return max(spread, Screening.smallestSpread)
    }
  }
}

/// What screening a night has found.
public struct ScreeningOutcome: Sendable, Equatable {
  /// How much costlier tonight is than the history in all series alike, in natural logarithms, which was taken out of each;
  /// nil where too few series were screened to tell (``Screening/seriesNeeded``), and nothing was taken out.
  public var common: Double?
  /// Nights of the history that have any value.
  public var nights: Int
  /// In the order given; nil of a series that tonight lacks, or that has fewer than ``Screening/nightsNeeded`` nights.
  public var series: [ScreenedSeries?]

  public init(common: Double?, nights: Int, series: [ScreenedSeries?]) {
    self.common = common
    self.nights = nights
    self.series = series
  }
}

/// One series as it was screened.
public struct ScreenedSeries: Sendable, Equatable {
  /// Nights that it was held against.
  public var nights: Int
  /// The median of those nights, in natural logarithms, each night's mood taken out.
  public var median: Double
  /// The standard deviation of a night, estimated by MAD, in natural logarithms.
  public var spread: Double
  /// tonight − median, in natural logarithms, what all series did alike taken out; above 0 is more, whether that is worse
  /// or not.
  public var shift: Double
  /// ``shift`` in standard deviations of a night, the median's own error included; of the same sign.
  public var t: Double
  /// One-sided, of "not worse".
  public var pValue: Double
  /// Whether it is worse by more than chance explains, and by enough to matter.
  public var isFlagged: Bool
  /// Likewise better.
  public var isBetter: Bool

  public init(
    nights: Int, median: Double, spread: Double, shift: Double, t: Double, pValue: Double, isFlagged: Bool,
    isBetter: Bool
  ) {
    self.nights = nights
    self.median = median
    self.spread = spread
    self.shift = shift
    self.t = t
    self.pValue = pValue
    self.isFlagged = isFlagged
    self.isBetter = isBetter
  }
}
