internal import Glibc

/// Runs `body` on a thread of its own and waits for it.
///
/// setns(2) and unshare(2) change the calling *thread* only, so they must never run on a pool's thread: it would
/// carry the foreign namespace to whatever runs on it next. The thread made here ends with `body`.
public func onDedicatedThread<Value: Sendable>(
  _ body: @escaping @Sendable () throws(SystemError) -> Value
) throws(SystemError) -> Value {
  try DedicatedThread(body).join()
}

/// Runs `body` for each of `inputs` at the same time, each on a thread of its own, and waits for all: for calls that
/// mostly wait in the kernel. No body begins before all threads run, so that they begin together.
/// - Returns: the results in the order of `inputs`.
public func onDedicatedThreads<Input: Sendable, Value: Sendable>(
  _ inputs: [Input], _ body: @escaping @Sendable (Input) throws(SystemError) -> Value
) -> [Result<Value, SystemError>] {
  PreparedThreads(inputs, body).run()
}

/// Threads that are there, one for each input, and wait to be let go, all at once: where starting a thread would take too
/// long at the moment when it is needed.
public struct PreparedThreads<Value: Sendable>: ~Copyable {
  private let gate = StartGate()
  private let threads: [Result<DedicatedThread<Value>, SystemError>]

  /// Starts the threads and waits until all of them run.
  public init<Input: Sendable>(
    _ inputs: [Input], _ body: @escaping @Sendable (Input) throws(SystemError) -> Value
  ) {
    let gate = gate
    threads = inputs.map { input in
      Result { () throws(SystemError) in
        try DedicatedThread { () throws(SystemError) in
          gate.pass()
          return try body(input)
        }
      }
    }
    gate.awaitArrivals(of: started)
  }

  private var started: Int { threads.count { if case .success = $0 { true } else { false } } }

  /// Lets the threads go, and waits for all of them, whatever becomes of one. Must be called once.
  /// - Returns: the results in the order of the inputs.
  public consuming func run() -> [Result<Value, SystemError>] {
    gate.open(for: started)
    return threads.map { thread in
      Result { () throws(SystemError) in try thread.get().join() }
    }
  }
}

/// Holds threads up until all of them are there.
private final class StartGate: @unchecked Sendable {
  private let arrivals = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private let departures = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() {
    sem_init(arrivals, 0, 0)
    sem_init(departures, 0, 0)
  }

  deinit {
    for semaphore in [arrivals, departures] {
      sem_destroy(semaphore)
      semaphore.deallocate()
    }
  }

  /// Called by each thread.
  func pass() {
    sem_post(arrivals)
    while sem_wait(departures) != 0 {}
  }

  /// Called by another: waits until `count` threads are at the gate.
  func awaitArrivals(of count: Int) {
    for _ in 0..<count { while sem_wait(arrivals) != 0 {} }
  }

  /// Lets `count` threads go.
  func open(for count: Int) {
    for _ in 0..<count { sem_post(departures) }
  }
}

/// A thread that runs one body. It must be joined.
private struct DedicatedThread<Value: Sendable> {
  private let thread: pthread_t
  private let box: ThreadBox<Value>

  init(_ body: @escaping @Sendable () throws(SystemError) -> Value) throws(SystemError) {
    box = ThreadBox(body)
    let reference = Unmanaged.passRetained(box)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { preconditionFailure("the thread was started with its box") }
        Unmanaged<AnyThreadBox>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, reference.toOpaque())
    guard code == 0 else {
      reference.release()
      throw SystemError(call: "pthread_create", code: code)
    }
    self.thread = thread
  }

  func join() throws(SystemError) -> Value {
    pthread_join(thread, nil)
    guard let result = box.result else { preconditionFailure("the thread has ended, and so has its body") }
    return try result.get()
  }
}

private class AnyThreadBox {
  func run() {}
}

/// Only the new thread touches the box until it ends, and only the joiner afterwards: pthread_join orders the two.
private final class ThreadBox<Value: Sendable>: AnyThreadBox {
  private let body: @Sendable () throws(SystemError) -> Value
  private(set) var result: Result<Value, SystemError>?

  init(_ body: @escaping @Sendable () throws(SystemError) -> Value) { self.body = body }

  override func run() {
    do throws(SystemError) { result = .success(try body()) } catch { result = .failure(error) }
  }
}
