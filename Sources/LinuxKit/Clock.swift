internal import Glibc

/// Nanoseconds of the kernel's clocks (clock_gettime(2), by way of the vDSO: no system call).
public enum Clock {
  /// CLOCK_MONOTONIC, in ns: what durations are measured with.
  @inline(__always)
  public static func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }

  /// CLOCK_REALTIME, in ns since 1970: the clock of the kernel's packet stamps.
  public static func realtime() -> UInt64 { read(CLOCK_REALTIME) }

  /// CPU time of the calling process, in ns.
  public static func processCPU() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

  /// CPU time so far of process `pid`, in ns (clock_getcpuclockid(3)).
  public static func cpuTime(of pid: Int32) throws(SystemError) -> UInt64 {
    var id = clockid_t()
    let code = clock_getcpuclockid(pid, &id)
    guard code == 0 else { throw SystemError(call: "clock_getcpuclockid", subject: "\(pid)", code: code) }
    var time = timespec()
    try systemCall("clock_gettime", on: "cpu clock of \(pid)") { clock_gettime(id, &time) }
    return nanoseconds(time)
  }

  @inline(__always)
  private static func read(_ id: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(id, &time)
    return nanoseconds(time)
  }

  @inline(__always)
  private static func nanoseconds(_ time: timespec) -> UInt64 {
    UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec))
  }
}
