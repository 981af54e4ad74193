import Glibc
import Testing

@testable import LinuxKit

@Suite("A process is told from a later one with its number")
struct ProcessIdentityTests {
  private func sleeper() throws -> ChildProcess { try ChildProcess(executable: "/bin/sleep", arguments: ["60"]) }

  @Test("it is ended, and was seen before and is not seen afterwards")
  func end() throws {
    let child = try sleeper()
    let identity = try #require(ProcessIdentity(of: child.pid))
    #expect(identity.pid == child.pid && identity.startTime > 0)
    try identity.end()
    // Not waited for yet.
    #expect(ProcessIdentity(of: child.pid) == nil)
    #expect(try child.waitForExit(deadline: Clock.monotonic() + 5_000_000_000) == .killed(signal: SIGKILL))
    #expect(ProcessIdentity(of: child.pid) == nil)
    try identity.end()
  }

  @Test("one with the same number that began at another time is left alone")
  func other() throws {
    let child = try sleeper()
    let identity = try #require(ProcessIdentity(of: child.pid))
    try ProcessIdentity(pid: identity.pid, startTime: identity.startTime - 1).end()
    #expect(ProcessIdentity(of: child.pid) == identity)
  }

  @Test("the start time is that of /proc, whatever the program is called")
  func startTime() throws {
    // A name with spaces and parentheses, as field 2 of the file.
    let child = try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", "printf 'a) S 1 (b' > /proc/$$/comm; echo ready; read -r end"])
    #expect(try child.readLine(deadline: Clock.monotonic() + 5_000_000_000) == Array("ready".utf8))
    let line = try #require(SmallFile.line("/proc/\(child.pid)/stat"))
    #expect(line.contains("(a) S 1 (b) "))
    let own = try #require(ProcessIdentity(of: getpid()))
    let identity = try #require(ProcessIdentity(of: child.pid))
    #expect(identity.startTime >= own.startTime)
    #expect(line.split(separator: " ").contains("\(identity.startTime)"))
  }

  @Test("nobody has that number")
  func nobody() throws {
    #expect(ProcessIdentity(of: .max) == nil)
    try ProcessIdentity(pid: .max, startTime: 1).end()
  }
}
