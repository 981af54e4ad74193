internal import Foundation
internal import Glibc
internal import LinuxKit
internal import Model
internal import NetlinkKit

/// A container that an OCI runtime has made from a bundle of the run's own: the worker, alone, in a network namespace of
/// the run.
struct RuntimeContainer {
  let worker: ContainedWorker

  /// How long a container may take to start, in ns.
  private static let patience: UInt64 = 20_000_000_000
  /// How often is looked whether it has, in ns.
  private static let interval: UInt64 = 2_000_000

  /// How a runtime is called.
  struct Runtime {
    /// Its name or path.
    var program: String
    /// Before its command.
    var flags: [String] = []
    /// Whether it must be called in the network namespace of the container.
    var isCalledInside = false
    /// What stands before the program.
    var wrapper: [String] = []
    /// Whether the container's processes are all that the runtime has started, and not only its first.
    var isSandbox = false
  }

  /// Starts it, and waits until its worker runs.
  /// - Parameter place: the namespace.
  init(_ runtime: Runtime, in place: FurnishedNamespace, with resources: HostResources) throws(UserError) {
    guard let namespace = place.path else { preconditionFailure("a namespace of the run has a file") }
    let inner = runtime.isCalledInside ? namespace : nil
    let found = try EngineTool(runtime.program)
    let folder = try resources.folder(place.role)
    let name = resources.unique(place.role)
    let root = "\(folder)/state"
    try Folder.makeRootFileSystem("\(folder)/rootfs", worker: resources.settings.worker)
    let configuration = Bundle.configuration(
      name: name, networkNamespace: namespace,
      mounts: resources.settings.mountsHostPrograms ? ContainerImage.hostPrograms() : [])
    try Folder.write(configuration, to: "\(folder)/config.json")
    try Folder.make(root)

    let address = EngineAddress.runtime(program: found.path, root: root, namespace: inner)
    try resources.track(.container(engine: address, name: name))
    let pidFile = "\(folder)/pid"
    let words =
      [found.path, "--root", root] + runtime.flags + ["run", "--bundle", folder, "--pid-file", pidFile, name]
    let command = runtime.wrapper + words
    let channel: ChildProcess
    do throws(SystemError) {
      channel = try ChildProcess.start(
        command[0], arguments: Array(command.dropFirst()), environment: EngineTool.environment, in: inner)
    } catch { throw UserError(.unavailable, "cannot start \(runtime.program): \(error)") }
    let pid = try Self.awaitStart(channel, pidFile, runtime.program)
    if runtime.isSandbox {
      let tool = try address.tool()
      worker = ContainedWorker(
        channel: channel, processes: { ProcessTree.descendants(of: channel.pid) },
        stop: { _ = try? tool.run(["kill", name, "TERM"]) })
    } else {
      guard let identity = ProcessIdentity(of: pid) else { throw Self.ended(channel, runtime.program) }
      worker = ContainedWorker(
        channel: channel, processes: { [pid] }, stop: { try? identity.terminate() })
    }
  }

  /// Waits for the file with the number of the container's first process.
  private static func awaitStart(
    _ channel: ChildProcess, _ pidFile: String, _ program: String
  ) throws(UserError) -> Int32 {
    let deadline = Clock.monotonic() + patience
    while true {
      if let pid = SmallFile.line(pidFile).flatMap({ Int32($0) }) { return pid }
      try pause(channel, program, until: deadline)
    }
  }

  /// Waits until the container has taken over the interface: its addresses have then gone from the namespace.
  func awaitTakeover(of interface: String, in place: FurnishedNamespace, program: String) throws(UserError) {
    let deadline = Clock.monotonic() + Self.patience
    while try !explained({ () throws(NetlinkError) in try place.socket.addresses(of: interface) }).isEmpty {
      try Self.pause(worker.channel, program, until: deadline)
    }
  }

  /// Waits a little for the end of the runtime, which does not come if all is well.
  private static func pause(_ channel: ChildProcess, _ program: String, until deadline: UInt64) throws(UserError) {
    guard Clock.monotonic() < deadline else {
      throw UserError(.unavailable, "\(program) starts no container within \(patience / 1_000_000_000) s")
    }
    do throws(ChildProcess.Failure) {
      _ = try channel.waitForExit(deadline: Clock.monotonic() + interval)
    } catch .timedOut {
      return
    } catch { throw UserError(.unavailable, "\(program): \(error)") }
    throw ended(channel, program)
  }

  private static func ended(_ channel: ChildProcess, _ program: String) -> UserError {
    let words = EngineTool.lastWords(channel.standardError())
    return UserError(
      .unavailable, "\(program) starts no container here: \(words.isEmpty ? "it ended at once" : words)",
      remedy: "see 'bench doctor'")
  }
}

/// The description of a container, as the OCI's runtime specification has it (config.json).
enum Bundle {
  /// What `runc spec` proposes, with a network namespace that is there already, and without a terminal: the capabilities
  /// to write audit records, to send signals and to bind low ports, no new privileges, a root file system that cannot be
  /// written, 1024 open files; no seccomp filter. Control groups are made, and limit nothing.
  static func configuration(
    name: String, networkNamespace: String, mounts: [(destination: String, source: String)]
  ) -> Data {
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    func mount(_ destination: String, _ type: String, _ source: String, _ options: [String]) -> [String: Any] {
      ["destination": destination, "type": type, "source": source, "options": options]
    }
    var all = [
      mount("/proc", "proc", "proc", []),
      mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      mount("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
      mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
      mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ]
    if !mounts.isEmpty {
      all += mounts.map { mount($0.destination, "bind", $0.source, ["rbind", "ro"]) }
      all.append(mount("/tmp", "tmpfs", "tmpfs", ["nosuid", "nodev", "mode=1777"]))
    }
    let configuration: [String: Any] = [
      "ociVersion": "1.0.2",
      "process": [
        "terminal": false, "user": ["uid": 0, "gid": 0], "args": [ContainerImage.workerPath],
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "cwd": mounts.isEmpty ? "/" : "/tmp",
        "capabilities": Dictionary(
          uniqueKeysWithValues: ["bounding", "effective", "permitted"].map { ($0, capabilities) }),
        "rlimits": [["type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024]], "noNewPrivileges": true,
      ] as [String: Any],
      "root": ["path": "rootfs", "readonly": true] as [String: Any],
      "hostname": "bench",
      "mounts": all,
      "linux": [
        "cgroupsPath": "/\(name)", "resources": ["devices": [["allow": false, "access": "rwm"] as [String: Any]]],
        "namespaces": [
          ["type": "pid"], ["type": "ipc"], ["type": "uts"], ["type": "mount"],
          ["type": "network", "path": networkNamespace],
        ],
        "maskedPaths": [
          "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
        ],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
      ] as [String: Any],
    ]
    do { return try JSONSerialization.data(withJSONObject: configuration, options: [.sortedKeys]) } catch {
      preconditionFailure("strings, numbers and booleans are JSON: \(error)")
    }
  }
}
