// What the loops over files have in common. Nothing in here allocates in a timed part.

internal import Glibc
internal import LinuxKit
internal import WorkerProtocol

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): a few cycles a number, and the
/// same ones for the same seed everywhere.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  @inline(__always)
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// 0 ..< `count`, in a random order.
  mutating func order(_ count: Int) -> [Int] { Array(0..<count).shuffled(using: &self) }
}

/// Paths as system calls want them, in one piece of memory that is there before the window.
struct PathTable: ~Copyable {
  private let bytes: UnsafeMutablePointer<CChar>
  private let starts: [Int]

  init(count: Int, _ path: (Int) -> String) {
    var all: [CChar] = []
    var starts: [Int] = []
    starts.reserveCapacity(count)
    for index in 0..<count {
      starts.append(all.count)
      all.append(contentsOf: path(index).utf8CString)
    }
    bytes = .allocate(capacity: all.count)
    bytes.initialize(from: all, count: all.count)
    self.starts = starts
  }

  /// The files of `group` that `configuration` works on.
  init(_ group: FileLayout.Group, _ configuration: StorageConfiguration) {
    self.init(count: configuration.count) { FileLayout.path(group, $0, in: configuration.directory) }
  }

  deinit { bytes.deallocate() }

  var count: Int { starts.count }

  /// Valid as long as this value lives.
  @inline(__always)
  subscript(index: Int) -> UnsafePointer<CChar> { UnsafePointer(bytes + starts[index]) }

  /// For messages.
  func text(_ index: Int) -> String { String(cString: self[index]) }
}

/// What became of a call within a timed part: kept, and put into words when the part is over.
struct CallFailure {
  private(set) var code: Int32 = 0
  private(set) var call: StaticString = ""
  private(set) var place = 0

  var hasOccurred: Bool { code != 0 }

  /// Keeps errno as it is now.
  /// - Parameter place: which of the paths it was.
  @inline(never)
  mutating func note(_ call: StaticString, at place: Int) { note(call, code: errno, at: place) }

  @inline(never)
  mutating func note(_ call: StaticString, code: Int32, at place: Int) {
    self.call = call
    self.code = code
    self.place = place
  }

  /// Keeps why `pwrite` returned `count` and not all that it was given.
  @inline(never)
  mutating func noteWrite(_ count: Int, at place: Int) {
    // A file system that takes only a part has no room for the rest (write(2)).
    note("pwrite", code: count < 0 ? errno : ENOSPC, at: place)
  }

  /// Throws what was kept, if something was.
  func rethrow(_ paths: borrowing PathTable) throws(WorkloadError) {
    if hasOccurred { throw WorkloadError(SystemError(call: "\(call)", subject: paths.text(place), code: code)) }
  }
}

/// Does `body` once for each place of `order`, and times each by itself.
/// - Parameters:
///   - samples: ns, in the order of doing; as many as places.
///   - body: returns −1 with errno where it fails: that ends it all.
///   - after: is handed what `body` returned, and is not timed.
/// - Returns: what failed, and where.
@inline(__always)
func timeEach(
  _ order: [Int], _ call: StaticString, into samples: inout [UInt64], _ body: (Int) -> Int32,
  after: (Int32) -> Void = { _ in }
) -> CallFailure {
  precondition(samples.count == order.count)
  var failure = CallFailure()
  samples.withUnsafeMutableBufferPointer { samples in
    order.withUnsafeBufferPointer { order in
      for number in order.indices {
        let place = order[number]
        let start = Clock.monotonic()
        let result = body(place)
        let end = Clock.monotonic()
        if result < 0 {
          failure.note(call, at: place)
          break
        }
        samples[number] = end - start
        after(result)
      }
    }
  }
  return failure
}

/// Filling the page cache, and telling what it holds.
enum CacheState {
  private static let block = 1 << 20

  /// Reads all of `descriptor` from its beginning, through the page cache. Its own offset stays as it is.
  /// - Returns: how many bytes there were.
  @discardableResult
  static func read(_ descriptor: borrowing Descriptor, path: String) throws(WorkloadError) -> Int {
    let fd = descriptor.rawValue
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: block, alignment: 4096)
    defer { buffer.deallocate() }
    var offset = 0
    while true {
      let count = try explained { () throws(SystemError) in
        try systemCall("pread", on: path) { pread(fd, buffer.baseAddress, block, off_t(offset)) }
      }
      if count == 0 { return offset }
      offset += count
    }
  }

  /// The part of `descriptor`'s first `size` bytes that the page cache holds, in millionths.
  static func cachedPPM(_ descriptor: borrowing Descriptor, size: Int, path: String) throws(WorkloadError) -> Int {
    ppm(try cachedBytes(descriptor, size: size, path: path), of: size)
  }

  /// At most `size`, though a last page counts whole.
  static func cachedBytes(
    _ descriptor: borrowing Descriptor, size: Int, path: String
  ) throws(WorkloadError) -> Int {
    do throws(SystemError) { return try PageCache.cachedBytes(of: descriptor, size: size) } catch {
      throw WorkloadError("what the page cache holds of \(path): \(error)")
    }
  }

  static func ppm(_ part: Int, of whole: Int) -> Int {
    whole == 0 ? 1_000_000 : Int((Double(part) / Double(whole) * 1e6).rounded())
  }

  /// Reads every file of `paths`, each of `size` bytes, anew from the device.
  ///
  /// The first and the last block come first, each by itself: a write into a page that belongs to a large folio, as reading
  /// ahead makes them, takes up to three times as long, and files of different environments would differ in that.
  /// - Returns: the bytes that the page cache holds of them all when the last one was read, and the bytes of them all.
  static func warm(_ paths: borrowing PathTable, size: Int) throws(WorkloadError) -> (cached: Int, whole: Int) {
    var cached = 0
    for index in 0..<paths.count {
      let path = paths.text(index)
      let file = try openFile(path, O_RDONLY)
      let fd = file.rawValue
      posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)
      posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM)
      var byte: UInt8 = 0
      for offset in [0, size - 1] {
        _ = try explained { () throws(SystemError) in
          try systemCall("pread", on: path) { pread(fd, &byte, 1, off_t(offset)) }
        }
      }
      posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL)
      try read(file, path: path)
    }
    // Afterwards, so that a cache which is too small for all shows.
    for index in 0..<paths.count {
      let path = paths.text(index)
      cached += try cachedBytes(try openFile(path, O_RDONLY), size: size, path: path)
    }
    return (cached, paths.count * size)
  }
}

/// Opens `path` (close-on-exec is added), and has words for why not.
func openFile(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(WorkloadError) -> Descriptor {
  try explained { () throws(SystemError) in try Descriptor.open(path, flags, mode: mode) }
}

/// What `path` is (stat(2)).
func status(_ path: String) throws(WorkloadError) -> stat {
  try explained { () throws(SystemError) in
    var status = stat()
    try systemCall("stat", on: path) { stat(path, &status) }
    return status
  }
}

/// Checks that each of `paths` is a file of `size` bytes, as the controller has said.
/// - Returns: their modes (st_mode).
@discardableResult
func check(_ paths: borrowing PathTable, size: Int) throws(WorkloadError) -> [mode_t] {
  var modes: [mode_t] = []
  modes.reserveCapacity(paths.count)
  for index in 0..<paths.count {
    let path = paths.text(index)
    let status = try status(path)
    guard status.st_mode & S_IFMT == S_IFREG else { throw WorkloadError("\(path) is no regular file") }
    guard status.st_size == size else {
      throw WorkloadError("\(path) has \(status.st_size) bytes where \(size) were expected")
    }
    modes.append(status.st_mode)
  }
  return modes
}

/// Has everything of the file system that `path` is in written to its device (syncfs(2)).
func syncFileSystem(of path: String) throws(WorkloadError) {
  let descriptor = try openFile(path, O_RDONLY)
  do throws(SystemError) { try FileSync.fileSystem(of: descriptor) } catch {
    throw WorkloadError("syncfs \(path): \(error.reason)")
  }
}

/// The file that a workload leaves alone (``FileLayout/Group/witness``), open, so that looking at it later touches no
/// directory. It is read before the caches are dropped: if they were not, it shows.
struct WitnessFile: ~Copyable {
  private let descriptor: Descriptor
  private let path: String
  private let size: Int

  init(_ configuration: StorageConfiguration) throws(WorkloadError) {
    let path = FileLayout.path(.witness, 0, in: configuration.directory)
    let descriptor = try openFile(path, O_RDONLY)
    let size = try CacheState.read(descriptor, path: path)
    guard size > 0 else { throw WorkloadError("\(path) is empty: it cannot show what the page cache holds") }
    self.path = path
    self.descriptor = descriptor
    self.size = size
  }

  /// The part of it that the page cache holds, in millionths.
  borrowing func cachedPPM() throws(WorkloadError) -> Int {
    try CacheState.cachedPPM(descriptor, size: size, path: path)
  }
}

extension ProcessUsage {
  /// Adds to `result` what has been used since: a window in parts has the sum of all.
  func account(for result: inout StorageResult) {
    let used = used()
    result.cpuNanoseconds += used.cpu
    result.voluntarySwitches += used.voluntary
    result.involuntarySwitches += used.involuntary
  }
}
