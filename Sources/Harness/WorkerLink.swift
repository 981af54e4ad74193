internal import Environments
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// The controller's side of the conversation with workers: every wait has a deadline and ends with an interrupt, and
/// every failure becomes a sentence.
struct WorkerLink {
  let worker: WorkerBinary
  let interruption: Interruption?
  /// How long a worker may take for what should take milliseconds, in ns.
  let patience: UInt64

  /// A worker never has room for more; whatever says so is none.
  private static let mostSamples = 1 << 28

  typealias Failure = TrialRunner.Failure

  /// Starts a worker and tells it what to do.
  func start(_ place: WorkerPlace, _ configuration: WorkerConfiguration) throws(Failure) -> WorkerProcess {
    try start(place, saying: .configure(configuration))
  }

  /// The same for one that works on files.
  func start(_ place: WorkerPlace, _ configuration: StorageConfiguration) throws(Failure) -> WorkerProcess {
    try start(place, saying: .configureStorage(configuration))
  }

  private func start(_ place: WorkerPlace, saying message: WorkerMessage) throws(Failure) -> WorkerProcess {
    let process: WorkerProcess
    do throws(SystemError) { process = try place.start(worker.path) } catch {
      throw .trial("cannot start the worker: \(error)")
    }
    // One that has ended already cannot be written to. Waiting for its answer tells why, a broken pipe would not.
    try? process.child.write(message.line)
    return process
  }

  /// The next message of a worker.
  /// - Parameter nanoseconds: how long it may take beyond ``patience``.
  func receive(
    from process: WorkerProcess, _ name: String, within nanoseconds: UInt64 = 0
  ) throws(Failure) -> WorkerMessage {
    let line: [UInt8]
    do throws(ChildProcess.Failure) {
      line = try process.child.readLine(
        deadline: Clock.monotonic() + nanoseconds + patience, interruption: interruption)
    } catch { throw explain(error, process, name) }
    do throws(ProtocolError) {
      let message = try WorkerMessage(line: line)
      if case .failed(let reason) = message { throw ProtocolError(reason) }
      return message
    } catch { throw .trial("\(name): \(error.description)") }
  }

  func readSamples(_ count: Int, from process: WorkerProcess) throws(Failure) -> [UInt32] {
    guard (0...Self.mostSamples).contains(count) else { throw .trial("client: a result of \(count) samples") }
    if count == 0 { return [] }
    let bytes = try read(count * 4, from: process, "client")
    return [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
      bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      initialized = count
    }
  }

  /// Samples of 64 bits each, in ns: those of a worker on files.
  func readLongSamples(_ count: Int, from process: WorkerProcess) throws(Failure) -> [UInt64] {
    guard (0...Self.mostSamples).contains(count) else { throw .trial("worker: a result of \(count) samples") }
    if count == 0 { return [] }
    let bytes = try read(count * 8, from: process, "worker")
    return [UInt64](unsafeUninitializedCapacity: count) { buffer, initialized in
      bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      initialized = count
    }
  }

  func readStamps(_ count: Int, from process: WorkerProcess, _ name: String) throws(Failure) -> [RequestStamps] {
    guard (0...Self.mostSamples).contains(count) else { throw .trial("\(name): a result of \(count) stamps") }
    if count == 0 { return [] }
    let bytes = try read(count * RequestStamps.encodedSize, from: process, name)
    do throws(ProtocolError) { return try RequestStamps.decoded(bytes) } catch {
      throw .trial("\(name): \(error.description)")
    }
  }

  private func read(_ count: Int, from process: WorkerProcess, _ name: String) throws(Failure) -> [UInt8] {
    do throws(ChildProcess.Failure) {
      return try process.child.readBytes(count, deadline: Clock.monotonic() + patience, interruption: interruption)
    } catch { throw explain(error, process, name) }
  }

  /// Waits for the end of a worker that has said all.
  func awaitExit(of process: WorkerProcess, _ name: String) throws(Failure) {
    let status: ChildProcess.ExitStatus
    do throws(ChildProcess.Failure) {
      status = try process.child.waitForExit(deadline: Clock.monotonic() + patience)
    } catch { throw .trial("the \(name) did not end") }
    guard status == .exited(0) else { throw .trial("the \(name) \(status)") }
  }

  func explain(_ failure: ChildProcess.Failure, _ process: WorkerProcess, _ name: String) -> Failure {
    switch failure {
    case .interrupted: return .interrupted
    case .timedOut: return .trial("the \(name) did not answer in time")
    case .system(let error): return .trial("the \(name): \(error)")
    case .ended:
      let status = try? process.child.waitForExit(deadline: Clock.monotonic() + patience)
      let errors = process.child.standardError().split(separator: "\n").last.map { ": \($0)" } ?? ""
      return .trial("the \(name) \(status?.description ?? "closed its output")\(errors)")
    }
  }
}
