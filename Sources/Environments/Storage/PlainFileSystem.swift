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

/// A file system in memory.
public struct TemporaryFileSystem: StorageEnvironment {
  public init() {}

  public var name: String { "tmpfs" }
  public var summary: String { "a file system in memory" }
  public var layer: String { "no disk" }
  public var reference: String? { "plain-ext4" }
  public var needs: [HostCapability] { [.mountNamespaces] }

  public func objection(to workload: WorkloadSpec) -> String? {
    if workload.files?.isDirect == true && !Self.hasDirectAccess { return "has no O_DIRECT on this kernel" }
    return workload.files?.cache == .cold ? "has its files in the page cache, and never cold" : nil
  }

  /// Since Linux 6.6. Any other tmpfs of the host tells.
  private static let hasDirectAccess: Bool = {
    do throws(SystemError) {
      _ = try Descriptor.open("/dev/shm", unnamed | direct | O_RDWR, mode: 0o600)
      return true
    } catch { return error.code != EINVAL }
  }()

  // asm-generic/fcntl.h; glibc hides them behind _GNU_SOURCE, and arm has its own.
  #if arch(arm64) || arch(arm)
    private static let direct: Int32 = 0o200000
    private static let unnamed: Int32 = 0o20040000
  #else
    private static let direct: Int32 = 0o40000
    private static let unnamed: Int32 = 0o20200000
  #endif

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let trial = try StorageTrial(resources)
    let files = ContentFiles(groups: content.groups)
    try requireRoom(files.room, content)
    let point = try trial.mount(
      "tmpfs", source: "tmpfs", as: "tmpfs", options: [.value("size", "\(content.imageSize)"), .value("mode", "0755")])
    return trial.built(
      at: try trial.content(files, in: point), on: "tmpfs", device: .unknown("there is no block device under it"),
      details: [trial.phrase(for: point)])
  }

  private func requireRoom(_ room: Int, _ content: StorageContent) throws(UserError) {
    // As much again for what the workload writes.
    let needed = 2 * room + (64 << 20)
    guard needed <= content.imageSize else {
      throw UserError(
        .unavailable,
        "tmpfs of \(FileWork.text(bytes: content.imageSize)) has no room for the files of this workload and as much again: "
          + "\(FileWork.text(bytes: needed)) are needed", remedy: "raise 'image_size' in the scenario")
    }
    let line = (try? SmallFile.text("/proc/meminfo"))?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    guard let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return }
    guard kibibytes < needed / 1024 else { return }
    throw UserError(
      .unavailable,
      "tmpfs is memory, and \(FileWork.text(bytes: kibibytes * 1024)) are available where "
        + "\(FileWork.text(bytes: needed)) are needed", remedy: "free some memory, or use smaller files")
  }
}

/// A folder on the host's own file system.
public struct HostFolder: StorageEnvironment {
  public init() {}

  public var name: String { "plain-host" }
  public var summary: String { "a directory on the host's own file system, beside the journal" }
  public var layer: String { "the host's own file system" }
  public var needs: [HostCapability] { [] }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> BuiltStorage {
    let trial = try StorageTrial(resources, isMounting: false)
    let files = ContentFiles(groups: content.groups)
    let directory: String
    if content.isConsumed {
      try trial.cache.requireRoomOnHost(files.room, trial.home)
      directory = try trial.content(files, in: trial.home.folder)
    } else {
      directory = try trial.cache.hostContent(content, for: .inPlace)
      trial.keepsEmpty(directory)
    }
    return BuiltStorage(
      directory: directory, device: .unknown("others write to the host's disk, too"), fileSystem: trial.home.facts.type,
      details: ["on \(trial.home.facts.type) (\(trial.home.facts.source))"], companions: [trial.cache])
  }
}

extension StorageTrial {
  /// The environment, in the namespace.
  func built(
    at directory: String, on fileSystem: String, device: DeviceBelow, isDurable: Bool = true, details: [String]
  ) -> BuiltStorage {
    BuiltStorage(
      mountNamespace: home.namespace?.path, directory: directory, device: device, fileSystem: fileSystem,
      isDurable: isDurable, details: details,
      companions: [cache, home])
  }
}
