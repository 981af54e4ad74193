import Foundation
import Model

/// Results of the network ladder, made up: each is a kind of run that a report must be able to show.
enum Synthetic {
  /// Of one workload in one environment.
  typealias Medians = [Metric: Double]

  static let missingPMU = "this processor has no counters that the host lets through"

  /// A result in which each environment has `medians` for each workload; nil is an environment that could not run.
  static func made(
    _ scenario: String, _ title: String, environments: [EnvironmentRecord], workloads: [WorkloadSpec],
    blocks: Int = 12, medians: (EnvironmentRecord, WorkloadSpec) -> Medians
  ) -> RunResult {
    var result = Fixture.result
    result.run.scenario = scenario
    result.run.title = title
    result.run.description = "Made up for tests."
    result.run.family = .ipv4
    result.run.baseline = environments[0].name
    result.run.validBlocks = blocks
    result.run.voidedBlocks = 0
    result.run.host.nativeBurdens = []
    result.environments = environments
    result.workloads = workloads
    result.voided = []
    result.warnings = []
    result.noise.withVoided = []
    result.hops = .unavailable("packets were not captured in this run")
    result.waterfalls = []
    result.claims = []
    let ran = environments.filter { $0.unavailable == nil }
    result.series = workloads.flatMap { workload in
      let all = ran.map { medians($0, workload) }
      return workload.kind.metrics.flatMap { metric in
        zip(ran, all).enumerated().map { index, pair in
          series(
            pair.0.name, workload.name, metric, pair.1[metric], base: index == 0 ? nil : all[0][metric], shift: index,
            blocks: blocks)
        }
      }
    }
    result.control = workloads.map { workload in
      var control = Fixture.control(workload.name, (1.001, 0.99, 1.012))
      control.metric = workload.kind.headline
      let base = medians(environments[0], workload)[control.metric] ?? 1
      control.median = base
      control.trials = Fixture.trials(median: base, shift: 3, count: blocks)
      return control
    }
    result.ladders = workloads.flatMap { workload in
      [workload.kind.headline, .totalCPU].compactMap { metric in
        ladder(workload.name, metric, ran.map { ($0, medians($0, workload)[metric]) })
      }
    }
    return result
  }

  private static func series(
    _ environment: String, _ workload: String, _ metric: Metric, _ median: Double?, base: Double?, shift: Int,
    blocks: Int
  ) -> SeriesResult {
    guard let median else {
      let note =
        metric == .instructions || metric == .cycles ? missingPMU : "there is no proxy in the path"
      return SeriesResult(
        environment: environment, workload: workload, metric: metric, trials: [], median: nil, note: note)
    }
    // Counts are the same in every block; where a proxy batches, they are not.
    let isRagged = metric.isCount && median != (median * 4).rounded() / 4
    let trials =
      metric.isCount
      ? (0..<blocks).map { isRagged ? median + Double($0 % 3) * 0.2 : median }
      : Fixture.trials(median: median * 1_000, shift: shift, count: blocks).map { $0 / 1_000 }
    let ratio = base.flatMap { $0 > 0 ? interval(median / $0, metric.isCount ? 0 : 0.015, blocks) : nil }
    let difference = base.map { base in
      Self.difference(median - base, metric.isCount ? 0 : 0.015 * max(base, median), blocks)
    }
    return SeriesResult(
      environment: environment, workload: workload, metric: metric, trials: trials, median: median, ratio: ratio,
      difference: difference, direction: ratio.map { $0.low > 1 ? .higher : $0.high < 1 ? .lower : .undecided },
      qValue: ratio.map { $0.low > 1 || $0.high < 1 ? 0.0012 : 0.41 },
      note: ratio == nil && base != nil ? "a value of 0 has no ratio" : nil
    ).counted
  }

  static func interval(_ ratio: Double, _ half: Double, _ n: Int = 12) -> IntervalEstimate {
    Fixture.ratio(ratio, ratio * (1 - half), ratio * (1 + half), n: n)
  }

  static func difference(_ value: Double, _ half: Double, _ n: Int = 12) -> IntervalEstimate {
    IntervalEstimate(
      estimate: value, low: value - half, high: value + half, confidence: 0.99, n: n, method: "wilcoxon",
      minimumDetectableEffect: half)
  }

  /// nil where an environment lacks the metric.
  private static func ladder(
    _ workload: String, _ metric: Metric, _ rungs: [(EnvironmentRecord, Double?)]
  ) -> LadderResult? {
    let levels = rungs.compactMap(\.1)
    guard levels.count == rungs.count, let bottom = levels.first else { return nil }
    let steps = levels.indices.dropFirst().map { index in
      let lower = levels[index - 1]
      let upper = levels[index]
      return LadderResult.Step(
        from: rungs[index - 1].0.name, to: rungs[index].0.name, layer: rungs[index].0.layer,
        ratio: interval(upper / lower * 1.0004, 0.012),
        difference: difference((upper - lower) * 1.0004, 0.012 * upper),
        totalRatio: interval(upper / bottom, 0.015), totalDifference: difference(upper - bottom, 0.015 * upper))
    }
    return LadderResult(
      workload: workload, metric: metric, steps: steps, ratioResidual: pow(1.0004, Double(steps.count)) - 1,
      differenceResidual: ((levels.last ?? bottom) - bottom) * 0.0004
    ).composed
  }

  // MARK: Metrics of one trial

  /// A closed or open loop: `p50` in ns, `passes` device transmissions a packet.
  static func latency(_ p50: Double, passes: Double, proxies: Double = 0) -> Medians {
    var values: Medians = [
      .rttP50: p50, .rttP90: p50 * 1.1, .rttP99: p50 * 1.7, .rttP999: p50 * 4, .rttMax: p50 * 60, .rttMean: p50 * 1.05,
      .rate: 1e9 / p50, .clientCPU: p50 * 1.01, .serverCPU: p50 * 0.98, .softirqCPU: p50 * 0.04,
      .totalCPU: p50 * (2.03 + proxies), .clientSwitches: 0, .serverSwitches: 0,
      .deviceTransmissions: 2 * passes, .deviceReceptions: 2 * passes, .softirqs: 2 * passes, .contextSwitches: 0,
      .systemCalls: 4, .skbAllocations: 2, .skbFrees: 2,
    ]
    if proxies > 0 {
      values[.proxyCPU] = p50 * proxies
      values[.proxyMemory] = 9_437_184 * proxies
    }
    return values
  }

  static func open(_ response: Double, service: Double, proxies: Double) -> Medians {
    var values = latency(response, passes: 1 + proxies, proxies: proxies)
    values[.serviceP50] = service
    values[.serviceP99] = service * 1.4
    values[.serviceP999] = service * 2.2
    values[.rate] = 1_999.6
    values[.loss] = 0
    return values
  }

  /// `bits` a second.
  static func stream(_ bits: Double, isUDP: Bool) -> Medians {
    let perByte = 8e9 / bits
    var values: Medians = [
      .throughput: bits, .clientCPU: perByte * 65_536, .serverCPU: perByte * 60_000, .softirqCPU: perByte * 900,
      .totalCPU: perByte * 126_436, .cpuPerByte: perByte * 1.93, .clientSwitches: 0.25, .serverSwitches: 0.5,
      .deviceTransmissions: 1.5, .deviceReceptions: 1.5, .softirqs: 1, .contextSwitches: 0.75, .systemCalls: 2,
      .skbAllocations: 3, .skbFrees: 3,
    ]
    if isUDP {
      values[.rate] = bits / 11_200
      values[.loss] = 0.0031
    }
    return values
  }

  // MARK: Runs

  static func environment(_ name: String, _ summary: String, _ layer: String, unavailable: String? = nil)
    -> EnvironmentRecord
  {
    EnvironmentRecord(name: name, summary: summary, layer: layer, unavailable: unavailable)
  }

  static let rungs: [(EnvironmentRecord, p50: Double, passes: Double)] = [
    (environment("native", "the host's own loopback", "the host's own network stack"), 5_860, 1),
    (environment("netns", "the loopback of a fresh namespace", "a network namespace"), 5_890, 1),
    (environment("veth", "two namespaces, one veth pair", "a second namespace and a veth pair"), 6_880, 1),
    (environment("bridge", "two namespaces, a bridge", "a second veth pair and a Linux bridge"), 8_590, 2),
    (environment("bridge-netfilter", "the bridge under netfilter", "br_netfilter and its hooks"), 10_900, 2),
    (environment("nat-egress", "masquerade on the way out", "routing, connection tracking, masquerade"), 11_800, 2),
    (environment("published-port", "a port forwarded by DNAT", "DNAT of a published port"), 12_400, 2),
    (environment("published-proxy", "a proxy in user space", "a proxy in user space instead of DNAT"), 38_200, 2.06),
    (environment("docker-bridge", "a container on Docker's bridge", "Docker's own rules"), 12_900, 2),
    (environment("docker-published", "a published port of Docker's", "Docker's published port"), 13_300, 2),
    (
      environment(
        "podman-bridge", "a container on Podman's bridge", "Podman's own rules",
        unavailable: "crun refuses to start on hybrid cgroups; use another runtime: podman --runtime runc"), 0, 0
    ),
    (
      environment(
        "gvisor", "a sandbox with a kernel of its own", "gVisor's network stack",
        unavailable: "runsc is not installed; bench doctor --fix installs it"), 0, 0
    ),
  ]

  /// Twelve rungs, two of which could not run.
  static let ladder: RunResult = {
    var result = made(
      "network-hop", "What each layer of a container's network costs", environments: rungs.map(\.0),
      workloads: [WorkloadSpec(name: "udp-rr-spin", kind: .udpRR, wait: .spin)]
    ) { environment, _ in
      let rung = rungs.first { $0.0.name == environment.name }
      return latency(rung?.p50 ?? 0, passes: rung?.passes ?? 0)
    }
    result.run.family = .ipv6
    return result
  }()

  /// Bulk one way: larger is better.
  static let stream: RunResult = made(
    "network-bulk", "How much a container's network carries",
    environments: [rungs[0].0, rungs[2].0, rungs[3].0, environment("vxlan", "two hosts, an overlay", "VXLAN")],
    workloads: [
      WorkloadSpec(name: "tcp-stream", kind: .tcpStream, wait: .block, size: 65_000),
      WorkloadSpec(name: "udp-stream", kind: .udpStream, wait: .block, size: 1_400),
    ]
  ) { environment, workload in
    let share: Double = ["native": 1, "veth": 1.06, "bridge": 0.91, "vxlan": 0.32][environment.name] ?? 0
    return workload.kind == .udpStream ? stream(6.1e8 * share, isUDP: true) : stream(41.2e9 * share, isUDP: false)
  }

  /// An open loop with no proxy, one and two.
  static let open: RunResult = made(
    "sidecar", "What sidecar proxies cost",
    environments: [
      environment("veth", "two pods, one veth pair", ""),
      environment("sidecar-tcp-1", "one proxy that passes bytes on", "a proxy beside the server"),
      environment("sidecar-http-2", "two proxies that read HTTP", "a second proxy, and HTTP"),
    ],
    workloads: [
      WorkloadSpec(name: "http-open", kind: .tcpOpen, wait: .block, concurrency: 8, rate: 2_000, framing: .http)
    ]
  ) { environment, _ in
    switch environment.name {
    case "veth": open(84_000, service: 81_000, proxies: 0)
    case "sidecar-tcp-1": open(171_000, service: 160_000, proxies: 1)
    default: open(412_000, service: 301_000, proxies: 2)
    }
  }

  /// Redis, as its own benchmark reports it.
  static let exec: RunResult = {
    func commands(_ operation: String) -> WorkloadSpec.Commands {
      WorkloadSpec.Commands(
        server: ["redis-server", "--port", "{server_port}"],
        client: ["redis-benchmark", "-h", "{server_address}", "-p", "{server_port}", "-t", operation, "--csv"],
        reported: "\"([0-9.]+)\"")
    }
    var result = made(
      "redis", "What Redis loses behind a published port",
      environments: [
        rungs[0].0, environment("host-network", "a container on the host's network", "a container"),
        environment("docker-published", "a published port of Docker's", "DNAT and Docker's bridge"),
        environment("docker-userland-proxy", "docker-proxy in the path", "a proxy in user space"),
      ],
      workloads: ["set", "get"].map {
        WorkloadSpec(name: $0, kind: .exec, wait: .block, commands: commands($0))
      }
    ) { environment, workload in
      let share: Double =
        [
          "native": 1, "host-network": 0.99, "docker-published": 0.83, "docker-userland-proxy": 0.51,
        ][environment.name] ?? 0
      let rate = (workload.name == "set" ? 121_000 : 128_000) * share
      return [.duration: 100_000 / rate * 1e9, .reported: rate, .clientCPU: 4.1e8 / share, .serverCPU: 6.2e8 / share]
    }
    result.claims = [
      ClaimResult(
        spec: ClaimSpec(
          id: "net-proxy", section: "Publishing ports",
          statement: "The proxy in user space costs more than forwarding in the kernel.", workload: "set",
          metric: .reported, environment: "docker-userland-proxy", against: "docker-published", quantity: .ratio,
          region: ClaimRegion(below: 0.9), margin: 0.05, supportedReason: "", refutedReason: "",
          published: [
            ClaimSpec.Published(
              source: "moby#11911, 2015", finding: "SET 121 803 requests/s native, 51 282 behind the proxy: 0.42×"),
            ClaimSpec.Published(source: "Felter et al., ISPASS 2015", finding: "Redis behind NAT: 0.81× to 0.97×"),
          ]),
        verdict: .supported, reason: "Behind the proxy Redis answers less than 0.9 times as many requests.",
        interval: interval(0.614, 0.02), adjustedP: 0.0005)
    ]
    return result
  }()

  /// Rules before a packet: a slope instead of a ratio.
  static let slope: RunResult = {
    let sizes: KeyValuePairs<String, Double> = ["rules-0": 0, "rules-1000": 1_000, "rules-30000": 30_000]
    var result = made(
      "rule-scaling", "What each rule costs",
      environments: [rungs[2].0] + sizes.map { environment($0.key, "\(Int($0.value)) rules in a row", "more rules") },
      workloads: [WorkloadSpec(name: "udp-rr-spin", kind: .udpRR, wait: .spin)]
    ) { environment, _ in
      let size = sizes.first { $0.key == environment.name }?.value ?? 0
      return latency(7_000 + size * 12.3, passes: 1)
    }
    func claim(_ quantity: ClaimSpec.Quantity) -> ClaimSpec {
      ClaimSpec(
        id: "net-rules-linear", section: "Rules", statement: "Long chains of rules add cost to every packet.",
        workload: "udp-rr-spin", metric: .rttP50, environment: "rules-30000", quantity: quantity,
        over: Dictionary(uniqueKeysWithValues: sizes.map { ($0.key, $0.value) }), region: ClaimRegion(above: 0.5),
        margin: 0.5, supportedReason: "", refutedReason: "",
        published: [ClaimSpec.Published(source: "a vendor, 2019", finding: "19 ns per rule & packet")])
    }
    result.claims = [
      ClaimResult(
        spec: claim(.slope), verdict: .supported,
        reason: "A round trip takes at least half a nanosecond more for each rule that its packets must pass.",
        interval: difference(12.31, 0.42), adjustedP: 0.0005)
    ]
    result.run.voidedBlocks = 1
    result.voided = [VoidedBlock(block: 2, reasons: ["steal of 3 %"])]
    result.noise.withVoided = [NoiseSummary.WithVoided(claim: "net-rules-linear", interval: difference(12.4, 0.5, 13))]
    return result
  }()

  /// As large as a thorough run of everything gets: 20 environments, 6 workloads, 40 blocks.
  static let large: RunResult = {
    let environments = (0..<20).map { index in
      environment(
        index < rungs.count ? rungs[index].0.name : "environment-\(index)", "environment number \(index)",
        "layer number \(index)",
        unavailable: index == 18 ? "runsc is not installed; bench doctor --fix installs it" : nil)
    }
    let kinds: [WorkloadSpec.Kind] = [.udpRR, .tcpRR, .tcpCRR, .udpOpen, .tcpStream, .udpStream]
    var result = made(
      "network-hop", "Everything at once", environments: environments,
      workloads: kinds.map {
        WorkloadSpec(name: "\($0.rawValue)-block", kind: $0, wait: .block, rate: $0 == .udpOpen ? 5_000 : nil)
      },
      blocks: 40
    ) { environment, workload in
      let index = Double(environments.firstIndex { $0.name == environment.name } ?? 0)
      return switch workload.kind {
      case .tcpStream: stream(40e9 / (1 + 0.1 * index), isUDP: false)
      case .udpStream: stream(4e9 / (1 + 0.1 * index), isUDP: true)
      case .udpOpen: open(20_000 + 900 * index, service: 19_000 + 700 * index, proxies: index > 15 ? 1 : 0)
      default: latency(7_000 + 900 * index, passes: (index / 4).rounded() + 1)
      }
    }
    let insides = environments.filter { $0.unavailable == nil }.map {
      Fixture.inside(
        $0.name, "udp-rr-block", Fixture.bridgePath, source: .tap,
        p50: [912, 1_043, 1_574, 487, 2_010, 104, 874, 611, 1_240, 386, 1_682], observed: 11_020)
    }
    result.hops = .value(insides.flatMap(\.hops))
    result.waterfalls = insides.map(\.waterfall)
    result.claims =
      Synthetic.exec.claims.map { claim in
        var claim = claim
        claim.workload = "tcp-crr-block"
        claim.metric = .rttP50
        return claim
      }
      + Fixture.claims.map { claim in
        var claim = claim
        claim.workload = "udp-rr-block"
        return claim
      }
    return result
  }()
}
