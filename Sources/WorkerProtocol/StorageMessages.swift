/// What a worker is to do with files. Its whole environment is a directory: the controller has made it, and what is in it.
public struct StorageConfiguration: Sendable, Equatable {
  public enum Loop: String, Sendable {
    case copyUp = "copy-up"
    /// Reads and writes at random places, or in order.
    case io
    case lookup, metadata
    case mmapWrite = "mmap-write"
    /// Transactions of SQLite.
    case commit
  }
  public enum Engine: String, Sendable {
    case psync
    case ioUring = "io_uring"
  }
  public enum Access: String, Sendable { case read, write, mixed }
  /// What the page cache must hold of the files when the window opens.
  public enum Cache: String, Sendable { case warm, cold }

  public var loop: Loop
  /// The CPU to run on; nil leaves it to the scheduler.
  public var cpu: Int?
  /// The file of the mount namespace to enter; nil stays in the one that it was started in.
  public var mountNamespace: String?
  /// Where the files are (``FileLayout``), as the worker sees it.
  public var directory: String
  /// How many files each group has, 1 or more.
  public var count: Int
  /// Bytes of each file, 1 or more.
  public var size: Int
  /// Bytes of each read and write, 1 or more; of each row of a transaction.
  public var blockSize: Int
  public var engine: Engine
  public var access: Access
  public var isSequential: Bool
  /// Whether reads and writes go past the page cache (O_DIRECT).
  public var isDirect: Bool
  /// Reads and writes under way at once, 1...256.
  public var depth: Int
  /// fsync(2) after so many writes; 0 is never.
  public var syncEvery: Int
  public var cache: Cache
  /// What is done before the window and dropped, and the window, in ns; of loops that do a fixed piece of work, nothing.
  public var warmupNanoseconds: UInt64
  public var windowNanoseconds: UInt64
  /// Decides what is random.
  public var seed: UInt64

  public init(
    loop: Loop, cpu: Int? = nil, mountNamespace: String? = nil, directory: String, count: Int = 1, size: Int = 4096,
    blockSize: Int = 4096, engine: Engine = .psync, access: Access = .write, isSequential: Bool = false,
    isDirect: Bool = false, depth: Int = 1, syncEvery: Int = 0, cache: Cache = .warm, warmupNanoseconds: UInt64 = 0,
    windowNanoseconds: UInt64 = 0, seed: UInt64 = 1
  ) {
    self.loop = loop
    self.cpu = cpu
    self.mountNamespace = mountNamespace
    self.directory = directory
    self.count = count
    self.size = size
    self.blockSize = blockSize
    self.engine = engine
    self.access = access
    self.isSequential = isSequential
    self.isDirect = isDirect
    self.depth = depth
    self.syncEvery = syncEvery
    self.cache = cache
    self.warmupNanoseconds = warmupNanoseconds
    self.windowNanoseconds = windowNanoseconds
    self.seed = seed
  }
}

/// A step of a storage workload that is timed by itself.
public enum StoragePhase: String, Sendable, CaseIterable {
  // copy-up: one sample a file, in the files' order; of the second writes one a file, too (the mean of 16 into the page
  // cache, the median of 64 to the disk).
  case open, firstWrite, lastWrite, firstSync, secondWrite, secondDurable, metadataChange
  // random-io and sequential-io: one sample each.
  case io, sync
  // lookup: one sample a name; of a listing, one a pass, its time divided by the entries.
  case lookup, missingLookup, openForReading, list
  // metadata: one sample each.
  case create, chmod, rename, unlink, renameDirectory
  // mmap-write: one sample a page.
  case sharedFault, privateFault
  // sqlite-commit: one sample a transaction.
  case commit
}

/// What a worker did with files. The samples follow as binary, phase by phase, each a little-endian 64-bit number of ns.
public struct StorageResult: Sendable, Equatable {
  /// How many samples follow, phase by phase, in this order.
  public var phases: [Phase] = []
  /// Phases that the file system refused, each with its reason ("EXDEV: …").
  public var refusals: [Refusal] = []
  /// From the first operation to the end of the last, in ns.
  public var windowNanoseconds: UInt64 = 0
  public var operations: UInt64 = 0
  /// Bytes that were read and written.
  public var bytes: UInt64 = 0
  /// CPU time of the worker within the window, in ns.
  public var cpuNanoseconds: UInt64 = 0
  public var voluntarySwitches: UInt64 = 0
  public var involuntarySwitches: UInt64 = 0
  /// True if the room for samples was full before the window's time was over.
  public var isTruncated = false
  /// The part of what was to be looked at that the page cache held when the window opened, in millionths; nil where it
  /// does not matter (O_DIRECT) or cannot be told.
  public var cachedPPM: Int?
  /// Of copy-up, over all files that were written: bytes written by the application (each place once), blocks allocated
  /// after all was synced, and of these, those in shared extents. nil where the file system does not tell.
  public var bytesWritten: UInt64?
  public var bytesAllocated: UInt64?
  public var bytesShared: UInt64?
  /// Of copy-up, over all files that were written: bytes that lie elsewhere on the disk than before (FIEMAP's physical
  /// addresses), right after they were opened for writing, and after the first writes.
  public var bytesCopied: UInt64?
  public var bytesTaken: UInt64?
  /// What the worker's directory is on, as the kernel's table of mounts has it; nil where it cannot be read.
  public var fileSystem: String?

  public struct Phase: Sendable, Equatable {
    public var phase: StoragePhase
    public var count: Int
    public init(_ phase: StoragePhase, count: Int) {
      self.phase = phase
      self.count = count
    }
  }

  public struct Refusal: Sendable, Equatable {
    public var phase: StoragePhase
    public var reason: String
    public init(_ phase: StoragePhase, _ reason: String) {
      self.phase = phase
      self.reason = reason
    }
  }

  public init() {}
}

/// Where the files of a workload are in its directory. Controller and worker agree on it: the controller makes what is to
/// be in a lower layer, the worker finds it.
public enum FileLayout {
  /// A group of files, in a directory of its name.
  public enum Group: String, Sendable, CaseIterable {
    // copy-up
    case write, change
    // random-io and sequential-io: one file
    case io
    // mmap-write: one file each
    case shared, `private`
    // lookup: in the lowest layer; the directory is in every layer
    case names
    // metadata
    case chmod, rename, unlink
    /// Of metadata: directories with one file each.
    case directories
    /// Not in the content: an empty directory in which the worker makes files of its own.
    case own
    /// A file that the workload leaves alone, as large as its others: whether caches were dropped shows on it.
    case witness
  }

  /// Six digits: names are of one length whatever the count.
  public static func name(_ index: Int) -> String {
    let digits = String(index)
    return String(repeating: "0", count: max(0, 6 - digits.utf8.count)) + digits
  }

  public static func directory(_ group: Group, in directory: String) -> String { "\(directory)/\(group.rawValue)" }

  public static func path(_ group: Group, _ index: Int, in directory: String) -> String {
    "\(directory)/\(group.rawValue)/\(name(index))"
  }
}

extension StorageConfiguration {
  func encode(into json: inout FlatJSON) {
    json["loop"] = .string(loop.rawValue)
    json["cpu"] = cpu.map { .integer(Int64($0)) }
    json["mount_namespace"] = mountNamespace.map { .string($0) }
    json["directory"] = .string(directory)
    json["count"] = .integer(Int64(count))
    json["size"] = .integer(Int64(size))
    json["block_size"] = .integer(Int64(blockSize))
    json["engine"] = .string(engine.rawValue)
    json["access"] = .string(access.rawValue)
    json["sequential"] = .boolean(isSequential)
    json["direct"] = .boolean(isDirect)
    json["depth"] = .integer(Int64(depth))
    json["sync_every"] = .integer(Int64(syncEvery))
    json["cache"] = .string(cache.rawValue)
    json["warmup_ns"] = .integer(Int64(clamping: warmupNanoseconds))
    json["window_ns"] = .integer(Int64(clamping: windowNanoseconds))
    // 64 bits do not survive as a JSON number in other readers: as text.
    json["seed"] = .string(String(seed, radix: 16))
  }

  init(_ json: FlatJSON) throws(ProtocolError) {
    self.init(
      loop: try json.word("loop"), cpu: json["cpu"] == nil ? nil : try json.integer("cpu", as: Int.self),
      mountNamespace: json["mount_namespace"] == nil ? nil : try json.string("mount_namespace"),
      directory: try json.string("directory"), count: try json.count("count"), size: try json.count("size"),
      blockSize: try json.count("block_size"), engine: try json.word("engine"), access: try json.word("access"),
      isSequential: try json.boolean("sequential"), isDirect: try json.boolean("direct"),
      depth: try json.count("depth"), syncEvery: try json.count("sync_every"), cache: try json.word("cache"),
      warmupNanoseconds: try json.integer("warmup_ns", as: UInt64.self),
      windowNanoseconds: try json.integer("window_ns", as: UInt64.self), seed: try json.hexadecimal("seed"))
    for (name, number) in [("files", count), ("bytes of a file", size), ("bytes of a block", blockSize)]
    where number < 1 {
      throw ProtocolError("\(number) \(name): at least 1 is possible")
    }
    guard (1...256).contains(depth) else { throw ProtocolError("\(depth) under way at once: 1 to 256 are possible") }
  }
}

extension StorageResult {
  func encode(into json: inout FlatJSON) {
    json["phases"] = .string(phases.map { "\($0.phase.rawValue)=\($0.count)" }.joined(separator: "\0"))
    json["refusals"] = .string(refusals.map { "\($0.phase.rawValue)=\($0.reason)" }.joined(separator: "\0"))
    json["window_ns"] = .integer(Int64(clamping: windowNanoseconds))
    json["operations"] = .integer(Int64(clamping: operations))
    json["bytes"] = .integer(Int64(clamping: bytes))
    json["cpu_ns"] = .integer(Int64(clamping: cpuNanoseconds))
    json["voluntary_switches"] = .integer(Int64(clamping: voluntarySwitches))
    json["involuntary_switches"] = .integer(Int64(clamping: involuntarySwitches))
    json["truncated"] = .boolean(isTruncated)
    json["cached_ppm"] = cachedPPM.map { .integer(Int64($0)) }
    json["bytes_written"] = bytesWritten.map { .integer(Int64(clamping: $0)) }
    json["bytes_allocated"] = bytesAllocated.map { .integer(Int64(clamping: $0)) }
    json["bytes_shared"] = bytesShared.map { .integer(Int64(clamping: $0)) }
    json["bytes_copied"] = bytesCopied.map { .integer(Int64(clamping: $0)) }
    json["file_system"] = fileSystem.map { .string($0) }
    json["bytes_taken"] = bytesTaken.map { .integer(Int64(clamping: $0)) }
  }

  init(_ json: FlatJSON) throws(ProtocolError) {
    self.init()
    phases = try Self.entries(json, "phases").map { entry throws(ProtocolError) in
      guard let count = Int(entry.value), count >= 0 else {
        throw ProtocolError("'\(entry.value)' samples of a phase")
      }
      return Phase(entry.phase, count: count)
    }
    refusals = try Self.entries(json, "refusals").map { Refusal($0.phase, $0.value) }
    windowNanoseconds = try json.integer("window_ns", as: UInt64.self)
    operations = try json.integer("operations", as: UInt64.self)
    bytes = try json.integer("bytes", as: UInt64.self)
    cpuNanoseconds = try json.integer("cpu_ns", as: UInt64.self)
    voluntarySwitches = try json.integer("voluntary_switches", as: UInt64.self)
    involuntarySwitches = try json.integer("involuntary_switches", as: UInt64.self)
    isTruncated = try json.boolean("truncated")
    cachedPPM = json["cached_ppm"] == nil ? nil : try json.count("cached_ppm")
    bytesWritten = try json.optional("bytes_written")
    bytesAllocated = try json.optional("bytes_allocated")
    bytesShared = try json.optional("bytes_shared")
    bytesCopied = try json.optional("bytes_copied")
    bytesTaken = try json.optional("bytes_taken")
    fileSystem = json["file_system"] == nil ? nil : try json.string("file_system")
  }

  /// "open=64", as they are joined in a message.
  private static func entries(
    _ json: FlatJSON, _ key: String
  ) throws(ProtocolError) -> [(phase: StoragePhase, value: String)] {
    try json.words(key).map { word throws(ProtocolError) in
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let phase = StoragePhase(rawValue: String(parts[0])) else {
        throw ProtocolError("'\(word)' is none of the \(key)")
      }
      return (phase, String(parts[1]))
    }
  }
}

extension FlatJSON {
  fileprivate func optional(_ key: String) throws(ProtocolError) -> UInt64? {
    self[key] == nil ? nil : try integer(key, as: UInt64.self)
  }
}
