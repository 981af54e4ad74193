internal import Foundation
internal import Glibc
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// The files that images are made of: those that all rebuilds share, and an application's, which are others each time.
struct ImageFiles {
  private let content: StorageContent

  init(_ content: StorageContent) { self.content = content }

  /// How many files the application has, and bytes of each: a quarter of those of the content's first group.
  var application: (count: Int, size: Int) {
    guard let group = content.groups.first else { return (1, 4096) }
    return (max(1, group.count / 4), group.size)
  }

  /// How long an engine may take with the application, in seconds.
  var patience: UInt64 {
    let (count, size) = application
    return EngineTool.patience(for: StorageContent(groups: [StorageContent.Group(.names, count: count, size: size)]))
  }

  /// Writes what all rebuilds share into the new directory `path`.
  func writeBase(to path: String) throws(UserError) {
    try Folder.make(path)
    for group in content.groups {
      try Self.write(group.count, size: group.size, to: FileLayout.directory(group.group, in: path)) {
        ContentBytes.seed(group: group.group, index: $0)
      }
    }
  }

  /// Writes the application into the new directory `path`.
  /// - Parameter version: the number of the rebuild; 0 is before the first.
  func writeApplication(_ version: Int, to path: String) throws(UserError) {
    let (count, size) = application
    try Self.write(count, size: size, to: path) { ContentBytes.seed(group: .own, index: $0, version: version + 1) }
  }

  private static func write(
    _ count: Int, size: Int, to directory: String, seed: (Int) -> UInt64
  ) throws(UserError) {
    try Folder.make(directory)
    var bytes: [UInt8] = []
    do throws(SystemError) {
      for index in 0..<count {
        let file = try Descriptor.open(
          "\(directory)/\(FileLayout.name(index))", O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
        var done = 0
        while done < size {
          let length = min(1 << 20, size - done)
          if bytes.count != length { bytes = [UInt8](repeating: 0, count: length) }
          ContentBytes.fill(&bytes, seed: seed(index), offset: done)
          try file.write(bytes)
          done += length
        }
      }
    } catch {
      throw UserError(
        .unavailable, "cannot write an image's files: \(error)",
        remedy: error.isFull ? "free some space, or set BENCH_JOURNAL to a directory on a larger disk" : nil)
    }
  }

  /// Bytes that the disk has set aside for the files in a directory (st_blocks), once all of them are on it; directories
  /// themselves are not counted.
  static func allocated(in directory: String) throws(UserError) -> UInt64 {
    var sum: UInt64 = 0
    do {
      try FileSync.fileSystem(of: try Descriptor.open(directory, O_RDONLY | O_DIRECTORY))
      for entry in try FileManager.default.subpathsOfDirectory(atPath: directory) {
        let path = "\(directory)/\(entry)"
        var status = stat()
        try systemCall("lstat", on: path) { lstat(path, &status) }
        if status.st_mode & S_IFMT == S_IFREG { sum += UInt64(status.st_blocks) * 512 }
      }
    } catch { throw UserError(.unavailable, "cannot look at what images take: \(error)") }
    return sum
  }

  /// "on ext4 (/dev/vda)"
  static func place(_ directory: String) -> String {
    do throws(SystemError) {
      let facts = try FileSystemFacts(at: directory)
      return "on \(facts.type) (\(facts.source))"
    } catch { return "on a file system that cannot be told: \(error)" }
  }
}
