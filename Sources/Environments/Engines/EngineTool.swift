internal import Glibc
internal import LinuxKit
internal import Model

/// A program of an engine: its command line, which is all that the controller knows of the engine.
struct EngineTool {
  /// Why a call failed.
  struct Failure: Error {
    /// The program and its first words.
    let command: String
    /// What the program said, or what became of it.
    let reason: String
    /// Whether it did not end in time.
    let isTimeout: Bool

    var message: String { "\(command): \(reason)" }
  }

  let path: String
  /// What stands before the arguments of every call.
  let prefix: [String]
  /// The file of the network namespace to run in; nil is the controller's.
  let namespace: String?

  /// - Parameter program: its name, or its path.
  init(_ program: String, prefix: [String] = [], namespace: String? = nil) throws(UserError) {
    guard let path = Self.find(program) else {
      throw UserError(
        .unavailable, "there is no \(program) on this host",
        remedy: EngineSetup.package(of: program).map { "run 'apt-get install \($0)'" })
    }
    self.path = path
    self.prefix = prefix
    self.namespace = namespace
  }

  /// In PATH, or where the system has programs that root's PATH may lack.
  static func find(_ program: String) -> String? {
    if program.contains("/") { return access(program, X_OK) == 0 ? program : nil }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return (path.split(separator: ":") + ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"]).lazy
      .map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
  }

  /// What the engines' programs may know of the controller's environment: where programs and the user's settings are, but
  /// not which daemon is meant, since every call says that itself.
  static var environment: [String] {
    let names: [String] = ["PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"]
    return names.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
  }

  /// Runs it to its end.
  /// - Parameter seconds: how long it may take; what still runs then is killed.
  /// - Returns: its stdout.
  @discardableResult
  func run(_ arguments: [String], within seconds: UInt64 = 30) throws(Failure) -> String {
    let output: ChildProcess.Output
    do throws(ChildProcess.Failure) {
      output = try ChildProcess.run(
        path, arguments: prefix + arguments, environment: Self.environment, in: namespace,
        deadline: Clock.monotonic() + seconds * 1_000_000_000)
    } catch {
      switch error {
      case .timedOut: throw failure(arguments, "did not end within \(seconds) s", isTimeout: true)
      case .system(let error): throw failure(arguments, error.description)
      case .ended, .interrupted: throw failure(arguments, "\(error)")
      }
    }
    guard output.status == .exited(0) else {
      let words = Self.lastWords(output.standardError)
      throw failure(arguments, words.isEmpty ? output.status.description : words)
    }
    return String(decoding: output.standardOutput, as: UTF8.self)
  }

  /// Starts it with pipes.
  func start(_ arguments: [String]) throws(Failure) -> ChildProcess {
    do throws(SystemError) {
      return try ChildProcess.start(
        path, arguments: prefix + arguments, environment: Self.environment, in: namespace)
    } catch { throw failure(arguments, error.description) }
  }

  func failure(_ arguments: [String], _ reason: String, isTimeout: Bool = false) -> Failure {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return Failure(
      command: ([name] + arguments.prefix(2)).joined(separator: " "), reason: reason, isTimeout: isTimeout)
  }

  /// The line of a program's stderr that tells most: the daemon's own words if there are any, else the last one.
  static func lastWords(_ errors: String) -> String {
    let lines = errors.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
    return (lines.first { $0.hasPrefix("Error response from daemon") } ?? lines.last).map(String.init) ?? ""
  }
}

/// Turns a failed call of an engine's program into an error that a user can act on.
@discardableResult
func engineExplained<Value>(
  remedy: String? = "see 'bench doctor'", _ body: () throws(EngineTool.Failure) -> Value
) throws(UserError) -> Value {
  do throws(EngineTool.Failure) { return try body() } catch {
    throw UserError(.unavailable, error.message, remedy: remedy)
  }
}
