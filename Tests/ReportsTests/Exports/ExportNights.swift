import Foundation
import Model

/// Nights of which every number is written down here.
enum ExportNights {
  static let start = Date(timeIntervalSince1970: 1_796_004_000)  // 2026-11-30T02:00:00Z

  static func key(
    _ environment: String, _ metric: Metric = .rttP50, _ quantity: HistorySeries.Quantity = .overhead,
    workload: String = "udp-rr-spin", scenario: String = "network-hop"
  ) -> HistorySeries {
    HistorySeries(
      scenario: scenario, workload: workload, environment: environment, metric: metric, quantity: quantity)
  }

  static func series(
    _ key: HistorySeries, _ state: NightResult.Series.State, _ value: Double, expected: Double? = nil,
    p: Double? = nil, reason: String? = nil
  ) -> NightResult.Series {
    let isOverhead = key.quantity == .overhead
    return NightResult.Series(
      series: key, unit: isOverhead ? .one : key.metric.unit, state: state, value: value,
      low: isOverhead ? value * 0.98 : nil, high: isOverhead ? value * 1.02 : nil, expected: expected,
      shift: expected.map { value / $0 }, t: p.map { _ in 5.1 }, pValue: p, recent: [1.2, 1.3], reason: reason)
  }

  static func confirmation(
    _ environment: String, _ ratio: Double?, isWorse: Bool, metric: Metric = .rttP50
  ) -> NightResult.Confirmation {
    NightResult.Confirmation(
      scenario: "network-hop", workload: "udp-rr-spin", environment: environment, metric: metric, blocks: 16,
      ratio: ratio.map {
        IntervalEstimate(
          estimate: $0, low: $0 - 0.02, high: $0 + 0.02, confidence: 0.99, n: 16, method: "wilcoxon",
          minimumDetectableEffect: 0.02)
      }, pValue: isWorse ? 0.00002 : 0.41, adjustedP: isWorse ? 0.00006 : 0.82, isWorse: isWorse,
      reason: isWorse ? "the pinned worker is faster in 16 of 16 blocks" : "not slower than chance explains")
  }

  /// Nothing is worse; one series of each state that such a night can have.
  static let clean = NightResult(
    night: NightResult.Night(
      id: "20261130-020000-7f3a", suite: "nightly", title: "The network and the disk, each night", started: start,
      finished: start.addingTimeInterval(1_800.5), host: Fixture.host,
      workerSHA256: String(repeating: "ab", count: 32), version: "0.4.0", seed: 9_007_199_254_740_993,
      command: "bench nightly --suite nightly.yaml --seed 9007199254740993"),
    verdict: .clean, reason: "Nothing is worse as far as could be seen.",
    epoch: NightResult.EpochState(
      number: 2, started: start.addingTimeInterval(-86_400 * 24), nights: 24, isNew: false, changes: []),
    objections: [], notes: ["One of 12 blocks was voided."],
    selfTest: NightResult.SelfTest(
      scenario: "network-hop", workload: "udp-rr-spin", environment: "native", metric: .rttP50, injected: 1.1,
      ratio: Fixture.ratio(1.098, 1.081, 1.116, n: 16), pValue: 0.000015, isFound: true),
    baseline: PinnedBaseline(
      workerSHA256: String(repeating: "cd", count: 32), origin: "20261129-020000-11aa",
      pinned: start.addingTimeInterval(-86_400), isManual: false, fingerprint: []),
    screening: NightResult.Screening(nights: 24, needed: 20, common: 1.003, screened: 5, flagged: 2),
    series: [
      series(key("netns"), .steady, 0.914, expected: 0.917, p: 0.62),
      series(key("veth"), .cleared, 1.121, expected: 1.09, p: 0.004, reason: "looked at again: not worse"),
      series(key("bridge"), .moved, 1.38, expected: 1.3, p: 0.0002, reason: "moved while the worker is the pinned one"),
      series(key("bridge", .rttP99), .better, 1.15, expected: 1.28, p: 0.003),
      series(key("macvlan"), .collecting, 1.07, reason: "7 of 20 nights are there"),
      series(key("native", .rttP50, .level), .shown, 8_124),
      series(key("bridge", .softirqs, .count), .steady, 4),
      series(
        key("overlayfs-ext4", .bytesCopied, .count, workload: "copy-up-64m", scenario: "cow-io"), .steady, 67_108_864),
      series(key("native", .rate, .level), .shown, 118_200),
      series(key("native", .throughput, .level, workload: "tcp-stream"), .shown, 8_000_000_000),
    ],
    confirmations: [
      confirmation("veth", 1.004, isWorse: false), confirmation("native", 0.999, isWorse: false),
      confirmation("slirp", nil, isWorse: false),
    ],
    changePoints: [
      NightResult.ChangePoint(
        series: key("bridge"), night: "20261127-020000-aaaa", started: start.addingTimeInterval(-86_400 * 3), nights: 4,
        before: 1.3, after: 1.38, pValue: 0.000004)
    ],
    runs: [
      NightResult.Run(
        role: .suite, id: "20261130-020100-1111", scenario: "network-hop", validBlocks: 12, voidedBlocks: 1,
        noise: .quiet, seconds: 610)
    ])

  static func changed(_ change: (inout NightResult) -> Void) -> NightResult {
    var night = clean
    change(&night)
    return night
  }

  static func verdict(_ verdict: NightVerdict, _ reason: String, _ change: (inout NightResult) -> Void = { _ in })
    -> NightResult
  {
    changed { night in
      night.verdict = verdict
      night.exit = verdict.exitStatus.rawValue
      night.reason = reason
      change(&night)
    }
  }

  /// Worse in veth, which the screen had flagged, and in slirp, of which tonight has no series; a count grew.
  static let regression = verdict(.regression, "Worse: udp-rr-spin in veth and slirp, softirqs in bridge.") { night in
    night.series[1] = series(key("veth"), .worse, 1.21, expected: 1.09, p: 0.00001, reason: "confirmed in fresh blocks")
    night.series[6] = series(key("bridge", .softirqs, .count), .worse, 5, expected: 4, reason: "5 instead of 4")
    night.confirmations[0] = confirmation("veth", 1.101, isWorse: true)
    night.confirmations[2] = confirmation("slirp", 1.08, isWorse: true)
  }

  static let inconclusive = verdict(.inconclusive, "The host was disturbed: steal of 7 %.") { night in
    night.objections = ["steal of 7 % in 9 of 12 blocks", "the confirmation ran out of time"]
    night.series[1] = series(key("veth"), .open, 1.2, expected: 1.09, p: 0.001, reason: "no time was left")
  }

  static let blind = verdict(.blind, "A slowdown of 10 % was not found.") { night in
    night.selfTest.isFound = false
    night.selfTest.ratio = Fixture.ratio(1.01, 0.97, 1.05, n: 16)
    night.selfTest.pValue = 0.3
    night.selfTest.reason = "the interval contains 1"
  }

  static let newEpoch = changed { night in
    night.epoch = NightResult.EpochState(
      number: 3, started: start, nights: 0, isNew: true,
      changes: [FactDifference(.host, "kernel", a: "6.12.0-1-amd64", b: "6.18.0-3-amd64")])
    night.screening = NightResult.Screening(nights: 0, needed: 20, common: nil, screened: 0, flagged: 0)
    for index in night.series.indices where night.series[index].state != .shown {
      night.series[index].state = index == 2 ? .shifted : .collecting
    }
    night.baseline = nil
    night.confirmations = []
  }

  static let all = [
    "clean": clean, "regression": regression, "inconclusive": inconclusive, "blind": blind, "new epoch": newEpoch,
  ]

  /// `count` series, each with a long reason.
  static func large(_ count: Int) -> NightResult {
    changed { night in
      night.series = (0..<count).map { index in
        series(
          key("environment-\(index)"), index == count - 1 ? .worse : .steady, 1 + Double(index % 100) / 100,
          reason: String(repeating: "a long reason, ", count: 40))
      }
    }
  }

  /// Everything that comes from outside says `text`.
  static func saying(_ text: String) -> NightResult {
    func named(_ series: HistorySeries) -> HistorySeries {
      var series = series
      series.scenario += text
      series.workload += text
      series.environment += text
      return series
    }
    return verdict(.regression, text) { night in
      night.night.id = text
      night.night.suite = text
      night.night.title = text
      night.night.version = text
      night.night.workerSHA256 = text
      night.night.command = text
      night.night.host = HostFacts(hostname: text, kernel: text, architecture: text, cpuModel: text, cpuCount: 2)
      night.objections = [text, text]
      night.notes = [text, text]
      night.epoch.isNew = true
      night.epoch.changes = [FactDifference(.host, text, a: text, b: text)]
      night.selfTest.scenario = text
      night.selfTest.workload = text
      night.selfTest.environment = text
      night.selfTest.reason = text
      night.baseline?.workerSHA256 = text
      for index in night.series.indices {
        night.series[index].series = named(night.series[index].series)
        night.series[index].reason = text
      }
      night.series[1].state = .worse
      for index in night.confirmations.indices {
        night.confirmations[index].scenario += text
        night.confirmations[index].workload += text
        night.confirmations[index].environment += text
        night.confirmations[index].reason = text
      }
      night.confirmations[0].isWorse = true
      for index in night.changePoints.indices {
        night.changePoints[index].series = named(night.changePoints[index].series)
        night.changePoints[index].night = text
      }
    }
  }

  /// `nights` nights of three series: one steady, one that changes its level half way, one that began in the third night.
  static func history(_ nights: Int) -> [HistoryView] {
    func point(_ night: Int, _ value: Double) -> HistoryPoint {
      let started = start.addingTimeInterval(86_400 * Double(night - nights))
      return HistoryPoint(
        night: "\(started.ISO8601Format().prefix(10).replacing("-", with: ""))-020000-\(1000 + night)",
        started: started,
        epoch: 2, value: value, low: value * 0.98, high: value * 1.02)
    }
    func wander(_ night: Int, _ seed: Int) -> Double { Double((night * 7_919 + seed * 104_729) % 101) / 10_000 }
    func view(_ series: HistorySeries, _ points: [HistoryPoint]) -> HistoryView {
      HistoryView(series: series, unit: .one, points: points, changePoints: [], epochs: [])
    }
    return [
      view(key("netns"), (0..<nights).map { point($0, 0.91 + wander($0, 1)) }),
      view(key("bridge"), (0..<nights).map { point($0, ($0 < nights / 2 ? 1.3 : 1.45) + wander($0, 2)) }),
      view(key("native", .rate, .level), (2..<nights).filter { $0 != 5 }.map { point($0, 118_000 + wander($0, 3)) }),
    ]
  }
}
