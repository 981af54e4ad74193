internal import CLinux
internal import Glibc

/// A loop device that stands for a file (loop(4)).
public struct LoopDevice: Sendable, Hashable {
  public let number: Int
  /// The kernel's number of this attachment, which no other one has, so that ``detach()`` never takes a device that
  /// somebody else has meanwhile; nil before Linux 5.15.
  private let sequence: UInt64?

  private init(number: Int) {
    self.number = number
    sequence = Self.sequence(of: number)
  }

  public var path: String { "/dev/loop\(number)" }

  /// Attaches `file` to a free device, past the page cache where the file system under it can (``isDirect``), so that
  /// nothing is cached twice. Needs CAP_SYS_ADMIN.
  ///
  /// It stays attached until ``detach()``, whatever becomes of the process. To be done outside a mount namespace of one's
  /// own, where the kernel would know the file by another name.
  public static func attach(_ file: String, isReadOnly: Bool = false) throws(SystemError) -> LoopDevice {
    let access = isReadOnly ? O_RDONLY : O_RDWR
    let image = try Descriptor.open(file, access)
    let control = try Descriptor.open("/dev/loop-control", O_RDWR)
    let (imageNumber, controlNumber) = (image.rawValue, control.rawValue)
    let flags = UInt32(LO_FLAGS_DIRECT_IO | (isReadOnly ? LO_FLAGS_READ_ONLY : 0))
    for _ in 0..<attempts {
      let number = try systemCall("LOOP_CTL_GET_FREE", on: "/dev/loop-control") {
        clinux_loop_get_free(controlNumber)
      }
      let path = "/dev/loop\(number)"
      let device = try Descriptor.open(path, access)
      let deviceNumber = device.rawValue
      do throws(SystemError) {
        try systemCall("LOOP_CONFIGURE", on: "\(path) for \(file)") {
          clinux_loop_configure(deviceNumber, imageNumber, flags)
        }
        return LoopDevice(number: Int(number))
      } catch {
        // Busy: another process has taken the number. The next one.
        if error.code != EBUSY { throw error }
      }
    }
    throw SystemError(call: "LOOP_CONFIGURE", subject: file, code: EBUSY)
  }

  /// Whether the device reads and writes its file past the page cache.
  public var isDirect: Bool { SmallFile.line("\(directory)/loop/dio") == "1" }

  /// The devices that stand for `file` now, also if the file has been removed meanwhile; the lowest number first.
  public static func devices(backedBy file: String) -> [LoopDevice] {
    let names = names(of: file)
    return numbers().filter { number in
      guard let backing = SmallFile.line("/sys/block/loop\(number)/loop/backing_file") else { return false }
      let plain = backing.hasSuffix(deleted) ? String(backing.dropLast(deleted.count)) : backing
      if names.contains(backing) || names.contains(plain) { return true }
      // A file that was opened in a mount namespace that is gone has the rest of its path only.
      guard plain.split(separator: "/").last == file.split(separator: "/").last else { return false }
      return isSame(number, file)
    }.map { LoopDevice(number: $0) }
  }

  /// Lets go of the file, and waits until the kernel has: no longer than five seconds, then EBUSY. No error if it has
  /// been detached already.
  ///
  /// A device that is still mounted stays, and is detached by the kernel as soon as it is not.
  public func detach() throws(SystemError) {
    guard isAttached else { return }
    do throws(SystemError) {
      // Closed again before waiting: as long as it is open, the kernel keeps the device.
      let device = try Descriptor.open(path, O_RDONLY)
      guard isAttached else { return }
      let deviceNumber = device.rawValue
      try systemCall("LOOP_CLR_FD", on: path) { clinux_loop_clear(deviceNumber) }
    } catch {
      if error.code == ENXIO || error.code == ENOENT { return }
      throw error
    }
    let deadline = Clock.monotonic() + Self.patience
    while isAttached {
      if Clock.monotonic() > deadline {
        throw SystemError(call: "LOOP_CLR_FD", subject: "\(path) (still in use)", code: EBUSY)
      }
      // The kernel tells nobody that can be waited for without udev's socket.
      usleep(2000)
    }
  }

  /// The device as a block device, with its counters.
  public var block: BlockDevice { BlockDevice(major: Self.major, minor: UInt32(number)) }

  /// How often another process may be faster in a row.
  private static let attempts = 64
  /// In ns.
  private static let patience: UInt64 = 5_000_000_000
  /// What the kernel adds to the path of a file that has no name any more.
  private static let deleted = " (deleted)"
  /// Of all loop devices (kernel: Documentation/admin-guide/devices.txt); devices without partitions are numbered one by
  /// one.
  private static let major: UInt32 = 7

  private var directory: String { "/sys/block/loop\(number)" }

  private var isAttached: Bool {
    SmallFile.line("\(directory)/loop/backing_file") != nil && Self.sequence(of: number) == sequence
  }

  private static func sequence(of number: Int) -> UInt64? {
    SmallFile.line("/sys/block/loop\(number)/diskseq").flatMap { UInt64($0) }
  }

  private static func numbers() -> [Int] {
    guard let directory = opendir("/sys/block") else { return [] }
    defer { closedir(directory) }
    var numbers: [Int] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name.hasPrefix("loop"), let number = Int(name.dropFirst(4)) { numbers.append(number) }
    }
    return numbers.sorted()
  }

  /// What the kernel may call `file`: as it is written, and without symbolic links, also where it is gone.
  private static func names(of file: String) -> [String] {
    var names = [file]
    if let real = realPath(file) { names.append(real) }
    let parts = file.split(separator: "/")
    let directory = (file.hasPrefix("/") ? "/" : "./") + parts.dropLast().joined(separator: "/")
    if let last = parts.last, let real = realPath(directory) {
      names.append(real == "/" ? "/\(last)" : "\(real)/\(last)")
    }
    return names
  }

  /// Whether the file behind a device is the one that has this name now.
  private static func isSame(_ number: Int, _ file: String) -> Bool {
    guard let status = try? FileStatus(of: file), let device = try? Descriptor.open("/dev/loop\(number)", O_RDONLY)
    else { return false }
    var (backing, inode): (UInt64, UInt64) = (0, 0)
    guard clinux_loop_backing(device.rawValue, &backing, &inode) == 0 else { return false }
    return inode == status.inode && clinux_major(backing) == clinux_major(status.device)
      && clinux_minor(backing) == clinux_minor(status.device)
  }
}

/// `path` without symbolic links, or nil if it is not there.
private func realPath(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}
