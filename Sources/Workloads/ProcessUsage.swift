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
    result.cpuNanoseconds = Clock.processCPU() - nanoseconds
    let now = Self.contextSwitches()
    result.voluntarySwitches = now.voluntary - switches.voluntary
    result.involuntarySwitches = now.involuntary - switches.involuntary
  }

  /// So far (getrusage(2)).
  private static func contextSwitches() -> (voluntary: UInt64, involuntary: UInt64) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return (UInt64(usage.ru_nvcsw), UInt64(usage.ru_nivcsw))
  }
}
