internal import CLinux
internal import LinuxKit

/// A fixed piece of work whose duration should never change: where it does, the host was disturbed.
public enum Canary {
  /// Runs the work five times and gives the fastest time, in ns: about a millisecond of integer work that stays in
  /// registers, so that it sees the CPU's speed and not the caches.
  public static func measure() -> UInt64 {
    var fastest = UInt64.max
    for _ in 0..<5 {
      let start = Clock.monotonic()
      work()
      fastest = min(fastest, Clock.monotonic() - start)
    }
    return fastest
  }

  @inline(never)
  private static func work() {
    var state = clinux_unknown(0x9E37_79B9_7F4A_7C15)
    for _ in 0..<200_000 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
    }
    _ = clinux_unknown(state)
  }
}
