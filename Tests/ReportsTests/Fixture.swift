import Foundation
import Model

/// A run of `network-hop` as one comes out of a small virtual machine: every number in it is written down here, so that
/// the renderers' output can be held against goldens.
enum Fixture {
  static let baseline = "native"
  static let environments = [
    EnvironmentRecord(name: "native", summary: "the loopback of the host's own network namespace", layer: ""),
    EnvironmentRecord(name: "netns", summary: "the loopback of one fresh network namespace", layer: "a namespace"),
    EnvironmentRecord(name: "veth", summary: "two namespaces joined by one veth pair", layer: "a veth pair"),
    EnvironmentRecord(
      name: "bridge", summary: "two namespaces, two veth pairs, one Linux bridge", layer: "a bridge and a second pair"),
  ]
  static let workloads = [
    WorkloadSpec(name: "udp-rr-spin", kind: .udpRR, wait: .spin),
    WorkloadSpec(name: "tcp-rr-spin", kind: .tcpRR, wait: .spin),
  ]

  /// How each of twelve blocks lies beside the median: the host wanders, and all environments with it.
  private static let wander = [
    0.988, 1.004, 1.012, 0.996, 1.021, 0.979, 1.0, 1.034, 0.991, 1.007, 0.984, 1.009,
  ]

  static func trials(median: Double, spread: Double = 1, shift: Int = 0, count: Int = 12) -> [Double] {
    (0..<count).map { block in
      let own = wander[(block * 5 + shift) % wander.count] - 1
      return (median * (1 + (wander[block % wander.count] - 1 + own * 0.3) * spread)).rounded()
    }
  }

  static func ratio(_ estimate: Double, _ low: Double, _ high: Double, n: Int = 12) -> IntervalEstimate {
    IntervalEstimate(
      estimate: estimate, low: low, high: high, confidence: 0.99, n: n, method: "wilcoxon",
      minimumDetectableEffect: (high - low) / 2, lag1: 0.11)
  }

  private struct Row {
    var environment: String
    var median: Double
    var ratio: (Double, Double, Double)?
    var spread = 1.0
  }

  private static func series(_ workload: String, _ metric: Metric, _ rows: [Row]) -> [SeriesResult] {
    let base = rows[0].median
    return rows.enumerated().map { index, row in
      let ratio = row.ratio.map { Self.ratio($0.0, $0.1, $0.2) }
      let difference = ratio.map {
        IntervalEstimate(
          estimate: base * ($0.estimate - 1), low: base * ($0.low - 1), high: base * ($0.high - 1), confidence: 0.99,
          n: 12, method: "wilcoxon", minimumDetectableEffect: base * $0.minimumDetectableEffect, lag1: 0.08)
      }
      let direction: SeriesResult.Direction? = ratio.map {
        $0.low > 1 ? .higher : $0.high < 1 ? .lower : .undecided
      }
      return SeriesResult(
        environment: row.environment, workload: workload, metric: metric,
        trials: trials(median: row.median, spread: row.spread, shift: index), median: row.median, ratio: ratio,
        difference: difference, direction: direction, qValue: ratio.map { $0.low > 1 || $0.high < 1 ? 0.0012 : 0.41 }
      ).counted
    }
  }

  static var allSeries: [SeriesResult] {
    let udp = "udp-rr-spin"
    let tcp = "tcp-rr-spin"
    return [
      series(
        udp, .rttP50,
        [
          Row(environment: "native", median: 8_124),
          Row(environment: "netns", median: 7_421, ratio: (0.914, 0.898, 0.927)),
          Row(environment: "veth", median: 8_893, ratio: (1.096, 1.074, 1.113)),
          Row(environment: "bridge", median: 10_604, ratio: (1.302, 1.281, 1.331)),
        ]),
      series(
        udp, .rttP90,
        [
          Row(environment: "native", median: 9_010),
          Row(environment: "netns", median: 8_204, ratio: (0.911, 0.893, 0.929)),
          Row(environment: "veth", median: 9_871, ratio: (1.094, 1.070, 1.121)),
          Row(environment: "bridge", median: 11_903, ratio: (1.319, 1.284, 1.352)),
        ]),
      series(
        udp, .rttP99,
        [
          Row(environment: "native", median: 14_310, spread: 2),
          Row(environment: "netns", median: 13_902, ratio: (0.971, 0.922, 1.018), spread: 2),
          Row(environment: "veth", median: 15_820, ratio: (1.103, 1.044, 1.166), spread: 2),
          Row(environment: "bridge", median: 18_470, ratio: (1.287, 1.214, 1.369), spread: 2),
        ]),
      series(
        udp, .rttP999,
        [
          Row(environment: "native", median: 31_200, spread: 4),
          Row(environment: "netns", median: 30_100, ratio: (0.962, 0.874, 1.071), spread: 4),
          Row(environment: "veth", median: 33_400, ratio: (1.069, 0.962, 1.181), spread: 4),
          Row(environment: "bridge", median: 39_900, ratio: (1.271, 1.118, 1.433), spread: 4),
        ]),
      series(
        udp, .rttMax,
        [
          Row(environment: "native", median: 412_000, spread: 8),
          Row(environment: "netns", median: 398_000, ratio: (0.96, 0.70, 1.33), spread: 8),
          Row(environment: "veth", median: 441_000, ratio: (1.06, 0.78, 1.45), spread: 8),
          Row(environment: "bridge", median: 455_000, ratio: (1.11, 0.81, 1.52), spread: 8),
        ]),
      series(
        udp, .rate,
        [
          Row(environment: "native", median: 118_200),
          Row(environment: "netns", median: 129_400, ratio: (1.094, 1.077, 1.113)),
          Row(environment: "veth", median: 108_100, ratio: (0.914, 0.899, 0.931)),
          Row(environment: "bridge", median: 90_900, ratio: (0.769, 0.752, 0.781)),
        ]),
      series(
        udp, .clientCPU,
        [
          Row(environment: "native", median: 8_390),
          Row(environment: "netns", median: 7_680, ratio: (0.915, 0.899, 0.929)),
          Row(environment: "veth", median: 9_190, ratio: (1.096, 1.075, 1.114)),
          Row(environment: "bridge", median: 10_930, ratio: (1.303, 1.280, 1.330)),
        ]),
      series(
        tcp, .rttP50,
        [
          Row(environment: "native", median: 10_240),
          Row(environment: "netns", median: 9_870, ratio: (0.972, 0.941, 1.004)),
          Row(environment: "veth", median: 11_310, ratio: (1.104, 1.081, 1.129)),
          Row(environment: "bridge", median: 13_470, ratio: (1.314, 1.287, 1.342)),
        ]),
      series(
        tcp, .rttP99,
        [
          Row(environment: "native", median: 17_450, spread: 2),
          Row(environment: "netns", median: 17_010, ratio: (0.977, 0.921, 1.034), spread: 2),
          Row(environment: "veth", median: 19_120, ratio: (1.095, 1.038, 1.158), spread: 2),
          Row(environment: "bridge", median: 22_210, ratio: (1.271, 1.197, 1.352), spread: 2),
        ]),
    ].flatMap(\.self)
  }

  static func claim(_ id: String, environment: String, region: ClaimRegion, margin: Double) -> ClaimSpec {
    ClaimSpec(
      id: id, section: "Wrapping a process into a virtual network host",
      statement: id == "net-hop"
        ? "A container's own network stack makes every packet slower."
        : "Wrapping a process into a network namespace costs, as such.",
      workload: "udp-rr-spin", metric: .rttP50, environment: environment, quantity: .ratio, region: region,
      margin: margin, supportedReason: "", refutedReason: "")
  }

  static var claims: [ClaimResult] {
    [
      ClaimResult(
        spec: claim("net-hop", environment: "bridge", region: ClaimRegion(above: 1.10), margin: 0.10),
        verdict: .supported,
        reason: "A round trip across a veth pair and a bridge, the path of an ordinary container, takes more than 10 % "
          + "longer than over the host's own loopback.",
        interval: ratio(1.302, 1.281, 1.331), adjustedP: 0.0005),
      ClaimResult(
        spec: claim("net-namespace", environment: "netns", region: ClaimRegion(above: 1.05), margin: 0.05),
        verdict: .refuted,
        reason:
          "A round trip over the loopback of a fresh namespace takes at most 5 % longer than over the host's own: "
          + "what costs is the path between namespaces, not the namespace.",
        interval: ratio(0.914, 0.898, 0.927), adjustedP: 0.0005),
    ]
  }

  static let host = HostFacts(
    hostname: "build-07", kernel: "6.18.0-3-amd64", architecture: "x86_64",
    distribution: "Debian GNU/Linux 13 (trixie)",
    cpuModel: "AMD EPYC 7B13", cpuCount: 2, memoryBytes: 25_276_510_208, virtualization: "kvm",
    clockSource: "kvm-clock",
    mitigations: ["spectre_v2": "Mitigation: Retpolines; IBPB: conditional", "meltdown": "Not affected"],
    clientCPU: 0, serverCPU: 1,
    nativeBurdens: ["14 iptables rules in the host's namespace see every packet of the loopback"])

  static func control(_ workload: String, _ values: (Double, Double, Double)) -> ControlResult {
    ControlResult(
      workload: workload, metric: .rttP50, trials: trials(median: 8_130, shift: 3), median: 8_130,
      ratio: ratio(values.0, values.1, values.2),
      difference: IntervalEstimate(
        estimate: 8_124 * (values.0 - 1), low: 8_124 * (values.1 - 1), high: 8_124 * (values.2 - 1), confidence: 0.99,
        n: 12, method: "wilcoxon", minimumDetectableEffect: 8_124 * (values.2 - values.1) / 2),
      allowed: workload == "udp-rr-spin" ? 0.025 : nil, isPassed: true,
      reason: "the interval contains 1 and the estimate lies within half the margin")
  }

  static func step(_ from: String, _ to: String, _ layer: String, _ values: (Double, Double, Double))
    -> LadderResult.Step
  {
    LadderResult.Step(
      from: from, to: to, layer: layer, ratio: ratio(values.0, values.1, values.2),
      difference: IntervalEstimate(
        estimate: 8_124 * (values.0 - 1), low: 8_124 * (values.1 - 1), high: 8_124 * (values.2 - 1), confidence: 0.99,
        n: 12, method: "wilcoxon", minimumDetectableEffect: 150))
  }

  static let start = Date(timeIntervalSince1970: 1_795_490_141.25)

  /// The whole result, every part filled.
  static var result: RunResult {
    RunResult(
      run: RunSummary(
        id: "20261124-031541-7f3a", scenario: "network-hop", title: "What a network hop of a container costs",
        description:
          "One request, one reply, one in flight: the same worker over the host's loopback, over the loopback "
          + "of a fresh network namespace, across a veth pair, and across a Linux bridge.",
        profile: .standard, seed: 9_007_199_254_740_993, started: start, finished: start.addingTimeInterval(133.5),
        host: host, workerSHA256: "9f2c4e5b7a1d3c6e8f0a2b4c6d8e0f1a3b5c7d9e1f2a4b6c8d0e2f4a6b8c0d1e", version: "0.1.0",
        command: "bench run network-hop --profile standard --seed 9007199254740993", exit: .completed,
        stopReason: "every claim has its verdict", baseline: baseline, windowMilliseconds: 500, validBlocks: 12,
        voidedBlocks: 1, injection: nil),
      environments: environments, workloads: workloads, series: allSeries,
      control: [
        control("udp-rr-spin", (1.002, 0.987, 1.018)), control("tcp-rr-spin", (0.997, 0.981, 1.012)),
      ],
      ladders: workloads.map { workload in
        LadderResult(
          workload: workload.name, metric: .rttP50,
          steps: [
            step("native", "netns", "a namespace", (0.914, 0.898, 0.927)),
            step("netns", "veth", "a veth pair", (1.198, 1.179, 1.221)),
            step("veth", "bridge", "a bridge and a second pair", (1.192, 1.168, 1.215)),
          ], ratioResidual: 0.0021, differenceResidual: 16
        ).composed
      },
      hops: .value(insides.flatMap(\.hops)), waterfalls: insides.map(\.waterfall), claims: claims,
      voided: [VoidedBlock(block: 4, reasons: ["steal of 2.3 % during bridge (limit 2 %)"])],
      noise: NoiseSummary(
        overall: .quiet, blocks: ["quiet": 11, "noisy": 1], stealShare: 0, foreignCPUShare: 0.0021,
        runDelayShare: 0.0008, canaryVariation: 0.0043,
        withVoided: [NoiseSummary.WithVoided(claim: "net-hop", interval: ratio(1.299, 1.274, 1.334, n: 13))]),
      warnings: [
        "The CPU frequency governor cannot be read: a change of frequency would pass unseen. Run on bare metal, or fix the frequency on the hypervisor."
      ])
  }
}
