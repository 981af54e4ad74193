internal import Environments
internal import Foundation
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// One trial of the user's own commands: the server, until its port is open, then the client, until it ends.
struct CommandSession {
  let link: WorkerLink
  let environment: BuiltEnvironment
  let commands: WorkloadSpec.Commands
  let processors: Processors

  typealias Failure = TrialRunner.Failure

  /// How long a server may take until it listens, in ns.
  private static let startLimit: UInt64 = 20_000_000_000
  /// How often its port is looked for, in ns.
  private static let pollInterval: UInt64 = 2_000_000
  /// What is kept of a client's output.
  private static let longestOutput = 1 << 20

  struct Outcome {
    var started: Date
    var nanoseconds: UInt64
    var clientCPU: UInt64?
    var serverCPU: UInt64?
    /// What the client reported, or why that is not known.
    var reported: Measured<Double>
    var noise: TrialNoise
    var attestation: Attestation
  }

  /// - Parameter limit: how long the client may take, in ns.
  func run(limit: UInt64) throws(Failure) -> Outcome {
    let service = environment.service
    let port = try freePort()
    let server = try commands.server.map { command throws(Failure) in try startServer(command, port: port) }
    let words = CommandTemplate.filled(
      commands.client, address: service.targetAddress, port: service.targetPort ?? port)
    do {
      let started = Date()
      let countersBefore = try environment.readCounters()
      let begin = Clock.monotonic()
      let client = try link.start(
        environment.client,
        .command(words, namespace: environment.client.namespaceToEnter, cpu: processors.client))
      let clientPID = client.processes.first
      let noiseBefore = try NoiseProbe(cpus: cpus, workers: client.processes + (server?.processes ?? []))
      let serverBefore = try server?.cpuTime()
      let output = try readAll(from: client, limit: limit)
      // The process may not be reaped yet: its clock still stands where it ended.
      let clientCPU = clientPID.flatMap { try? Clock.cpuTime(of: $0) }
      let status = try client.child.waitForExit(deadline: Clock.monotonic() + link.patience)
      let nanoseconds = Clock.monotonic() - begin
      let serverAfter = try server?.cpuTime()
      let countersAfter = try environment.readCounters(allowsGone: true)
      let noise = try NoiseProbe(cpus: cpus, workers: server?.processes ?? [])
      guard status == .exited(0) else { throw Failure.trial(complaint(words, status, client, output)) }
      let attestation = environment.attestMovement(
        from: countersBefore, to: countersAfter, isTalking: server != nil)
      if let server { end(server) }
      return Outcome(
        started: started, nanoseconds: nanoseconds, clientCPU: clientCPU,
        serverCPU: serverBefore.flatMap { before in serverAfter.map { $0 - before } },
        reported: try reported(in: output), noise: noiseBefore.clockNoise(until: noise),
        attestation: attestation)
    } catch let failure as Failure {
      throw failure
    } catch let failure as ChildProcess.Failure {
      throw failure == .interrupted
        ? .interrupted : .trial("'\(words[0])' did not end within \(limit / 1_000_000_000) s")
    } catch let error as UserError {
      throw .trial(error.message)
    } catch {
      throw .trial("\(error)")
    }
  }

  private var cpus: [Int] { [processors.client, processors.server] }

  /// The port that the environment prescribes; else one that is free on this host.
  private func freePort() throws(Failure) -> UInt16 {
    if environment.service.listenPort != 0 { return environment.service.listenPort }
    do throws(SystemError) { return try FreePort.tcp() } catch { throw .trial("no free port: \(error)") }
  }

  private func startServer(_ command: [String], port: UInt16) throws(Failure) -> WorkerProcess {
    let words = CommandTemplate.filled(command, address: environment.service.listenAddress, port: port)
    let server = try link.start(
      environment.server,
      .command(
        words, namespace: environment.server.namespaceToEnter, cpu: processors.server, discardsOutput: true))
    let deadline = Clock.monotonic() + Self.startLimit
    while Clock.monotonic() < deadline {
      if link.interruption?.isPending == true { throw .interrupted }
      if let pid = server.processes.first, ListeningPort.isOpen(port, pid: pid) { return server }
      // Waiting for its end is the pause before the next look.
      if (try? server.child.waitForExit(deadline: Clock.monotonic() + Self.pollInterval)) != nil {
        throw .trial("the server '\(words[0])' ended before it listened\(lastWords(server))")
      }
    }
    throw .trial(
      "the server '\(words[0])' does not listen on port \(port) after \(Self.startLimit / 1_000_000_000) s: "
        + "does its command have \(CommandTemplate.port)?")
  }

  /// Everything that the client prints, until it closes its output.
  private func readAll(from client: WorkerProcess, limit: UInt64) throws -> String {
    let deadline = Clock.monotonic() + limit
    var bytes: [UInt8] = []
    while true {
      do throws(ChildProcess.Failure) {
        bytes += try client.child.readAvailable(deadline: deadline, interruption: link.interruption)
      } catch {
        if error == .ended { break }
        throw error
      }
      if bytes.count > Self.longestOutput { bytes.removeFirst(bytes.count - Self.longestOutput) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func reported(in output: String) throws(Failure) -> Measured<Double> {
    guard let pattern = commands.reported else { return .unavailable("no pattern was given to read it by") }
    let number: Double?
    do throws(ReportedNumber.Problem) { number = try ReportedNumber(pattern: pattern).number(in: output) } catch {
      throw .trial("the pattern \(error.description)")
    }
    guard let number else {
      throw .trial("the client printed nothing that '\(pattern)' matches")
    }
    return .value(number)
  }

  private func complaint(
    _ words: [String], _ status: ChildProcess.ExitStatus, _ client: WorkerProcess, _ output: String
  ) -> String {
    // A worker that could not become the command says so in the protocol's words.
    if let line = output.split(separator: "\n").last,
      case .failed(let reason)? = try? WorkerMessage(line: Array(line.utf8))
    {
      return reason
    }
    return "the client '\(words[0])' \(status)\(lastWords(client))"
  }

  private func lastWords(_ process: WorkerProcess) -> String {
    process.child.standardError().split(separator: "\n").last.map { ": \($0)" } ?? ""
  }

  private func end(_ server: WorkerProcess) {
    server.terminate()
    if (try? server.child.waitForExit(deadline: Clock.monotonic() + link.patience)) == nil { server.child.kill() }
  }
}

extension CommandSession.Outcome {
  func trial(block: Int, position: Int, slot: RunPlan.Slot) -> Trial {
    var values: [Metric: Double] = [.duration: Double(nanoseconds)]
    var unavailable: [Metric: String] = [:]
    switch reported {
    case .value(let number): values[.reported] = number
    case .unavailable(let reason): unavailable[.reported] = reason
    }
    if let clientCPU {
      values[.clientCPU] = Double(clientCPU)
    } else {
      unavailable[.clientCPU] = "the client had ended before its time could be read"
    }
    if let serverCPU { values[.serverCPU] = Double(serverCPU) } else { unavailable[.serverCPU] = "there is no server" }
    return Trial(
      block: block, position: position, environment: slot.environment, isControl: slot.isControl,
      workload: slot.workload, started: started, windowNanoseconds: nanoseconds, values: values,
      unavailable: unavailable, histogram: LatencyHistogram(samples: []),
      messages: MessageCounts(sent: 1, completed: 1),
      attestation: attestation, noise: noise)
  }
}
