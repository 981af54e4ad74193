import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

@Suite("Writing through mappings")
struct MmapWriteTests {
  private func scratch(size: Int, in parent: String = "/var/tmp") throws -> Scratch {
    let scratch = try Scratch(in: parent)
    for group in [FileLayout.Group.shared, .private, .witness] { try scratch.add(group, size: size) }
    return scratch
  }

  @Test("times the first write to each page, as many as the file has", arguments: [1, 4096, 4097, 1 << 20])
  func pages(size: Int) throws {
    let (result, samples, starts) = try measuredWarm {
      let scratch = try scratch(size: size)
      return try measured(MmapWriteLoop(scratch.configuration(.mmapWrite, size: size)))
    }
    let pages = (size + 4095) / 4096
    #expect(result.phases.map(\.phase) == [.sharedFault, .privateFault])
    #expect(samples.values.allSatisfy { $0.count == pages && $0.allSatisfy { $0 > 0 } })
    #expect(starts == 1 && result.operations == UInt64(2 * pages) && result.bytes == result.operations)
    #expect(!result.isTruncated && result.cachedPPM == 1_000_000)
    #expect(result.windowNanoseconds >= samples.values.joined().reduce(0, +))
  }

  @Test("each write to a warm page is a page fault of its own, however large the folios that were read")
  func faults() throws {
    /// Of the calling thread; RUSAGE_THREAD is 1.
    func minorFaults() -> Int {
      var usage = rusage()
      getrusage(__rusage_who_t(1), &usage)
      return usage.ru_minflt
    }
    let size = 4 << 20
    // A page that was dropped meanwhile is a fault of another kind.
    let faults = try repeated {
      let scratch = try scratch(size: size)
      var before = 0
      _ = try measured(
        MmapWriteLoop(scratch.configuration(.mmapWrite, size: size)), whenReady: { _ in before = minorFaults() })
      return minorFaults() - before
    } until: {
      $0 >= 2 * size / 4096
    }
    #expect(faults >= 2 * size / 4096)
  }

  @Test("the shared mapping's writes are in the file, one byte a page; the private one's are nowhere")
  func contents() throws {
    let size = 5 * 4096 + 7
    let scratch = try scratch(size: size)
    let (shared, lower) = (try scratch.bytes(.shared), try scratch.bytes(.private))
    _ = try measured(MmapWriteLoop(scratch.configuration(.mmapWrite, size: size)))
    let after = try scratch.bytes(.shared)
    #expect(try scratch.bytes(.private) == lower)
    #expect(after.count == size)
    let written = stride(from: 0, to: size, by: 4096).map { after[$0] }
    #expect(written.allSatisfy { $0 == written[0] } && written[0] != shared[0])
    for index in 0..<size where index % 4096 != 0 { #expect(after[index] == shared[index]) }
  }

  @Test("a page that the file system has no room for is an error with words", .requiresNetworkNamespaces)
  func full() throws {
    let namespace = try MountNamespace()
    let scratch = try Scratch()
    let path = scratch.path
    // The shared file is all hole, and the room is for the two others alone.
    try namespace.run { () throws in
      try Mount.make("tmpfs", at: path, options: [.value("size", "40k"), .value("nr_inodes", "64")])
    }
    try namespace.run { () throws in
      for group in [FileLayout.Group.private, .witness] { try scratch.add(group, size: 16_384) }
      try scratch.makeDirectory(FileLayout.directory(.shared, in: path))
      let shared = FileLayout.path(.shared, 0, in: path)
      try scratch.write([], to: shared)
      try systemCall("truncate") { truncate(shared, 16_384) }
    }
    var settings = scratch.configuration(.mmapWrite, size: 16_384)
    settings.mountNamespace = namespace.path
    settings.cache = .cold
    let worker = try WorkerProcess(settings)
    try worker.ready()
    try worker.send(.start)
    let reason = try worker.failure()
    #expect(reason.hasPrefix("page fault at byte "))
    #expect(reason.hasSuffix(" of \(path)/shared/000000: No space left on device"))
  }

  @Test("gives up with words for what is wrong")
  func failures() throws {
    let scratch = try scratch(size: 8192)
    let path = scratch.path
    #expect(
      try failure(of: MmapWriteLoop(scratch.configuration(.mmapWrite, size: 4096)))
        == "\(path)/shared/000000 has 8192 bytes where 4096 were expected")
    unlink(FileLayout.path(.private, 0, in: path))
    #expect(
      try failure(of: MmapWriteLoop(scratch.configuration(.mmapWrite, size: 8192)))
        == "stat \(path)/private/000000: No such file or directory")
  }
}
