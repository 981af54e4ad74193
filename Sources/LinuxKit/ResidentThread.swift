internal import Glibc

/// A thread that runs one body after the other, and keeps what they make of it (its namespaces) until it is ended.
///
/// The one who makes it must end it.
///
/// Unchecked: `job` is written by the caller that has the turn, read by the thread between the posts of `ready` and
/// `done`, and cleared by the caller after it: the semaphores order the three, and `isEnding` likewise. `thread` is
/// written before anybody else has this value.
final class ResidentThread: @unchecked Sendable {
  private let turn = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private let ready = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private var job: (() -> Void)?
  private var isEnding = false
  private var thread = pthread_t()

  init() throws(SystemError) {
    sem_init(turn, 0, 1)
    sem_init(ready, 0, 0)
    sem_init(done, 0, 0)
    let reference = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { preconditionFailure("the thread was started with its owner") }
        Unmanaged<ResidentThread>.fromOpaque(argument).takeRetainedValue().work()
        return nil
      }, reference.toOpaque())
    guard code == 0 else {
      reference.release()
      throw SystemError(call: "pthread_create", code: code)
    }
  }

  deinit {
    for semaphore in [turn, ready, done] {
      sem_destroy(semaphore)
      semaphore.deallocate()
    }
  }

  /// Runs `body` on the thread, and waits for it; at once if this is the thread.
  func call<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    if isCurrent { return try body() }
    var result: Result<Value, Failure>?
    perform { () in
      do throws(Failure) { result = .success(try body()) } catch { result = .failure(error) }
    }
    guard let result else { preconditionFailure("the body has run") }
    return try result.get()
  }

  /// Ends the thread and waits until it has. Called from the thread itself, it ends after the body that runs.
  func end() {
    isEnding = true
    sem_post(ready)
    if isCurrent { pthread_detach(thread) } else { pthread_join(thread, nil) }
  }

  private var isCurrent: Bool { pthread_equal(pthread_self(), thread) != 0 }

  private func perform(_ body: () -> Void) {
    while sem_wait(turn) != 0 {}
    defer { sem_post(turn) }
    withoutActuallyEscaping(body) { escaping in
      job = escaping
      sem_post(ready)
      while sem_wait(done) != 0 {}
      job = nil
    }
  }

  private func work() {
    while true {
      while sem_wait(ready) != 0 {}
      if isEnding { return }
      runJob()
      sem_post(done)
    }
  }

  /// Not inlined: its reference to the job must be gone when `done` is posted, because the job does not escape.
  @inline(never)
  private func runJob() {
    guard let job else { preconditionFailure("the thread is let go with a job") }
    job()
  }
}
