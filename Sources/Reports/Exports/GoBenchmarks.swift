internal import Model
internal import PlainText

/// Every block of runs in Go's benchmark format (https://golang.org/design/14313-benchmark-format), as
/// https://pkg.go.dev/golang.org/x/perf/benchfmt reads it: benchstat then has as many samples as there are blocks.
///
/// A line is a block of one workload in one environment: `BenchmarkNetworkHop/workload=udp-rr-spin/env=bridge-2 1 10604
/// ns/op …`, with the number of CPUs at the end of the name. A block is one iteration. What identifies a run is in comments
/// alone: benchstat sets up another table wherever a configuration line differs, and then compares nothing.
enum GoBenchmarks {
  static func render(_ runs: [RunResult]) -> String {
    var names = DistinctNames()
    var text = ""
    for unit in units(runs) { text += unit + "\n" }
    for run in runs { text += lines(run, &names) }
    return text
  }

  private static func lines(_ result: RunResult, _ names: inout DistinctNames) -> String {
    let run = result.run
    var text = """

      # run \(comment(run.id)), \(comment(run.profile.rawValue)) profile, started \(ReportJSON.timestamp(run.started))
      # worker \(comment(run.workerSHA256)), bench \(comment(run.version)), kernel \(comment(run.host.kernel))
      # \(run.validBlocks) valid blocks, \(run.voidedBlocks) voided

      """
    for objection in Validity(result).sentences { text += "# \(comment(objection))\n" }
    text += "goos: linux\n"
    text += "goarch: \(architecture(run.host.architecture))\n"
    text += "pkg: bench/\(ExportText.plain(run.scenario))\n"
    if let cpu = run.host.cpuModel { text += "cpu: \(InertText.name(cpu, limit: 120))\n" }

    var groups: [(workload: String, environment: String, series: [SeriesResult])] = []
    for series in result.series {
      let place = groups.firstIndex { $0.workload == series.workload && $0.environment == series.environment }
      if let place {
        groups[place].series.append(series)
      } else {
        groups.append((series.workload, series.environment, [series]))
      }
    }
    for group in groups {
      let name = names.name(
        "Benchmark\(camelCase(run.scenario))/workload=\(word(group.workload))/env=\(word(group.environment))")
      for block in 0..<(group.series.map(\.trials.count).max() ?? 0) {
        let values = group.series.compactMap { series -> String? in
          // A metric that some block lacks has fewer samples: which blocks they are of does not matter to benchstat.
          guard block < series.trials.count, series.trials[block].isFinite else { return nil }
          let unit = unit(series.metric)
          return "\(CSVReport.digits(series.trials[block] / unit.divisor)) \(unit.name)"
        }
        // A line without a measurement is malformed.
        if !values.isEmpty {
          text += "\(name)-\(max(1, run.host.cpuCount)) 1 \(values.joined(separator: " "))\n"
        }
      }
    }
    return text
  }

  /// A metric's unit: what benchstat shows it by, and what stored values are divided by. The headline of a timed workload
  /// is `ns/op`; of others the metric's name stands before the unit, as the format wants it.
  private static func unit(_ metric: Metric) -> (name: String, divisor: Double) {
    let word = metric.rawValue.replacing("_", with: "-")
    return switch metric.unit {
    case .nanoseconds: (metric.isHeadlineTime ? "ns/op" : word + "-ns/op", 1)
    case .nanosecondsPerRoundTrip, .nanosecondsPerOperation: (word + "-ns/op", 1)
    case .perSecond: (word + "-op/s", 1)
    case .perRoundTrip: (word + "/op", 1)
    case .bitsPerSecond: (word + "-B/s", 8)
    case .nanosecondsPerByte: (word + "-ns/B", 1)
    case .bytes: (word + "-B", 1)
    case .bytesPerSecond: (word + "-B/s", 1)
    case .one: (word, 1)
    }
  }

  /// Lines of metadata: which direction is better, and which numbers are exact so that any difference is one.
  private static func units(_ runs: [RunResult]) -> [String] {
    var lines: [String] = []
    for metric in Metric.allCases {
      let series = runs.flatMap { run in run.series.filter { $0.metric == metric && !$0.trials.isEmpty } }
      guard !series.isEmpty else { continue }
      let name = unit(metric).name
      // One unit can be of several metrics: the headlines.
      if lines.contains(where: { $0.hasPrefix("Unit \(name) ") }) { continue }
      let isExact =
        metric.isCount && series.allSatisfy { series in series.trials.allSatisfy { $0 == series.trials[0] } }
      lines.append("Unit \(name) better=\(metric.isCost ? "lower" : "higher")" + (isExact ? " assume=exact" : ""))
    }
    return lines
  }

  /// A word of a benchmark's name: no spaces, no "/", and no "-" before digits at its end, which would be a number of CPUs;
  /// such a number always follows.
  private static func word(_ text: String) -> String { ExportText.plain(text) }

  private static func camelCase(_ text: String) -> String {
    let words = ExportText.plain(text).split { !$0.isLetter && !$0.isNumber }
    let name = words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    // "BenchmarkX": what follows is to begin with a capital letter.
    return name.first?.isLetter == true ? name : "X" + name
  }

  private static func comment(_ text: String) -> String { InertText.line(text, limit: 300) }

  /// As Go names it.
  private static func architecture(_ name: String) -> String {
    switch name {
    case "x86_64": "amd64"
    case "aarch64": "arm64"
    default: ExportText.plain(name)
    }
  }
}

extension Metric {
  /// Whether it is a time and some kind of workload's headline.
  var isHeadlineTime: Bool {
    unit == .nanoseconds && WorkloadSpec.Kind.allCases.contains { $0.headline == self }
  }
}
