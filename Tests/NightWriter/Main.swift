internal import Foundation
internal import Model
internal import Store

/// Writes nights into a store for as long as it lives, for the test that kills it: `night-writer STORE PREFIX`. Says the
/// id of each night that counts when it does.
@main
enum Main {
  /// Values of each night.
  static let series = 40

  static func main() throws {
    let (path, prefix) = (CommandLine.arguments[1], CommandLine.arguments[2])
    let store = try RunStore(path: path)
    say("ready")
    var number = 0
    while true {
      number += 1
      try write(id: "\(prefix)-\(number)", started: Date(), store)
      say("\(prefix)-\(number)")
    }
  }

  /// At once, without a buffer that would be lost.
  private static func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

  private static func write(id: String, started: Date, _ store: RunStore) throws {
    let host = HostFacts(hostname: "h", kernel: "6.1", architecture: "x86_64", cpuCount: 2)
    let worker = String(repeating: "ab", count: 32)
    var night = NightRecord(
      id: id, suite: "nightly", suiteDigest: "ab", started: started, host: host, workerSHA256: worker,
      version: "0.1.0", seed: 1)
    try store.begin(night)
    for phase in [NightRecord.Phase.testing, .confirming] {
      night.phase = phase
      // A new epoch each time: the number of the night is a fact of it.
      night.epoch = try store.epoch(for: [Epoch.Fact("night", id)], started: started).epoch.number
      night.parts.append(.init(role: .suite, index: 0, run: "\(id)-\(phase)"))
      try store.update(night)
    }
    let values = (0..<series).map { index in
      SeriesValue(
        series: HistorySeries(
          scenario: "s", workload: "w\(index)", environment: "e", metric: .rttP50, quantity: .overhead), value: 1.5)
    }
    night.phase = .finished
    night.finished = started + 1
    night.verdict = .clean
    night.reason = "r"
    let result = NightResult(
      night: .init(
        id: id, suite: "nightly", title: "t", started: started, finished: started + 1, host: host, workerSHA256: worker,
        version: "0.1.0", seed: 1, command: "c"), verdict: .clean, reason: "r",
      epoch: .init(number: night.epoch ?? 0, started: started, nights: 0, isNew: true, changes: []), objections: [],
      notes: [],
      selfTest: .init(
        scenario: "s", workload: "w", environment: "e", metric: .rttP50, injected: 1.1, ratio: nil, pValue: nil,
        isFound: true), baseline: nil,
      screening: .init(nights: 0, needed: 20, common: nil, screened: 0, flagged: 0),
      series: values.map { .init(series: $0.series, unit: .one, state: .collecting, value: $0.value) },
      confirmations: [], changePoints: [], runs: [])
    try store.finish(night, result: result, values: values)
  }
}
