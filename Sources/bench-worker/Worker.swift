internal import Glibc
internal import LinuxKit
internal import WorkerProtocol
internal import Workloads

/// One role of one workload, told what to do over stdin (see `WorkerMessage`).
@main
struct Worker {
  static func main() {
    var control = ControlChannel()
    do throws(WorkerFailure) {
      try run(&control)
    } catch {
      control.send(.failed(message: error.description))
      exit(1)
    }
  }

  private static func run(_ control: inout ControlChannel) throws(WorkerFailure) {
    // Whatever becomes of the controller, no worker outlives it.
    do throws(SystemError) { try Process.dieWithParent() } catch { throw WorkerFailure(error.description) }
    guard case .configure(let configuration) = try control.receive() else {
      throw WorkerFailure("the first message must be 'configure'")
    }
    do throws(SystemError) {
      // Both before the first thread of its own: setns(2) moves the calling thread only.
      if let namespace = configuration.namespace { try NetworkNamespace.enter(path: namespace) }
      if let cpu = configuration.cpu { try CPUSet.bind(to: [cpu]) }
    } catch { throw WorkerFailure(error.description) }
    do throws(WorkloadError) {
      switch configuration.role {
      case .server:
        let outcome = try EchoServer(configuration).run { port in control.send(.listening(port: port)) }
        control.send(.stopped(outcome.result))
        control.send(stamps: outcome.stamps)
      case .client:
        // Before the warm-up, so that nothing stands between it and the window.
        let canary = Canary.measure()
        let outcome = try RoundTripClient(configuration).run { () throws(WorkloadError) in
          control.send(.ready(canaryNanoseconds: canary))
          do throws(WorkerFailure) {
            guard try control.receive() == .start else { throw WorkerFailure("expected 'start'") }
          } catch { throw WorkloadError(error.description) }
        }
        control.send(.result(outcome.result))
        control.send(samples: outcome.samples)
        control.send(stamps: outcome.stamps)
      }
    } catch { throw WorkerFailure(error.description) }
  }
}

/// Why the worker gives up.
struct WorkerFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Messages in on stdin, out on stdout.
struct ControlChannel {
  /// A line of control is never longer; more is not a controller's.
  private static let longestLine = 65_536

  mutating func receive() throws(WorkerFailure) -> WorkerMessage {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      guard count == 1 else { throw WorkerFailure("the controller is gone") }
      if byte == UInt8(ascii: "\n") { break }
      line.append(byte)
      guard line.count <= Self.longestLine else { throw WorkerFailure("a control line without end") }
    }
    do throws(ProtocolError) { return try WorkerMessage(line: line) } catch { throw WorkerFailure(error.description) }
  }

  func send(_ message: WorkerMessage) { message.line.withUnsafeBytes(writeAll) }

  /// Little-endian, as the machine has them (every platform of ours).
  func send(samples: [UInt32]) { samples.withUnsafeBytes(writeAll) }

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
