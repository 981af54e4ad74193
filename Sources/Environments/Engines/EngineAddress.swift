internal import Glibc
internal import LinuxKit
internal import Model

/// Where an engine, or a runtime, keeps what it has made: all that is needed to take it away, also by a later process.
public enum EngineAddress: Codable, Sendable, Hashable, CustomStringConvertible {
  /// Docker's daemon at a socket: `unix:///var/run/docker.sock`.
  case docker(host: String)
  /// Podman with a storage and a network namespace of the run's own, so that neither the user's images nor the host's
  /// network is touched.
  /// - storage, state: directories; Podman takes no path of more than 50 bytes for the state.
  /// - runtime: the OCI runtime; nil is Podman's own choice.
  /// - namespace: the file of the network namespace in which its bridges and rules are.
  case podman(storage: String, state: String, runtime: String?, namespace: String)
  /// An OCI runtime: runc, runsc.
  /// - root: the directory of its state.
  /// - namespace: the file of the network namespace in which it must be called; nil is the controller's.
  case runtime(program: String, root: String, namespace: String?)

  public var description: String {
    switch self {
    case .docker(let host): "Docker at \(host)"
    case .podman(let storage, _, _, _): "Podman in \(storage)"
    case .runtime(let program, _, _): program.split(separator: "/").last.map(String.init) ?? program
    }
  }

  /// Its command line.
  func tool() throws(UserError) -> EngineTool {
    switch self {
    case .docker(let host): return try EngineTool("docker", prefix: ["--host", host])
    case .podman(let storage, let state, let runtime, let namespace):
      var prefix = [
        "--root", storage, "--runroot", "\(state)/run", "--tmpdir", "\(state)/tmp", "--network-config-dir",
        "\(storage)/networks", "--storage-driver", "vfs", "--events-backend", "none", "--cgroup-manager", "cgroupfs",
      ]
      if let runtime { prefix += ["--runtime", runtime] }
      prefix += ["--runtime-flag", "root=\(state)/oci"]
      if access(namespace, F_OK) == 0 { return try EngineTool("podman", prefix: prefix, namespace: namespace) }
      // Somebody else has taken it away. What is left is taken away from a fresh one, never from the host's.
      return try EngineTool("unshare", prefix: ["--net", try EngineTool("podman").path] + prefix)
    case .runtime(let program, let root, let namespace):
      return try EngineTool(program, prefix: ["--root", root], namespace: namespace)
    }
  }

  /// What it makes, as its command line names it.
  enum Kind: String { case container, network, image, volume }

  /// Takes away what it has made under `name`. What is not there is no error.
  func remove(_ kind: Kind, _ name: String) throws(SystemError) {
    try awaitMaking(of: name)
    try removing { tool throws(EngineTool.Failure) in
      switch self {
      case .docker:
        // What a workload has written goes with it, which may be gigabytes.
        try tool.run([kind.rawValue, "rm"] + (kind == .network ? [] : ["--force"]) + [name], within: 600)
      case .podman:
        // Podman would ask a container to end first, and wait: a worker that waits itself does not hear it.
        try tool.run([kind.rawValue, "rm", "--force", "--time", "0", name])
      case .runtime: try tool.run(["delete", "--force", name])
      }
    }
  }

  /// Takes away all images with the label of the store `name`, also those that have lost their names.
  func removeImages(of name: String) throws(SystemError) {
    try awaitMaking(of: name)
    try removing { tool throws(EngineTool.Failure) in
      // One that has several names is listed with each.
      let images = Set(
        try tool.run([
          "image", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=\(HostResources.storeLabel)=\(name)",
        ]).split(separator: "\n").map(String.init))
      if !images.isEmpty { try tool.run(["image", "rm", "--force"] + images.sorted(), within: 600) }
    }
  }

  /// Waits until nobody makes anything under that name any more. Docker's command goes on when the controller is killed,
  /// and what it has the daemon make (an image of gigabytes, a container with the copy of a volume) is only there, and can
  /// only be removed, when it has ended.
  private func awaitMaking(of name: String) throws(SystemError) {
    guard case .docker = self else { return }
    for process in ProcessTree.all() {
      let words = ProcessTree.command(of: process)
      guard words.first?.split(separator: "/").last == "docker",
        words.contains(where: ["create", "import", "cp", "commit"].contains),
        words.contains(where: { $0.contains(name) }), let identity = ProcessIdentity(of: process)
      else { continue }
      guard try identity.awaitEnd(milliseconds: 120_000) else {
        throw SystemError(call: "\(words.joined(separator: " "))", subject: nil, code: ETIMEDOUT)
      }
    }
  }

  /// Has the engine remove something. What is not there is no error.
  private func removing(_ body: (EngineTool) throws(EngineTool.Failure) -> Void) throws(SystemError) {
    guard isThere else { return }
    do throws(UserError) {
      let tool = try tool()
      do throws(EngineTool.Failure) { try body(tool) } catch {
        // Words of Docker ("No such container", "network … not found"), Podman ("no such container", "network not
        // found") and the runtimes ("does not exist").
        let words = error.reason.lowercased()
        if ["no such", "not found", "does not exist"].contains(where: words.contains) { return }
        throw UserError(.unavailable, error.message)
      }
    } catch { throw SystemError(call: error.message, subject: nil, code: EIO) }
  }

  /// Whether there is anything left of the engine: with its socket or its directory all that it made has gone.
  private var isThere: Bool {
    switch self {
    case .docker(let host):
      guard let path = DockerDaemon.socketPath(of: host) else { return true }
      return access(path, F_OK) == 0
    case .podman(let storage, _, _, _): return access(storage, F_OK) == 0
    case .runtime(_, let root, _): return Folder.isFilled(root)
    }
  }
}
