internal import Foundation
internal import LinuxKit
public import Model

/// `image-docker`: the images of a real engine. Each rebuild leaves the image before without a name, until it is pruned.
public struct DockerImages: ImageEnvironment {
  private let host: String?

  /// - Parameter host: the daemon's socket; nil finds it as the docker command does.
  public init(host: String? = nil) { self.host = host }
  public var name: String { "image-docker" }
  public var summary: String { "an image of Docker's, built anew under the same name" }
  public var layer: String { "Docker: its images, layers and what it keeps of old ones" }
  public var needs: [HostCapability] { [.docker] }
  public var reference: String? { "deploy-plain" }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> any ImageStore {
    let daemon = try DockerDaemon(host: host)
    let base = try resources.engineCache.image(on: daemon.host, worker: nil, content: content)
    let folder = try resources.folder("application")
    let name = resources.unique("store").lowercased()
    let container = resources.unique("build")
    // Before the container, so that nothing stands on the images when they go.
    try resources.track(.imageStore(engine: daemon.address, name: name))
    try resources.track(.container(engine: daemon.address, name: container))
    let store = Store(
      daemon: daemon, driver: try daemon.storage().driver, base: base.name, name: name, container: container,
      folder: folder, runID: resources.runID, files: ImageFiles(content))
    try store.rebuild(0)
    return store
  }

  private struct Store: ImageStore {
    let daemon: DockerDaemon
    let driver: String
    /// The image that all rebuilds begin with.
    let base: String
    /// The repository of the image, and the value of its label.
    let name: String
    /// In which an image is built, and which goes when it is done.
    let container: String
    /// Where the application's files are until they are in the container.
    let folder: String
    let runID: String
    let files: ImageFiles

    private var tag: String { "\(name):app" }
    private var label: String { "\(HostResources.storeLabel)=\(name)" }

    var details: [String] {
      [
        "Docker \(daemon.version), storage driver \(driver)",
        "bytes as Docker counts them (docker image inspect), of the image's own versions and their base alone",
      ]
    }

    func rebuild(_ number: Int) throws(UserError) {
      let application = "\(folder)/app"
      try files.writeApplication(number, to: application)
      let seconds = files.patience
      try engineExplained { () throws(EngineTool.Failure) in
        // Nothing is run in it; a container has to have a command all the same.
        try daemon.tool.run([
          "create", "--name", container, "--network", "none", "--label", "\(HostResources.label)=\(runID)", base,
          "none",
        ])
        try daemon.tool.run(["cp", application, "\(container):/"], within: seconds)
        try daemon.tool.run(["commit", "--change", "LABEL \(label)", container, tag], within: seconds)
        try daemon.tool.run(["container", "rm", container], within: seconds)
      }
      do throws(SystemError) { try Folder.remove(application) } catch {
        throw UserError(.unavailable, "cannot clear the application's files: \(error)")
      }
    }

    func prune() throws(UserError) {
      try engineExplained { () throws(EngineTool.Failure) in
        try daemon.tool.run(["image", "prune", "--force", "--filter", "label=\(label)"], within: 120)
      }
    }

    private struct Inspection: Decodable {
      var size: Int64
      var names: [String]?

      enum CodingKeys: String, CodingKey {
        case size = "Size"
        case names = "RepoTags"
      }
    }

    /// An image's size is that of all its layers. Each version has the base's and one of its own.
    func usage() throws(UserError) -> ImageUsage {
      let text = try engineExplained { () throws(EngineTool.Failure) in
        let versions = Set(
          try daemon.tool.run(["image", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=\(label)"])
            .split(separator: "\n").map(String.init))
        return try daemon.tool.run(["image", "inspect", base] + versions.sorted())
      }
      guard let images = try? JSONDecoder().decode([Inspection].self, from: Data(text.utf8)),
        let shared = images.first.map({ Double($0.size) })
      else { throw UserError(.unavailable, "Docker does not say how large its images are") }
      var unique = 0.0
      var reclaimable = 0.0
      for image in images.dropFirst() {
        let own = Double(image.size) - shared
        // Docker before 25 says "<none>:<none>" of an image without a name in some places.
        if image.names?.contains(tag) == true { unique += own } else { reclaimable += own }
      }
      return ImageUsage(
        total: shared + unique + reclaimable, reclaimable: reclaimable, shared: shared, unique: unique)
    }
  }
}
