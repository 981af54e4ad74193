import Foundation
import Testing

@testable import Statistics

@Suite("A line weighs each size by its relative error")
struct LineTests {
  struct Golden: Decodable {
    struct Part: Decodable {
      let values: [Double]
      let estimate: Double
      let low: Double
      let high: Double
    }
    let sizes: [Double]
    let confidence: Double
    let series: [[Double]]
    let intercept: Part
    let slope: Part
  }

  /// What nobody could tell apart: in parts of the line itself, since an intercept may be a small rest of large numbers.
  private func agrees(_ line: Line.Fit, _ intercept: Double, _ slope: Double, over sizes: [Double]) -> Bool {
    sizes.allSatisfy { size in
      let (found, expected) = (line.intercept + line.slope * size, intercept + slope * size)
      return abs(found - expected) <= 1e-9 * abs(expected)
    }
  }

  @Test func agreesWithNumPy() throws {
    let goldens = try StatisticsTests.Golden.load("line", as: [Golden].self)
    #expect(goldens.count == 8)
    for golden in goldens {
      let lines = try Line.fits(series: golden.series, over: golden.sizes)
      for (line, expected) in zip(lines, zip(golden.intercept.values, golden.slope.values)) {
        #expect(agrees(line, expected.0, expected.1, over: golden.sizes))
      }
      for (values, part) in [(lines.map(\.intercept), golden.intercept), (lines.map(\.slope), golden.slope)] {
        let interval = try #require(HodgesLehmann.interval(values, confidence: golden.confidence))
        #expect(agree(interval.estimate, part.estimate, within: 1e-7))
        #expect(agree(interval.low, part.low, within: 1e-7) && agree(interval.high, part.high, within: 1e-7))
      }
      let result = try Line.compare(
        series: golden.series, over: golden.sizes, confidence: golden.confidence, isNoisy: false)
      #expect(result.intercept.differences == lines.map(\.intercept) && result.intercept.scale == .difference)
      #expect(result.slope.differences == lines.map(\.slope) && result.slope.confidence == golden.confidence)
    }
  }

  @Test func anExactLineIsFoundAtEverySize() throws {
    let sizes: [Double] = [4096, 65_536, 1_048_576, 67_108_864, 1_073_741_824]
    for (intercept, slope) in [(450_000.0, 3.9), (1e-3, 2), (80_000, 1e-7), (5e9, -0.5)] {
      let line = try Line.fit(sizes.map { intercept + slope * $0 }, over: sizes)
      #expect(agrees(line, intercept, slope, over: sizes), "\(line)")
      #expect(agree(line.slope / slope, 1, within: 1e-6))
    }
    let reversed = try Line.fit([9, 5, 3], over: [3, 1, 0])
    #expect(agree(reversed.intercept, 3) && agree(reversed.slope, 2))
  }

  @Test func whatDoesNotGrowHasASlopeOfExactlyZero() throws {
    for value in [0, 0.1, 4096, 1e300, -3] {
      #expect(try Line.fit([value, value, value], over: [1, 0.3, 7]) == Line.Fit(intercept: value, slope: 0))
    }
    let flat = try Line.compare(
      series: Array(repeating: Array(repeating: 2.7, count: 12), count: 3), over: [1, 5, 9], confidence: 0.99)
    #expect(flat.slope.estimate == 0 && flat.slope.low == 0 && flat.slope.high == 0 && flat.slope.pValue == 1)
    #expect(flat.intercept.estimate == 2.7 && flat.intercept.low == 2.7)
  }

  @Test func theShortTimesAreNotDrownedByTheLong() throws {
    // The longest time is 5 % off, which is 200 ms: it must not carry the half millisecond of the intercept away.
    let sizes: [Double] = [4096, 65_536, 1_048_576, 67_108_864, 1_073_741_824]
    var times = sizes.map { 450_000 + 3.9 * $0 }
    times[4] *= 1.05
    let line = try Line.fit(times, over: sizes)
    #expect(abs(line.intercept - 450_000) < 5_000, "\(line)")
    let equal = try Slope.leastSquares(times, over: sizes)
    let level = Descriptive.mean(times) - equal * Descriptive.mean(sizes)
    #expect(abs(level - 450_000) > 300_000, "equal weights: \(level)")
  }

  @Test func aLineBelowZeroHasAnEnd() throws {
    // Times that fall with size to almost nothing: the line itself is no weight where it reaches 0.
    let line = try Line.fit([100, 60, 1, 1], over: [0, 1, 2, 3])
    #expect(line.intercept.isFinite && line.slope.isFinite && line.slope < 0)
    #expect(agree(try Line.fit([1e-9, 1e12], over: [0, 1]).slope / 1e12, 1))
  }

  @Test func theIntervalsHoldTheTruthAsOftenAsTheySay() throws {
    let (intercept, slope) = (450_000.0, 3.9)
    let sizes: [Double] = [4096, 65_536, 1_048_576, 16_777_216, 268_435_456]
    var covered = (intercept: 0, slope: 0)
    for seed in 0..<1000 {
      var noise = Noise(seed: UInt64(7000 + seed))
      // All of a block share a factor, as they share the state of the disk; each has an error of its own. The mean of each
      // factor is 1.
      let shared = noise.normals(18)
      let series = sizes.map { size in
        zip(shared, noise.normals(18)).map { (intercept + slope * size) * (1 + 0.05 * $0) * (1 + 0.08 * $1) }
      }
      let result = try Line.compare(series: series, over: sizes, confidence: 0.95)
      if result.intercept.low <= intercept && intercept <= result.intercept.high { covered.intercept += 1 }
      if result.slope.low <= slope && slope <= result.slope.high { covered.slope += 1 }
    }
    // 95 % less three standard deviations and the 0.7 points that the whole procedure is allowed.
    #expect(covered.intercept >= 922 && covered.slope >= 922, "\(covered)")
    show("line, 95 %: intercept \(covered.intercept), slope \(covered.slope) of 1000")
  }

  @Test func badDataIsNamed() {
    func code(_ body: () throws -> Void) -> StatisticsError.Code? {
      (#expect(throws: StatisticsError.self) { try body() })?.code
    }
    #expect(code { _ = try Line.fit([1, 2], over: [1]) } == .lengthsDiffer)
    #expect(code { _ = try Line.fit([1, 2], over: [1, 1]) } == .noSpread)
    #expect(code { _ = try Line.fit([], over: []) } == .noSpread)
    #expect(code { _ = try Line.fit([1, .nan], over: [1, 2]) } == .notFinite)
    #expect(code { _ = try Line.fit([1, 2], over: [1, .infinity]) } == .notFinite)
    #expect(code { _ = try Line.fit([0, 2], over: [1, 2]) } == .notPositive)
    #expect(code { _ = try Line.fit([-1, 2], over: [1, 2]) } == .notPositive)
    #expect(code { _ = try Line.compare(series: [[1, 2], [1]], over: [1, 2], confidence: 0.9) } == .lengthsDiffer)
    #expect(code { _ = try Line.compare(series: [[1, 2], [1, 2]], over: [1, 2], confidence: 0.9) } == .tooFewPairs)
  }
}
