/// What a workload does with files, and everything that could change its cost.
public struct FileWork: Codable, Sendable, Equatable, Hashable {
  /// How reads and writes are handed to the kernel; fio's names.
  public enum Engine: String, Codable, Sendable, CaseIterable {
    /// pread(2) and pwrite(2), one at a time.
    case psync
    /// io_uring(7), as many at a time as ``FileWork/depth`` says.
    case ioUring = "io_uring"
  }

  public enum Access: String, Codable, Sendable, CaseIterable {
    case read, write
    /// As many reads as writes, in a random order.
    case mixed
  }

  /// What the page cache holds of the files when the window opens. It is set, and checked.
  public enum Cache: String, Codable, Sendable, CaseIterable {
    /// All of them.
    case warm
    /// Nothing of them.
    case cold
  }

  /// Bytes of a file: of each, or of the one that is read and written.
  public static let sizes = 1...(1 << 40)
  /// How many files a trial may work on.
  public static let counts = 1...1_000_000
  /// Bytes that one read or write may have.
  public static let blockSizes = 512...(64 << 20)
  /// How many reads and writes may be under way at once.
  public static let depths = 1...256
  /// How often an image may be rebuilt in one trial.
  public static let rebuildCounts = 2...200

  /// Bytes of each file.
  public var size: Int
  /// Files that a trial works on.
  public var count: Int
  /// Bytes of each read and write.
  public var blockSize: Int
  public var engine: Engine
  public var access: Access
  /// Whether reads and writes go past the page cache (O_DIRECT).
  public var isDirect: Bool
  /// Reads and writes under way at once; 1 with ``Engine/psync``.
  public var depth: Int
  /// fsync(2) comes after so many writes; 0 is never.
  public var syncEvery: Int
  public var cache: Cache
  /// Of ``WorkloadSpec/Kind/imageRebuild``: how often.
  public var rebuilds: Int
  /// Of ``WorkloadSpec/Kind/imageRebuild``: whether what no image uses any more is removed after each rebuild.
  public var isPruning: Bool

  enum CodingKeys: String, CodingKey {
    case size = "file_size"
    case count = "files"
    case blockSize = "block_size"
    case engine, access
    case isDirect = "direct"
    case depth
    case syncEvery = "sync_every"
    case cache, rebuilds
    case isPruning = "prune"
  }

  public init(
    size: Int = 4096, count: Int = 1, blockSize: Int = 4096, engine: Engine = .psync, access: Access = .write,
    isDirect: Bool = false, depth: Int = 1, syncEvery: Int = 0, cache: Cache = .warm, rebuilds: Int = 30,
    isPruning: Bool = false
  ) {
    self.size = size
    self.count = count
    self.blockSize = blockSize
    self.engine = engine
    self.access = access
    self.isDirect = isDirect
    self.depth = depth
    self.syncEvery = syncEvery
    self.cache = cache
    self.rebuilds = rebuilds
    self.isPruning = isPruning
  }

  /// "64 MiB".
  public static func text(bytes: Int) -> String {
    var value = Double(bytes)
    var unit = 0
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    let tenths = (value * 10).rounded() / 10
    return (tenths == tenths.rounded() ? String(Int(tenths)) : String(tenths)) + " " + units[unit]
  }

  /// E.g. "random-io, write, 4 KiB, io_uring, 16 under way, direct, fsync after each, in 64 MiB".
  func summary(_ kind: WorkloadSpec.Kind) -> String {
    var parts = [kind.rawValue]
    let size = Self.text(bytes: size)
    switch kind {
    case .randomIO, .sequentialIO:
      parts += [access.rawValue, Self.text(bytes: blockSize), engine.rawValue]
      if depth > 1 { parts.append("\(depth) under way") }
      parts.append(isDirect ? "direct" : "through the page cache")
      if syncEvery > 0 { parts.append(syncEvery == 1 ? "fsync after each write" : "fsync after \(syncEvery) writes") }
      parts.append("a file of \(size)")
      if !isDirect && access != .write { parts.append(cache.rawValue) }
    case .copyUp:
      parts += [count == 1 ? "a file of \(size)" : "\(count) files of \(size)", cache.rawValue]
    case .lookup: parts += ["\(count) files", cache.rawValue]
    case .metadata: parts += ["\(count) files of \(size)"]
    case .mmapWrite: parts += ["a file of \(size)", cache.rawValue]
    case .sqliteCommit: parts += ["\(count) rows of \(Self.text(bytes: blockSize)) a transaction"]
    case .imageRebuild:
      parts += ["\(rebuilds) times", "\(count) files of \(size)", isPruning ? "pruned each time" : "not pruned"]
    default: break
    }
    return parts.joined(separator: ", ")
  }
}
