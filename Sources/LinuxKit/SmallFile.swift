internal import Glibc

/// Whole small files, such as those of /proc and /sys, without Foundation.
public enum SmallFile {
  /// The bytes of `path`; `limit` keeps a mistaken path (a device, a huge file) from filling the memory.
  public static func bytes(_ path: String, limit: Int = 1 << 22) throws(SystemError) -> [UInt8] {
    let file = try Descriptor.open(path, O_RDONLY)
    var all: [UInt8] = []
    while all.count < limit {
      let chunk = try file.read(upTo: min(65_536, limit - all.count))
      if chunk.isEmpty { break }
      all += chunk
    }
    return all
  }

  /// The text of `path`; malformed UTF-8 is replaced.
  public static func text(_ path: String) throws(SystemError) -> String {
    String(decoding: try bytes(path), as: UTF8.self)
  }

  /// The text without its trailing line end, or nil if it cannot be read: for facts that may be absent.
  public static func line(_ path: String) -> String? {
    guard var text = try? text(path) else { return nil }
    while text.last?.isNewline == true { text.removeLast() }
    return text
  }

  /// Writes `text` to an existing file, as sysctls and cgroup files want it: in one call.
  public static func write(_ text: String, to path: String) throws(SystemError) {
    let file = try Descriptor.open(path, O_WRONLY)
    let bytes = [UInt8](text.utf8)
    let fd = file.rawValue
    try systemCall("write", on: path) { Glibc.write(fd, bytes, bytes.count) }
  }
}
