public import Model

/// A series in a list: what it takes to choose one.
public struct HistoryListing: Sendable, Equatable {
  public var series: HistorySeries
  /// Nights that have a value of it.
  public var nights: Int
  /// The last of them.
  public var last: HistoryPoint
}
