internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The first changes to files that a layer below has: what a copy-up costs, step by step, and what remains of it after
/// the first change. Each file is used once.
///
/// In parts, with a pause between them (`awaitStart`): the first changes alone, and all that comes after.
public struct CopyUpLoop: StorageLoop {
  /// Bytes of each write: a page, and a block of the file systems.
  static let blockSize = 4096
  /// How often the second write is repeated, into the page cache and again to the disk.
  static let repetitions = 16
  /// The same to the disk, whose time wanders: its median is to stand on more.
  static let durableRepetitions = 64

  private let configuration: StorageConfiguration

  public init(_ configuration: StorageConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any StorageConversation) throws(WorkloadError) {
    let paths = PathTable(.write, configuration)
    let changedPaths = PathTable(.change, configuration)
    try check(paths, size: configuration.size)
    let modes = try check(changedPaths, size: configuration.size)
    var numbers = SplitMix64(seed: configuration.seed)
    let order = numbers.order(paths.count)
    let changeOrder = numbers.order(changedPaths.count)
    var work = Work(
      size: configuration.size, places: try placesNow(paths), numbers: &numbers)
    var changes = [UInt64](repeating: 0, count: changedPaths.count)

    var result = StorageResult()
    switch configuration.cache {
    case .warm:
      let written = try CacheState.warm(paths, size: configuration.size)
      let changed = try CacheState.warm(changedPaths, size: configuration.size)
      result.cachedPPM = CacheState.ppm(written.cached + changed.cached, of: written.whole + changed.whole)
      try conversation.awaitStart()
    case .cold:
      let witness = try WitnessFile(configuration)
      try conversation.awaitStart()
      result.cachedPPM = try witness.cachedPPM()
    }

    var usage = ProcessUsage()
    var start = Clock.monotonic()
    let firstFailure = work.changeFirst(order, paths)
    result.windowNanoseconds = Clock.monotonic() - start
    usage.account(for: &result)
    try firstFailure.rethrow(paths)
    // So that what reaches the device for the first changes has reached it when it is looked at.
    try syncFileSystem(of: configuration.directory)
    try conversation.awaitStart()

    usage = ProcessUsage()
    start = Clock.monotonic()
    let secondFailure = work.changeAgain(order, paths)
    // A chmod that changes nothing might be left out: one that is for the owner's right to execute changes something.
    let changeFailure =
      secondFailure.hasOccurred
      ? CallFailure()
      : timeEach(changeOrder, "chmod", into: &changes) { chmod(changedPaths[$0], (modes[$0] & 0o7777) ^ 0o100) }
    result.windowNanoseconds += Clock.monotonic() - start
    usage.account(for: &result)
    try secondFailure.rethrow(paths)
    try changeFailure.rethrow(changedPaths)

    work.closeAll()
    try syncFileSystem(of: configuration.directory)
    try account(for: paths, work, &result)
    var samples: [(phase: StoragePhase, nanoseconds: [UInt64])] = [
      (.open, work.opens), (.firstWrite, work.firstWrites),
    ]
    if work.hasLastBlock {
      samples.append((.lastWrite, work.lastWrites))
    } else {
      result.refusals.append(StorageResult.Refusal(.lastWrite, "one block holds the file"))
    }
    samples += [
      (.firstSync, work.firstSyncs), (.secondWrite, work.secondWrites), (.secondDurable, work.medianDurable()),
      (.metadataChange, changes),
    ]
    result.operations = samples.reduce(0) { $0 + UInt64($1.nanoseconds.count) }
    conversation.report(StorageOutcome(result: result, samples: samples))
  }

  /// Where the files lie now, in their order.
  private func placesNow(_ paths: borrowing PathTable) throws(WorkloadError) -> [FileExtents] {
    var places: [FileExtents] = []
    places.reserveCapacity(paths.count)
    for index in 0..<paths.count {
      let path = paths.text(index)
      let file = try openFile(path, O_RDONLY)
      do throws(SystemError) { places.append(try FileExtents(of: file)) } catch {
        throw WorkloadError("where \(path) lies: \(error)")
      }
    }
    return places
  }

  /// What the files take now.
  private func account(
    for paths: borrowing PathTable, _ work: Work, _ result: inout StorageResult
  ) throws(WorkloadError) {
    var allocated: UInt64 = 0
    var shared: UInt64? = 0
    var taken: UInt64? = 0
    for (now, before) in zip(try placesNow(paths), work.placesBefore) {
      allocated += now.allocated
      shared = shared.flatMap { sum in now.shared.map { sum + $0 } }
      taken = taken.flatMap { sum in now.bytes(notIn: before).map { sum + $0 } }
    }
    let size = UInt64(configuration.size)
    let distinct = min(size, UInt64(work.hasLastBlock ? 2 * Self.blockSize : Self.blockSize))
    let count = UInt64(paths.count)
    result.bytesWritten = distinct * count
    result.bytesAllocated = allocated
    result.bytesShared = shared
    result.bytesCopied = work.copied
    result.bytesTaken = taken
    let each =
      work.firstLength * (1 + Self.repetitions + Self.durableRepetitions) + (work.hasLastBlock ? Self.blockSize : 0)
    result.bytes = UInt64(each) * count
  }
}

/// The timed parts, with the room that they need: nothing is allocated in them.
private struct Work {
  /// ns, file by file.
  private(set) var opens: [UInt64]
  private(set) var firstWrites: [UInt64]
  private(set) var lastWrites: [UInt64]
  private(set) var firstSyncs: [UInt64]
  private(set) var secondWrites: [UInt64]
  /// ns of each repetition, file by file.
  private var durable: [UInt64]
  /// Of the files that are open; −1 where one is not.
  private var descriptors: [Int32]
  private let keepsOpen: Bool
  private let size: Int
  /// Random, so that no file system finds that it has them already.
  private let block: [UInt8]
  /// Bytes of the write at the file's beginning.
  let firstLength: Int
  /// Where each file lay before it was opened for writing.
  let placesBefore: [FileExtents]
  /// Bytes of all files that lay elsewhere once they were open for writing; nil where the file system does not tell.
  private(set) var copied: UInt64? = 0

  init(size: Int, places: [FileExtents], numbers: inout SplitMix64) {
    placesBefore = places
    let count = places.count
    func room(_ count: Int) -> [UInt64] { [UInt64](repeating: 0, count: count) }
    self.size = size
    firstLength = min(size, CopyUpLoop.blockSize)
    opens = room(count)
    firstWrites = room(count)
    lastWrites = room(count)
    firstSyncs = room(count)
    secondWrites = room(count)
    durable = room(count * CopyUpLoop.durableRepetitions)
    descriptors = [Int32](repeating: -1, count: count)
    keepsOpen = allowDescriptors(count)
    block = (0..<CopyUpLoop.blockSize).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
  }

  /// Whether there is a last block apart from the first.
  var hasLastBlock: Bool { size > CopyUpLoop.blockSize }

  /// Opens each file, writes its first and last block, and has them on the disk.
  mutating func changeFirst(_ order: [Int], _ paths: borrowing PathTable) -> CallFailure {
    var failure = CallFailure()
    let blockSize = CopyUpLoop.blockSize
    let firstLength = firstLength
    let lastOffset = off_t(size - blockSize)
    let hasLastBlock = hasLastBlock
    block.withUnsafeBytes { block in
      for file in order {
        let start = Clock.monotonic()
        let descriptor = Glibc.open(paths[file], O_RDWR | O_CLOEXEC)
        let opened = Clock.monotonic()
        if descriptor < 0 {
          failure.note("open", at: file)
          break
        }
        descriptors[file] = descriptor
        look(at: descriptor, file)
        let ready = Clock.monotonic()
        let first = pwrite(descriptor, block.baseAddress, firstLength, 0)
        let written = Clock.monotonic()
        if first != firstLength {
          failure.noteWrite(first, at: file)
          break
        }
        var writtenLast = written
        if hasLastBlock {
          let last = pwrite(descriptor, block.baseAddress, blockSize, lastOffset)
          writtenLast = Clock.monotonic()
          if last != blockSize {
            failure.noteWrite(last, at: file)
            break
          }
        }
        let result = fdatasync(descriptor)
        let synced = Clock.monotonic()
        if result < 0 {
          failure.note("fdatasync", at: file)
          break
        }
        opens[file] = opened - start
        firstWrites[file] = written - ready
        lastWrites[file] = writtenLast - written
        firstSyncs[file] = synced - writtenLast
        if !keepsOpen {
          close(descriptor)
          descriptors[file] = -1
        }
      }
    }
    return failure
  }

  /// What opening it has copied, before anything is written: between two timed steps. Nothing is written back for it, since
  /// that would be a part of the sync's work.
  private mutating func look(at descriptor: Int32, _ file: Int) {
    guard let sum = copied else { return }
    let now = try? FileExtents(of: descriptor, isSynced: false)
    copied = now?.bytes(notIn: placesBefore[file]).map { sum + $0 }
  }

  /// Writes each file's first block again, and again with a sync.
  mutating func changeAgain(_ order: [Int], _ paths: borrowing PathTable) -> CallFailure {
    var failure = CallFailure()
    let length = firstLength
    let repetitions = CopyUpLoop.repetitions
    let durableRepetitions = CopyUpLoop.durableRepetitions
    block.withUnsafeBytes { block in
      files: for file in order {
        let descriptor = keepsOpen ? descriptors[file] : Glibc.open(paths[file], O_RDWR | O_CLOEXEC)
        if descriptor < 0 {
          failure.note("open", at: file)
          break files
        }
        descriptors[file] = descriptor
        let start = Clock.monotonic()
        for _ in 0..<repetitions {
          let count = pwrite(descriptor, block.baseAddress, length, 0)
          if count != length {
            failure.noteWrite(count, at: file)
            break files
          }
        }
        secondWrites[file] = (Clock.monotonic() - start) / UInt64(repetitions)
        for repetition in 0..<durableRepetitions {
          let start = Clock.monotonic()
          let count = pwrite(descriptor, block.baseAddress, length, 0)
          let result = fdatasync(descriptor)
          let end = Clock.monotonic()
          if count != length {
            failure.noteWrite(count, at: file)
            break files
          }
          if result < 0 {
            failure.note("fdatasync", at: file)
            break files
          }
          durable[file * durableRepetitions + repetition] = end - start
        }
        if !keepsOpen {
          close(descriptor)
          descriptors[file] = -1
        }
      }
    }
    return failure
  }

  /// Files are left open by a failure, too: then the worker ends.
  mutating func closeAll() {
    for index in descriptors.indices where descriptors[index] >= 0 {
      close(descriptors[index])
      descriptors[index] = -1
    }
  }

  /// Of each file, the median of its repetitions, ns.
  func medianDurable() -> [UInt64] {
    let repetitions = CopyUpLoop.durableRepetitions
    return opens.indices.map { file in
      let all = durable[file * repetitions..<(file + 1) * repetitions].sorted()
      return (all[repetitions / 2 - 1] + all[repetitions / 2]) / 2
    }
  }
}

/// Whether so many files may be open at once besides those that always are. Asks for as many as may be asked for.
private func allowDescriptors(_ count: Int) -> Bool {
  let others = 64
  let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  var limit = rlimit()
  guard getrlimit(kind, &limit) == 0 else { return false }
  let wanted = rlim_t(count + others)
  if limit.rlim_cur >= wanted { return true }
  limit.rlim_cur = min(wanted, limit.rlim_max)
  return limit.rlim_cur == wanted && setrlimit(kind, &limit) == 0
}
