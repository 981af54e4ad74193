import LinuxKit
import Testing
import WorkerProtocol

@testable import Workloads

/// The controller's part, played for a client that runs within the test.
final class ClientTalk: ClientConversation {
  var outcome: ClientOutcome?
  var counted: UInt64?
  /// Whether the client is told to count.
  var counts = true
  private let whenReady: () throws -> Void

  init(whenReady: @escaping () throws -> Void = {}) { self.whenReady = whenReady }

  func awaitStart() throws(WorkloadError) {
    do { try whenReady() } catch { throw error as? WorkloadError ?? WorkloadError("\(error)") }
  }
  func report(_ outcome: ClientOutcome) { self.outcome = outcome }
  func awaitCount() throws(WorkloadError) -> Bool { counts }
  func report(counted operations: UInt64) { counted = operations }
}

/// What a client hands over, with the controller's part played.
func outcome(
  of client: some ClientLoop, whenReady: @escaping () throws -> Void = {}
) throws -> (outcome: ClientOutcome, counted: UInt64?) {
  let talk = ClientTalk(whenReady: whenReady)
  try client.run(talk)
  let outcome = try #require(talk.outcome)
  #expect(outcome.samples.count == outcome.result.samples)
  return (outcome, talk.counted)
}

extension RoundTripClient {
  /// Runs it with the controller's part played.
  /// - Parameter ready: is called when the warm-up is done, and returns when the window is to open.
  func run(ready: @escaping () throws(WorkloadError) -> Void) throws(WorkloadError) -> ClientOutcome {
    let talk = ClientTalk(whenReady: ready)
    try run(talk)
    guard let outcome = talk.outcome else { throw WorkloadError("the client reported nothing") }
    return outcome
  }
}

/// Why a client gives up.
func reason(of client: some ClientLoop) throws -> String {
  let error = #expect(throws: WorkloadError.self) {
    let talk = ClientTalk()
    try client.run(talk)
  }
  return try #require(error?.description)
}

extension WorkerProcess {
  /// The result of a client in an open loop that was started, its times, and the end of its process.
  func openResult() throws -> ClientOutcome {
    let message = try receive()
    guard case .result(let result) = message else { throw TestFailure(description: "expected 'result': \(message)") }
    #expect(result.hasServiceTimes && result.stamps == 0)
    func times() throws -> [UInt32] {
      let bytes = try child.readBytes(result.samples * 4, deadline: farDeadline())
      return stride(from: 0, to: bytes.count, by: 4).map { offset in
        bytes[offset..<offset + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      }
    }
    let outcome = ClientOutcome(result: result, samples: try times(), serviceTimes: try times())
    #expect(throws: ChildProcess.Failure.ended) { try child.readBytes(1, deadline: farDeadline()) }
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
    return outcome
  }
}
