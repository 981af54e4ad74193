internal import Glibc
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// One build of a storage environment: what is mounted and made for it, to be taken away in turn.
///
/// Mounts need no entry in the journal: they are in the run's own mount namespace, which goes with its last process. What
/// is made on a file system in an image goes with the image.
struct StorageTrial {
  let cache: StorageCache
  let home: StorageCache.Home
  private let resources: HostResources
  private let number: Int

  init(_ resources: HostResources, isMounting: Bool = true) throws(UserError) {
    self.resources = resources
    cache = resources.storageCache
    home = try cache.place(isMounting: isMounting)
    number = cache.nextNumber()
  }

  /// Mounts a file system for this trial.
  /// - Parameter role: part of the directory's name.
  /// - Returns: where.
  func mount(
    _ type: String, source: String?, as role: String, options: [MountOption] = [], isReadOnly: Bool = false
  ) throws(UserError) -> String {
    let point = "\(home.folder)/\(number)-\(role)"
    try home.mount(type, source: source, at: point, options: options, isReadOnly: isReadOnly)
    let home = home
    resources.whenRemoved("what is mounted at \(point)") { () throws(SystemError) in try home.unmount(point) }
    return point
  }

  /// - Parameter options: beside those of its kind.
  func mount(_ image: StorageImage, options: [MountOption] = []) throws(UserError) -> String {
    try mount(image.kind.type, source: image.loop.path, as: "base", options: image.kind.mountOptions + options)
  }

  /// A directory for this trial alone.
  /// - Parameter parent: on the file system that it is to be on.
  func directory(in parent: String) throws(UserError) -> String {
    let path = "\(parent)/trial-\(number)"
    let home = home
    try storageExplained("make a directory for a trial") { () throws(SystemError) in
      try home.run { () throws(SystemError) in try ContentFiles.makeDirectory(path) }
    }
    resources.whenRemoved(path) { () throws(SystemError) in
      try home.run { () throws(SystemError) in
        try ContentFiles.remove(path)
        try ContentFiles.sync(parent)
      }
    }
    return path
  }

  /// A directory with a content of this trial's own.
  func content(_ files: ContentFiles, in parent: String) throws(UserError) -> String {
    let path = "\(try directory(in: parent))/content"
    try home.write(files, to: path, furnish: cache.furnish)
    return path
  }

  /// Where trials work on a content in place: what the worker makes of its own goes with the trial, as it would with an
  /// upper layer.
  /// - Parameter content: its directory.
  func keepsEmpty(_ content: String) {
    let own = FileLayout.directory(.own, in: content)
    let home = home
    resources.whenRemoved(own) { () throws(SystemError) in
      try home.run { () throws(SystemError) in
        try ContentFiles.empty(own)
        try ContentFiles.sync(content)
      }
    }
  }

  /// A snapshot for this trial of a subvolume.
  /// - Parameters:
  ///   - source: its name.
  ///   - point: where the file system is mounted.
  func snapshot(of source: String, at point: String) throws(UserError) -> String {
    let name = "trial-\(number)"
    let path = "\(point)/\(name)"
    let home = home
    try storageExplained("make a snapshot") { () throws(SystemError) in
      try home.run { () throws(SystemError) in
        try CopyOnWrite.snapshot("\(point)/\(source)", as: name, in: point)
        try ContentFiles.sync(point)
      }
    }
    resources.whenRemoved(path) { () throws(SystemError) in
      try home.run { () throws(SystemError) in
        // A subvolume with something in it would be emptied by a kernel thread later: within another trial.
        try ContentFiles.empty(path)
        try CopyOnWrite.deleteSubvolume(name, in: point)
        try ContentFiles.sync(point)
      }
    }
    return path
  }

  /// Mounts an overlay.
  /// - Parameters:
  ///   - lower: directories, the lowest first.
  ///   - parent: where its upper and work directories are to be, both fresh.
  func overlay(_ lower: [String], on parent: String, options: [MountOption] = []) throws(UserError) -> String {
    let directory = try directory(in: parent)
    let upper = "\(directory)/upper"
    let work = "\(directory)/work"
    // fsconfig(2) takes no longer ones.
    if let long = (lower + [upper, work]).first(where: { $0.utf8.count > 255 }) {
      throw UserError(
        .unavailable, "overlayfs takes no path of more than 255 bytes: \(long)",
        remedy: "set BENCH_JOURNAL to a directory with a shorter path")
    }
    try storageExplained("make the upper directory") { () throws(SystemError) in
      try home.run { () throws(SystemError) in
        for path in [upper, work] { try ContentFiles.makeDirectory(path) }
      }
    }
    return try mount(
      "overlay", source: "overlay", as: "merged",
      options: Self.lowerOptions(lower) + [.value("upperdir", upper), .value("workdir", work)] + options)
  }

  /// One layer by the option that all kernels have, several by the one that takes each by itself: all of them together
  /// would be too long for fsconfig(2). The old option reads colons and backslashes in a path as its own.
  static func lowerOptions(_ lower: [String]) -> [MountOption] {
    if lower.count == 1, !lower[0].contains(":"), !lower[0].contains("\\") { return [.value("lowerdir", lower[0])] }
    return lower.reversed().map { .value("lowerdir+", $0) }
  }

  /// What is mounted at `point`, and how, as the kernel shows it: "overlay mounted with rw,relatime,metacopy=on".
  func phrase(for point: String) -> String {
    // Of the thread in the namespace, not of the process.
    let table = home.run { (try? SmallFile.text("/proc/thread-self/mountinfo")) ?? "" }
    return MountTable.phrase(for: point, in: table) ?? "nothing is mounted at \(point)"
  }
}

extension StorageTrial {
  /// The environment, in the namespace.
  func built(
    at directory: String, on fileSystem: String, device: DeviceBelow, isDurable: Bool = true, details: [String]
  ) -> BuiltStorage {
    BuiltStorage(
      mountNamespace: home.namespace?.path, directory: directory, device: device, fileSystem: fileSystem,
      isDurable: isDurable, details: details,
      companions: [cache, home])
  }
}
