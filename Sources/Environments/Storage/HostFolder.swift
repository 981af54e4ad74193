internal import LinuxKit
public import Model

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
