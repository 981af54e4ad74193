internal import Capture
internal import Environments
internal import Foundation
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// Runs one trial: builds the environment, starts the workers, warms up, opens the window, attests the path, and takes
/// everything away again.
struct TrialRunner {
  /// Why there is no trial.
  enum Failure: Error {
    /// The user stopped the run.
    case interrupted
    /// This trial went wrong; the block is void, the run goes on.
    case trial(String)
    /// The run cannot go on.
    case fatal(UserError)
  }

  let plan: RunPlan
  let worker: WorkerBinary
  let processors: Processors
  let interruption: Interruption?
  /// Where the packets that taps saw are kept; nil keeps none.
  var packetDirectory: String?
  /// The program's, for those packets' files.
  var version = ""

  /// How long a worker may take for what should take milliseconds, in ns.
  var patience: UInt64 = 10_000_000_000
  /// A worker never has room for more; whatever says so is none.
  private static let mostSamples = 1 << 28

  func run(_ slot: RunPlan.Slot, block: Int, position: Int, journal: Journal) throws(Failure) -> Trial {
    guard let definition = plan.environments.first(where: { $0.name == slot.environment }),
      let workload = plan.workloads.first(where: { $0.name == slot.workload })
    else { preconditionFailure("a plan's slots name its own environments and workloads") }
    let resources = HostResources(journal: journal)
    let outcome: Result<Trial, Failure>
    do throws(Failure) {
      outcome = .success(
        try measure(definition, workload, slot, block: block, position: position, resources: resources))
    } catch { outcome = .failure(error) }
    do throws(UserError) { try resources.removeAll() } catch { throw .fatal(error) }
    return try outcome.get()
  }

  /// In a function of its own, so that the environment's sockets and the workers are gone when it returns.
  private func measure(
    _ definition: any EnvironmentDefinition, _ workload: WorkloadSpec, _ slot: RunPlan.Slot, block: Int, position: Int,
    resources: HostResources
  ) throws(Failure) -> Trial {
    let environment: BuiltEnvironment
    do throws(UserError) { environment = try definition.build(with: resources) } catch {
      throw error.exitCode == .notPermitted
        ? .fatal(error) : .trial("\(slot.environment) could not be set up: \(error.message)")
    }
    // Before the workers start: opening taps disturbs, and so would their warm-up be disturbed.
    let inside = slot.isCaptured ? try view(of: environment, workload) : nil
    let nonce = UInt64.random(in: 1 ... .max)
    let session = try WorkerSession(
      runner: self, environment: environment, workload: workload, slot: slot, nonce: nonce, inside: inside)
    let window = try session.runWindow()
    let traffic = PathTraffic(
      transport: workload.kind == .udpRR ? .udp : .tcp, size: workload.size, requests: window.client.sent,
      replies: UInt64(window.client.samples) + window.client.late + window.client.duplicate)
    var attestation = environment.attest(from: window.countersBefore, to: window.countersAfter, traffic: traffic)
    var hops: TrialHops?
    if let inside {
      let sight = try look(inside, window, environment, nonce: nonce, slot: slot)
      attestation.failures += sight.failures
      hops = sight.hops
    }
    return TrialReduction(window: window, workload: workload).trial(
      block: block, position: position, slot: slot, attestation: attestation, hops: hops)
  }

  // MARK: - Looking inside

  private func view(of environment: BuiltEnvironment, _ workload: WorkloadSpec) throws(Failure) -> InsideView {
    guard case .value(let spec) = plan.capture else { preconditionFailure("a plan without capture has no such slot") }
    // From the opening of the taps to the end of the window: the workers' start and their warm-up are in it.
    let profile = plan.profile
    let window = UInt64(profile.windowMilliseconds) * 1_000_000
    let duration = window + UInt64(profile.warmupMilliseconds + Self.startMilliseconds) * 1_000_000
    do throws(TapError) {
      return try InsideView(environment, workload: workload, spec: spec, window: window, duration: duration)
    } catch { throw .trial(error.description) }
  }

  /// What two workers take to start, at the most, unless something is wrong.
  private static let startMilliseconds = 100

  private func look(
    _ inside: InsideView, _ window: MeasuredWindow, _ environment: BuiltEnvironment, nonce: UInt64,
    slot: RunPlan.Slot
  ) throws(Failure) -> InsideView.Sight {
    var recorder: PacketRecorder?
    do throws(UserError) {
      if let packetDirectory {
        recorder = try inside.recorder(directory: packetDirectory, slot: slot, application: "bench \(version)")
      }
    } catch { throw .fatal(error) }
    do throws(InsideView.Failure) {
      var sight = try inside.look(
        client: window.clientStamps, server: window.serverStamps, within: window.listening, nonce: nonce,
        drops: environment.drops(from: window.countersBefore, to: window.countersAfter), recorder: recorder)
      if let step = window.noise.clockStepNanoseconds, abs(step) > Self.clockStep {
        sight.hops.objections.append("the clock was set by \(Double(step) / 1000) µs within the window")
      }
      return sight
    } catch {
      switch error {
      case .tap(let error): throw .trial(error.description)
      case .recorder(let error): throw .fatal(error)
      }
    }
  }

  /// A step of the clock that a hop would show, in ns; less may be the reading of two clocks one after the other.
  private static let clockStep: Int64 = 100_000

  /// The two workers of one trial.
  private struct WorkerSession {
    let runner: TrialRunner
    let environment: BuiltEnvironment
    let workload: WorkloadSpec
    private let inside: InsideView?
    private let server: ChildProcess
    private let client: ChildProcess
    private let canary: UInt64

    init(
      runner: TrialRunner, environment: BuiltEnvironment, workload: WorkloadSpec, slot: RunPlan.Slot, nonce: UInt64,
      inside: InsideView?
    ) throws(Failure) {
      self.runner = runner
      self.environment = environment
      self.workload = workload
      self.inside = inside
      let isSame = workload.placement == .same
      var configuration = WorkerConfiguration(
        role: .server, transport: workload.kind == .udpRR ? .udp : .tcp, wait: workload.wait == .spin ? .spin : .block,
        size: workload.size, cpu: isSame ? runner.processors.client : runner.processors.server,
        namespace: environment.serverNamespace, address: environment.serverAddress, nonce: nonce)
      let profile = runner.plan.profile
      configuration.warmupNanoseconds = UInt64(profile.warmupMilliseconds) * 1_000_000
      configuration.windowNanoseconds = UInt64(profile.windowMilliseconds) * 1_000_000
      inside?.configure(&configuration)
      if let injection = runner.plan.injection, injection.applies(to: slot) {
        switch injection.kind {
        case .delay(let nanoseconds): configuration.delayNanoseconds = nanoseconds
        case .slowdown(let ppm): configuration.slowdownPPM = ppm
        }
      }
      server = try runner.start(configuration)
      guard case .listening(let port) = try runner.receive(from: server, "server", within: 0) else {
        throw .trial("the server did not say that it listens")
      }
      configuration.role = .client
      configuration.port = port
      configuration.cpu = runner.processors.client
      configuration.namespace = environment.clientNamespace
      // TCP itself repeats what is lost, after 200 ms and more; so silence for long is a fault, not a loss.
      configuration.timeoutNanoseconds = workload.kind == .udpRR ? 100_000_000 : 5_000_000_000
      client = try runner.start(configuration)
      guard
        case .ready(let canary) = try runner.receive(
          from: client, "client", within: configuration.warmupNanoseconds)
      else { throw .trial("the client did not say that it is ready") }
      self.canary = canary
    }

    func runWindow() throws(Failure) -> MeasuredWindow {
      let cpus = [runner.processors.client, runner.processors.server]
      let pids = [client.pid, server.pid]
      do {
        let listeningSince = try listen()
        let countersBefore = try environment.readCounters()
        let started = Date()
        let switchesBefore = TaskSchedule.contextSwitches(pid: server.pid)
        let before = try NoiseProbe(cpus: cpus, workers: pids)
        let serverCPUBefore = try Clock.cpuTime(of: server.pid)
        try? client.write(WorkerMessage.start.line)
        let listeningUntil = try park()
        let message = try runner.receive(
          from: client, "client", within: UInt64(runner.plan.profile.windowMilliseconds) * 1_000_000)
        guard case .result(let result) = message else { throw Failure.trial("the client sent no result") }
        // Its window would be shorter than that of the others.
        if result.isTruncated { throw Failure.trial("the client had no room for more samples") }
        if result.areStampsTruncated { throw Failure.trial("the client had no room for more stamps") }
        let serverCPUAfter = try Clock.cpuTime(of: server.pid)
        let after = try NoiseProbe(cpus: cpus, workers: pids)
        let switchesAfter = TaskSchedule.contextSwitches(pid: server.pid)
        let countersAfter = try environment.readCounters()
        let samples = try runner.readSamples(result.samples, from: client)
        let clientStamps = try runner.readStamps(result.stamps, from: client, "client")
        let (served, serverStamps) = try stop()
        if workload.kind == .udpRR && served.foreign > 0 {
          throw Failure.trial("the server received \(served.foreign) messages that were not of this run")
        }
        return MeasuredWindow(
          started: started, client: result, samples: samples, clientStamps: clientStamps, serverStamps: serverStamps,
          listening: listeningSince..<max(listeningSince, listeningUntil),
          serverCPUNanoseconds: serverCPUAfter - serverCPUBefore,
          serverSwitches: switchesBefore.flatMap { before in switchesAfter.map { $0 - before } },
          countersBefore: countersBefore, countersAfter: countersAfter,
          noise: before.noise(until: after, canary: canary))
      } catch let failure as Failure {
        throw failure
      } catch let error as UserError {
        throw .trial(error.message)
      } catch {
        throw .trial("\(error)")
      }
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
      let window = UInt64(runner.plan.profile.windowMilliseconds) * 1_000_000
      guard let inside, let part = inside.part(of: window) else { return .max }
      // Not for one who is interrupted, or whose client has something to say: so early that can only be why it fails.
      do throws(ChildProcess.Failure) {
        _ = try client.hasOutput(by: Clock.monotonic() + part, interruption: runner.interruption)
      } catch { throw runner.explain(error, client, "client") }
      do throws(TapError) { return try inside.park() } catch { throw Failure.trial(error.description) }
    }

    private func stop() throws(Failure) -> (ServerResult, [RequestStamps]) {
      server.terminate()
      guard case .stopped(let result) = try runner.receive(from: server, "server", within: 0) else {
        throw .trial("the server did not say how it stopped")
      }
      if result.areStampsTruncated { throw .trial("the server had no room for more stamps") }
      let stamps = try runner.readStamps(result.stamps, from: server, "server")
      for (child, name) in [(server, "server"), (client, "client")] {
        let status: ChildProcess.ExitStatus
        do throws(ChildProcess.Failure) {
          status = try child.waitForExit(deadline: Clock.monotonic() + runner.patience)
        } catch { throw .trial("the \(name) did not end") }
        guard status == .exited(0) else { throw .trial("the \(name) \(status)") }
      }
      return (result, stamps)
    }
  }

  private func start(_ configuration: WorkerConfiguration) throws(Failure) -> ChildProcess {
    let child: ChildProcess
    do throws(SystemError) { child = try ChildProcess(executable: worker.path) } catch {
      throw .trial("cannot start the worker: \(error)")
    }
    // One that has ended already cannot be written to. Waiting for its answer tells why, a broken pipe would not.
    try? child.write(WorkerMessage.configure(configuration).line)
    return child
  }

  private func receive(from child: ChildProcess, _ name: String, within nanoseconds: UInt64) throws(Failure)
    -> WorkerMessage
  {
    let line: [UInt8]
    do throws(ChildProcess.Failure) {
      line = try child.readLine(
        deadline: Clock.monotonic() + nanoseconds + patience, interruption: interruption)
    } catch { throw explain(error, child, name) }
    do throws(ProtocolError) {
      let message = try WorkerMessage(line: line)
      if case .failed(let reason) = message { throw ProtocolError(reason) }
      return message
    } catch { throw .trial("\(name): \(error.description)") }
  }

  private func readSamples(_ count: Int, from child: ChildProcess) throws(Failure) -> [UInt32] {
    guard (0...Self.mostSamples).contains(count) else { throw .trial("client: a result of \(count) samples") }
    do throws(ChildProcess.Failure) {
      let bytes = try child.readBytes(
        count * 4, deadline: Clock.monotonic() + patience, interruption: interruption)
      return [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
        initialized = count
      }
    } catch { throw explain(error, child, "client") }
  }

  private func readStamps(_ count: Int, from child: ChildProcess, _ name: String) throws(Failure) -> [RequestStamps] {
    guard (0...Self.mostSamples).contains(count) else { throw .trial("\(name): a result of \(count) stamps") }
    if count == 0 { return [] }
    let bytes: [UInt8]
    do throws(ChildProcess.Failure) {
      bytes = try child.readBytes(
        count * RequestStamps.encodedSize, deadline: Clock.monotonic() + patience, interruption: interruption)
    } catch { throw explain(error, child, name) }
    do throws(ProtocolError) { return try RequestStamps.decoded(bytes) } catch {
      throw .trial("\(name): \(error.description)")
    }
  }

  private func explain(_ failure: ChildProcess.Failure, _ child: ChildProcess, _ name: String) -> Failure {
    switch failure {
    case .interrupted: return .interrupted
    case .timedOut: return .trial("the \(name) did not answer in time")
    case .system(let error): return .trial("the \(name): \(error)")
    case .ended:
      let status = try? child.waitForExit(deadline: Clock.monotonic() + patience)
      let errors = child.standardError().split(separator: "\n").last.map { ": \($0)" } ?? ""
      return .trial("the \(name) \(status?.description ?? "closed its output")\(errors)")
    }
  }
}

/// All that was read around one window.
struct MeasuredWindow {
  var started: Date
  var client: ClientResult
  var samples: [UInt32]
  /// Of the requests that were looked at; empty where none is.
  var clientStamps: [RequestStamps] = []
  var serverStamps: [RequestStamps] = []
  /// When all taps listened, on CLOCK_REALTIME, in ns.
  var listening: Range<UInt64> = 0 ..< .max
  var serverCPUNanoseconds: UInt64
  var serverSwitches: UInt64?
  var countersBefore: PathCounters
  var countersAfter: PathCounters
  var noise: TrialNoise
}
