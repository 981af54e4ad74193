internal import Foundation
internal import Glibc
internal import LinuxKit
public import Model

/// `image-overlayfs`: images as engines have them, made by hand. Each rebuild adds a layer over the one that all share.
public struct LayeredImages: ImageEnvironment {
  public init() {}
  public var name: String { "image-overlayfs" }
  public var summary: String { "layers of overlayfs in directories; each rebuild of an image adds one" }
  public var layer: String { "images of layers: the old ones stay until they are pruned" }
  public var needs: [HostCapability] { [.mountNamespaces, .overlayfs] }
  public var reference: String? { "deploy-plain" }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> any ImageStore {
    let folder = try resources.folder("layers")
    let files = ImageFiles(content)
    let namespace = try storageExplained("make a mount namespace") { () throws(SystemError) in try MountNamespace() }
    try files.writeBase(to: "\(folder)/base")
    for directory in ["layers", "work", "merged"] { try Folder.make("\(folder)/\(directory)") }
    let store = Store(folder: folder, files: files, namespace: namespace)
    try store.rebuild(0)
    return store
  }

  /// ```
  /// FOLDER/base            the layer that all images share
  ///        layers/NUMBER   one of the application, by the number of the rebuild
  ///        app             the image's name: a link to its newest layer
  ///        work, merged    of the mount while an image is built
  /// ```
  struct Store: ImageStore {
    let folder: String
    let files: ImageFiles
    let namespace: MountNamespace

    var details: [String] {
      ["layers \(ImageFiles.place(folder))", "blocks of the layers' files, without directories"]
    }

    /// As an engine does it: the new layer is what is written into a mount of the shared one.
    func rebuild(_ number: Int) throws(UserError) {
      let layer = "\(folder)/layers/\(number)"
      try Folder.make(layer)
      let (folder, files) = (folder, files)
      try namespace.run { () throws(UserError) in
        let merged = "\(folder)/merged"
        do throws(MountError) {
          try Mount.make(
            "overlay", at: merged,
            options: [
              .value("lowerdir", "\(folder)/base"), .value("upperdir", layer), .value("workdir", "\(folder)/work"),
            ])
        } catch { throw UserError(mounting: "overlay", error) }
        let result = Result { () throws(UserError) in
          try files.writeApplication(number, to: "\(merged)/app")
        }
        do throws(SystemError) { try Mount.remove(merged) } catch {
          throw UserError(.internalError, "cannot unmount the layers: \(error)")
        }
        try result.get()
      }
      try name(number)
    }

    private func name(_ number: Int) throws(UserError) {
      do throws(SystemError) {
        try systemCall("symlink", on: folder) { symlink("layers/\(number)", "\(folder)/app.new") }
        try systemCall("rename", on: folder) { rename("\(folder)/app.new", "\(folder)/app") }
      } catch { throw UserError(.unavailable, "cannot name the image: \(error)") }
    }

    func prune() throws(UserError) {
      for layer in try unnamed() {
        do throws(SystemError) { try Folder.remove(layer) } catch {
          throw UserError(.unavailable, "cannot remove an old layer: \(error)")
        }
      }
    }

    func usage() throws(UserError) -> ImageUsage {
      let shared = Double(try ImageFiles.allocated(in: "\(folder)/base"))
      let unique = Double(try ImageFiles.allocated(in: try newest()))
      var reclaimable = 0.0
      for layer in try unnamed() { reclaimable += Double(try ImageFiles.allocated(in: layer)) }
      return ImageUsage(
        total: shared + unique + reclaimable, reclaimable: reclaimable, shared: shared, unique: unique)
    }

    /// The layer that the name points to.
    private func newest() throws(UserError) -> String {
      do { return "\(folder)/\(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/app"))" } catch {
        throw UserError(.unavailable, "the image has lost its name: \(error.localizedDescription)")
      }
    }

    /// The layers that no name points to.
    private func unnamed() throws(UserError) -> [String] {
      let newest = try newest()
      do {
        return try FileManager.default.contentsOfDirectory(atPath: "\(folder)/layers").map { "\(folder)/layers/\($0)" }
          .filter { $0 != newest }
      } catch { throw UserError(.unavailable, "cannot list the layers: \(error.localizedDescription)") }
    }
  }
}
