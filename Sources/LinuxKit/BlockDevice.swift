internal import CLinux
internal import Glibc

/// A block device, by its number.
public struct BlockDevice: Sendable, Hashable {
  public let major: UInt32
  public let minor: UInt32

  public init(major: UInt32, minor: UInt32) {
    self.major = major
    self.minor = minor
  }

  /// The device of the file system that `path` is on. Fails with ENOTBLK where there is none, or more than one: tmpfs,
  /// overlayfs, btrfs.
  public init(under path: String) throws(SystemError) {
    let device = try FileStatus(of: path).device
    self.init(major: clinux_major(device), minor: clinux_minor(device))
    if major == 0 { throw SystemError(call: "stat", subject: "\(path) (the file system's device)", code: ENOTBLK) }
  }

  /// The kernel's name, e.g. `vda` or `loop3`; nil if the device is not there any more.
  public var name: String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(directory, &buffer, buffer.count)
    if count <= 0 { return nil }
    let path = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/").last.map(String.init)
  }

  /// What has reached the device since it is there. A request is counted when it is done, and a few microseconds after
  /// whoever waits for it has been told.
  public func counters() throws(SystemError) -> Counters {
    let path = "\(directory)/stat"
    let fields = try SmallFile.text(path).split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
    // Flushes are counted since Linux 5.5.
    guard fields.count >= 16 else { throw SystemError(call: "read", subject: path, code: ENODATA) }
    return Counters(
      reads: fields[0], bytesRead: fields[2] * Counters.sector,
      writes: fields[4], bytesWritten: fields[6] * Counters.sector,
      flushes: fields[15])
  }

  private var directory: String { "/sys/dev/block/\(major):\(minor)" }

  /// Counters of a block device (kernel: Documentation/block/stat.rst), all of which only grow.
  public struct Counters: Sendable, Hashable {
    /// Requests done, after the kernel has merged neighbours.
    public var reads: UInt64
    public var bytesRead: UInt64
    public var writes: UInt64
    public var bytesWritten: UInt64
    /// Requests to make durable what the device's cache holds.
    public var flushes: UInt64

    public init(
      reads: UInt64 = 0, bytesRead: UInt64 = 0, writes: UInt64 = 0, bytesWritten: UInt64 = 0, flushes: UInt64 = 0
    ) {
      self.reads = reads
      self.bytesRead = bytesRead
      self.writes = writes
      self.bytesWritten = bytesWritten
      self.flushes = flushes
    }

    /// What the file counts in, whatever the device's own sector is.
    static let sector: UInt64 = 512

    /// What came between an earlier reading and this one.
    public func since(_ earlier: Counters) -> Counters {
      Counters(
        reads: reads &- earlier.reads, bytesRead: bytesRead &- earlier.bytesRead,
        writes: writes &- earlier.writes, bytesWritten: bytesWritten &- earlier.bytesWritten,
        flushes: flushes &- earlier.flushes)
    }
  }
}
