import Testing

@testable import Scenarios

@Suite("A size in a scenario")
struct SizeTextTests {
  @Test(
    "is read exactly",
    arguments: [
      ("4096", 4096), ("0", 0), ("1B", 1), ("4KiB", 4096), ("64 MiB", 67_108_864), ("1GiB", 1_073_741_824),
      ("1.5GiB", 1_610_612_736), ("0.5KiB", 512), ("0.25B", nil), ("1.000000MiB", 1_048_576), ("2TiB", 1 << 41),
      ("9223372036854775807", .max), ("9223372036854775807B", .max),
    ] as [(String, Int?)])
  func exact(_ text: String, _ bytes: Int?) throws {
    if let bytes {
      #expect(try SizeText.bytes(text) == bytes)
    } else {
      #expect(throws: SizeText.Failure.outOfRange) { try SizeText.bytes(text) }
    }
  }

  @Test(
    "is refused without a number",
    arguments: ["", "KiB", "1.KiB", ".5KiB", "1..5KiB", "-1", "+1KiB", "K5", "\u{FF15}KiB"])
  func malformed(_ text: String) {
    #expect(throws: SizeText.Failure.malformed) { try SizeText.bytes(text) }
  }

  @Test(
    "is refused in units of a thousand, or of nobody",
    arguments: [("4KB", "KB"), ("4k", "k"), ("4kib", "kib"), ("1e6", "e6"), ("1MiBx", "MiBx"), ("1 Mi B", "Mi B")])
  func unit(_ text: String, _ unit: String) {
    #expect(throws: SizeText.Failure.unknownUnit(unit)) { try SizeText.bytes(text) }
  }

  @Test(
    "is refused beyond 64 bits or below a byte",
    arguments: [
      "99999999999999999999", "9223372036854775808", "8388608TiB", "8388607.999999TiB", "0.1B", "1.0001KiB",
      "1.00000000000000000001KiB",
    ])
  func outOfRange(_ text: String) {
    #expect(throws: SizeText.Failure.outOfRange) { try SizeText.bytes(text) }
  }

  @Test(
    "is shown in its largest whole unit",
    arguments: [(0, "0B"), (1, "1B"), (1000, "1000B"), (4096, "4KiB"), (1_572_864, "1536KiB"), (1 << 30, "1GiB")])
  func shown(_ bytes: Int, _ text: String) {
    #expect(SizeText.describe(bytes: bytes) == text)
  }
}
