internal import Glibc
internal import LinuxKit
internal import WorkerProtocol

/// What the calling process has used so far: read right before a window, and again right after it.
struct ProcessUsage {
  private let switches: (voluntary: UInt64, involuntary: UInt64)
  private let nanoseconds: UInt64

  init() {
    // The CPU clock last, next to the window.
    switches = Self.contextSwitches()
    nanoseconds = Clock.processCPU()
  }

  /// Writes into `result` what has been used since.
  func account(for result: inout ClientResult) {
    let used = used()
    result.cpuNanoseconds = used.cpu
    result.voluntarySwitches = used.voluntary
    result.involuntarySwitches = used.involuntary
  }

  /// ns of CPU time and context switches since.
  func used() -> (cpu: UInt64, voluntary: UInt64, involuntary: UInt64) {
    // The CPU clock first, next to the window.
    let cpu = Clock.processCPU() - nanoseconds
    let now = Self.contextSwitches()
    return (cpu, now.voluntary - switches.voluntary, now.involuntary - switches.involuntary)
  }

  /// So far (getrusage(2)).
  private static func contextSwitches() -> (voluntary: UInt64, involuntary: UInt64) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return (UInt64(usage.ru_nvcsw), UInt64(usage.ru_nivcsw))
  }
}
