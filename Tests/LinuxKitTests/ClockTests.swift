import Glibc
import LinuxKit
import Testing

@Suite("The clocks")
struct ClockTests {
  private func kernel(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  @Test("the monotonic one never goes back, and goes forward")
  func monotonic() {
    let first = Clock.monotonic()
    var last = first
    for _ in 0..<100_000 {
      let now = Clock.monotonic()
      #expect(now >= last)
      last = now
    }
    #expect(last > first)
    let before = kernel(CLOCK_MONOTONIC)
    let own = Clock.monotonic()
    #expect((before...kernel(CLOCK_MONOTONIC)).contains(own))
  }

  @Test("the real-time one tells the time of day")
  func realtime() {
    let difference = abs(Int64(Clock.realtime() / 1_000_000_000) - Int64(time(nil)))
    #expect(difference <= 1)
  }

  @Test("CPU time is that of the process asked for")
  func cpuTime() throws {
    let before = Clock.processCPU()
    var state: UInt64 = 1
    while Clock.processCPU() == before { state = state &* 3 }
    #expect(state != 0)
    let low = Clock.processCPU()
    let own = try Clock.cpuTime(of: getpid())
    #expect((low...Clock.processCPU()).contains(own))

    let child = try shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; exec cat")
    #expect(try child.readText() == "done")
    #expect(try Clock.cpuTime(of: child.pid) > 0)
  }

  @Test("CPU time of a process that is gone is an error")
  func gone() throws {
    let child = try shell("exit 0")
    _ = try child.waitForExit(deadline: farDeadline())
    let error = #expect(throws: SystemError.self) { try Clock.cpuTime(of: child.pid) }
    #expect(error == SystemError(call: "clock_getcpuclockid", subject: "\(child.pid)", code: ESRCH))
  }
}
