internal import LinuxKit
public import Model

/// A snapshot of a btrfs subvolume: no layers, and yet nothing is copied before it is written.
public struct BtrfsSnapshot: StorageEnvironment {
  public init() {}

  public var name: String { "btrfs-snapshot" }
  public var summary: String { "a snapshot of a btrfs subvolume, in an image file on a loop device" }
  public var layer: String { "extents shared with the snapshot's origin" }
  public var reference: String? { "plain-btrfs" }
  public var needs: [HostCapability] { [.mountNamespaces, .loopDevices, .btrfs] }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let trial = try StorageTrial(resources)
    let image = try trial.cache.image(.btrfs, for: .layered, content: content)
    let point = try trial.mount(image)
    let origin = image.directory(of: ContentFiles(groups: content.groups))
    return trial.built(
      at: try trial.snapshot(of: origin, at: point), on: "btrfs", device: .own(image.loop.block),
      details: ["a snapshot that may be written", trial.phrase(for: point)] + image.details)
  }
}

/// Files that share their extents with others, on XFS.
public struct ReflinkCopy: StorageEnvironment {
  public init() {}

  public var name: String { "reflink-copy" }
  public var summary: String { "a copy of each file that shares its extents (FICLONE), on XFS in an image file" }
  public var layer: String { "extents shared with another file" }
  public var reference: String? { "plain-xfs" }
  public var needs: [HostCapability] { [.mountNamespaces, .loopDevices, .xfs] }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let trial = try StorageTrial(resources)
    let files = ContentFiles(groups: content.groups)
    let image = try trial.cache.image(.xfs, for: .layered, content: content)
    let point = try trial.mount(image)
    let source = "\(point)/\(image.directory(of: files))"
    let copy = "\(try trial.directory(in: point))/content"
    let home = trial.home
    try storageExplained("clone the files of the workload") { () throws(SystemError) in
      try home.run { () throws(SystemError) in
        try files.clone(source, to: copy)
        try ContentFiles.sync(point)
      }
    }
    return trial.built(
      at: copy, on: "xfs", device: .own(image.loop.block),
      details: ["each file a clone by FICLONE", trial.phrase(for: point)] + image.details)
  }
}
