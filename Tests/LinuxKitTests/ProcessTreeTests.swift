import Foundation
import LinuxKit
import TestSupport
import Testing

@Suite("Programs run to their end, and processes looked up")
struct ProcessTreeTests {
  private func soon(_ seconds: UInt64 = 10) -> UInt64 { Clock.monotonic() + seconds * 1_000_000_000 }

  @Test("output, errors and status of a program")
  func run() throws {
    let output = try ChildProcess.run(
      "/bin/sh", arguments: ["-c", "printf 'a\\nb'; echo $WORD; echo why >&2; exit 3"], environment: ["WORD=c"],
      deadline: soon())
    #expect(output.status == .exited(3))
    #expect(output.standardOutput == Array("a\nbc\n".utf8))
    #expect(output.standardError == "why\n")
  }

  @Test("more output than a pipe holds")
  func large() throws {
    let output = try ChildProcess.run(
      "/bin/sh", arguments: ["-c", "head -c 300000 /dev/zero"], environment: ["PATH=/usr/bin:/bin"], deadline: soon())
    #expect(output.standardOutput.count == 300_000)
  }

  @Test("a program that goes on is killed at the deadline")
  func deadline() throws {
    let before = Set(ProcessTree.descendants(of: getpid()))
    #expect(throws: ChildProcess.Failure.timedOut) {
      try ChildProcess.run(
        "/bin/sh", arguments: ["-c", "exec sleep 600.25"], environment: ["PATH=/usr/bin:/bin"],
        deadline: Clock.monotonic() + 100_000_000)
    }
    let left = Set(ProcessTree.descendants(of: getpid())).subtracting(before)
    #expect(!left.contains { ProcessTree.command(of: $0) == ["sleep", "600.25"] })
  }

  @Test("the words of a program are there as soon as it was started")
  func words() throws {
    for _ in 0..<400 {
      let child = try ChildProcess(executable: "/bin/cat", arguments: ["--number"])
      #expect(ProcessTree.command(of: child.pid) == ["/bin/cat", "--number"])
    }
  }

  @Test("a missing program is an error of the call")
  func missing() {
    let error = #expect(throws: ChildProcess.Failure.self) {
      try ChildProcess.run("/nonexistent/program", deadline: soon())
    }
    guard case .system(let failure) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(failure.isMissing)
  }

  @Test("in another network namespace", .requiresNetworkNamespaces)
  func namespace() throws {
    try withNamespaces(1) { namespaces in
      let script = "cat /proc/net/dev"
      let inside = try ChildProcess.run(
        "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/bin:/bin"], in: namespaces[0].path,
        deadline: soon())
      let lines = String(decoding: inside.standardOutput, as: UTF8.self).split(separator: "\n")
      // Two lines of headings, and `lo`.
      #expect(lines.count == 3 && lines.last?.contains("lo:") == true)
    }
  }

  @Test("children and their children, by the words of their commands")
  func tree() throws {
    let child = try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", "sleep 600.5 & echo ready; read -r line; kill $!"],
      environment: ["PATH=/usr/bin:/bin"])
    #expect(try child.readLine(deadline: soon()) == Array("ready".utf8))
    let descendants = ProcessTree.descendants(of: child.pid)
    // The shell's child may not have become the program yet; there is one in either case.
    #expect(descendants.count == 1)
    #expect(ProcessTree.descendants(of: getpid()).contains(child.pid))
    #expect(ProcessTree.all().contains(descendants[0]))
    #expect(ProcessTree.command(of: child.pid).first == "/bin/sh")
    let sleeper = try #require(ProcessIdentity(of: descendants[0]))
    #expect(try !sleeper.awaitEnd(milliseconds: 0))
    try child.write(Array("go\n".utf8))
    #expect(try sleeper.awaitEnd(milliseconds: 10_000))
    _ = try child.waitForExit(deadline: soon())
    #expect(ProcessTree.command(of: sleeper.pid) == [])
    #expect(ProcessTree.descendants(of: child.pid) == [])
  }

  @Test("a signal reaches the process that was meant, and no later one")
  func signal() throws {
    let child = try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", "exec sleep 600"], environment: ["PATH=/usr/bin:/bin"])
    let identity = try #require(ProcessIdentity(of: child.pid))
    try ProcessIdentity(pid: identity.pid, startTime: identity.startTime + 1).terminate()
    #expect(ProcessIdentity(of: child.pid) == identity)
    try identity.terminate()
    #expect(try child.waitForExit(deadline: soon()) == .killed(signal: SIGTERM))
    // There is no such process any more.
    try identity.terminate()
    #expect(try identity.awaitEnd(milliseconds: 0))
  }
}
