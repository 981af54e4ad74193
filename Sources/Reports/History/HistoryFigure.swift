public import Foundation
public import Model
internal import PlainText

/// Values of history as lists and tables write them.
public enum HistoryFigure {
  /// `value` in the unit of the series' quantity: an overhead as a factor with three decimals, a level and a count in the
  /// unit of its size.
  public static func text(_ value: Double, of series: HistorySeries) -> String {
    series.quantity == .overhead
      ? NumberFormat.decimal(value, places: 3) + "×" : NumberFormat.level(value, series.metric)
  }

  /// "2026-11-24 03:15:41 UTC".
  public static func date(_ date: Date) -> String { NumberFormat.date(date) }

  /// "64.01 MiB".
  public static func size(_ bytes: Int) -> String { NumberFormat.size(Double(bytes)) }
}
