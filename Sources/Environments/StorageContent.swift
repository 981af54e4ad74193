public import Model
public import WorkerProtocol

/// What is in a file system before it is layered, snapshot or copied: what an image has in its lower layers.
///
/// The files are full of bytes that do not compress, the same ones for the same place.
public struct StorageContent: Sendable, Hashable {
  /// Files of one size, at ``FileLayout/path(_:_:in:)``.
  public struct Group: Sendable, Hashable {
    public var group: FileLayout.Group
    public var count: Int
    /// Bytes of each.
    public var size: Int

    public init(_ group: FileLayout.Group, count: Int, size: Int) {
      self.group = group
      self.count = count
      self.size = size
    }
  }

  public var groups: [Group]
  /// Whether the workload removes or renames what is there, so that a plain directory has to be made anew each time.
  public var isConsumed: Bool
  /// Bytes of the file system to be made in an image file.
  public var imageSize: Int

  public init(groups: [Group], isConsumed: Bool = false, imageSize: Int = Scenario.defaultImageSize) {
    self.groups = groups
    self.isConsumed = isConsumed
    self.imageSize = imageSize
  }

  /// What `workload` needs.
  public init(_ workload: WorkloadSpec, imageSize: Int = Scenario.defaultImageSize) {
    let files = workload.files ?? FileWork()
    func group(_ group: FileLayout.Group, _ count: Int? = nil) -> Group {
      Group(group, count: count ?? files.count, size: files.size)
    }
    var groups: [Group] = []
    switch workload.kind {
    case .copyUp: groups = [group(.write), group(.change), group(.witness, 1)]
    case .randomIO, .sequentialIO: groups = [group(.io, 1)]
    case .mmapWrite: groups = [group(.shared, 1), group(.private, 1), group(.witness, 1)]
    case .lookup: groups = [group(.names), group(.witness, 1)]
    case .metadata: groups = [group(.chmod), group(.rename), group(.unlink), group(.directories)]
    case .imageRebuild: groups = [group(.names)]
    default: break
    }
    self.init(groups: groups, isConsumed: workload.kind == .metadata, imageSize: imageSize)
  }

  /// A little of everything, for trying an environment out.
  public static let trial = StorageContent(groups: [Group(.write, count: 2, size: 4096)], imageSize: 1 << 29)

  /// Bytes of all files together.
  public var bytes: Int { groups.map { $0.count * $0.size }.reduce(0, +) }
}
