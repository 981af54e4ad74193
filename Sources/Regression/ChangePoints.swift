internal import Foundation
public import Model
internal import Statistics

/// Where a series changed its level and stayed there for nights: creep, and what a changed host brought. It is reported; no
/// night fails by it.
///
/// E-divisive (``EDivisive``) over natural logarithms, in which an equal ratio is an equal step at every level; over counts
/// as they are, which may be 0.
public enum ChangePoints {
  /// The fewest nights that a level must have lasted, on either side. Before, it is a bad night or two.
  public static let nightsNeeded = 3
  /// The largest p-value, of Student's t test between the levels. The change point was chosen because it is the most
  /// different of all nights, so that its p-value is too small: hence a bound so low.
  public static let largestPValue = 1e-5

  /// The change points of one series.
  ///
  /// - Parameters:
  ///   - points: oldest first. Where they are of several epochs, each epoch is looked at by itself: between two, the host
  ///     changed, and a change of level is no news. A value that is not finite is left out.
  ///   - series: what they are of.
  /// - Returns: oldest first.
  public static func find(_ points: [HistoryPoint], of series: HistorySeries) -> [NightResult.ChangePoint] {
    var found: [NightResult.ChangePoint] = []
    var start = points.startIndex
    while start < points.endIndex {
      let end = points[start...].firstIndex { $0.epoch != points[start].epoch } ?? points.endIndex
      found += find(inEpoch: points[start..<end].filter(\.value.isFinite), of: series)
      start = end
    }
    return found
  }

  private static func find(inEpoch points: [HistoryPoint], of series: HistorySeries) -> [NightResult.ChangePoint] {
    let hasLogarithms = series.quantity != .count && points.allSatisfy { $0.value > 0 }
    let settings = EDivisive.Settings(largestPValue: largestPValue, shortestLevel: nightsNeeded)
    let changes = EDivisive.changePoints(points.map { hasLogarithms ? log($0.value) : $0.value }, settings: settings)
    return changes.map { change in
      NightResult.ChangePoint(
        series: series, night: points[change.index].night, started: points[change.index].started,
        nights: points.count - change.index,
        before: hasLogarithms ? exp(change.meanBefore) : change.meanBefore,
        after: hasLogarithms ? exp(change.meanAfter) : change.meanAfter, pValue: change.pValue)
    }
  }
}
