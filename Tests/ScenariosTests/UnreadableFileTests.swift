import Foundation
import Model
import Scenarios
import Testing

@Suite("A file that is no readable text")
struct UnreadableFileTests {
  private func load(_ path: String) -> UserError? {
    userError { () throws(UserError) in try ScenarioFile.load(path: path, knownEnvironments: knownEnvironments) }
  }

  @Test("is named as missing")
  func missing() {
    let error = load("/nonexistent/hop.yaml")
    #expect(error?.message == "/nonexistent/hop.yaml: no such file")
    #expect(error?.exitCode == .badInput)
  }

  @Test("is named as missing below a file")
  func belowFile() {
    #expect(load(Fixture.path("valid.yaml/hop.yaml"))?.message.hasSuffix("no such file") == true)
  }

  @Test("is named as a directory")
  func directory() throws {
    let scratch = try ScratchDirectory()
    let error = load(scratch.path)
    #expect(error?.message == "\(scratch.path): is a directory, not a scenario file")
    #expect(error?.exitCode == .badInput)
    #expect(error?.remedy?.contains("\(scratch.path)/network-hop.yaml") == true)
  }

  @Test("is named as no regular file, without waiting for a writer")
  func pipe() throws {
    let scratch = try ScratchDirectory()
    let path = "\(scratch.path)/pipe.yaml"
    try #require(mkfifo(path, 0o600) == 0)
    #expect(load(path)?.message == "\(path): is not a regular file")
    #expect(load("/dev/zero")?.message == "/dev/zero: is not a regular file")
  }

  /// Write-only even for root.
  @Test(
    "is named as not permitted",
    .enabled(
      if: FileManager.default.fileExists(atPath: "/proc/sys/vm/compact_memory"),
      "needs /proc/sys/vm/compact_memory: run on a kernel with CONFIG_COMPACTION"))
  func notPermitted() {
    let error = load("/proc/sys/vm/compact_memory")
    #expect(error?.message == "/proc/sys/vm/compact_memory: may not be read")
    #expect(error?.exitCode == .notPermitted)
  }

  @Test("is named as too large", arguments: [64 * 1024 + 1, 3 << 20])
  func tooLarge(_ size: Int) throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write("large.yaml", repeatElement(UInt8(ascii: "#"), count: size))
    #expect(load(path)?.message == "\(path): is larger than 64 KiB, so it is hardly a scenario")
  }

  @Test("is empty at the size limit, when all is comment")
  func atLimit() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write("large.yaml", repeatElement(UInt8(ascii: "#"), count: 64 * 1024))
    #expect(load(path)?.message == "\(path):1:1: the file is empty")
  }

  @Test("is not a file name", arguments: ["", "a\0b.yaml"])
  func noName(_ path: String) {
    #expect(load(path)?.message.hasSuffix("is not a file name") == true)
  }
}
