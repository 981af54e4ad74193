import Foundation
import Model
import Store
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
      let writer = Process()
      writer.executableURL = URL(filePath: try Self.executable())
      writer.arguments = [directory.store, "i\(iteration)"]
      let output = Pipe()
      writer.standardOutput = output
      try writer.run()
      // A random moment is the point here: in the first migration, in a transaction, between two.
      let lines = iteration == 0 ? 0 : Int.random(in: 0...12)
      var text = ""
      while text.split(separator: "\n").count < lines, let byte = try output.fileHandleForReading.read(upToCount: 1) {
        text += String(decoding: byte, as: UTF8.self)
      }
      usleep(.random(in: 0...20_000))
      kill(writer.processIdentifier, SIGKILL)
      text += String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      writer.waitUntilExit()
      #expect(writer.terminationReason == .uncaughtSignal)
      said.formUnion(text.split(separator: "\n").dropLast(text.hasSuffix("\n") ? 0 : 1).map(String.init))
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
