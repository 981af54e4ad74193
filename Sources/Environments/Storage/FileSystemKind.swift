internal import Glibc
internal import LinuxKit
internal import Model

/// The file systems that a run makes in image files.
enum FileSystemKind: String, Sendable, CaseIterable {
  case ext4, xfs
  /// Without shared extents, as XFS was up to 2018 and still is where it was made then.
  case xfsNoReflink = "xfs-noreflink"
  case btrfs

  /// As mount(8) has it.
  var type: String { self == .xfsNoReflink ? "xfs" : rawValue }

  var capability: HostCapability {
    switch self {
    case .ext4: .ext4
    case .xfs, .xfsNoReflink: .xfs
    case .btrfs: .btrfs
    }
  }

  /// What its maker is told, beside the device. All of them: to overwrite what is there and to discard nothing, since the
  /// image is empty. Of ext4: to leave no work to a kernel thread that would do it within a window (lazy initialisation),
  /// blocks of 4 KiB and an inode for each two of them, so that small files do not run out of inodes before room.
  var makerArguments: [String] {
    switch self {
    case .ext4:
      ["-q", "-F", "-b", "4096", "-i", "8192", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"]
    case .xfs: ["-q", "-f", "-K", "-m", "reflink=1"]
    case .xfsNoReflink: ["-q", "-f", "-K", "-m", "reflink=0"]
    case .btrfs: ["-q", "-f", "-K"]
    }
  }

  /// Btrfs would punch freed room out of the image in the background.
  var mountOptions: [MountOption] { self == .btrfs ? [.flag("nodiscard")] : [] }
}
