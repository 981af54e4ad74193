internal import Glibc
internal import LinuxKit
public import Model
internal import WorkerProtocol

/// A file system in an image file, and nothing on top: what layered ones are held against.
public struct PlainFileSystem: StorageEnvironment {
  private let kind: FileSystemKind
  private let options: [MountOption]

  /// - Parameter options: of the mount, beside those of its kind.
  init(_ kind: FileSystemKind, options: [MountOption] = []) {
    self.kind = kind
    self.options = options
  }

  public var name: String { "plain-\(kind.rawValue)" }
  public var summary: String {
    switch kind {
    case .ext4: "a directory on ext4, in an image file on a loop device"
    case .xfs: "a directory on XFS with shared extents, in an image file on a loop device"
    case .xfsNoReflink: "a directory on XFS without shared extents, in an image file on a loop device"
    case .btrfs: "a directory on btrfs, in an image file on a loop device"
    }
  }
  public var layer: String { "the file system \(kind.rawValue)" }
  public var needs: [HostCapability] { [.mountNamespaces, .loopDevices, kind.capability] }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let trial = try StorageTrial(resources)
    let files = ContentFiles(groups: content.groups)
    // Btrfs writes nothing in place: after a trial of random writes the file would be in a thousand pieces.
    let isFresh = content.isConsumed || (kind == .btrfs && content.groups.contains { $0.group == .io })
    var kept = content
    if isFresh { kept.groups = [] }
    let image = try trial.cache.image(kind, for: .inPlace, content: kept)
    let point = try trial.mount(image, options: options)
    let directory: String
    if isFresh {
      try image.requireRoom(files.room, inodes: files.inodes, at: point)
      directory = try trial.content(files, in: point)
    } else {
      directory = "\(point)/\(image.directory(of: files))"
      trial.keepsEmpty(directory)
    }
    return trial.built(
      at: directory, on: kind.type, device: .own(image.loop.block), details: [trial.phrase(for: point)] + image.details)
  }
}
