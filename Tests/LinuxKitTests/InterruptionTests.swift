import Glibc
import LinuxKit
import TestSupport
import Testing

/// Each in a process of its own: signals and masks are the whole process's business. The signals are raised on the
/// thread that blocks them, since a test's process has other threads.
@Suite("An interruption")
struct InterruptionTests {
  @Test("is seen by everyone who asks, from then on")
  func pending() async {
    await #expect(processExitsWith: .success) {
      let interruption = try Interruption()
      #expect(!interruption.isPending)
      #expect(raise(SIGINT) == 0)
      for _ in 0..<3 { #expect(interruption.isPending) }
    }
    for number in [SIGTERM, SIGHUP] {
      await #expect(processExitsWith: .success) { [number = number as Int32] in
        let interruption = try Interruption()
        raise(number)
        #expect(interruption.isPending)
      }
    }
  }

  @Test("ends the wait for a child at once, but not the child")
  func endsWait() async {
    await #expect(processExitsWith: .success) {
      let interruption = try Interruption()
      let child = try ChildProcess(executable: "/bin/cat")
      try child.write(Array("before\n".utf8))
      #expect(try child.readLine(deadline: farDeadline(), interruption: interruption) == Array("before".utf8))
      raise(SIGTERM)
      #expect(throws: ChildProcess.Failure.interrupted) {
        try child.readLine(deadline: farDeadline(), interruption: interruption)
      }
      #expect(throws: ChildProcess.Failure.interrupted) {
        try child.readBytes(1, deadline: farDeadline(), interruption: interruption)
      }
      // Cleaning up waits without it.
      try child.write(Array("after\n".utf8))
      #expect(try child.readText() == "after")
      child.terminate()
      #expect(try child.waitForExit(deadline: farDeadline()) == .killed(signal: SIGTERM))
    }
  }

  @Test("wakes a wait that has begun")
  func wakes() async {
    await #expect(processExitsWith: .success) {
      let interruption = try Interruption()
      let waiter = pthread_self()
      // Raised on this thread from another one, after a child has been started and has answered: the wait has begun then,
      // or is about to.
      let helper = Background {
        let other = try ChildProcess(executable: "/bin/cat")
        try other.write(Array("now\n".utf8))
        _ = try other.readText()
        pthread_kill(waiter, SIGINT)
      }
      let silent = try ChildProcess(executable: "/bin/cat")
      #expect(throws: ChildProcess.Failure.interrupted) {
        try silent.readLine(deadline: farDeadline(), interruption: interruption)
      }
      try helper.value()
    }
  }

  @Test("a closed pipe is an error from then on, not the end of the process")
  func brokenPipe() async {
    await #expect(processExitsWith: .success) {
      let interruption = try Interruption()
      let child = try shell("exit 0")
      _ = try child.waitForExit(deadline: farDeadline())
      let error = #expect(throws: SystemError.self) { try child.write([0]) }
      #expect(error == SystemError(call: "write", code: EPIPE))
      #expect(!interruption.isPending)
    }
  }

  @Test("holds one descriptor, and gives it back")
  func descriptor() async {
    await #expect(processExitsWith: .success) {
      let number: Int32
      do {
        let interruption = try Interruption()
        number = interruption.descriptor
        #expect(try target(of: number) == "anon_inode:[signalfd]")
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
      }
      #expect(try target(of: number) != "anon_inode:[signalfd]")
    }
  }
}
