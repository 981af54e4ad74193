internal import CLinux
internal import Glibc

/// A mount namespace of one's own: a copy of the mounts that the calling thread sees, all made slaves of the host's. What is
/// mounted in it is seen by nobody outside, and goes with it; what the host unmounts meanwhile is unmounted here, too, so
/// that the copy keeps nobody's disk busy.
///
/// A thread of its own lives in it until this value goes away, and runs what is to run there. When the value goes away
/// and nobody else is in the namespace, its file systems are unmounted before `deinit` returns.
public final class MountNamespace: Sendable {
  private let file: Descriptor
  private let home: Descriptor
  private let thread: ResidentThread

  /// Makes one. Needs CAP_SYS_ADMIN.
  public init() throws(SystemError) {
    let thread = try ResidentThread()
    do throws(SystemError) {
      let files = try thread.call { () throws(SystemError) in try Self.leaveHost() }
      file = Descriptor(owning: files.inside)
      home = Descriptor(owning: files.home)
    } catch {
      thread.end()
      throw error
    }
    self.thread = thread
  }

  deinit {
    // Who gives up a namespace last by setns or close waits for what it unmounts; who ends does not. If it fails, the
    // end of the thread does the same, only later.
    let home = home.rawValue
    thread.call { _ = clinux_setns(home, Self.mounts) }
    thread.end()
  }

  /// The namespace's file, for other processes of this host, as long as this value lives.
  public var path: String { "/proc/\(getpid())/fd/\(file.rawValue)" }

  /// Runs `body` inside the namespace, on its thread, and waits for it. Bodies run one at a time; one that calls `run`
  /// itself runs the inner one at once, and one that waits for another thread's waits forever.
  ///
  /// A child process that `body` starts is in the namespace, too.
  public func run<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    try thread.call(body)
  }

  /// Moves the calling thread into the mount namespace whose file is at `path`: that of a process without other threads,
  /// or a dedicated one. Its root and current directory become the namespace's root.
  public static func enter(path: String) throws(SystemError) {
    let file = try Descriptor.open(path, O_RDONLY)
    let fd = file.rawValue
    // setns refuses as long as another thread has the same root and current directory.
    try systemCall("unshare", on: "root and current directory") { clinux_unshare(directories) }
    try systemCall("setns", on: path) { clinux_setns(fd, mounts) }
  }

  /// CLONE_NEWNS.
  private static var mounts: Int32 { 0x0002_0000 }
  /// CLONE_FS.
  private static var directories: Int32 { 0x0000_0200 }

  /// Moves the calling thread into a new namespace.
  /// - Returns: open descriptors of the new and of the old one.
  private static func leaveHost() throws(SystemError) -> (inside: Int32, home: Int32) {
    let home = try Descriptor.open("/proc/thread-self/ns/mnt", O_RDONLY)
    try systemCall("unshare", on: "mount namespace") { clinux_unshare(mounts) }
    try systemCall("mount", on: "/ (to make all mounts slaves)") {
      mount("none", "/", nil, UInt(MS_REC | MS_SLAVE), nil)
    }
    let inside = try Descriptor.open("/proc/thread-self/ns/mnt", O_RDONLY)
    return (inside.release(), home.release())
  }
}
