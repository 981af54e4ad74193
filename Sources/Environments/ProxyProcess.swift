internal import Glibc
internal import LinuxKit
internal import Model

/// An HAProxy in a namespace of the run. It ends with its owner, and the journal names it for as long as it may run.
final class ProxyProcess {
  private let child: ChildProcess

  var pid: Int32 { child.pid }

  /// Starts it and waits until it listens.
  /// - Parameters:
  ///   - program: HAProxy's name or path.
  ///   - configuration: what its file would say. It comes by a pipe, so there is no file that could be left behind.
  ///   - port: on which it then listens.
  init(
    _ program: String, configuration: String, listeningOn port: UInt16, in place: FurnishedNamespace,
    with resources: HostResources
  ) throws(UserError) {
    guard let path = Self.find(program) else {
      throw UserError(.unavailable, "there is no \(program) on this host", remedy: "run 'apt-get install haproxy'")
    }
    child = try Self.explained(path) { () throws(SystemError) in
      try Self.spawn(path, configuration, in: place.path)
    }
    guard let identity = ProcessIdentity(of: child.pid) else {
      throw UserError(.unavailable, "\(path) ended at once: \(child.standardError())")
    }
    try resources.track(.process(pid: identity.pid, startTime: identity.startTime))
    try Self.explained(path) { () throws(SystemError) in try child.write(Array("go\n".utf8)) }
    try awaitListening(on: port, path)
  }

  /// In PATH, or where the system has programs that root's PATH may lack.
  private static func find(_ program: String) -> String? {
    if program.contains("/") { return access(program, X_OK) == 0 ? program : nil }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return (path.split(separator: ":") + ["/usr/local/sbin", "/usr/sbin"]).lazy
      .map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
  }

  /// A shell in the namespace that waits for a line and then becomes the program. So the process is known, and in the
  /// journal, before it does anything; and if the controller is killed before that, the line never comes, and the shell
  /// ends.
  private static func spawn(
    _ path: String, _ configuration: String, in namespacePath: String?
  ) throws(SystemError) -> ChildProcess {
    let script = "read -r go && exec \"$0\" -db -f /dev/fd/3 3<<END\n$CONFIGURATION\nEND\n"
    return try onDedicatedThread { () throws(SystemError) in
      if let namespacePath { try NetworkNamespace.enter(path: namespacePath) }
      return Handover(
        child: try ChildProcess(
          executable: "/bin/sh", arguments: ["-c", script, path], environment: ["CONFIGURATION=\(configuration)"]))
    }.child
  }

  /// Made by the thread that enters the namespace, which ends before the child is used by another.
  private struct Handover: @unchecked Sendable {
    let child: ChildProcess
  }

  private func awaitListening(on port: UInt16, _ path: String) throws(UserError) {
    let deadline = Clock.monotonic() + 5_000_000_000
    while !ListeningPort.isOpen(port, pid: child.pid) {
      let now = Clock.monotonic()
      guard now < deadline else {
        throw UserError(.unavailable, "\(path) does not listen on port \(port): \(child.standardError())")
      }
      do throws(ChildProcess.Failure) {
        // Waits for its end a little, which does not come if all is well, and looks again.
        let status = try child.waitForExit(deadline: now + 2_000_000)
        throw .system(SystemError(call: "\(path) \(status)", code: ECHILD))
      } catch .timedOut {
        continue
      } catch {
        throw UserError(.unavailable, "\(path) did not start: \(child.standardError())", remedy: "see 'haproxy -vv'")
      }
    }
  }

  private static func explained<Value>(
    _ path: String, _ body: () throws(SystemError) -> Value
  ) throws(UserError) -> Value {
    do throws(SystemError) { return try body() } catch {
      throw UserError(
        error.isPermission ? .notPermitted : .unavailable, "cannot start \(path): \(error)",
        remedy: error.isPermission ? "run as root (CAP_SYS_ADMIN)" : "see 'bench doctor'")
    }
  }
}
