internal import Glibc

/// How the time of one CPU was spent since boot, in clock ticks (/proc/stat, proc(5)).
public struct ProcessorTime: Sendable, Equatable {
  public var user: UInt64 = 0
  public var nice: UInt64 = 0
  public var system: UInt64 = 0
  public var idle: UInt64 = 0
  public var ioWait: UInt64 = 0
  public var interrupt: UInt64 = 0
  public var softInterrupt: UInt64 = 0
  public var steal: UInt64 = 0

  /// All ticks, however spent.
  public var total: UInt64 { user + nice + system + idle + ioWait + interrupt + softInterrupt + steal }
  /// Ticks in which the CPU worked for this machine.
  public var busy: UInt64 { user + nice + system + interrupt + softInterrupt }

  /// Ticks a second: the resolution of these numbers.
  public static var ticksPerSecond: Int { sysconf(Int32(_SC_CLK_TCK)) }

  /// The times of each of `cpus`, in their order; nil if /proc/stat does not list one.
  public static func read(cpus: [Int]) -> [ProcessorTime]? {
    guard let text = try? SmallFile.text("/proc/stat") else { return nil }
    return parse(text, cpus: cpus)
  }

  static func parse(_ text: String, cpus: [Int]) -> [ProcessorTime]? {
    var times: [Int: ProcessorTime] = [:]
    for line in text.split(separator: "\n") where line.hasPrefix("cpu") {
      let words = line.split(separator: " ")
      guard let cpu = Int(words[0].dropFirst(3)), words.count >= 9 else { continue }
      let ticks = words[1...8].compactMap { UInt64($0) }
      guard ticks.count == 8 else { continue }
      times[cpu] = ProcessorTime(
        user: ticks[0], nice: ticks[1], system: ticks[2], idle: ticks[3], ioWait: ticks[4], interrupt: ticks[5],
        softInterrupt: ticks[6], steal: ticks[7])
    }
    let wanted = cpus.compactMap { times[$0] }
    return wanted.count == cpus.count ? wanted : nil
  }
}

/// CPU time used by all tasks of the machine, per CPU and in ns, where the kernel tells (cgroup v1's cpuacct).
public enum AccountedTime {
  private static let file = "/sys/fs/cgroup/cpuacct/cpuacct.usage_percpu"

  /// The ns used so far on all of `cpus` together; nil where the kernel does not tell.
  public static func read(cpus: [Int]) -> UInt64? {
    guard let line = SmallFile.line(file) else { return nil }
    let usage = line.split(separator: " ").compactMap { UInt64($0) }
    var sum: UInt64 = 0
    for cpu in cpus {
      guard usage.indices.contains(cpu) else { return nil }
      sum += usage[cpu]
    }
    return sum
  }
}

/// What the scheduler did with a process's first thread (/proc/PID/schedstat and /proc/PID/status).
public struct TaskSchedule: Sendable, Equatable {
  /// ns on a CPU.
  public var runNanoseconds: UInt64
  /// ns runnable, but waiting for a CPU.
  public var delayNanoseconds: UInt64

  /// nil if the process is gone, hidden, or the kernel keeps no such account.
  public static func read(pid: Int32) -> TaskSchedule? {
    guard let line = SmallFile.line("/proc/\(pid)/schedstat") else { return nil }
    let words = line.split(separator: " ").compactMap { UInt64($0) }
    return words.count == 3 ? TaskSchedule(runNanoseconds: words[0], delayNanoseconds: words[1]) : nil
  }

  /// Context switches so far, voluntary and involuntary together; nil if they cannot be read.
  public static func contextSwitches(pid: Int32) -> UInt64? {
    guard let text = try? SmallFile.text("/proc/\(pid)/status") else { return nil }
    let counts = text.split(separator: "\n")
      .filter { $0.hasPrefix("voluntary_ctxt_switches:") || $0.hasPrefix("nonvoluntary_ctxt_switches:") }
      .compactMap { line in line.split(separator: "\t").last.flatMap { UInt64($0) } }
    return counts.count == 2 ? counts[0] + counts[1] : nil
  }
}

/// CPU time that a process spent in user space, in ns.
public enum UserTime {
  /// So far, to a clock tick; nil if the process is gone (/proc/PID/stat, proc(5)).
  public static func read(pid: Int32) -> UInt64? {
    guard let line = SmallFile.line("/proc/\(pid)/stat"), let name = line.lastIndex(of: ")") else { return nil }
    // Field 14; the second, which may have blanks in it, ends with the last parenthesis.
    let fields = line[name...].split(separator: " ").dropFirst()
    guard fields.count > 11, let ticks = UInt64(fields[fields.startIndex + 11]) else { return nil }
    return ticks * 1_000_000_000 / UInt64(ProcessorTime.ticksPerSecond)
  }

  /// Of the calling process, so far.
  public static func own() -> UInt64 {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return UInt64(usage.ru_utime.tv_sec) * 1_000_000_000 + UInt64(usage.ru_utime.tv_usec) * 1000
  }
}
