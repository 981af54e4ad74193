internal import Glibc

/// Names and saves the input under which the process crashes or hangs.
///
/// A trap of Swift ends the process by SIGILL or SIGTRAP. What the handler needs is laid ready in memory that never
/// moves, since next to nothing may be called in it (signal-safety(7)).
struct CrashWatch {
  /// A hang is an input that is still the same after this many seconds.
  fileprivate static let patience: Int32 = 20

  init(seed: UInt64, folder: String) {
    let state = crashState
    state.pointee.seed = seed
    state.pointee.folder = UnsafePointer(strdup(folder))
  }

  func start() {
    for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] { handle(signal, onCrash) }
    handle(SIGALRM, onAlarm)
    var everySecond = itimerval(
      it_interval: timeval(tv_sec: 1, tv_usec: 0), it_value: timeval(tv_sec: 1, tv_usec: 0))
    setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &everySecond, nil)
  }

  /// Lays an input ready for the handlers.
  func enter(_ number: UInt64, _ bytes: [UInt8]) {
    let state = crashState
    state.pointee.number = number
    state.pointee.count = min(bytes.count, CrashState.capacity)
    state.pointee.input.withMemoryRebound(to: UInt8.self, capacity: CrashState.capacity) { input in
      input.update(from: bytes, count: state.pointee.count)
    }
    state.pointee.isInside = true
  }

  func leave() { crashState.pointee.isInside = false }

  private func handle(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = handler
    action.sa_flags = SA_RESTART
    sigaction(signal, &action, nil)
  }
}

private struct CrashState {
  static let capacity = 1 << 17
  var seed: UInt64 = 0
  var number: UInt64 = 0
  var count = 0
  var isInside = false
  /// Where the alarm saw the run, and how often it saw it there.
  var seen: UInt64 = .max
  var times: Int32 = 0
  var folder: UnsafePointer<CChar>?
  var input = UnsafeMutablePointer<UInt8>.allocate(capacity: CrashState.capacity)
}

/// Safe although nothing guards it: one thread runs, and a signal's handler runs on it.
private nonisolated(unsafe) let crashState: UnsafeMutablePointer<CrashState> = {
  let state = UnsafeMutablePointer<CrashState>.allocate(capacity: 1)
  state.initialize(to: CrashState())
  return state
}()

private func onCrash(_ signal: Int32) {
  report("crashed on")
  // As if nobody had handled it: the exit status tells the signal.
  Glibc.signal(signal, SIG_DFL)
  raise(signal)
}

private func onAlarm(_: Int32) {
  let state = crashState
  if state.pointee.isInside, state.pointee.number == state.pointee.seen {
    state.pointee.times += 1
    if state.pointee.times >= CrashWatch.patience {
      report("hung on")
      _exit(1)
    }
  } else {
    state.pointee.seen = state.pointee.number
    state.pointee.times = 0
  }
}

/// Calls nothing but write(2) and open(2), on buffers of its own stack.
private func report(_ what: StaticString) {
  let state = crashState
  guard state.pointee.isInside else { return }
  put(STDERR_FILENO, "\ncapture-fuzz ")
  put(STDERR_FILENO, what)
  put(STDERR_FILENO, " input ")
  put(STDERR_FILENO, state.pointee.number)
  put(STDERR_FILENO, ". Again: capture-fuzz --seed ")
  put(STDERR_FILENO, state.pointee.seed)
  put(STDERR_FILENO, " --only ")
  put(STDERR_FILENO, state.pointee.number)
  put(STDERR_FILENO, "\nThe input is in capture-fuzz-crash, in the folder of --save.\n")
  guard let folder = state.pointee.folder else { return }
  let directory = open(folder, O_DIRECTORY | O_CLOEXEC)
  let file = openat(directory, "capture-fuzz-crash", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  _ = write(file, state.pointee.input, state.pointee.count)
}

private func put(_ descriptor: Int32, _ text: StaticString) {
  _ = write(descriptor, text.utf8Start, text.utf8CodeUnitCount)
}

private func put(_ descriptor: Int32, _ number: UInt64) {
  var rest = number
  var place: UInt64 = 10_000_000_000_000_000_000
  var hasBegun = false
  while place > 0 {
    var digit = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / place)
    rest %= place
    if digit != UInt8(ascii: "0") || hasBegun || place == 1 {
      hasBegun = true
      _ = write(descriptor, &digit, 1)
    }
    place /= 10
  }
}
