internal import Foundation
internal import Glibc
public import LinuxKit

/// How a program ended that a test has run, and what it said.
public struct ProgramOutcome: Sendable {
  public let status: ChildProcess.ExitStatus
  public let standardOutput: [UInt8]
  /// All of it, for what is printed where the program finds something wrong may be long.
  public let standardError: String
}

/// A program that a test has run did not come to its end in time, or not to a good one.
public struct ProgramFailure: Error, CustomStringConvertible {
  public let description: String
}

/// What a program finds around itself that is started by a test: PATH, HOME and whatever else the tests were given.
public var testEnvironment: [String] { ProcessInfo.processInfo.environment.map { "\($0)=\($1)" } }

/// Runs a program to its end, with the tests' own environment.
///
/// Not by `Foundation.Process` and its pipes: these are inherited by whatever another test starts at that moment, which
/// keeps them open, and waiting for their end has no deadline. A test that hangs takes one of the few threads from all
/// others, and says nothing.
/// - Parameters:
///   - program: a path, or a name to be found in PATH. One that is not there is a status of 127, as of a shell.
///   - input: a file that is its standard input.
///   - limit: how long it may take until it and all that it has started are killed.
/// - Throws: ``ProgramFailure`` if it, or what it has started and left its stdout to, has not ended within `limit`;
///   ``SystemError`` if it cannot be started.
public func runProgram(
  _ program: String, _ arguments: [String] = [], input: String = "/dev/null", within limit: Duration = .seconds(60)
) throws -> ProgramOutcome {
  let deadline = Clock.monotonic() + UInt64(limit / .nanoseconds(1))
  // By a shell, which finds it in PATH, and for its standard input: that of a `ChildProcess` has no end before its own.
  let script = #"input=$1; shift; exec "$@" <"$input""#
  let child = try ChildProcess(
    executable: "/bin/sh", arguments: ["-c", script, "sh", input, program] + arguments, environment: testEnvironment)
  var output: [UInt8] = []
  do throws(ChildProcess.Failure) {
    do throws(ChildProcess.Failure) {
      while true { output += try child.readAvailable(deadline: deadline) }
    } catch { if error != .ended { throw error } }
    return ProgramOutcome(
      status: try child.waitForExit(deadline: deadline), standardOutput: output,
      standardError: child.standardError(last: .max))
  } catch {
    endAll(of: child)
    let reason =
      switch error {
      case .timedOut: whatWentOn(child, limit)
      default: "could not be read from: \(error)"
      }
    throw ProgramFailure(
      description: "\(command(program, arguments)) \(reason); stderr: \(abridged(child.standardError(last: .max)))")
  }
}

/// What a program prints that must end well, as ``runProgram(_:_:input:within:)`` runs it.
/// - Throws: ``ProgramFailure`` also if its status is another than 0; ``SystemError`` if it cannot be started.
public func programOutput(
  _ program: String, _ arguments: [String] = [], input: String = "/dev/null", within limit: Duration = .seconds(60)
) throws -> String {
  let outcome = try runProgram(program, arguments, input: input, within: limit)
  guard outcome.status == .exited(0) else {
    throw ProgramFailure(
      description: "\(command(program, arguments)) \(outcome.status); stderr: \(abridged(outcome.standardError))")
  }
  return String(decoding: outcome.standardOutput, as: UTF8.self)
}

/// Kills a program and all that it has started, be it in its process group or, as a browser may be, in one of its own.
private func endAll(of child: ChildProcess) {
  let others = ProcessTree.descendants(of: child.pid).compactMap { ProcessIdentity(of: $0) }
  // The child has not been reaped: the number is still that of its group.
  kill(-child.pid, SIGKILL)
  for other in others { try? other.signal(SIGKILL) }
}

/// Why a program has had to be killed, which it was.
private func whatWentOn(_ child: ChildProcess, _ limit: Duration) -> String {
  // One that had ended before it was killed still says how.
  let status = try? child.waitForExit(deadline: Clock.monotonic() + 10_000_000_000)
  guard let status, case .exited = status else { return "did not end within \(limit)" }
  return "\(status), but what it had started kept its stdout open for \(limit)"
}

/// The words of a command, for a message.
private func command(_ program: String, _ arguments: [String]) -> String {
  let words = ([program] + arguments).joined(separator: " ")
  return "`\(words.count > 200 ? words.prefix(200) + "…" : words)`"
}

/// The beginning and the end of what may be long.
private func abridged(_ text: String) -> String {
  let end = 4_000
  return text.utf8.count <= 2 * end ? text : "\(text.prefix(end)) … \(text.suffix(end))"
}
