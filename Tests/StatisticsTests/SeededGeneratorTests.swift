import Testing

@testable import Statistics

@Suite("A stored seed gives the same order for ever")
struct SeededGeneratorTests {
  struct Stream: Decodable {
    let seed: String
    let outputs: [String]
    let permutations: [[Int]]
  }

  @Test("SplitMix64's published outputs for seed 1234567")
  func splitMix() {
    var generator = SplitMix64(state: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect(expected == (0..<5).map { _ in generator.next() })
  }

  @Test("xoshiro256**'s published outputs for the state 1, 2, 3, 4")
  func xoshiro() {
    var generator = SeededGenerator(state: (1, 2, 3, 4))
    let expected: [UInt64] = [
      11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360, 607_988_272_756_665_600,
      16_172_922_978_634_559_625, 8_476_171_486_693_032_832, 10_595_114_339_597_558_777, 2_904_607_092_377_533_576,
    ]
    #expect(expected == (0..<10).map { _ in generator.next() })
  }

  @Test func outputsAndPermutationsOfStoredSeeds() throws {
    for golden in try Golden.load("generator", as: [Stream].self) {
      var generator = SeededGenerator(seed: try #require(UInt64(golden.seed)))
      #expect(golden.outputs == (0..<golden.outputs.count).map { _ in String(generator.next()) })
      for permutation in golden.permutations {
        let range = Array(0..<permutation.count)
        #expect(SeededGenerator.permutation(of: range, using: &generator) == permutation)
      }
    }
  }

  @Test func everyOrderIsEquallyLikely() {
    var generator = SeededGenerator(seed: 99)
    var counts: [[Int]: Int] = [:]
    let repetitions = 12_000
    for _ in 0..<repetitions {
      counts[SeededGenerator.permutation(of: [0, 1, 2, 3], using: &generator), default: 0] += 1
    }
    let expected = Double(repetitions) / 24
    let chiSquared = counts.values.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    #expect(counts.count == 24)
    #expect(chiSquared < 41.6, "the 99 % point of chi-squared with 23 degrees of freedom")
  }

  @Test func numbersStayBelowTheirBound() {
    var generator = SeededGenerator(seed: 7)
    for bound in [1, 2, 3, 1000, UInt64.max] {
      for _ in 0..<100 { #expect(generator.number(below: bound) < bound) }
    }
    for _ in 0..<100 { #expect((0..<1).contains(generator.unitInterval())) }
  }

  @Test func listsTooShortToShuffle() {
    var generator = SeededGenerator(seed: 1)
    #expect(SeededGenerator.permutation(of: [Int](), using: &generator).isEmpty)
    #expect(SeededGenerator.permutation(of: ["a"], using: &generator) == ["a"])
  }
}
