public import LinuxKit

/// A storage environment that stands: where the worker runs, and the directory that it works in.
///
/// Let go of it before the resources are removed.
public struct BuiltStorage {
  public let place: WorkerPlace
  /// The file of the mount namespace that the worker must be told to enter; nil where it is in the right one.
  public let mountNamespace: String?
  /// Where the content is, as the worker sees it.
  public let directory: String
  public let device: DeviceBelow
  /// What the directory is on, as the kernel's table of mounts has it: "ext4", "overlay". The worker says what it finds.
  public let fileSystem: String
  /// Whether an fsync reaches the device.
  public let isDurable: Bool
  /// How it was made on this host, each a phrase: "ext4 in an image of 2 GiB on a loop device, itself on ext4".
  public let details: [String]
  /// What must live as long as the environment does.
  private let companions: [AnyObject]

  public init(
    place: WorkerPlace = .namespace(nil), mountNamespace: String? = nil, directory: String,
    device: DeviceBelow, fileSystem: String, isDurable: Bool = true, details: [String] = [],
    companions: [AnyObject] = []
  ) {
    self.place = place
    self.mountNamespace = mountNamespace
    self.directory = directory
    self.device = device
    self.fileSystem = fileSystem
    self.isDurable = isDurable
    self.details = details
    self.companions = companions
  }
}

/// The block device under a file system.
public enum DeviceBelow: Sendable {
  /// Nobody but the run writes to it: its counters tell what reached it.
  case own(BlockDevice)
  /// Why no counters tell: there is none, or others write to it, too.
  case unknown(String)
}
