import Foundation
import LinuxKit
import Testing

@testable import Doctor

@Suite("The busiest processes")
struct ProcessTableTests {
  private static func stat(_ name: String, user: Int, system: Int, started: Int = 77) -> String {
    "42 (\(name)) R 1 2 3 4 5 6 7 8 9 10 \(user) \(system) 0 0 20 0 1 0 \(started) 1 2 3"
  }

  @Test func `a line is read whatever the process calls itself`() throws {
    let name = "a) R 1 (b\n\u{1B}[2J"
    let entry = try #require(ProcessTable.parse(Self.stat(name, user: 30, system: 12), pid: 42))
    #expect(entry.ticks == 42)
    #expect(entry.started == 77)
    #expect(entry.name == "a) R 1 (b \u{FFFD}[2J")
  }

  @Test(arguments: ["", "42", "42 (", "42 )(", "42 (sh) R 1", "42 (sh) " + String(repeating: "x ", count: 40)])
  func `a line that is none is left out`(text: String) {
    #expect(ProcessTable.parse(text, pid: 42) == nil)
  }

  @Test func `they are ordered by what they used meanwhile, without those that came again`() {
    func table(_ rows: [(pid: Int32, ticks: UInt64, started: UInt64)]) -> [Int32: ProcessTable.Entry] {
      Dictionary(
        uniqueKeysWithValues: rows.map {
          ($0.pid, ProcessTable.Entry(pid: $0.pid, name: "p\($0.pid)", ticks: $0.ticks, started: $0.started))
        })
    }
    let own = ProcessInfo.processInfo.processIdentifier
    let rate = UInt64(ProcessorTime.ticksPerSecond)
    // 1 did much, long ago; the number of 3 has gone to another process.
    let before = table([(-1, 100 * rate, 1), (-2, 0, 1), (-3, 50 * rate, 1), (own, 0, 1)])
    let after = table([(-1, 100 * rate, 1), (-2, rate / 2, 1), (-3, rate, 2), (-4, rate / 4, 3), (own, 9 * rate, 1)])
    let busiest = ProcessTable.busiest(3, from: before, to: after, nanoseconds: 1_000_000_000)
    #expect(busiest.map(\.pid) == [-3, -2, -4])
    #expect(busiest.map(\.share) == [1, 0.5, 0.25])
  }

  @Test func `a living process of a hostile name appears with an inert one`() throws {
    let workshop = try Workshop()
    defer { workshop.remove() }
    let program = try workshop.cat(named: "\u{1B}[31m) R\n(x")
    let child = try ChildProcess(executable: program)
    // Its answer proves that it runs under its own name.
    try child.write([UInt8]("ready\n".utf8))
    _ = try child.readLine(deadline: Clock.monotonic() + 10_000_000_000)
    #expect(ProcessTable.read()[child.pid]?.name == "\u{FFFD}[31m) R (x")
  }
}
