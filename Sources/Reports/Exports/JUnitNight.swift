internal import Foundation
internal import Model
internal import PlainText

/// A night as JUnit's XML, one case a series, for the services that show tests.
///
/// A case fails where its series is worse. It is skipped, with the reason, where there is no answer: history is too
/// short, what was flagged could not be confirmed, the night is inconclusive. What was only moved, shifted or better
/// passes, as it does in the night's exit code, and says so in its output. Of a blind night nothing counts: one error,
/// and all else is skipped.
enum JUnitNight {
  /// The class of the cases that are of the night and not of a series.
  static let className = "bench.nightly"

  static func render(_ result: NightResult) -> String {
    let night = result.night
    let seconds = night.finished.timeIntervalSince(night.started)
    return JUnitDocument(
      suite: InertText.name(night.suite), timestamp: night.started.ISO8601Format(),
      hostname: InertText.name(night.host.hostname),
      time: seconds.isFinite ? String(format: "%.3f", max(0, seconds)) : nil,
      properties: properties(result), cases: cases(result)
    ).xml
  }

  private static func cases(_ result: NightResult) -> [JUnitDocument.TestCase] {
    var names: [String: DistinctNames] = [:]
    var left = result.confirmations
    var cases = [selfTest(result)]
    func add(_ test: JUnitDocument.TestCase) {
      var test = test
      test.name = names[test.className, default: DistinctNames()].name(test.name)
      cases.append(test)
    }
    // What was confirmed is told with the series that it is about; a count's or a level's, if it has no overhead.
    var owner: [Int: [NightResult.Confirmation]] = [:]
    for quantity in HistorySeries.Quantity.allCases {
      for (index, series) in result.series.enumerated() where series.series.quantity == quantity {
        owner[index] = left.filter { $0.concerns(series.series) }
        left.removeAll { $0.concerns(series.series) }
      }
    }
    for (index, series) in result.series.enumerated() { add(test(series, owner[index] ?? [], result)) }
    for confirmation in left { add(test(confirmation, result)) }
    if result.verdict.exitStatus == .failed && !cases.contains(where: { $0.outcome == .failure }) {
      let reason = InertText.line(result.reason)
      add(
        JUnitDocument.TestCase(
          className: className, name: "verdict", outcome: .failure, message: reason, type: result.verdict.rawValue))
    }
    return cases
  }

  private static func selfTest(_ result: NightResult) -> JUnitDocument.TestCase {
    let selfTest = result.selfTest
    let reason = InertText.line(selfTest.reason ?? "")
    var test = JUnitDocument.TestCase(
      className: className, name: "detector self-test",
      output: [
        ExportText.place(selfTest.metric, selfTest.workload, selfTest.environment, selfTest.scenario),
        ExportText.numbers(selfTest),
      ])
    if result.verdict == .blind {
      test.outcome = .error
      test.type = "blind"
      test.message = "detector blind: \(reason.isEmpty ? InertText.line(result.reason) : reason)"
    } else if !selfTest.isFound {
      test.outcome = .skipped
      test.message = reason.isEmpty ? "the detector was not tested" : reason
    }
    return test
  }

  private static func test(
    _ series: NightResult.Series, _ confirmations: [NightResult.Confirmation], _ result: NightResult
  ) -> JUnitDocument.TestCase {
    let key = series.series
    let reason = InertText.line(series.reason ?? "")
    let confirmed = confirmations.map { "\(ExportText.numbers($0)): \(InertText.line($0.reason))" }
    let standing = ExportText.standing(series)
    var test = JUnitDocument.TestCase(
      className: group(key.scenario, key.workload, key.environment),
      name: "\(key.metric.rawValue) \(key.quantity.rawValue)",
      output: [
        "\(ExportText.place(key)): \(series.state.rawValue)", "tonight: \(ExportText.value(series))", standing, reason,
      ].filter { !$0.isEmpty } + confirmed)
    let isWorse = series.state.fails || confirmations.contains(where: \.isWorse)
    if result.verdict == .blind {
      test.outcome = .skipped
      test.message = "no verdict: the detector is blind"
    } else if isWorse {
      test.outcome = .failure
      test.type = "regression"
      test.message =
        (["\(series.state.fails ? series.state.rawValue : "worse"): \(ExportText.value(series))", standing, reason]
        .filter { !$0.isEmpty } + confirmed)
        .joined(separator: "; ")
    } else if series.state == .collecting || series.state == .open {
      test.outcome = .skipped
      test.message = series.state.rawValue + (reason.isEmpty ? "" : ": \(reason)")
    } else if result.verdict == .inconclusive && series.state != .shown {
      test.outcome = .skipped
      test.message = "inconclusive: \(InertText.line(result.reason))"
    }
    return test
  }

  /// Of what was measured again and is of no series that tonight has.
  private static func test(_ confirmation: NightResult.Confirmation, _ result: NightResult) -> JUnitDocument.TestCase {
    let reason = InertText.line(confirmation.reason)
    var test = JUnitDocument.TestCase(
      className: group(confirmation.scenario, confirmation.workload, confirmation.environment),
      name: "\(confirmation.metric.rawValue) against the pinned worker",
      output: [ExportText.place(confirmation), ExportText.numbers(confirmation), reason].filter { !$0.isEmpty })
    if result.verdict == .blind {
      test.outcome = .skipped
      test.message = "no verdict: the detector is blind"
    } else if confirmation.isWorse {
      test.outcome = .failure
      test.type = "regression"
      test.message = "worse: \(ExportText.numbers(confirmation)): \(reason)"
    } else if confirmation.ratio == nil || result.verdict == .inconclusive {
      test.outcome = .skipped
      test.message = "inconclusive: \(confirmation.ratio == nil ? reason : InertText.line(result.reason))"
    }
    return test
  }

  private static func group(_ scenario: String, _ workload: String, _ environment: String) -> String {
    [scenario, workload, environment].map { InertText.name($0) }.joined(separator: ".")
  }

  private static func properties(_ result: NightResult) -> [(String, String)] {
    let night = result.night
    let epoch = result.epoch
    let properties: [(String, String)] = [
      ("verdict", result.verdict.rawValue), ("reason", InertText.line(result.reason)), ("exit", String(result.exit)),
      ("night", InertText.name(night.id)), ("title", InertText.line(night.title)), ("seed", String(night.seed)),
      ("epoch", "\(epoch.number), \(epoch.nights) nights before tonight"),
      ("new epoch", epoch.changes.map { InertText.line(ExportText.change($0)) }.joined(separator: "; ")),
      ("kernel", InertText.line(night.host.kernel)), ("processor", InertText.line(night.host.cpuModel ?? "")),
      ("bench", InertText.line(night.version)), ("worker sha256", InertText.line(night.workerSHA256)),
      ("baseline sha256", InertText.line(result.baseline?.workerSHA256 ?? "")),
      ("screened", "\(result.screening.screened) series against \(result.screening.nights) nights"),
      ("flagged", String(result.screening.flagged)), ("command", InertText.line(night.command)),
    ]
    return properties + result.objections.enumerated().map { ("objection \($0 + 1)", InertText.line($1)) }
      + result.notes.enumerated().map { ("note \($0 + 1)", InertText.line($1)) }
  }
}
