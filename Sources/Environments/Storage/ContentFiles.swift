internal import Glibc
internal import LinuxKit
internal import WorkerProtocol

/// The files of a content, written, cloned and taken away. All of it happens in the mount namespace of the calling thread.
struct ContentFiles {
  let groups: [StorageContent.Group]

  /// Bytes that a file system needs for them: whole blocks, and the entries in directories.
  var room: Int { groups.map { Self.room($0) }.reduce(0, +) }

  private static func room(_ group: StorageContent.Group) -> Int {
    let blocks = (group.size + 4095) / 4096 * 4096
    // A name of six digits takes 16 bytes of a directory, an inode up to 512; a directory takes a block of its own.
    return group.count * (blocks + 1024 + (group.group == .directories ? 4096 : 0))
  }

  /// Inodes.
  var inodes: Int { groups.map { $0.group == .directories ? 2 * $0.count : $0.count }.reduce(0, +) }

  /// Makes all of them in the new directory `root`, with ``FileLayout/Group/own`` empty beside them.
  func write(to root: String) throws(SystemError) {
    try Self.makeDirectory(root)
    try write(into: root)
  }

  /// Makes all of them in the directory `root`, which is there and empty.
  func write(into root: String) throws(SystemError) {
    try makeDirectories(in: root)
    var buffer: [UInt8] = []
    for group in groups {
      for index in 0..<group.count {
        if group.group == .directories { try Self.makeDirectory(FileLayout.path(group.group, index, in: root)) }
        let file = try Self.create(Self.path(group, index, in: root))
        var offset = 0
        while offset < group.size {
          let length = min(1 << 20, group.size - offset)
          if buffer.count != length { buffer = [UInt8](repeating: 0, count: length) }
          ContentBytes.fill(&buffer, group: group.group, index: index, offset: offset)
          try file.write(buffer)
          offset += length
        }
      }
    }
  }

  /// Makes a layer above them in the new directory `root`: the directory of each group with a few empty files of other
  /// names, so that the directories of all layers have to be merged.
  func writeLayer(_ number: Int, to root: String) throws(SystemError) {
    try Self.makeDirectory(root)
    try makeDirectories(in: root)
    for group in groups {
      let directory = FileLayout.directory(group.group, in: root)
      for index in 0..<Self.filesOfLayer { _ = try Self.create("\(directory)/layer-\(number)-\(index)") }
    }
  }

  /// How many files of its own a layer has in each directory.
  static let filesOfLayer = 8

  /// Makes a copy of all files of `source` in the new directory `root`, each sharing the other's extents (FICLONE).
  func clone(_ source: String, to root: String) throws(SystemError) {
    try Self.makeDirectory(root)
    try makeDirectories(in: root)
    for group in groups {
      for index in 0..<group.count {
        if group.group == .directories { try Self.makeDirectory(FileLayout.path(group.group, index, in: root)) }
        let from = try Descriptor.open(Self.path(group, index, in: source), O_RDONLY)
        let to = try Self.create(Self.path(group, index, in: root))
        try CopyOnWrite.clone(from, to: to)
      }
    }
  }

  private func makeDirectories(in root: String) throws(SystemError) {
    for group in groups.map(\.group) + [.own] { try Self.makeDirectory(FileLayout.directory(group, in: root)) }
  }

  private static func path(_ group: StorageContent.Group, _ index: Int, in root: String) -> String {
    let path = FileLayout.path(group.group, index, in: root)
    // Each entry of this group is a directory with one file, which has the name of the group's first.
    return group.group == .directories ? "\(path)/\(FileLayout.name(0))" : path
  }

  static func makeDirectory(_ path: String) throws(SystemError) {
    try systemCall("mkdir", on: path) { mkdir(path, 0o755) }
  }

  private static func create(_ path: String) throws(SystemError) -> Descriptor {
    try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
  }

  /// Puts all of the file system that `path` is on onto its device.
  static func sync(_ path: String) throws(SystemError) {
    try FileSync.fileSystem(of: try Descriptor.open(path, O_RDONLY | O_DIRECTORY))
  }

  /// Takes a tree away, whatever is in it, without following links. What is not there is no error.
  static func remove(_ path: String) throws(SystemError) {
    if unlink(path) == 0 || errno == ENOENT { return }
    let code = errno
    guard code == EISDIR || code == EPERM else { throw SystemError(call: "unlink", subject: path, code: code) }
    try empty(path)
    if rmdir(path) != 0 && errno != ENOENT { throw SystemError(call: "rmdir", subject: path, code: errno) }
  }

  /// Takes away what is in a directory.
  static func empty(_ directory: String) throws(SystemError) {
    for name in try names(in: directory) { try remove("\(directory)/\(name)") }
  }

  private static func names(in directory: String) throws(SystemError) -> [String] {
    guard let stream = opendir(directory) else {
      throw SystemError(call: "opendir", subject: directory, code: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      // Not by its type's length: an entry is as long as its name.
      guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { preconditionFailure("a stored property") }
      let name = String(cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self))
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
