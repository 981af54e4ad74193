internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// What finding a name costs: stat(2) of names that are there and of names that are not, open(2), and reading the
/// directory.
///
/// A name is used by one step alone: the first half of them, in a random order, by stat(2), the second half by open(2).
/// So a cold cache is cold for both, as far as the name itself goes; the directory's own blocks are read by the first
/// lookups, and those of the inodes come several at a time. The directory is read last: what it puts into the page cache
/// would help the others.
public struct LookupLoop: StorageLoop {
  /// How often a warm directory is read. A cold one is cold once.
  static let warmPasses = 16

  private let configuration: StorageConfiguration

  public init(_ configuration: StorageConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any StorageConversation) throws(WorkloadError) {
    let directory = FileLayout.directory(.names, in: configuration.directory)
    let names = PathTable(.names, configuration)
    var numbers = SplitMix64(seed: configuration.seed)
    let order = numbers.order(names.count)
    let found = Array(order[..<((order.count + 1) / 2)])
    let opened = Array(order[found.count...])
    let missing = numbers.order(found.count)
    let missingNames = PathTable(count: missing.count) { "\(directory)/missing-\(FileLayout.name($0))" }
    var lookups = Samples(found)
    var missed = Samples(missing)
    var opens = Samples(opened)
    var passes = [UInt64](repeating: 0, count: configuration.cache == .warm ? Self.warmPasses : 1)

    let witness = try WitnessFile(configuration)
    if configuration.cache == .warm {
      try Self.look(found, names, into: &lookups).rethrow(names)
      try Self.miss(missing, missingNames, into: &missed).rethrow(missingNames)
      try Self.open(opened, names, into: &opens).rethrow(names)
      _ = try Self.list(directory)
    }
    try conversation.awaitStart()

    var result = StorageResult()
    // Of the witness: whether caches were dropped. Entries of directories cannot be asked for.
    result.cachedPPM = try witness.cachedPPM()
    let usage = ProcessUsage()
    let start = Clock.monotonic()
    try Self.look(found, names, into: &lookups).rethrow(names)
    try Self.miss(missing, missingNames, into: &missed).rethrow(missingNames)
    try Self.open(opened, names, into: &opens).rethrow(names)
    var entries = 0
    for pass in passes.indices {
      let start = Clock.monotonic()
      entries = try Self.list(directory)
      let end = Clock.monotonic()
      guard entries >= names.count else {
        throw WorkloadError("\(directory) lists \(entries) entries where \(names.count) files were expected")
      }
      passes[pass] = (end - start) / UInt64(entries)
    }
    result.windowNanoseconds = Clock.monotonic() - start
    usage.account(for: &result)

    var samples = [(phase: StoragePhase.lookup, nanoseconds: lookups), (.missingLookup, missed)]
    if opened.isEmpty {
      result.refusals.append(StorageResult.Refusal(.openForReading, "a single name is not enough for two steps"))
    } else {
      samples.append((.openForReading, opens))
    }
    samples.append((.list, passes))
    result.operations = samples.reduce(0) { $0 + UInt64($1.nanoseconds.count) }
    conversation.report(StorageOutcome(result: result, samples: samples))
  }

  private typealias Samples = [UInt64]

  private static func look(
    _ order: [Int], _ names: borrowing PathTable, into samples: inout Samples
  ) -> CallFailure {
    var status = stat()
    return timeEach(order, "stat", into: &samples) { stat(names[$0], &status) }
  }

  private static func miss(
    _ order: [Int], _ names: borrowing PathTable, into samples: inout Samples
  ) -> CallFailure {
    var status = stat()
    var foundOne = CallFailure()
    let failure = timeEach(order, "stat", into: &samples) { place in
      if stat(names[place], &status) != 0 { return errno == ENOENT ? 0 : -1 }
      foundOne.note("stat", code: EEXIST, at: place)
      return 0
    }
    return failure.hasOccurred ? failure : foundOne
  }

  private static func open(
    _ order: [Int], _ names: borrowing PathTable, into samples: inout Samples
  ) -> CallFailure {
    timeEach(
      order, "open", into: &samples, { Glibc.open(names[$0], O_RDONLY | O_CLOEXEC) }, after: { _ = close($0) })
  }

  /// Reads the directory once.
  /// - Returns: its entries, without "." and "..".
  private static func list(_ directory: String) throws(WorkloadError) -> Int {
    guard let stream = opendir(directory) else {
      throw WorkloadError(SystemError(call: "opendir", subject: directory, code: errno))
    }
    var count = 0
    errno = 0
    while readdir(stream) != nil { count += 1 }
    let code = errno
    closedir(stream)
    if code != 0 { throw WorkloadError(SystemError(call: "readdir", subject: directory, code: code)) }
    return count - 2
  }
}

extension [UInt64] {
  /// Room for a sample of each place.
  fileprivate init(_ order: [Int]) { self.init(repeating: 0, count: order.count) }
}
