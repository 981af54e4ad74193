import Foundation
import Model

@testable import Reports

/// One night a verdict; every number is written down here or follows from its place.
enum Nights {
  static let start = Date(timeIntervalSince1970: 1_795_917_600)
  static let today = String(repeating: "0f", count: 32)
  static let pinned = String(repeating: "1e", count: 32)

  static func day(_ back: Int) -> Date { start.addingTimeInterval(-86_400 * Double(back)) }

  static func night(_ back: Int) -> String {
    NumberFormat.day(day(back)).replacing("-", with: "") + "-020000-7f3a"
  }

  static let host = HostFacts(
    hostname: "first", kernel: "6.18.0-3-amd64", architecture: "x86_64", cpuModel: "AMD EPYC 7B13", cpuCount: 2,
    virtualization: "kvm", mitigations: [:], nativeBurdens: [])

  static let fingerprint = [
    Epoch.Fact("host", "first"), Epoch.Fact("kernel", "6.18.0-3-amd64"), Epoch.Fact("processor", "AMD EPYC 7B13"),
    Epoch.Fact("docker", "26.1.5"),
  ]

  static func series(
    _ environment: String, _ metric: Metric = .rttP50, _ quantity: HistorySeries.Quantity = .overhead,
    workload: String = "udp-rr-spin", scenario: String = "network-hop"
  ) -> HistorySeries {
    HistorySeries(
      scenario: scenario, workload: workload, environment: environment, metric: metric, quantity: quantity)
  }

  /// Values that wander about a level by a hundredth.
  static func recent(_ level: Double, _ count: Int = 30) -> [Double] {
    (0..<count).map { level * (1 + 0.01 * sin(Double($0) * 2.4)) }
  }

  static func row(
    _ series: HistorySeries, _ state: NightResult.Series.State, _ value: Double, expected: Double?, t: Double? = 0.3,
    p: Double? = 0.38, reason: String? = nil, recent: [Double]? = nil
  ) -> NightResult.Series {
    let isOverhead = series.quantity == .overhead
    return NightResult.Series(
      series: series, unit: isOverhead ? .one : series.metric.unit, state: state, value: value,
      low: isOverhead ? value * 0.992 : nil, high: isOverhead ? value * 1.009 : nil, expected: expected,
      shift: expected.map { value / $0 / (isOverhead ? 1.004 : 1) }, t: t, pValue: p,
      recent: recent ?? expected.map { Self.recent($0) } ?? [], reason: reason)
  }

  static func confirmation(
    _ environment: String, _ ratio: (Double, Double, Double), p: Double, adjusted: Double, isWorse: Bool, reason: String
  ) -> NightResult.Confirmation {
    NightResult.Confirmation(
      scenario: "network-hop", workload: "udp-rr-spin", environment: environment, metric: .rttP50, blocks: 16,
      ratio: Fixture.ratio(ratio.0, ratio.1, ratio.2, n: 16), pValue: p, adjustedP: adjusted, isWorse: isWorse,
      reason: reason)
  }

  static let notWorse = "0.2 % worse at the most likely: less than 2 %"

  static var clean: NightResult {
    NightResult(
      night: NightResult.Night(
        id: night(0), suite: "nightly", title: "What a container costs, every night", started: start,
        finished: start.addingTimeInterval(5_423), host: host, workerSHA256: today, version: "0.7.0",
        seed: 7_713_512_077_101, command: "bench nightly --suite nightly.yaml --seed 7713512077101"),
      verdict: .clean,
      reason: "Nothing is worse: 7 series were screened against 34 nights, and 3 were held against the pinned worker",
      epoch: NightResult.EpochState(number: 2, started: day(34), nights: 34, isNew: false, changes: []),
      objections: [], notes: ["The worker is not the one that is pinned: it was built since."],
      selfTest: NightResult.SelfTest(
        scenario: "network-hop", workload: "udp-rr-spin", environment: "native", metric: .rttP50, injected: 1.1,
        ratio: Fixture.ratio(1.098, 1.087, 1.11, n: 16), pValue: 0.0000153, isFound: true),
      baseline: PinnedBaseline(
        workerSHA256: pinned, origin: night(1), pinned: day(1), isManual: false, fingerprint: fingerprint),
      screening: NightResult.Screening(nights: 34, needed: 20, common: 1.004, screened: 7, flagged: 1),
      series: [
        row(series("native", .rttP50, .level), .shown, 8_124, expected: 8_090, t: nil, p: nil),
        row(series("netns"), .steady, 0.917, expected: 0.914),
        row(series("veth"), .cleared, 1.242, expected: 1.191, t: 3.1, p: 0.002, reason: notWorse),
        row(series("bridge"), .steady, 1.311, expected: 1.302),
        row(series("bridge", .rttP99), .better, 1.183, expected: 1.274, t: -4.4, p: 0.99),
        row(
          series("bridge", .systemCalls, .count), .steady, 4, expected: 4, t: nil, p: nil,
          recent: Array(repeating: 4, count: 30)),
        row(series("bridge", .throughput, workload: "tcp-stream"), .steady, 0.88, expected: 0.881),
        row(
          series("overlayfs-ext4", .bytesCopied, .count, workload: "copy-up", scenario: "cow-io"), .steady, 67_108_864,
          expected: 67_108_864, t: nil, p: nil, recent: []),
      ],
      confirmations: [
        confirmation("native", (1.002, 0.994, 1.009), p: 0.31, adjusted: 0.62, isWorse: false, reason: notWorse),
        confirmation("veth", (1.004, 0.995, 1.012), p: 0.18, adjusted: 0.54, isWorse: false, reason: notWorse),
        confirmation("bridge", (1.001, 0.99, 1.013), p: 0.44, adjusted: 0.62, isWorse: false, reason: notWorse),
      ],
      changePoints: [
        NightResult.ChangePoint(
          series: series("veth"), night: night(11), started: day(11), nights: 12, before: 1.149, after: 1.191,
          pValue: 0.0000012)
      ],
      runs: [
        run(.suite, 0, "network-hop", 18, 1, .quiet, 2_410), run(.suite, 1, "cow-io", 12, 0, .quiet, 1_522),
        run(.selfTest, 2, "network-hop", 16, 0, .noisy, 412), run(.confirmation, 3, "network-hop", 16, 0, .quiet, 831),
      ])
  }

  static func run(
    _ role: NightRecord.Part.Role, _ index: Int, _ scenario: String, _ valid: Int, _ voided: Int, _ noise: HostNoise,
    _ seconds: Double
  ) -> NightResult.Run {
    NightResult.Run(
      role: role, id: "20261129-02\(index)000-c0d\(index)", scenario: scenario, validBlocks: valid,
      voidedBlocks: voided,
      noise: noise, seconds: seconds)
  }

  static func changed(_ verdict: NightVerdict, _ reason: String, _ change: (inout NightResult) -> Void) -> NightResult {
    var night = clean
    night.verdict = verdict
    night.exit = verdict.exitStatus.rawValue
    night.reason = reason
    change(&night)
    return night
  }

  static var regression: NightResult {
    changed(.regression, "2 series are worse, and that was confirmed: udp-rr-spin in bridge, and its system calls") {
      $0.series[3] = row(
        series("bridge"), .worse, 1.436, expected: 1.302, t: 8.2, p: 0.0000004,
        reason: "10 % worse than with the pinned worker")
      $0.series[5] = row(
        series("bridge", .systemCalls, .count), .changed, 5, expected: 4, t: nil, p: nil,
        reason: "a count that changed within its epoch", recent: Array(repeating: 4, count: 30))
      $0.confirmations[2] = confirmation(
        "bridge", (1.101, 1.092, 1.111), p: 0.0000153, adjusted: 0.0000458, isWorse: true,
        reason: "10 % worse, and chance does not explain it")
      $0.screening.flagged = 2
    }
  }

  static var inconclusive: NightResult {
    changed(.inconclusive, "The host was hostile while network-hop was measured, so nothing can be said of it") {
      $0.objections = [
        "network-hop: others used 12 % of the CPUs that were measured on",
        "The control of udp-rr-spin failed: native′ ÷ native is 1.04× [1.02, 1.06].",
      ]
      $0.runs[0].noise = .hostile
      $0.series[3] = row(
        series("bridge"), .open, 1.436, expected: 1.302, t: 8.2, p: 0.0000004,
        reason: "the time budget ended before it was measured again")
      $0.confirmations = []
    }
  }

  static var blind: NightResult {
    changed(.blind, "The detector did not find a slowdown of 10 % that was put into the worker") {
      $0.selfTest.ratio = Fixture.ratio(1.013, 0.961, 1.071, n: 16)
      $0.selfTest.pValue = 0.21
      $0.selfTest.isFound = false
      $0.selfTest.reason = "p is 0.21, and has to be below 0.005"
    }
  }

  static var newEpoch: NightResult {
    changed(.clean, "Nothing is worse; the host changed, and its history starts anew") {
      $0.epoch = NightResult.EpochState(
        number: 3, started: start, nights: 0, isNew: true,
        changes: [
          FactDifference(.host, "kernel", a: "6.12.0-1-amd64", b: "6.18.0-3-amd64"),
          FactDifference(.host, "docker", a: "26.1.3", b: "26.1.5"),
        ])
      $0.screening = NightResult.Screening(nights: 0, needed: 20, common: nil, screened: 0, flagged: 0)
      for index in $0.series.indices where $0.series[index].series.quantity == .overhead {
        $0.series[index].state = index == 3 ? .shifted : .collecting
        $0.series[index].t = nil
        $0.series[index].pValue = nil
      }
      $0.series[3].value = 1.104
      $0.series[3].low = 1.09
      $0.series[3].high = 1.118
      $0.series[3].shift = 1.104 / 1.302
      $0.confirmations = []
      $0.changePoints = []
      $0.night.workerSHA256 = pinned
      $0.notes = []
    }
  }

  static var collecting: NightResult {
    changed(.clean, "Nothing was held against history yet") {
      $0.epoch = NightResult.EpochState(number: 1, started: day(6), nights: 6, isNew: false, changes: [])
      $0.screening = NightResult.Screening(nights: 6, needed: 20, common: nil, screened: 0, flagged: 0)
      $0.series = $0.series.map { row in
        var row = row
        row.state = row.series.quantity == .level ? .shown : .collecting
        row.expected = nil
        row.shift = nil
        row.t = nil
        row.pValue = nil
        row.recent = []
        return row
      }
      $0.baseline = nil
      $0.confirmations = []
      $0.changePoints = []
      $0.notes = []
    }
  }

  /// The worker is the pinned one, and the host is not what it was.
  static var moved: NightResult {
    changed(.clean, "Nothing of the program is worse; 1 overhead moved with the host") {
      $0.night.workerSHA256 = pinned
      $0.notes = []
      $0.confirmations = []
      $0.series[3] = row(series("bridge"), .moved, 1.352, expected: 1.302, t: 3.9, p: 0.0002)
      $0.baseline?.isManual = true
    }
  }

  /// Nothing at all.
  static var empty: NightResult {
    changed(.inconclusive, "Nothing could be measured") {
      $0.series = []
      $0.confirmations = []
      $0.changePoints = []
      $0.runs = []
      $0.notes = []
      $0.screening = NightResult.Screening(nights: 34, needed: 20, common: nil, screened: 0, flagged: 0)
      $0.selfTest.ratio = nil
      $0.selfTest.pValue = nil
      $0.selfTest.isFound = false
      $0.baseline = nil
    }
  }

  static let all: [(name: String, night: NightResult)] = [
    ("clean", clean), ("regression", regression), ("inconclusive", inconclusive), ("blind", blind),
    ("new-epoch", newEpoch), ("collecting", collecting), ("moved", moved), ("empty", empty),
  ]

  /// So many series, all of which did something.
  static func large(_ count: Int) -> NightResult {
    changed(.clean, "Nothing of the program is worse") { night in
      let environments = ["netns", "veth", "bridge", "docker-bridge", "podman-bridge"]
      let metrics: [Metric] = [.rttP50, .rttP99, .totalCPU, .rate, .clientSwitches]
      night.series = (0..<count).map { index in
        row(
          series(environments[index % 5], metrics[index / 5 % 5], workload: "workload-\(index / 25)"),
          index % 2 == 0 ? .moved : .shifted, 1.2 + Double(index) / 1_000, expected: 1.2, t: 3.2, p: 0.0021)
      }
      night.confirmations = (0..<count / 5).map { index in
        var one = confirmation(
          environments[index % 5], (1.002, 0.99, 1.01), p: 0.4, adjusted: 1, isWorse: false, reason: notWorse)
        one.workload = "workload-\(index / 5)"
        return one
      }
    }
  }

  /// Text from outside, wherever a night has any.
  static func saying(_ text: String) -> NightResult {
    changed(.regression, text) {
      $0.night.id = text
      $0.night.suite = text
      $0.night.title = text
      $0.night.host.hostname = text
      $0.night.host.kernel = text
      $0.night.host.cpuModel = text
      $0.night.workerSHA256 = text
      $0.night.version = text
      $0.night.command = text
      $0.epoch.isNew = true
      $0.epoch.changes = [FactDifference(.host, text, a: text, b: text)]
      $0.objections = [text]
      $0.notes = [text]
      $0.selfTest.scenario = text
      $0.selfTest.workload = text
      $0.selfTest.environment = text
      $0.selfTest.reason = text
      $0.baseline?.origin = text
      $0.baseline?.workerSHA256 = text
      $0.baseline?.fingerprint = [Epoch.Fact(text, text)]
      $0.series[3] = row(series(text, workload: text, scenario: text), .worse, 1.4, expected: 1.3, reason: text)
      $0.series[4].reason = text
      $0.confirmations[0].environment = text
      $0.confirmations[0].workload = text
      $0.confirmations[0].scenario = text
      $0.confirmations[0].isWorse = true
      $0.confirmations[1].reason = text
      $0.changePoints[0].series = series(text, workload: text, scenario: text)
      $0.changePoints[0].night = text
      $0.runs[0].id = text
      $0.runs[0].scenario = text
    }
  }
}

/// Series from night to night.
enum Histories {
  /// A level that changes once, over two epochs.
  static func view(
    _ count: Int, metric: Metric = .rttP50, quantity: HistorySeries.Quantity = .overhead, level: Double = 1.281
  ) -> HistoryView {
    let border = count * 2 / 5
    let change = count * 3 / 4
    let points = (0..<count).map { index in
      let value =
        level * (index < border ? 1 : 0.96) * (index < change ? 1 : 1.05) * (1 + 0.006 * sin(Double(index) * 2.4))
      return HistoryPoint(
        night: Nights.night(count - index), started: Nights.day(count - index), epoch: index < border ? 1 : 2,
        value: quantity == .count ? value.rounded() : value, low: quantity == .overhead ? value * 0.991 : nil,
        high: quantity == .overhead ? value * 1.009 : nil)
    }
    let series = Nights.series("bridge", metric, quantity)
    let hasChange = change > border && change < count
    return HistoryView(
      series: series, unit: quantity == .overhead ? .one : metric.unit, points: points,
      changePoints: hasChange
        ? [
          NightResult.ChangePoint(
            series: series, night: points[change].night, started: points[change].started, nights: count - change,
            before: level * 0.96, after: level * 0.96 * 1.05, pValue: 0.0000004)
        ] : [],
      epochs: [(1, 0, "6.12.0-1-amd64"), (2, border, "6.18.0-3-amd64")]
        .filter { epoch in points.contains { $0.epoch == epoch.0 } }.map { number, first, kernel in
          Epoch(
            number: number, started: points[first].started,
            fingerprint: [Epoch.Fact("host", "first"), Epoch.Fact("kernel", kernel)])
        })
  }

  static func saying(_ text: String) -> HistoryView {
    var view = view(40)
    view.series = Nights.series(text, workload: text, scenario: text)
    for index in view.points.indices { view.points[index].night = text + "\(index)" }
    view.changePoints[0].night = text + "3"
    view.epochs[1].fingerprint = [Epoch.Fact(text, text)]
    return view
  }
}
