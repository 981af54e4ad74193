import LinuxKit
import Testing

@Suite("The CPUs of a thread")
struct CPUSetTests {
  @Test("are bound for that thread, and for what it starts")
  func bind() throws {
    let all = try CPUSet.current()
    #expect(!all.isEmpty && all == all.sorted() && Set(all).count == all.count)
    for cpu in all {
      let seen = try onDedicatedThread { () throws(SystemError) in
        try CPUSet.bind(to: [cpu])
        let own = try CPUSet.current()
        let inherited = try onDedicatedThread { () throws(SystemError) in try CPUSet.current() }
        let child = try ChildProcess(executable: "/bin/cat", arguments: ["/proc/self/status"])
        var line = ""
        while let next = try? child.readText() { if next.hasPrefix("Cpus_allowed_list:") { line = next } }
        return (own, inherited, line)
      }
      #expect(seen.0 == [cpu] && seen.1 == [cpu])
      #expect(seen.2 == "Cpus_allowed_list:\t\(cpu)")
    }
    #expect(try CPUSet.current() == all)
    let several = try onDedicatedThread { () throws(SystemError) in
      try CPUSet.bind(to: all.reversed())
      return try CPUSet.current()
    }
    #expect(several == all)
  }

  @Test(
    "a CPU that does not exist is an error that names it, and changes nothing",
    arguments: [[1023], [1024], [-1], [Int.max], [Int.min], []])
  func missing(cpus: [Int]) throws {
    let outcome = try onDedicatedThread { () throws(SystemError) in
      let before = try CPUSet.current()
      let error = #expect(throws: SystemError.self) { try CPUSet.bind(to: cpus) }
      return (error, try before == CPUSet.current())
    }
    #expect(outcome.0?.call == "sched_setaffinity")
    #expect(outcome.0?.subject == "cpu " + cpus.map(String.init).joined(separator: ","))
    #expect(outcome.1)
  }
}
