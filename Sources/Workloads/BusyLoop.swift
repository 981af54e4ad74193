internal import LinuxKit

/// Burns CPU for a known time: the slowdown of known size that tests put into a worker to see that it is found.
@inline(__always)
func busyLoop(until deadline: UInt64) {
  while Clock.monotonic() < deadline {}
}
