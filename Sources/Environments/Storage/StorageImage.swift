internal import Glibc
internal import LinuxKit
internal import Model

/// A file system in an image file, on a loop device, with contents on it.
final class StorageImage {
  let kind: FileSystemKind
  let loop: LoopDevice
  /// How it was made, each a phrase.
  let details: [String]
  private let file: String
  private let home: StorageCache.Home
  private let number: Int
  /// Whether what is on it is copied by trials.
  private let isLayered: Bool
  private let furnish: (String) throws(SystemError) -> Void
  /// Where contents are, from the file system's root.
  private var contents: [[StorageContent.Group]: String] = [:]
  /// Layers above a content that there are, the lowest first.
  private var layers: [[StorageContent.Group]: [String]] = [:]
  /// Bytes of the largest content.
  private var largest = 0

  /// Makes one. What fails in the middle is taken away at once.
  init(
    _ kind: FileSystemKind, isLayered: Bool, size: Int, maker: FileSystemMaker, home: StorageCache.Home,
    resources: HostResources, number: Int, furnish: @escaping (String) throws(SystemError) -> Void
  ) throws(UserError) {
    self.kind = kind
    self.isLayered = isLayered
    self.home = home
    self.number = number
    self.furnish = furnish
    file = "\(home.folder)/\(number)-\(kind.rawValue).image"
    let file = file
    do throws(UserError) {
      try storageExplained("make an image file") { () throws(SystemError) in
        let descriptor = try Descriptor.open(file, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        let fd = descriptor.rawValue
        try systemCall("ftruncate", on: file) { ftruncate(fd, size) }
      }
      try resources.track(.loopDevice(file: file))
      loop = try storageExplained("attach a loop device to \(file)") { () throws(SystemError) in
        try LoopDevice.attach(file)
      }
      try maker.make(kind.makerArguments + [loop.path])
    } catch {
      try? Self.remove(file, resources)
      throw error
    }
    details = [
      "\(kind.type) by \(maker.version) (\(maker.program) \(kind.makerArguments.joined(separator: " ")))",
      "image of \(FileWork.text(bytes: size)) on \(home.facts.type) (\(home.facts.source)), loop device "
        + (loop.isDirect ? "with direct I/O" : "without direct I/O"),
    ]
  }

  /// Takes it away before the run's end.
  func remove(_ resources: HostResources) throws(UserError) { try Self.remove(file, resources) }

  private static func remove(_ file: String, _ resources: HostResources) throws(UserError) {
    try resources.remove(.loopDevice(file: file))
    unlink(file)
  }

  /// Where a content is, from the file system's root.
  func directory(of files: ContentFiles) -> String {
    guard let directory = contents[files.groups] else { preconditionFailure("the image was asked for this content") }
    return directory
  }

  /// Writes a content, unless it is there.
  func add(_ files: ContentFiles) throws(UserError) {
    guard contents[files.groups] == nil else { return }
    try mounted { (point: String) throws(UserError) in
      let largest = isLayered ? max(largest, files.room) : 0
      try requireRoom(files.room + largest, inodes: files.inodes * (isLayered ? 2 : 1), at: point)
      let directory = "content-\(contents.count + 1)"
      if kind == .btrfs {
        // In a subvolume, of which snapshots can be taken.
        try home.writeSubvolume(directory, in: point, files, furnish: furnish)
      } else {
        try home.write(files, to: "\(point)/\(directory)", furnish: furnish)
      }
      contents[files.groups] = directory
      self.largest = max(self.largest, files.room)
    }
  }

  /// Directories of `count` layers above a content, the lowest first, from the file system's root; made unless they are
  /// there.
  func layers(_ count: Int, above files: ContentFiles) throws(UserError) -> [String] {
    let made = layers[files.groups] ?? []
    if made.count < count {
      let directory = directory(of: files)
      try mounted { (point: String) throws(UserError) in
        var paths = made
        try storageExplained("write the layers") { () throws(SystemError) in
          try home.run { () throws(SystemError) in
            for number in made.count + 1...count {
              let path = "\(directory)-layer-\(number)"
              try files.writeLayer(number, to: "\(point)/\(path)")
              paths.append(path)
            }
            try ContentFiles.sync(point)
          }
        }
        layers[files.groups] = paths
      }
    }
    return Array((layers[files.groups] ?? []).prefix(count))
  }

  /// - Parameters:
  ///   - needed: bytes.
  ///   - point: where it is mounted.
  func requireRoom(_ needed: Int, inodes: Int, at point: String) throws(UserError) {
    var facts = statvfs()
    let home = home
    try storageExplained("look at \(kind.rawValue)") { () throws(SystemError) in
      try home.run { () throws(SystemError) in
        _ = try systemCall("statvfs", on: point) { statvfs(point, &facts) }
      }
    }
    let free = Int(clamping: UInt64(facts.f_bavail) * UInt64(facts.f_frsize))
    // Of btrfs, which has no such limit, 0.
    let hasInodes = facts.f_files == 0 || facts.f_favail > UInt64(inodes)
    guard needed > free || !hasInodes else { return }
    throw UserError(
      .unavailable,
      "\(kind.rawValue) in the image of this run has no room for "
        + (hasInodes
          ? "the files of this workload beside those of others: \(FileWork.text(bytes: needed)) are needed, and "
            + "\(FileWork.text(bytes: free)) are free" : "\(inodes) more files: \(facts.f_favail) are free"),
      remedy: "raise 'image_size' in the scenario")
  }

  /// Mounts it for the time of `body`.
  func mounted(_ body: (String) throws(UserError) -> Void) throws(UserError) {
    let point = "\(home.folder)/\(number)-\(kind.rawValue)"
    try home.mount(kind.type, source: loop.path, at: point, options: kind.mountOptions)
    do throws(UserError) { try body(point) } catch {
      try? home.unmount(point)
      throw error
    }
    try storageExplained("unmount \(kind.rawValue)") { () throws(SystemError) in try home.unmount(point) }
  }
}
