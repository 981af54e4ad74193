internal import Glibc
internal import LinuxKit
internal import WorkerProtocol
internal import Workloads

/// One role of one workload, or all of one on files, told what to do over stdin (see `WorkerMessage`).
@main
struct Worker {
  static func main() {
    let control = ControlChannel()
    do throws(WorkerFailure) {
      try run(control)
    } catch {
      control.send(.failed(message: error.description))
      exit(1)
    }
  }

  private static func run(_ control: ControlChannel) throws(WorkerFailure) {
    // Whatever becomes of the controller, no worker outlives it. A container's first process has its parent outside of
    // its PID namespace: an engine's, of which each thread that ends may count as the parent's death, and which ends its
    // containers itself.
    if getppid() != 0 {
      do throws(SystemError) { try Process.dieWithParent() } catch { throw WorkerFailure(error.description) }
    }
    switch try control.receive() {
    case .configure(let configuration): try run(configuration, control)
    case .configureStorage(let configuration): try run(configuration, control)
    default: throw WorkerFailure("the first message must be 'configure' or 'configure-storage'")
    }
  }

  private static func run(_ configuration: WorkerConfiguration, _ control: ControlChannel) throws(WorkerFailure) {
    control.readsAhead = configuration.role != .command
    do throws(SystemError) {
      // Both before the first thread of its own: setns(2) moves the calling thread only.
      if let namespace = configuration.namespace { try NetworkNamespace.enter(path: namespace) }
      if let cpu = configuration.cpu { try CPUSet.bind(to: [cpu]) }
    } catch { throw WorkerFailure(error.description) }
    do throws(WorkloadError) {
      switch configuration.role {
      case .server: try serve(configuration, control)
      case .relay: try run(Relay(configuration), control)
      case .command: try CommandRunner(configuration).run()
      case .client:
        var configuration = configuration
        configuration.slowdownPPM += try builtInSlowdown()
        // Before the warm-up, so that nothing stands between it and the window.
        control.canaryNanoseconds = Canary.measure()
        try measure(configuration, control)
      }
    } catch { throw WorkerFailure(error.description) }
  }

  /// How much longer than it takes each round trip of this worker is, in parts per million: 0, but for a worker that was
  /// started with `--slow-down PPM`. That is the worker with a known regression, which the nightly job's own tests are
  /// about: a script that starts this file so is another worker to it, with a hash of its own.
  private static func builtInSlowdown() throws(WorkloadError) -> UInt64 {
    let arguments = CommandLine.arguments.dropFirst()
    if arguments.isEmpty { return 0 }
    guard arguments.count == 2, arguments.first == "--slow-down", let ppm = arguments.last.flatMap({ UInt64($0) }),
      ppm <= 10_000_000
    else { throw WorkloadError("the only arguments of a worker are '--slow-down PPM', with a PPM of at most 10000000") }
    return ppm
  }

  /// Works on files, alone.
  private static func run(_ configuration: StorageConfiguration, _ control: ControlChannel) throws(WorkerFailure) {
    control.readsAhead = true
    do throws(SystemError) {
      // Before the first thread of its own, here too.
      if let namespace = configuration.mountNamespace { try MountNamespace.enter(path: namespace) }
      if let cpu = configuration.cpu { try CPUSet.bind(to: [cpu]) }
    } catch { throw WorkerFailure(error.description) }
    control.canaryNanoseconds = Canary.measure()
    control.fileSystem = (try? FileSystemFacts(at: configuration.directory))?.type
    do throws(WorkloadError) {
      switch configuration.loop {
      case .copyUp: try CopyUpLoop(configuration).run(control)
      case .io: try IOLoop(configuration).run(control)
      case .lookup: try LookupLoop(configuration).run(control)
      case .metadata: try MetadataLoop(configuration).run(control)
      case .mmapWrite: try MmapWriteLoop(configuration).run(control)
      case .commit: try CommitLoop(configuration).run(control)
      }
    } catch { throw WorkerFailure(error.description) }
  }

  /// One request in flight on one plain connection has a loop of its own, which costs what bare C costs.
  private static func isPlain(_ configuration: WorkerConfiguration) -> Bool {
    configuration.concurrency == 1 && configuration.framing == .none
  }

  private static func serve(_ configuration: WorkerConfiguration, _ control: ControlChannel) throws(WorkloadError) {
    switch configuration.loop {
    case .rr where isPlain(configuration): try run(EchoServer(configuration), control)
    // Requests that are not waited for are answered like any other.
    case .open where configuration.transport == .udp: try run(EchoServer(configuration), control)
    case .rr, .open: try run(ConcurrentServer(configuration), control)
    case .crr: try run(ConnectionServer(configuration), control)
    case .stream: try run(StreamServer(configuration), control)
    }
  }

  private static func run(_ loop: some ServerLoop, _ control: ControlChannel) throws(WorkloadError) {
    let outcome = try loop.run { port in control.send(.listening(port: port)) }
    control.send(.stopped(outcome.result))
    control.send(stamps: outcome.stamps)
  }

  private static func measure(
    _ configuration: WorkerConfiguration, _ control: ControlChannel
  ) throws(WorkloadError) {
    switch configuration.loop {
    case .rr where isPlain(configuration): try RoundTripClient(configuration).run(control)
    case .rr: try ConcurrentClient(configuration).run(control)
    case .crr: try ConnectionClient(configuration).run(control)
    case .stream: try StreamClient(configuration).run(control)
    case .open: try OpenLoopClient(configuration).run(control)
    }
  }
}

/// Why the worker gives up.
struct WorkerFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Messages in on stdin, out on stdout.
final class ControlChannel: ClientConversation, StorageConversation {
  /// What the worker says with its readiness.
  var canaryNanoseconds: UInt64 = 0
  /// What a worker on files says of where it is.
  var fileSystem: String?
  /// Whether a message is read by one call and not byte by byte, so that the one which asks for counting is hardly
  /// counted. What was read and is no message yet is lost to a command that the worker becomes.
  var readsAhead = false
  private var ahead: [UInt8] = []
  private var place = 0
  /// Whether stdin has come to its end.
  private var isAtEnd = false

  /// A line of control is never longer; more is not a controller's.
  private static let longestLine = 65_536

  func receive() throws(WorkerFailure) -> WorkerMessage {
    var line: [UInt8] = []
    while true {
      guard let byte = nextByte() else { throw WorkerFailure("the controller is gone") }
      if byte == UInt8(ascii: "\n") { break }
      line.append(byte)
      guard line.count <= Self.longestLine else { throw WorkerFailure("a control line without end") }
    }
    do throws(ProtocolError) { return try WorkerMessage(line: line) } catch { throw WorkerFailure(error.description) }
  }

  /// nil at the end of stdin.
  private func nextByte() -> UInt8? {
    if place == ahead.count {
      ahead = [UInt8](unsafeUninitializedCapacity: readsAhead ? 512 : 1) { buffer, count in
        repeat { count = read(STDIN_FILENO, buffer.baseAddress, buffer.count) } while count < 0 && errno == EINTR
        count = max(0, count)
      }
      place = 0
      isAtEnd = ahead.isEmpty
      if isAtEnd { return nil }
    }
    place += 1
    return ahead[place - 1]
  }

  func awaitStart() throws(WorkloadError) {
    send(.ready(canaryNanoseconds: canaryNanoseconds))
    do throws(WorkerFailure) {
      guard try receive() == .start else { throw WorkerFailure("expected 'start'") }
    } catch { throw WorkloadError(error.description) }
  }

  func report(_ outcome: ClientOutcome) {
    send(.result(outcome.result))
    send(samples: outcome.samples)
    send(samples: outcome.serviceTimes)
    send(stamps: outcome.stamps)
  }

  func report(_ outcome: StorageOutcome) {
    var result = outcome.result
    result.fileSystem = fileSystem
    send(.measured(result))
    for samples in outcome.samples { send(samples: samples) }
  }

  /// A controller that wants no counting says nothing more, and ends.
  func awaitCount() throws(WorkloadError) -> Bool {
    do throws(WorkerFailure) {
      guard try receive() == .count else { throw WorkerFailure("expected 'count'") }
      return true
    } catch {
      if isAtEnd { return false }
      throw WorkloadError(error.description)
    }
  }

  func report(counted operations: UInt64) { send(.counted(operations: operations)) }

  func send(_ message: WorkerMessage) { message.line.withUnsafeBytes(writeAll) }

  /// Little-endian, as the machine has them (every platform of ours).
  func send(samples: [some FixedWidthInteger]) { samples.withUnsafeBytes(writeAll) }

  func send(stamps: [RequestStamps]) {
    // By pieces, so that they are not there a second time all at once.
    for start in stride(from: 0, to: stamps.count, by: 4096) {
      RequestStamps.encoded(stamps[start..<min(start + 4096, stamps.count)]).withUnsafeBytes(writeAll)
    }
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) {
    var done = 0
    while done < bytes.count {
      let count = write(STDOUT_FILENO, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      // Nobody listens any more: there is nothing left to do, and nobody to tell.
      guard count > 0 else { exit(1) }
      done += count
    }
  }
}
