/// What one trial of a network workload yields as a single number.
///
/// Raw values are the stable names used in the store, in scenarios and in `bench.run/1`.
public enum Metric: String, Codable, Sendable, CaseIterable, Hashable, CodingKeyRepresentable {
  case rttP50 = "rtt_p50"
  case rttP90 = "rtt_p90"
  case rttP99 = "rtt_p99"
  case rttP999 = "rtt_p99_9"
  case rttMax = "rtt_max"
  case rttMean = "rtt_mean"
  case rate = "rate"
  case clientCPU = "client_cpu"
  case serverCPU = "server_cpu"
  case clientSwitches = "client_switches"
  case serverSwitches = "server_switches"

  /// The unit of stored values.
  public enum Unit: String, Codable, Sendable {
    case nanoseconds = "ns"
    case perSecond = "1/s"
    case nanosecondsPerRoundTrip = "ns/roundtrip"
    case perRoundTrip = "1/roundtrip"
  }

  public var unit: Unit {
    switch self {
    case .rttP50, .rttP90, .rttP99, .rttP999, .rttMax, .rttMean: .nanoseconds
    case .rate: .perSecond
    case .clientCPU, .serverCPU: .nanosecondsPerRoundTrip
    case .clientSwitches, .serverSwitches: .perRoundTrip
    }
  }

  /// Whether a larger value means a higher cost. Only the rate is better when larger.
  public var isCost: Bool { self != .rate }

  /// A short name for table heads.
  public var title: String {
    switch self {
    case .rttP50: "round trip p50"
    case .rttP90: "round trip p90"
    case .rttP99: "round trip p99"
    case .rttP999: "round trip p99.9"
    case .rttMax: "round trip max"
    case .rttMean: "round trip mean"
    case .rate: "round trips per second"
    case .clientCPU: "client CPU per round trip"
    case .serverCPU: "server CPU per round trip"
    case .clientSwitches: "client context switches per round trip"
    case .serverSwitches: "server context switches per round trip"
    }
  }

  /// How the number comes about, for the definitions in reports.
  public var definition: String {
    switch self {
    case .rttP50, .rttP90, .rttP99, .rttP999:
      "The quantile, by nearest rank, of every round trip in one trial's window: from just before the request is "
        + "handed to the kernel until the whole reply has been read, on CLOCK_MONOTONIC in the client."
    case .rttMax: "The longest round trip in one trial's window."
    case .rttMean: "The arithmetic mean of the round trips in one trial's window."
    case .rate: "Round trips completed in one trial's window, divided by the length of the window."
    case .clientCPU:
      "CPU time of the client process (user and system) within the window, divided by the round trips completed."
    case .serverCPU:
      "CPU time of the server process (user and system), read from its CPU clock by the controller right before the "
        + "window opens and right after it closes, divided by the round trips completed."
    case .clientSwitches:
      "Voluntary and involuntary context switches of the client within the window, divided by the round trips."
    case .serverSwitches:
      "Voluntary and involuntary context switches of the server around the window, divided by the round trips."
    }
  }
}
