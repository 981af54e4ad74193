internal import Foundation
internal import Glibc
internal import LinuxKit
internal import Model
internal import NetlinkKit

/// A Docker daemon that answers, at a socket of this host.
struct DockerDaemon {
  /// `unix:///var/run/docker.sock`
  let host: String
  /// `20.10.24`
  let version: String
  let tool: EngineTool
  /// In which it has its bridges and rules. Others use it, too.
  let place: FurnishedNamespace

  var address: EngineAddress { .docker(host: host) }

  /// The number before the version's first dot.
  var majorVersion: Int { version.split(separator: ".").first.flatMap { Int($0) } ?? 0 }

  /// The daemon that the docker command uses; else the private one, if it runs.
  /// - Parameter host: the socket of the one to use, where that is known.
  init(host: String? = nil) throws(UserError) {
    let candidates = if let host { [host] } else { try Self.candidates() }
    var refusal: UserError?
    for host in candidates {
      let tool = try EngineTool("docker", prefix: ["--host", host])
      let version: String
      do throws(EngineTool.Failure) { version = try Self.version(tool) } catch {
        refusal = refusal ?? Self.explain(error, host)
        continue
      }
      guard let path = Self.socketPath(of: host) else {
        throw UserError(
          .unavailable, "Docker's daemon at \(host) is not this host's",
          remedy: "use one with a Unix socket: its containers' namespaces must be in reach")
      }
      self.host = host
      self.version = version
      self.tool = tool
      place = try Self.namespace(of: try Self.process(listeningAt: path))
      return
    }
    throw refusal ?? UserError(.unavailable, "no Docker daemon is known", remedy: Self.remedy)
  }

  static let remedy = "start it (systemctl start docker), or let 'bench doctor --fix docker' start a private one"

  /// Where a daemon may be: where DOCKER_HOST or the context of the docker command says, and where the private one is.
  static func candidates() throws(UserError) -> [String] {
    var hosts: [String] = []
    if let host = ProcessInfo.processInfo.environment["DOCKER_HOST"], !host.isEmpty {
      hosts.append(host)
    } else {
      struct Context: Decodable {
        struct Endpoints: Decodable { var docker: Endpoint? }
        struct Endpoint: Decodable {
          var host: String?
          enum CodingKeys: String, CodingKey { case host = "Host" }
        }
        var endpoints: Endpoints?
        enum CodingKeys: String, CodingKey { case endpoints = "Endpoints" }
      }
      let tool = try EngineTool("docker")
      // A context that cannot be read is a misconfiguration of the user's; the usual place is tried then.
      let text = try? tool.run(["context", "inspect"])
      let contexts = text.flatMap { try? JSONDecoder().decode([Context].self, from: Data($0.utf8)) }
      hosts.append(contexts?.first?.endpoints?.docker?.host ?? "unix:///var/run/docker.sock")
    }
    let directory = PrivateDocker.defaultDirectory(environment: ProcessInfo.processInfo.environment)
    if FileManager.default.fileExists(atPath: directory) { hosts.append(PrivateDocker(directory: directory).host) }
    return hosts
  }

  /// The path in `unix://…`; nil for a daemon that is reached by network.
  static func socketPath(of host: String) -> String? {
    host.hasPrefix("unix://") ? String(host.dropFirst("unix://".count)) : nil
  }

  /// The daemon's version. Fails if it does not answer.
  static func version(_ tool: EngineTool) throws(EngineTool.Failure) -> String {
    struct Server: Decodable {
      var version: String
      enum CodingKeys: String, CodingKey { case version = "Version" }
    }
    let arguments = ["version", "--format", "{{json .Server}}"]
    let text = try tool.run(arguments, within: 10)
    guard let server = try? JSONDecoder().decode(Server.self, from: Data(text.utf8)) else {
      throw tool.failure(arguments, "the answer has no version: \(text.prefix(200))")
    }
    return server.version
  }

  private static func explain(_ failure: EngineTool.Failure, _ host: String) -> UserError {
    if failure.reason.lowercased().contains("permission denied") {
      return UserError(
        .notPermitted, "Docker's socket \(host) may not be used: \(failure.reason)", remedy: "run as root")
    }
    return UserError(.unavailable, "no Docker daemon answers at \(host)", remedy: remedy)
  }

  /// Whoever made the socket at `path` listen (SO_PEERCRED, unix(7)); nil if that is init, which does so for a daemon that
  /// it starts on demand.
  private static func process(listeningAt path: String) throws(UserError) -> Int32? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < capacity else {
      throw UserError(.unavailable, "the path of the socket \(path) is too long")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let process: Int32
    do throws(SystemError) {
      let socket = Descriptor(
        owning: try systemCall("socket") {
          Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        })
      let fd = socket.rawValue
      try withUnsafePointer(to: address) { pointer throws(SystemError) in
        let raw = UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
        try systemCall("connect", on: path) { connect(fd, raw, socklen_t(MemoryLayout<sockaddr_un>.size)) }
      }
      // struct ucred: process, user, group.
      var credentials: [Int32] = [0, 0, 0]
      var length = socklen_t(12)
      try systemCall("getsockopt", on: path) { getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) }
      process = credentials[0]
    } catch {
      throw UserError(
        error.isPermission ? .notPermitted : .unavailable, "cannot connect to Docker's socket: \(error)", remedy: remedy
      )
    }
    // The kernel says 0 of a process in another process namespace.
    guard process > 0 else {
      throw UserError(
        .unavailable, "Docker's daemon is not among the processes that this one sees",
        remedy: "run outside of a container: its containers' namespaces must be in reach")
    }
    return process == 1 ? nil : process
  }

  /// The daemon's network namespace; the controller's own where a daemon was started by init.
  private static func namespace(of pid: Int32?) throws(UserError) -> FurnishedNamespace {
    guard let pid, !isOwn(pid) else { return try FurnishedNamespace.host() }
    return try FurnishedNamespace.ofProcess(pid, role: "host", isOwn: false)
  }

  /// Whether a process is in the controller's network namespace.
  private static func isOwn(_ pid: Int32) -> Bool {
    var theirs = stat()
    var ours = stat()
    guard stat("/proc/\(pid)/ns/net", &theirs) == 0, stat("/proc/self/ns/net", &ours) == 0 else { return false }
    return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino
  }
}
