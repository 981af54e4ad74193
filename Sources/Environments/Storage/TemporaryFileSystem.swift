internal import Glibc
internal import LinuxKit
public import Model

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
