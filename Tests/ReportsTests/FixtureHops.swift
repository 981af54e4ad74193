import Model

/// The insides of ``Fixture``'s round trips.
extension Fixture {
  typealias Inside = (waterfall: WaterfallResult, hops: [HopResult])
  /// Interfaces in the order in which a request passes them: it is sent at the first, received at the second, and so on.
  typealias Interfaces = [(namespace: String, name: String)]

  static let loopbackPath: Interfaces = [("both", "lo"), ("both", "lo")]
  static let vethPath: Interfaces = [("client", "client0"), ("server", "server0")]
  static let bridgePath: Interfaces = [
    ("client", "client0"), ("switch", "port-client"), ("switch", "port-server"), ("server", "server0"),
  ]

  static func points(_ interfaces: Interfaces, source: Waypoint.Source) -> [Waypoint] {
    func application(_ role: String, _ event: Waypoint.Event) -> Waypoint {
      Waypoint(namespace: role, name: role, source: .application, event: event)
    }
    func passing(_ interfaces: Interfaces) -> [Waypoint] {
      interfaces.enumerated().map { index, interface in
        Waypoint(
          namespace: interface.namespace, name: interface.name, source: source,
          event: index.isMultiple(of: 2) ? .send : .receive)
      }
    }
    return [application("client", .send)] + passing(interfaces)
      + [application("server", .receive), application("server", .send)] + passing(interfaces.reversed())
      + [application("client", .receive)]
  }

  static func level(_ estimate: Double, spread: Double) -> Measured<LevelEstimate> {
    .value(
      LevelEstimate(
        estimate: estimate, low: (estimate * (1 - spread)).rounded(), high: (estimate * (1 + spread)).rounded(),
        confidence: 0.99, n: 12))
  }

  /// - Parameters:
  ///   - p50: of each hop, in ns.
  ///   - observed: the p50 of the matched requests as the application measured it, in ns.
  static func inside(
    _ environment: String, _ workload: String, _ interfaces: Interfaces, source: Waypoint.Source, p50: [Double],
    observed: Double
  ) -> Inside {
    let points = points(interfaces, source: source)
    let turn = interfaces.count + 1
    let hops = p50.enumerated().map { index, p50 in
      HopResult(
        environment: environment, workload: workload, index: index,
        leg: index < turn ? .request : index == turn ? .server : .reply,
        kind: HopKind(from: points[index], to: points[index + 1]), from: points[index].id, to: points[index + 1].id,
        p50: level(p50, spread: 0.035), p90: level((p50 * 1.14).rounded(), spread: 0.05),
        p99: level((p50 * 1.9 + 150).rounded(), spread: 0.16))
    }
    let sum = p50.reduce(0, +)
    let taps =
      source == .socket
      ? []
      : interfaces.enumerated().map { index, interface in
        TapReading(
          namespace: interface.namespace, interface: interface.name, packets: 7_204 + (index == 2 ? 3 : 0),
          used: 6_240, outside: 962, duplicates: index == 2 ? 3 : 0, foreign: 2, undecodable: 0, dropped: 0,
          interfaceDropped: 0)
      }
    return (
      WaterfallResult(
        environment: environment, workload: workload, sampling: 64, points: points, trials: 12, excluded: [],
        sampled: 3_120, matched: source == .socket ? 3_120 : 3_119,
        unmatched: source == .socket ? [:] : ["not seen at \(points[2].id)": 1], taps: taps,
        roundTrip: level((observed * 0.97).rounded(), spread: 0.02), observed: level(observed, spread: 0.02), sum: sum,
        residual: (sum - observed) / observed, requestClosure: 12,
        tax: [
          WaterfallResult.Tax(
            metric: .rttP50, ratio: ratio(1.031, 1.010, 1.052),
            difference: IntervalEstimate(
              estimate: 271, low: 84, high: 431, confidence: 0.99, n: 12, method: "wilcoxon",
              minimumDetectableEffect: 170)),
          WaterfallResult.Tax(metric: .rttP99, ratio: ratio(1.06, 1.0, 1.11), difference: nil),
        ]), hops
    )
  }

  static let insides: [Inside] = [
    inside(
      "native", "udp-rr-spin", loopbackPath, source: .socket, p50: [934, 310, 2_740, 98, 901, 296, 2_710],
      observed: 8_110),
    inside(
      "netns", "udp-rr-spin", loopbackPath, source: .socket, p50: [890, 289, 2_510, 99, 850, 280, 2_480],
      observed: 7_440),
    inside(
      "veth", "udp-rr-spin", vethPath, source: .tap, p50: [905, 842, 2_240, 101, 868, 790, 3_190], observed: 9_010),
    inside(
      "bridge", "udp-rr-spin", bridgePath, source: .tap,
      p50: [912, 1_043, 1_574, 487, 2_010, 104, 874, 611, 1_240, 386, 1_682], observed: 11_020),
    inside(
      "native", "tcp-rr-spin", loopbackPath, source: .socket, p50: [1_310, 322, 3_440, 112, 1_290, 301, 3_390],
      observed: 10_260),
    inside(
      "bridge", "tcp-rr-spin", bridgePath, source: .tap,
      p50: [1_290, 1_011, 1_620, 502, 3_010, 118, 1_240, 640, 1_290, 402, 2_410], observed: 13_620),
  ]
}
