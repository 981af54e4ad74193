internal import Foundation
internal import Glibc
internal import LinuxKit
public import Model
internal import NetlinkKit

/// A Docker daemon of the program's own: everything of it is in one directory and in one network namespace, so that the
/// host's network and the user's images are not touched.
///
/// ```
/// DIRECTORY/docker.sock   where it answers
///           data, exec    images and containers; sockets and state
///           namespace     the name of its network namespace, and of its containers' control group
///           daemon.json   its settings: none, whatever /etc/docker has
///           log           what it says
/// ```
public struct PrivateDocker: Sendable, Equatable {
  public let directory: String

  /// One that is, or was, in this directory.
  public init(directory: String) { self.directory = directory }

  /// Where `bench doctor --fix` has it.
  public static func defaultDirectory(environment: [String: String]) -> String {
    if LinuxKit.Process.isRoot { return "/var/lib/bench/docker" }
    if let state = environment["XDG_STATE_HOME"], !state.isEmpty { return "\(state)/bench/docker" }
    return "\(environment["HOME"] ?? "/tmp")/.local/state/bench/docker"
  }

  /// Its socket, as DOCKER_HOST takes it.
  public var host: String { "unix://\(directory)/docker.sock" }
  private var pidFile: String { "\(directory)/docker.pid" }

  private static let namespacePrefix = "bench-docker-"

  /// How long it may take to start and to stop, in ms.
  private static let patience: UInt64 = 30_000

  /// Starts a daemon in `directory`, and waits until it answers. It goes on when the program ends, unless `resources` takes
  /// it away.
  /// - Parameters:
  ///   - directory: is made, or empty. A path of less than 90 bytes: sockets take no longer ones.
  ///   - resources: of the run to which it belongs; nil leaves it until ``stop()``.
  public static func start(
    directory: String, with resources: HostResources? = nil
  ) throws(UserError) -> PrivateDocker {
    let docker = PrivateDocker(directory: directory)
    if docker.isAnswering { return docker }
    guard directory.utf8.count < 90 else {
      throw UserError(.usage, "the path \(directory) is too long for a socket", remedy: "choose a shorter one")
    }
    let daemon = try EngineTool("dockerd")
    _ = try EngineTool("docker")
    // What an earlier one has left there, which does not answer.
    do throws(SystemError) { try docker.remove() } catch {
      throw UserError(.unavailable, "cannot clear \(directory): \(error)", remedy: "name an empty directory")
    }
    try resources?.track(.privateDocker(directory: directory))
    do throws(UserError) {
      try docker.prepare()
      try docker.launch(daemon)
    } catch {
      try? docker.remove()
      throw error
    }
    return docker
  }

  /// Whether it answers.
  public var isAnswering: Bool {
    guard access("\(directory)/docker.sock", F_OK) == 0, let tool = try? EngineTool("docker", prefix: ["--host", host])
    else { return false }
    return (try? DockerDaemon.version(tool)) != nil
  }

  /// Ends it and takes away all that it has made.
  public func stop() throws(UserError) {
    do throws(SystemError) { try remove() } catch {
      throw UserError(.internalError, "cannot take the Docker daemon in \(directory) away: \(error)")
    }
  }

  private func prepare() throws(UserError) {
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw UserError(
        .notPermitted, "cannot make \(directory): \(error.localizedDescription)", remedy: "run as root")
    }
    let namespace = NetworkNamespace(name: Self.namespacePrefix + String(UInt32.random(in: .min ... .max), radix: 36))
    // Noted before it is made, so that it can be taken away whatever happens.
    try Folder.write(Data(namespace.name.utf8), to: "\(directory)/namespace")
    try Folder.write(Data("{}".utf8), to: "\(directory)/daemon.json")
    do throws(SystemError) { try namespace.create() } catch {
      throw UserError(
        error.isPermission ? .notPermitted : .unavailable, "cannot make a network namespace: \(error)",
        remedy: error.isPermission ? "run as root (CAP_SYS_ADMIN and CAP_NET_ADMIN)" : nil)
    }
    let socket = try explained { () throws(NetlinkError) in try NetlinkSocket.open(in: namespace) }
    try explained { () throws(NetlinkError) in try socket.setUp("lo") }
  }

  private func launch(_ daemon: EngineTool) throws(UserError) {
    guard let namespace = SmallFile.line("\(directory)/namespace") else {
      throw UserError(.internalError, "\(directory)/namespace cannot be read")
    }
    // By a shell that ends at once: the daemon is nobody's child, and has a log for its output. dockerd finds containerd
    // and its own programs in PATH.
    let arguments = [
      "-c", "log=$1; shift; \"$0\" \"$@\" </dev/null >\"$log\" 2>&1 &", daemon.path, "\(directory)/log",
      "--config-file",
      "\(directory)/daemon.json", "--data-root", "\(directory)/data", "--exec-root", "\(directory)/exec", "--pidfile",
      pidFile, "--host", host, "--bridge", "none", "--userland-proxy=true",
      "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", "/\(namespace)", "--log-level", "warn",
    ]
    let output: ChildProcess.Output
    do throws(ChildProcess.Failure) {
      output = try ChildProcess.run(
        "/bin/sh", arguments: arguments, environment: Self.environment,
        in: NetworkNamespace(name: namespace).path, deadline: Clock.monotonic() + 10_000_000_000)
    } catch { throw UserError(.unavailable, "cannot start \(daemon.path): \(error)") }
    guard output.status == .exited(0) else {
      throw UserError(.unavailable, "cannot start \(daemon.path): \(output.standardError)")
    }
    let deadline = Clock.monotonic() + Self.patience * 1_000_000
    while !isAnswering {
      guard Clock.monotonic() < deadline, !processes.isEmpty else {
        let words = EngineTool.lastWords(SmallFile.line("\(directory)/log") ?? "")
        throw UserError(
          .unavailable, "\(daemon.path) does not start\(words.isEmpty ? "" : ": \(words)")",
          remedy: "see 'dockerd --help'")
      }
      usleep(20_000)
    }
  }

  private static var environment: [String] {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return ["PATH=\(path):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
  }

  // MARK: - The end

  /// Its processes: the daemon, containerd and what these have started, told by the directory in their commands.
  private var processes: [ProcessIdentity] {
    ProcessTree.all().filter { process in
      let words = ProcessTree.command(of: process)
      let program = words.first?.split(separator: "/").last ?? ""
      guard program == "dockerd" || program.hasPrefix("containerd") else { return false }
      return words.contains { $0 == directory || $0.contains("\(directory)/") }
    }.compactMap { ProcessIdentity(of: $0) }
  }

  /// The processes in its containers, told by the containers' numbers in the names of their control groups.
  private var contained: [ProcessIdentity] {
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/data/containers")) ?? []
    // 256 bits in hexadecimal.
    let containers = folders.filter { $0.count == 64 }
    if containers.isEmpty { return [] }
    return ProcessTree.all().filter { process in
      guard let groups = try? SmallFile.text("/proc/\(process)/cgroup") else { return false }
      return containers.contains { groups.contains($0) }
    }.compactMap { ProcessIdentity(of: $0) }
  }

  /// Ends everything and removes everything. What is not there is no error.
  func remove() throws(SystemError) {
    // By this file a directory is known for ours. It goes last, so that removing may be interrupted.
    let name = SmallFile.line("\(directory)/namespace")
    guard name?.hasPrefix(Self.namespacePrefix) ?? !Folder.isFilled(directory) else {
      throw SystemError(call: "remove", subject: directory, code: ENOTEMPTY)
    }
    // The daemon, asked politely, ends its containers and takes its rules and mounts away.
    let daemons = processes.filter { ProcessTree.command(of: $0.pid).first?.hasSuffix("dockerd") == true }
    for daemon in daemons { try daemon.terminate() }
    for daemon in daemons { _ = try daemon.awaitEnd(milliseconds: Int32(Self.patience)) }
    for process in processes { try process.end() }
    for process in contained { try process.end() }
    if let name {
      try NetworkNamespace(name: name).remove()
      try ControlGroup.remove(name)
    }
    for point in ["data", "exec"] { try Folder.remove("\(directory)/\(point)") }
    try Folder.remove(directory)
  }
}
