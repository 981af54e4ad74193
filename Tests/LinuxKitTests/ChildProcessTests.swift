import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("What a child process says")
struct ChildOutputTests {
  @Test("comes line by line, then the end")
  func lines() throws {
    let child = try shell(#"printf 'one\n\ntwo words\nlast without end'"#)
    #expect(try child.readText() == "one")
    #expect(try child.readText() == "")
    #expect(try child.readText() == "two words")
    #expect(throws: ChildProcess.Failure.ended) { try child.readText() }
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
  }

  @Test("comes as bytes between lines, whatever they are")
  func bytesBetweenLines() throws {
    let child = try shell(#"printf 'head 4\n\n\000\n\377tail\n'; read -r _; printf 'abc'; printf 'defgh\n'"#)
    #expect(try child.readText() == "head 4")
    #expect(try child.readBytes(4, deadline: farDeadline()) == [0x0a, 0x00, 0x0a, 0xff])
    #expect(try child.readText() == "tail")
    #expect(try child.readBytes(0, deadline: farDeadline()) == [])
    try child.write(Array("go\n".utf8))
    #expect(try child.readBytes(5, deadline: farDeadline()) == Array("abcde".utf8))
    #expect(try child.readText() == "fgh")
    #expect(throws: ChildProcess.Failure.ended) { try child.readBytes(1, deadline: farDeadline()) }
  }

  @Test("may be much more than a pipe holds")
  func large() throws {
    let child = try shell("head -c 5000000 /dev/zero; echo; echo end; head -c 3000000 /dev/zero | tr '\\000' x; echo")
    let bytes = try child.readBytes(5_000_000, deadline: farDeadline())
    #expect(bytes.count == 5_000_000 && bytes.allSatisfy { $0 == 0 })
    #expect(try child.readText() == "")
    #expect(try child.readText() == "end")
    #expect(try child.readLine(deadline: farDeadline()).count == 3_000_000)
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
  }

  @Test("that does not come by the deadline is a time-out, and nothing is lost by it")
  func deadline() throws {
    let child = try shell("printf abc; read -r _; echo def; exec cat")
    let start = Clock.monotonic()
    #expect(throws: ChildProcess.Failure.timedOut) { try child.readText(deadline: start + 50_000_000) }
    #expect(Clock.monotonic() >= start + 50_000_000)
    #expect(throws: ChildProcess.Failure.timedOut) { try child.readBytes(10, deadline: Clock.monotonic() + 10_000_000) }
    // A deadline that has passed.
    #expect(throws: ChildProcess.Failure.timedOut) { try child.readBytes(10, deadline: 0) }
    #expect(throws: ChildProcess.Failure.timedOut) { try child.waitForExit(deadline: Clock.monotonic() + 10_000_000) }
    try child.write(Array("go\n".utf8))
    #expect(try child.readText() == "abcdef")
  }

  @Test("on stderr is kept for error messages, its last 4 KiB")
  func standardError() throws {
    let child = try shell("echo first >&2; echo said; exec cat >/dev/null")
    #expect(try child.readText() == "said")
    #expect(child.standardError() == "first\n")
    let long = try shell("head -c 100000 /dev/zero | tr '\\000' x >&2; printf end >&2")
    #expect(try long.waitForExit(deadline: farDeadline()) == .exited(0))
    #expect(long.standardError() == String(repeating: "x", count: 4093) + "end")
    #expect(try long.readAllLines() == [])
    #expect(try shell("exec cat").standardError() == "")
  }

  @Test("what is written to it reaches its stdin")
  func input() throws {
    let child = try ChildProcess(executable: "/bin/cat")
    try child.write(Array("to and fro\n".utf8))
    #expect(try child.readText() == "to and fro")
  }
}

@Suite("How a child process is started and ends")
struct ChildLifeTests {
  @Test("arguments and environment arrive as they were given, and nothing else does")
  func arguments() throws {
    let child = try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", #"printf '%s\n' "$#" "$1" "$2"; env"#, "name", "a b", "ü*$HOME"],
      environment: ["ONE=1 2", "PATH=/usr/bin:/bin"])
    let lines = try child.readAllLines()
    #expect(lines.prefix(3) == ["2", "a b", "ü*$HOME"])
    #expect(lines.contains("ONE=1 2"))
    #expect(!lines.contains { $0.hasPrefix("HOME=") })
  }

  @Test("an exit status and a fatal signal are told apart")
  func status() throws {
    #expect(try shell("exit 7").waitForExit(deadline: farDeadline()) == .exited(7))
    #expect(try shell("exit 255").waitForExit(deadline: farDeadline()) == .exited(255))
    let suicide = try shell("kill -SEGV $$")
    #expect(try suicide.waitForExit(deadline: farDeadline()) == .killed(signal: SIGSEGV))
    // Asked again, the same answer, without waiting.
    #expect(try suicide.waitForExit(deadline: 0) == .killed(signal: SIGSEGV))
    #expect(ChildProcess.ExitStatus.exited(7).description == "exited with 7")
    #expect(ChildProcess.ExitStatus.killed(signal: SIGKILL).description == "killed by signal 9 (Killed)")
  }

  @Test("it is terminated and killed on demand; once it has ended, signals go nowhere")
  func signals() throws {
    let polite = try shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do read -r _ || sleep 0.01; done")
    #expect(try polite.readText() == "ready")
    polite.terminate()
    try polite.write(Array("\n".utf8))
    #expect(try polite.readText() == "bye")
    #expect(try polite.waitForExit(deadline: farDeadline()) == .exited(3))
    polite.kill()
    #expect(try polite.waitForExit(deadline: 0) == .exited(3))

    let deaf = try shell("trap '' TERM; echo ready; exec cat")
    #expect(try deaf.readText() == "ready")
    deaf.terminate()
    deaf.kill()
    #expect(try deaf.waitForExit(deadline: farDeadline()) == .killed(signal: SIGKILL))
  }

  @Test("a program that is missing or is none is an error that names it")
  func missing() throws {
    let absent = #expect(throws: SystemError.self) { try ChildProcess(executable: "/nonexistent/program") }
    #expect(absent == SystemError(call: "posix_spawn", subject: "/nonexistent/program", code: ENOENT))
    let directory = #expect(throws: SystemError.self) { try ChildProcess(executable: "/") }
    #expect(directory == SystemError(call: "posix_spawn", subject: "/", code: EACCES))
    let none = #expect(throws: SystemError.self) { try ChildProcess(executable: "/etc/passwd") }
    #expect(none?.isPermission == true)
  }

  @Test("it leads a process group of its own")
  func processGroup() throws {
    let child = try ChildProcess(executable: "/bin/cat")
    #expect(getpgid(child.pid) == child.pid)
    #expect(getpgid(child.pid) != getpgrp())
    #expect(getsid(child.pid) == getsid(0))
  }

  @Test("it starts with nothing blocked and nothing ignored, whatever its parent does")
  func signalState() async {
    await #expect(processExitsWith: .success) {
      var all = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_BLOCK, &all, nil)
      for number in [SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGTTOU] {
        signal(number, SIG_IGN)
      }
      let child = try ChildProcess(executable: "/bin/cat", arguments: ["/proc/self/status"])
      let lines = try child.readAllLines()
      for key in ["SigBlk", "SigIgn", "SigCgt"] {
        let line = try #require(lines.first { $0.hasPrefix(key) })
        let set = try #require(UInt64(line.dropFirst(8), radix: 16))
        // Not 32 and 33, which glibc keeps for itself and ignores in every child that it spawns.
        #expect(set & ~(3 << 31) == 0, "\(line)")
      }
    }
  }

  @Test("it has none of its parent's descriptors")
  func descriptors() throws {
    let pipe = try Descriptor.pipe()
    let other = try ChildProcess(executable: "/bin/cat")
    let child = try ChildProcess(executable: "/bin/ls", arguments: ["-l", "/proc/self/fd"])
    let listed = try child.readAllLines()
    var status = stat()
    #expect(fstat(pipe.reading.rawValue, &status) == 0)
    #expect(!listed.contains { $0.hasSuffix("pipe:[\(status.st_ino)]") }, "\(listed)")
    // Its own stdin and stdout, and not those of another child.
    #expect(listed.filter { $0.contains("-> pipe:") && ($0.contains(" 0 ->") || $0.contains(" 1 ->")) }.count == 2)
    #expect(listed.filter { $0.contains("/memfd:stderr") }.count == 1, "\(listed)")
    #expect(other.pid != child.pid)
  }

  @Test("it is killed and reaped when its owner goes out of scope")
  func owner() throws {
    let pid = try {
      let child = try shell("trap '' TERM INT HUP; echo ready; exec cat")
      #expect(try child.readText() == "ready")
      return child.pid
    }()
    // Not even a zombie, which could still be signalled.
    #expect(kill(pid, 0) == -1 && errno == ESRCH)
  }

  @Test("300 of them leave no zombie and no descriptor")
  func leaks() async {
    await #expect(processExitsWith: .success) {
      func cycle(_ number: Int) throws {
        let child = try ChildProcess(executable: "/bin/cat")
        switch number % 3 {
        case 0:
          child.terminate()
          #expect(try child.waitForExit(deadline: farDeadline()) == .killed(signal: SIGTERM))
        case 1:
          try child.write([0x0a])
          #expect(try child.readLine(deadline: farDeadline()) == [])
        default:
          #expect(throws: SystemError.self) { _ = try ChildProcess(executable: "/nonexistent/program") }
        }
      }
      for number in 0..<3 { try cycle(number) }
      let before = try descriptorCount()
      for number in 0..<300 { try cycle(number) }
      // One more may have been opened meanwhile by the runtime, not one a child.
      #expect(try descriptorCount() < before + 10)
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
    }
  }

  @Test("if it cannot be watched for want of descriptors, it is not left running", arguments: 0..<7)
  func noDescriptors(spare: Int) async {
    await #expect(processExitsWith: .success) { [spare = spare as Int] in
      let outcome = try onDedicatedThread { () throws(SystemError) -> SystemError? in
        // A table of its own, so that the runtime's threads do not meet the limit; all of it but `spare` is taken.
        try unshareThread(0x400 /* CLONE_FILES */, "descriptors")
        var limit = rlimit(rlim_cur: 64, rlim_max: 64)
        try systemCall("setrlimit") { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        var taken: [Int32] = []
        while case let number = open("/dev/null", O_RDONLY | O_CLOEXEC), number >= 0 { taken.append(number) }
        for number in taken.suffix(spare) { close(number) }
        do throws(SystemError) {
          _ = try ChildProcess(executable: "/bin/sleep", arguments: ["60"])
          return nil
        } catch { return error }
      }
      #expect(outcome?.code == (spare < 6 ? EMFILE : nil), "\(String(describing: outcome))")
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
    }
  }

  @Test("it can be told to die with the thread that started it")
  func diesWithParent() async {
    await #expect(processExitsWith: .success) {
      try Process.dieWithParent()
      let child = try ChildProcess(executable: "/bin/cat", arguments: ["/proc/self/status"])
      // The wish is the caller's alone and is not inherited.
      #expect(try child.readAllLines().contains { $0.hasPrefix("PPid:\t\(getpid())") })
    }
  }
}
