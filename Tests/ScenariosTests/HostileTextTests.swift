import Foundation
import Model
import Scenarios
import TestSupport
import Testing

/// No text, however odd, may stop the program or keep it busy: it is a scenario or a ``UserError``.
@Suite("A hostile text")
struct HostileTextTests {
  /// Reads the text; every outcome but a trap is fine, and an error must say something.
  private func outcome(_ text: String) -> Bool {
    do throws(UserError) {
      _ = try ScenarioFile.parse(text, file: "mutant.yaml", knownEnvironments: knownEnvironments)
      return true
    } catch {
      #expect(error.exitCode == .badInput)
      #expect(error.message.hasPrefix("mutant.yaml:"))
      #expect(error.message.utf8.count < 20_000)
      return false
    }
  }

  @Test("made by mutating bytes is a scenario or an error", arguments: 0..<4, ["valid.yaml", "storage.yaml"])
  func mutatedBytes(_ seed: UInt64, _ file: String) throws {
    let original = Array(try Fixture.text(file).utf8)
    let spice = Array("\t\n\r :-?[]{}&*!|>'\"%@`#,~.\\0\u{7F}é\u{2028}<=e".utf8)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<1000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[place] = spice.randomElement(using: &random) ?? 0
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.insert(spice.randomElement(using: &random) ?? 0, at: place)
        case 3: bytes.remove(at: place)
        default:
          let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
          let piece = bytes[place..<end]
          bytes.insert(contentsOf: piece, at: Int.random(in: 0..<bytes.count, using: &random))
        }
      }
      _ = outcome(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test("made by mutating lines is a scenario or an error", arguments: 0..<4)
  func mutatedLines(_ seed: UInt64) throws {
    let original = try Fixture.text("valid.yaml").split(separator: "\n", omittingEmptySubsequences: false)
    let values: [Substring] = [
      "", " ~", " []", " {}", " [[]]", " -1", " 1e999", " .nan", " 0x10", " 99999999999999999999999", " '", " \"", " |",
      " >", " !!int 5", " !!binary AAAA", " &a", " *a", " true", " 2026-01-01", " \"\\ud800\"", " ? a", " <<", " 1:30",
      " 9223372036854775807h", " 0.0000000000000000001s", " 1..5s", " .5s", " ５s",
    ]
    var random = SeededGenerator(seed: 100 + seed)
    var valid = 0
    for _ in 0..<1000 {
      var lines = original
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        let place = Int.random(in: 0..<lines.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: lines.remove(at: place)
        case 1: lines.insert(lines[place], at: place)
        case 2: lines.swapAt(place, Int.random(in: 0..<lines.count, using: &random))
        case 3: lines[place] = "  " + lines[place]
        default:
          let value = values.randomElement(using: &random) ?? ""
          lines[place] = lines[place].prefix { $0 != ":" } + ":" + value
        }
      }
      if outcome(lines.joined(separator: "\n")) { valid += 1 }
    }
    // Were none valid, or all, the mutations would test nothing.
    #expect((1..<900).contains(valid))
  }

  @Test("with deep nesting is an error", arguments: ["[", "{a: ", "- ", "? ", "? - ", "{? [", "[[{"])
  func deepNesting(_ unit: String) {
    for count in [10, 300, 900, 1100, 20_000] {
      #expect(!outcome(String(String(repeating: unit, count: count).prefix(64 * 1024))))
    }
  }

  @Test("with a closed tree of great depth is an error")
  func closedNesting() {
    for depth in [100, 990] {
      #expect(!outcome("a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)))
      #expect(!outcome(String(repeating: "{? ", count: depth) + String(repeating: "}", count: depth)))
    }
  }

  @Test("with aliases that multiply is an error")
  func aliasBombs() {
    let letters = Array("abcdefghijklmnop")
    for width in [2, 9] {
      var lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
      for (before, letter) in zip(letters, letters.dropFirst()) {
        let aliases = Array(repeating: "*\(before)", count: width).joined(separator: ", ")
        lines.append("\(letter): &\(letter) [\(aliases)]")
      }
      #expect(!outcome(lines.joined(separator: "\n")))
      #expect(!outcome((lines + ["? *p", ": x"]).joined(separator: "\n")))
      #expect(!outcome((lines + ["{ ? *p : x }"]).joined(separator: "\n")))
    }
  }

  @Test("with large nested keys is an error in good time")
  func largeKeys() {
    let leaf = "[" + String(repeating: "a,", count: 30_000) + "a]"
    let taken = threadTime {
      for depth in [4, 30, 900] { #expect(!outcome(String(repeating: "? ", count: depth) + leaf)) }
      #expect(!outcome(String(repeating: "{[", count: 30) + leaf + String(repeating: "]}", count: 30)))
      #expect(!outcome("&a [x]\n".replacing("&a", with: "? &a") + ": b\n" + String(repeating: "? *a\n: b\n", count: 8)))
    }
    #expect(taken < .seconds(30))
  }

  @Test("of random bytes is an error", arguments: 0..<3)
  func randomBytes(_ seed: UInt64) {
    var random = SeededGenerator(seed: 200 + seed)
    for size in [1, 2, 10, 100, 1000, 60_000] {
      let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(!outcome(String(decoding: bytes, as: UTF8.self)))
    }
  }
}
