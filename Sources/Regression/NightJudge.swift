internal import Foundation
public import Model
internal import Statistics

/// From a night's evidence to its verdict. Pure: the same evidence gives the same result.
///
/// What each kind of series can do is written down once, here:
/// - an **overhead** (of the host) is screened against its history. Flagged, it is confirmed in fresh blocks where
///   tonight's worker is not the pinned one; where it is, it has moved with the host and is reported.
/// - a **worker** that is not the pinned one is held against it directly. Where it is worse, that fails.
/// - a **count** that differs from that of the last good night fails, in whichever direction.
/// - what stays at a new level for some nights is a **change point**: reported.
public enum NightJudge {
  /// Of tonight's values, those that are to be measured again in fresh blocks, where there is another worker to measure
  /// them against.
  /// - Returns: names of overheads, in the order of `values`.
  public static func flagged(_ values: [SeriesValue], history: NightHistory) -> [HistorySeries] {
    let screen = Screen(values, history)
    return values.map(\.series).filter { screen.screened[$0]?.isFlagged ?? false }
  }

  /// The night, judged.
  public static func judge(_ evidence: NightEvidence) -> NightResult {
    NightJudgement(evidence).result
  }

  /// Nights that a series' recent values go back.
  static let recentNights = 30
  /// A change point is reported for so many nights after it has come about.
  static let changePointNights = 14
}

/// The overheads of a night, screened.
struct Screen {
  let outcome: ScreeningOutcome
  let screened: [HistorySeries: ScreenedSeries]

  init(_ values: [SeriesValue], _ history: NightHistory) {
    let overheads = values.filter { $0.series.quantity == .overhead }
    let rows = Dictionary(zip(history.series, history.values), uniquingKeysWith: { first, _ in first })
    let none = [Double?](repeating: nil, count: history.nights.count)
    outcome = Screening.screen(
      history: overheads.map { (rows[$0.series] ?? none).map { $0.map { log($0) } } },
      tonight: overheads.map { log($0.value) }, isCost: overheads.map(\.series.isCost))
    var screened: [HistorySeries: ScreenedSeries] = [:]
    for (value, result) in zip(overheads, outcome.series) { screened[value.series] = result }
    self.screened = screened
  }
}

private struct NightJudgement {
  let evidence: NightEvidence
  let values: [SeriesValue]
  let screen: Screen
  let confirmations: [NightResult.Confirmation]
  private let history: [HistorySeries: [Double?]]

  init(_ evidence: NightEvidence) {
    self.evidence = evidence
    values = evidence.values
    screen = Screen(values, evidence.history)
    confirmations = Self.confirm(evidence.duels)
    history = Dictionary(
      zip(evidence.history.series, evidence.history.values), uniquingKeysWith: { first, _ in first })
  }

  var result: NightResult {
    let series = values.map(judge)
    let objections = objections
    let (verdict, reason) = verdict(series, objections)
    return NightResult(
      night: evidence.night, verdict: verdict, reason: reason, epoch: evidence.epoch, objections: objections,
      notes: evidence.notes, selfTest: evidence.selfTest, baseline: evidence.baseline,
      screening: NightResult.Screening(
        nights: evidence.history.nights.count, needed: Screening.nightsNeeded,
        common: screen.outcome.common.map { exp($0) }, screened: screen.screened.count,
        flagged: screen.screened.values.count { $0.isFlagged }),
      series: series, confirmations: confirmations, changePoints: changePoints,
      runs: evidence.runs.map(Self.summary))
  }

  // MARK: - Series

  private func judge(_ value: SeriesValue) -> NightResult.Series {
    let row = (history[value.series] ?? []).compactMap { $0 }
    var series = NightResult.Series(
      series: value.series, unit: value.series.quantity == .overhead ? .one : value.series.metric.unit, state: .shown,
      value: value.value, low: value.low, high: value.high, recent: Array(row.suffix(NightJudge.recentNights)))
    series.expected = row.isEmpty ? evidence.before[value.series] : Descriptive.median(row)
    series.shift = series.expected.flatMap { $0 > 0 ? value.value / $0 : nil }
    switch value.series.quantity {
    case .count: judge(count: &series)
    case .overhead: judge(overhead: &series)
    case .level: break
    }
    if let worse = confirmation(of: value.series), worse.isWorse {
      series.state = .worse
      series.reason = worse.reason
    }
    return series
  }

  private func judge(count series: inout NightResult.Series) {
    guard let good = evidence.goodCounts[series.series] else {
      let before = evidence.before[series.series] ?? series.value
      series.state = CountGate.change(to: series.value, from: before) == nil ? .collecting : .shifted
      return
    }
    series.expected = good
    series.shift = good > 0 ? series.value / good : nil
    series.reason = CountGate.change(to: series.value, from: good)
    series.state = series.reason == nil ? .steady : .changed
  }

  private func judge(overhead series: inout NightResult.Series) {
    if evidence.epoch.isNew {
      guard let before = evidence.before[series.series], before > 0 else {
        series.state = .collecting
        return
      }
      // One night on either side: what tonight's own interval reaches back to has not been seen to shift.
      let isBeyond = before < series.low ?? series.value || before > series.high ?? series.value
      let isLarge = abs(log(series.value / before)) >= log(1 + Screening.smallestEffect)
      series.state = isBeyond && isLarge ? .shifted : .collecting
      return
    }
    guard let screened = screen.screened[series.series] else {
      series.state = .collecting
      return
    }
    series.expected = exp(screened.median)
    series.shift = exp(screened.shift)
    series.t = screened.t
    series.pValue = screened.pValue
    if screened.isBetter {
      series.state = .better
    } else if !screened.isFlagged {
      series.state = .steady
    } else if let confirmation = confirmation(of: series.series) {
      // A worse one is said where all series are.
      series.state = .cleared
      series.reason = confirmation.reason
    } else if evidence.isWorkerPinned {
      series.state = .moved
      series.reason =
        "The worker is the pinned one, so it is the host that has moved: a change that stays becomes a change point."
    } else {
      series.state = .open
      series.reason = evidence.confirmationObstacle ?? "It was not measured again."
    }
  }

  private func confirmation(of series: HistorySeries) -> NightResult.Confirmation? {
    confirmations.first {
      $0.scenario == series.scenario && $0.workload == series.workload && $0.environment == series.environment
        && $0.metric == series.metric
    }
  }

  private static func confirm(_ duels: [WorkerDuel]) -> [NightResult.Confirmation] {
    let confirmed = Confirming.judge(
      duels.map { Candidate(differences: $0.differences, isCost: $0.metric.isCost, against: $0.good) })
    return zip(duels, confirmed).map { duel, confirmed in
      NightResult.Confirmation(
        scenario: duel.scenario, workload: duel.workload, environment: duel.environment, metric: duel.metric,
        blocks: duel.differences.count, ratio: confirmed.ratio, pValue: confirmed.pValue,
        adjustedP: confirmed.adjustedP, isWorse: confirmed.isWorse, isProgram: duel.isProgram ? true : nil,
        reason: duel.obstacle.map { Sentence.ended("It could not be held against \(duel.good): \($0)") }
          ?? confirmed.reason)
    }
  }

  private var changePoints: [NightResult.ChangePoint] {
    // A night that counts for nothing is no part of a level.
    let tonight = evidence.night
    return values.flatMap { value -> [NightResult.ChangePoint] in
      guard value.series.quantity != .level, let row = history[value.series] else { return [] }
      var points = zip(evidence.history.nights, row).compactMap { night, value in
        value.map {
          HistoryPoint(night: night.id, started: night.started, epoch: evidence.epoch.number, value: $0)
        }
      }
      points.append(
        HistoryPoint(
          night: tonight.id, started: tonight.started, epoch: evidence.epoch.number, value: value.value))
      return ChangePoints.find(points, of: value.series).filter { $0.nights <= NightJudge.changePointNights }
    }.sorted { ($0.started, $1.series.name) > ($1.started, $0.series.name) }
  }

  // MARK: - Verdict

  private func verdict(_ series: [NightResult.Series], _ objections: [String]) -> (NightVerdict, String) {
    let selfTest = evidence.selfTest
    guard selfTest.isFound else {
      // What could not even be looked at is the host's fault, and not the detector's.
      if selfTest.pValue == nil {
        return (
          .inconclusive,
          Sentence.ended("The detector could not be tested: \(selfTest.reason ?? "there was no comparison")")
        )
      }
      return (
        .blind,
        Sentence.ended("The detector is blind: \(selfTest.reason ?? "the slowdown that was put in was not found")")
          + " A real slowdown of that size would not have been found either."
      )
    }
    if let missing = missing.first {
      return (.incomplete, missing)
    }
    let worse = worseNames(series)
    if !worse.isEmpty {
      let shown = worse.prefix(3).joined(separator: "; ")
      let rest = worse.count > 3 ? "; and \(worse.count - 3) more" : ""
      let word = series.contains { $0.state == .changed } ? "worse or changed" : "worse"
      return (.regression, "\(Self.count(worse.count, "series")) \(word): \(shown)\(rest).")
    }
    if let objection = objections.first { return (.inconclusive, objection) }
    let open = series.filter { $0.state == .open }
    if !open.isEmpty {
      return (
        .inconclusive,
        "\(Self.count(open.count, "series")) further from history than chance explains, and not measured again: "
          + (evidence.confirmationObstacle ?? "see each.")
      )
    }
    let undecided = confirmations.filter { $0.pValue == nil }
    if let first = undecided.first {
      return (
        .inconclusive,
        "\(undecided.count) of \(confirmations.count) comparisons with the pinned worker could not be made. \(first.reason)"
      )
    }
    return (.clean, cleanReason(series))
  }

  /// "1 series is", "2 series are".
  private static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun) \(count == 1 ? "is" : "are")" }

  /// What is worse, each with its number: the worker where it was held against the pinned one, and counts.
  private func worseNames(_ series: [NightResult.Series]) -> [String] {
    let duels = confirmations.filter(\.isWorse).map { confirmation in
      let name = [
        confirmation.scenario, confirmation.workload, confirmation.environment, confirmation.metric.rawValue,
      ].joined(separator: "/")
      let number = confirmation.ratio.map {
        " \(Self.hundredths($0.estimate))× [\(Self.hundredths($0.low)), \(Self.hundredths($0.high))]"
      }
      return name + (number ?? "")
    }
    let counts = series.filter { $0.state == .changed }.map {
      "\($0.series.name) \(Self.number($0.value)) instead of "
        + Self.number($0.expected ?? .nan)
    }
    return duels + counts
  }

  private static func number(_ value: Double) -> String { String(format: "%.6g", value) }

  private static func hundredths(_ value: Double) -> String { String(format: "%.2f", value) }

  private func cleanReason(_ series: [NightResult.Series]) -> String {
    if evidence.epoch.isNew, !evidence.epoch.changes.isEmpty {
      let subjects = evidence.epoch.changes.map(\.subject).joined(separator: ", ")
      let shifted = series.count { $0.state == .shifted }
      return "A new epoch has begun (\(subjects)): history starts anew, and nothing fails. "
        + "\(shifted) of \(series.count) series lie elsewhere than before."
    }
    var sentences: [String] = []
    if !confirmations.isEmpty {
      sentences.append(
        "In none of \(confirmations.count) comparisons is tonight's worse than what was good.")
    } else if evidence.baseline == nil {
      sentences.append("The first night: its worker is what later ones are held against.")
    }
    let screened = screen.screened.count
    let moved = series.count { $0.state == .moved }
    if screened > 0 {
      sentences.append(
        moved == 0
          ? "None of \(screened) series lies further from its history than chance explains."
          : "\(moved) of \(screened) series lie further from their history than chance explains, with the same worker.")
    } else {
      sentences.append(
        "History has \(evidence.history.nights.count) of the \(Screening.nightsNeeded) nights that screening takes.")
    }
    return sentences.joined(separator: " ")
  }

  /// What the suite names and the host could not measure, a sentence each.
  private var missing: [String] {
    evidence.suiteRuns.flatMap { run in
      run.environments.compactMap { environment in
        environment.unavailable.map {
          Sentence.ended(
            "Environment '\(environment.name)' of \(run.run.scenario) could not be measured: \($0)")
        }
      }
    }
  }

  private var objections: [String] {
    evidence.suiteRuns.flatMap { result in
      let name = result.run.scenario
      return result.obstacles.map { obstacle in
        switch obstacle {
        case .injected(let injection): "\(name): a slowdown was put into the worker on purpose (\(injection))."
        case .failedControl(let workload, let reason):
          Sentence.ended("\(name): the control of \(workload) failed: \(reason)")
        case .voided(let voided, let blocks):
          "\(name): \(voided) of \(blocks) blocks were voided, more than a quarter: the rest is no fair sample."
        case .tooFewBlocks(let valid):
          "\(name): \(valid) valid block\(valid == 1 ? "" : "s"), and an interval needs at least "
            + "\(RunResult.fewestBlocks)."
        case .hostile: "\(name): the host was hostile to measuring: its timings cannot be trusted."
        }
      }
    }
  }

  private static func summary(_ run: NightEvidence.Run) -> NightResult.Run {
    let summary = run.result.run
    return NightResult.Run(
      role: run.role, id: summary.id, scenario: summary.scenario, validBlocks: summary.validBlocks,
      voidedBlocks: summary.voidedBlocks, noise: run.result.noise.overall,
      seconds: summary.finished.map { $0.timeIntervalSince(summary.started) } ?? 0)
  }
}
