internal import CLinux
internal import Glibc

/// Processes by what /proc says of them.
public enum ProcessTree {
  /// All processes that there are now.
  public static func all() -> [Int32] {
    guard let directory = opendir("/proc") else { return [] }
    defer { closedir(directory) }
    var numbers: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int32(name) { numbers.append(number) }
    }
    return numbers
  }

  /// The processes that `pid` has started, those that they have started, and so on, without itself.
  public static func descendants(of pid: Int32) -> [Int32] {
    var found: [Int32] = []
    var next = [pid]
    while let parent = next.popLast() {
      let children = children(of: parent).filter { !found.contains($0) }
      found += children
      next += children
    }
    return found.sorted()
  }

  /// The words of the command with which `pid` was started; empty if there is no such process, if it is a kernel's, or
  /// if it was given none.
  public static func command(of pid: Int32) -> [String] {
    // In the middle of execve(2), after the old memory has gone and posix_spawn(3) has returned, the kernel shows no
    // words for a moment (fs/exec.c: begin_new_exec, before the loader sets arg_start). On a busy machine that moment may
    // last as long as the process waits for a CPU. A kernel's thread never has an executable.
    for attempt in 0..<500 {
      guard let bytes = try? SmallFile.bytes("/proc/\(pid)/cmdline") else { return [] }
      if !bytes.isEmpty { return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) } }
      var target: [CChar] = [0, 0]
      guard readlink("/proc/\(pid)/exe", &target, 1) > 0 else { return [] }
      if attempt < 499 { usleep(1_000) }
    }
    return []
  }

  /// Of any of its threads.
  private static func children(of pid: Int32) -> [Int32] {
    guard let directory = opendir("/proc/\(pid)/task") else { return [] }
    defer { closedir(directory) }
    var numbers: [Int32] = []
    while let entry = readdir(directory) {
      let thread = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard Int32(thread) != nil, let line = SmallFile.line("/proc/\(pid)/task/\(thread)/children") else { continue }
      numbers += line.split(separator: " ").compactMap { Int32($0) }
    }
    return numbers
  }
}

extension ProcessIdentity {
  /// Sends a signal; if there is no such process any more, does nothing.
  public func signal(_ number: Int32) throws(SystemError) {
    let descriptor: Descriptor
    do throws(SystemError) {
      descriptor = Descriptor(owning: try systemCall("pidfd_open", on: "\(pid)") { clinux_pidfd_open(pid) })
    } catch {
      if error.code == ESRCH { return }
      throw error
    }
    // Looked at after the descriptor was opened, which from then on means one process and no later one.
    guard ProcessIdentity(of: pid) == self else { return }
    let fd = descriptor.rawValue
    if clinux_pidfd_send_signal(fd, number) != 0 && errno != ESRCH {
      throw SystemError(call: "pidfd_send_signal", subject: "\(pid)", code: errno)
    }
  }

  /// SIGTERM.
  public func terminate() throws(SystemError) { try signal(SIGTERM) }

  /// Waits until it has ended.
  /// - Parameter milliseconds: for so long at the most.
  /// - Returns: whether it has ended.
  public func awaitEnd(milliseconds: Int32) throws(SystemError) -> Bool {
    let descriptor: Descriptor
    do throws(SystemError) {
      descriptor = Descriptor(owning: try systemCall("pidfd_open", on: "\(pid)") { clinux_pidfd_open(pid) })
    } catch {
      if error.code == ESRCH { return true }
      throw error
    }
    guard ProcessIdentity(of: pid) == self else { return true }
    var entry = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    return try systemCall("poll", on: "\(pid)") { poll(&entry, 1, milliseconds) } > 0
  }
}
