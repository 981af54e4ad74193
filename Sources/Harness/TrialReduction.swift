internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// From a window's samples to the few numbers that a trial is.
struct TrialReduction {
  let window: MeasuredWindow
  let workload: WorkloadSpec

  /// A quantile q needs this many samples beyond it, N(1 − q) ≥ 100, to be a number and not an accident.
  private static let samplesBeyond = 100.0

  func trial(
    block: Int, position: Int, slot: RunPlan.Slot, attestation: Attestation, hops: TrialHops? = nil
  ) -> Trial {
    let histogram = LatencyHistogram(samples: window.samples)
    var metrics = Metrics()
    if workload.kind.isTimed { addLatencies(histogram, to: &metrics) }
    addRates(to: &metrics)
    addCPU(to: &metrics)
    for (metric, count) in window.counts {
      switch count {
      case .value(let number): metrics.values[metric] = number
      case .unavailable(let reason): metrics.unavailable[metric] = reason
      }
    }
    for metric in workload.kind.metrics where metrics.values[metric] == nil && metrics.unavailable[metric] == nil {
      metrics.unavailable[metric] = reason(for: metric)
    }
    return Trial(
      block: block, position: position, environment: slot.environment, isControl: slot.isControl,
      isCaptured: slot.isCaptured, workload: slot.workload, started: window.started,
      windowNanoseconds: window.client.windowNanoseconds, values: metrics.values, unavailable: metrics.unavailable,
      histogram: histogram,
      messages: MessageCounts(
        sent: window.client.sent, completed: completed, lost: lost,
        late: window.client.late, duplicate: window.client.duplicate, foreign: window.client.foreign),
      attestation: attestation, noise: window.noise, hops: hops)
  }

  private struct Metrics {
    var values: [Metric: Double] = [:]
    var unavailable: [Metric: String] = [:]
  }

  /// Operations that were completed: messages that arrived, of a stream.
  private var completed: UInt64 {
    switch workload.kind {
    case .udpStream: window.server.windowMessages
    case .tcpStream: window.server.windowBytes / UInt64(workload.size)
    default: UInt64(window.client.samples)
    }
  }

  private var lost: UInt64 {
    switch workload.kind {
    case .udpStream: window.client.sent - min(window.client.sent, window.server.windowMessages)
    default: window.client.lost
    }
  }

  private func addLatencies(_ histogram: LatencyHistogram, to metrics: inout Metrics) {
    addQuantiles([(.rttP50, 0.5), (.rttP90, 0.9), (.rttP99, 0.99), (.rttP999, 0.999)], of: histogram, to: &metrics)
    metrics.values[.rttMax] = histogram.maximum.map { Double($0) }
    metrics.values[.rttMean] = histogram.mean
    guard window.client.hasServiceTimes else { return }
    addQuantiles(
      [(.serviceP50, 0.5), (.serviceP99, 0.99), (.serviceP999, 0.999)],
      of: LatencyHistogram(samples: window.serviceTimes), to: &metrics)
  }

  private func addQuantiles(
    _ quantiles: [(Metric, Double)], of histogram: LatencyHistogram, to metrics: inout Metrics
  ) {
    let count = Double(histogram.total)
    for (metric, q) in quantiles {
      let needed = (Self.samplesBeyond / (1 - q)).rounded()
      if window.client.hasServiceTimes, Double(window.client.lost) > (1 - q) * Double(window.client.sent) {
        // A request that was never answered took longer than any that was: the quantile lies among those.
        metrics.unavailable[metric] =
          "\(window.client.lost) of \(window.client.sent) requests were never answered, more than the quantile leaves out"
      } else if count >= needed, let value = histogram.quantile(q) {
        metrics.values[metric] = Double(value)
      } else {
        metrics.unavailable[metric] =
          "\(histogram.total) \(Self.samples(of: workload.kind)) in the window, and \(Int(needed)) are needed"
      }
    }
  }

  private static func samples(of kind: WorkloadSpec.Kind) -> String {
    switch kind {
    case .tcpCRR: "transactions"
    case .udpOpen, .tcpOpen: "replies"
    default: "round trips"
    }
  }

  private func addRates(to metrics: inout Metrics) {
    let seconds = Double(window.client.windowNanoseconds) / 1e9
    guard seconds > 0 else { return }
    if completed > 0 { metrics.values[.rate] = Double(completed) / seconds }
    if window.server.windowBytes > 0 {
      metrics.values[.throughput] = Double(window.server.windowBytes) * 8 / seconds
    }
    if window.client.sent > 0 { metrics.values[.loss] = Double(lost) / Double(window.client.sent) }
    // Not every kind has each of them.
    metrics.values = metrics.values.filter { workload.kind.metrics.contains($0.key) }
  }

  private func addCPU(to metrics: inout Metrics) {
    let count = Double(completed)
    guard count > 0 else { return }
    let client = Double(window.client.cpuNanoseconds)
    let server = Double(window.serverCPUNanoseconds)
    let proxies = window.proxyCPUNanoseconds.map { Double($0) }
    let softirq = softirqNanoseconds
    metrics.values[.clientCPU] = client / count
    metrics.values[.serverCPU] = server / count
    metrics.values[.proxyCPU] = proxies.map { $0 / count }
    metrics.values[.proxyMemory] = window.proxyMemoryBytes.map { Double($0) }
    if let softirq { metrics.values[.softirqCPU] = softirq / count }
    let total = client + server + (proxies ?? 0) + (softirq ?? 0)
    metrics.values[.totalCPU] = total / count
    if window.server.windowBytes > 0 { metrics.values[.cpuPerByte] = total / Double(window.server.windowBytes) }
    let switches = window.client.voluntarySwitches + window.client.involuntarySwitches
    metrics.values[.clientSwitches] = Double(switches) / count
    metrics.values[.serverSwitches] = window.serverSwitches.map { Double($0) / count }
    metrics.values = metrics.values.filter { workload.kind.metrics.contains($0.key) }
  }

  /// /proc/stat counts in ticks of some 10 ms: fewer than this many say nothing.
  private static let fewestTicks: UInt64 = 10

  /// nil where there are too few ticks for a number.
  private var softirqNanoseconds: Double? {
    guard let ticks = window.softirqTicks, ticks >= Self.fewestTicks else { return nil }
    return Double(ticks) * 1e9 / Double(ProcessorTime.ticksPerSecond)
  }

  /// Why the trial does not have `metric`.
  private func reason(for metric: Metric) -> String {
    switch metric {
    case .proxyCPU, .proxyMemory: "no proxy is in the path"
    case .softirqCPU:
      window.softirqTicks.map {
        "\($0) clock ticks in the window, and \(Self.fewestTicks) are needed: softirqs ran within the workers' own calls"
      } ?? "the host does not tell"
    case _ where metric.isCount: "not counted in this trial"
    default:
      completed == 0 ? "no operation was completed in the window" : "the host does not tell"
    }
  }
}
