import Glibc
import LinuxKit
import TestSupport
import Testing

/// The tests' own way of running programs, of which they rely on that it comes to an end.
@Suite("Programs that tests run")
struct ProgramTests {
  @Test("tell their output, all of their errors, and their status")
  func outcome() throws {
    let outcome = try runProgram("sh", ["-c", "printf 'a\\nb'; head -c 100000 /dev/zero | tr '\\000' x >&2; exit 3"])
    #expect(outcome.status == .exited(3))
    #expect(outcome.standardOutput == Array("a\nb".utf8))
    #expect(outcome.standardError == String(repeating: "x", count: 100_000))
    #expect(try runProgram("/bin/sh", ["-c", "kill -SEGV $$"]).status == .killed(signal: SIGSEGV))
  }

  @Test("find what the tests were started with, arguments as they were given, and an input that ends")
  func surroundings() throws {
    let path = try #require(getenv("PATH").map { String(cString: $0) })
    #expect(try programOutput("printenv", ["PATH"]) == path + "\n")
    #expect(try programOutput("printf", ["%s|", "a b", "", "ü*$HOME", "-x"]) == "a b||ü*$HOME|-x|")
    #expect(try programOutput("cat") == "")
    try withTemporaryDirectory { directory in
      try writeFile("\(directory)/in put", Array("read".utf8))
      #expect(try programOutput("cat", input: "\(directory)/in put") == "read")
    }
  }

  @Test("that must end well and do not are an error that tells the command, the status and the reason")
  func failed() throws {
    let failed = #expect(throws: ProgramFailure.self) { try programOutput("sh", ["-c", "echo why >&2; exit 3"]) }
    #expect(failed?.description == "`sh -c echo why >&2; exit 3` exited with 3; stderr: why\n")
    let missing = #expect(throws: ProgramFailure.self) { try programOutput("no-such-program", ["--word"]) }
    let description = try #require(missing?.description)
    #expect(description.hasPrefix("`no-such-program --word` exited with 127; stderr: "))
    #expect(description.contains("no-such-program: not found"))
    let absent = try runProgram("/nonexistent/program")
    #expect(absent.status == .exited(127) && absent.standardError.contains("/nonexistent/program: not found"))
    let script = "head -c 100000 /dev/zero | tr '\\000' x >&2; exit 1"
    let long = #expect(throws: ProgramFailure.self) {
      try programOutput("sh", ["-c", script, String(repeating: "y", count: 9_999)])
    }
    #expect(try #require(long?.description).utf8.count < 9_000)
  }

  @Test("that do not end are killed with all that they have started, in time, and told with what they said")
  func endless() throws {
    // One in its group, and one in a session of its own. What holds stdout open is theirs, too.
    try expectKilled(
      "sleep 600.125 & setsid sleep 600.125 & echo why >&2; wait", #"did not end within 5.0 seconds; stderr: why\#n"#)
  }

  @Test("that end, and leave their stdout to what does not, are told from those that do not end")
  func leftOver() throws {
    try expectKilled(
      "sleep 600.25 & echo why >&2; exit 3",
      #"exited with 3, but what it had started kept its stdout open for 5.0 seconds; stderr: why\#n"#)
  }

  /// Runs a script that is killed after 5 s, and looks for what it has started by a word in the environment.
  private func expectKilled(_ script: String, _ reason: String) throws {
    let mark = "BENCH_TEST_MARK=\(UInt64.random(in: .min ... .max))"
    let start = Clock.monotonic()
    let error = #expect(throws: ProgramFailure.self) {
      try runProgram("env", [mark, "sh", "-c", script], within: .seconds(5))
    }
    let time = Clock.monotonic() - start
    #expect(time >= 5_000_000_000 && time < 25_000_000_000)
    #expect(error?.description == "`env \(mark) sh -c \(script)` \(reason)")
    // What has been killed may be there for a moment longer.
    var left = processes(marked: mark)
    while !left.isEmpty && Clock.monotonic() < start + 25_000_000_000 {
      usleep(10_000)
      left = processes(marked: mark)
    }
    #expect(left.map { ProcessTree.command(of: $0) } == [])
  }

  /// Those that were started with a word in their environment; one that has ended has none.
  private func processes(marked mark: String) -> [Int32] {
    ProcessTree.all().filter { pid in
      guard let bytes = try? SmallFile.bytes("/proc/\(pid)/environ") else { return false }
      return bytes.split(separator: 0).contains { $0.elementsEqual(mark.utf8) }
    }
  }
}
