internal import Glibc

/// What stat(2) tells that is needed here. In a file of its own, without CLinux: `struct stat` and `struct timespec` come
/// with both modules' headers, and where a file that imports both is the first to use one, the compiler takes it for
/// CLinux's, and files without that import do not compile any more.
struct FileStatus {
  /// As the C library encodes it.
  let device: UInt64
  let inode: UInt64
  /// Bytes that are set aside for the data.
  let allocated: UInt64

  init(of path: String) throws(SystemError) {
    var status = stat()
    try systemCall("stat", on: path) { stat(path, &status) }
    self.init(status)
  }

  /// Of an open file.
  init(of fd: Int32) throws(SystemError) {
    var status = stat()
    try systemCall("fstat") { fstat(fd, &status) }
    self.init(status)
  }

  private init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    // In units of 512 bytes, whatever the file system's block is.
    allocated = UInt64(status.st_blocks) * 512
  }
}
