internal import Capture
internal import Environments
internal import Foundation
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// The workers of one trial: server, client, and the proxy of ours that some paths have between them.
struct WorkerSession {
  private let link: WorkerLink
  private let plan: RunPlan
  private let processors: Processors
  private let environment: BuiltEnvironment
  private let workload: WorkloadSpec
  private let inside: InsideView?
  private let server: WorkerProcess
  private let relay: WorkerProcess?
  private let client: WorkerProcess
  private let canary: UInt64
  private let countedOperations: UInt64

  typealias Failure = TrialRunner.Failure

  /// How many operations are done for counting. A timer's softirq, or a page of the kernel's statistics, is then less
  /// than one in a thousand.
  static let operationsForCounting: UInt64 = 2000

  /// Of an open loop no more than it does in a tenth of a second: it keeps its rate while it counts.
  static func operationsForCounting(_ workload: WorkloadSpec) -> UInt64 {
    guard let rate = workload.rate else { return operationsForCounting }
    return min(operationsForCounting, max(100, UInt64(rate) / 10))
  }

  /// Starts all of them, and warms up.
  init(
    link: WorkerLink, plan: RunPlan, processors: Processors, environment: BuiltEnvironment, workload: WorkloadSpec,
    slot: RunPlan.Slot, nonce: UInt64, inside: InsideView?
  ) throws(Failure) {
    self.link = link
    self.plan = plan
    self.processors = processors
    self.environment = environment
    self.workload = workload
    self.inside = inside
    // What is looked at is not counted: the taps' own work would be.
    countedOperations = slot.isCaptured ? 0 : Self.operationsForCounting(workload)
    let service = environment.service
    var configuration = workload.configuration
    configuration.nonce = nonce
    configuration.cpu = workload.placement == .same ? processors.client : processors.server
    configuration.namespace = environment.server.namespaceToEnter
    configuration.address = service.listenAddress
    configuration.port = service.listenPort
    configuration.warmupNanoseconds = UInt64(plan.profile.warmupMilliseconds) * 1_000_000
    configuration.windowNanoseconds = UInt64(plan.profile.windowMilliseconds) * 1_000_000
    inside?.configure(&configuration)
    if let injection = plan.injection, injection.applies(to: slot) {
      switch injection.kind {
      case .delay(let nanoseconds): configuration.delayNanoseconds = nanoseconds
      case .slowdown(let ppm): configuration.slowdownPPM = ppm
      }
    }
    server = try link.start(environment.server, configuration)
    guard case .listening(let port) = try link.receive(from: server, "server") else {
      throw .trial("the server did not say that it listens")
    }
    relay = try environment.relay.map { spec throws(Failure) in
      try Self.start(spec, nonce: nonce, workload: workload, link: link)
    }
    configuration.role = .client
    configuration.cpu = processors.client
    configuration.namespace = environment.client.namespaceToEnter
    configuration.address = service.targetAddress
    configuration.port = service.targetPort ?? port
    // TCP itself repeats what is lost, after 200 ms and more; so silence for long is a fault, not a loss.
    configuration.timeoutNanoseconds = workload.kind.isUDP ? 100_000_000 : 5_000_000_000
    configuration.countedOperations = countedOperations
    client = try link.start(environment.client, configuration)
    guard
      case .ready(let canary) = try link.receive(
        from: client, "client", within: configuration.warmupNanoseconds)
    else { throw .trial("the client did not say that it is ready") }
    self.canary = canary
  }

  /// A proxy is not pinned: nobody pins an engine's.
  private static func start(
    _ spec: RelaySpec, nonce: UInt64, workload: WorkloadSpec, link: WorkerLink
  ) throws(Failure) -> WorkerProcess {
    var configuration = workload.configuration
    configuration.role = .relay
    configuration.wait = .block
    configuration.nonce = nonce
    configuration.namespace = spec.namespace
    configuration.address = spec.listenAddress
    configuration.port = spec.listenPort
    configuration.targetAddress = spec.targetAddress
    configuration.targetPort = spec.targetPort
    let relay = try link.start(.namespace(spec.namespace), configuration)
    guard case .listening = try link.receive(from: relay, "proxy") else {
      throw .trial("the proxy did not say that it listens")
    }
    return relay
  }

  // MARK: - The window

  /// - Parameter drain: is called when the window is over and all still stands.
  func runWindow(drain: () throws(Failure) -> Void) throws(Failure) -> MeasuredWindow {
    do {
      let listeningSince = try listen()
      let countersBefore = try environment.readCounters()
      let started = Date()
      let before = try readings()
      try? client.child.write(WorkerMessage.start.line)
      let listeningUntil = try park()
      let message = try link.receive(
        from: client, "client", within: UInt64(plan.profile.windowMilliseconds) * 1_000_000)
      guard case .result(let result) = message else { throw Failure.trial("the client sent no result") }
      // Its window would be shorter than that of the others.
      if result.isTruncated { throw Failure.trial("the client had no room for more samples") }
      if result.areStampsTruncated { throw Failure.trial("the client had no room for more stamps") }
      let after = try readings()
      let countersAfter = try environment.readCounters()
      let witnesses = environment.askWitnesses()
      let samples = try link.readSamples(result.samples, from: client)
      let serviceTimes = result.hasServiceTimes ? try link.readSamples(result.samples, from: client) : []
      let clientStamps = try link.readStamps(result.stamps, from: client, "client")
      let memory = proxies.compactMap { ProcessMemory.resident(pid: $0) }
      try drain()
      let counts = try count()
      let (served, serverStamps) = try stop()
      if workload.kind.isUDP && served.foreign > 0 {
        throw Failure.trial("the server received \(served.foreign) messages that were not of this run")
      }
      return MeasuredWindow(
        started: started, client: result, samples: samples, serviceTimes: serviceTimes, clientStamps: clientStamps,
        server: served, serverStamps: serverStamps,
        listening: listeningSince..<max(listeningSince, listeningUntil),
        serverCPUNanoseconds: after.serverCPU - before.serverCPU,
        proxyCPUNanoseconds: proxies.isEmpty ? nil : after.proxyCPU &- before.proxyCPU,
        proxyMemoryBytes: memory.isEmpty ? nil : memory.reduce(0, +),
        softirqTicks: before.softirq.flatMap { before in after.softirq.map { $0 - before } },
        serverSwitches: before.switches.flatMap { before in after.switches.map { $0 - before } },
        counts: counts, countersBefore: countersBefore, countersAfter: countersAfter, witnesses: witnesses,
        noise: before.noise.noise(
          until: after.noise, canary: canary,
          isShared: !proxies.isEmpty || server.processes.count > 1 || workload.placement == .same))
    } catch let failure as Failure {
      throw failure
    } catch let error as UserError {
      throw .trial(error.message)
    } catch {
      throw .trial("\(error)")
    }
  }

  /// What is read right before the window and right after it.
  private struct Readings {
    var switches: UInt64?
    var softirq: UInt64?
    var serverCPU: UInt64
    var proxyCPU: UInt64
    var noise: NoiseProbe
  }

  private var cpus: [Int] { [processors.client, processors.server] }

  /// The processes of all proxies in the path, as the host numbers them.
  private var proxies: [Int32] { environment.proxies + (relay?.processes ?? []) }

  private func readings() throws(SystemError) -> Readings {
    let workers = client.processes + server.processes + proxies
    var proxyCPU: UInt64 = 0
    for proxy in proxies { proxyCPU += try Clock.cpuTime(of: proxy) }
    return Readings(
      // A sandbox has many processes, which come and go.
      switches: server.processes.count == 1 ? TaskSchedule.contextSwitches(pid: server.processes[0]) : nil,
      softirq: ProcessorTime.read(cpus: cpus).map { $0.map(\.softInterrupt).reduce(0, +) },
      serverCPU: try server.cpuTime(), proxyCPU: proxyCPU, noise: try NoiseProbe(cpus: cpus, workers: workers))
  }

  /// Lets the taps listen. The kernel takes some 10 ms for it, in which the client waits for its window to open: within
  /// the window it would strike hundreds of round trips.
  /// - Returns: since when they do, on CLOCK_REALTIME, in ns.
  private func listen() throws -> UInt64 {
    guard let inside else { return 0 }
    do throws(TapError) { return try inside.listen() } catch { throw Failure.trial(error.description) }
  }

  /// Lets the taps cease to listen when their part of the window is over.
  /// - Returns: until when they did, on CLOCK_REALTIME, in ns.
  private func park() throws -> UInt64 {
    let window = UInt64(plan.profile.windowMilliseconds) * 1_000_000
    guard let inside, let part = inside.part(of: window) else { return .max }
    // Not for one who is interrupted, or whose client has something to say: so early that can only be why it fails.
    do throws(ChildProcess.Failure) {
      _ = try client.child.hasOutput(by: Clock.monotonic() + part, interruption: link.interruption)
    } catch { throw link.explain(error, client, "client") }
    do throws(TapError) { return try inside.park() } catch { throw Failure.trial(error.description) }
  }

  // MARK: - After it

  /// Counts what the kernel does for a fixed number of operations. Counting makes each of them slower, so it comes after
  /// the window, and its operations are no samples.
  private func count() throws(Failure) -> [Metric: EventCount] {
    guard countedOperations > 0 else { return [:] }
    let processes = client.processes + server.processes + proxies
    let counters = EventCounters.open(cpus: cpus, processes: processes)
    counters.start()
    try? client.child.write(WorkerMessage.count.line)
    let message = try link.receive(from: client, "client")
    counters.stop()
    guard case .counted(let operations) = message, operations == countedOperations else {
      throw .trial("the client did not do the operations that were to be counted")
    }
    return EventReduction.counts(counters.counts, operations: operations, workload: workload)
  }

  private func stop() throws(Failure) -> (ServerResult, [RequestStamps]) {
    server.terminate()
    guard case .stopped(let result) = try link.receive(from: server, "server") else {
      throw .trial("the server did not say how it stopped")
    }
    if result.areStampsTruncated { throw .trial("the server had no room for more stamps") }
    let stamps = try link.readStamps(result.stamps, from: server, "server")
    try link.awaitExit(of: server, "server")
    try link.awaitExit(of: client, "client")
    if let relay {
      relay.terminate()
      guard case .stopped = try link.receive(from: relay, "proxy") else {
        throw .trial("the proxy did not say how it stopped")
      }
      try link.awaitExit(of: relay, "proxy")
    }
    return (result, stamps)
  }
}

extension WorkloadSpec {
  /// What workers are told of it; role, addresses and times are still to be filled in.
  var configuration: WorkerConfiguration {
    let loop: WorkerConfiguration.Loop =
      switch kind {
      case .udpRR, .tcpRR, .exec: .rr
      case .tcpCRR: .crr
      case .tcpStream, .udpStream: .stream
      case .udpOpen, .tcpOpen: .open
      case .copyUp, .randomIO, .sequentialIO, .lookup, .metadata, .mmapWrite, .sqliteCommit, .imageRebuild:
        preconditionFailure("a plan runs workloads of the field of its environments alone")
      }
    return WorkerConfiguration(
      role: .server, loop: loop, transport: kind.isUDP ? .udp : .tcp, wait: wait == .spin ? .spin : .block,
      framing: framing == .http ? .http : .none, size: size, replySize: replySize, concurrency: concurrency,
      rate: UInt64(rate ?? 0), address: "", nonce: 0)
  }
}

/// All that was read around one window.
struct MeasuredWindow {
  var started: Date
  var client: ClientResult
  var samples: [UInt32]
  /// Of an open loop; as many as samples.
  var serviceTimes: [UInt32] = []
  /// Of the requests that were looked at; empty where none is.
  var clientStamps: [RequestStamps] = []
  var server = ServerResult()
  var serverStamps: [RequestStamps] = []
  /// When all taps listened, on CLOCK_REALTIME, in ns.
  var listening: Range<UInt64> = 0 ..< .max
  var serverCPUNanoseconds: UInt64
  /// nil where there is no proxy in the path.
  var proxyCPUNanoseconds: UInt64?
  var proxyMemoryBytes: UInt64?
  /// On both CPUs together, in clock ticks; nil where they cannot be read.
  var softirqTicks: UInt64?
  var serverSwitches: UInt64?
  /// Per operation.
  var counts: [Metric: EventCount] = [:]
  var countersBefore: PathCounters
  var countersAfter: PathCounters
  var witnesses: [WitnessReading] = []
  var noise: TrialNoise
}
