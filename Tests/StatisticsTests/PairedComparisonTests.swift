import Foundation
import Testing

@testable import Statistics

@Suite("A paired comparison says what it did and what it cannot do")
struct PairedComparisonTests {
  @Test func ratiosAreTheExponentialsOfLogDifferences() throws {
    var noise = Noise(seed: 21)
    let baseline = noise.normals(12).map { 8 + 0.1 * $0 }
    let environment = noise.normals(12).map { 9 + 0.1 * $0 }
    let result = try PairedComparison.compare(
      environment: environment, baseline: baseline, scale: .ratio, confidence: 0.95)
    let logs = zip(environment, baseline).map { log($0 / $1) }
    let expected = try #require(HodgesLehmann.interval(logs, confidence: 0.95))
    #expect(result.differences == logs)
    #expect(result.method == .wilcoxon)
    #expect(result.n == 12)
    #expect(result.mergedBlocks == 1)
    #expect(result.estimate == exp(expected.estimate))
    #expect(result.low == exp(expected.low))
    #expect(result.high == exp(expected.high))
    #expect(result.achievedConfidence == expected.achievedConfidence)
    #expect(result.pValue == WilcoxonSignedRank.pValue(differences: logs))
    #expect(agree(result.minimumDetectableEffect, exp((log(result.high) - log(result.low)) / 2) - 1))
  }

  @Test func differencesKeepTheirUnit() throws {
    let baseline: [Double] = [10, 12, 11, 14, 13, 12, 10, 11]
    let added = [3.0, 2.8, 3.2, 2.9, 3.3, 3.1, 2.7, 3.4]
    let result = try PairedComparison.compare(
      environment: zip(baseline, added).map { $0 + $1 }, baseline: baseline, scale: .difference, confidence: 0.99)
    #expect(agree(result.estimate, 3.05))
    #expect(agree(result.low, 2.7))
    #expect(agree(result.high, 3.4))
    #expect(agree(result.minimumDetectableEffect, 0.35))
    #expect(result.pValue == 2.0 / 256)
    #expect(result.splitHalfAgrees == nil)
  }

  @Test func skewedDifferencesGetTheSignTest() throws {
    var noise = Noise(seed: 4)
    let differences = noise.normals(27).map { exp(1.2 * $0) }
    let result = try PairedComparison.compare(differences: differences, scale: .difference, confidence: 0.99)
    #expect(result.isSkewed)
    #expect(result.method == .signTest)
    #expect(result.skewness > 0.2)
    #expect(result.estimate == Descriptive.median(differences))
    #expect(result.pValue == SignTest.pValue(differences: differences))
    let mirrored = try PairedComparison.compare(
      differences: differences.map { -$0 }, scale: .difference, confidence: 0.99)
    #expect(mirrored.skewness == -result.skewness)
    #expect(mirrored.low == -result.high)
  }

  @Test func alternatingBlocksAreMerged() throws {
    var noise = Noise(seed: 8)
    let differences = noise.normals(20).enumerated().map { ($0.isMultiple(of: 2) ? 1.0 : -1.0) + 0.2 * $1 }
    let result = try PairedComparison.compare(differences: differences, scale: .difference, confidence: 0.95)
    #expect(result.lag1 < -0.8)
    #expect(result.dependence == .mergedAway)
    #expect(result.mergedBlocks == 2)
    #expect(result.n == 10)
    #expect(agree(result.differences[0], (differences[0] + differences[1]) / 2))
  }

  @Test func aDriftIsDependentAndItsHalvesDisagree() throws {
    var noise = Noise(seed: 9)
    let differences = noise.normals(27).enumerated().map { 0.2 * Double($0) + 0.5 * $1 }
    let result = try PairedComparison.compare(differences: differences, scale: .difference, confidence: 0.99)
    #expect(result.dependence == .dependent)
    #expect(result.mergedBlocks == 1)
    #expect(result.n == 27)
    #expect(result.splitHalfAgrees == false)
  }

  @Test func tooFewBlocksToMergeAreDependent() throws {
    let differences = (0..<12).map { $0.isMultiple(of: 2) ? 1.0 + Double($0) / 100 : -1.0 }
    let result = try PairedComparison.compare(differences: differences, scale: .difference, confidence: 0.95)
    #expect(result.dependence == .dependent)
  }

  @Test func blocksLeftOverJoinTheLastGroup() {
    #expect(SerialDependence.merge([1, 3, 5, 7, 9, 11, 13], factor: 2) == [2, 6, 11])
    #expect(SerialDependence.merge([1, 2, 3, 4, 5, 6, 7, 8, 9], factor: 4) == [2.5, 7])
  }

  @Test func correlationOfMeansOfAFirstOrderProcess() {
    #expect(agree(SerialDependence.correlationOfMeans(0.6, factor: 2), 0.6 * 1.6 / 2))
    #expect(agree(SerialDependence.correlationOfMeans(0.6, factor: 4), 0.6 * 2.176 * 2.176 / 9.472))
    #expect(SerialDependence.correlationOfMeans(0, factor: 4) == 0)
  }

  @Test func valuesThatDoNotVaryHaveAPointForAnInterval() throws {
    let result = try PairedComparison.compare(
      environment: [Double](repeating: 3, count: 12), baseline: [Double](repeating: 2, count: 12), scale: .ratio,
      confidence: 0.99)
    #expect(agree(result.estimate, 1.5))
    #expect(result.low == result.high)
    #expect(result.minimumDetectableEffect == 0)
    #expect(result.dependence == .independent)
    #expect(result.splitHalfAgrees == true)
    #expect(result.pValue == 2 / 4096.0)
  }

  @Test func badDataIsNamed() {
    func code(_ environment: [Double], _ baseline: [Double], _ scale: ComparisonScale, _ confidence: Double)
      -> StatisticsError.Code?
    {
      do throws(StatisticsError) {
        _ = try PairedComparison.compare(
          environment: environment, baseline: baseline, scale: scale, confidence: confidence)
        return nil
      } catch {
        return error.code
      }
    }
    let eight: [Double] = [1, 2, 3, 4, 5, 6, 7, 9]
    #expect(code(eight, eight, .ratio, 0.99) == nil)
    #expect(code(eight, Array(eight.dropLast()), .ratio, 0.99) == .lengthsDiffer)
    #expect(code(Array(eight.dropLast()), Array(eight.dropLast()), .ratio, 0.9) == .tooFewPairs)
    #expect(code(eight, eight, .ratio, 0.999) == .tooFewPairs)
    #expect(code(eight.map { $0 - 1 }, eight, .ratio, 0.99) == .notPositive)
    #expect(code(eight.map { $0 - 1 }, eight, .difference, 0.99) == nil)
    #expect(code(eight.dropLast() + [.infinity], eight, .difference, 0.99) == .notFinite)
    #expect(code(eight.dropLast() + [.nan], eight, .ratio, 0.99) == .notFinite)
  }

  @Test func tooFewBlocksNameTheNumberNeeded() {
    #expect {
      try PairedComparison.compare(differences: [1, 2, 3], scale: .difference, confidence: 0.99)
    } throws: { error in
      "\(error)" == "3 blocks are too few for an interval of 99.0 %: run at least 8"
    }
  }
}
