internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// From what a worker measured on files to the few numbers that a trial is.
struct StorageReduction {
  let measured: MeasuredFiles
  let workload: WorkloadSpec

  /// A quantile q needs this many samples beyond it to be a number and not an accident: of I/O, where the window decides
  /// how many there are.
  private static let samplesBeyond = 100.0
  /// A commit, and an fsync, takes so long that a window has few of them.
  private static let fewSamplesBeyond = 10.0

  func trial(block: Int, position: Int, slot: RunPlan.Slot, attestation: Attestation) -> Trial {
    var metrics = MetricTable()
    for metric in workload.kind.metrics {
      switch value(of: metric) {
      case .value(let number): metrics.values[metric] = number
      case .unavailable(let reason): metrics.unavailable[metric] = reason
      }
    }
    let headline: StoragePhase = workload.kind == .sqliteCommit ? .commit : .io
    return Trial(
      block: block, position: position, environment: slot.environment, isControl: slot.isControl,
      workload: slot.workload, started: measured.started, windowNanoseconds: result.windowNanoseconds,
      values: metrics.values, unavailable: metrics.unavailable,
      histogram: LatencyHistogram(samples: samples(headline).map { UInt32(clamping: $0) }),
      messages: MessageCounts(sent: result.operations, completed: result.operations), attestation: attestation,
      noise: measured.noise)
  }

  private struct MetricTable {
    var values: [Metric: Double] = [:]
    var unavailable: [Metric: String] = [:]
  }

  private var result: StorageResult { measured.result }
  private func samples(_ phase: StoragePhase) -> [UInt64] { measured.samples[phase] ?? [] }

  private func value(of metric: Metric) -> Measured<Double> {
    switch metric {
    case .openForWriting: median(.open)
    case .firstWrite: median(.firstWrite)
    case .lastWrite: median(.lastWrite)
    case .firstSync: median(.firstSync)
    case .firstDurable: firstDurable
    case .secondWrite: median(.secondWrite)
    case .secondDurable: median(.secondDurable)
    case .metadataChange: median(.metadataChange)
    case .bytesWritten, .bytesAllocated, .bytesShared, .bytesCopied, .bytesTaken, .bytesToDevice, .writeAmplification,
      .spaceAmplification:
      ledger(metric)
    case .ioP50: quantile(0.5, .io, beyond: Self.samplesBeyond)
    case .ioP90: quantile(0.9, .io, beyond: Self.samplesBeyond)
    case .ioP99: quantile(0.99, .io, beyond: Self.samplesBeyond)
    case .ioP999: quantile(0.999, .io, beyond: Self.samplesBeyond)
    case .syncP50: quantile(0.5, .sync, beyond: Self.fewSamplesBeyond)
    case .syncP99: quantile(0.99, .sync, beyond: Self.fewSamplesBeyond)
    case .commitP50: quantile(0.5, .commit, beyond: Self.fewSamplesBeyond)
    case .commitP99: quantile(0.99, .commit, beyond: Self.fewSamplesBeyond)
    case .iops, .commitRate: perSecond(Double(result.operations))
    case .bandwidth: perSecond(Double(result.bytes))
    case .cpuPerOperation:
      result.operations == 0
        ? .unavailable("nothing was done in the window")
        : .value(Double(result.cpuNanoseconds) / Double(result.operations))
    case .lookupTime: mean(.lookup)
    case .missingLookupTime: mean(.missingLookup)
    case .openTime: mean(.openForReading)
    case .listTime: median(.list)
    case .createTime: mean(.create)
    case .chmodTime: mean(.chmod)
    case .renameTime: mean(.rename)
    case .unlinkTime: mean(.unlink)
    case .renameDirectoryTime: mean(.renameDirectory)
    case .sharedFault: mean(.sharedFault)
    case .privateFault: mean(.privateFault)
    default: .unavailable("not measured")
    }
  }

  // MARK: - Times

  private func known(_ phase: StoragePhase) -> Measured<[UInt64]> {
    if let refusal = result.refusals.first(where: { $0.phase == phase }) { return .unavailable(refusal.reason) }
    let samples = samples(phase)
    return samples.isEmpty ? .unavailable("not measured") : .value(samples)
  }

  private func reduced(_ phase: StoragePhase, _ reduce: ([UInt64]) -> Double) -> Measured<Double> {
    switch known(phase) {
    case .value(let samples): .value(reduce(samples))
    case .unavailable(let reason): .unavailable(reason)
    }
  }

  private func median(_ phase: StoragePhase) -> Measured<Double> { reduced(phase, Self.median) }

  private func mean(_ phase: StoragePhase) -> Measured<Double> {
    reduced(phase) { samples in samples.reduce(0) { $0 + Double($1) } / Double(samples.count) }
  }

  private static func median(_ samples: [UInt64]) -> Double {
    let sorted = samples.sorted()
    let upper = Double(sorted[sorted.count / 2])
    return sorted.count % 2 == 1 ? upper : (upper + Double(sorted[sorted.count / 2 - 1])) / 2
  }

  /// File by file: the medians of the parts would not add up.
  private var firstDurable: Measured<Double> {
    let open = samples(.open)
    let last = samples(.lastWrite)
    let parts = [
      samples(.firstWrite), last.isEmpty ? [UInt64](repeating: 0, count: open.count) : last, samples(.firstSync),
    ]
    guard !open.isEmpty, parts.allSatisfy({ $0.count == open.count }) else { return .unavailable("not measured") }
    return .value(Self.median(open.indices.map { index in parts.reduce(open[index]) { $0 + $1[index] } }))
  }

  private func quantile(_ q: Double, _ phase: StoragePhase, beyond: Double) -> Measured<Double> {
    guard case .value(let samples) = known(phase) else {
      return .unavailable(phase == .sync ? "the workload does not call fsync" : "not measured")
    }
    let needed = Int((beyond / (1 - q)).rounded())
    guard samples.count >= needed else {
      return .unavailable("\(samples.count) of them in the window, and \(needed) are needed")
    }
    // Nearest rank, as the histogram of round trips has it.
    let sorted = samples.sorted()
    return .value(Double(sorted[max(0, Int((q * Double(sorted.count)).rounded(.up)) - 1)]))
  }

  private func perSecond(_ number: Double) -> Measured<Double> {
    result.windowNanoseconds == 0 || number == 0
      ? .unavailable("nothing was done in the window") : .value(number * 1e9 / Double(result.windowNanoseconds))
  }

  // MARK: - The ledger of bytes

  private func ledger(_ metric: Metric) -> Measured<Double> {
    // The whole of a window of I/O, not a file's part.
    let files = workload.kind == .copyUp ? Double(samples(.open).count) : 1
    guard files > 0 else { return .unavailable("no file was written") }
    func per(_ bytes: UInt64?, _ reason: String) -> Measured<Double> {
      bytes.map { .value(Double($0) / files) } ?? .unavailable(reason)
    }
    let unmapped = "the file system does not tell where on the disk a file lies"
    let device = per(measured.device, measured.deviceObjection ?? "the host does not tell")
    switch metric {
    case .bytesWritten: return per(result.bytesWritten, "not told")
    case .bytesAllocated: return per(result.bytesAllocated, "the file system does not tell what a file takes")
    case .bytesShared: return per(result.bytesShared, "the file system does not tell which extents are shared")
    case .bytesCopied: return per(result.bytesCopied, unmapped)
    case .bytesTaken: return per(result.bytesTaken, unmapped)
    case .bytesToDevice: return device
    case .writeAmplification: return device.divided(by: result.bytesWritten, of: files)
    case .spaceAmplification:
      return per(result.bytesTaken, unmapped).divided(by: result.bytesWritten, of: files)
    default: return .unavailable("not measured")
    }
  }
}

extension Measured<Double> {
  fileprivate func divided(by bytes: UInt64?, of files: Double) -> Measured<Double> {
    guard case .value(let number) = self else { return self }
    guard let bytes, bytes > 0 else { return .unavailable("the application wrote nothing") }
    return .value(number / (Double(bytes) / files))
  }
}
