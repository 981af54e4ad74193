internal import Glibc

/// The CPU time that `body` takes of the calling thread (CLOCK_THREAD_CPUTIME_ID). Tests run beside one another on few
/// CPUs, which the time on the wall would measure as well. Nothing that `body` has others do is in it.
public func threadTime(_ body: () throws -> Void) rethrows -> Duration {
  let start = read()
  try body()
  return read() - start
}

private func read() -> Duration {
  var time = timespec()
  precondition(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
