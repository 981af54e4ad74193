internal import CLinux
internal import Glibc

/// A named network namespace: a bind mount of the namespace's file under /run/netns, as `ip netns` makes them, so
/// that a person can look into it with `ip netns exec` while a run is under way.
public struct NetworkNamespace: Sendable, Hashable {
  /// Where named namespaces live (iproute2's convention, ip-netns(8)).
  public static let directory = "/run/netns"

  public let name: String

  public init(name: String) { self.name = name }

  public var path: String { "\(Self.directory)/\(name)" }

  /// Whether ``directory`` is a mount point of its own. Asking makes its propagation shared, as iproute2 has it.
  public static func isDirectoryShared() throws(SystemError) -> Bool {
    if mount("none", directory, "none", UInt(MS_SHARED | MS_REC), nil) == 0 { return true }
    guard errno == EINVAL || errno == ENOENT else {
      throw SystemError(call: "mount", subject: directory, code: errno)
    }
    return false
  }

  /// Makes ``directory`` a mount point of its own with shared propagation, unless it is one.
  ///
  /// iproute2 does this before its first namespace, by a recursive bind mount of the directory onto itself. If it came
  /// after ours, it would double our mounts, and the lower ones could not be removed any more.
  public static func shareDirectory() throws(SystemError) {
    if mkdir(directory, 0o755) != 0 && errno != EEXIST {
      throw SystemError(call: "mkdir", subject: directory, code: errno)
    }
    if try isDirectoryShared() { return }
    try systemCall("mount", on: directory) { mount(directory, directory, "none", UInt(MS_BIND | MS_REC), nil) }
    _ = try isDirectoryShared()
  }

  /// Undoes ``shareDirectory()``, unless somebody has made a namespace there meanwhile: then it is theirs.
  public static func unshareDirectory() throws(SystemError) {
    if umount2(directory, 0) != 0 && ![EBUSY, EINVAL, ENOENT].contains(errno) {
      throw SystemError(call: "umount", subject: directory, code: errno)
    }
  }

  /// Whether ``directory`` is there.
  public static var directoryExists: Bool { access(directory, F_OK) == 0 }

  /// Makes a new, empty namespace under this name, and runs `body` in it, on the thread that made it. Needs
  /// CAP_SYS_ADMIN.
  public func create<Value: Sendable>(
    running body: @escaping @Sendable () throws(SystemError) -> Value
  ) throws(SystemError) -> Value {
    try Self.shareDirectory()
    let path = path
    // Exclusive: never takes over a name that exists.
    _ = try Descriptor.open(path, O_RDONLY | O_CREAT | O_EXCL, mode: 0)
    do {
      return try onDedicatedThread { () throws(SystemError) in
        try systemCall("unshare", on: "network namespace") { clinux_unshare(CLONE_NEWNET) }
        try systemCall("mount", on: path) { mount("/proc/thread-self/ns/net", path, "none", UInt(MS_BIND), nil) }
        return try body()
      }
    } catch {
      try? remove()
      throw error
    }
  }

  /// Makes a new, empty namespace under this name. Needs CAP_SYS_ADMIN.
  public func create() throws(SystemError) { try create { () throws(SystemError) in } }

  /// Takes the name away; the kernel ends the namespace, and every link in it, with its last user.
  /// Removing what is not there is no error: teardown may come twice.
  public func remove() throws(SystemError) {
    if umount2(path, Int32(MNT_DETACH)) != 0 && errno != EINVAL && errno != ENOENT {
      throw SystemError(call: "umount", subject: path, code: errno)
    }
    if unlink(path) != 0 && errno != ENOENT { throw SystemError(call: "unlink", subject: path, code: errno) }
  }

  /// Moves the calling thread into the namespace. Only for dedicated threads and for a process before its first
  /// other thread.
  public func enter() throws(SystemError) { try Self.enter(path: path) }

  /// Moves the calling thread into the network namespace whose file is at `path`.
  public static func enter(path: String) throws(SystemError) {
    let file = try Descriptor.open(path, O_RDONLY)
    let fd = file.rawValue
    try systemCall("setns", on: path) { clinux_setns(fd, CLONE_NEWNET) }
  }

  /// Runs `body` on a dedicated thread inside the namespace.
  public func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws(SystemError) -> Value
  ) throws(SystemError) -> Value {
    try onDedicatedThread { () throws(SystemError) in
      try enter()
      return try body()
    }
  }

  /// An open descriptor of the namespace, for netlink's `IFLA_NET_NS_FD`.
  public func descriptor() throws(SystemError) -> Descriptor { try Descriptor.open(path, O_RDONLY) }
}
