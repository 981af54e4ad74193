internal import Foundation
internal import Model

/// Numbers of events and of bytes: they have no noise, so any change within an epoch is one, in whichever direction: fewer
/// events are another path, too.
///
/// A count is in history only if every block of its run repeats it to within ``SeriesResult/agreement``, which is what a
/// packet of somebody else adds now and then. Two nights agree by the same measure. It is held against the night
/// that was good last (the one that the baseline is from), so that a change is told until it is mended, or accepted by
/// pinning another baseline.
public enum CountGate {
  /// Holds tonight's value against the good one.
  ///
  /// - Parameters:
  ///   - value: tonight's, in the metric's unit.
  ///   - last: that of the last good night of the epoch, in the same unit.
  /// - Returns: what has changed, in a sentence; nil where it is the same.
  public static func change(to value: Double, from last: Double) -> String? {
    // The same measure as where two runs are compared: of the larger of the two.
    if abs(value - last) <= SeriesResult.agreement * max(abs(value), abs(last)) { return nil }
    return
      "It was \(number(last)) in the last good night and is \(number(value)) now; a count does not change by chance."
  }

  private static func number(_ value: Double) -> String { String(format: "%.6g", value) }
}
