import Foundation
import Model
import Statistics

/// Runs whose truth is known, made from a seed.
struct Synthetic {
  /// What the numbers of an environment are made of.
  enum Law {
    /// base · factor · exp(block drift + noise): the true ratio to the baseline is the factor.
    case multiplicative
    /// base · factor + block drift + noise (both in parts of the base): the true difference is base · (factor − 1).
    case additive
  }

  static let base = 10_000.0
  static let workload = "udp"

  var seed: UInt64 = 1
  var blocks = 12
  /// In ladder order, the baseline first; each with its true factor.
  var environments: [(name: String, factor: Double)] = [("native", 1), ("netns", 1), ("bridge", 1.2)]
  /// The factor of the baseline's twin.
  var control = 1.0
  var law = Law.multiplicative
  /// Standard deviation of a trial within its block.
  var noise = 0.01
  /// Standard deviation of what all trials of a block share.
  var drift = 0.03
  var claims: [ClaimSpec] = []
  var looks = [8, 12, 18, 27, 40]
  /// A factor of its own for an environment in a block.
  var change: (_ environment: String, _ block: Int) -> Double = { _, _ in 1 }
  /// The metrics that each trial yields as multiples of its p50; others are said to be unavailable.
  var metrics: [Metric: Double] = [.rttP50: 1]
  /// Counts, the same in every block, by environment; elsewhere there are none.
  var counts: [Metric: [String: Double]] = [:]
  var kind = WorkloadSpec.Kind.udpRR
  var noiseClass = HostNoise.quiet

  static func claim(
    _ id: String, _ environment: String = "bridge", above: Double? = nil, below: Double? = nil, margin: Double = 0.1,
    against: String? = nil, quantity: ClaimSpec.Quantity = .ratio, over: [String: Double]? = nil,
    metric: Metric = .rttP50, workload: String = Synthetic.workload
  ) -> ClaimSpec {
    ClaimSpec(
      id: id, section: "section", statement: "statement", workload: workload, metric: metric, environment: environment,
      against: against, quantity: quantity, over: over, region: ClaimRegion(above: above, below: below), margin: margin,
      supportedReason: "\(id) holds", refutedReason: "\(id) does not hold")
  }

  var record: RunRecord {
    let profile = Profile(windowMilliseconds: 100, warmupMilliseconds: 10, budgetSeconds: 10, looks: looks)
    let scenario = Scenario(
      name: "synthetic", title: "t", description: "d", baseline: environments[0].name,
      environments: environments.map(\.name),
      workloads: [WorkloadSpec(name: Self.workload, kind: kind, wait: .spin)],
      profiles: [.quick: profile], claims: claims)
    return RunRecord(
      id: "20260101-000000-\(String(seed, radix: 16))", scenario: scenario, profileName: .quick,
      profile: profile,
      environments: environments.map { EnvironmentRecord(name: $0.name, summary: "s", layer: "layer of \($0.name)") },
      workloads: [Self.workload], seed: seed, started: Date(timeIntervalSince1970: 1_767_225_600),
      finished: Date(timeIntervalSince1970: 1_767_225_610),
      host: HostFacts(hostname: "h", kernel: "k", architecture: "x86_64", cpuCount: 2), workerSHA256: "ab",
      version: "0", command: "bench run synthetic", exit: .completed, stopReason: "r")
  }

  func run() -> StoredRun {
    var generator = NormalGenerator(seed: seed)
    var run = StoredRun(record: record, blocks: [], trials: [])
    for block in 0..<blocks {
      let shared = drift * generator.next()
      let slots = environments.map { ($0.name, $0.factor, false) } + [(environments[0].name, control, true)]
      for (position, slot) in slots.enumerated() {
        let factor = slot.1 * (slot.2 ? 1 : change(slot.0, block))
        let own = noise * generator.next()
        let value =
          switch law {
          case .multiplicative: Self.base * factor * exp(shared + own)
          case .additive: Self.base * (factor + shared + own)
          }
        run.trials.append(trial(block, position, slot.0, slot.2, value, canary: 1000 + generator.next()))
      }
      run.blocks.append(BlockRecord(index: block, voidReasons: [], noiseClass: noiseClass))
    }
    return run
  }

  private func trial(
    _ block: Int, _ position: Int, _ environment: String, _ isControl: Bool, _ value: Double, canary: Double
  ) -> Trial {
    var values: [Metric: Double] = [:]
    var unavailable: [Metric: String] = [:]
    for metric in Metric.allCases {
      if let count = counts[metric]?[environment] {
        values[metric] = count
      } else if let part = metrics[metric] {
        values[metric] = value * part
      } else {
        unavailable[metric] = "not simulated"
      }
    }
    return Trial(
      block: block, position: position, environment: environment, isControl: isControl, workload: Self.workload,
      started: Date(timeIntervalSince1970: 1_767_225_600 + Double(block)), windowNanoseconds: 100_000_000,
      values: values, unavailable: unavailable, histogram: LatencyHistogram(samples: [UInt32(value)]),
      messages: MessageCounts(sent: 1, completed: 1), attestation: Attestation(hops: [], failures: []),
      noise: TrialNoise(
        stealShare: 0, foreignCPUShare: 0.001 + 0.0001 * Double(position), runDelayShare: 0.0001 * Double(position + 1),
        canaryNanoseconds: canary, clockStepNanoseconds: 0))
  }
}

/// Standard normal numbers by Box and Muller, from a seed.
struct NormalGenerator {
  private var uniform: SeededGenerator
  init(seed: UInt64) { uniform = SeededGenerator(seed: seed) }

  mutating func next() -> Double {
    let radius = (-2 * log(1 - uniform.unitInterval())).squareRoot()
    return radius * cos(2 * .pi * uniform.unitInterval())
  }
}

extension RunResult {
  func series(_ environment: String, _ metric: Metric = .rttP50) -> SeriesResult? {
    series.first { $0.environment == environment && $0.metric == metric }
  }

  func claim(_ id: String) -> ClaimResult? { claims.first { $0.id == id } }
}

extension StoredRun {
  /// The same with trials in another order.
  func shuffled(seed: UInt64) -> StoredRun {
    var generator = SeededGenerator(seed: seed)
    var run = self
    run.trials = SeededGenerator.permutation(of: trials, using: &generator)
    return run
  }

  func prefix(_ blocks: Int) -> StoredRun {
    StoredRun(
      record: record, blocks: self.blocks.filter { $0.index < blocks }, trials: trials.filter { $0.block < blocks })
  }

  /// The same with these blocks void.
  func voiding(_ indices: Set<Int>) -> StoredRun {
    var run = self
    for place in run.blocks.indices where indices.contains(run.blocks[place].index) {
      run.blocks[place].voidReasons = ["12 % of the CPU time was taken by the hypervisor"]
    }
    return run
  }
}

/// Runs `body` for 0..<count on all CPUs; results in order.
func simulate<Value: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Value) async -> [Value] {
  await withTaskGroup(of: (Int, Value).self) { group in
    for index in 0..<count { group.addTask { (index, body(index)) } }
    var values: [Value?] = Array(repeating: nil, count: count)
    for await (index, value) in group { values[index] = value }
    return values.compactMap { $0 }
  }
}
