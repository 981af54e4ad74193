import Statistics
import Testing

@Suite("Wilcoxon's signed-rank test agrees with SciPy and with the tables")
struct WilcoxonSignedRankTests {
  struct Content: Decodable {
    struct Test: Decodable {
      let differences: [Double]
      let shift: Double
      let alternative: String
      let p: Double
    }
    struct Critical: Decodable {
      let n: Int
      let confidence: Double
      let k: Int?
      let achieved: Double?
    }
    let tests: [Test]
    let critical: [Critical]
  }

  @Test func pValuesWithAndWithoutTiesZerosAndShifts() throws {
    let content = try Golden.load("wilcoxon", as: Content.self)
    for test in content.tests {
      let alternative = try #require(Alternative(rawValue: test.alternative))
      let p = WilcoxonSignedRank.pValue(differences: test.differences, shift: test.shift, alternative: alternative)
      #expect(agree(p, test.p, within: 1e-10), "n = \(test.differences.count), \(alternative): \(p), SciPy \(test.p)")
    }
  }

  @Test func criticalValuesFromCountingInWholeNumbers() throws {
    let content = try Golden.load("wilcoxon", as: Content.self)
    for expected in content.critical {
      let k = WilcoxonSignedRank.criticalValue(n: expected.n, confidence: expected.confidence)
      #expect(k == expected.k, "n = \(expected.n), \(expected.confidence)")
      if let k, let achieved = expected.achieved {
        #expect(agree(WilcoxonSignedRank.achievedConfidence(n: expected.n, criticalValue: k), achieved))
      }
    }
  }

  @Test(
    "the table of the design",
    arguments: [
      (12, 0.95, 13), (20, 0.95, 52), (8, 0.99, 0), (12, 0.99, 7), (18, 0.99, 27), (27, 0.99, 83), (40, 0.99, 220),
    ])
  func table(n: Int, confidence: Double, k: Int) {
    #expect(WilcoxonSignedRank.criticalValue(n: n, confidence: confidence) == k)
  }

  @Test func tooFewPairsHaveNoCriticalValue() {
    #expect(WilcoxonSignedRank.criticalValue(n: 7, confidence: 0.99) == nil)
    #expect(WilcoxonSignedRank.criticalValue(n: 5, confidence: 0.95) == nil)
    #expect(WilcoxonSignedRank.criticalValue(n: 0, confidence: 0.95) == nil)
    #expect(WilcoxonSignedRank.smallestCount(confidence: 0.99) == 8)
    #expect(WilcoxonSignedRank.smallestCount(confidence: 0.95) == 6)
  }

  @Test func theApproximationJoinsTheExactDistributionSmoothly() throws {
    let exact = try #require(WilcoxonSignedRank.criticalValue(n: 200, confidence: 0.99))
    let approximate = try #require(WilcoxonSignedRank.criticalValue(n: 201, confidence: 0.99))
    // From n − 1 to n, K grows by a little less than n/2.
    #expect((70...100).contains(approximate - exact))
    #expect(abs(WilcoxonSignedRank.lowerTail(n: 201, atMost: approximate) - 0.005) < 1e-4)
  }

  @Test func nothingButZerosIsNoEvidence() {
    for alternative in Alternative.allCases {
      #expect(WilcoxonSignedRank.pValue(differences: [0, 0, 0], alternative: alternative) == 1)
      #expect(WilcoxonSignedRank.pValue(differences: [], alternative: alternative) == 1)
    }
  }

  @Test func intervalAndTestAreTwoSidesOfOneThing() throws {
    var noise = Noise(seed: 11)
    for n in [8, 12, 20, 27] {
      let values = noise.normals(n)
      let interval = try #require(HodgesLehmann.interval(values, confidence: 0.99))
      for (shift, excluded) in [
        (interval.low - 1e-9, true), (interval.low + 1e-9, false), (interval.high - 1e-9, false),
        (interval.high + 1e-9, true),
      ] {
        let p = WilcoxonSignedRank.pValue(differences: values, shift: shift)
        #expect((p <= 0.01) == excluded, "n = \(n), shift \(shift), p = \(p)")
      }
    }
  }
}
