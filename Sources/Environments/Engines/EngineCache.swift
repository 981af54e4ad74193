internal import Foundation
internal import Model

/// What engines keep from one trial of a run to the next: the image, and what was found out about the host. It is made
/// once with the run's own resources, and goes with them.
public final class EngineCache {
  private let resources: HostResources
  /// By the engine's socket.
  private var images: [String: String] = [:]
  /// The OCI runtime with which Podman's containers start here; `.some(nil)` is its own choice.
  var podmanRuntime: String??

  /// - Parameter resources: those of the whole run. What the cache makes is removed with them.
  public init(resources: HostResources) { self.resources = resources }

  /// The image with the worker alone, on the Docker daemon at `host`; made at the first call.
  func image(on host: String, worker: String) throws(UserError) -> String {
    let key = "\(host)\n\(worker)"
    if let image = images[key] { return image }
    let folder = try resources.folder("image")
    let archive = "\(folder)/worker.tar"
    try Folder.write(try ContainerImage.archive(worker: worker), to: archive)
    let address = EngineAddress.docker(host: host)
    let name = "\(resources.unique("image").lowercased()):worker"
    let tool = try address.tool()
    try resources.track(.image(engine: address, name: name))
    try engineExplained { () throws(EngineTool.Failure) in
      try tool.run([
        "import", "--change", "ENTRYPOINT [\"\(ContainerImage.workerPath)\"]", "--change",
        "LABEL \(HostResources.label)=\(resources.runID)", archive, name,
      ])
    }
    images[key] = name
    return name
  }
}

extension HostResources {
  /// The label that every container, network and image of a run has; its value is the run's id.
  static let label = "bench.run"

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
