import Foundation
import Model
import Testing

@Suite("A latency histogram")
struct LatencyHistogramTests {
  @Test("of no samples has no statistics")
  func empty() {
    let histogram = LatencyHistogram()
    #expect(histogram == LatencyHistogram(samples: []))
    #expect(histogram.isEmpty)
    #expect(histogram.total == 0)
    #expect(histogram.minimum == nil)
    #expect(histogram.maximum == nil)
    #expect(histogram.mean == nil)
    #expect(histogram.quantile(0.5) == nil)
    #expect(histogram.quantiles([0.1, 0.5]) == [])
  }

  @Test("gives the quantiles of the sorted samples by nearest rank", arguments: 0..<20)
  func quantiles(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let samples = random.latencies(Int.random(in: 1...3000, using: &random))
    let sorted = samples.sorted()
    let histogram = LatencyHistogram(samples: samples)
    let fixed = [0, 0.5, 0.9, 0.99, 0.999, 1]
    for q in fixed + (0..<100).map({ _ in Double.random(in: 0...1, using: &random) }) {
      let rank = max(1, Int((q * Double(sorted.count)).rounded(.up)))
      #expect(histogram.quantile(q) == sorted[rank - 1], "the \(q)-quantile of \(sorted.count) samples")
    }
    let shares = (fixed + (0..<100).map { _ in Double.random(in: 0...1, using: &random) }).sorted()
    #expect(histogram.quantiles(shares) == shares.compactMap(histogram.quantile))
    #expect(histogram.minimum == sorted.first)
    #expect(histogram.maximum == sorted.last)
    #expect(histogram.total == UInt64(samples.count))
  }

  @Test("gives the mean of the samples", arguments: 0..<5)
  func mean(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let samples = random.latencies(1000)
    // Whole numbers below 2^53 add up without rounding.
    let sum = samples.reduce(0) { $0 + UInt64($1) }
    #expect(try #require(LatencyHistogram(samples: samples).mean) == Double(sum) / 1000)
  }

  @Test("holds each value once, ascending, with counts that add up")
  func structure() {
    var random = SeededGenerator(seed: 1)
    let histogram = LatencyHistogram(samples: random.latencies(5000))
    #expect(histogram.values == Array(Set(histogram.values)).sorted())
    #expect(histogram.counts.allSatisfy { $0 > 0 })
    #expect(histogram.counts.reduce(0) { $0 + UInt64($1) } == histogram.total)
  }

  @Test("merged is that of all samples, in any order and grouping", arguments: 0..<10)
  func merge(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let samples = (0..<3).map { _ in random.latencies(Int.random(in: 0...800, using: &random)) }
    let parts = samples.map(LatencyHistogram.init(samples:))
    let whole = LatencyHistogram(samples: samples.flatMap { $0 })
    func merged(_ histograms: [LatencyHistogram]) -> LatencyHistogram {
      histograms.reduce(into: LatencyHistogram()) { $0.merge($1) }
    }
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      #expect(merged(order.map { parts[$0] }) == whole)
      // The other grouping: the first with the merged rest.
      #expect(merged([parts[order[0]], merged([parts[order[1]], parts[order[2]]])]) == whole)
    }
  }

  @Test("merged with an empty one stays as it is")
  func mergeEmpty() {
    let histogram = LatencyHistogram(samples: [3, 1, 3])
    var merged = histogram
    merged.merge(LatencyHistogram())
    #expect(merged == histogram)
  }

  @Test("is read back from its bytes as it was", arguments: 0..<10)
  func roundTrip(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var samples = random.latencies(Int.random(in: 0...2000, using: &random))
    samples += [0, 0, 127, 128, 16_383, 16_384, .max, .max]
    let histogram = LatencyHistogram(samples: samples)
    #expect(try LatencyHistogram(encoded: histogram.encoded) == histogram)
    let json = try JSONEncoder().encode([histogram])
    #expect(try JSONDecoder().decode([LatencyHistogram].self, from: json) == [histogram])
  }

  @Test("needs a few bytes for each distinct value")
  func compact() {
    var random = SeededGenerator(seed: 3)
    let samples = (0..<100_000).map { _ in UInt32.random(in: 9_000..<12_000, using: &random) }
    #expect(LatencyHistogram(samples: samples).encoded.count < 10_000)
  }

  @Test(
    "is refused from damaged bytes, with the place",
    arguments: [
      ([], 0, "no bytes"),
      ([2], 0, "unknown version 2"),
      ([1, 5], 2, "ends within an integer"),
      ([1, 0x80], 1, "ends within an integer"),
      ([1, 5, 0], 1, "a count of 0"),
      ([1, 5, 1, 0, 1], 3, "values do not ascend"),
      ([1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1, 1], 7, "value beyond 32 bits"),
      ([1, 0xff, 0xff, 0xff, 0xff, 0x1f, 1], 1, "value beyond 32 bits"),
      ([1] + [UInt8](repeating: 0x80, count: 9) + [1], 1, "integer too long"),
      ([1, 5, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40], 1, "more than 2^48 samples"),
    ] as [([UInt8], Int, String)])
  func damage(_ bytes: [UInt8], _ offset: Int, _ problem: String) throws {
    let error = try #require(throws: LatencyHistogram.FormatError.self) { try LatencyHistogram(encoded: bytes) }
    #expect(error.offset == offset)
    #expect(error.problem == problem)
    #expect(error.description.contains("byte \(offset)"))
  }

  @Test("from hostile bytes is sound or refused", arguments: 0..<4)
  func fuzz(_ seed: UInt64) {
    var random = SeededGenerator(seed: 50 + seed)
    let valid = LatencyHistogram(samples: random.latencies(50)).encoded
    var refused = 0
    for round in 0..<2000 {
      var bytes: [UInt8]
      if round % 2 == 0 {
        bytes =
          [1] + (0..<Int.random(in: 0...30, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      } else {
        bytes = valid
        for _ in 0..<3 {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        bytes.removeLast(Int.random(in: 0...2, using: &random))
      }
      do throws(LatencyHistogram.FormatError) {
        let histogram = try LatencyHistogram(encoded: bytes)
        #expect(histogram.values == Array(Set(histogram.values)).sorted())
        #expect(histogram.counts.reduce(0) { $0 + UInt64($1) } == histogram.total)
        #expect(histogram.quantile(1) == histogram.maximum)
        // Whatever was accepted has one meaning.
        #expect((try? LatencyHistogram(encoded: histogram.encoded)) == histogram)
      } catch {
        #expect((0...bytes.count).contains(error.offset))
        refused += 1
      }
    }
    #expect((1..<2000).contains(refused))
  }

  @Test("is refused from JSON that is no histogram", arguments: ["[\"***\"]", "[\"\"]", "[\"Ag==\"]", "[5]", "[null]"])
  func hostileJSON(_ json: String) {
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([LatencyHistogram].self, from: Data(json.utf8)) }
  }
}
