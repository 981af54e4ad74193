public import WorkerProtocol

/// What a client tells the controller in the course of its work, and waits to be told. Nothing of it happens within a
/// window.
///
/// A class, and used as one: were the loops generic over it, they would not be specialised for their channels, since their
/// caller is in another module.
public protocol ClientConversation: AnyObject {
  /// Says that the warm-up is done, and returns when the window is to open.
  func awaitStart() throws(WorkloadError)
  /// Hands over what was measured.
  func report(_ outcome: ClientOutcome)
  /// Waits for what comes after the window.
  /// - Returns: true if operations are to be done for counting, false if the work is over.
  func awaitCount() throws(WorkloadError) -> Bool
  /// Says that so many operations were done for counting.
  func report(counted operations: UInt64)
}

/// What a client measured in its window.
public struct ClientOutcome: Sendable {
  public var result: ClientResult
  /// ns of each operation, in the order of their ends; empty for a stream.
  public var samples: [UInt32]
  /// Of an open loop: ns from the real send of the same requests; empty elsewhere.
  public var serviceTimes: [UInt32]
  /// Of some of the requests.
  public var stamps: [RequestStamps]

  public init(
    result: ClientResult, samples: [UInt32] = [], serviceTimes: [UInt32] = [], stamps: [RequestStamps] = []
  ) {
    self.result = result
    self.samples = samples
    self.serviceTimes = serviceTimes
    self.stamps = stamps
  }
}

/// What a server did until it was stopped, and the stamps of some of the requests.
public struct ServerOutcome: Sendable {
  public var result: ServerResult
  public var stamps: [RequestStamps]

  public init(result: ServerResult, stamps: [RequestStamps] = []) {
    self.result = result
    self.stamps = stamps
  }
}

/// A loop that is measured. `ConnectionClient(configuration).run(conversation)` is all that a worker does.
public protocol ClientLoop {
  init(_ configuration: WorkerConfiguration)
  /// Connects, warms up, awaits the start, measures, reports; and counts, if the configuration says so and the
  /// controller asks for it.
  func run(_ conversation: any ClientConversation) throws(WorkloadError)
}

/// The other side of one: serves until SIGTERM or SIGINT.
public protocol ServerLoop {
  init(_ configuration: WorkerConfiguration)
  /// Binds, calls `listening` with the port, and serves.
  func run(listening: (UInt16) throws(WorkloadError) -> Void) throws(WorkloadError) -> ServerOutcome
}
