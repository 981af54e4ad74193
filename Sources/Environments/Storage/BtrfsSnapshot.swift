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
