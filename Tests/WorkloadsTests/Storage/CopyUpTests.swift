import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

@Suite("Copy-up")
struct CopyUpTests {
  private func scratch(count: Int, size: Int) throws -> Scratch {
    let scratch = try Scratch()
    try scratch.add(.write, count: count, size: size)
    try scratch.add(.change, count: count, size: size)
    try scratch.add(.witness, size: size)
    return scratch
  }

  @Test("times each step of each file once", arguments: [4097, 8192, 10_000, 300_000])
  func steps(size: Int) throws {
    var elapsed: UInt64 = 0
    let (result, samples, starts) = try measuredWarm {
      let scratch = try scratch(count: 5, size: size)
      let start = Clock.monotonic()
      defer { elapsed = Clock.monotonic() - start }
      return try measured(CopyUpLoop(scratch.configuration(.copyUp, count: 5, size: size)))
    }
    #expect(
      result.phases.map(\.phase)
        == [.open, .firstWrite, .lastWrite, .firstSync, .secondWrite, .secondDurable, .metadataChange])
    #expect(samples.values.allSatisfy { $0.count == 5 && $0.allSatisfy { $0 > 0 } })
    // The second part begins when what the first has written is on the disk.
    #expect(starts == 2)
    #expect(result.refusals.isEmpty)
    #expect(result.cachedPPM == 1_000_000)
    #expect(result.operations == 35)
    #expect(result.bytes == 5 * (4096 * 81 + 4096))
    #expect(result.bytesWritten == UInt64(5 * min(size, 8192)))
    #expect(result.windowNanoseconds > samples.values.joined().reduce(0, +) && result.windowNanoseconds < elapsed)
  }

  @Test("a file of one block has no last block apart from its first", arguments: [1, 100, 4096])
  func oneBlock(size: Int) throws {
    let scratch = try scratch(count: 3, size: size)
    let (result, samples, _) = try measured(CopyUpLoop(scratch.configuration(.copyUp, count: 3, size: size)))
    #expect(result.refusals == [StorageResult.Refusal(.lastWrite, "one block holds the file")])
    #expect(samples[.lastWrite] == nil && samples[.firstWrite]?.count == 3)
    #expect(result.bytesWritten == UInt64(3 * size))
    #expect(result.bytes == UInt64(3 * 81 * size))
    #expect(try scratch.status(.write).st_size == size)
  }

  @Test("changes the first and the last block of what it writes to, and the mode alone of what it changes")
  func changes() throws {
    let size = 20_000
    let scratch = try scratch(count: 4, size: size)
    func all(_ group: FileLayout.Group) throws -> [[UInt8]] { try (0..<4).map { try scratch.bytes(group, $0) } }
    let (writtenBefore, changedBefore) = (try all(.write), try all(.change))
    _ = try measured(CopyUpLoop(scratch.configuration(.copyUp, count: 4, size: size)))
    for (before, after) in zip(writtenBefore, try all(.write)) {
      #expect(after.count == size)
      #expect(after[4096..<size - 4096] == before[4096..<size - 4096])
      #expect(after[..<4096] != before[..<4096] && after[(size - 4096)...] != before[(size - 4096)...])
    }
    #expect(try all(.change) == changedBefore)
    for index in 0..<4 {
      #expect(try scratch.status(.write, index).st_mode & 0o7777 == 0o644)
      #expect(try scratch.status(.change, index).st_mode & 0o7777 == 0o744)
    }
  }

  @Test("the second part finds the files as the first has left them, on the disk")
  func parts() throws {
    let scratch = try scratch(count: 2, size: 8192)
    let before = try scratch.bytes(.write)
    let path = scratch.path
    var seen: [[UInt8]] = []
    var modes: [mode_t] = []
    _ = try measured(
      CopyUpLoop(scratch.configuration(.copyUp, count: 2, size: 8192)),
      whenReady: { _ in
        seen.append(try SmallFile.bytes(FileLayout.path(.write, 0, in: path)))
        var status = stat()
        stat(FileLayout.path(.change, 0, in: path), &status)
        modes.append(status.st_mode & 0o777)
      })
    #expect(seen.count == 2 && seen.first == before && seen.last != before)
    #expect(modes == [0o644, 0o644])
    #expect(try scratch.status(.change).st_mode & 0o777 == 0o744)
  }

  @Test("goes in an order that the seed alone decides, and stops at what fails", arguments: [1, 2, 99] as [UInt64])
  func order(seed: UInt64) throws {
    let scratch = try scratch(count: 12, size: 4096)
    var numbers = SplitMix64(seed: seed)
    let order = numbers.order(12)
    #expect(order.sorted() == Array(0..<12) && order != Array(0..<12))
    let before = try (0..<12).map { try scratch.bytes(.write, $0) }
    let gone = FileLayout.path(.write, order[7], in: scratch.path)
    let loop = CopyUpLoop(scratch.configuration(.copyUp, count: 12, seed: seed))
    #expect(try failure(of: loop, whenReady: { _ in unlink(gone) }) == "open \(gone): No such file or directory")
    for index in order[..<7] { #expect(try scratch.bytes(.write, index) != before[index]) }
    for index in order[8...] { #expect(try scratch.bytes(.write, index) == before[index]) }
  }

  @Test("its random numbers are those of SplitMix64")
  func numbers() {
    // From the generator's reference implementation in C, by Sebastiano Vigna (splitmix64.c), for this seed.
    var numbers = SplitMix64(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
    ]
    #expect(expected.map { _ in numbers.next() } == expected)
  }

  @Test("says what the files take as `stat` and `filefrag` see it", .requiresProgram("filefrag"))
  func allocated() throws {
    let scratch = try scratch(count: 3, size: 50_000)
    let (result, _, _) = try measured(CopyUpLoop(scratch.configuration(.copyUp, count: 3, size: 50_000)))
    let paths = (0..<3).map { FileLayout.path(.write, $0, in: scratch.path) }
    let blocks = try output("stat", ["-c", "%b %B"] + paths).split(separator: "\n").map { line in
      let numbers = line.split(separator: " ").compactMap { UInt64($0) }
      return numbers.count == 2 ? numbers[0] * numbers[1] : 0
    }
    #expect(result.bytesAllocated == blocks.reduce(0, +) && blocks.allSatisfy { $0 >= 50_000 })
    let fragments = try output("filefrag", ["-v"] + paths)
    #expect(fragments.contains("extent"))
    // Nobody shares with a file that was just made.
    #expect(!fragments.contains("shared") && result.bytesShared == 0)
  }

  @Test("files of more than may be open at once are opened again")
  func manyFiles() async throws {
    // In a process of its own, whose limit is its own.
    await #expect(processExitsWith: .success) {
      let scratch = try Scratch()
      for group in [FileLayout.Group.write, .change] { try scratch.add(group, count: 100, size: 8192) }
      try scratch.add(.witness, size: 8192)
      var limit = rlimit(rlim_cur: 60, rlim_max: 60)
      try systemCall("setrlimit") { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
      let before = try descriptorCount()
      let (result, samples, _) = try measured(CopyUpLoop(scratch.configuration(.copyUp, count: 100, size: 8192)))
      try #require(result.operations == 700)
      try #require(samples[.secondDurable]?.allSatisfy { $0 > 0 } == true)
      try #require(try descriptorCount() == before)
    }
  }

  @Test("leaves no file open")
  func descriptors() async throws {
    await #expect(processExitsWith: .success) {
      let scratch = try Scratch()
      for group in [FileLayout.Group.write, .change] { try scratch.add(group, count: 20) }
      let before = try descriptorCount()
      _ = try measured(CopyUpLoop(scratch.configuration(.copyUp, count: 20)))
      try #require(try descriptorCount() == before)
    }
  }

  @Test("gives up with words for what is wrong")
  func failures() throws {
    let scratch = try scratch(count: 2, size: 4096)
    let path = scratch.path
    func reason(count: Int = 2, size: Int = 4096, cache: StorageConfiguration.Cache = .warm) throws -> String {
      try failure(of: CopyUpLoop(scratch.configuration(.copyUp, count: count, size: size, cache: cache)))
    }
    #expect(try reason(count: 3) == "stat \(path)/write/000002: No such file or directory")
    #expect(try reason(size: 5000) == "\(path)/write/000000 has 4096 bytes where 5000 were expected")
    unlink(FileLayout.path(.witness, 0, in: path))
    #expect(try reason(cache: .cold) == "open \(path)/witness/000000: No such file or directory")
    unlink(FileLayout.path(.change, 1, in: path))
    #expect(try reason() == "stat \(path)/change/000001: No such file or directory")
    unlink(FileLayout.path(.write, 1, in: path))
    try scratch.makeDirectory(FileLayout.path(.write, 1, in: path))
    #expect(try reason() == "\(path)/write/000001 is no regular file")
  }

  @Test("a file that goes away before its turn is named")
  func vanishing() throws {
    let scratch = try scratch(count: 3, size: 4096)
    let path = scratch.path
    let loop = CopyUpLoop(scratch.configuration(.copyUp, count: 3))
    let changed = FileLayout.path(.change, 2, in: path)
    let reason = try failure(of: loop, whenReady: { part in if part == 2 { unlink(changed) } })
    #expect(reason == "chmod \(changed): No such file or directory")
  }
}

/// What `program` prints.
func output(_ program: String, _ arguments: [String]) throws -> String {
  let output = try ChildProcess.run(
    "/usr/bin/env", arguments: [program] + arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    deadline: farDeadline())
  guard output.status == .exited(0) else {
    throw TestFailure(description: "\(program): \(output.status), \(output.standardError)")
  }
  return String(decoding: output.standardOutput, as: UTF8.self)
}
