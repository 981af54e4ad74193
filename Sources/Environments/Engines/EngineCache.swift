internal import Foundation
internal import Glibc
internal import LinuxKit
internal import Model

/// What engines keep from one trial of a run to the next: images, and what was found out about the host. It is made
/// once with the run's own resources, and goes with them.
public final class EngineCache {
  private let resources: HostResources
  private var images: [ImageKey: Image] = [:]
  /// The OCI runtime with which Podman's containers start here; `.some(nil)` is its own choice.
  var podmanRuntime: String??

  /// What an image is made of, and where.
  private struct ImageKey: Hashable {
    /// The daemon's socket.
    var host: String
    var worker: String?
    var groups: [StorageContent.Group]?
  }

  /// An image that an engine has.
  struct Image {
    let name: String
    /// The run's directory from which it was imported, beside the journal. Empty by now.
    let folder: String
  }

  /// - Parameter resources: those of the whole run. What the cache makes is removed with them.
  public init(resources: HostResources) { self.resources = resources }

  /// An image on the Docker daemon at `host`; made at the first call.
  /// - Parameters:
  ///   - worker: the worker's file, which is what its containers run; nil leaves it out.
  ///   - content: what is in it beside the worker, at ``ContainerImage/contentPath``.
  func image(on host: String, worker: String?, content: StorageContent? = nil) throws(UserError) -> Image {
    let key = ImageKey(host: host, worker: worker, groups: content?.groups)
    if let image = images[key] { return image }
    let folder = try resources.folder("image")
    let archive = "\(folder)/image.tar"
    if let content {
      try Self.requireRoom(for: content, in: folder)
      try ContentArchive.write(to: archive, worker: worker, content: content)
    } else if let worker {
      try Folder.write(try ContainerImage.archive(worker: worker), to: archive)
    }
    let address = EngineAddress.docker(host: host)
    let name = "\(resources.unique("image").lowercased()):worker"
    let tool = try address.tool()
    try resources.track(.image(engine: address, name: name))
    let program = worker.map { _ in ["--change", "ENTRYPOINT [\"\(ContainerImage.workerPath)\"]"] } ?? []
    try engineExplained { () throws(EngineTool.Failure) in
      try tool.run(
        ["import"] + program + ["--change", "LABEL \(HostResources.label)=\(resources.runID)", archive, name],
        within: EngineTool.patience(for: content))
    }
    unlink(archive)
    // What the engine has just written would be written back in the middle of a window.
    if content != nil { sync() }
    let image = Image(name: name, folder: folder)
    images[key] = image
    return image
  }

  /// The archive, and on the same disk, perhaps, what the engine makes of it.
  private static func requireRoom(for content: StorageContent, in folder: String) throws(UserError) {
    guard let facts = try? FileSystemFacts(at: folder) else { return }
    let needed = UInt64(content.bytes) * 2 + (64 << 20)
    guard facts.freeBytes < needed else { return }
    throw UserError(
      .unavailable,
      "the image would take \(FileWork.text(bytes: Int(needed))) for a while, and \(folder) has "
        + "\(FileWork.text(bytes: Int(clamping: facts.freeBytes))) left",
      remedy: "free some space, or set BENCH_JOURNAL to a directory on a larger disk")
  }
}

extension EngineTool {
  /// Seconds within which an engine must have taken in, or copied, such content: at 20 MB and 200 files a second.
  static func patience(for content: StorageContent?) -> UInt64 {
    guard let content else { return 30 }
    return 60 + UInt64(content.bytes / 20_000_000 + content.groups.map(\.count).reduce(0, +) / 200)
  }
}

extension HostResources {
  /// The label that every container, network, image and volume of a run has; its value is the run's id.
  static let label = "bench.run"
  /// The label of images that are rebuilt: which store they belong to. They lose their names.
  static let storeLabel = "bench.store"

  /// The cache of the run, or one that lasts as long as these resources.
  var engineCache: EngineCache { settings.engines ?? EngineCache(resources: self) }

  /// A name that nobody else has.
  func unique(_ role: String) -> String {
    "bench-\(runID)-\(String(UInt32.random(in: 0x100_0000 ... .max), radix: 36))-\(role)"
  }

  /// What is only root's to do, said before anything is made.
  func requireRoot(for engine: String) throws(UserError) {
    guard geteuid() != 0 else { return }
    throw UserError(
      .notPermitted, "looking into the network namespaces of \(engine) takes root", remedy: "run as root")
  }
}
