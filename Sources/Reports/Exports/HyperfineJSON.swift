internal import Foundation
internal import Model
internal import PlainText

/// Headline times in the JSON that hyperfine 1.x exports, for what plots or compares its results; one time a block, in
/// seconds.
///
/// Its keys are those of `BenchmarkResult` in hyperfine's src/benchmark/benchmark_result.rs. Not measured, and so null:
/// `user` and `system` (a worker's CPU time is counted by operation, and not parted in two) and each of `exit_codes`, where
/// hyperfine, too, writes null for one that is not known. A `command` is what is compared: workload and environment.
/// Workloads whose headline is no time (throughput, IOPS, bytes) have no result here.
enum HyperfineJSON {
  private struct Document: Encodable {
    var results: [Entry]
  }

  private struct Entry: Encodable {
    var command: String
    var times: [Double]
    var parameters: [String: String]

    enum CodingKeys: String, CodingKey {
      case command, mean, stddev, median, user, system, min, max, times
      case exitCodes = "exit_codes"
      case parameters
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      let sorted = times.sorted()
      let mean = times.reduce(0, +) / Double(times.count)
      try container.encode(command, forKey: .command)
      try container.encode(mean, forKey: .mean)
      if times.count > 1 {
        let squares = times.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        try container.encode((squares / Double(times.count - 1)).squareRoot(), forKey: .stddev)
      } else {
        try container.encodeNil(forKey: .stddev)
      }
      let middle = sorted.count / 2
      try container.encode(
        sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle], forKey: .median)
      try container.encodeNil(forKey: .user)
      try container.encodeNil(forKey: .system)
      try container.encode(sorted[0], forKey: .min)
      try container.encode(sorted[sorted.count - 1], forKey: .max)
      try container.encode(times, forKey: .times)
      try container.encode([Int?](repeating: nil, count: times.count), forKey: .exitCodes)
      try container.encode(parameters, forKey: .parameters)
    }
  }

  static func render(_ runs: [RunResult]) throws(UserError) -> String {
    var names = DistinctNames()
    var entries: [Entry] = []
    for result in runs {
      let headlines = Dictionary(
        result.workloads.map { ($0.name, $0.kind.headline) }, uniquingKeysWith: { first, _ in first })
      for series in result.series where series.metric == headlines[series.workload] && series.unit == .nanoseconds {
        let times = series.trials.filter(\.isFinite).map { $0 / 1e9 }
        if times.isEmpty { continue }
        let words = [result.run.scenario, series.workload, series.environment].map { InertText.name($0) }
        entries.append(
          Entry(
            command: names.name(words.joined(separator: " ")), times: times,
            parameters: [
              "scenario": words[0], "workload": words[1], "environment": words[2], "metric": series.metric.rawValue,
            ]))
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(Document(results: entries)), as: UTF8.self) + "\n"
    } catch {
      throw UserError(.internalError, "the times cannot be written as hyperfine's JSON: \(error)")
    }
  }
}
