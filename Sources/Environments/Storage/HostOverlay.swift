internal import LinuxKit
public import Model

/// An overlay whose layers are directories of the host's own file system.
public struct HostOverlay: StorageEnvironment {
  public init() {}

  public var name: String { "overlayfs-host" }
  public var summary: String { "overlayfs, its layers on the host's own file system" }
  public var layer: String { "overlayfs" }
  public var reference: String? { "plain-host" }
  public var needs: [HostCapability] { [.mountNamespaces, .overlayfs] }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let trial = try StorageTrial(resources)
    let merged = try trial.overlay([try trial.cache.hostContent(content, for: .layered)], on: trial.home.folder)
    return trial.built(
      at: merged, on: "overlay", device: .unknown("others write to the host's disk, too"),
      details: [trial.phrase(for: merged), "on \(trial.home.facts.type) (\(trial.home.facts.source))"])
  }
}
