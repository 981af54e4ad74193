internal import ArgumentParser
internal import Foundation
internal import LinuxKit
internal import Model

/// The whole program: parses, runs, and turns errors into a message on stderr and an exit code.
public enum Program {
  /// - Parameter arguments: without the program's name.
  /// - Returns: the exit code (see `ExitStatus`).
  public static func main(_ arguments: [String]) -> Int32 {
    do {
      var command = try BenchCommand.parseAsRoot(arguments)
      try command.run()
      return ExitStatus.success.rawValue
    } catch let error as UserError {
      Console.error("bench: \(error.description)")
      return error.exitCode.rawValue
    } catch let error as ExitStatusError {
      return error.status.rawValue
    } catch {
      let code = BenchCommand.exitCode(for: error)
      let message = BenchCommand.fullMessage(for: error)
      if code == .success { Console.output(message) } else { Console.error(message) }
      return code.rawValue
    }
  }

  /// The environment variables.
  static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// The path of the running executable.
  static var executable: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  }
}

/// Ends the program with a status, after everything has been said.
struct ExitStatusError: Error {
  let status: ExitStatus
}
