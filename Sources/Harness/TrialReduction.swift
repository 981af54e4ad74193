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
    var values: [Metric: Double] = [:]
    var unavailable: [Metric: String] = [:]
    let count = Double(histogram.total)
    for (metric, q) in [(Metric.rttP50, 0.5), (.rttP90, 0.9), (.rttP99, 0.99), (.rttP999, 0.999)] {
      let needed = (Self.samplesBeyond / (1 - q)).rounded()
      if count >= needed, let value = histogram.quantile(q) {
        values[metric] = Double(value)
      } else {
        unavailable[metric] = "\(histogram.total) round trips in the window, and \(Int(needed)) are needed"
      }
    }
    values[.rttMax] = histogram.maximum.map(Double.init)
    values[.rttMean] = histogram.mean
    if count > 0 {
      values[.rate] = count / (Double(window.client.windowNanoseconds) / 1e9)
      values[.clientCPU] = Double(window.client.cpuNanoseconds) / count
      values[.serverCPU] = Double(window.serverCPUNanoseconds) / count
      let switches = window.client.voluntarySwitches + window.client.involuntarySwitches
      values[.clientSwitches] = Double(switches) / count
      values[.serverSwitches] = window.serverSwitches.map { Double($0) / count }
    }
    for metric in Metric.allCases where values[metric] == nil && unavailable[metric] == nil {
      unavailable[metric] =
        count == 0 ? "no round trip was completed in the window" : "the host does not tell"
    }
    return Trial(
      block: block, position: position, environment: slot.environment, isControl: slot.isControl,
      isCaptured: slot.isCaptured, workload: slot.workload, started: window.started,
      windowNanoseconds: window.client.windowNanoseconds, values: values, unavailable: unavailable,
      histogram: histogram,
      messages: MessageCounts(
        sent: window.client.sent, completed: UInt64(window.client.samples), lost: window.client.lost,
        late: window.client.late, duplicate: window.client.duplicate, foreign: window.client.foreign),
      attestation: attestation, noise: window.noise, hops: hops)
  }
}
