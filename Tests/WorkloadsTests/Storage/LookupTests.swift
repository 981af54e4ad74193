import Glibc
import LinuxKit
import Testing
import WorkerProtocol

@testable import Workloads

@Suite("Looking names up")
struct LookupTests {
  private func scratch(count: Int) throws -> Scratch {
    let scratch = try Scratch()
    try scratch.add(.names, count: count, size: 1)
    try scratch.add(.witness, size: 4096)
    return scratch
  }

  @Test("uses each name for one step alone", arguments: [2, 3, 7, 100])
  func counts(count: Int) throws {
    let scratch = try scratch(count: count)
    let (result, samples, starts) = try measuredWarm {
      try measured(LookupLoop(scratch.configuration(.lookup, count: count, size: 1)))
    }
    #expect(result.phases.map(\.phase) == [.lookup, .missingLookup, .openForReading, .list])
    #expect(samples[.lookup]?.count == (count + 1) / 2 && samples[.missingLookup]?.count == (count + 1) / 2)
    #expect(samples[.openForReading]?.count == count / 2 && samples[.list]?.count == LookupLoop.warmPasses)
    #expect(samples.values.joined().allSatisfy { $0 > 0 })
    #expect(starts == 1 && result.cachedPPM == 1_000_000 && result.refusals.isEmpty)
    #expect(result.operations == UInt64(samples.values.joined().count))
  }

  @Test("a cold directory is read once, since it is cold once")
  func cold() throws {
    let scratch = try scratch(count: 10)
    let (_, samples, _) = try measured(LookupLoop(scratch.configuration(.lookup, count: 10, size: 1, cache: .cold)))
    #expect(samples[.list]?.count == 1)
  }

  @Test("a single name is for stat alone")
  func single() throws {
    let scratch = try scratch(count: 1)
    let (result, samples, _) = try measured(LookupLoop(scratch.configuration(.lookup, count: 1, size: 1)))
    #expect(samples[.lookup]?.count == 1 && samples[.openForReading] == nil)
    #expect(
      result.refusals == [StorageResult.Refusal(.openForReading, "a single name is not enough for two steps")])
  }

  @Test("the steps divide the names as the seed decides: none has two", arguments: [1, 2, 3] as [UInt64])
  func disjoint(seed: UInt64) throws {
    let count = 9
    var numbers = SplitMix64(seed: seed)
    let order = numbers.order(count)
    // A name that goes away is missed by the step that has it, and by no other.
    for (place, call) in [(0, "stat"), (4, "stat"), (5, "open"), (8, "open")] {
      let scratch = try scratch(count: count)
      let path = FileLayout.path(.names, order[place], in: scratch.path)
      let loop = LookupLoop(scratch.configuration(.lookup, count: count, size: 1, seed: seed))
      let reason = try failure(of: loop, whenReady: { _ in unlink(path) })
      #expect(reason == "\(call) \(path): No such file or directory")
    }
  }

  @Test("leaves the directory as it was, and no file open")
  func untouched() throws {
    let scratch = try scratch(count: 20)
    let before = try scratch.names(.names)
    _ = try measured(LookupLoop(scratch.configuration(.lookup, count: 20, size: 1)))
    #expect(before.count == 20)
    #expect(try scratch.names(.names) == before)
  }

  @Test("gives up with words for what is wrong")
  func failures() throws {
    let scratch = try scratch(count: 4)
    let path = scratch.path
    let loop = LookupLoop(scratch.configuration(.lookup, count: 4, size: 1))
    // A name that should be missing.
    try scratch.write([], to: "\(path)/names/missing-000001")
    #expect(try failure(of: loop) == "stat \(path)/names/missing-000001: File exists")
    unlink("\(path)/names/missing-000001")
    // A name that is there, and its directory lists another in its place.
    unlink(FileLayout.path(.names, 3, in: path))
    #expect(try failure(of: loop).hasSuffix("\(path)/names/000003: No such file or directory"))
  }
}
