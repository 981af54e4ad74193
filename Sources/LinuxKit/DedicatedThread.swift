internal import Glibc

/// Runs `body` on a thread of its own and waits for it.
///
/// setns(2) and unshare(2) change the calling *thread* only, so they must never run on a pool's thread: it would
/// carry the foreign namespace to whatever runs on it next. The thread made here ends with `body`.
public func onDedicatedThread<Value: Sendable>(
  _ body: @escaping @Sendable () throws(SystemError) -> Value
) throws(SystemError) -> Value {
  let box = ThreadBox(body)
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
  pthread_join(thread, nil)
  guard let result = box.result else { preconditionFailure("the thread has ended, and so has its body") }
  return try result.get()
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
