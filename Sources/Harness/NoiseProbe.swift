internal import LinuxKit
internal import Model

/// Readings of everything that may disturb a window, taken right before and right after it.
struct NoiseProbe {
  private let cpus: [Int]
  private let workers: [Int32]
  private let processors: [ProcessorTime]?
  private let accounted: UInt64?
  private let schedules: [TaskSchedule?]
  private let workerCPU: UInt64
  private let ownCPU: UInt64
  private let monotonic: UInt64
  private let clockOffset: Int64

  /// - Parameters:
  ///   - cpus: those that the workers are pinned to.
  ///   - workers: process ids.
  init(cpus: [Int], workers: [Int32]) throws(SystemError) {
    self.cpus = cpus
    self.workers = workers
    // The workers' clocks first: reading them makes the kernel bring its accounts of running tasks up to date.
    var cpu: UInt64 = 0
    for worker in workers { cpu += try Clock.cpuTime(of: worker) }
    workerCPU = cpu
    ownCPU = Clock.processCPU()
    accounted = AccountedTime.read(cpus: cpus)
    schedules = workers.map { TaskSchedule.read(pid: $0) }
    processors = ProcessorTime.read(cpus: cpus)
    monotonic = Clock.monotonic()
    clockOffset = Int64(bitPattern: Clock.realtime() &- monotonic)
  }

  /// What happened from `self` to `later`.
  /// - Parameter isShared: whether the workers share their CPUs with processes of the path, so that they have to wait for
  ///   them however quiet the host is.
  func noise(until later: NoiseProbe, canary: UInt64, isShared: Bool = false) -> TrialNoise {
    let capacity = Double(later.monotonic - monotonic) * Double(cpus.count)
    return TrialNoise(
      stealShare: steal(until: later), foreignCPUShare: foreign(until: later, capacity: capacity),
      runDelayShare: isShared ? nil : runDelay(until: later), canaryNanoseconds: Double(canary),
      clockStepNanoseconds: later.clockOffset - clockOffset)
  }

  /// What can be told where processes come and go between the two readings: what the hypervisor took, and the clock.
  func clockNoise(until later: NoiseProbe) -> TrialNoise {
    TrialNoise(stealShare: steal(until: later), clockStepNanoseconds: later.clockOffset - clockOffset)
  }

  private func steal(until later: NoiseProbe) -> Double? {
    guard let before = processors, let after = later.processors else { return nil }
    let stolen = zip(before, after).map { $1.steal - $0.steal }.reduce(0, +)
    let total = zip(before, after).map { $1.total - $0.total }.reduce(0, +)
    return total == 0 ? 0 : Double(stolen) / Double(total)
  }

  /// What was used on the CPUs, less what the workers and this program used.
  private func foreign(until later: NoiseProbe, capacity: Double) -> Double? {
    let own = Double(later.workerCPU - workerCPU) + Double(later.ownCPU - ownCPU)
    if let before = accounted, let after = later.accounted { return (Double(after - before) - own) / capacity }
    guard let before = processors, let after = later.processors else { return nil }
    let busy = zip(before, after).map { $1.busy - $0.busy }.reduce(0, +)
    return (Double(busy) * 1e9 / Double(ProcessorTime.ticksPerSecond) - own) / capacity
  }

  private func runDelay(until later: NoiseProbe) -> Double? {
    var run: UInt64 = 0
    var delay: UInt64 = 0
    for (before, after) in zip(schedules, later.schedules) {
      guard let before, let after else { return nil }
      run += after.runNanoseconds - before.runNanoseconds
      delay += after.delayNanoseconds - before.delayNanoseconds
    }
    return run == 0 ? nil : Double(delay) / Double(run)
  }
}
