public import Foundation

/// What is followed from night to night: one quantity of one metric of one workload in one environment of a scenario.
public struct HistorySeries: Codable, Sendable, Hashable {
  /// What of the metric is followed.
  public enum Quantity: String, Codable, Sendable, CaseIterable {
    /// Environment ÷ baseline, estimated over the run's blocks: dimensionless, positive. What the host costs, which a
    /// night that is slower altogether does not move.
    case overhead
    /// The median over the run's blocks, in the metric's unit. Kept of the baseline, and shown, never judged by itself.
    case level
    /// A number of events or bytes that every block of the run repeats, in the metric's unit.
    case count
  }

  /// The scenario's name.
  public var scenario: String
  public var workload: String
  public var environment: String
  public var metric: Metric
  public var quantity: Quantity

  public init(scenario: String, workload: String, environment: String, metric: Metric, quantity: Quantity) {
    self.scenario = scenario
    self.workload = workload
    self.environment = environment
    self.metric = metric
    self.quantity = quantity
  }

  /// `network-hop/udp-rr-spin/bridge/rtt_p50:overhead`: how commands, files and reports name it.
  public var name: String { "\(scenario)/\(workload)/\(environment)/\(metric.rawValue):\(quantity.rawValue)" }

  /// Reads ``name``. Without a quantity, a count's is `count` and any other metric's `overhead`.
  /// - Returns: nil if `name` is none.
  public init?(name: String) {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 4, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    let last = parts[3].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard last.count <= 2, let word = last.first, let metric = Metric(rawValue: word) else { return nil }
    var quantity = metric.isCount ? Quantity.count : .overhead
    if last.count == 2 {
      guard let named = Quantity(rawValue: last[1]) else { return nil }
      quantity = named
    }
    self.init(scenario: parts[0], workload: parts[1], environment: parts[2], metric: metric, quantity: quantity)
  }

  /// Whether a larger value is worse. Of an overhead, that of its metric.
  public var isCost: Bool { metric.isCost }
}

/// A series' value in one night.
public struct HistoryPoint: Codable, Sendable, Equatable {
  /// The night's id.
  public var night: String
  /// When the night began.
  public var started: Date
  /// The epoch's number, from 1.
  public var epoch: Int
  /// In the unit of the series' quantity.
  public var value: Double
  /// The ends of its interval; nil of a level and of a count.
  public var low: Double?
  public var high: Double?

  public init(night: String, started: Date, epoch: Int, value: Double, low: Double? = nil, high: Double? = nil) {
    self.night = night
    self.started = started
    self.epoch = epoch
    self.value = value
    self.low = low
    self.high = high
  }
}

/// A series' value before it has a night: what a run contributes to history.
public struct SeriesValue: Codable, Sendable, Equatable {
  public var series: HistorySeries
  public var value: Double
  public var low: Double?
  public var high: Double?

  public init(series: HistorySeries, value: Double, low: Double? = nil, high: Double? = nil) {
    self.series = series
    self.value = value
    self.low = low
    self.high = high
  }
}

/// One series' history, as `bench history` shows it.
public struct HistoryView: Codable, Sendable, Equatable {
  public var series: HistorySeries
  /// Of ``HistoryPoint/value``: of an overhead 1.
  public var unit: Metric.Unit
  /// Oldest first.
  public var points: [HistoryPoint]
  /// Oldest first.
  public var changePoints: [NightResult.ChangePoint]
  /// Those that have a point, oldest first.
  public var epochs: [Epoch]

  enum CodingKeys: String, CodingKey {
    case series, unit, points
    case changePoints = "change_points"
    case epochs
  }

  public init(
    series: HistorySeries, unit: Metric.Unit, points: [HistoryPoint], changePoints: [NightResult.ChangePoint],
    epochs: [Epoch]
  ) {
    self.series = series
    self.unit = unit
    self.points = points
    self.changePoints = changePoints
    self.epochs = epochs
  }
}
