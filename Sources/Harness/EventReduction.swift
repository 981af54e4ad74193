internal import LinuxKit
internal import Model

/// Events per operation, or why they are not known.
enum EventCount: Equatable {
  case value(Double)
  case unavailable(String)
}

/// From the kernel's counters to events per operation.
enum EventReduction {
  static func counts(
    _ counts: [(event: KernelEvent, count: EventCounters.Count)], operations: UInt64, workload: WorkloadSpec
  ) -> [Metric: EventCount] {
    var result: [Metric: EventCount] = [:]
    for (event, count) in counts {
      guard let metric = Metric(rawValue: event.rawValue) else { continue }
      if let reason = objection(to: metric, workload) {
        result[metric] = .unavailable(reason)
        continue
      }
      switch count {
      case .value(let number): result[metric] = .value(Double(number) / Double(operations))
      case .unavailable(let reason): result[metric] = .unavailable(reason)
      }
    }
    return result
  }

  /// A loop that polls makes as many system calls as there is time for: their number says nothing about the path.
  private static func objection(to metric: Metric, _ workload: WorkloadSpec) -> String? {
    guard workload.wait == .spin else { return nil }
    switch metric {
    case .systemCalls, .instructions, .cycles:
      return "a worker that spins polls as often as it can: count with wait 'block'"
    default: return nil
    }
  }
}
