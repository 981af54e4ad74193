internal import CLinux
internal import Glibc

/// A process that can be told from a later one with the same number: by when it was started.
public struct ProcessIdentity: Sendable, Hashable {
  public let pid: Int32
  /// In clock ticks since the machine was started (/proc/PID/stat, field 22, proc(5)).
  public let startTime: UInt64

  public init(pid: Int32, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }

  /// The process that has the number now; nil if there is none, or if it has ended and is only waited for.
  public init?(of pid: Int32) {
    guard let startTime = Self.startTime(of: pid) else { return nil }
    self.init(pid: pid, startTime: startTime)
  }

  /// SIGKILL, and waits until it has ended. If there is no such process any more, does nothing: whoever else has got the
  /// number is left alone.
  /// - Throws: ETIMEDOUT if it has not ended after 5 s.
  public func end() throws(SystemError) {
    let descriptor: Descriptor
    do throws(SystemError) {
      descriptor = Descriptor(owning: try systemCall("pidfd_open", on: "\(pid)") { clinux_pidfd_open(pid) })
    } catch {
      if error.code == ESRCH { return }
      throw error
    }
    // Looked at after the descriptor was opened, which from then on means one process and no later one.
    guard Self.startTime(of: pid) == startTime else { return }
    let number = descriptor.rawValue
    if clinux_pidfd_send_signal(number, SIGKILL) != 0 && errno != ESRCH {
      throw SystemError(call: "pidfd_send_signal", subject: "\(pid)", code: errno)
    }
    var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    let ended = try systemCall("poll", on: "\(pid)") { poll(&entry, 1, 5000) }
    if ended == 0 { throw SystemError(call: "kill", subject: "\(pid)", code: ETIMEDOUT) }
  }

  private static func startTime(of pid: Int32) -> UInt64? {
    // The program's name, in parentheses, may hold anything; the fields that follow it are counted from the third.
    guard let line = SmallFile.line("/proc/\(pid)/stat"), let name = line.lastIndex(of: ")") else { return nil }
    let fields = line[line.index(after: name)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
    return UInt64(fields[19])
  }
}
