internal import LinuxKit
public import Model

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
