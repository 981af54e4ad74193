import Testing

@testable import Scenarios

@Suite("A duration in a scenario")
struct DurationTextTests {
  @Test(
    "is read exactly",
    arguments: [
      ("150ms", 150), ("1s", 1000), ("1.5s", 1500), ("1.1s", 1100), ("0.001s", 1), ("5min", 300_000), ("1h", 3_600_000),
      ("0ms", 0), ("0.5min", 30_000), ("24h", 86_400_000), ("20 ms", 20), ("1.000000s", 1000),
    ])
  func exact(_ text: String, _ milliseconds: Int) throws {
    #expect(try DurationText.milliseconds(text) == milliseconds)
  }

  @Test(
    "is refused without number or unit",
    arguments: ["", "ms", "5", "1.s", ".5s", "1..5s", "-1s", "+1s", "s5", "1e3ms5"])
  func malformed(_ text: String) {
    #expect(throws: (any Error).self) { try DurationText.milliseconds(text) }
  }

  @Test(
    "is refused beyond 64 bits or below a millisecond",
    arguments: ["99999999999999999999s", "9223372036854775807h", "0.0001s", "1.00000000000000001s"])
  func outOfRange(_ text: String) {
    #expect(throws: DurationText.Failure.outOfRange) { try DurationText.milliseconds(text) }
  }

  @Test(
    "is shown in its largest whole unit",
    arguments: [(0, "0ms"), (10, "10ms"), (1000, "1s"), (1500, "1500ms"), (86_400_000, "24h"), (600_000, "10min")])
  func shown(_ milliseconds: Int, _ text: String) {
    #expect(DurationText.describe(milliseconds: milliseconds) == text)
  }
}
