import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

@Suite("Reads and writes of one file", .serialized)
struct IOTests {
  private static let size = 64 * 4096

  private func scratch(size: Int = size) throws -> Scratch {
    let scratch = try Scratch()
    try scratch.add(.io, size: size)
    return scratch
  }

  private func settings(
    _ scratch: borrowing Scratch, _ engine: StorageConfiguration.Engine = .psync,
    _ access: StorageConfiguration.Access = .read, size: Int = size, depth: Int = 1, syncEvery: Int = 0,
    window: UInt64 = 50 * milliseconds
  ) -> StorageConfiguration {
    StorageConfiguration(
      loop: .io, directory: scratch.path, size: size, blockSize: 4096, engine: engine, access: access, depth: depth,
      syncEvery: syncEvery, warmupNanoseconds: 5 * milliseconds, windowNanoseconds: window, seed: 7)
  }

  private static let engines: [(engine: StorageConfiguration.Engine, depth: Int)] = [
    (.psync, 1), (.ioUring, 1), (.ioUring, 8),
  ]
  private static let accesses: [StorageConfiguration.Access] = [.read, .write, .mixed]

  @Test("have a sample each, and fill the window", arguments: engines, accesses)
  func samples(engine: (engine: StorageConfiguration.Engine, depth: Int), access: StorageConfiguration.Access) throws {
    let depth = UInt64(engine.depth)
    func sum(_ measured: Measured) -> UInt64 { measured.samples[.io, default: []].reduce(0, +) }
    /// Little's law: with so many always under way, their times add up to so many windows.
    func areAllUnderWay(_ measured: Measured) -> Bool {
      sum(measured) > depth * measured.result.windowNanoseconds * 6 / 10
    }
    let scratch = try scratch()
    let measured = try withGrowingWindow(from: 50 * milliseconds) { window in
      // Fewer are under way where the thread loses its CPU in the midst of the first or the last ones.
      try repeated(upTo: 3) {
        try measuredWarm {
          let settings = settings(scratch, engine.engine, access, depth: engine.depth, window: window)
          let measured = try WorkloadsTests.measured(IOLoop(settings))
          let (result, samples, starts) = measured
          #expect(samples.count == 1 && starts == 1)
          #expect(result.operations == UInt64(try #require(samples[.io]).count))
          #expect(result.bytes == result.operations * 4096)
          #expect(!result.isTruncated && result.refusals.isEmpty)
          #expect(result.windowNanoseconds >= window && result.cpuNanoseconds > 0)
          // The end of one is the beginning of the next.
          if engine.engine == .psync { #expect(sum(measured) == result.windowNanoseconds) }
          return measured
        }
      } until: {
        areAllUnderWay($0)
      }
    } until: {
      $0.result.operations > 100
    }
    #expect(measured.result.operations > 100 && measured.result.cachedPPM == 1_000_000)
    #expect(sum(measured) <= depth * measured.result.windowNanoseconds && areAllUnderWay(measured))
  }

  @Test("go past the page cache if they are to", arguments: engines)
  func direct(engine: (engine: StorageConfiguration.Engine, depth: Int)) throws {
    let scratch = try scratch()
    var settings = settings(scratch, engine.engine, .mixed, depth: engine.depth)
    settings.isDirect = true
    let (result, samples, _) = try measured(IOLoop(settings))
    #expect(result.cachedPPM == nil)
    #expect(result.operations == UInt64(samples[.io]?.count ?? 0) && result.operations > 0)
  }

  @Test("sync the file after every so many writes", arguments: engines, [1, 3, 10])
  func syncs(engine: (engine: StorageConfiguration.Engine, depth: Int), every: Int) throws {
    let scratch = try scratch()
    let count = try withGrowingWindow(from: 50 * milliseconds) { window in
      var settings = settings(
        scratch, engine.engine, .write, depth: engine.depth, syncEvery: every, window: window)
      settings.warmupNanoseconds = 0
      let (result, samples, _) = try measured(IOLoop(settings))
      let (writes, syncs) = (try #require(samples[.io]), try #require(samples[.sync]))
      // The time may be over after a write and before its sync.
      #expect((writes.count / every - 1...writes.count / every).contains(syncs.count))
      #expect(result.phases.map(\.phase) == [.io, .sync])
      // A sync is no operation of its own.
      #expect(result.operations == UInt64(writes.count) && result.bytes == UInt64(writes.count) * 4096)
      if engine.engine == .psync { #expect((writes + syncs).reduce(0, +) == result.windowNanoseconds) }
      return syncs.count
    } until: {
      $0 > 0
    }
    #expect(count > 0)
  }

  @Test("change every whole block and nothing else when they write, and nothing when they read", arguments: engines)
  func contents(engine: (engine: StorageConfiguration.Engine, depth: Int)) throws {
    let (blocks, rest) = (16, 100)
    let size = blocks * 4096 + rest
    let scratch = try scratch(size: size)
    let before = try scratch.bytes(.io)
    /// Goes through the file twice and more.
    func operate(_ access: StorageConfiguration.Access) throws {
      let operations = try withGrowingWindow(from: 50 * milliseconds) { window in
        var settings = settings(scratch, engine.engine, access, size: size, depth: engine.depth, window: window)
        settings.isSequential = true
        return try measured(IOLoop(settings)).result.operations
      } until: {
        $0 > UInt64(2 * blocks)
      }
      #expect(operations > UInt64(2 * blocks))
    }
    try operate(.read)
    #expect(try scratch.bytes(.io) == before)
    try operate(.write)
    let after = try scratch.bytes(.io)
    #expect(after.count == size && after.suffix(rest) == before.suffix(rest))
    for block in 0..<blocks {
      let range = block * 4096..<(block + 1) * 4096
      #expect(after[range] != before[range])
    }
  }

  @Test("are none in a window of no length", arguments: engines)
  func nothing(engine: (engine: StorageConfiguration.Engine, depth: Int)) throws {
    let scratch = try scratch()
    let before = try scratch.bytes(.io)
    var settings = settings(scratch, engine.engine, .read, depth: engine.depth, window: 0)
    settings.warmupNanoseconds = 0
    let (result, samples, _) = try measured(IOLoop(settings))
    #expect(result.operations == 0 && result.windowNanoseconds == 0 && samples[.io] == [])
    #expect(try scratch.bytes(.io) == before)
    // What is to be written is laid out, and that is all.
    settings.access = .write
    let (written, writes, _) = try measured(IOLoop(settings))
    #expect(written.operations == 0 && written.windowNanoseconds == 0 && writes[.io] == [])
    let after = try scratch.bytes(.io)
    #expect(after.count == before.count && zip(after, before).count { $0 == $1 } < before.count / 50)
  }

  @Test("tell what the page cache held when the window opened")
  func cold() throws {
    let scratch = try scratch()
    let path = FileLayout.path(.io, 0, in: scratch.path)
    var settings = settings(scratch)
    settings.cache = .cold
    settings.warmupNanoseconds = 0
    let (result, _, _) = try measured(
      IOLoop(settings),
      whenReady: { _ in
        let file = try Descriptor.open(path, O_RDONLY)
        let fd = file.rawValue
        // What the test has written is clean by now, since the loop has synced: it can go.
        #expect(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0)
      })
    #expect(result.cachedPPM == 0)
  }

  @Test("stop where their room is full", arguments: engines)
  func truncation(engine: (engine: StorageConfiguration.Engine, depth: Int)) throws {
    let scratch = try scratch()
    let path = FileLayout.path(.io, 0, in: scratch.path)
    let file = try Descriptor.open(path, O_RDWR)
    let settings = settings(scratch, engine.engine, .write, depth: engine.depth, syncEvery: 4)
    let slots = try IOSlots(settings, fd: file.rawValue, path: path)
    var plan = IOPlan(settings)
    var samples = IOSamples(capacity: 21, syncEvery: 4)
    var nanoseconds: UInt64 = 0
    func fill(_ engine: inout some IOEngine & ~Copyable) -> IOFailure? {
      engine.run(&plan, slots, for: 30_000 * milliseconds, into: &samples, &nanoseconds)
    }
    switch engine.engine {
    case .psync:
      var engine = PsyncEngine()
      #expect(fill(&engine) == nil)
    case .ioUring:
      var uring = try UringEngine(depth: engine.depth)
      #expect(fill(&uring) == nil)
      #expect(uring.mostInFlight == engine.depth)
    }
    #expect(samples.isFull && samples.operations.count == 21 && samples.syncs.count == 5)
    #expect(nanoseconds < 30_000 * milliseconds)
    samples.removeAll()
    #expect(!samples.isFull && samples.operations == [] && samples.syncs == [])
  }

  @Test("take no more calls than they are: one a read, one a write, one a sync", .requiresProgram("strace"))
  func calls() throws {
    let scratch = try scratch()
    let (outcome, window) = try withGrowingWindow(from: 50 * milliseconds) { window in
      var settings = settings(scratch, .psync, .mixed, syncEvery: 5, window: window)
      settings.warmupNanoseconds = 0
      return try traced(settings, scratch)
    } until: { outcome, _ in
      !outcome.samples[1].isEmpty
    }
    func isOperation(_ line: Substring) -> Bool { line.hasPrefix("pread64(") || line.hasPrefix("pwrite64(") }
    let first = try #require(window.firstIndex(where: isOperation))
    let last = try #require(window.lastIndex { isOperation($0) || $0.hasPrefix("fsync(") })
    let syncs = window[first...last].count { $0.hasPrefix("fsync(") }
    #expect(window.count(where: isOperation) == outcome.samples[0].count)
    #expect(syncs == outcome.samples[1].count && syncs > 0)
    #expect(window[first...last].count == outcome.samples[0].count + syncs)
  }

  @Test("by io_uring are handed over one by one, and waited for when the queue is full", .requiresProgram("strace"))
  func ringCalls() throws {
    let scratch = try scratch()
    let (outcome, window) = try withGrowingWindow(from: 50 * milliseconds) { window in
      var settings = settings(scratch, .ioUring, .write, depth: 4, syncEvery: 10, window: window)
      settings.isDirect = true
      settings.warmupNanoseconds = 0
      return try traced(settings, scratch)
    } until: { outcome, _ in
      // Else the time was over before the queue was full.
      outcome.samples.joined().count > 4
    }
    let calls = window.filter { $0.hasPrefix("io_uring_enter(") }
    // The ring's number, what is handed over, what is waited for.
    let arguments = calls.map { $0.split(separator: ",").dropFirst().prefix(2).map { $0.drop { $0 == " " } } }
    #expect(arguments.allSatisfy { $0 == ["1", "0"] || $0 == ["0", "1"] })
    #expect(arguments.count { $0 == ["1", "0"] } == outcome.samples.joined().count)
    // Four are handed over before the first one is waited for.
    #expect(arguments.prefix(4).allSatisfy { $0 == ["1", "0"] })
  }

  @Test("name the place and the kernel's reason when the disk is full", .requiresNetworkNamespaces, arguments: engines)
  func full(engine: (engine: StorageConfiguration.Engine, depth: Int)) throws {
    let scratch = try Scratch()
    let path = scratch.path
    let settings = settings(scratch, engine.engine, .write, size: 64 << 20, depth: engine.depth)
    let reason = try MountNamespace().run { () throws in
      try Mount.make("tmpfs", at: path, options: [.value("size", "1m")])
      try scratch.makeDirectory("\(path)/io")
      let file = FileLayout.path(.io, 0, in: path)
      try scratch.write([], to: file)
      try systemCall("truncate", on: file) { truncate(file, 64 << 20) }
      return try failure(of: IOLoop(settings))
    }
    let words = reason.split(separator: " ")
    #expect(reason.hasPrefix("write \(path)/io/000000 at ") && reason.hasSuffix(": No space left on device"))
    let offset = try #require(Int(words[3].dropLast()))
    #expect(offset % 4096 == 0 && (0..<(64 << 20)).contains(offset))
  }

  @Test("say where a file system takes nothing past the page cache", .requiresNetworkNamespaces)
  func directRefused() throws {
    let scratch = try Scratch()
    let path = scratch.path
    var settings = settings(scratch)
    settings.isDirect = true
    let reason = try MountNamespace().run { () throws in
      try Mount.make("ramfs", at: path)
      try scratch.add(.io, size: Self.size)
      return try failure(of: IOLoop(settings))
    }
    #expect(
      reason == "\(path)/io/000000: its file system takes no reads and writes past the page cache (O_DIRECT)")
  }

  @Test("say what is short when the file has become so", arguments: engines)
  func short(engine: (engine: StorageConfiguration.Engine, depth: Int)) throws {
    let scratch = try scratch()
    let path = FileLayout.path(.io, 0, in: scratch.path)
    var settings = settings(scratch, engine.engine, depth: engine.depth)
    settings.isSequential = true
    settings.warmupNanoseconds = 0
    let reason = try failure(of: IOLoop(settings), whenReady: { _ in #expect(truncate(path, 5 * 4096 + 96) == 0) })
    #expect(reason == "read \(path) at 20480: 96 bytes of 4096")
  }

  @Test("are refused with a reason where they cannot be")
  func refused() throws {
    let scratch = try scratch()
    let path = FileLayout.path(.io, 0, in: scratch.path)
    func reason(_ change: (inout StorageConfiguration) -> Void) throws -> String {
      var settings = settings(scratch)
      change(&settings)
      return try failure(of: IOLoop(settings))
    }
    #expect(
      try reason { $0.depth = 2 } == "psync has one operation under way, not 2: io_uring has more")
    #expect(
      try reason { $0.blockSize = Self.size + 1 }
        == "\(path) of \(Self.size) bytes holds no block of \(Self.size + 1)")
    #expect(
      try reason { $0.size = Self.size * 2 } == "\(path) has \(Self.size) bytes where \(Self.size * 2) were expected")
    #expect(truncate(path, 8 << 20) == 0)
    #expect(
      try reason {
        $0.engine = .ioUring
        $0.size = 8 << 20
        $0.blockSize = 8 << 20
        $0.depth = 256
      } == "256 operations of 8388608 bytes under way take more memory than the 1024 MiB that are possible")
    unlink(path)
    #expect(try reason { _ in } == "stat \(path): No such file or directory")
  }
}

/// What the real worker measures, and the system calls that it makes from its start to its answer.
func traced(
  _ settings: StorageConfiguration, _ scratch: borrowing Scratch
) throws -> (outcome: StorageOutcome, calls: ArraySlice<Substring>) {
  let log = "\(scratch.path)/calls"
  let worker = WorkerProcess(
    running: try ChildProcess(
      executable: "/usr/bin/env",
      arguments: ["strace", "-o", log, "-e", "signal=none", "-s", "8", try WorkerProcess.path()],
      environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
  try worker.send(.configureStorage(settings))
  try worker.ready()
  try worker.send(.start)
  let outcome = try worker.storageResult()
  let lines = String(decoding: try SmallFile.bytes(log, limit: 1 << 28), as: UTF8.self).split(separator: "\n")
  let start = try #require(lines.lastIndex { $0.hasPrefix("read(0,") })
  let end = try #require(lines[start...].firstIndex { $0.hasPrefix("write(1,") })
  return (outcome, lines[start..<end])
}

@Suite("The plan of reads and writes")
struct IOPlanTests {
  private func steps(
    _ count: Int, _ access: StorageConfiguration.Access, blocks: Int = 50, isSequential: Bool = false,
    syncEvery: Int = 0, seed: UInt64 = 3
  ) -> [(step: IOStep, offset: UInt64)] {
    // With a rest that is no whole block.
    var plan = IOPlan(
      StorageConfiguration(
        loop: .io, directory: "", size: blocks * 8192 + 8191, blockSize: 8192, access: access,
        isSequential: isSequential, syncEvery: syncEvery, seed: seed))
    return (0..<count).map { _ in
      var offset = UInt64.max
      let step = plan.next(&offset)
      return (step, offset)
    }
  }

  @Test("goes through the blocks in order, and begins again")
  func order() {
    #expect(steps(120, .write, isSequential: true).map(\.offset) == (0..<120).map { UInt64($0 % 50 * 8192) })
    #expect(steps(3, .read, blocks: 1, isSequential: true).map(\.offset) == [0, 0, 0])
  }

  @Test("takes whole blocks within the file, all equally often")
  func uniform() {
    let (count, blocks) = (100_000, 50)
    let offsets = steps(count, .read, blocks: blocks).map(\.offset)
    #expect(offsets.allSatisfy { $0 % 8192 == 0 && $0 < UInt64(blocks * 8192) })
    var seen = [Int](repeating: 0, count: blocks)
    for offset in offsets { seen[Int(offset / 8192)] += 1 }
    let expected = Double(count) / Double(blocks)
    let chiSquare = seen.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    // Of 49 degrees of freedom: the quantiles of 0.0001 and 0.9999 (scipy.stats.chi2.ppf).
    #expect((19.6...94.3).contains(chiSquare))
    // No run of neighbours: the next one is another block in 49 of 50 cases.
    let repeats = zip(offsets, offsets.dropFirst()).count { $0 == $1 }
    #expect((1700...2300).contains(repeats))
  }

  @Test("is the same for the same seed, whatever is done at the places, and another for another seed")
  func seeds() {
    let places = steps(200, .read).map(\.offset)
    #expect(steps(200, .read).map(\.offset) == places)
    #expect(steps(200, .mixed).map(\.offset) == places)
    #expect(steps(200, .write).map(\.offset) == places)
    #expect(steps(200, .read, seed: 4).map(\.offset) != places)
  }

  @Test("reads and writes as often if mixed, in no order")
  func mixed() {
    let isWrite = steps(100_000, .mixed).map { $0.step == .write }
    // Six standard deviations of a fair coin, 950; and as many changes from one to the other.
    #expect((49_050...50_950).contains(isWrite.count { $0 }))
    #expect((49_050...50_950).contains(zip(isWrite, isWrite.dropFirst()).count { $0 != $1 }))
    #expect(steps(1000, .read).allSatisfy { $0.step == .read })
    #expect(steps(1000, .write).allSatisfy { $0.step == .write })
  }

  @Test("has a sync after every so many writes, reads not counted", arguments: [1, 2, 7])
  func syncs(every: Int) {
    let steps = steps(1000, .mixed, syncEvery: every).map(\.step)
    var writes = 0
    for (step, next) in zip(steps, steps.dropFirst()) {
      if step == .write { writes += 1 }
      // Right after that write, and nowhere else.
      #expect((next == .sync) == (step == .write && writes % every == 0))
    }
    #expect(writes > 100)
    #expect(!self.steps(1000, .write).contains { $0.step == .sync })
  }
}
