import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

/// As an engine starts it: from one of many threads, into a PID namespace of its own.
@Suite("A worker that is the first process of a container")
struct FirstProcessTests {
  /// Made by one thread, which has ended when another has it.
  private struct Started: @unchecked Sendable {
    let worker: WorkerProcess
    /// Its directory in /proc.
    let thread: String
  }

  @Test("outlives the thread that started it, and stops when it is told to", .requiresNetworkNamespaces)
  func threadEnds() throws {
    let started = try Background {
      // Hidden behind _GNU_SOURCE. It holds for the children of this thread alone.
      typealias Unshare = @convention(c) (Int32) -> Int32
      let symbol = try #require(dlsym(nil, "unshare"))
      let unshare = unsafeBitCast(symbol, to: Unshare.self)
      let newPIDNamespace: Int32 = 0x2000_0000
      try systemCall("unshare") { unshare(newPIDNamespace) }
      let worker = try WorkerProcess(configuration(.server, .udp, .block))
      #expect(try worker.listening() > 0)
      var buffer = [CChar](repeating: 0, count: 100)
      let count = readlink("/proc/thread-self", &buffer, buffer.count)
      let thread = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      try #require(thread.contains("/task/"))
      return Started(worker: worker, thread: "/proc/\(thread)")
    }.value()
    let inside = try SmallFile.text("/proc/\(started.worker.child.pid)/status").split(separator: "\n")
      .first { $0.hasPrefix("NSpid:") }
    #expect(inside?.split(separator: "\t").last == "1")
    // It has handed over its result, and is about to end.
    let deadline = farDeadline()
    while access(started.thread, F_OK) == 0 {
      try #require(Clock.monotonic() < deadline)
      sched_yield()
    }
    #expect(try started.worker.stop() == ServerResult())
  }
}
