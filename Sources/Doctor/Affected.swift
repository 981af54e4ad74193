internal import Environments
internal import Model

/// What findings that concern everything have in common.
enum Affected {
  /// All environments.
  static let environments = EnvironmentRegistry.names

  /// The metrics that are a time, or are made of times.
  static let latencies = Metric.allCases
    .filter { $0.unit == .nanoseconds || $0.unit == .perSecond || $0.unit == .bitsPerSecond }
    .map(\.rawValue)
}
