internal import LinuxKit

/// Burns CPU for a known time: the slowdown of known size that tests put into a worker to see that it is found.
@inline(__always)
func busyLoop(until deadline: UInt64) {
  while Clock.monotonic() < deadline {}
}

/// A busy loop whose length is that which was asked for on average: reading the clock, and looking at it too late by
/// part of a reading, would make each some 50 ns longer, which is 5 % of a microsecond.
struct CalibratedDelay {
  /// What is really waited for, in ns.
  private let wait: UInt64

  /// - Parameter nanoseconds: the mean length wanted; 0 is no delay at all.
  init(nanoseconds: UInt64) {
    guard nanoseconds > 0 else {
      wait = 0
      return
    }
    // Back to back, a loop's whole cost is what passes from the first start to the last end. The quickest of many rows:
    // the first ones are cold, and any may be interrupted.
    let row: UInt64 = 20
    let raw = CalibratedDelay(raw: nanoseconds)
    var mean = UInt64.max
    for _ in 0..<50 {
      let start = Clock.monotonic()
      for _ in 0..<row { raw.burn() }
      mean = min(mean, (Clock.monotonic() - start) / row)
    }
    let excess = mean > nanoseconds ? mean - nanoseconds : 0
    wait = nanoseconds > excess ? nanoseconds - excess : 0
  }

  private init(raw: UInt64) { wait = raw }

  var isNone: Bool { wait == 0 }

  @inline(__always)
  func burn() { busyLoop(until: Clock.monotonic() + wait) }
}
