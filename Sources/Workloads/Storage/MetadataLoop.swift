internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// Storms of changes to directories and inodes: files made, their mode changed, renamed, removed, and directories
/// renamed. Every name is used once, in a random order. What was there before the window comes from a layer below, where
/// there is one: removing and renaming leave whiteouts there.
public struct MetadataLoop: StorageLoop {
  private let configuration: StorageConfiguration

  public init(_ configuration: StorageConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any StorageConversation) throws(WorkloadError) {
    try makeOwnDirectory()
    let created = PathTable(.own, configuration)
    let changed = PathTable(.chmod, configuration)
    let renamed = PathTable(.rename, configuration)
    let renamedTo = targets(.rename)
    let removed = PathTable(.unlink, configuration)
    let directories = PathTable(.directories, configuration)
    let directoriesTo = targets(.directories)
    let modes = try check(changed, size: configuration.size)
    if configuration.cache == .warm {
      try check(renamed, size: configuration.size)
      try check(removed, size: configuration.size)
      for index in 0..<directories.count { _ = try status(directories.text(index)) }
    }
    let count = configuration.count
    var numbers = SplitMix64(seed: configuration.seed)
    let orders = (0..<5).map { _ in numbers.order(count) }
    var creates = [UInt64](repeating: 0, count: count)
    var chmods = [UInt64](repeating: 0, count: count)
    var renames = [UInt64](repeating: 0, count: count)
    var unlinks = [UInt64](repeating: 0, count: count)
    var directoryRenames = [UInt64](repeating: 0, count: count)
    try conversation.awaitStart()

    var result = StorageResult()
    let usage = ProcessUsage()
    let start = Clock.monotonic()
    try timeEach(
      orders[0], "open", into: &creates, { Glibc.open(created[$0], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o644) },
      after: { _ = close($0) }
    ).rethrow(created)
    try timeEach(orders[1], "chmod", into: &chmods) { chmod(changed[$0], (modes[$0] & 0o7777) ^ 0o100) }
      .rethrow(changed)
    try timeEach(orders[2], "rename", into: &renames) { rename(renamed[$0], renamedTo[$0]) }.rethrow(renamed)
    try timeEach(orders[3], "unlink", into: &unlinks) { unlink(removed[$0]) }.rethrow(removed)
    let refused = timeEach(orders[4], "rename", into: &directoryRenames) { rename(directories[$0], directoriesTo[$0]) }
    result.windowNanoseconds = Clock.monotonic() - start
    usage.account(for: &result)

    var samples = [
      (phase: StoragePhase.create, nanoseconds: creates), (.chmod, chmods), (.rename, renames), (.unlink, unlinks),
    ]
    if refused.code == EXDEV {
      result.refusals.append(StorageResult.Refusal(.renameDirectory, Self.exdev))
    } else {
      try refused.rethrow(directories)
      samples.append((.renameDirectory, directoryRenames))
    }
    result.operations = samples.reduce(0) { $0 + UInt64($1.nanoseconds.count) }
    try syncFileSystem(of: configuration.directory)
    conversation.report(StorageOutcome(result: result, samples: samples))
  }

  /// (kernel: Documentation/filesystems/overlayfs.rst, "renaming directories")
  static let exdev =
    "EXDEV: overlayfs does not rename a directory that a lower layer has, unless redirect_dir is on; programs copy it"

  private func targets(_ group: FileLayout.Group) -> PathTable {
    let directory = FileLayout.directory(group, in: configuration.directory)
    return PathTable(count: configuration.count) { "\(directory)/renamed-\(FileLayout.name($0))" }
  }

  /// The directory for new files, if it is not there yet.
  private func makeOwnDirectory() throws(WorkloadError) {
    let path = FileLayout.directory(.own, in: configuration.directory)
    do throws(SystemError) { try systemCall("mkdir", on: path) { mkdir(path, 0o755) } } catch {
      if error.code != EEXIST { throw WorkloadError(error) }
    }
  }
}
