internal import Glibc

/// The file system that a path is on, as the calling thread sees it.
public struct FileSystemFacts: Sendable, Hashable {
  /// As /proc/filesystems has it: `ext4`, `overlay`.
  public let type: String
  /// The device, or the name that stands for it: `/dev/vda`, `overlay`.
  public let source: String
  /// Bytes that users other than root may still fill (`f_bavail`).
  public let freeBytes: UInt64

  public init(type: String, source: String, freeBytes: UInt64) {
    self.type = type
    self.source = source
    self.freeBytes = freeBytes
  }

  /// Looks `path` up, which may be a directory or a file, in /proc's list of mounts.
  public init(at path: String) throws(SystemError) {
    // O_PATH: a file without permission to read it will do.
    let file = try Descriptor.open(path, 0o10_000_000)
    let fd = file.rawValue
    var status = statvfs()
    try systemCall("fstatvfs", on: path) { fstatvfs(fd, &status) }
    let information = try SmallFile.text("/proc/thread-self/fdinfo/\(fd)")
    guard
      let number = information.split(separator: "\n").first(where: { $0.hasPrefix("mnt_id:") })?
        .split(whereSeparator: \.isWhitespace).last,
      // proc(5): number, parent, device, root, mount point, options, any number of fields, "-", type, source, options.
      let fields = try SmallFile.text("/proc/thread-self/mountinfo").split(separator: "\n").lazy
        .map({ $0.split(separator: " ", omittingEmptySubsequences: false) }).first(where: { $0.first == number }),
      let separator = fields.dropFirst(6).firstIndex(of: "-"), fields.count > separator + 2
    else {
      throw SystemError(call: "read", subject: "/proc/thread-self/mountinfo for \(path)", code: ENODATA)
    }
    self.init(
      type: Self.unescaped(fields[separator + 1]), source: Self.unescaped(fields[separator + 2]),
      freeBytes: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// Spaces, tabs, line ends and backslashes come as a backslash and three octal digits.
  static func unescaped(_ text: some StringProtocol) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let first = rest.first {
      let digits = rest.dropFirst().prefix(3)
      if first == UInt8(ascii: "\\"), digits.count == 3,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(4)
      } else {
        bytes.append(first)
        rest = rest.dropFirst()
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
