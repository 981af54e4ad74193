import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("A dedicated thread")
struct DedicatedThreadTests {
  @Test("is not the caller's, and hands over what its body returns")
  func elsewhere() throws {
    let caller = try inode("/proc/thread-self")
    let other = try onDedicatedThread { () throws(SystemError) in try inode("/proc/thread-self") }
    #expect(caller != other)
    #expect(try inode("/proc/thread-self") == caller)
    #expect(try onDedicatedThread { String(repeating: "x", count: 100) }.count == 100)
  }

  @Test("hands over what its body throws")
  func errors() {
    let thrown = SystemError(call: "test", subject: "thing", code: ENOTTY)
    let error = #expect(throws: SystemError.self) {
      try onDedicatedThread { () throws(SystemError) -> Int in throw thrown }
    }
    #expect(error == thrown)
  }

  @Test("many at a time, one within the other, end and leave nothing")
  func many() async {
    await #expect(processExitsWith: .success) {
      func threads() throws -> Int {
        let line = try SmallFile.text("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("Threads:") }
        return try #require(line.flatMap { Int($0.dropFirst(8).drop { $0 == "\t" }) })
      }
      let before = try threads()
      for number in 0..<500 {
        let sum = try onDedicatedThread { () throws(SystemError) in try onDedicatedThread { number } + 1 }
        #expect(sum == number + 1)
      }
      // The process's own pool may grow meanwhile, by no more than a thread a CPU and a few.
      #expect(try threads() < before + 100)
    }
  }

  @Test("prepared ones wait until they are let go, and give their results in order")
  func prepared() throws {
    let before = Clock.monotonic()
    let threads = PreparedThreads([3, 1, 2]) { number throws(SystemError) in
      if number == 1 { throw SystemError(call: "test", code: ENOTTY) }
      return (number, Clock.monotonic())
    }
    usleep(20_000)
    let released = Clock.monotonic()
    #expect(released - before >= 20_000_000)
    let results = threads.run()
    #expect(results.count == 3)
    #expect(try results[0].get().0 == 3 && results[2].get().0 == 2)
    #expect(try results[0].get().1 >= released && results[2].get().1 >= released)
    #expect(throws: SystemError(call: "test", code: ENOTTY)) { try results[1].get() }
    #expect(PreparedThreads([Int]()) { _ throws(SystemError) in 0 }.run().isEmpty)
  }

  @Test("a namespace entered there does not reach the caller", .requiresNetworkNamespaces)
  func namespaceStays() throws {
    try withNamespaces(1) { namespaces in
      let namespace = namespaces[0]
      let host = try currentNetworkNamespace()
      let inside = try onDedicatedThread { () throws(SystemError) in
        try namespace.enter()
        return try currentNetworkNamespace()
      }
      #expect(try inside == inode(namespace.path))
      #expect(inside != host)
      #expect(try currentNetworkNamespace() == host)
      #expect(try onDedicatedThread { () throws(SystemError) in try currentNetworkNamespace() } == host)
    }
  }
}
