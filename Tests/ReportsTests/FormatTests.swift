import Foundation
import Model
import PlainText
import Testing

@testable import Reports

@Suite("Numbers and text")
struct FormatTests {
  @Test("show as many digits as the interval bears out")
  func digits() {
    #expect(RatioText(estimate: 1.2812, low: 1.2511, high: 1.3099).whole == "1.28× [1.25, 1.31]")
    #expect(RatioText(estimate: 1.0012, low: 0.9991, high: 1.0033).whole == "1.001× [0.999, 1.003]")
    let unit = DisplayUnit(.nanoseconds, reference: 8_120)
    #expect(DifferenceText(estimate: 8_121, low: 8_052, high: 8_213, unit: unit).whole == "8.12\u{A0}µs [8.05, 8.21]")
    #expect(DifferenceText(estimate: 70, low: -1_100, high: 1_300, unit: unit).whole == "0.1\u{A0}µs [−1.1, 1.3]")
    #expect(DifferenceText(estimate: -1, low: -31_000, high: 42_000, unit: unit).whole == "0\u{A0}µs [−31, 42]")
  }

  @Test("have a true minus, and never one before zero")
  func minus() {
    #expect(NumberFormat.decimal(-0.704, places: 2) == "−0.70")
    #expect(NumberFormat.decimal(-0.004, places: 2) == "0.00")
    #expect(NumberFormat.decimal(-0.0, places: 0) == "0")
    #expect(NumberFormat.decimal(.nan, places: 2) == "–")
    #expect(NumberFormat.decimal(-.infinity, places: 2) == "–")
    #expect(NumberFormat.decimal(-1_234_567, places: 0) == "−1\u{202F}234\u{202F}567")
  }

  @Test("have units of their size")
  func units() {
    #expect(DisplayUnit(.nanoseconds, reference: 8_000).text(8_124, places: 2) == "8.12\u{A0}µs")
    #expect(DisplayUnit(.nanoseconds, reference: 3e6).text(3.2e6, places: 1) == "3.2\u{A0}ms")
    #expect(DisplayUnit(.nanoseconds, reference: 0).symbol == "µs")
    #expect(DisplayUnit(.perSecond, reference: 118_200).text(118_200, places: 1) == "118.2\u{A0}k/s")
    #expect(DisplayUnit(.perRoundTrip, reference: 2).text(2.01, places: 2) == "2.01")
    #expect(DisplayUnit(.throughput, reference: 41e9).text(41.25e9, places: 1) == "41.2\u{A0}Gbit/s")
    #expect(DisplayUnit(.throughput, reference: 0.6e9).text(610e6, places: 0) == "610\u{A0}Mbit/s")
    #expect(DisplayUnit(.cpuPerByte, reference: 0.4).text(0.375, places: 3) == "0.375\u{A0}ns/byte")
    #expect(DisplayUnit(.proxyMemory, reference: 9e6).text(9_437_184, places: 1) == "9.0\u{A0}MiB")
    #expect(DisplayUnit(.loss, reference: 0.003).text(0.0031, places: 2) == "0.31\u{A0}%")
    #expect(DisplayUnit(.loss, reference: 0.003).difference(0.0031, places: 2) == "0.31\u{A0}% points")
    #expect(DisplayUnit(.reported, reference: 121_000).text(121_000, places: 0) == "121\u{202F}000")
    #expect(NumberFormat.plain(30_000) == "30\u{202F}000")
    #expect(NumberFormat.plain(0.25) == "0.25")
    #expect(NumberFormat.percent(0.031) == "3.1\u{A0}%")
    #expect(NumberFormat.percent(0.0008) == "0.08\u{A0}%")
    #expect(NumberFormat.confidence(0.995) == "99.5\u{A0}%")
    #expect(NumberFormat.probability(0.00001) == "<\u{A0}0.001")
    #expect(NumberFormat.duration(seconds: 133.5) == "2\u{A0}min 14\u{A0}s")
    #expect(NumberFormat.bytes(25_276_510_208) == "24\u{A0}GiB")
  }

  @Test("lose what could act, and keep what can be read")
  func inert() {
    #expect(InertText.line("a\u{1B}[31mb\tc\n\n d ") == "a�[31mb c d")
    #expect(InertText.line("\u{202E}abc\u{200F}") == "abc")
    #expect(InertText.line("native′ − naïve 漢字 שלום") == "native′ − naïve 漢字 שלום")
    #expect(InertText.line(String(repeating: "x", count: 50), limit: 10) == "xxxxxxxxxx…")
    #expect(InertText.name(" \n") == "(no name)")
  }

  @Test("are wrapped and padded by the columns they take")
  func widths() {
    #expect("漢字".terminalWidth == 4)
    #expect("e\u{301}".terminalWidth == 1)
    #expect("漢字漢字".fitted(to: 5) == "漢字…")
    #expect("one two three".wrapped(to: 7) == ["one two", "three"])
    #expect("abcdefghij".wrapped(to: 4) == ["abcd", "efgh", "ij"])
    #expect("".wrapped(to: 4) == [""])
  }

  @Test("are escaped by scalars in markup, so that no mark hides a bracket")
  func markup() {
    #expect(Markup.escaped("\u{600}<b>\"\u{301}'&") == "\u{600}&lt;b&gt;&quot;\u{301}&#39;&amp;")
  }

  @Test("give round ticks")
  func ticks() {
    #expect(
      Scale(covering: [0.9, 1.33]).ticks(5).map { NumberFormat.decimal($0, places: 1) } == [
        "0.9", "1.0", "1.1", "1.2", "1.3",
      ])
    #expect(Scale(covering: [7_000, 40_000], isLogarithmic: true).ticks(6) == [7_000, 10_000, 15_000, 20_000, 30_000])
    #expect(Scale(covering: [1, 1]).ticks(5).count > 1)
    #expect(Scale(covering: []).ticks(5).count > 1)
    #expect(SVG.number(-0.254) == "-0.25")
    #expect(SVG.number(12.3) == "12.3")
    #expect(SVG.number(.nan) == "0")
  }
}
