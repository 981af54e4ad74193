internal import Dispatch
internal import Synchronization
internal import class Foundation.Thread

/// Something that goes on on a thread of its own while a test waits for what it does. A task would not do: the shared
/// pool has a thread for each CPU, so that a test which blocks one until a task has run may wait for ever, or for the
/// hundreds of tests that stand in the queue before that task.
public final class Background<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, any Error>?>(nil)
  private let done = DispatchSemaphore(value: 0)

  public init(_ body: @escaping @Sendable () throws -> Value) {
    Thread.detachNewThread {
      let result = Result { try body() }
      self.result.withLock { $0 = result }
      self.done.signal()
    }
  }

  /// Waits for its end.
  /// - Throws: what it has thrown, or after a minute that it has not ended.
  public func value() throws -> Value {
    guard done.wait(timeout: .now() + .seconds(60)) == .success, let result = result.withLock({ $0 }) else {
      throw Endless()
    }
    return try result.get()
  }

  private struct Endless: Error, CustomStringConvertible {
    let description = "it did not come to an end within a minute"
  }
}

/// Runs `body` on a thread of its own, and waits for it without holding one of the pool: for what takes long.
public func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
  }
}
