internal import CLinux
internal import Glibc

/// What the kernel keeps of files in memory.
public enum PageCache {
  /// How many of the first `size` bytes of a file are in the page cache, in whole pages, but no more than `size`.
  ///
  /// By cachestat(2) (Linux 6.5). Where there is none, and on overlayfs, whose pages are those of the file below, which
  /// cachestat does not ask: by mincore(2), which tells the truth to the file's owner and to whoever may write to it only.
  public static func cachedBytes(of descriptor: borrowing Descriptor, size: Int) throws(SystemError) -> Int {
    if size <= 0 { return 0 }
    let fd = descriptor.rawValue
    if clinux_is_overlay(fd) != 0 { return min(size, try residentPages(of: descriptor, size: size) * pageSize) }
    do throws(SystemError) {
      let pages = try systemCall("cachestat") { clinux_cached_pages(fd, UInt64(size)) }
      return min(size, Int(pages) * pageSize)
    } catch {
      guard error.code == ENOSYS || error.code == EOPNOTSUPP else { throw error }
      return min(size, try residentPages(of: descriptor, size: size) * pageSize)
    }
  }

  /// Writes back what is dirty on the whole host, then lets go of all clean pages, and of directory entries and inodes
  /// that nobody uses. What is mapped or open stays as far as it is used. Needs root.
  public static func drop() throws(SystemError) {
    // Twice: the first may write a file system in an image to the cache of the image's own file system.
    sync()
    sync()
    try SmallFile.write("3", to: "/proc/sys/vm/drop_caches")
  }

  static let pageSize = Int(getpagesize())

  /// By mapping the file and asking which pages are there.
  static func residentPages(of descriptor: borrowing Descriptor, size: Int) throws(SystemError) -> Int {
    let fd = descriptor.rawValue
    guard let base = mmap(nil, size, PROT_READ, MAP_SHARED, fd, 0), base != MAP_FAILED else {
      throw SystemError(call: "mmap", code: errno)
    }
    defer { munmap(base, size) }
    var count = 0
    var vector = [UInt8](repeating: 0, count: vectorSize)
    var offset = 0
    while offset < size {
      let length = min(size - offset, vectorSize * pageSize)
      try systemCall("mincore") { mincore(base + offset, length, &vector) }
      let pages = (length + pageSize - 1) / pageSize
      count += vector.prefix(pages).count { $0 & 1 != 0 }
      offset += length
    }
    return count
  }

  /// Pages that are asked for at once.
  private static let vectorSize = 1 << 16
}
