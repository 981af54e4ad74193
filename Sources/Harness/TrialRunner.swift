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
  /// The run's own; where one of reference takes turns with it, that of this runner's trial.
  let worker: WorkerBinary
  let processors: Processors
  let interruption: Interruption?
  /// Where the packets that taps saw are kept; nil keeps none.
  var packetDirectory: String?
  /// The program's, for those packets' files.
  var version = ""

  /// What engines, and file systems in image files, keep from one trial of a run to the next.
  var engines: EngineCache?
  var storage: StorageCache?
  /// How long a worker may take for what should take milliseconds, in ns.
  var patience: UInt64 = 10_000_000_000

  private var link: WorkerLink { WorkerLink(worker: worker, interruption: interruption, patience: patience) }

  func run(_ slot: RunPlan.Slot, block: Int, position: Int, journal: Journal) throws(Failure) -> Trial {
    guard let definition = plan.environments.first(where: { $0.name == slot.environment }),
      let workload = plan.workloads.first(where: { $0.name == slot.workload })
    else { preconditionFailure("a plan's slots name its own environments and workloads") }
    let resources = HostResources(
      journal: journal,
      settings: BuildSettings(
        family: plan.family, worker: worker.path, engines: engines, storage: storage,
        mountsHostPrograms: workload.kind == .exec))
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
    switch definition {
    case let definition as any NetworkEnvironment:
      return try measure(definition, workload, slot, block: block, position: position, resources: resources)
    case let definition as any StorageEnvironment:
      let environment = try build(slot) { () throws(UserError) in
        try definition.build(with: resources, content: plan.content(of: workload))
      }
      let session = StorageSession(
        link: link, plan: plan, processors: processors, environment: environment, workload: workload)
      let measured = try session.run(seed: plan.seed &+ UInt64(block))
      return StorageReduction(measured: measured, workload: workload).trial(
        block: block, position: position, slot: slot, attestation: environment.attest(measured))
    case let definition as any ImageEnvironment:
      let store = try build(slot) { () throws(UserError) in
        try definition.build(with: resources, content: plan.content(of: workload))
      }
      return try ImageSession(
        store: store, workload: workload, processors: processors, interruption: interruption
      ).trial(
        block: block, position: position, slot: slot)
    default: preconditionFailure("an environment is for packets, for files or for images")
    }
  }

  private func build<Built>(
    _ slot: RunPlan.Slot, _ body: () throws(UserError) -> Built
  ) throws(Failure) -> Built {
    do throws(UserError) { return try body() } catch {
      throw error.exitCode == .notPermitted
        ? .fatal(error) : .trial("\(slot.environment) could not be set up: \(error.message)")
    }
  }

  private func measure(
    _ definition: any NetworkEnvironment, _ workload: WorkloadSpec, _ slot: RunPlan.Slot, block: Int, position: Int,
    resources: HostResources
  ) throws(Failure) -> Trial {
    let environment = try build(slot) { () throws(UserError) in try definition.build(with: resources) }
    if let own = workload.commands {
      let commands = slot.isControl ? plan.referenceCommands[workload.name] ?? own : own
      let session = CommandSession(link: link, environment: environment, commands: commands, processors: processors)
      return try session.run(limit: UInt64(plan.profile.budgetSeconds) * 1_000_000_000).trial(
        block: block, position: position, slot: slot)
    }
    // Before the workers start: opening taps disturbs, and so would their warm-up be disturbed.
    let inside = slot.isCaptured ? try view(of: environment, workload) : nil
    let nonce = UInt64.random(in: 1 ... .max)
    let session = try WorkerSession(
      link: link, plan: plan, processors: processors, environment: environment, workload: workload, slot: slot,
      nonce: nonce, inside: inside)
    var drained: InsideView.Drained?
    let window = try session.runWindow { () throws(Failure) in
      if let inside { drained = try drain(inside, nonce: nonce, slot: slot) }
    }
    var attestation = environment.attest(
      from: window.countersBefore, to: window.countersAfter, traffic: traffic(of: window, workload),
      witnesses: window.witnesses)
    var hops: TrialHops?
    if let inside, let drained {
      let sight = look(inside, drained, window, environment)
      attestation.failures += sight.failures
      hops = sight.hops
    }
    return TrialReduction(window: window, workload: workload).trial(
      block: block, position: position, slot: slot, attestation: attestation, hops: hops)
  }

  /// What the window sent, for attestation.
  private func traffic(of window: MeasuredWindow, _ workload: WorkloadSpec) -> PathTraffic {
    let client = window.client
    let isStream = workload.kind == .tcpStream || workload.kind == .udpStream
    let frame = workload.framing == .http ? Self.longestHead : 0
    return PathTraffic(
      transport: workload.kind.isUDP ? .udp : .tcp, family: plan.family, size: workload.size + frame,
      replySize: workload.replySize + frame, requests: client.sent,
      replies: isStream ? 0 : UInt64(client.samples) + client.late + client.duplicate,
      connections: workload.kind == .tcpCRR ? client.sent : 0,
      // Of a stream's messages, and of requests that stand in line on one connection, several may go in one packet.
      isBulk: workload.kind == .tcpStream || workload.kind == .tcpOpen || workload.concurrency > 1)
  }

  /// A head of HTTP as the workers write it has fewer bytes.
  private static let longestHead = 128

  // MARK: - Looking inside

  private func view(of environment: BuiltEnvironment, _ workload: WorkloadSpec) throws(Failure) -> InsideView {
    guard case .value(let spec) = plan.capture else { preconditionFailure("a plan without capture has no such slot") }
    // From the opening of the taps to the end of the window: the workers' start and their warm-up are in it.
    let profile = plan.profile
    let window = UInt64(profile.windowMilliseconds) * 1_000_000
    let duration = window + UInt64(profile.warmupMilliseconds + Self.startMilliseconds) * 1_000_000
    do throws(TapError) {
      return try InsideView(
        environment, workload: workload, spec: spec, family: plan.family, window: window, duration: duration)
    } catch { throw .trial(error.description) }
  }

  /// What two workers take to start, at the most, unless something is wrong.
  private static let startMilliseconds = 100

  private func drain(
    _ inside: InsideView, nonce: UInt64, slot: RunPlan.Slot
  ) throws(Failure) -> InsideView.Drained {
    var recorder: PacketRecorder?
    do throws(UserError) {
      if let packetDirectory {
        recorder = try inside.recorder(directory: packetDirectory, slot: slot, application: "bench \(version)")
      }
    } catch { throw .fatal(error) }
    do throws(InsideView.Failure) { return try inside.drain(nonce: nonce, recorder: recorder) } catch {
      switch error {
      case .tap(let error): throw .trial(error.description)
      case .recorder(let error): throw .fatal(error)
      }
    }
  }

  private func look(
    _ inside: InsideView, _ drained: InsideView.Drained, _ window: MeasuredWindow, _ environment: BuiltEnvironment
  ) -> InsideView.Sight {
    var sight = inside.look(
      drained, client: window.clientStamps, server: window.serverStamps, within: window.listening,
      drops: environment.drops(from: window.countersBefore, to: window.countersAfter))
    if let step = window.noise.clockStepNanoseconds, abs(step) > Self.clockStep {
      sight.hops.objections.append("the clock was set by \(Double(step) / 1000) µs within the window")
    }
    return sight
  }

  /// A step of the clock that a hop would show, in ns; less may be the reading of two clocks one after the other.
  private static let clockStep: Int64 = 100_000
}
