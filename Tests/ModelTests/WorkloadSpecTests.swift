import Foundation
import Model
import Testing

@Suite("A workload")
struct WorkloadSpecTests {
  @Test("stored before there were replies of another size, open loops and commands is still read")
  func old() throws {
    let json = #"{"name":"w","kind":"tcp-rr","wait":"spin","placement":"split","size":99}"#
    let workload = try JSONDecoder().decode(WorkloadSpec.self, from: Data(json.utf8))
    #expect(workload == WorkloadSpec(name: "w", kind: .tcpRR, wait: .spin, size: 99, replySize: 99))
  }

  @Test(
    "comes back from JSON as it was",
    arguments: [
      WorkloadSpec(
        name: "a", kind: .tcpOpen, wait: .block, size: 1, replySize: 2, concurrency: 3, rate: 4, framing: .http),
      WorkloadSpec(
        name: "b", kind: .exec, wait: .block,
        commands: .init(server: ["s", ""], client: ["c", "{server_port}"], reported: "(x)")),
      WorkloadSpec(
        name: "c", kind: .randomIO, wait: .block,
        files: FileWork(
          size: 1 << 40, count: 2, blockSize: 512, engine: .ioUring, access: .mixed, isDirect: true, depth: 256,
          syncEvery: 3, cache: .cold, rebuilds: 200, isPruning: true)),
    ])
  func roundTrip(_ workload: WorkloadSpec) throws {
    let json = try JSONEncoder().encode(workload)
    #expect(try JSONDecoder().decode(WorkloadSpec.self, from: json) == workload)
  }

  @Test("says what it does in a line")
  func summary() {
    #expect(WorkloadSpec(name: "a", kind: .udpRR, wait: .spin).summary == "udp-rr, spin, 64 B, on two CPUs")
    #expect(
      WorkloadSpec(
        name: "a", kind: .tcpOpen, wait: .block, size: 64, replySize: 1000, concurrency: 8, rate: 2000,
        framing: .http
      ).summary
        == "tcp-open, block, 64 B and 1000 B, as HTTP, 2000/s, 8 in flight, on two CPUs")
    #expect(
      WorkloadSpec(name: "a", kind: .tcpStream, wait: .block, size: 65_000).summary
        == "tcp-stream, block, 65000 B a message, on two CPUs")
  }

  @Test(
    "says in a line what it does with files",
    arguments: [
      (.copyUp, FileWork(size: 1 << 20, cache: .cold), "copy-up, a file of 1 MiB, cold"),
      (.copyUp, FileWork(count: 8), "copy-up, 8 files of 4 KiB, warm"),
      (
        .randomIO,
        FileWork(size: 1 << 30, engine: .ioUring, access: .mixed, isDirect: true, depth: 16, syncEvery: 1),
        "random-io, mixed, 4 KiB, io_uring, 16 under way, direct, fsync after each write, a file of 1 GiB"
      ),
      (
        .sequentialIO, FileWork(size: 3 << 19, blockSize: 1 << 20, access: .read, cache: .cold),
        "sequential-io, read, 1 MiB, psync, through the page cache, a file of 1.5 MiB, cold"
      ),
      (.lookup, FileWork(count: 1000), "lookup, 1000 files, warm"),
      (.metadata, FileWork(size: 1, count: 50), "metadata, 50 files of 1 B"),
      (.mmapWrite, FileWork(size: 16 << 20), "mmap-write, a file of 16 MiB, warm"),
      (.sqliteCommit, FileWork(count: 10, blockSize: 512), "sqlite-commit, 10 rows of 512 B a transaction"),
      (
        .imageRebuild, FileWork(size: 65_536, count: 100, isPruning: true),
        "image-rebuild, 30 times, 100 files of 64 KiB, pruned each time"
      ),
    ] as [(WorkloadSpec.Kind, FileWork, String)])
  func files(_ kind: WorkloadSpec.Kind, _ files: FileWork, _ expected: String) {
    let workload = WorkloadSpec(name: "a", kind: kind, wait: .block, files: files)
    #expect(workload.summary == expected && !workload.isCapturable)
  }

  @Test("can be looked into where one request at a time is in flight and carries a header")
  func capturable() {
    #expect(WorkloadSpec(name: "a", kind: .udpRR, wait: .spin, size: 24).isCapturable)
    #expect(!WorkloadSpec(name: "a", kind: .udpRR, wait: .spin, size: 23).isCapturable)
    #expect(!WorkloadSpec(name: "a", kind: .udpRR, wait: .spin, size: 24, replySize: 23).isCapturable)
    #expect(!WorkloadSpec(name: "a", kind: .tcpRR, wait: .spin, concurrency: 2).isCapturable)
    #expect(!WorkloadSpec(name: "a", kind: .tcpRR, wait: .spin, framing: .http).isCapturable)
    #expect(!WorkloadSpec(name: "a", kind: .tcpCRR, wait: .spin).isCapturable)
  }
}

@Suite("A number that a client reports")
struct ReportedNumberTests {
  @Test(
    "is the first group of the last match",
    arguments: [
      ("SET: 117744.00 requests per second", 117_744.0), ("SET: 1.0 rps\rSET: 2.5 rps", 2.5),
      ("SET: 1,234.5 x", 1234.5),
    ])
  func number(_ output: String, _ expected: Double) throws {
    #expect(try ReportedNumber(pattern: "SET: ([0-9.,]+)").number(in: output) == expected)
  }

  @Test("is missing where nothing matches, or what matches is no number")
  func none() throws {
    #expect(try ReportedNumber(pattern: "SET: ([0-9.]+)").number(in: "GET: 5") == nil)
    #expect(try ReportedNumber(pattern: "SET: ([a-z]+)").number(in: "SET: five") == nil)
    #expect(try ReportedNumber(pattern: "(a)|b").number(in: "b") == nil)
  }

  @Test("needs a pattern that can be read and has a group", arguments: ["([0-9", "[0-9]+", ""])
  func problems(_ pattern: String) {
    #expect(throws: ReportedNumber.Problem.self) { try ReportedNumber(pattern: pattern) }
  }
}
