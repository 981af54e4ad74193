internal import LinuxKit
public import Model

/// An overlay whose layers are directories of one file system in an image file.
public struct OverlayFileSystem: StorageEnvironment {
  public let name: String
  public let summary: String
  public let layer: String
  public let reference: String?
  private let kind: FileSystemKind
  private let options: [MountOption]
  /// Of the file system below, beside those of its kind.
  private let baseOptions: [MountOption]
  /// How many lower layers it has.
  private let count: Int

  /// The content is in one lower layer.
  init(_ kind: FileSystemKind) {
    self.init(
      name: "overlayfs-\(kind.rawValue)", kind,
      summary: "overlayfs, its layers on \(kind == .xfsNoReflink ? "XFS without shared extents" : kind.type)",
      layer: "overlayfs", reference: "plain-\(kind.rawValue)")
  }

  /// - Parameters:
  ///   - options: of the overlay.
  ///   - baseOptions: of the mount of the file system below.
  init(
    name: String, _ kind: FileSystemKind = .ext4, summary: String, layer: String, reference: String? = "plain-ext4",
    options: [MountOption] = [], baseOptions: [MountOption] = [], count: Int = 1
  ) {
    self.name = name
    self.kind = kind
    self.summary = summary
    self.layer = layer
    self.reference = reference
    self.options = options
    self.baseOptions = baseOptions
    self.count = count
  }

  /// Only metadata is copied up by what changes only metadata.
  static let metacopy = OverlayFileSystem(
    name: "overlayfs-metacopy", summary: "overlayfs on ext4 with metacopy=on and redirect_dir=on",
    layer: "copy-up of metadata alone", options: [.value("metacopy", "on"), .value("redirect_dir", "on")])

  /// Nothing is synced, as build tools have it for layers that may be lost.
  static let volatile = OverlayFileSystem(
    name: "overlayfs-volatile", summary: "overlayfs on ext4 with volatile", layer: "no fsync",
    options: [.flag("volatile")])

  /// How many layers there may be.
  static let counts = [1, 2, 8, 32, 128]

  /// The content is in the lowest of `count` layers; each above it has a few files of its own in each directory.
  static func layers(_ count: Int) -> OverlayFileSystem {
    OverlayFileSystem(
      name: "layers-\(count)",
      summary: count == 1
        ? "overlayfs on ext4 with 1 lower layer"
        : "overlayfs on ext4 with \(count) lower layers, the files in the lowest one",
      layer: count == 1 ? "overlayfs" : "more lower layers", reference: count == 1 ? nil : "layers-1", count: count)
  }

  public var needs: [HostCapability] { [.mountNamespaces, .loopDevices, kind.capability, .overlayfs] }

  private var isDurable: Bool { !options.contains(.flag("volatile")) }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let trial = try StorageTrial(resources)
    let files = ContentFiles(groups: content.groups)
    let image = try trial.cache.image(kind, for: .layered, content: content)
    let lower = [image.directory(of: files)] + (try image.layers(count - 1, above: files))
    let point = try trial.mount(image, options: baseOptions)
    let merged = try trial.overlay(lower.map { "\(point)/\($0)" }, on: point, options: options)
    return trial.built(
      at: merged, on: "overlay", device: .own(image.loop.block), isDurable: isDurable,
      details: [trial.phrase(for: merged), trial.phrase(for: point)] + image.details)
  }
}
