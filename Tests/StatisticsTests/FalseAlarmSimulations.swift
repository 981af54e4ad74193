import Foundation
import Statistics
import Testing

@Suite("False alarms come as often as they should")
struct FalseAlarmSimulations {
  static let repetitions = 10_000

  @Test func pValuesOfTwinsAreUniform() throws {
    var noise = Noise(seed: 77)
    var values: [Double] = []
    for _ in 0..<Self.repetitions {
      let pairs = zip(noise.normals(20), noise.normals(20)).map { $0 - $1 }
      values.append(WilcoxonSignedRank.pValue(differences: pairs))
    }
    values.sort()
    // Kolmogorov–Smirnov at the attainable values only, since an exact p-value takes few: there P(p ≤ x) = x.
    var distance = 0.0
    for (index, value) in values.enumerated() where index + 1 == values.count || values[index + 1] != value {
      distance = max(distance, abs(Double(index + 1) / Double(values.count) - value))
    }
    show("KS distance of A/A p-values: \(distance)")
    #expect(distance < 1.63 / Double(Self.repetitions).squareRoot(), "the 99 % point")
  }

  @Test(
    "the whole comparison of twins, skewed and contaminated ones too",
    arguments: [KnownTruth.normal, .contaminated, .skewedTrials])
  func twins(model: KnownTruth) throws {
    var noise = Noise(seed: 78)
    var below: [Double: Int] = [0.01: 0, 0.05: 0, 0.2: 0, 0.5: 0]
    for _ in 0..<Self.repetitions {
      let (environment, baseline) = model.run(20, &noise)
      let result = try PairedComparison.compare(
        environment: environment, baseline: baseline.map { $0 + 0.3 }, scale: .difference, confidence: 0.95)
      for level in below.keys where result.pValue <= level { below[level, default: 0] += 1 }
    }
    for (level, count) in below {
      let share = Double(count) / Double(Self.repetitions)
      let error = (level * (1 - level) / Double(Self.repetitions)).squareRoot()
      show("twins \(model): P(p ≤ \(level)) = \(share)")
      #expect(share <= level + 0.003 + 3 * error)
      #expect(share >= level * 0.7)
    }
  }

  @Test func fiveLooksErrInAboutThreeOfAHundredRuns() throws {
    let design = SequentialDesign.standard
    var noise = Noise(seed: 79)
    var errors = 0
    var errorsOfComparison = 0
    for _ in 0..<Self.repetitions {
      let differences = noise.normals(40)
      var testErrs = false
      var comparisonErrs = false
      for look in design.looks {
        let seen = Array(differences[..<look])
        if WilcoxonSignedRank.pValue(differences: seen) <= 1 - design.confidencePerLook { testErrs = true }
        if !comparisonErrs {
          let result = try PairedComparison.compare(
            differences: seen, scale: .difference, confidence: design.confidencePerLook)
          if result.dependence != .dependent, !result.containsNoDifference { comparisonErrs = true }
        }
      }
      if testErrs { errors += 1 }
      if comparisonErrs { errorsOfComparison += 1 }
    }
    let share = Double(errors) / Double(Self.repetitions)
    let shareOfComparison = Double(errorsOfComparison) / Double(Self.repetitions)
    show("family-wise error: Wilcoxon \(share), whole comparison \(shareOfComparison)")
    #expect(abs(share - design.familyWiseError) < 0.0055, "three standard errors")
    #expect(shareOfComparison < 0.04)
  }

  @Test(
    "halves of a stationary run disagree seldom",
    arguments: [(12, 0.95, 0.05), (20, 0.99, 0.03), (27, 0.99, 0.03), (40, 0.99, 0.04)])
  func halves(n: Int, confidence: Double, limit: Double) throws {
    var noise = Noise(seed: 80)
    var disagreeing = 0
    for _ in 0..<2000 where SplitHalf.agreement(noise.normals(n), confidence: confidence) == false { disagreeing += 1 }
    show("halves n=\(n): \(Double(disagreeing) / 2000)")
    #expect(Double(disagreeing) / 2000 < limit)
  }

  @Test(
    "halves that differ by 1.5 standard deviations disagree mostly",
    arguments: [(20, 0.99, 0.6), (27, 0.99, 0.8), (40, 0.99, 0.95)])
  func shiftedHalves(n: Int, confidence: Double, least: Double) throws {
    var noise = Noise(seed: 81)
    var disagreeing = 0
    for _ in 0..<2000 {
      let values = noise.normals(n).enumerated().map { $0 < n / 2 ? $1 : $1 + 1.5 }
      if SplitHalf.agreement(values, confidence: confidence) == false { disagreeing += 1 }
    }
    show("shifted halves n=\(n): \(Double(disagreeing) / 2000)")
    #expect(Double(disagreeing) / 2000 > least)
  }
}
