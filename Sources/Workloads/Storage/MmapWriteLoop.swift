internal import Glibc
internal import LinuxKit
internal import Synchronization
public import WorkerProtocol

/// The first write to each page of a mapping: of a file that is open for writing (so it is copied up, untimed) and shared
/// with it, and of a file of the layer below that is mapped for the process alone.
///
/// One byte a page, in order: each is a page fault. Of the shared mapping it asks the file system for a block, and of the
/// private one it copies the page in memory. A cold page is read in that fault, with some of those around it.
public struct MmapWriteLoop: StorageLoop {
  /// The most pages that have a sample: 64 GiB of them.
  private static let sampleLimit = 1 << 24

  private let configuration: StorageConfiguration

  public init(_ configuration: StorageConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any StorageConversation) throws(WorkloadError) {
    let size = configuration.size
    for group in [FileLayout.Group.shared, .private] { try check(PathTable(group, configuration), size: size) }
    let sharedPath = FileLayout.path(.shared, 0, in: configuration.directory)
    let privatePath = FileLayout.path(.private, 0, in: configuration.directory)
    let shared = try openFile(sharedPath, O_RDWR)
    let lower = try openFile(privatePath, O_RDONLY)
    // What was copied up is dirty until now, and dirty pages are never dropped.
    try syncFileSystem(of: configuration.directory)
    if configuration.cache == .warm {
      try Self.readPageByPage(shared, path: sharedPath)
      try Self.readPageByPage(lower, path: privatePath)
    }
    let sharedMapping = try Mapping(shared, size: size, isShared: true, path: sharedPath)
    let privateMapping = try Mapping(lower, size: size, isShared: false, path: privatePath)
    let pages = min(sharedMapping.pages, Self.sampleLimit)
    var sharedFaults = [UInt64](repeating: 0, count: pages)
    var privateFaults = [UInt64](repeating: 0, count: pages)
    BusErrors.startCounting()
    try conversation.awaitStart()

    var result = StorageResult()
    result.isTruncated = pages < sharedMapping.pages
    let cached =
      try CacheState.cachedBytes(shared, size: size, path: sharedPath)
      + CacheState.cachedBytes(lower, size: size, path: privatePath)
    result.cachedPPM = CacheState.ppm(cached, of: 2 * size)
    // Differs from what is in either file's first and last byte that is written, so that it shows what became of it.
    let last = (pages - 1) * sharedMapping.pageSize
    let lowerBytes = try (Self.byte(lower, at: 0, privatePath), Self.byte(lower, at: last, privatePath))
    let sharedBytes = try (Self.byte(shared, at: 0, sharedPath), Self.byte(shared, at: last, sharedPath))
    let taken = [lowerBytes.0, lowerBytes.1, sharedBytes.0, sharedBytes.1]
    var mark: UInt8 = 0
    while taken.contains(mark) { mark += 1 }

    let usage = ProcessUsage()
    let start = Clock.monotonic()
    try sharedMapping.touch(with: mark, into: &sharedFaults, of: shared)
    try privateMapping.touch(with: mark, into: &privateFaults, of: lower)
    result.windowNanoseconds = Clock.monotonic() - start
    usage.account(for: &result)

    try syncFileSystem(of: configuration.directory)
    guard try Self.byte(shared, at: 0, sharedPath) == mark, try Self.byte(shared, at: last, sharedPath) == mark else {
      throw WorkloadError("\(sharedPath) has not what was written through its shared mapping")
    }
    guard try Self.byte(lower, at: 0, privatePath) == lowerBytes.0,
      try Self.byte(lower, at: last, privatePath) == lowerBytes.1
    else { throw WorkloadError("\(privatePath) has what was written through its private mapping") }
    result.operations = UInt64(sharedFaults.count + privateFaults.count)
    result.bytes = result.operations
    conversation.report(
      StorageOutcome(result: result, samples: [(.sharedFault, sharedFaults), (.privateFault, privateFaults)]))
  }

  /// Fills the page cache by single pages. Data that are read ahead, or were written in one go, lie in large folios, of
  /// which one fault of a shared mapping maps all: most writes would be none, and how many, the file system's way of
  /// copying up would decide.
  private static func readPageByPage(_ descriptor: borrowing Descriptor, path: String) throws(WorkloadError) {
    try advise(descriptor, POSIX_FADV_DONTNEED, path)
    try advise(descriptor, POSIX_FADV_RANDOM, path)
    try CacheState.read(descriptor, path: path)
    try advise(descriptor, POSIX_FADV_NORMAL, path)
  }

  private static func advise(
    _ descriptor: borrowing Descriptor, _ advice: Int32, _ path: String
  ) throws(WorkloadError) {
    let code = posix_fadvise(descriptor.rawValue, 0, 0, advice)
    if code != 0 { throw WorkloadError(SystemError(call: "posix_fadvise", subject: path, code: code)) }
  }

  private static func byte(
    _ descriptor: borrowing Descriptor, at offset: Int, _ path: String
  ) throws(WorkloadError) -> UInt8 {
    let fd = descriptor.rawValue
    var byte: UInt8 = 0
    let count = try explained { () throws(SystemError) in
      try systemCall("pread", on: path) { pread(fd, &byte, 1, off_t(offset)) }
    }
    guard count == 1 else { throw WorkloadError("\(path) ends before byte \(offset)") }
    return byte
  }
}

/// A mapping of a whole file, for reading and writing (mmap(2)).
private struct Mapping: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let size: Int
  private let path: String
  let pageSize: Int

  init(_ descriptor: borrowing Descriptor, size: Int, isShared: Bool, path: String) throws(WorkloadError) {
    let base = mmap(nil, size, PROT_READ | PROT_WRITE, isShared ? MAP_SHARED : MAP_PRIVATE, descriptor.rawValue, 0)
    guard let base, base != MAP_FAILED else {
      throw WorkloadError(SystemError(call: "mmap", subject: path, code: errno))
    }
    self.base = base
    self.size = size
    self.path = path
    pageSize = Int(getpagesize())
  }

  deinit { munmap(base, size) }

  var pages: Int { (size + pageSize - 1) / pageSize }

  /// Writes a byte to as many pages as there is room for samples, in order, and times each.
  borrowing func touch(
    with byte: UInt8, into samples: inout [UInt64], of descriptor: borrowing Descriptor
  ) throws(WorkloadError) {
    var failedAt: Int?
    let before = BusErrors.count
    samples.withUnsafeMutableBufferPointer { samples in
      var place = base
      for page in samples.indices {
        let start = Clock.monotonic()
        place.storeBytes(of: byte, as: UInt8.self)
        samples[page] = Clock.monotonic() - start
        if BusErrors.count != before {
          failedAt = page * pageSize
          break
        }
        place += pageSize
      }
    }
    if let failedAt { throw failure(at: failedAt, descriptor) }
  }

  /// A signal says nothing about why; a write to the same place does.
  private borrowing func failure(at offset: Int, _ descriptor: borrowing Descriptor) -> WorkloadError {
    var byte: UInt8 = 0
    guard pread(descriptor.rawValue, &byte, 1, off_t(offset)) == 1,
      pwrite(descriptor.rawValue, &byte, 1, off_t(offset)) == 1
    else { return WorkloadError(SystemError(call: "page fault at byte \(offset) of", subject: path, code: errno)) }
    return WorkloadError("page fault at byte \(offset) of \(path): SIGBUS")
  }
}

/// SIGBUS is what a process gets that writes to a page of a mapping which the file system cannot take. It is counted, and
/// the page replaced by one of memory, so that the write goes on and the loop sees the count: a worker that were ended by
/// the signal could not say why.
private enum BusErrors {
  private static let seen = Atomic<Int>(0)

  static var count: Int { seen.load(ordering: .relaxed) }

  static func startCounting() {
    // Here, so that the handler finds it made.
    seen.store(0, ordering: .relaxed)
    var action = sigaction()
    action.sa_flags = SA_SIGINFO
    action.__sigaction_handler.sa_sigaction = { _, information, _ in
      let pageSize = UInt(getpagesize())
      let address = information.flatMap { $0.pointee._sifields._sigfault.si_addr }
      let page = UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: address) / pageSize * pageSize)
      let memory = mmap(
        page, Int(pageSize), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
      // Without one, the same signal would come again without end.
      if memory == MAP_FAILED { _exit(1) }
      BusErrors.seen.add(1, ordering: .relaxed)
    }
    sigaction(SIGBUS, &action, nil)
  }
}
