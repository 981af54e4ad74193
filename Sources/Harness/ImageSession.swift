internal import Environments
internal import Foundation
internal import LinuxKit
internal import Model
internal import Statistics

/// One trial that rebuilds an image again and again, and looks after each rebuild at what the store takes.
struct ImageSession {
  let store: any ImageStore
  let workload: WorkloadSpec
  let processors: Processors
  let interruption: Interruption?

  typealias Failure = TrialRunner.Failure

  func trial(block: Int, position: Int, slot: RunPlan.Slot) throws(Failure) -> Trial {
    let files = workload.files ?? FileWork()
    let started = Date()
    let noise = try noiseProbe()
    let begin = Clock.monotonic()
    var steps: [ImageUsage] = []
    for number in 1...files.rebuilds {
      if interruption?.isPending == true { throw .interrupted }
      do throws(UserError) {
        try store.rebuild(number)
        if files.isPruning { try store.prune() }
        steps.append(try store.usage())
      } catch { throw .trial("rebuild \(number): \(error.message)") }
    }
    let nanoseconds = Clock.monotonic() - begin
    var trial = Trial(
      block: block, position: position, environment: slot.environment, isControl: slot.isControl,
      workload: slot.workload, started: started, windowNanoseconds: nanoseconds, values: Self.values(steps),
      histogram: LatencyHistogram(samples: []),
      messages: MessageCounts(sent: UInt64(files.rebuilds), completed: UInt64(files.rebuilds)),
      attestation: Attestation(hops: [], failures: []),
      noise: noise.clockNoise(until: try noiseProbe()), growth: steps)
    trial.values[.duration] = Double(nanoseconds)
    return trial
  }

  /// No worker takes part: what the hypervisor took, and whether the clock was set.
  private func noiseProbe() throws(Failure) -> NoiseProbe {
    do throws(SystemError) { return try NoiseProbe(cpus: [processors.client, processors.server], workers: []) } catch {
      throw .trial("\(error)")
    }
  }

  static func values(_ steps: [ImageUsage]) -> [Metric: Double] {
    guard let last = steps.last else { return [:] }
    var values: [Metric: Double] = [
      .imagesTotal: last.total, .imagesReclaimable: last.reclaimable, .imagesShared: last.shared,
      .imagesUnique: last.unique,
    ]
    if last.total > 0 { values[.reclaimableShare] = last.reclaimable / last.total }
    // One rebuild has no growth.
    values[.growthPerRebuild] = try? Slope.leastSquares(steps.map(\.total), over: steps.indices.map { Double($0) })
    return values
  }
}
