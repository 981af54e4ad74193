internal import CLinux
internal import Glibc

/// SIGINT and SIGTERM as something that can be waited for, so that an interrupted run can keep what it has and clean up.
///
/// A signal makes ``descriptor`` readable, and it stays so: every later wait sees it, too. Must be made before any other thread, since the signals are blocked for the process by its first.
public final class Interruption: Sendable {
  /// Readable when a signal has come. Valid as long as this object lives.
  public var descriptor: Int32 { signals.rawValue }
  private let signals: Descriptor

  public init() throws(SystemError) {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGHUP)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // A closed pipe on stdout is an error of write(2), not a death without clean-up.
    Glibc.signal(SIGPIPE, SIG_IGN)
    signals = Descriptor(owning: try systemCall("signalfd") { clinux_signalfd(&set) })
  }

  /// Whether a signal has come.
  public var isPending: Bool { wait(milliseconds: 0) }

  /// Waits so long for a signal.
  /// - Returns: whether one has come.
  public func wait(milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, milliseconds) > 0
  }
}
