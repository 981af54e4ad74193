import Foundation
import Model

/// Distributions of latencies, made up to go with the percentiles that a result has.
enum Distributions {
  /// Ascending.
  static let shares: [Double] =
    [0.001, 0.002, 0.005, 0.01, 0.025] + (1...19).map { Double($0) / 20 }
    + [0.975, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99995, 0.99999]

  /// One that goes through `anchors` (share and latency in ns, both ascending), between which its logarithm goes straight
  /// over the number of nines; below the first it falls by a tenth.
  ///
  /// - Parameter samples: of the trial that has the fewest: shares that this leaves too few for are not there.
  static func made(
    _ environment: String, _ workload: String, through anchors: [(share: Double, latency: Double)], trials: Int = 12,
    samples: Int = 2_000_000, isControl: Bool = false
  ) -> DistributionResult {
    let fewest = Double(DistributionResult.fewestSamples) * (1 - 1e-9)
    let shares = shares.filter { Double(samples) * min($0, 1 - $0) >= fewest }
    func nines(_ share: Double) -> Double { -log10(1 - share) }
    let first = anchors.first ?? (0.5, 1_000)
    let all = [(share: 0, latency: first.latency * 0.9)] + anchors
    let medians = shares.map { share in
      let upper = all.firstIndex { $0.share >= share } ?? all.count - 1
      let (low, high) = (all[max(0, upper - 1)], all[upper])
      let span = nines(high.share) - nines(low.share)
      let part = span > 0 ? (nines(share) - nines(low.share)) / span : 0
      return (low.latency * pow(high.latency / low.latency, max(0, part))).rounded()
    }
    return DistributionResult(
      environment: environment, workload: workload, isControl: isControl, trials: trials, shares: shares,
      medians: medians, lows: zip(shares, medians).map { ($1 * (1 - 0.02 * (1 + nines($0)))).rounded() },
      highs: zip(shares, medians).map { ($1 * (1 + 0.03 * (1 + nines($0)))).rounded() })
  }

  /// `result` with a distribution for each series of round trips, through its percentiles, and one for each control.
  static func added(to result: RunResult, samples: Int = 2_000_000) -> RunResult {
    var result = result
    let percentiles: [(share: Double, metric: Metric)] = [
      (0.5, .rttP50), (0.9, .rttP90), (0.99, .rttP99), (0.999, .rttP999),
    ]
    result.distributions = result.workloads.flatMap { workload in
      result.environments.flatMap { environment -> [DistributionResult] in
        let own = result.series.filter { $0.environment == environment.name && $0.workload == workload.name }
        let anchors = percentiles.compactMap { entry in
          own.first { $0.metric == entry.metric }?.median.map { (share: entry.share, latency: $0) }
        }
        guard !anchors.isEmpty else { return [] }
        let made = made(environment.name, workload.name, through: anchors, samples: samples)
        guard environment.name == result.run.baseline else { return [made] }
        let twin = anchors.map { (share: $0.share, latency: $0.latency * 1.004) }
        return [made, Self.made(environment.name, workload.name, through: twin, samples: samples, isControl: true)]
      }
    }
    return result
  }

  /// The ladder of twelve rungs, ten of which could run.
  static let ladder = added(to: Synthetic.ladder)

  /// Fifteen environments, some of them all but the same.
  static let many: RunResult = {
    let environments = (0..<15).map { Synthetic.environment("environment-\($0)", "number \($0)", "a layer") }
    let result = Synthetic.made(
      "network-hop", "Fifteen at once", environments: environments,
      workloads: [WorkloadSpec(name: "udp-rr-spin", kind: .udpRR, wait: .spin)]
    ) { environment, _ in
      let index = environments.firstIndex { $0.name == environment.name } ?? 0
      return Synthetic.latency(6_000 + Double(index / 3) * 1_900 + Double(index % 3) * 12, passes: 1)
    }
    return added(to: result)
  }()

  /// A list of rules, and one map in its place, over a flow and over new connections.
  static let rules: RunResult = {
    let sizes: [Double] = [100, 1_000, 5_000, 30_000]
    let lists = sizes.map { ("rules-\(Int($0))", $0, 12.3) }
    let maps = sizes.map { ("rules-map-\(Int($0))", $0, 0.0) }
    let all: [(name: String, size: Double, each: Double)] = [("rules-0", 0, 0)] + lists + maps
    var result = Synthetic.made(
      "rule-scaling", "What each rule costs",
      environments: all.map { Synthetic.environment($0.name, "\(Int($0.size)) rules", "more rules") },
      workloads: [
        WorkloadSpec(name: "udp-rr-spin", kind: .udpRR, wait: .spin),
        WorkloadSpec(name: "tcp-crr-spin", kind: .tcpCRR, wait: .spin),
      ]
    ) { environment, workload in
      let entry = all.first { $0.name == environment.name } ?? all[0]
      return Synthetic.latency((workload.kind == .tcpCRR ? 41_000 : 7_000) + entry.size * entry.each, passes: 1)
    }
    func claim(_ id: String, _ workload: String, _ names: [(name: String, size: Double, each: Double)], _ slope: Double)
      -> ClaimResult
    {
      ClaimResult(
        spec: ClaimSpec(
          id: id, section: "Rules", statement: "Long chains of rules add cost.", workload: workload, metric: .rttP50,
          environment: names.last?.name ?? "", quantity: .slope,
          over: Dictionary(uniqueKeysWithValues: names.map { ($0.name, $0.size) }), region: ClaimRegion(above: 0.5),
          margin: 0.5, supportedReason: "", refutedReason: ""), verdict: slope > 0.5 ? .supported : .refuted,
        reason: "Made up.", interval: Synthetic.difference(slope, 0.42), adjustedP: 0.0005)
    }
    result.claims = [
      claim("net-rules-linear", "udp-rr-spin", [all[0]] + all[1...4], 12.3),
      claim("net-rules-inherent", "udp-rr-spin", [all[0]] + all[5...8], 0.01),
      claim("net-rules-connections", "tcp-crr-spin", [all[0]] + all[1...4], 12.3),
    ]
    return result
  }()

  /// Names and reasons that are not to be trusted.
  static let hostile: RunResult = {
    let name = "<script>alert(1)</script>\u{202E}\"'&\u{1B}[31m"
    var result = Fixture.result
    func renamed(_ text: String) -> String { text == "bridge" ? name : text == "udp-rr-spin" ? name + "w" : text }
    for index in result.environments.indices {
      result.environments[index].name = renamed(result.environments[index].name)
    }
    for index in result.workloads.indices { result.workloads[index].name = renamed(result.workloads[index].name) }
    for index in result.series.indices {
      result.series[index].environment = renamed(result.series[index].environment)
      result.series[index].workload = renamed(result.series[index].workload)
    }
    for index in result.control.indices {
      result.control[index].workload = renamed(result.control[index].workload)
      result.control[index].reason = name
    }
    let counted = ["native", name].map { environment in
      SeriesResult(
        environment: environment, workload: name + "w", metric: .systemCalls, trials: [4, 4, 4], median: 4, exact: 4)
    }
    result.series += counted
    result.claims = [
      ClaimResult(
        spec: ClaimSpec(
          id: "slope", section: "", statement: "", workload: name + "w", metric: .rttP50, environment: name,
          quantity: .slope, over: ["native": 0, name: 1], region: ClaimRegion(above: 0), margin: 1, supportedReason: "",
          refutedReason: ""), verdict: .supported, reason: "", interval: Synthetic.difference(2_480, 60))
    ]
    return added(to: result)
  }()
}
