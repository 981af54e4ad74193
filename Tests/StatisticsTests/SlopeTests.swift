import Foundation
import Testing

@testable import Statistics

@Suite("A slope is the blocks' least-squares slope, with the interval of their location")
struct SlopeTests {
  struct Line: Decodable {
    let sizes: [Double]
    let confidence: Double
    let series: [[Double]]
    let slopes: [Double]
    let estimate: Double
    let low: Double
    let high: Double
    let p: Double
  }

  @Test func agreesWithSciPy() throws {
    for golden in try Golden.load("slope", as: [Line].self) {
      let slopes = try golden.slopes.indices.map { block in
        try Slope.leastSquares(golden.series.map { $0[block] }, over: golden.sizes)
      }
      for (slope, expected) in zip(slopes, golden.slopes) { #expect(agree(slope, expected, within: 1e-9)) }
      let interval = try #require(HodgesLehmann.interval(slopes, confidence: golden.confidence))
      #expect(agree(interval.estimate, golden.estimate, within: 1e-9))
      #expect(agree(interval.low, golden.low, within: 1e-9))
      #expect(agree(interval.high, golden.high, within: 1e-9))
      #expect(agree(WilcoxonSignedRank.pValue(differences: slopes), golden.p, within: 1e-10))
      let estimate = try Slope.compare(
        series: golden.series, over: golden.sizes, confidence: golden.confidence, isNoisy: false)
      #expect(estimate.differences == slopes && estimate.scale == .difference)
      if estimate.method == .wilcoxon {
        #expect(
          estimate.estimate == interval.estimate && estimate.low == interval.low && estimate.high == interval.high)
      }
    }
  }

  @Test func theIntervalHoldsTheTruthAsOftenAsItSays() throws {
    let truth = 0.02
    let sizes: [Double] = [0, 100, 1000, 5000, 30_000]
    var covered = 0
    for seed in 0..<1000 {
      var noise = Noise(seed: UInt64(seed))
      // All of a block share a shift; each has noise of its own, and the growth differs from block to block.
      let shifts = noise.normals(18)
      let growth = noise.normals(18)
      let series = sizes.map { size in
        zip(zip(shifts, growth), noise.normals(18)).map { 9000 + 300 * $0.0 + (truth + 0.001 * $0.1) * size + 20 * $1 }
      }
      let estimate = try Slope.compare(series: series, over: sizes, confidence: 0.95)
      if estimate.low <= truth && truth <= estimate.high { covered += 1 }
    }
    // 95 % less three standard deviations and the 0.7 points that the whole procedure is allowed.
    #expect(covered >= 922, "\(covered) of 1000")
    show("slope, 95 %: \(covered) of 1000")
  }

  @Test func whatDoesNotGrowHasASlopeOfExactlyZero() throws {
    #expect(try Slope.leastSquares([0.1, 0.1, 0.1], over: [0, 0.3, 7]) == 0)
    let flat = try Slope.compare(
      series: Array(repeating: Array(repeating: 2.7, count: 12), count: 3), over: [0, 1, 5], confidence: 0.99)
    #expect(flat.estimate == 0 && flat.low == 0 && flat.high == 0 && flat.pValue == 1)
    #expect(flat.dependence == .independent)
    #expect(agree(try Slope.leastSquares([1, 3, 5], over: [0, 1, 2]), 2))
    #expect(agree(try Slope.leastSquares([5, 1, 3], over: [2, 0, 1]), 2))
  }

  @Test func badDataIsNamed() {
    func code(_ body: () throws -> Void) -> StatisticsError.Code? {
      (#expect(throws: StatisticsError.self) { try body() })?.code
    }
    #expect(code { _ = try Slope.leastSquares([1, 2], over: [1]) } == .lengthsDiffer)
    #expect(code { _ = try Slope.leastSquares([1, 2], over: [1, 1]) } == .noSpread)
    #expect(code { _ = try Slope.leastSquares([], over: []) } == .noSpread)
    #expect(code { _ = try Slope.leastSquares([1, .nan], over: [1, 2]) } == .notFinite)
    #expect(code { _ = try Slope.leastSquares([1, 2], over: [1, .infinity]) } == .notFinite)
    #expect(code { _ = try Slope.compare(series: [[1, 2], [1]], over: [1, 2], confidence: 0.9) } == .lengthsDiffer)
    #expect(code { _ = try Slope.compare(series: [[1, 2], [1, 2]], over: [1, 2], confidence: 0.9) } == .tooFewPairs)
    #expect(code { _ = try Slope.compare(series: [], over: [], confidence: 0.9) } == .tooFewPairs)
  }
}

@Suite("Counts that repeat exactly have a proper answer")
struct RepeatingValueTests {
  @Test(arguments: [1.5, 2, 3, 7.0 / 3])
  func theSameRatioInEveryBlockIsThatRatio(ratio: Double) throws {
    let result = try PairedComparison.compare(
      environment: [Double](repeating: 2 * ratio, count: 12), baseline: [Double](repeating: 2, count: 12),
      scale: .ratio, confidence: 0.99)
    #expect(result.estimate == ratio && result.low == ratio && result.high == ratio)
    #expect(result.pValue == 2 / 4096.0)
    // Not above itself, and not below.
    for region in [Region(above: ratio), Region(below: ratio)] { #expect(result.decision(in: region) == .outside) }
  }

  @Test func theSameDifferenceInEveryBlockIsThatDifference() throws {
    for count in [8, 12, 40] {
      let result = try PairedComparison.compare(
        environment: [Double](repeating: 4, count: count), baseline: [Double](repeating: 2, count: count),
        scale: .difference, confidence: 0.99)
      #expect(result.estimate == 2 && result.low == 2 && result.high == 2)
      #expect(result.dependence == .independent && result.lag1 == 0 && result.minimumDetectableEffect == 0)
      #expect(result.splitHalfAgrees != false)
      #expect(agree(result.pValue, 2 / pow(2, Double(count))))
      #expect(result.pValue(of: .inside, in: Region(above: 1)) == result.pValue / 2)
    }
  }

  @Test func noDifferenceAtAllIsNone() throws {
    for scale in ComparisonScale.allCases {
      let two = [Double](repeating: 2, count: 12)
      let result = try PairedComparison.compare(environment: two, baseline: two, scale: scale, confidence: 0.99)
      #expect(result.low == scale.neutral && result.high == scale.neutral && result.estimate == scale.neutral)
      #expect(result.pValue == 1 && result.containsNoDifference && result.dependence == .independent)
      #expect(ControlGate.judge(estimate: result, margin: 0).passes)
    }
    let zero = [Double](repeating: 0, count: 12)
    let result = try PairedComparison.compare(environment: zero, baseline: zero, scale: .difference, confidence: 0.99)
    #expect(result.low == 0 && result.high == 0 && result.pValue == 1)
  }

  @Test func strayEventsInARowAreNoDependence() throws {
    let differences = [0, 0, 0, 0.001, 0.001, 0.001, 0, 0, 0, 0, 0, 0].map { 2 + $0 }
    let noisy = try PairedComparison.compare(differences: differences, scale: .difference, confidence: 0.99)
    #expect(noisy.dependence == .dependent)
    let counted = try PairedComparison.compare(
      differences: differences, scale: .difference, confidence: 0.99, isNoisy: false)
    #expect(counted.dependence == .independent && counted.mergedBlocks == 1 && counted.n == 12)
    #expect(counted.splitHalfAgrees == nil && counted.lag1 == noisy.lag1)
    #expect(counted.low == 2 && counted.high <= 2.001)
  }

  @Test func aValueOnTheBoundIsOutside() {
    let two = [Double](repeating: 2, count: 12)
    let region = Region(above: 2)
    #expect(region.pValue(of: .outside, differences: two, scale: .difference) == 1)
    #expect(agree(region.pValue(of: .outside, differences: two, scale: .difference, isNoisy: false), 1 / 4096.0))
    #expect(
      agree(Region(below: 2).pValue(of: .outside, differences: two, scale: .difference, isNoisy: false), 1 / 4096.0))
    // P(B ≤ 1) for one value inside.
    let one = two.dropLast() + [2.001]
    #expect(
      agree(region.pValue(of: .outside, differences: Array(one), scale: .difference, isNoisy: false), 13 / 4096.0))
    let logarithms = [Double](repeating: log(3.0), count: 8)
    let around = Region(above: 1, below: 3)
    #expect(agree(around.pValue(of: .outside, differences: logarithms, scale: .ratio, isNoisy: false), 2 / 256.0))
    // Inside is inside as ever.
    #expect(
      Region(above: 1).pValue(of: .inside, differences: two, scale: .difference, isNoisy: false)
        == Region(above: 1).pValue(of: .inside, differences: two, scale: .difference))
  }

  @Test func aSmallMarginShowsItsDigits() throws {
    let control = try PairedComparison.compare(
      differences: [1, -1, 2, -2, 1.5, -1.5, 0.5, -0.5].map { $0 / 1000 }, scale: .difference, confidence: 0.99)
    #expect(
      ControlGate.judge(estimate: control, margin: 0.0004).reason
        == "the control's interval [-0.00200, 0.00200] contains 0 and its estimate 0.00000 is within half the margin "
        + "(0.00020)")
  }
}
