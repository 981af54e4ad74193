import Foundation
import Statistics
import Testing

@Suite("Regions, gates, ladders and looks judge as documented")
struct JudgementTests {
  private func estimate(shift: Double, spread: Double, n: Int = 20, seed: UInt64 = 1) throws -> PairedEstimate {
    var noise = Noise(seed: seed)
    let baseline = noise.normals(n).map { 10 * exp($0 * spread) }
    let environment = zip(baseline, noise.normals(n)).map { $0 * exp(shift + $1 * spread) }
    return try PairedComparison.compare(
      environment: environment, baseline: baseline, scale: .ratio, confidence: 0.99)
  }

  @Test(
    "intervals against regions",
    arguments: [
      (Region(above: 1.1), 1.11, 1.2, Decision.inside), (Region(above: 1.1), 1.1, 1.2, .overlaps),
      (Region(above: 1.1), 1.0, 1.1, .outside), (Region(above: 1.1), 1.0, 1.11, .overlaps),
      (Region(below: 1), 0.5, 0.99, .inside), (Region(below: 1), 1, 1.5, .outside),
      (Region(below: 1), 0.9, 1, .overlaps),
      (Region(above: 0.95, below: 1.05), 0.96, 1.04, .inside), (Region(above: 0.95, below: 1.05), 1.05, 1.1, .outside),
      (Region(above: 0.95, below: 1.05), 0.9, 0.95, .outside), (Region(above: 0.95, below: 1.05), 0.9, 1.1, .overlaps),
      (Region(above: 0), 0, 0, .outside), (Region(above: 0), 1, 1, .inside),
    ])
  func regions(region: Region, low: Double, high: Double, expected: Decision) {
    #expect(region.decide(low: low, high: high) == expected)
  }

  @Test func regionsWithoutSenseAreNone() {
    #expect(!Region.isValid(above: nil, below: nil))
    #expect(!Region.isValid(above: 2, below: 1))
    #expect(!Region.isValid(above: 1, below: 1))
    #expect(!Region.isValid(above: .nan, below: nil))
    #expect(Region.isValid(above: 1, below: 2))
  }

  @Test func aDecidingIntervalHasASmallPValue() throws {
    let slow = try estimate(shift: 0.2, spread: 0.03)
    for region in [Region(above: 1.1), Region(above: 1.1, below: 1.4), Region(below: 1.4)] {
      #expect(slow.decision(in: region) == .inside)
      #expect(slow.pValue(of: .inside, in: region) <= 0.005)
    }
    for region in [Region(below: 1.1), Region(above: 1.4)] {
      #expect(slow.decision(in: region) == .outside)
      #expect(slow.pValue(of: .outside, in: region) <= 0.005)
      #expect(slow.pValue(of: .inside, in: region) > 0.5)
    }
    let around = Region(above: 0.95, below: 1.05)
    #expect(slow.decision(in: around) == .outside)
    #expect(slow.pValue(of: .outside, in: around) <= 0.01)
    let wide = Region(above: slow.estimate)
    #expect(slow.decision(in: wide) == .overlaps)
    #expect(slow.pValue(of: .overlaps, in: wide) == 1)
    #expect(slow.pValue(of: .inside, in: wide) > 0.2)
  }

  @Test func pValuesOfRegionsAreThoseOfTheTests() {
    let differences = [0.3, 0.1, 0.25, 0.4, -0.05, 0.33, 0.18, 0.21]
    let above = WilcoxonSignedRank.pValue(differences: differences, shift: 0.01, alternative: .greater)
    let below = WilcoxonSignedRank.pValue(differences: differences, shift: 0.5, alternative: .less)
    let region = Region(above: 0.01, below: 0.5)
    #expect(region.pValue(of: .inside, differences: differences, scale: .difference) == max(above, below))
    #expect(
      Region(below: 0.01).pValue(of: .outside, differences: differences, scale: .difference) == above)
    #expect(
      Region(above: exp(0.01)).pValue(of: .inside, differences: differences, scale: .ratio, method: .signTest)
        == SignTest.pValue(differences: differences, shift: log(exp(0.01)), alternative: .greater))
    #expect(Region(above: 0).pValue(of: .inside, differences: differences, scale: .ratio) == 0)
    #expect(Region(below: 0).pValue(of: .inside, differences: differences, scale: .ratio) == 1)
  }

  @Test func theControlMustContainNoDifferenceAndBeNearIt() throws {
    let control = try estimate(shift: 0, spread: 0.02)
    #expect(ControlGate.judge(estimate: control, margin: 0.1).passes)
    let narrow = ControlGate.judge(estimate: control, margin: 0.0001)
    #expect(!narrow.passes)
    #expect(narrow.reason.contains("half the margin"))
    let different = ControlGate.judge(estimate: try estimate(shift: 0.1, spread: 0.02), margin: 1)
    #expect(!different.passes)
    #expect(different.reason.contains("does not contain 1"))
    let absolute = try PairedComparison.compare(
      environment: [1, 2, 3, 4, 5, 6, 7, 8], baseline: [2, 1, 4, 3, 6, 5, 8, 7], scale: .difference, confidence: 0.99)
    #expect(ControlGate.judge(estimate: absolute, margin: 0.5).passes)
    #expect(
      ControlGate.judge(estimate: absolute, margin: 0.5).reason
        == "the control's interval [-1.000, 1.000] contains 0 and its estimate 0.000 is within half the margin (0.250)")
  }

  @Test func stepsComposeAndLeaveAResidual() {
    let ratios = Ladder.compose(steps: [1.1, 1.2, 1.05], total: 1.4, scale: .ratio)
    #expect(agree(ratios.composed, 1.386))
    #expect(agree(ratios.residual, 1.4 / 1.386))
    let differences = Ladder.compose(steps: [1.5, 2, -0.5], total: 3.5, scale: .difference)
    #expect(differences.composed == 3)
    #expect(differences.residual == 0.5)
    #expect(Ladder.compose(steps: [], total: 1, scale: .ratio).residual == 1)
    #expect(Ladder.compose(steps: [], total: 0, scale: .difference).residual == 0)
  }

  @Test func looksComeAtTheirNumbers() {
    let design = SequentialDesign.standard
    #expect([0, 7, 8, 11, 12, 18, 27, 39].map { design.nextLook(after: $0) } == [8, 8, 12, 12, 18, 27, 40, 40])
    #expect(design.nextLook(after: 40) == nil)
    #expect(design.isLook(27))
    #expect(!design.isLook(28))
    #expect(
      design.looks.allSatisfy { WilcoxonSignedRank.criticalValue(n: $0, confidence: design.confidencePerLook) != nil })
  }
}

@Suite("What cannot be read is unknown, never quiet")
struct NoiseClassTests {
  private let quiet = NoiseReadings(stealShare: 0, foreignCPUShare: 0, runDelayShare: 0, canaryCV: 0)

  @Test(
    "limits of each kind of evidence",
    arguments: [
      (NoiseClass.Evidence.stealShare, 0.0009, 0.001, 0.0199, 0.02), (.foreignCPUShare, 0.009, 0.01, 0.09, 0.1),
      (.runDelayShare, 0.004, 0.005, 0.049, 0.05), (.canaryCV, 0.009, 0.01, 0.049, 0.05),
    ])
  func limits(evidence: NoiseClass.Evidence, quiet: Double, noisy: Double, stillNoisy: Double, hostile: Double) {
    #expect(evidence.classify(quiet) == .quiet)
    #expect(evidence.classify(noisy) == .noisy)
    #expect(evidence.classify(stillNoisy) == .noisy)
    #expect(evidence.classify(hostile) == .hostile)
    #expect(evidence.classify(nil) == .unknown)
    #expect(evidence.classify(.nan) == .unknown)
    #expect(evidence.classify(-0.1) == .unknown)
    #expect(evidence.classify(.infinity) == .hostile)
  }

  @Test func theWorstEvidenceCounts() {
    #expect(quiet.noiseClass == .quiet)
    var readings = quiet
    readings.canaryCV = 0.02
    #expect(readings.noiseClass == .noisy)
    readings.stealShare = 0.5
    #expect(readings.noiseClass == .hostile)
    #expect(readings.noiseClass(by: .canaryCV) == .noisy)
    #expect(readings.noiseClass(by: .runDelayShare) == .quiet)
  }

  @Test(arguments: NoiseClass.Evidence.allCases)
  func oneMissingReadingMakesAQuietHostUnknown(missing: NoiseClass.Evidence) {
    var readings = quiet
    switch missing {
    case .stealShare: readings.stealShare = nil
    case .foreignCPUShare: readings.foreignCPUShare = nil
    case .runDelayShare: readings.runDelayShare = nil
    case .canaryCV: readings.canaryCV = nil
    }
    #expect(readings.noiseClass == .unknown)
  }

  @Test func aMissingReadingDoesNotHideABadOne() {
    #expect(NoiseReadings(stealShare: 0.01).noiseClass == .noisy)
    #expect(NoiseReadings(stealShare: 0.03).noiseClass == .hostile)
    #expect(NoiseReadings().noiseClass == .unknown)
  }
}
