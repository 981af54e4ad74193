internal import Environments
internal import Foundation
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// One trial on files: a single worker in a directory, and the block device under it.
struct StorageSession {
  let link: WorkerLink
  let plan: RunPlan
  let processors: Processors
  let environment: BuiltStorage
  let workload: WorkloadSpec

  typealias Failure = TrialRunner.Failure

  /// How long a piece of work may take that has no window of its own, in ns: the copying up of large files, 128 layers.
  private static let workLimit: UInt64 = 120_000_000_000

  func run(seed: UInt64) throws(Failure) -> MeasuredFiles {
    let worker = try link.start(environment.place, configuration(seed: seed))
    guard case .ready(let canary) = try receive(from: worker) else {
      throw .trial("the worker did not say that it is ready")
    }
    do {
      if files.cache == .cold { try PageCache.drop() }
      let started = Date()
      let noise = try StorageNoise(cpus: cpus, worker: worker)
      let before = try counters()
      // Reached after the first part: what comes later is not of the first change.
      var after: BlockDevice.Counters?
      try? worker.child.write(WorkerMessage.start.line)
      var result: StorageResult
      parts: while true {
        switch try receive(from: worker) {
        case .ready:
          after = try after ?? counters()
          try? worker.child.write(WorkerMessage.start.line)
        case .measured(let it):
          result = it
          break parts
        default: throw Failure.trial("the worker did not say what it measured")
        }
      }
      let reading = noise.noise(until: try StorageNoise(cpus: cpus, worker: worker), canary: canary, of: result)
      after = try after ?? counters()
      var samples: [StoragePhase: [UInt64]] = [:]
      for phase in result.phases {
        samples[phase.phase] = try link.readLongSamples(phase.count, from: worker)
      }
      try link.awaitExit(of: worker, "worker")
      try check(result)
      return MeasuredFiles(
        started: started, result: result, samples: samples,
        device: before.flatMap { before in after.map { $0.bytesWritten - before.bytesWritten } },
        deviceObjection: deviceObjection, noise: reading)
    } catch let failure as Failure {
      throw failure
    } catch {
      throw .trial("\(error)")
    }
  }

  private var files: FileWork { workload.files ?? FileWork() }
  private var cpus: [Int] { [processors.client, processors.server] }

  private func receive(from worker: WorkerProcess) throws(Failure) -> WorkerMessage {
    let window = UInt64(plan.profile.windowMilliseconds + plan.profile.warmupMilliseconds) * 1_000_000
    return try link.receive(from: worker, "worker", within: Self.workLimit + window)
  }

  private func configuration(seed: UInt64) -> StorageConfiguration {
    let files = files
    return StorageConfiguration(
      loop: workload.kind.storageLoop, cpu: processors.client,
      mountNamespace: environment.mountNamespace, directory: environment.directory,
      // One file is mapped, and one read and written, whatever the scenario says of others.
      count: workload.kind.hasManyFiles ? files.count : 1,
      size: files.size, blockSize: files.blockSize, engine: files.engine == .psync ? .psync : .ioUring,
      access: files.access == .read ? .read : files.access == .write ? .write : .mixed,
      isSequential: workload.kind == .sequentialIO, isDirect: files.isDirect, depth: files.depth,
      syncEvery: files.syncEvery, cache: files.cache == .warm ? .warm : .cold,
      warmupNanoseconds: UInt64(plan.profile.warmupMilliseconds) * 1_000_000,
      windowNanoseconds: UInt64(plan.profile.windowMilliseconds) * 1_000_000, seed: seed)
  }

  private func counters() throws(SystemError) -> BlockDevice.Counters? {
    guard case .own(let device) = environment.device else { return nil }
    return try device.counters()
  }

  private var deviceObjection: String? {
    guard case .unknown(let reason) = environment.device else { return nil }
    return reason
  }

  /// Whether caches were as they were meant to be: a trial whose caches were not is another workload.
  private func check(_ result: StorageResult) throws(Failure) {
    if result.isTruncated { throw .trial("the worker had no room for more samples") }
    guard let ppm = result.cachedPPM else { return }
    let percent = Double(ppm) / 10_000
    switch files.cache {
    case .warm where ppm < Self.leastWarm:
      throw .trial("the page cache held \(percent) % of the files, where the workload wants all: is memory short?")
    case .cold where ppm > Self.mostCold:
      throw .trial("the page cache still held \(percent) % of the files, where the workload wants none")
    default: return
    }
  }

  /// Parts of what must be cached, and of what must not be, in millionths: a page more or less is no other workload.
  private static let leastWarm = 990_000
  private static let mostCold = 10_000
}

extension WorkloadSpec.Kind {
  fileprivate var hasManyFiles: Bool { self != .mmapWrite && self != .randomIO && self != .sequentialIO }

  fileprivate var storageLoop: StorageConfiguration.Loop {
    switch self {
    case .copyUp: .copyUp
    case .randomIO, .sequentialIO: .io
    case .lookup: .lookup
    case .metadata: .metadata
    case .mmapWrite: .mmapWrite
    case .sqliteCommit: .commit
    case .udpRR, .tcpRR, .tcpCRR, .tcpStream, .udpStream, .udpOpen, .tcpOpen, .exec, .imageRebuild:
      preconditionFailure("a plan runs workloads of the field of its environments alone")
    }
  }
}
