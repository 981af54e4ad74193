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
