internal import CLinux
internal import Glibc

/// Makes data durable.
public enum FileSync {
  /// Writes back all that is dirty in the file system that the file is on, and waits for it (syncfs(2)).
  public static func fileSystem(of descriptor: borrowing Descriptor) throws(SystemError) {
    let fd = descriptor.rawValue
    try systemCall("syncfs") { clinux_syncfs(fd) }
  }
}
