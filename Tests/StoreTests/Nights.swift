import Foundation
import Model

@testable import Store

/// Nights in which no two values are alike.
extension Sample {
  static let fingerprint = [Epoch.Fact("kernel", "6.1"), Epoch.Fact("suite", "nightly ab12")]

  static func series(_ index: Int) -> HistorySeries {
    HistorySeries(
      scenario: "network-hop", workload: "workload-\(index / 50)", environment: "environment-\(index % 50 / 5)",
      metric: [.rttP50, .rttP99, .rate, .clientCPU, .serverCPU][index % 5], quantity: .overhead)
  }

  /// - Parameter number: also its place in time.
  static func night(_ number: Int, id: String? = nil, epoch: Int? = nil, runs: [String] = []) -> NightRecord {
    NightRecord(
      id: id ?? "night-\(1000 + number)", suite: "nightly", suiteDigest: "ab12",
      started: Date(timeIntervalSinceReferenceDate: 817_000_000.123_456_7 + Double(number) * 86_400),
      epoch: epoch, host: run("r").host, workerSHA256: digest(number), baselineSHA256: digest(number - 1),
      version: "0.1.0", seed: .max - UInt64(number),
      parts: runs.enumerated().map { .init(role: $0.offset == 0 ? .suite : .confirmation, index: 3, run: $0.element) })
  }

  static func digest(_ number: Int) -> String {
    let digits = String(UInt64(bitPattern: Int64(number)), radix: 16)
    return String(repeating: "0", count: 64 - digits.count) + digits
  }

  /// The night as it is when it counts.
  static func finished(_ night: NightRecord) -> NightRecord {
    var night = night
    night.phase = .finished
    night.finished = night.started + 3600.1
    night.verdict = .clean
    night.reason = "nothing is worse"
    return night
  }

  static func values(_ number: Int, series count: Int = 3) -> [SeriesValue] {
    (0..<count).map { index in
      let value = 1 + Double((number * 7919 + index * 104_729) % 100_003) / 1e6
      return SeriesValue(
        series: series(index), value: value, low: value * 0.99, high: index % 3 == 1 ? nil : value * 1.01)
    }
  }

  static func result(_ night: NightRecord, _ values: [SeriesValue], recent: Int = 4) -> NightResult {
    NightResult(
      night: .init(
        id: night.id, suite: night.suite, title: "Nachts", started: night.started,
        finished: night.finished ?? night.started, host: night.host, workerSHA256: night.workerSHA256,
        version: night.version, seed: night.seed, command: "bench nightly"),
      verdict: .clean, reason: "nothing is worse",
      epoch: .init(number: night.epoch ?? 0, started: night.started, nights: 3, isNew: false, changes: []),
      objections: [], notes: ["a note"],
      selfTest: .init(
        scenario: "network-hop", workload: "udp", environment: "veth", metric: .rttP50, injected: 1.1, ratio: nil,
        pValue: 1.0 / 3, isFound: true),
      baseline: PinnedBaseline(
        workerSHA256: night.workerSHA256, origin: night.id, pinned: night.started, isManual: false,
        fingerprint: fingerprint),
      screening: .init(nights: 20, needed: 20, common: 1.001, screened: values.count, flagged: 0),
      series: values.enumerated().map { index, value in
        .init(
          series: value.series, unit: .one, state: .steady, value: value.value, low: value.low, high: value.high,
          expected: value.value * 1.0001, shift: 1 / 1.0001, t: -0.123_456_789 * Double(index + 1), pValue: 0.1 + 0.2,
          recent: (0..<recent).map { 1 + Double($0 * index) / 3e3 })
      }, confirmations: [], changePoints: [],
      runs: [
        .init(
          role: .suite, id: "r", scenario: "network-hop", validBlocks: 8, voidedBlocks: 1, noise: .noisy, seconds: 9.5)
      ])
  }
}

extension RunStore {
  /// Begins and finishes a night in its epoch.
  @discardableResult
  func add(
    _ night: NightRecord, _ values: [SeriesValue], fingerprint: [Epoch.Fact] = Sample.fingerprint, recent: Int = 4
  ) throws -> NightRecord {
    var night = night
    try begin(night)
    night.epoch = try epoch(for: fingerprint, started: night.started).epoch.number
    night = Sample.finished(night)
    try finish(night, result: Sample.result(night, values, recent: recent), values: values)
    return night
  }
}
