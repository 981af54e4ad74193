import Foundation
import Statistics
import Testing

/// Runs with a known truth, each from a fixed seed. Values are trials; the comparison sees environment and baseline.
enum KnownTruth: String, CaseIterable, CustomTestStringConvertible {
  /// Normal noise in both.
  case normal
  /// One trial in ten has ten times the spread.
  case contaminated
  /// Log-normal noise in both: skewed trials, but symmetric differences, as both have the same shape.
  case skewedTrials
  /// The environment alone adds a log-normal cost: skewed differences.
  case skewedDifferences
  /// The environment alone adds an exponential cost: skewed differences.
  case exponentialDifferences
  /// Two equally frequent levels, a state of the host that differs from trial to trial.
  case bimodal
  /// The host's level jumps by half at a random moment of the run and stays there.
  case step

  var testDescription: String { rawValue }

  struct Truths: Decodable {
    struct Location: Decodable {
      let median: Double
      let pseudomedian: Double
    }
    let logNormal: Location
    let exponential: Location
  }

  /// One run of n blocks, on the logarithmic scale.
  func run(_ n: Int, _ noise: inout Noise) -> (environment: [Double], baseline: [Double]) {
    var environment: [Double] = []
    var baseline: [Double] = []
    environment.reserveCapacity(n)
    baseline.reserveCapacity(n)
    let stepAt = noise.uniform() * Double(2 * n)
    for block in 0..<n {
      var first: Double
      var second: Double
      switch self {
      case .normal:
        first = 0.1 * noise.normal()
        second = 0.1 * noise.normal()
      case .contaminated:
        first = (noise.uniform() < 0.1 ? 1 : 0.1) * noise.normal()
        second = (noise.uniform() < 0.1 ? 1 : 0.1) * noise.normal()
      case .skewedTrials:
        first = 0.1 * exp(noise.normal())
        second = 0.1 * exp(noise.normal())
      case .skewedDifferences:
        second = 0.1 * noise.normal()
        first = second + 0.1 * exp(noise.normal())
      case .exponentialDifferences:
        second = 0.1 * noise.normal()
        first = second - 0.1 * log(1 - noise.uniform())
      case .bimodal:
        first = 0.03 * noise.normal() + (noise.uniform() < 0.5 ? 0.3 : 0)
        second = 0.03 * noise.normal() + (noise.uniform() < 0.5 ? 0.3 : 0)
      case .step:
        let environmentFirst = noise.uniform() < 0.5
        let position = Double(2 * block)
        first = 0.05 * noise.normal() + (position + (environmentFirst ? 0 : 1) >= stepAt ? 0.4 : 0)
        second = 0.05 * noise.normal() + (position + (environmentFirst ? 1 : 0) >= stepAt ? 0.4 : 0)
      }
      environment.append(first + 0.3)
      baseline.append(second)
    }
    return (environment, baseline)
  }

  /// The true location of what the method estimates.
  func truth(_ method: PairedEstimate.Method, _ truths: Truths) -> Double {
    func added(_ location: Truths.Location) -> Double {
      0.1 * (method == .wilcoxon ? location.pseudomedian : location.median)
    }
    switch self {
    case .skewedDifferences: return 0.3 + added(truths.logNormal)
    case .exponentialDifferences: return 0.3 + added(truths.exponential)
    default: return 0.3
    }
  }
}

@Suite("Intervals cover the truth as often as they say")
struct CoverageSimulations {
  static let repetitions = 10_000

  @Test(
    "coverage is at least nominal − 0.7 points", arguments: KnownTruth.allCases, [(12, 0.95), (20, 0.95), (27, 0.99)])
  func coverage(model: KnownTruth, design: (n: Int, confidence: Double)) throws {
    let truths = try Golden.load("truths", as: KnownTruth.Truths.self)
    var noise = Noise(seed: 1000 + UInt64(design.n))
    var covered = 0
    var answered = 0
    var signTests = 0
    var merged = 0
    for _ in 0..<Self.repetitions {
      let (environment, baseline) = model.run(design.n, &noise)
      let result = try PairedComparison.compare(
        environment: environment, baseline: baseline, scale: .difference, confidence: design.confidence)
      guard result.dependence != .dependent else { continue }
      answered += 1
      if result.method == .signTest { signTests += 1 }
      if result.dependence == .mergedAway { merged += 1 }
      let truth = model.truth(result.method, truths)
      if result.low <= truth, truth <= result.high { covered += 1 }
    }
    let coverage = Double(covered) / Double(answered)
    show(
      "coverage \(model) n=\(design.n) \(design.confidence): \(coverage) answered \(answered) "
        + "sign tests \(signTests) merged \(merged)")
    #expect(coverage >= design.confidence - 0.007)
    #expect(answered >= Self.repetitions * 96 / 100, "independent blocks must hardly ever be called dependent")
    if model == .normal { #expect(signTests <= answered * 6 / 100, "normal data must keep the Wilcoxon interval") }
  }
}
