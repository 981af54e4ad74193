import Glibc
import Testing

@testable import LinuxKit

@Suite("The time of a CPU")
struct ProcessorTimeTests {
  /// As four CPUs would have it, one of them switched off (proc(5)).
  private static let stat = """
    cpu  110 220 330 440 550 660 770 880 0 0
    cpu0 1 2 3 4 5 6 7 8 9 10
    cpu1 10 20 30 40 50 60 70 80 0 0
    cpu3 100 200 300 400 500 600 700 800 0 0
    intr 1000 2 3 4
    ctxt 5000
    btime 1700000000
    processes 4242
    softirq 1 2 3 4 5 6 7 8 9 10 11
    """

  @Test("is read off the line of that CPU, and in the order asked for")
  func golden() throws {
    let times = try #require(ProcessorTime.parse(Self.stat, cpus: [3, 0]))
    #expect(
      times == [
        ProcessorTime(
          user: 100, nice: 200, system: 300, idle: 400, ioWait: 500, interrupt: 600, softInterrupt: 700, steal: 800),
        ProcessorTime(user: 1, nice: 2, system: 3, idle: 4, ioWait: 5, interrupt: 6, softInterrupt: 7, steal: 8),
      ])
    #expect(times[1].total == 36)
    #expect(times[1].busy == 1 + 2 + 3 + 6 + 7)
    #expect(ProcessorTime.parse(Self.stat, cpus: []) == [])
    #expect(ProcessorTime.parse(Self.stat, cpus: [1, 1])?.map(\.user) == [10, 10])
  }

  @Test("is not made up for a CPU that is not listed", arguments: [[2], [0, 2], [4], [-1], [Int.max]])
  func missing(cpus: [Int]) { #expect(ProcessorTime.parse(Self.stat, cpus: cpus) == nil) }

  @Test(
    "is not made up from a malformed line",
    arguments: [
      "", "\n\n", "cpu0", "cpu0 1 2 3 4 5 6 7", "cpu0 1 2 3 x 5 6 7 8", "cpu0 1 2 3 -4 5 6 7 8", "cpu 1 2 3 4 5 6 7 8",
      "cpux 1 2 3 4 5 6 7 8", "cpu0x 1 2 3 4 5 6 7 8", "cpu0 1 2 3 4 5 6 7 99999999999999999999",
      "xcpu0 1 2 3 4 5 6 7 8",
    ])
  func malformed(text: String) { #expect(ProcessorTime.parse(text, cpus: [0]) == nil) }

  @Test("the kernel's own goes forward for every CPU of ours, and no other is known")
  func real() throws {
    let cpus = try CPUSet.current()
    let before = try #require(ProcessorTime.read(cpus: cpus))
    let after = try #require(ProcessorTime.read(cpus: cpus))
    #expect(before.count == cpus.count)
    for (before, after) in zip(before, after) {
      #expect(before.total > 0 && after.user >= before.user && after.system >= before.system)
    }
    #expect(ProcessorTime.read(cpus: [1 << 20]) == nil)
    #expect(ProcessorTime.ticksPerSecond > 0)
  }
}

@Suite("CPU time that the kernel has accounted")
struct AccountedTimeTests {
  @Test("is told where there is an account, and grows; elsewhere it is unavailable, not 0")
  func read() throws {
    let cpus = try CPUSet.current()
    let file = "/sys/fs/cgroup/cpuacct/cpuacct.usage_percpu"
    let before = AccountedTime.read(cpus: cpus)
    let after = AccountedTime.read(cpus: cpus)
    #expect((before == nil) == (access(file, R_OK) != 0))
    #expect((after ?? 0) >= (before ?? 0))
    #expect(AccountedTime.read(cpus: cpus + [1 << 20]) == nil)
    #expect(AccountedTime.read(cpus: [-1]) == nil)
  }
}

@Suite("What the scheduler did with a process")
struct TaskScheduleTests {
  /// Read apart from the code under test.
  private func numbers(_ file: String, _ key: String = "") throws -> [UInt64] {
    try SmallFile.text(file).split(separator: "\n").filter { $0.hasPrefix(key) }
      .flatMap { $0.split { !$0.isNumber } }.compactMap { UInt64($0) }
  }

  @Test("lies between what /proc says before and after")
  func own() throws {
    let pid = getpid()
    let file = "/proc/\(pid)/schedstat"
    let before = try numbers(file)
    let schedule = try #require(TaskSchedule.read(pid: pid))
    let after = try numbers(file)
    #expect((before[0]...after[0]).contains(schedule.runNanoseconds))
    #expect((before[1]...after[1]).contains(schedule.delayNanoseconds))

    let status = "/proc/\(pid)/status"
    func switches() throws -> UInt64 {
      try numbers(status, "voluntary_ctxt").reduce(0, +) + numbers(status, "nonvoluntary_ctxt").reduce(0, +)
    }
    let low = try switches()
    let count = try #require(TaskSchedule.contextSwitches(pid: pid))
    #expect(try (low...switches()).contains(count))
  }

  @Test("a child that waits has switched; one that is gone tells nothing")
  func child() throws {
    let child = try ChildProcess(executable: "/bin/cat")
    try child.write([0x0a])
    #expect(try child.readText() == "")
    #expect(try #require(TaskSchedule.read(pid: child.pid)).runNanoseconds > 0)
    #expect(try #require(TaskSchedule.contextSwitches(pid: child.pid)) > 0)
    child.kill()
    _ = try child.waitForExit(deadline: farDeadline())
    #expect(TaskSchedule.read(pid: child.pid) == nil)
    #expect(TaskSchedule.contextSwitches(pid: child.pid) == nil)
  }
}
