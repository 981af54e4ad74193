public import WorkerProtocol

/// What a worker on files tells the controller in the course of its work, and waits to be told. Nothing of it happens
/// within a window.
public protocol StorageConversation: AnyObject {
  /// Says that all is ready, and returns when the window is to open. Meanwhile the controller drops the caches, if the
  /// configuration wants them cold. A loop that works in parts calls it before each: what reached the block device is read
  /// between the first part and the second.
  func awaitStart() throws(WorkloadError)
  /// Hands over what was measured.
  func report(_ outcome: StorageOutcome)
}

/// What a worker on files measured.
public struct StorageOutcome: Sendable {
  /// Its ``StorageResult/phases`` are filled in by ``init(result:samples:)``.
  public var result: StorageResult
  /// ns of each operation, phase by phase.
  public var samples: [[UInt64]]

  public init(result: StorageResult, samples: [(phase: StoragePhase, nanoseconds: [UInt64])]) {
    self.result = result
    self.result.phases = samples.map { StorageResult.Phase($0.phase, count: $0.nanoseconds.count) }
    self.samples = samples.map(\.nanoseconds)
  }
}

/// A loop over files that is measured. `CopyUp(configuration).run(conversation)` is all that a worker does.
public protocol StorageLoop {
  init(_ configuration: StorageConfiguration)
  /// Prepares, awaits the start, measures, reports.
  func run(_ conversation: any StorageConversation) throws(WorkloadError)
}
