internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// Reads and writes of one file, at random places or in order: what fio does with the same words.
///
/// The file is opened for reading and writing, so a layered file system has it copied up, and, where it is to be written,
/// written once as a whole, before the worker says that it is ready: what is measured is the file thereafter. (fio writes
/// its file, too, before it begins. A file system that shares blocks copies each when it is first written.) All places are whole blocks from the file's beginning; a rest that
/// fills no block is left alone. A place may come again before all others came (fio's `norandommap`).
///
/// A sample is the time from just before an operation is handed to the kernel until its end is seen: fio's `lat`.
/// One reading of the clock ends an operation and begins the next one, so what is between them, some ns, is in it.
/// Nothing is allocated, and nothing dispatched, in the window: the loop is specialised for each engine.
public struct IOLoop: StorageLoop {
  private let configuration: StorageConfiguration

  public init(_ configuration: StorageConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any StorageConversation) throws(WorkloadError) {
    let path = FileLayout.path(.io, 0, in: configuration.directory)
    guard configuration.blockSize <= configuration.size else {
      throw WorkloadError("\(path) of \(configuration.size) bytes holds no block of \(configuration.blockSize)")
    }
    try check(PathTable(count: 1) { _ in path }, size: configuration.size)
    let file = try opened(path)
    if configuration.access != .read { try layOut(file, path: path) }
    if !configuration.isDirect && configuration.cache == .warm {
      // Read anew from the device, so that the page cache holds the file in pieces of one make wherever it came from: a
      // write into a page that belongs to a large folio takes twice as long on ext4.
      try syncFileSystem(of: configuration.directory)
      posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_DONTNEED)
      try CacheState.read(file, path: path)
    }
    let slots = try IOSlots(configuration, fd: file.rawValue, path: path)
    switch configuration.engine {
    case .psync:
      guard configuration.depth == 1 else {
        throw WorkloadError("psync has one operation under way, not \(configuration.depth): io_uring has more")
      }
      try measure(PsyncEngine(), slots, file, conversation)
    case .ioUring:
      try measure(try UringEngine(depth: configuration.depth), slots, file, conversation)
    }
  }

  /// Writes all of the file, in order.
  private func layOut(_ file: borrowing Descriptor, path: String) throws(WorkloadError) {
    let fd = file.rawValue
    let piece = 1 << 20
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: IOSlots.alignment)
    defer { buffer.deallocate() }
    var numbers = SplitMix64(seed: configuration.seed &+ 2)
    buffer.withMemoryRebound(to: UInt64.self) { words in
      for index in words.indices { words[index] = numbers.next() }
    }
    // A rest that fills no block is left alone, here too: O_DIRECT would not take it.
    let end = configuration.size / configuration.blockSize * configuration.blockSize
    var offset = 0
    while offset < end {
      let length = min(piece, end - offset)
      let count: Int
      do throws(SystemError) {
        // A file system that takes only a part says why with the next call (write(2)).
        count = try systemCall("pwrite") { pwrite(fd, buffer.baseAddress, length, off_t(offset)) }
      } catch { throw WorkloadError("write \(path) at \(offset): \(error.reason)") }
      guard count > 0 else { throw WorkloadError("write \(path) at \(offset): nothing of \(length) bytes was taken") }
      offset += count
    }
  }

  private func opened(_ path: String) throws(WorkloadError) -> Descriptor {
    do throws(SystemError) {
      return try Descriptor.open(path, O_RDWR | (configuration.isDirect ? Self.direct : 0))
    } catch {
      // open(2): "The filesystem does not support the O_DIRECT flag".
      guard configuration.isDirect, error.code == EINVAL else { throw WorkloadError(error) }
      throw WorkloadError("\(path): its file system takes no reads and writes past the page cache (O_DIRECT)")
    }
  }

  /// O_DIRECT, which glibc hides behind _GNU_SOURCE (asm-generic/fcntl.h; arm has its own).
  #if arch(arm64) || arch(arm)
    private static let direct: Int32 = 0o200000
  #else
    private static let direct: Int32 = 0o40000
  #endif

  private func measure<Engine: IOEngine & ~Copyable>(
    _ engine: consuming Engine, _ slots: borrowing IOSlots, _ file: borrowing Descriptor,
    _ conversation: any StorageConversation
  ) throws(WorkloadError) {
    var engine = engine
    var plan = IOPlan(configuration)
    // The warm-up writes into the same room, so that its pages are there when the window opens.
    var samples = IOSamples(configuration)
    if configuration.warmupNanoseconds > 0 {
      try run(&engine, &plan, slots, for: configuration.warmupNanoseconds, into: &samples)
      samples.removeAll()
    }
    // What opening the file and the warm-up have left to be written is not the window's.
    try syncFileSystem(of: configuration.directory)
    try conversation.awaitStart()

    var result = StorageResult()
    if !configuration.isDirect {
      let path = FileLayout.path(.io, 0, in: configuration.directory)
      result.cachedPPM = try CacheState.cachedPPM(file, size: configuration.size, path: path)
    }
    let usage = ProcessUsage()
    let window = try run(&engine, &plan, slots, for: configuration.windowNanoseconds, into: &samples)
    usage.account(for: &result)
    try syncFileSystem(of: configuration.directory)

    result.windowNanoseconds = window
    result.operations = UInt64(samples.count)
    result.bytes = UInt64(samples.count) * UInt64(configuration.blockSize)
    result.isTruncated = samples.isFull
    var phases = [(phase: StoragePhase.io, nanoseconds: samples.operations)]
    if configuration.syncEvery > 0 { phases.append((.sync, samples.syncs)) }
    conversation.report(StorageOutcome(result: result, samples: phases))
  }

  /// - Returns: ns from the first operation to the end of the last.
  @discardableResult
  private func run<Engine: IOEngine & ~Copyable>(
    _ engine: inout Engine, _ plan: inout IOPlan, _ slots: borrowing IOSlots, for duration: UInt64,
    into samples: inout IOSamples
  ) throws(WorkloadError) -> UInt64 {
    var nanoseconds: UInt64 = 0
    if let failure = engine.run(&plan, slots, for: duration, into: &samples, &nanoseconds) {
      throw failure.error(slots)
    }
    return nanoseconds
  }
}

/// How operations get to the kernel. The loop is specialised for each.
protocol IOEngine: ~Copyable {
  /// Does operations until `duration` ns have passed or `samples` has no room, and waits for what is under way then.
  /// - Parameter nanoseconds: is set to what has passed from the first operation to the end of the last.
  /// - Returns: what failed, if something did. Nothing is under way any more.
  mutating func run(
    _ plan: inout IOPlan, _ slots: borrowing IOSlots, for duration: UInt64, into samples: inout IOSamples,
    _ nanoseconds: inout UInt64
  ) -> IOFailure?
}

/// One thing to do.
enum IOStep: UInt8 {
  case read, write, sync
}

/// What is done, one step after the other. The same seed gives the same steps, whatever the engine.
struct IOPlan {
  private let access: StorageConfiguration.Access
  private let isSequential: Bool
  private let blocks: UInt64
  private let blockSize: UInt64
  /// 0 is never.
  private let syncEvery: UInt64
  private var places: SplitMix64
  private var coins: SplitMix64
  /// The next block in order.
  private var block: UInt64 = 0
  /// Writes since the last sync.
  private var unsynced: UInt64 = 0

  init(_ configuration: StorageConfiguration) {
    access = configuration.access
    isSequential = configuration.isSequential
    blocks = UInt64(configuration.size / configuration.blockSize)
    blockSize = UInt64(configuration.blockSize)
    syncEvery = UInt64(max(0, configuration.syncEvery))
    places = SplitMix64(seed: configuration.seed)
    // Of their own, so that places are the same for every access.
    coins = SplitMix64(seed: ~configuration.seed)
  }

  /// As fio has it: after every so many writes have been handed over, a sync is the next step, whether or not those
  /// writes have ended. With one operation under way, they have.
  /// - Parameter offset: is set to where to read or write, in bytes.
  @inline(__always)
  mutating func next(_ offset: inout UInt64) -> IOStep {
    if syncEvery != 0 && unsynced == syncEvery {
      unsynced = 0
      return .sync
    }
    if isSequential {
      offset = block &* blockSize
      block &+= 1
      if block == blocks { block = 0 }
    } else {
      // Lemire: Fast Random Integer Generation in an Interval, 2019. The bias is below blocks ÷ 2⁶⁴.
      offset = places.next().multipliedFullWidth(by: blocks).high &* blockSize
    }
    let isWrite =
      switch access {
      case .read: false
      case .write: true
      case .mixed: coins.next() >> 63 != 0
      }
    guard isWrite else { return .read }
    unsynced &+= 1
    return .write
  }
}

/// The file, and memory for each operation that is under way: what it reads into, what it writes, and what it is.
struct IOSlots: ~Copyable {
  /// O_DIRECT wants memory in whole sectors of the device, which are no larger than this (a page).
  static let alignment = 4096
  /// All buffers together.
  private static let mostMemory = 1 << 30

  struct Operation {
    var start: UInt64 = 0
    var offset: UInt64 = 0
    var step = IOStep.read
  }

  let fd: Int32
  let path: String
  let blockSize: Int
  let depth: Int
  let operations: UnsafeMutablePointer<Operation>
  private let stride: Int
  private let memory: UnsafeMutableRawBufferPointer
  private let base: UnsafeMutableRawPointer

  init(_ configuration: StorageConfiguration, fd: Int32, path: String) throws(WorkloadError) {
    self.fd = fd
    self.path = path
    blockSize = configuration.blockSize
    depth = configuration.depth
    stride = (blockSize + Self.alignment - 1) / Self.alignment * Self.alignment
    let (bytes, overflow) = stride.multipliedReportingOverflow(by: 2 * depth)
    guard !overflow, bytes <= Self.mostMemory else {
      throw WorkloadError(
        "\(depth) operations of \(blockSize) bytes under way take more memory than the \(Self.mostMemory >> 20) MiB "
          + "that are possible")
    }
    memory = .allocate(byteCount: bytes, alignment: Self.alignment)
    base = memory.baseAddress.unsafelyUnwrapped
    operations = .allocate(capacity: depth)
    operations.initialize(repeating: Operation(), count: depth)
    // Random, since some file systems compress; and written to, so that its pages are there.
    var numbers = SplitMix64(seed: configuration.seed &+ 1)
    memory.withMemoryRebound(to: UInt64.self) { words in
      for index in words.indices { words[index] = numbers.next() }
    }
  }

  deinit {
    operations.deallocate()
    memory.deallocate()
  }

  /// What slot `index` reads into.
  @inline(__always)
  func input(_ index: Int) -> UnsafeMutableRawPointer { base + 2 * index * stride }

  /// What slot `index` writes: apart from what was read, so that it stays random.
  @inline(__always)
  func output(_ index: Int) -> UnsafeMutableRawPointer { base + (2 * index + 1) * stride }
}

/// Room for the samples of a window, which is there before it.
struct IOSamples: ~Copyable {
  /// Room for this many operations a second: more than any file system does. A page that is in the cache takes some
  /// 300 ns; past the cache, it is rather 10 µs.
  static func fastestPerSecond(isDirect: Bool) -> UInt64 { isDirect ? 1_000_000 : 4_000_000 }
  /// The most room that is made, whatever the window: 512 MiB.
  static let limit: UInt64 = 1 << 26

  private let room: UnsafeMutableBufferPointer<UInt64>
  private let syncRoom: UnsafeMutableBufferPointer<UInt64>
  /// Reads and writes.
  private(set) var count = 0
  private(set) var syncCount = 0
  /// How many reads and writes may be begun before the room is full.
  let capacity: Int

  init(_ configuration: StorageConfiguration) {
    let longest = max(configuration.windowNanoseconds, configuration.warmupNanoseconds)
    let operations = longest / (1_000_000_000 / Self.fastestPerSecond(isDirect: configuration.isDirect)) + 1024
    self.init(capacity: Int(min(Self.limit, operations)), syncEvery: configuration.syncEvery)
  }

  init(capacity: Int, syncEvery: Int) {
    self.capacity = capacity
    room = .allocate(capacity: capacity)
    room.initialize(repeating: 0)
    syncRoom = .allocate(capacity: syncEvery > 0 ? capacity / syncEvery + 2 : 0)
    syncRoom.initialize(repeating: 0)
  }

  deinit {
    room.deallocate()
    syncRoom.deallocate()
  }

  /// There is room: no engine begins more than ``capacity`` reads and writes, and a sync comes after some of them.
  @inline(__always)
  mutating func append(_ step: IOStep, _ nanoseconds: UInt64) {
    if step == .sync {
      syncRoom[syncCount] = nanoseconds
      syncCount &+= 1
    } else {
      room[count] = nanoseconds
      count &+= 1
    }
  }

  mutating func removeAll() {
    count = 0
    syncCount = 0
  }

  var isFull: Bool { count == capacity }
  var operations: [UInt64] { Array(room[..<count]) }
  var syncs: [UInt64] { Array(syncRoom[..<syncCount]) }
}

/// Why an engine could not go on.
struct IOFailure {
  enum Reason {
    /// errno.
    case code(Int32)
    /// So many bytes instead of all.
    case short(Int)
    /// io_uring itself (io_uring_enter(2)): errno.
    case ring(Int32)
  }

  let step: IOStep
  let offset: UInt64
  let reason: Reason

  /// - Parameter result: bytes, or a negative errno.
  init(_ step: IOStep, offset: UInt64, result: Int) {
    self.step = step
    self.offset = offset
    reason = result < 0 ? .code(Int32(-result)) : .short(result)
  }

  init(ring code: Int32) {
    step = .sync
    offset = 0
    reason = .ring(code)
  }

  func error(_ slots: borrowing IOSlots) -> WorkloadError {
    let what =
      switch step {
      case .read: "read \(slots.path) at \(offset)"
      case .write: "write \(slots.path) at \(offset)"
      case .sync: "fsync \(slots.path)"
      }
    switch reason {
    case .short(let count): return WorkloadError("\(what): \(count) bytes of \(slots.blockSize)")
    case .ring(let code): return WorkloadError(SystemError(call: "io_uring_enter", code: code))
    case .code(let code): return WorkloadError("\(what): \(SystemError(call: "", code: code).reason)")
    }
  }
}
