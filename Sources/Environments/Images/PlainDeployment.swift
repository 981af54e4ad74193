internal import Glibc
internal import LinuxKit
public import Model

/// `deploy-plain`: no images at all. The application's files are written anew into a directory, in the place of the old.
public struct PlainDeployment: ImageEnvironment {
  public init() {}
  public var name: String { "deploy-plain" }
  public var summary: String { "a directory in which an application's files are replaced by the new ones" }
  public var layer: String { "nothing: what is replaced is gone" }
  public var needs: [HostCapability] { [] }

  public func build(with resources: HostResources, content: StorageContent) throws(UserError) -> any ImageStore {
    let folder = try resources.folder("deploy")
    let files = ImageFiles(content)
    try files.writeBase(to: "\(folder)/base")
    try files.writeApplication(0, to: "\(folder)/app")
    return Store(folder: folder, files: files)
  }

  private struct Store: ImageStore {
    let folder: String
    let files: ImageFiles

    var details: [String] { ["a directory \(ImageFiles.place(folder))", "blocks of files, without directories"] }

    func rebuild(_ number: Int) throws(UserError) {
      try files.writeApplication(number, to: "\(folder)/app.new")
      do throws(SystemError) {
        try Folder.remove("\(folder)/app")
        try systemCall("rename", on: folder) { rename("\(folder)/app.new", "\(folder)/app") }
      } catch { throw UserError(.unavailable, "cannot replace the application: \(error)") }
    }

    func prune() {}

    func usage() throws(UserError) -> ImageUsage {
      let total = Double(try ImageFiles.allocated(in: folder))
      return ImageUsage(total: total, reclaimable: 0, shared: 0, unique: total)
    }
  }
}
