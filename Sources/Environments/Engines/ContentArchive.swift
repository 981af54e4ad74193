internal import Foundation
internal import Glibc
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// A tar archive (POSIX ustar, pax(1)) that is written to a file piece by piece: what an engine imports as an image may
/// be larger than the memory. The same content gives the same archive, whenever it is made.
struct ContentArchive: ~Copyable {
  private let file: Descriptor
  private var pending: [UInt8] = []

  /// How much is written in one call.
  private static let portion = 1 << 20
  private static let blockSize = 512

  private init(_ path: String) throws(SystemError) {
    file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    pending.reserveCapacity(Self.portion + Self.blockSize)
  }

  /// Writes what an image is imported from.
  /// - Parameters:
  ///   - worker: the worker's file, which becomes ``ContainerImage/workerPath``; nil leaves it out.
  ///   - content: what becomes ``ContainerImage/contentPath``.
  static func write(to path: String, worker: String?, content: StorageContent) throws(UserError) {
    let program = try worker.map { worker throws(UserError) in try ContainerImage.read(worker) }
    do throws(SystemError) {
      var archive = try ContentArchive(path)
      if let program { try archive.add(ContainerImage.workerPath, mode: 0o755, bytes: [UInt8](program)) }
      try archive.add(content)
      try archive.finish()
    } catch {
      throw UserError(
        .unavailable, "cannot write the image's archive: \(error)",
        remedy: error.isFull ? "free some space, or set BENCH_JOURNAL to a directory on a larger disk" : nil)
    }
  }

  private mutating func add(_ content: StorageContent) throws(SystemError) {
    let root = ContainerImage.contentPath
    try add(directory: root)
    for group in content.groups {
      try add(directory: FileLayout.directory(group.group, in: root))
      for index in 0..<group.count {
        var path = FileLayout.path(group.group, index, in: root)
        if group.group == .directories {
          try add(directory: path)
          path += "/\(FileLayout.name(0))"
        }
        try add(path, size: group.size, seed: ContentBytes.seed(group: group.group, index: index))
      }
    }
    try add(directory: FileLayout.directory(.own, in: root))
  }

  private mutating func add(directory path: String) throws(SystemError) {
    try put(ContainerImage.header(path + "/", mode: 0o755, size: 0, type: "5"))
  }

  private mutating func add(_ path: String, mode: Int, bytes: [UInt8]) throws(SystemError) {
    try put(ContainerImage.header(path, mode: mode, size: bytes.count))
    try put(bytes)
    try pad(bytes.count)
  }

  /// A file of the bytes that `seed` gives.
  private mutating func add(_ path: String, size: Int, seed: UInt64) throws(SystemError) {
    try put(ContainerImage.header(path, mode: 0o644, size: size))
    var bytes: [UInt8] = []
    var done = 0
    while done < size {
      let length = min(Self.portion, size - done)
      if bytes.count != length { bytes = [UInt8](repeating: 0, count: length) }
      ContentBytes.fill(&bytes, seed: seed, offset: done)
      try put(bytes)
      done += length
    }
    try pad(size)
  }

  private mutating func pad(_ size: Int) throws(SystemError) {
    let rest = size % Self.blockSize
    if rest > 0 { try put([UInt8](repeating: 0, count: Self.blockSize - rest)) }
  }

  private mutating func put(_ bytes: [UInt8]) throws(SystemError) {
    pending += bytes
    if pending.count >= Self.portion { try flush() }
  }

  private mutating func flush() throws(SystemError) {
    try file.write(pending)
    pending.removeAll(keepingCapacity: true)
  }

  private mutating func finish() throws(SystemError) {
    // Two empty blocks are the end.
    try put([UInt8](repeating: 0, count: 2 * Self.blockSize))
    try flush()
  }
}

extension ContainerImage {
  /// Where the content is in a container.
  static let contentPath = "/content"

  /// The header of one entry.
  /// - Parameters:
  ///   - path: absolute; of a directory, with a slash at the end. At most 100 bytes without the slash before it.
  ///   - type: "0" of a file, "5" of a directory.
  static func header(_ path: String, mode: Int, size: Int, type: String = "0") -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    func octal(_ number: Int, _ digits: Int) -> String {
      let text = String(number, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    let name = path.dropFirst()
    precondition(name.utf8.count <= 100, "the path does not fit: \(path)")
    put(String(name), at: 0)
    put(octal(mode, 7), at: 100)
    put(octal(0, 7), at: 108)
    put(octal(0, 7), at: 116)
    if size < 1 << 33 {
      put(octal(size, 11), at: 124)
    } else {
      // GNU's way for 8 GiB and more, which Go's reader knows, too: binary, big-endian, with the first bit set.
      header[124] = 0x80
      for byte in 0..<8 { header[135 - byte] = UInt8(truncatingIfNeeded: size >> (8 * byte)) }
    }
    // The same content gives the same image, whenever it is made.
    put(octal(0, 11), at: 136)
    put("        ", at: 148)
    put(type, at: 156)
    put("ustar\u{0}00", at: 257)
    put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
    return header
  }

  static func read(_ worker: String) throws(UserError) -> Data {
    guard let content = FileManager.default.contents(atPath: worker) else {
      throw UserError(
        .unavailable, "cannot read the worker \(worker)", remedy: "set BENCH_WORKER to the worker's file")
    }
    return content
  }
}
