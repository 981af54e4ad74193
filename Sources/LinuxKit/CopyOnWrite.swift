internal import CLinux
internal import Glibc

/// Copies that share their data until one of them is written to.
public enum CopyOnWrite {
  /// Makes `target` have all of `source`'s data, without copying them (ioctl_ficlone(2)). Both are files of one file
  /// system; `source` is open for reading, `target` for writing.
  ///
  /// Fails with EOPNOTSUPP where the file system cannot, and with EXDEV between two.
  public static func clone(
    _ source: borrowing Descriptor, to target: borrowing Descriptor
  ) throws(SystemError) {
    let (from, to) = (source.rawValue, target.rawValue)
    try systemCall("FICLONE") { clinux_clone_file(from, to) }
  }

  /// Makes an empty subvolume of btrfs. Fails with ENOTTY on another file system.
  public static func createSubvolume(_ name: String, in directory: String) throws(SystemError) {
    let parent = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
    let fd = parent.rawValue
    try systemCall("BTRFS_IOC_SUBVOL_CREATE", on: "\(directory)/\(name)") { clinux_btrfs_create(fd, name) }
  }

  /// Makes a writable snapshot of the subvolume at `source`, as `name` in `directory`, which is on the same btrfs.
  public static func snapshot(_ source: String, as name: String, in directory: String) throws(SystemError) {
    let original = try Descriptor.open(source, O_RDONLY | O_DIRECTORY)
    let parent = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
    let (originalNumber, parentNumber) = (original.rawValue, parent.rawValue)
    try systemCall("BTRFS_IOC_SNAP_CREATE", on: "\(directory)/\(name) of \(source)") {
      clinux_btrfs_snapshot(originalNumber, parentNumber, name)
    }
  }

  /// Removes a subvolume or a snapshot with all that is in it. The kernel frees its space later, by and by.
  public static func deleteSubvolume(_ name: String, in directory: String) throws(SystemError) {
    let parent = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
    let fd = parent.rawValue
    try systemCall("BTRFS_IOC_SNAP_DESTROY", on: "\(directory)/\(name)") { clinux_btrfs_delete(fd, name) }
  }
}
