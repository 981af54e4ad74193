internal import Glibc
internal import LinuxKit
internal import Model

/// What storage environments keep from one trial of a run to the next: a mount namespace, file systems in image files, and
/// the contents on them. It is made with the run's own resources, as it is needed, and goes with them.
///
/// A file system is mounted for a trial and unmounted after it, so that each finds it as fresh as it can be.
public final class StorageCache {
  /// Where everything happens.
  final class Home {
    /// nil as long as nothing is to be mounted.
    fileprivate(set) var namespace: MountNamespace?
    /// With image files, and the points that things are mounted on.
    let folder: String
    /// Of the file system that the image files are on.
    let facts: FileSystemFacts

    fileprivate init(folder: String, facts: FileSystemFacts) {
      self.folder = folder
      self.facts = facts
    }

    /// Runs `body` where things are mounted.
    func run<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
      if let namespace { try namespace.run(body) } else { try body() }
    }
  }

  /// What an image is for. Environments that write to the content in place have images of their own, so that what they do
  /// to a file system's layout does not reach the lower layers of others.
  enum Use: String { case inPlace = "plain", layered }

  private struct Key: Hashable {
    var kind: FileSystemKind
    var use: Use
    var size: Int
  }

  private struct HostKey: Hashable {
    var use: Use
    var groups: [StorageContent.Group]
  }

  private let resources: HostResources
  /// Where a program is; nil if it is not there.
  let find: (String) -> String?
  /// Puts more into a content's directory after it was written, on the file system: for tests of unusual files.
  let furnish: (String) throws(SystemError) -> Void
  private var home: Home?
  private var images: [Key: StorageImage] = [:]
  private var erofs: [[StorageContent.Group]: ReadOnlyImage] = [:]
  private var hostContents: [HostKey: String] = [:]
  private var numbers = 0

  /// - Parameter resources: those of the whole run. What the cache makes is removed with them.
  public convenience init(resources: HostResources) { self.init(resources: resources, find: EngineTool.find) }

  init(
    resources: HostResources, find: @escaping (String) -> String?,
    furnish: @escaping (String) throws(SystemError) -> Void = { (_: String) throws(SystemError) in }
  ) {
    self.resources = resources
    self.find = find
    self.furnish = furnish
  }

  /// A number that nothing of the run has yet.
  func nextNumber() -> Int {
    numbers += 1
    return numbers
  }

  /// The folder, and the namespace if things are to be mounted; made at the first call.
  func place(isMounting: Bool = true) throws(UserError) -> Home {
    let home = home
    // First, since it takes the privilege: nothing is made without it.
    var namespace = home?.namespace
    if isMounting && namespace == nil {
      namespace = try storageExplained("make a mount namespace") { () throws(SystemError) in try MountNamespace() }
    }
    if let home {
      home.namespace = namespace
      return home
    }
    let folder = try resources.folder("storage")
    // What these name goes with the resources; then a new beginning is made.
    resources.whenRemoved("the mount namespace") { [weak self] () throws(SystemError) in self?.forget() }
    let facts = try storageExplained("look at \(folder)") { () throws(SystemError) in try FileSystemFacts(at: folder) }
    let made = Home(folder: folder, facts: facts)
    made.namespace = namespace
    self.home = made
    return made
  }

  private func forget() {
    images = [:]
    erofs = [:]
    hostContents = [:]
    home = nil
  }

  /// A file system of `size` bytes with `content` on it; made at the first call, and so is the content.
  func image(_ kind: FileSystemKind, for use: Use, content: StorageContent) throws(UserError) -> StorageImage {
    let home = try place()
    let key = Key(kind: kind, use: use, size: content.imageSize)
    let files = ContentFiles(groups: content.groups)
    if let image = images[key] {
      try image.add(files)
      return image
    }
    try requireRoom(files.room * (use == .layered ? 2 : 1), of: content.imageSize, kind)
    try requireRoomOnHost(files.room, home)
    let maker = try FileSystemMaker(kind.type, find: find)
    let image = try StorageImage(
      kind, isLayered: use == .layered, size: content.imageSize, maker: maker, home: home, resources: resources,
      number: nextNumber(), furnish: furnish)
    do throws(UserError) { try image.add(files) } catch {
      // An image without its content is of no use to anybody, and takes room.
      try? image.remove(resources)
      throw error
    }
    images[key] = image
    return image
  }

  /// What a file system has for itself: its journal, its tables, and some air.
  private static let slack = 128 << 20

  private func requireRoom(_ needed: Int, of size: Int, _ kind: FileSystemKind) throws(UserError) {
    guard needed + Self.slack > size else { return }
    throw UserError(
      .unavailable,
      "\(kind.rawValue) in an image of \(FileWork.text(bytes: size)) has no room for the files of this workload and a copy "
        + "of them: \(FileWork.text(bytes: needed + Self.slack)) are needed",
      remedy: "raise 'image_size' in the scenario")
  }

  /// Nothing is begun for which the host has no room: a loop device on a full disk fails in the middle of a write.
  func requireRoomOnHost(_ room: Int, _ home: Home) throws(UserError) {
    let needed = room / 2 * 5 + 2 * Self.slack
    let free = try storageExplained("look at \(home.folder)") { () throws(SystemError) in
      try FileSystemFacts(at: home.folder).freeBytes
    }
    guard free < UInt64(needed) else { return }
    throw UserError(
      .unavailable,
      "\(home.folder) has no room for the files of this workload: \(FileWork.text(bytes: needed)) are needed, and "
        + "\(FileWork.text(bytes: Int(clamping: free))) are free",
      remedy: "free some space, or set BENCH_JOURNAL to a directory on a larger disk")
  }

  /// The content in a file that is an EROFS file system, made from the content on `image`; made at the first call.
  func readOnlyImage(of image: StorageImage, content: StorageContent) throws(UserError) -> ReadOnlyImage {
    if let made = erofs[content.groups] { return made }
    let home = try place()
    let files = ContentFiles(groups: content.groups)
    try requireRoomOnHost(files.room, home)
    let maker = try FileSystemMaker("erofs", find: find)
    let made = try ReadOnlyImage(
      maker: maker, from: image, directory: image.directory(of: files), home: home, resources: resources,
      number: nextNumber())
    erofs[content.groups] = made
    return made
  }

  /// A directory on the host's own file system with the content in it; made at the first call.
  func hostContent(_ content: StorageContent, for use: Use) throws(UserError) -> String {
    let key = HostKey(use: use, groups: content.groups)
    if let made = hostContents[key] { return made }
    let home = try place(isMounting: false)
    let files = ContentFiles(groups: content.groups)
    try requireRoomOnHost(files.room, home)
    let path = "\(home.folder)/content-\(nextNumber())"
    try home.write(files, to: path, furnish: furnish)
    hostContents[key] = path
    return path
  }
}

extension StorageCache.Home {
  /// Writes the files and puts them onto the disk. What was begun and cannot be finished is taken away.
  func write(
    _ files: ContentFiles, to path: String, furnish: (String) throws(SystemError) -> Void = { _ in }
  ) throws(UserError) {
    try storageExplained("write the files of the workload") { () throws(SystemError) in
      try run { () throws(SystemError) in
        do throws(SystemError) {
          try files.write(to: path)
          try furnish(path)
          try ContentFiles.sync(path)
        } catch {
          try? ContentFiles.remove(path)
          throw error
        }
      }
    }
  }
}

extension HostResources {
  /// The cache of the run, or one that lasts as long as these resources.
  var storageCache: StorageCache { settings.storage ?? StorageCache(resources: self) }
}

extension StorageCache.Home {
  /// Mounts a file system in the namespace, on a new directory.
  func mount(
    _ type: String, source: String?, at point: String, options: [MountOption], isReadOnly: Bool = false
  ) throws(UserError) {
    let result: Result<Void, UserError> = run {
      Result { () throws(UserError) in
        try storageExplained("make \(point)") { () throws(SystemError) in try ContentFiles.makeDirectory(point) }
        do throws(MountError) {
          try Mount.make(type, source: source, at: point, options: options, isReadOnly: isReadOnly)
        } catch {
          rmdir(point)
          throw UserError(mounting: type, error)
        }
      }
    }
    try result.get()
  }

  /// Unmounts what is mounted at `point`, and removes the directory. A worker's last references go a moment after the
  /// worker: as long as the file system is busy, for at most five seconds, it is tried again. That it is not mounted is no
  /// error.
  func unmount(_ point: String) throws(SystemError) {
    try run { () throws(SystemError) in
      let deadline = Clock.monotonic() + 5_000_000_000
      while true {
        do throws(SystemError) {
          try Mount.remove(point)
          break
        } catch {
          if error.code == EINVAL || error.code == ENOENT { break }
          guard error.code == EBUSY, Clock.monotonic() < deadline else { throw error }
          usleep(2000)
        }
      }
      if rmdir(point) != 0 && errno != ENOENT { throw SystemError(call: "rmdir", subject: point, code: errno) }
    }
  }

  /// Writes the files into a new subvolume.
  func writeSubvolume(
    _ name: String, in point: String, _ files: ContentFiles, furnish: (String) throws(SystemError) -> Void
  ) throws(UserError) {
    let path = "\(point)/\(name)"
    do throws(UserError) {
      try storageExplained("make a subvolume") { () throws(SystemError) in
        try run { () throws(SystemError) in try CopyOnWrite.createSubvolume(name, in: point) }
      }
      // Into the subvolume, which is there.
      try storageExplained("write the files of the workload") { () throws(SystemError) in
        try run { () throws(SystemError) in
          try files.write(into: path)
          try furnish(path)
          try ContentFiles.sync(point)
        }
      }
    } catch {
      run {
        try? ContentFiles.empty(path)
        try? CopyOnWrite.deleteSubvolume(name, in: point)
      }
      throw error
    }
  }
}
