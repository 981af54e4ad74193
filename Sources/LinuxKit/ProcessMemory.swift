internal import Glibc

/// Memory of a process (/proc/PID/statm, proc(5)).
public enum ProcessMemory {
  /// Bytes of its resident set; nil if the process is gone or hidden.
  public static func resident(pid: Int32) -> UInt64? {
    guard let line = SmallFile.line("/proc/\(pid)/statm") else { return nil }
    let words = line.split(separator: " ").compactMap { UInt64($0) }
    return words.count > 1 ? words[1] * UInt64(sysconf(Int32(_SC_PAGESIZE))) : nil
  }
}
