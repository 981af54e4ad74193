/// A scenario whose whole run takes a second or two, and that is gentle to whatever else the host does.
enum TinyScenario {
  /// - Parameters:
  ///   - budget: in the scenario's own words.
  ///   - looks: the last of them ends the run.
  ///   - workload: the one of the two that is measured.
  static func text(budget: String = "3s", looks: String = "[8]", workload: String = "udp-block") -> String {
    """
    schema: bench.scenario/1
    name: tiny
    title: A tiny scenario
    description: Short windows, for tests.
    baseline: native
    environments: [native, netns]
    workloads:
      - name: udp-block
        kind: udp-rr
        wait: block
      - name: tcp-block
        kind: tcp-rr
        wait: block
    profiles:
      quick:
        window: 20ms
        warmup: 5ms
        budget: \(budget)
        looks: \(looks)
        workloads: [\(workload)]
    claims:
      - id: net-namespace
        section: Namespaces
        statement: A network namespace costs.
        workload: \(workload)
        metric: rtt_p50
        environment: netns
        quantity: ratio
        region: { above: 1.05 }
        margin: 0.05
        supported: It costs more than 5 %.
        refuted: It costs at most 5 %.

    """
  }

  /// A run that goes on until somebody stops it. Over a connection, of which a busy host loses no message.
  static let endless = text(budget: "10min", looks: "[10000]", workload: "tcp-block")
}
