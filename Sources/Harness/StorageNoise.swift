internal import Environments
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// What disturbs a worker on files, taken before and after.
///
/// Kernel threads (a loop device's, a journal's, those that write back) do a part of the work, so time that others spend
/// in the kernel is no evidence against the host: only what others spend in user space is. And the worker waits for its
/// CPU because of them, so that its run delay is no evidence at all.
struct StorageNoise {
  private let processors: [ProcessorTime]?
  private let workerUser: UInt64?
  private let ownUser: UInt64
  private let monotonic: UInt64
  private let clockOffset: Int64

  init(cpus: [Int], worker: WorkerProcess) throws(SystemError) {
    processors = ProcessorTime.read(cpus: cpus)
    // A container's process may be gone already.
    workerUser = worker.processes.first.flatMap { UserTime.read(pid: $0) }
    ownUser = UserTime.own()
    monotonic = Clock.monotonic()
    clockOffset = Int64(bitPattern: Clock.realtime() &- monotonic)
  }

  func noise(until later: StorageNoise, canary: UInt64, of result: StorageResult) -> TrialNoise {
    var noise = TrialNoise(
      canaryNanoseconds: Double(canary), clockStepNanoseconds: later.clockOffset - clockOffset)
    guard let before = processors, let after = later.processors else { return noise }
    func ticks(_ part: (ProcessorTime) -> UInt64) -> Double {
      Double(zip(before, after).map { part($1) - part($0) }.reduce(0, +))
    }
    let total = ticks(\.total)
    noise.stealShare = total == 0 ? 0 : ticks(\.steal) / total
    let worker = workerUser.flatMap { before in later.workerUser.map { $0 - before } } ?? result.cpuNanoseconds
    let user = ticks { $0.user + $0.nice } * 1e9 / Double(ProcessorTime.ticksPerSecond)
    let capacity = Double(later.monotonic - monotonic) * Double(before.count)
    noise.foreignCPUShare = max(0, user - Double(worker) - Double(later.ownUser - ownUser)) / capacity
    return noise
  }
}
