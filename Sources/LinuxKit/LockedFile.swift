internal import CLinux
internal import Glibc

/// A file that this process holds an exclusive flock(2) on. The kernel lets go of it when the process ends, however it
/// ends: so a lock that can be taken proves that its last holder is gone.
public struct LockedFile: ~Copyable {
  public let path: String
  private let descriptor: Descriptor

  /// Opens (and makes) `path` and locks it.
  /// - Returns: nil if another process holds it.
  public static func lock(_ path: String) throws(SystemError) -> LockedFile? {
    while true {
      guard let file = try lock(path, try Descriptor.open(path, O_RDWR | O_CREAT | O_APPEND, mode: 0o644)) else {
        return nil
      }
      // Whoever held the lock before may have removed the file between our opening and our locking it.
      if try !file.isRemoved() { return file }
    }
  }

  /// Locks a directory, which leaves no file behind. Nothing can be appended to it.
  /// - Returns: nil if another process holds it.
  public static func lock(directory: String) throws(SystemError) -> LockedFile? {
    try lock(directory, try Descriptor.open(directory, O_RDONLY | O_DIRECTORY))
  }

  private static func lock(_ path: String, _ descriptor: consuming Descriptor) throws(SystemError) -> LockedFile? {
    if flock(descriptor.rawValue, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { return nil }
      throw SystemError(call: "flock", subject: path, code: errno)
    }
    return LockedFile(path: path, descriptor: descriptor)
  }

  private init(path: String, descriptor: consuming Descriptor) {
    self.path = path
    self.descriptor = descriptor
  }

  // Not left to the closing: a child that is being spawned at this moment has a copy of the descriptor until it
  // executes its program, and the lock would stay with it.
  deinit { flock(descriptor.rawValue, LOCK_UN) }

  private borrowing func isRemoved() throws(SystemError) -> Bool {
    var status = stat()
    let fd = descriptor.rawValue
    try systemCall("fstat", on: path) { fstat(fd, &status) }
    return status.st_nlink == 0
  }

  /// Adds `text` to the end of the file in one write, so that it is there whole or, cut by a kill, without its end.
  public borrowing func append(_ text: String) throws(SystemError) { try descriptor.write([UInt8](text.utf8)) }

  /// Empties the file.
  public borrowing func truncate() throws(SystemError) {
    let fd = descriptor.rawValue
    try systemCall("ftruncate", on: path) { ftruncate(fd, 0) }
  }

  /// Waits until what was written is on the disk.
  public borrowing func synchronize() throws(SystemError) {
    let fd = descriptor.rawValue
    try systemCall("fdatasync", on: path) { fdatasync(fd) }
  }
}
