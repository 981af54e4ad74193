import Foundation
import Model
import Regression

/// Made-up nights: one scenario, one workload, three environments.
enum Made {
  static let scenario = "made"
  static let workload = "udp"
  static let date = Date(timeIntervalSince1970: 1_800_000_000)

  static func overhead(_ environment: String, _ metric: Metric = .rttP50) -> HistorySeries {
    HistorySeries(
      scenario: scenario, workload: workload, environment: environment, metric: metric, quantity: .overhead)
  }

  static let count = HistorySeries(
    scenario: scenario, workload: workload, environment: "bridge", metric: .deviceTransmissions, quantity: .count)

  static func interval(_ estimate: Double) -> IntervalEstimate {
    IntervalEstimate(
      estimate: estimate, low: estimate * 0.99, high: estimate * 1.01, confidence: 0.99, n: 12, method: "wilcoxon",
      minimumDetectableEffect: 0.02)
  }

  /// A valid run with these overheads of `rtt_p50`, by environment, and a count.
  static func run(
    _ overheads: [(String, Double)], transmissions: Double? = 4, validBlocks: Int = 12, voidedBlocks: Int = 0,
    isControlPassed: Bool = true, missing: String? = nil
  ) -> RunResult {
    let names = ["native"] + overheads.map(\.0)
    var series = [
      SeriesResult(environment: "native", workload: workload, metric: .rttP50, trials: [8000], median: 8000)
    ]
    series += overheads.map { name, ratio in
      SeriesResult(
        environment: name, workload: workload, metric: .rttP50, trials: [8000 * ratio], median: 8000 * ratio,
        ratio: interval(ratio))
    }
    if let transmissions {
      series.append(
        SeriesResult(
          environment: "bridge", workload: workload, metric: .deviceTransmissions, trials: [transmissions],
          median: transmissions, exact: transmissions))
    }
    return RunResult(
      run: RunSummary(
        id: "20261124-020000-aaaa", scenario: scenario, title: "Made up", description: "", profile: .quick, seed: 1,
        started: date, finished: date + 60, host: HostFacts(hostname: "h", kernel: "k", architecture: "a", cpuCount: 2),
        workerSHA256: today, version: "0", command: "bench nightly", exit: .completed, stopReason: nil,
        baseline: "native", windowMilliseconds: 100, validBlocks: validBlocks, voidedBlocks: voidedBlocks,
        injection: nil),
      environments: (names + [missing].compactMap(\.self)).map {
        EnvironmentRecord(name: $0, summary: "", layer: "", unavailable: $0 == missing ? "no daemon" : nil)
      },
      workloads: [WorkloadSpec(name: workload, kind: .udpRR, wait: .spin)], series: series,
      control: [
        ControlResult(
          workload: workload, metric: .rttP50, trials: [], median: nil, ratio: interval(1), difference: nil,
          isPassed: isControlPassed, reason: "the interval does not contain 1")
      ],
      ladders: [], hops: .unavailable("none"), claims: [], voided: [],
      noise: NoiseSummary(
        overall: .quiet, blocks: [:], stealShare: nil, foreignCPUShare: nil, runDelayShare: nil, canaryVariation: nil,
        withVoided: []), warnings: [])
  }

  static let today = String(repeating: "a", count: 64)
  static let pinned = String(repeating: "b", count: 64)

  /// `nights` quiet nights of the three series that ``run(_:)`` has, around the given levels.
  static func history(_ nights: Int, _ levels: [(HistorySeries, Double)]) -> NightHistory {
    NightHistory(
      nights: (0..<nights).map { .init(id: "night-\($0)", started: date - Double(nights - $0) * 86_400) },
      series: levels.map(\.0),
      values: levels.enumerated().map { place, level in
        (0..<nights).map { level.1 * (1 + 0.004 * sin(Double($0 * (place + 3)))) }
      })
  }

  static func evidence(
    _ run: RunResult, history: NightHistory, worker: String = pinned, isFound: Bool = true, pValue: Double? = 1e-5,
    duels: [WorkerDuel] = [], isNewEpoch: Bool = false, before: [HistorySeries: Double] = [:],
    goodCounts: [HistorySeries: Double] = [count: 4], obstacle: String? = nil
  ) -> NightEvidence {
    NightEvidence(
      night: NightResult.Night(
        id: "tonight", suite: "made", title: "Made", started: date, finished: date + 100, host: run.run.host,
        workerSHA256: worker, version: "0", seed: 1, command: "bench nightly"),
      epoch: NightResult.EpochState(
        number: isNewEpoch ? 2 : 1, started: date, nights: history.nights.count, isNew: isNewEpoch,
        changes: isNewEpoch ? [FactDifference(.host, "kernel", a: "6.1", b: "6.2")] : []),
      runs: [NightEvidence.Run(role: .suite, result: run)],
      selfTest: NightResult.SelfTest(
        scenario: scenario, workload: workload, environment: "native", metric: .rttP50, injected: 1.1,
        ratio: interval(1.1), pValue: pValue, isFound: isFound, reason: isFound ? nil : "no slower"),
      baseline: PinnedBaseline(
        workerSHA256: pinned, origin: "night-0", pinned: date, isManual: false, fingerprint: []),
      history: history, before: before, goodCounts: goodCounts, duels: duels, confirmationObstacle: obstacle)
  }

  /// Blocks in which today's worker takes `ratio` times as long as the pinned one, give or take.
  static func duel(_ environment: String, _ ratio: Double, metric: Metric = .rttP50) -> WorkerDuel {
    WorkerDuel(
      scenario: scenario, workload: workload, environment: environment, metric: metric,
      differences: (0..<16).map { log(ratio) + 0.002 * sin(Double($0 * 5)) }, obstacle: nil)
  }
}
