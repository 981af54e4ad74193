import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

@Suite("Metadata")
struct MetadataTests {
  static let groups: [FileLayout.Group] = [.chmod, .rename, .unlink, .directories]

  private func scratch(count: Int) throws -> Scratch {
    let scratch = try Scratch()
    for group in Self.groups { try scratch.add(group, count: count, size: 100) }
    return scratch
  }

  @Test("does each kind of change to each file of its group once", arguments: [StorageConfiguration.Cache.warm, .cold])
  func counts(cache: StorageConfiguration.Cache) throws {
    let scratch = try scratch(count: 7)
    let loop = MetadataLoop(scratch.configuration(.metadata, count: 7, size: 100, cache: cache))
    let (result, samples, starts) = try measured(loop)
    #expect(result.phases.map(\.phase) == [.create, .chmod, .rename, .unlink, .renameDirectory])
    #expect(samples.values.allSatisfy { $0.count == 7 && $0.allSatisfy { $0 > 0 } })
    #expect(starts == 1 && result.operations == 35 && result.refusals.isEmpty && result.cachedPPM == nil)
    #expect(result.windowNanoseconds >= samples.values.joined().reduce(0, +))

    let names = (0..<7).map(FileLayout.name)
    #expect(try scratch.names(.own) == names)
    #expect(try scratch.names(.chmod) == names)
    for index in 0..<7 { #expect(try scratch.status(.chmod, index).st_mode & 0o7777 == 0o744) }
    #expect(try scratch.names(.rename) == names.map { "renamed-\($0)" })
    #expect(try scratch.names(.unlink) == [])
    #expect(try scratch.names(.directories) == names.map { "renamed-\($0)" })
    #expect(try SmallFile.bytes("\(scratch.path)/directories/renamed-000003/file") == [1])
  }

  @Test("goes in an order that the seed alone decides, and stops at what fails")
  func order() throws {
    let scratch = try scratch(count: 10)
    var numbers = SplitMix64(seed: 5)
    let orders = (0..<5).map { _ in numbers.order(10) }
    let gone = FileLayout.path(.unlink, orders[3][6], in: scratch.path)
    let loop = MetadataLoop(scratch.configuration(.metadata, count: 10, size: 100, seed: 5))
    #expect(try failure(of: loop, whenReady: { _ in unlink(gone) }) == "unlink \(gone): No such file or directory")
    #expect(try scratch.names(.unlink) == orders[3][7...].map(FileLayout.name).sorted())
    #expect(try scratch.names(.directories) == (0..<10).map(FileLayout.name))
  }

  @Test("gives up with words for what is wrong")
  func failures() throws {
    let scratch = try scratch(count: 2)
    let path = scratch.path
    func reason() throws -> String {
      try failure(of: MetadataLoop(scratch.configuration(.metadata, count: 2, size: 100)))
    }
    try scratch.add(.own, count: 2, size: 0)
    let reasons = (0..<2).map { "open \(path)/own/\(FileLayout.name($0)): File exists" }
    let first = try reason()
    #expect(reasons.contains(first))
    unlink(FileLayout.path(.rename, 1, in: path))
    #expect(try reason() == "stat \(path)/rename/000001: No such file or directory")
    unlink(FileLayout.path(.chmod, 0, in: path))
    #expect(try reason() == "stat \(path)/chmod/000000: No such file or directory")
  }
}
