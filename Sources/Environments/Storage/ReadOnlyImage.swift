internal import Glibc
internal import LinuxKit
internal import Model

/// A content in a file that is an EROFS file system, on a loop device that is read-only.
final class ReadOnlyImage {
  let loop: LoopDevice
  /// How it was made, each a phrase.
  let details: [String]

  /// - Parameters:
  ///   - image: has the content already.
  ///   - directory: where the content is on it, from its root.
  init(
    maker: FileSystemMaker, from image: StorageImage, directory: String, home: StorageCache.Home,
    resources: HostResources, number: Int
  ) throws(UserError) {
    let file = "\(home.folder)/\(number)-erofs.image"
    do throws(UserError) {
      try image.mounted { (point: String) throws(UserError) in
        // In the namespace, where the content is.
        try home.run { () throws(UserError) in try maker.make([file, "\(point)/\(directory)"]) }
      }
      try resources.track(.loopDevice(file: file))
      loop = try storageExplained("attach a loop device to \(file)") { () throws(SystemError) in
        try LoopDevice.attach(file, isReadOnly: true)
      }
    } catch {
      try? resources.remove(.loopDevice(file: file))
      unlink(file)
      throw error
    }
    details = [
      "lower layer: erofs by \(maker.version), not compressed, loop device "
        + (loop.isDirect ? "with direct I/O" : "without direct I/O")
    ]
  }
}
