internal import Foundation
internal import Model
internal import Regression
internal import Statistics

/// Made-up measurements of the size and shape of real ones; the same in every process.
enum Fixture {
  private static let environments = ["native", "netns", "veth", "bridge"]
  /// The trials of one workload in one block, and what each one's round trip is of the baseline's.
  private static let slots: [(environment: String, isControl: Bool, cost: Double)] = [
    ("native", false, 1), ("netns", false, 0.95), ("veth", false, 1.1), ("bridge", false, 1.3), ("native", true, 1),
  ]

  // MARK: Numbers

  /// Paired values of `count` blocks, in ns: log-normal trials of 5 % around a common level, the environment 2 % above.
  static func pairs(count: Int, series: Int) -> [(environment: [Double], baseline: [Double])] {
    var random = SeededGenerator(seed: 40)
    return (0..<series).map { _ in
      let baseline = (0..<count).map { _ in 8000 * exp(0.05 * normal(&random)) }
      return (baseline.map { $0 * 1.02 * exp(0.05 * normal(&random)) }, baseline)
    }
  }

  /// Overheads of nights in natural logarithms, oldest first: 2 % around a level that every third series changes by 5 %.
  static func overheads(series count: Int, nights: Int) -> [[Double]] {
    var random = SeededGenerator(seed: 41)
    return (0..<count).map { series in
      (0..<nights).map { night in
        (series.isMultiple(of: 3) && night > nights / 2 ? 0.35 : 0.3) + 0.02 * normal(&random)
      }
    }
  }

  /// Round trips in ns as a spinning worker sees them: some 8 µs with a long tail.
  static func roundTrips(count: Int, seed: UInt64) -> [UInt32] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      let body = 8000 * exp(0.08 * normal(&random))
      // One in a thousand meets an interrupt or worse.
      return UInt32(random.unitInterval() < 0.001 ? body * (1 + 50 * random.unitInterval()) : body)
    }
  }

  /// Box & Muller's method.
  private static func normal(_ random: inout SeededGenerator) -> Double {
    (-2 * log(1 - random.unitInterval())).squareRoot() * cos(2 * .pi * random.unitInterval())
  }

  // MARK: Runs

  /// A run with all its trials, whose histograms are small: the analysis reads trials' values.
  static func run(blocks: Int, workloads count: Int) -> StoredRun {
    let workloads = (0..<count).map { WorkloadSpec(name: "workload-\($0)", kind: .udpRR, wait: .spin) }
    let record = record(workloads: workloads)
    let histogram = LatencyHistogram(samples: roundTrips(count: 1000, seed: 4))
    var random = SeededGenerator(seed: 5)
    var trials: [Trial] = []
    for block in 0..<blocks {
      for workload in workloads {
        for slot in slots {
          trials.append(
            trial(
              block: block, environment: slot.environment, isControl: slot.isControl, workload: workload.name,
              histogram: histogram, rtt: 8000 * slot.cost * exp(0.04 * normal(&random))))
        }
      }
    }
    return StoredRun(
      record: record, blocks: (0..<blocks).map { BlockRecord(index: $0, voidReasons: [], noiseClass: .quiet) },
      trials: trials)
  }

  /// A trial with a value in every metric.
  static func trial(
    block: Int, environment: String, isControl: Bool, workload: String, histogram: LatencyHistogram, rtt: Double
  ) -> Trial {
    Trial(
      block: block, position: 0, environment: environment, isControl: isControl, workload: workload,
      started: Date(timeIntervalSince1970: 1_700_000_000 + Double(block)), windowNanoseconds: 1_000_000_000,
      values: [
        .rttP50: rtt, .rttP90: rtt * 1.2, .rttP99: rtt * 1.9, .rttP999: rtt * 4, .rttMax: rtt * 90,
        .rttMean: rtt * 1.05, .rate: 1e9 / rtt, .clientCPU: rtt * 1.01, .serverCPU: rtt * 1.02,
        .clientSwitches: rtt * 1e-8, .serverSwitches: rtt * 1.1e-8,
      ],
      histogram: histogram, messages: MessageCounts(sent: histogram.total, completed: histogram.total),
      attestation: Attestation(
        hops: [
          Attestation.Hop(
            namespace: "client", interface: "client0", isDeclared: true, expected: histogram.total,
            transmitted: histogram.total, received: histogram.total)
        ], failures: []),
      noise: TrialNoise(
        stealShare: 0, foreignCPUShare: 0.001, runDelayShare: 0.0005, canaryNanoseconds: 400_000,
        clockStepNanoseconds: 120))
  }

  private static func record(workloads: [WorkloadSpec]) -> RunRecord {
    let profile = Profile(windowMilliseconds: 1000, warmupMilliseconds: 100, budgetSeconds: 3600)
    let scenario = Scenario(
      name: "hot-paths", title: "A run that was never measured", description: "Made up, to time what is done with it.",
      baseline: environments[0], environments: environments, workloads: workloads, profiles: [.thorough: profile],
      claims: workloads.map { workload in
        ClaimSpec(
          id: "claim-\(workload.name)", section: "None", statement: "A bridge costs.", workload: workload.name,
          metric: .rttP50, environment: "bridge", quantity: .ratio, region: ClaimRegion(above: 1.1), margin: 0.1,
          supportedReason: "It does.", refutedReason: "It does not.")
      })
    return RunRecord(
      id: "20260101-000000-0000", scenario: scenario, profileName: .thorough, profile: profile,
      environments: environments.map { EnvironmentRecord(name: $0, summary: "made up", layer: "made up") },
      workloads: workloads.map(\.name), seed: 1, started: Date(timeIntervalSince1970: 1_700_000_000),
      finished: Date(timeIntervalSince1970: 1_700_003_600),
      host: HostFacts(hostname: "nowhere", kernel: "6.0", architecture: "x86_64", cpuCount: 2),
      workerSHA256: String(repeating: "0", count: 64), version: "0", command: "none", exit: .completed)
  }

  /// A night of one run, and so many nights of the same series before it, each a little off.
  static func evidence(_ run: RunResult, nights: Int) -> NightEvidence {
    let values = SeriesValues.values(of: run)
    var generator = SeededGenerator(seed: 9)
    let history = NightHistory(
      nights: (0..<nights).map { .init(id: "night-\($0)", started: run.run.started - Double(nights - $0) * 86_400) },
      series: values.map(\.series),
      values: values.map { value in
        (0..<nights).map { _ in value.value * (1 + 0.01 * Double.random(in: -1...1, using: &generator)) }
      })
    return NightEvidence(
      night: NightResult.Night(
        id: "tonight", suite: "made-up", title: "Made up", started: run.run.started, finished: run.run.started + 60,
        host: run.run.host, workerSHA256: "a", version: "0", seed: 1, command: "bench nightly"),
      epoch: NightResult.EpochState(
        number: 1, started: run.run.started, nights: nights, isNew: false, changes: []),
      runs: [NightEvidence.Run(role: .suite, result: run)],
      selfTest: NightResult.SelfTest(
        scenario: run.run.scenario, workload: "w", environment: "native", metric: .rttP50, injected: 1.1, ratio: nil,
        pValue: 0.001, isFound: true),
      baseline: nil, history: history, before: [:], goodCounts: [:], duels: [])
  }
}
