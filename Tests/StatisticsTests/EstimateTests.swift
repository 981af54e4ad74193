import Statistics
import Testing

@Suite("Estimates and intervals agree with NumPy and SciPy")
struct EstimateTests {
  struct Location: Decodable {
    let values: [Double]
    let confidence: Double
    let estimate: Double
    let low: Double
    let high: Double
    let achieved: Double?
    let p: [String: Double]?
  }
  struct Triples: Decodable {
    let values: [Double]
    let coefficient: Double
    let statistic: Double
  }
  struct Summary: Decodable {
    let values: [Double]
    let mean: Double
    let median: Double
    let mad: Double
    let cv: Double
    let lag1: Double
    let quantiles: [String: Double]
  }

  @Test func hodgesLehmann() throws {
    for golden in try Golden.load("hodges-lehmann", as: [Location].self) {
      let interval = try #require(HodgesLehmann.interval(golden.values, confidence: golden.confidence))
      #expect(agree(interval.estimate, golden.estimate))
      #expect(agree(interval.low, golden.low))
      #expect(agree(interval.high, golden.high))
      #expect(agree(HodgesLehmann.estimate(golden.values), golden.estimate))
      #expect(interval.achievedConfidence >= golden.confidence)
    }
  }

  @Test func hodgesLehmannOfAThousandValues() throws {
    var noise = Noise(seed: 5)
    let values = noise.normals(1000)
    let interval = try #require(HodgesLehmann.interval(values, confidence: 0.95))
    #expect(interval.low < interval.estimate && interval.estimate < interval.high)
    // 2 · 1.96 · √(π/3) ÷ √1000, the width for normal values.
    #expect(abs(interval.high - interval.low - 0.1268) < 0.015)
  }

  @Test func signTest() throws {
    for golden in try Golden.load("sign-test", as: [Location].self) {
      let interval = try #require(SignTest.interval(golden.values, confidence: golden.confidence))
      #expect(agree(interval.estimate, golden.estimate))
      #expect(interval.low == golden.low)
      #expect(interval.high == golden.high)
      #expect(agree(interval.achievedConfidence, try #require(golden.achieved), within: 1e-10))
      for (name, p) in try #require(golden.p) {
        let alternative = try #require(Alternative(rawValue: name))
        #expect(agree(SignTest.pValue(differences: golden.values, alternative: alternative), p, within: 1e-10))
      }
    }
    #expect(SignTest.interval([1, 2, 3, 4, 5], confidence: 0.95) == nil)
    #expect(SignTest.pValue(differences: [0, 0]) == 1)
    // Beyond the table of factorials.
    #expect(abs(SignTest.achievedConfidence(n: 2000, criticalValue: 955) - 0.9535) < 0.001)
  }

  @Test func triplesTest() throws {
    for golden in try Golden.load("triples", as: [Triples].self) {
      let result = TriplesTest.test(golden.values)
      #expect(agree(result.coefficient, golden.coefficient))
      #expect(agree(result.statistic, golden.statistic, within: 1e-10))
    }
    #expect(TriplesTest.test([1, 2, 4, 8, 16]).statistic == 0)
    #expect(TriplesTest.test([Double](repeating: 3, count: 9)).isSkewed == false)
  }

  @Test func summaries() throws {
    for golden in try Golden.load("descriptive", as: [Summary].self) {
      #expect(agree(Descriptive.mean(golden.values), golden.mean))
      #expect(agree(Descriptive.median(golden.values), golden.median))
      #expect(agree(Descriptive.mad(golden.values), golden.mad))
      #expect(agree(try #require(Descriptive.coefficientOfVariation(golden.values)), golden.cv, within: 1e-10))
      #expect(agree(Descriptive.lag1Autocorrelation(golden.values), golden.lag1))
      for (probability, quantile) in golden.quantiles {
        #expect(agree(Descriptive.quantile(golden.values, try #require(Double(probability))), quantile))
      }
    }
  }

  @Test func whatIsUndefinedIsSaidToBe() {
    #expect(Descriptive.coefficientOfVariation([1]) == nil)
    #expect(Descriptive.coefficientOfVariation([-1, 1]) == nil)
    #expect(Descriptive.standardDeviation([1]) == nil)
    #expect(Descriptive.lag1Autocorrelation([2, 2, 2]) == 0)
    #expect(Descriptive.lag1Autocorrelation([]) == 0)
  }

  @Test func medianOfEveryOrderOfSmallLists() {
    var generator = SeededGenerator(seed: 3)
    for n in 1...12 {
      for _ in 0..<40 {
        let values = (0..<n).map { _ in Double(generator.number(below: 6)) }
        let sorted = values.sorted()
        let expected = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2
        #expect(Descriptive.median(values) == expected)
      }
    }
  }

  @Test("values agree if none is further from their median than a part of it")
  func agreement() {
    func agreed(_ values: [Double]) -> Double? { Descriptive.agreed(values, within: 0.005) }
    #expect(agreed([4, 4, 4]) == 4)
    #expect(agreed([2.001, 1.999, 2.0]) == 2)
    #expect(agreed([-4, -4, -4.02]) == -4)
    #expect(agreed([4.0, 4.0, 4.02]) == 4)
    #expect(agreed([4.0, 4.0, 4.021]) == nil)
    #expect(agreed([0, 0, 0]) == 0)
    #expect(agreed([0, 0, 0.3]) == nil)
    #expect(agreed([]) == nil)
  }
}
