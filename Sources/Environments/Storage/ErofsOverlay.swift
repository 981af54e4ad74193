internal import LinuxKit
public import Model

/// An overlay whose lower layer is an image for reading alone, in the format made for it.
public struct ErofsOverlay: StorageEnvironment {
  public init() {}

  public var name: String { "overlayfs-erofs" }
  public var summary: String { "overlayfs with a lower layer in an EROFS image; what is written goes to ext4" }
  public var layer: String { "a lower layer that is an image" }
  public var reference: String? { "plain-ext4" }
  public var needs: [HostCapability] { [.mountNamespaces, .loopDevices, .ext4, .erofs, .overlayfs] }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let trial = try StorageTrial(resources)
    let image = try trial.cache.image(.ext4, for: .layered, content: content)
    let lower = try trial.cache.readOnlyImage(of: image, content: content)
    let lowerPoint = try trial.mount("erofs", source: lower.loop.path, as: "erofs", isReadOnly: true)
    let point = try trial.mount(image)
    let merged = try trial.overlay([lowerPoint], on: point)
    return trial.built(
      at: merged, on: "overlay", device: .own(image.loop.block),
      details: [trial.phrase(for: merged)] + lower.details + [trial.phrase(for: point)] + image.details)
  }
}
