internal import Foundation
internal import Model
internal import PlainText

/// A night's or a run's numbers as gauges in base units.
///
/// A series has the same name and labels each night: ids of nights and runs, and digests, are labels of the `…_info`
/// gauges alone.
enum OpenMetricsExport {
  static func render(_ result: NightResult) -> String {
    var text = OpenMetricsText()
    let night = result.night
    let suite = [("suite", label(night.suite))]
    text.family("bench_night_info", help: "What the night was, in its labels; always 1.")
    text.sample(
      "bench_night_info",
      suite + [
        ("night", label(night.id)), ("host", label(night.host.hostname)), ("kernel", label(night.host.kernel)),
        ("version", label(night.version)), ("worker_sha256", label(night.workerSHA256)),
        ("baseline_sha256", label(result.baseline?.workerSHA256 ?? "", isOptional: true)),
      ], 1)
    text.family("bench_night_verdict", help: "1 for the verdict of the last night, 0 for the others.")
    for verdict in NightVerdict.allCases {
      text.sample(
        "bench_night_verdict", suite + [("verdict", verdict.rawValue)], verdict == result.verdict ? 1 : 0)
    }
    text.family(
      "bench_night_exit_code", help: "Exit code of bench nightly: 0 clean, 1 regression, 3 inconclusive, 70 blind.")
    text.sample("bench_night_exit_code", suite, Double(result.exit))
    text.family(
      "bench_night_timestamp_seconds", unit: "seconds", help: "When the night ended, in seconds since 1970-01-01 UTC.")
    text.sample("bench_night_timestamp_seconds", suite, night.finished.timeIntervalSince1970)
    text.family("bench_night_duration_seconds", unit: "seconds", help: "How long the night took.")
    text.sample("bench_night_duration_seconds", suite, night.finished.timeIntervalSince(night.started))
    text.family("bench_night_objections", help: "Reasons to doubt the night.")
    text.sample("bench_night_objections", suite, Double(result.objections.count))
    text.family("bench_epoch_number", help: "Number of the epoch: it grows where the host or the suite changes.")
    text.sample("bench_epoch_number", suite, Double(result.epoch.number))
    text.family("bench_epoch_nights", help: "Nights of the epoch before this one.")
    text.sample("bench_epoch_nights", suite, Double(result.epoch.nights))
    text.family("bench_series_screened", help: "Series that were held against history.")
    text.sample("bench_series_screened", suite, Double(result.screening.screened))
    text.family("bench_series_flagged", help: "Of these, series further from it than chance explains.")
    text.sample("bench_series_flagged", suite, Double(result.screening.flagged))
    let test = result.selfTest
    text.family("bench_selftest_found", help: "Whether the slowdown that was put in was found: 1 or 0.")
    text.sample("bench_selftest_found", suite, test.isFound ? 1 : 0)
    text.family("bench_selftest_ratio", unit: "ratio", help: "What was seen of it, slowed worker to plain worker.")
    text.sample("bench_selftest_ratio", suite, test.ratio?.estimate)

    for series in result.series {
      let labels = self.labels(series.series)
      switch series.series.quantity {
      case .overhead: overhead(series.value, series.low, series.high, labels, &text)
      case .level: quantity("level", series.series.metric, series.value, labels, &text)
      case .count: quantity("counted", series.series.metric, series.value, labels, &text)
      }
    }
    text.family(
      "bench_series_shift_ratio", unit: "ratio",
      help: "Value to the median of its history, less what all series did alike.")
    text.family("bench_series_state", help: "State of each series in its label; always 1.")
    for series in result.series {
      let labels = self.labels(series.series) + [("quantity", series.series.quantity.rawValue)]
      text.sample("bench_series_shift_ratio", labels, series.shift)
      text.sample("bench_series_state", labels + [("state", series.state.rawValue)], 1)
    }
    text.family(
      "bench_confirmation_ratio", unit: "ratio", help: "Worker of today to the pinned worker, in fresh blocks.")
    text.family("bench_confirmation_low_ratio", unit: "ratio", help: "Lower end of its interval.")
    text.family("bench_confirmation_high_ratio", unit: "ratio", help: "Upper end of its interval.")
    text.family("bench_confirmation_adjusted_p", help: "One-sided p-value of not worse, by Holm over all.")
    text.family("bench_confirmation_worse", help: "Whether that is a regression: 1 or 0.")
    for confirmation in result.confirmations {
      let labels = self.labels(
        confirmation.scenario, confirmation.workload, confirmation.environment, confirmation.metric)
      text.sample("bench_confirmation_ratio", labels, confirmation.ratio?.estimate)
      text.sample("bench_confirmation_low_ratio", labels, confirmation.ratio?.low)
      text.sample("bench_confirmation_high_ratio", labels, confirmation.ratio?.high)
      text.sample("bench_confirmation_adjusted_p", labels, confirmation.adjustedP)
      text.sample("bench_confirmation_worse", labels, confirmation.isWorse ? 1 : 0)
    }
    text.family("bench_change_points", help: "Changes of level that stayed, in the history of the epoch.")
    text.sample("bench_change_points", suite, Double(result.changePoints.count))
    return text.text
  }

  static func render(_ result: RunResult) -> String {
    var text = OpenMetricsText()
    let run = result.run
    let scenario = [("scenario", label(run.scenario))]
    text.family("bench_run_info", help: "What the run was, in its labels; always 1.")
    text.sample(
      "bench_run_info",
      scenario + [
        ("run", label(run.id)), ("profile", run.profile.rawValue), ("host", label(run.host.hostname)),
        ("kernel", label(run.host.kernel)), ("version", label(run.version)),
        ("worker_sha256", label(run.workerSHA256)),
      ], 1)
    text.family(
      "bench_run_timestamp_seconds", unit: "seconds", help: "When the run ended, in seconds since 1970-01-01 UTC.")
    text.sample("bench_run_timestamp_seconds", scenario, run.finished?.timeIntervalSince1970)
    text.family("bench_run_valid_blocks", help: "Blocks that count.")
    text.sample("bench_run_valid_blocks", scenario, Double(run.validBlocks))
    text.family("bench_run_voided_blocks", help: "Blocks that do not.")
    text.sample("bench_run_voided_blocks", scenario, Double(run.voidedBlocks))
    text.family("bench_run_valid", help: "Whether the run bears verdicts on the workload: 1 or 0.")
    let validity = Validity(result)
    for workload in result.workloads {
      text.sample(
        "bench_run_valid", scenario + [("workload", label(workload.name))],
        validity.objection(to: workload.name) == nil ? 1 : 0)
    }
    for series in result.series {
      let labels = self.labels(run.scenario, series.workload, series.environment, series.metric)
      if let ratio = series.ratio { overhead(ratio.estimate, ratio.low, ratio.high, labels, &text) }
      if let exact = series.exact {
        quantity("counted", series.metric, exact, labels, &text)
      } else if let median = series.median {
        quantity("level", series.metric, median, labels, &text)
      }
    }
    return text.text
  }

  private static func overhead(
    _ value: Double, _ low: Double?, _ high: Double?, _ labels: [(String, String)], _ text: inout OpenMetricsText
  ) {
    text.family("bench_overhead_ratio", unit: "ratio", help: "Environment to baseline, within the run.")
    text.family("bench_overhead_low_ratio", unit: "ratio", help: "Lower end of its interval.")
    text.family("bench_overhead_high_ratio", unit: "ratio", help: "Upper end of its interval.")
    text.sample("bench_overhead_ratio", labels, value)
    text.sample("bench_overhead_low_ratio", labels, low)
    text.sample("bench_overhead_high_ratio", labels, high)
  }

  private static func quantity(
    _ quantity: String, _ metric: Metric, _ value: Double, _ labels: [(String, String)], _ text: inout OpenMetricsText
  ) {
    let base = metric.base
    let name = "bench_\(quantity)_\(base.unit)"
    let what = quantity == "counted" ? "Counted" : "Median over the blocks"
    text.family(name, unit: base.unit, help: "\(what), in \(base.unit.replacing("_", with: " ")), by metric.")
    text.sample(name, labels, value / base.divisor)
  }

  private static func labels(_ series: HistorySeries) -> [(String, String)] {
    labels(series.scenario, series.workload, series.environment, series.metric)
  }

  private static func labels(
    _ scenario: String, _ workload: String, _ environment: String, _ metric: Metric
  ) -> [(String, String)] {
    [
      ("scenario", label(scenario)), ("workload", label(workload)), ("environment", label(environment)),
      ("metric", metric.rawValue),
    ]
  }

  /// Inert, as machines hand it on to people.
  private static func label(_ text: String, isOptional: Bool = false) -> String {
    isOptional ? InertText.line(text, limit: 120) : InertText.name(text, limit: 120)
  }
}

extension Metric {
  /// Its unit as Prometheus names base units (https://prometheus.io/docs/practices/naming/#base-units), and by what stored
  /// values are divided to be in it. An operation is what the workload repeats.
  fileprivate var base: (unit: String, divisor: Double) {
    switch unit {
    // The last two are of one operation, and the metric's name says so.
    case .nanoseconds, .nanosecondsPerRoundTrip, .nanosecondsPerOperation: ("seconds", 1e9)
    case .perSecond: ("operations_per_second", 1)
    case .perRoundTrip: ("events_per_operation", 1)
    case .bitsPerSecond: ("bytes_per_second", 8)
    case .nanosecondsPerByte: ("seconds_per_byte", 1e9)
    case .bytes: ("bytes", 1)
    case .bytesPerSecond: ("bytes_per_second", 1)
    // What the user's own client reports has a unit that only the user knows.
    case .one: self == .reported ? ("number", 1) : ("ratio", 1)
    }
  }
}
