import Foundation
import LinuxKit
import Model
import Store
import TestSupport
import Testing

@Suite("A store whose writer is killed")
struct KilledWriterTests {
  private static let iterations = ProcessInfo.processInfo.environment["BENCH_KILL_ITERATIONS"].flatMap { Int($0) } ?? 12
  private static let valuesPerNight = 40

  private let directory: ScratchDirectory
  init() throws { directory = try ScratchDirectory() }

  /// Built beside the tests.
  private static func executable() throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(filePath: tests).deletingLastPathComponent().appending(path: "night-writer").path
    try #require(FileManager.default.isExecutableFile(atPath: path), "\(path) is missing: it is built with the tests")
    return path
  }

  @Test("at a random moment is sound, and has every night that was said to count, and no half one")
  func killed() throws {
    var said: Set<String> = []
    for iteration in 0..<Self.iterations {
      let writer = try ChildProcess(
        executable: try Self.executable(), arguments: [directory.store, "i\(iteration)"], environment: testEnvironment)
      let deadline = farDeadline()
      // A random moment is the point here: in the first migration, in a transaction, between two.
      let lines = iteration == 0 ? 0 : Int.random(in: 0...12)
      do throws(ChildProcess.Failure) {
        for line in 0... {
          if line == lines {
            usleep(.random(in: 0...20_000))
            writer.kill()
          }
          said.insert(String(decoding: try writer.readLine(deadline: deadline), as: UTF8.self))
        }
      } catch { if error != .ended { throw error } }
      #expect(try writer.waitForExit(deadline: deadline) == .killed(signal: SIGKILL), "\(writer.standardError())")
      said.remove("ready")

      let store = try RunStore(path: directory.store)
      #expect(try store.integrityProblems() == [], "iteration \(iteration)")
      let nights = try store.nights()
      let finished = nights.filter { $0.phase == .finished }
      #expect(Set(finished.map(\.id)).isSuperset(of: said), "iteration \(iteration)")
      // The one night that was being written when the writer was killed may be there without values, once each.
      #expect(try store.unfinishedNights().count <= iteration + 1)
      for night in nights.prefix(20) {
        let values = try store.nightValues(night.id)
        #expect(values.count == (night.phase == .finished ? Self.valuesPerNight : 0), "\(night.id) of \(iteration)")
        #expect(try (store.nightResult(night.id) != nil) == (night.phase == .finished))
      }
      #expect(try store.historySeries().allSatisfy { $0.nights == finished.count })
    }
    #expect(!said.isEmpty)
  }
}
