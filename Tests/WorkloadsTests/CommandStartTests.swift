import Glibc
import LinuxKit
import Testing
import WorkerProtocol

@Suite("A worker that becomes a command, or cannot")
struct CommandStartTests {
  @Test("leaves it nothing blocked and nothing ignored")
  func signals() throws {
    // Not all of them: a shell does not let one ignore what it needs itself.
    let script = #"trap '' HUP INT PIPE TERM USR1; exec "$1""#
    let child = try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", script, "sh", try WorkerProcess.path()],
      environment: ["PATH=/usr/bin:/bin"])
    try child.write(WorkerMessage.configure(.command(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"])).line)
    for name in ["SigBlk", "SigIgn"] {
      let line = String(decoding: try child.readLine(deadline: farDeadline()), as: UTF8.self)
      let digits = try #require(line.split(separator: "\t").last)
      // Signals 1 to 31; behind them are two that the C library keeps to itself, and does not give away.
      #expect(line.hasPrefix(name) && UInt64(digits, radix: 16).map { $0 & 0x7FFF_FFFF } == 0)
    }
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
  }

  @Test("says why, also where its output was to go nowhere")
  func discarded() throws {
    let settings = WorkerConfiguration.command(["no-such-program"], discardsOutput: true)
    #expect(try WorkerProcess(settings).failure() == "exec no-such-program: No such file or directory")
  }

  @Test("leaves it all of its stdin behind the instruction")
  func input() throws {
    let child = try ChildProcess(executable: try WorkerProcess.path(), environment: ["PATH=/usr/bin:/bin"])
    let settings = WorkerConfiguration.command(["sh", "-c", "read line; echo \"$line\""])
    try child.write(WorkerMessage.configure(settings).line + Array("for the command\n".utf8))
    #expect(try child.readLine(deadline: farDeadline()) == Array("for the command".utf8))
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
  }

  @Test("dies with the process that started the worker")
  func parentDies() throws {
    let line = String(
      decoding: WorkerMessage.configure(.command(["sh", "-c", "echo $$; read never"])).line.dropLast(), as: UTF8.self)
    // The worker has the shell's stdin, which stays open without it.
    let parent = try ChildProcess(
      executable: "/bin/sh",
      arguments: ["-c", "exec 3<&0; \"$1\" <&3 & wait", "sh", try WorkerProcess.path()],
      environment: ["PATH=/usr/bin:/bin"])
    try parent.write(Array("\(line)\n".utf8))
    let text = String(decoding: try parent.readLine(deadline: farDeadline()), as: UTF8.self)
    let pid = try #require(Int32(text))
    #expect(try SmallFile.text("/proc/\(pid)/status").contains("\nPPid:\t\(parent.pid)\n"))
    parent.signal(SIGKILL)
    #expect(try parent.waitForExit(deadline: farDeadline()) == .killed(signal: SIGKILL))
    // It has the parent's stdout: its end is the end of the last who had it.
    #expect(throws: ChildProcess.Failure.ended) { try parent.readLine(deadline: farDeadline()) }
  }
}
