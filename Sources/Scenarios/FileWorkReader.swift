internal import Model

/// What a workload does with files, read from its keys.
struct FileWorkReader {
  let fields: Fields
  let kind: WorkloadSpec.Kind

  /// The keys of all kinds, in the order of documentation.
  static let keys = [
    "file_size", "files", "block_size", "engine", "access", "direct", "depth", "sync_every", "cache", "rebuilds",
    "prune",
  ]

  /// The keys that a kind takes notice of.
  static func keys(of kind: WorkloadSpec.Kind) -> [String] {
    switch kind {
    case .udpRR, .tcpRR, .tcpCRR, .tcpStream, .udpStream, .udpOpen, .tcpOpen, .exec: []
    case .copyUp: ["file_size", "files", "cache"]
    case .randomIO, .sequentialIO:
      ["file_size", "block_size", "engine", "access", "direct", "depth", "sync_every", "cache"]
    case .lookup: ["file_size", "files", "cache"]
    case .metadata: ["file_size", "files"]
    case .mmapWrite: ["file_size", "cache"]
    // Here a file is a row of a transaction.
    case .sqliteCommit: ["files", "block_size"]
    case .imageRebuild: ["file_size", "files", "rebuilds", "prune"]
    }
  }

  /// What holds where the scenario says nothing: that of ``FileWork``, but for what would measure next to nothing.
  private var defaults: FileWork {
    var files = FileWork()
    switch kind {
    case .randomIO: files.size = 64 << 20
    case .sequentialIO: (files.size, files.blockSize) = (64 << 20, 1 << 20)
    case .mmapWrite: files.size = 16 << 20
    case .lookup: files.count = 1000
    case .metadata: files.count = 100
    case .imageRebuild: (files.size, files.count) = (64 << 10, 100)
    default: break
    }
    return files
  }

  /// Values that could not be read stand for themselves, after they have been reported.
  func read() -> FileWork {
    var files = defaults
    let keys = Self.keys(of: kind)
    var isRead = true
    func set<Value>(_ part: WritableKeyPath<FileWork, Value>, _ key: String, _ read: (String) -> Value?) {
      guard keys.contains(key), fields.has(key) else { return }
      if let value = read(key) { files[keyPath: part] = value } else { isRead = false }
    }
    set(\.size, "file_size") { fields.bytes($0, in: FileWork.sizes) }
    set(\.count, "files") { fields.integer($0, in: FileWork.counts) }
    // A row may be as short as it likes; what a disk reads and writes has sectors.
    let blockSizes = kind == .sqliteCommit ? 1...FileWork.blockSizes.upperBound : FileWork.blockSizes
    set(\.blockSize, "block_size") { fields.bytes($0, in: blockSizes) }
    set(\.engine, "engine") { fields.choice($0, of: "engines") }
    set(\.access, "access") { fields.choice($0, of: "accesses") }
    set(\.isDirect, "direct") { fields.flag($0) }
    set(\.depth, "depth") { fields.integer($0, in: FileWork.depths) }
    set(\.syncEvery, "sync_every") { fields.integer($0, in: 0...1_000_000) }
    set(\.cache, "cache") { fields.choice($0, of: "cache states") }
    set(\.rebuilds, "rebuilds") { fields.integer($0, in: FileWork.rebuildCounts) }
    set(\.isPruning, "prune") { fields.flag($0) }
    // What stands for a value that could not be read is not to be blamed.
    if isRead, kind == .randomIO || kind == .sequentialIO { check(files) }
    return files
  }

  /// What reads and writes cannot be, or what would look as if it did something.
  private func check(_ files: FileWork) {
    let (size, block) = (SizeText.describe(bytes: files.size), SizeText.describe(bytes: files.blockSize))
    // At whichever of the two is there: one may be a default.
    let place = fields.has("block_size") ? "block_size" : "file_size"
    if files.blockSize > files.size {
      fields.report("'block_size' (\(block)) must not exceed 'file_size' (\(size))", at: place)
    } else if files.isDirect {
      if files.blockSize % 512 != 0 {
        fields.report("'direct' needs a 'block_size' that is a multiple of 512 bytes, not \(block)", at: place)
      }
      if files.size % files.blockSize != 0 {
        fields.report(
          "'direct' needs a 'file_size' that is a multiple of 'block_size' (\(block)), not \(size)", at: "file_size")
      }
    }
    if files.engine == .psync && files.depth > 1 {
      fields.report("engine 'psync' has one under way at a time: 'depth' needs engine 'io_uring'", at: "depth")
    }
    if files.access == .read && files.syncEvery > 0 {
      fields.report("'sync_every' counts writes, and 'access: read' has none", at: "sync_every")
    }
    if files.isDirect && fields.has("cache") {
      fields.report("'direct' goes past the page cache: leave 'cache' out", at: "cache")
    }
  }
}

extension WorkloadSpec.Field {
  /// As part of a sentence.
  var noun: String {
    switch self {
    case .network: "messages"
    case .storage: "files"
    case .images: "images"
    }
  }
}
