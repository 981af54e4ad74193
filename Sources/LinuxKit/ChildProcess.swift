internal import CLinux
internal import Glibc

/// A child with pipes on stdin and stdout, in a process group of its own (so that a terminal's Ctrl-C reaches the
/// parent alone) and with nothing blocked or ignored. Its stderr is kept in memory for error messages.
///
/// Waiting is always with a deadline. A child still running when its owner goes out of scope is killed and reaped.
public final class ChildProcess {
  public let pid: Int32
  private let pidDescriptor: Descriptor
  private let input: Descriptor
  private let output: Descriptor
  private let errors: Descriptor
  private var pending: [UInt8] = []
  private var exitStatus: ExitStatus?

  /// How a child ended.
  public enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    public var description: String {
      switch self {
      case .exited(let code): "exited with \(code)"
      case .killed(let signal): "killed by signal \(signal) (\(String(cString: strsignal(signal))))"
      }
    }
  }

  /// What reading from a child can run into.
  public enum Failure: Error, Sendable, Equatable {
    /// The deadline passed.
    case timedOut
    /// The child closed its stdout.
    case ended
    /// ``Interruption`` fired while waiting.
    case interrupted
    case system(SystemError)
  }

  /// Starts `executable`.
  /// - Throws: ``SystemError`` of posix_spawn(3) or of the pipes.
  public init(executable: String, arguments: [String] = [], environment: [String] = []) throws(SystemError) {
    let toChild = try Descriptor.pipe()
    let fromChild = try Descriptor.pipe()
    errors = Descriptor(owning: try systemCall("memfd_create") { clinux_memfd_create("stderr") })

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild.reading.rawValue, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, fromChild.writing.rawValue, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors.rawValue, STDERR_FILENO)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    sigemptyset(&noSignals)
    var defaultSignals = sigset_t()
    sigfillset(&defaultSignals)
    posix_spawnattr_setsigmask(&attributes, &noSignals)
    posix_spawnattr_setsigdefault(&attributes, &defaultSignals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var child = pid_t()
    let code = withCStrings([executable] + arguments) { arguments in
      withCStrings(environment) { environment in
        posix_spawn(&child, executable, &actions, &attributes, arguments, environment)
      }
    }
    guard code == 0 else { throw SystemError(call: "posix_spawn", subject: executable, code: code) }
    pid = child
    do throws(SystemError) {
      pidDescriptor = Descriptor(owning: try systemCall("pidfd_open", on: "\(child)") { clinux_pidfd_open(child) })
    } catch {
      // There is no owner whose end would do it.
      Glibc.kill(child, SIGKILL)
      while waitpid(child, nil, 0) == -1 && errno == EINTR {}
      throw error
    }
    input = toChild.writing
    output = fromChild.reading
  }

  deinit {
    if exitStatus == nil {
      signal(SIGKILL)
      reap()
    }
  }

  /// Sends a signal; to a child that has ended, it does nothing. By pidfd, so never to a stranger that got the number.
  public func signal(_ number: Int32) {
    guard exitStatus == nil else { return }
    _ = clinux_pidfd_send_signal(pidDescriptor.rawValue, number)
  }

  /// SIGTERM.
  public func terminate() { signal(SIGTERM) }
  /// SIGKILL.
  public func kill() { signal(SIGKILL) }

  public func write(_ bytes: [UInt8]) throws(SystemError) { try input.write(bytes) }

  /// The next line of stdout without its end.
  /// - Parameter deadline: on CLOCK_MONOTONIC, in ns.
  public func readLine(deadline: UInt64, interruption: Interruption? = nil) throws(Failure) -> [UInt8] {
    while true {
      if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(pending[..<end])
        pending.removeFirst(end + 1)
        return line
      }
      pending += try readMore(deadline, interruption)
    }
  }

  /// Waits until the child has written something that was not read yet, or has ended.
  /// - Returns: false if `deadline` has passed before that.
  public func hasOutput(by deadline: UInt64, interruption: Interruption? = nil) throws(Failure) -> Bool {
    if !pending.isEmpty { return true }
    do throws(Failure) { try wait(for: output.rawValue, deadline, interruption) } catch {
      if case .timedOut = error { return false }
      throw error
    }
    return true
  }

  /// What has come of stdout, at least one byte.
  public func readAvailable(deadline: UInt64, interruption: Interruption? = nil) throws(Failure) -> [UInt8] {
    guard pending.isEmpty else {
      defer { pending = [] }
      return pending
    }
    return try readMore(deadline, interruption)
  }

  /// Exactly `count` bytes of stdout.
  public func readBytes(_ count: Int, deadline: UInt64, interruption: Interruption? = nil) throws(Failure) -> [UInt8] {
    // What has come stays in `pending` until all is there: a deadline that passes meanwhile loses nothing.
    pending.reserveCapacity(count)
    while pending.count < count { pending += try readMore(deadline, interruption) }
    var bytes: [UInt8] = []
    swap(&bytes, &pending)
    pending = Array(bytes[count...])
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  private func readMore(_ deadline: UInt64, _ interruption: Interruption?) throws(Failure) -> [UInt8] {
    try wait(for: output.rawValue, deadline, interruption)
    do throws(SystemError) {
      let bytes = try output.read(upTo: 1 << 20)
      if !bytes.isEmpty { return bytes }
    } catch { throw .system(error) }
    throw .ended
  }

  /// Waits until the child has ended, and reaps it.
  public func waitForExit(deadline: UInt64) throws(Failure) -> ExitStatus {
    if let exitStatus { return exitStatus }
    try wait(for: pidDescriptor.rawValue, deadline, nil)
    return reap()
  }

  /// What the child wrote to stderr so far, at most its last `limit` bytes.
  public func standardError(last limit: Int = 4096) -> String {
    let size = lseek(errors.rawValue, 0, SEEK_END)
    let start = max(0, size - limit)
    var bytes = [UInt8](repeating: 0, count: Int(max(0, size - start)))
    let count = pread(errors.rawValue, &bytes, bytes.count, start)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  @discardableResult
  private func reap() -> ExitStatus {
    if let exitStatus { return exitStatus }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    let result: ExitStatus =
      clinux_exited(status) != 0
      ? .exited(clinux_exit_status(status)) : .killed(signal: clinux_term_signal(status))
    exitStatus = result
    return result
  }

  private func wait(for descriptor: Int32, _ deadline: UInt64, _ interruption: Interruption?) throws(Failure) {
    while true {
      let now = Clock.monotonic()
      guard now < deadline else { throw .timedOut }
      var entries = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
      if let interruption { entries.append(pollfd(fd: interruption.descriptor, events: Int16(POLLIN), revents: 0)) }
      // Rounded up, so that the last millisecond is not spent polling.
      let milliseconds = Int32(clamping: (deadline - now + 999_999) / 1_000_000)
      let count = poll(&entries, nfds_t(entries.count), milliseconds)
      if count < 0 && errno != EINTR { throw .system(SystemError(call: "poll", code: errno)) }
      if count > 0 {
        if entries.count > 1 && entries[1].revents != 0 { throw .interrupted }
        if entries[0].revents != 0 { return }
      }
    }
  }
}

extension ChildProcess {
  /// What a program left that was run to its end.
  public struct Output: Sendable {
    public let status: ExitStatus
    public let standardOutput: [UInt8]
    /// At most its last 4 KiB.
    public let standardError: String
  }

  /// Starts `executable` in the network namespace with the file `namespace`; nil is the caller's.
  public static func start(
    _ executable: String, arguments: [String] = [], environment: [String] = [], in namespace: String?
  ) throws(SystemError) -> ChildProcess {
    guard let namespace else {
      return try ChildProcess(executable: executable, arguments: arguments, environment: environment)
    }
    return try onDedicatedThread { () throws(SystemError) in
      try NetworkNamespace.enter(path: namespace)
      return Handover(
        child: try ChildProcess(executable: executable, arguments: arguments, environment: environment))
    }.child
  }

  /// Made by the thread that enters the namespace, which ends before the child is used by another.
  private struct Handover: @unchecked Sendable {
    let child: ChildProcess
  }

  /// Runs `executable` to its end.
  /// - Parameters:
  ///   - namespace: the file of the network namespace to run in; nil is the caller's.
  ///   - deadline: on CLOCK_MONOTONIC, in ns. What still runs then is killed.
  public static func run(
    _ executable: String, arguments: [String] = [], environment: [String] = [], in namespace: String? = nil,
    deadline: UInt64
  ) throws(Failure) -> Output {
    let child: ChildProcess
    do throws(SystemError) {
      child = try start(executable, arguments: arguments, environment: environment, in: namespace)
    } catch { throw .system(error) }
    var bytes: [UInt8] = []
    do throws(Failure) {
      while true { bytes += try child.readMore(deadline, nil) }
    } catch { if error != .ended { throw error } }
    return Output(
      status: try child.waitForExit(deadline: deadline), standardOutput: bytes,
      standardError: child.standardError())
  }
}

/// Calls `body` with `strings` as a null-terminated array of C strings.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = strings.map { strdup($0) }
  defer { pointers.forEach { free($0) } }
  pointers.append(nil)
  return pointers.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("an array with a terminator is not empty") }
    return body(base)
  }
}
