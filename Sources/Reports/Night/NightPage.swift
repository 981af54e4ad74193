internal import Foundation
internal import Model
internal import PlainText

/// A night arranged for reading, for every human format: it selects and formats, and what there is to compute, the night
/// has. All of its text is inert but not yet escaped.
struct NightPage {
  let night: NightResult

  init(_ night: NightResult) { self.night = night }

  // MARK: The top

  var title: String {
    let title = InertText.line(night.night.title, limit: 160)
    return title.isEmpty ? InertText.name(night.night.suite) : title
  }

  var id: String { InertText.name(night.night.id) }
  var suite: String { InertText.name(night.night.suite) }
  var host: String { InertText.name(night.night.host.hostname) }

  /// "Night 20261129-020000-7f3a of nightly, on host first, 2026-11-29 02:00:00 UTC".
  var subject: String { "Night \(id) of \(suite), on \(host), \(NumberFormat.date(night.night.started))" }

  /// What the night says: a word, a shape that says the same, and a sentence.
  struct Verdict {
    var shape: String
    var word: String
    var sentence: String
    /// The class of its colour.
    var tone: String
  }

  var verdict: Verdict {
    let reason = InertText.line(night.reason).withFullStop
    return Verdict(
      shape: night.verdict.shape, word: night.verdict.word,
      sentence: worse.isEmpty || night.verdict != .regression ? reason : regression, tone: night.verdict.tone)
  }

  /// Names the first regression with its number, and says how many there are.
  private var regression: String {
    guard let first = worse.first else { return "" }
    let rest = worse.count - 1
    let word = worse.dropFirst().contains(where: \.isChange) ? "worse or changed" : "worse"
    let more = rest == 0 ? "" : rest == 1 ? " One more series is \(word)." : " \(rest) more series are \(word)."
    return "\(first.title.withCapital): \(first.number), \(first.against).\(more)"
  }

  /// A regression.
  struct Worse {
    var title: String
    /// The name of the series.
    var code: String
    /// "1.10× [1.09, 1.11]", "4 → 5".
    var number: String
    /// What the number is.
    var against: String
    /// Whether it is a count, which fails in either direction.
    var isChange = false
  }

  /// What was confirmed, then what is exact and needs no confirming.
  var worse: [Worse] {
    let confirmed = night.confirmations.filter(\.isWorse)
    let counted = night.series.filter { row in
      row.state.fails && !confirmed.contains { $0.names(row.series) }
    }
    return confirmed.map { confirmation in
      let words = SeriesWords(confirmation.followed(in: night))
      return Worse(
        title: words.subject, code: words.code,
        number: confirmation.ratio.map { Self.ratio($0) } ?? "no estimate",
        against: (confirmation.isProgram == true
          ? "today's build ÷ the last good one" : "today's worker ÷ the pinned one")
          + ", \(confirmation.metric.worseWord)")
    }
      + counted.map { row in
        let words = SeriesWords(row.series, unit: row.unit)
        return Worse(
          title: words.title, code: words.code,
          number: row.expected.map { words.change(from: $0, to: row.value) } ?? words.value(row.value),
          against: (row.series.quantity == .count ? "counted" : words.measure)
            + ", \(row.value > (row.expected ?? 0) ? "more" : "fewer") than in the last good night",
          isChange: row.state == .changed)
      }
  }

  private static func ratio(_ interval: IntervalEstimate) -> String {
    RatioText(interval, places: max(3, RatioText.places(interval.low, interval.high))).whole
  }

  /// What to do, or to know, now: a sentence, and the command that does it.
  struct Step {
    var sentence: String
    var command: String?
  }

  var steps: [Step] {
    var steps: [Step] = []
    switch night.verdict {
    case .clean: break
    case .regression:
      if let first = worse.first {
        steps.append(
          Step(
            sentence: "See how the series went from night to night:",
            command: "bench history \(Self.word(first.code))"))
      }
      if let origin = night.baseline?.origin, let run = night.runs.first(where: { $0.role == .suite }) {
        steps.append(
          Step(
            sentence: "Compare tonight with what was measured when the baseline was pinned:",
            command: "bench compare \(Self.word(InertText.name(origin))) \(Self.word(InertText.name(run.id)))"))
      }
      let confirmed = night.confirmations.filter(\.isWorse)
      if confirmed.contains(where: { $0.isProgram == true }) {
        steps.append(
          Step(
            sentence:
              "If the change of your program is intended, make tonight's build the last good one: the commands of the "
              + "scenario that the suite names under 'last_good'."))
      }
      if confirmed.isEmpty || confirmed.contains(where: { $0.isProgram != true }) {
        steps.append(
          Step(
            sentence: "If the change is intended, pin tonight's worker, so that later nights are held against it:",
            command: "bench baseline set \(Self.word(id))"))
      }
    case .inconclusive:
      steps.append(
        Step(
          sentence:
            "Tonight does not count as clean, and no new baseline is pinned. Mend what is named here, or run it "
            + "again when the host is quiet:", command: Self.command(night.night.command)))
    case .incomplete:
      steps.append(
        Step(
          sentence:
            "What is missing was there when the suite was written: mend it, or take it out of the suite. What the "
            + "host can measure:", command: "bench doctor"))
    case .blind:
      steps.append(
        Step(
          sentence: "Nothing else that tonight says counts: a slowdown of this size would have gone unseen. Look for "
            + "what disturbs the host:", command: "bench doctor"))
    }
    steps += [newEpoch, collecting, firstNight, moved].compactMap(\.self).map { Step(sentence: $0) }
    if steps.isEmpty { steps.append(Step(sentence: "Nothing is to be done.")) }
    return steps
  }

  /// What changed in the host, on the first night after it.
  private var newEpoch: String? {
    guard night.epoch.isNew else { return nil }
    if night.epoch.number == 1 { return nil }
    let changes = night.epoch.changes.map {
      "\(InertText.line($0.subject, limit: 120)) \(InertText.line($0.a, limit: 200)) → \(InertText.line($0.b, limit: 200))"
    }
    let what = changes.isEmpty ? "" : " (\(changes.joined(separator: "; ")))"
    return
      "The host is not what it was\(what): epoch \(night.epoch.number) begins tonight. What moved with it is listed "
      + "and fails nothing, and history starts anew."
  }

  /// How many nights there are of those that it takes.
  private var collecting: String? {
    let screening = night.screening
    guard screening.nights < screening.needed else { return nil }
    let rest = night.baseline == nil ? "" : " A changed worker is held against the pinned one meanwhile."
    return "History is being collected: tonight was preceded by \(screening.nights) of the \(screening.needed) nights "
      + "that it takes before series are held against it.\(rest)"
  }

  private var firstNight: String? {
    guard night.baseline == nil, night.confirmations.isEmpty else { return nil }
    return "No worker is pinned yet, so nothing was held against one."
  }

  private var moved: String? {
    let count = night.series.count { $0.state == .moved }
    guard count > 0 else { return nil }
    return
      "\(NumberFormat.count(count, "overhead")) lie\(count == 1 ? "s" : "") further from history than chance explains "
      + "while the worker is the pinned one. That is of the host or of the night, and fails nothing; if it stays, it is "
      + "reported as a change point."
  }

  /// A word of a command line, in quotes where a shell would read more than a word.
  static func word(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy { scalar in
        scalar.isASCII
          && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            || "-_./:".unicodeScalars.contains(scalar))
      }
    return isPlain && !text.hasPrefix("-") ? text : "'\(text.replacing("'", with: "'\\''"))'"
  }

  private static func command(_ text: String) -> String? {
    let line = InertText.line(text, limit: 400)
    return line.isEmpty ? nil : line
  }

  // MARK: Validity

  struct Tile {
    var fact: String
    var shape: String
    var value: String
    var text: String
    var tone: String
  }

  /// Whether the night can be believed, and what it did.
  var tiles: [Tile] { [selfTestTile, runsTile, screeningTile, confirmationTile] }

  /// "1.10× put in, 1.098× [1.087, 1.110] seen".
  var selfTest: String {
    let test = night.selfTest
    let seen = test.ratio.map { "\(Self.ratio($0)) seen" } ?? "nothing could be estimated"
    return "\(NumberFormat.times(test.injected)) put in, \(seen)"
      + (test.pValue.map { ", \(NumberFormat.named("p", $0))" } ?? "")
  }

  private var selfTestTile: Tile {
    let test = night.selfTest
    let why = test.reason.map { ": " + InertText.line($0).withFullStop } ?? ""
    return Tile(
      fact: "self-test of the detector", shape: test.isFound ? "✓" : "!",
      value: test.isFound ? "found" : "not found", text: selfTest + why,
      tone: test.isFound ? NightVerdict.clean.tone : NightVerdict.blind.tone)
  }

  private var runsTile: Tile {
    let valid = night.runs.reduce(0) { $0 + $1.validBlocks }
    let voided = night.runs.reduce(0) { $0 + $1.voidedBlocks }
    let noise = HostNoise.allCases.compactMap { kind in
      let count = night.runs.count { $0.noise == kind }
      return count == 0 ? nil : count == night.runs.count ? "all \(kind.rawValue)" : "\(count) \(kind.rawValue)"
    }
    let isFit = night.objections.isEmpty && !night.runs.isEmpty
    return Tile(
      fact: "runs and control", shape: isFit ? "✓" : "?",
      value: isFit ? "fit to judge" : NumberFormat.count(night.objections.count, "objection"),
      text:
        "\(NumberFormat.count(night.runs.count, "run")), \(noise.isEmpty ? "no noise class" : noise.joined(separator: ", ")); "
        + "\(NumberFormat.count(valid, "valid block")), \(voided) voided. "
        + (night.objections.isEmpty ? "No control failed." : "What was objected to stands below."),
      tone: isFit ? NightVerdict.clean.tone : NightVerdict.inconclusive.tone)
  }

  private var screeningTile: Tile {
    let screening = night.screening
    if screening.nights < screening.needed {
      return Tile(
        fact: "screened against history", shape: "…", value: "collecting",
        text: "\(screening.nights) of \(NumberFormat.count(screening.needed, "night"))", tone: "unavailable")
    }
    let common =
      screening.common.map { "; all series alike lay at \(Self.shift($0)), which was taken out" } ?? ""
    return Tile(
      fact: "screened against history", shape: screening.flagged == 0 ? "✓" : "▲",
      value: "\(screening.flagged) of \(screening.screened) flagged",
      text: "against \(NumberFormat.count(screening.nights, "night"))\(common)",
      tone: screening.flagged == 0 ? NightVerdict.clean.tone : NightVerdict.inconclusive.tone)
  }

  private var confirmationTile: Tile {
    let worse = night.confirmations.count(where: \.isWorse)
    if night.confirmations.isEmpty {
      return Tile(
        fact: "today against pinned", shape: "–", value: "not measured",
        text: night.isWorkerPinned ? "they are the same file" : baselineSentence, tone: "unavailable")
    }
    return Tile(
      fact: "today against pinned", shape: worse == 0 ? "✓" : "✗",
      value: "\(worse) of \(night.confirmations.count) worse",
      text: "in fresh blocks tonight, in which both took turns",
      tone: worse == 0 ? NightVerdict.clean.tone : NightVerdict.regression.tone)
  }

  private var baselineSentence: String {
    night.baseline == nil ? "no worker is pinned yet" : "nothing had to be measured again, or nothing could be"
  }

  var objections: [String] { night.objections.map { InertText.line($0).withFullStop } }
  var notes: [String] { night.notes.map { InertText.line($0).withFullStop } }

  // MARK: Tables

  /// What was measured again; nil where nothing was.
  var confirmations: TextTable? {
    if night.confirmations.isEmpty { return nil }
    return TextTable(
      title: "Today's worker held against the pinned one", aside: "today ÷ pinned, one-sided p",
      first: "series", columns: ["ratio", "blocks", "p", "p after Holm", "finding"], wordColumn: 4,
      groups: [
        TextTable.Group(
          title: nil,
          rows: night.confirmations.map { confirmation in
            TextTable.Row(
              name: SeriesWords(confirmation.followed(in: night)).subject,
              cells: [
                confirmation.ratio.map { ratio in
                  let text = RatioText(ratio, places: max(3, RatioText.places(ratio.low, ratio.high)))
                  return TextTable.Cell(text: text.estimate + "×", detail: text.interval)
                } ?? .none,
                TextTable.Cell(text: "\(confirmation.blocks)"),
                TextTable.Cell(text: confirmation.pValue.map(NumberFormat.probability) ?? NumberFormat.none),
                TextTable.Cell(text: confirmation.adjustedP.map(NumberFormat.probability) ?? NumberFormat.none),
                TextTable.Cell(text: "\(confirmation.shape) \(InertText.line(confirmation.reason, limit: 300))"),
              ])
          })
      ])
  }

  /// A series that did something.
  struct Mover {
    var state: NightResult.Series.State
    var words: SeriesWords
    var value: TextTable.Cell
    /// "expected 1.281×, now 1.034× of that, t 4.1, p < 0.001".
    var sentence: String
    /// Why it is in its state; may be empty.
    var reason: String
    var recent: [Double]
    var point: (estimate: Double, low: Double, high: Double)
  }

  /// More than these are told of in the table of all series alone.
  static let mostMovers = 60

  /// Series that are not steady, the gravest first, each kind in the order of the suite.
  var movers: [Mover] { stirred.prefix(Self.mostMovers).map(mover) }

  /// How many are not among ``movers``.
  var furtherMovers: Int { max(0, stirred.count - Self.mostMovers) }

  private var stirred: [NightResult.Series] {
    NightResult.Series.State.stirring.flatMap { state in night.series.filter { $0.state == state } }
  }

  private func mover(_ row: NightResult.Series) -> Mover {
    let words = SeriesWords(row.series, unit: row.unit)
    let expected = row.expected.map { value in
      let before = night.epoch.isNew ? "before" : "expected"
      return row.series.quantity == .count
        ? words.change(from: value, to: row.value) : "\(before) \(words.value(value))"
    }
    let parts = [
      expected,
      // A count is told by its two numbers.
      row.series.quantity == .count ? nil : row.shift.map { "now \(Self.shift($0)) of that" },
      row.t.map { "t\(NumberFormat.gap)\(NumberFormat.decimal($0, places: 1))" },
      // It is one of "not worse", which says nothing of what got better.
      row.state == .better ? nil : row.pValue.map { NumberFormat.named("p", $0) },
    ].compactMap(\.self)
    return Mover(
      state: row.state, words: words, value: words.cell(row.value, low: row.low, high: row.high),
      sentence: parts.joined(separator: ", "), reason: row.reason.map { InertText.line($0, limit: 400) } ?? "",
      recent: row.recent.suffix(30).map(\.self), point: (row.value, row.low ?? row.value, row.high ?? row.value))
  }

  private static func shift(_ value: Double) -> String { NumberFormat.decimal(value, places: 3) + "×" }

  /// Where series changed their level and stayed; nil where none did.
  var changePoints: TextTable? {
    if night.changePoints.isEmpty { return nil }
    return TextTable(
      title: "Levels that changed and stayed", aside: "newest first; reported, fails nothing", first: "series",
      columns: ["since", "nights", "before → after", "p", "which is"], wordColumn: 4,
      groups: [
        TextTable.Group(
          title: nil,
          rows: night.changePoints.map { change in
            let words = SeriesWords(change.series)
            return TextTable.Row(
              name: words.title,
              cells: [
                TextTable.Cell(text: NumberFormat.day(change.started)), TextTable.Cell(text: "\(change.nights)"),
                TextTable.Cell(text: words.change(from: change.before, to: change.after)),
                TextTable.Cell(text: NumberFormat.probability(change.pValue)),
                TextTable.Cell(text: change.isWorse ? "▲ worse" : "▼ better"),
              ])
          })
      ])
  }

  /// Every series that tonight has, one group a workload.
  var everySeries: TextTable {
    var order: [String] = []
    var groups: [String: [NightResult.Series]] = [:]
    for row in night.series {
      let key = "\(InertText.name(row.series.scenario)): \(InertText.name(row.series.workload))"
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(row)
    }
    return TextTable(
      title: "Every series", aside: "overheads are environment ÷ baseline", first: "environment, metric",
      columns: ["tonight", "expected", "÷ expected", "t", "p", "state"], wordColumn: 5,
      groups: order.map { key in TextTable.Group(title: key, rows: (groups[key] ?? []).map(Self.row)) })
  }

  private static func row(_ row: NightResult.Series) -> TextTable.Row {
    let words = SeriesWords(row.series, unit: row.unit)
    return TextTable.Row(
      name: words.place,
      cells: [
        words.cell(row.value, low: row.low, high: row.high),
        TextTable.Cell(text: row.expected.map(words.value) ?? NumberFormat.none),
        TextTable.Cell(text: row.shift.map(shift) ?? NumberFormat.none),
        TextTable.Cell(text: row.t.map { NumberFormat.decimal($0, places: 1) } ?? NumberFormat.none),
        TextTable.Cell(text: row.pValue.map(NumberFormat.probability) ?? NumberFormat.none),
        TextTable.Cell(text: "\(row.state.shape) \(row.state.word)"),
      ])
  }

  /// "412 steady, 3 cleared, 1 worse".
  var states: String {
    NightResult.Series.State.allCases.compactMap { state in
      let count = night.series.count { $0.state == state }
      return count == 0 ? nil : "\(count) \(state.word)"
    }.joined(separator: ", ")
  }

  /// What the night was made from; nil where nothing was measured.
  var runs: TextTable? {
    if night.runs.isEmpty { return nil }
    return TextTable(
      title: "Runs", aside: "in the order in which they were measured", first: "run",
      columns: ["blocks", "voided", "took", "host", "what for"], wordColumn: 4,
      groups: [
        TextTable.Group(
          title: nil,
          rows: night.runs.map { run in
            TextTable.Row(
              name: InertText.name(run.id),
              cells: [
                TextTable.Cell(text: "\(run.validBlocks)"), TextTable.Cell(text: "\(run.voidedBlocks)"),
                TextTable.Cell(text: NumberFormat.duration(seconds: run.seconds)),
                TextTable.Cell(text: run.noise.rawValue),
                TextTable.Cell(text: "\(run.role.word), \(InertText.name(run.scenario))"),
              ])
          })
      ])
  }

  // MARK: How it was done

  struct Fact {
    var name: String
    var value: String
    var isCode = false
  }

  var facts: [Fact] {
    let run = night.night
    let host = run.host
    let processor = [host.cpuModel, NumberFormat.count(host.cpuCount, "CPU"), host.virtualization].compactMap(\.self)
    let test = night.selfTest
    var facts = [
      Fact(
        name: "verdict",
        value: "\(night.verdict.word), exit code \(night.exit): \(InertText.line(night.reason).withFullStop)"),
      Fact(name: "night", value: id, isCode: true), Fact(name: "suite", value: suite),
      Fact(
        name: "time",
        value: "\(NumberFormat.date(run.started)) to \(NumberFormat.date(run.finished)), "
          + NumberFormat.duration(seconds: run.finished.timeIntervalSince(run.started))),
      Fact(
        name: "host",
        value:
          "\(InertText.name(host.hostname)), \(InertText.line("Linux \(host.kernel) \(host.architecture)", limit: 120)), "
          + processor.map { InertText.line($0, limit: 80) }.joined(separator: ", ")),
      Fact(
        name: "epoch",
        value: "\(night.epoch.number), since \(NumberFormat.day(night.epoch.started)), "
          + "\(NumberFormat.count(night.epoch.nights, "night")) before tonight"
          + (night.epoch.isNew ? "; tonight opens it" : "")),
      Fact(name: "worker", value: InertText.line(run.workerSHA256, limit: 80), isCode: true),
      Fact(name: "program", value: "bench \(InertText.line(run.version, limit: 40))"),
      Fact(name: "seed", value: "\(run.seed)", isCode: true),
    ]
    if let command = Self.command(run.command) { facts.append(Fact(name: "command", value: command, isCode: true)) }
    if let baseline = night.baseline {
      facts.append(
        Fact(name: "pinned worker", value: InertText.line(baseline.workerSHA256, limit: 80), isCode: true))
      facts.append(Fact(name: "pinned", value: Self.pinned(baseline)))
      facts += baseline.fingerprint.map {
        Fact(name: "pinned on, \(InertText.line($0.subject, limit: 60))", value: InertText.line($0.value, limit: 200))
      }
    }
    facts.append(
      Fact(
        name: "self-test",
        value: "\(test.metric.title) of \(InertText.name(test.workload)) in \(InertText.name(test.environment)) of "
          + "\(InertText.name(test.scenario)): \(selfTest)"))
    facts += night.epoch.changes.map {
      Fact(
        name: "changed, \(InertText.line($0.subject, limit: 60))",
        value: "\(InertText.line($0.a, limit: 200)) → \(InertText.line($0.b, limit: 200))")
    }
    return facts
  }

  /// "by hand on 2026-11-20, from 20261120-020000-11aa".
  private static func pinned(_ baseline: PinnedBaseline) -> String {
    let who = baseline.isManual ? "by hand" : "by a clean night"
    let origin = baseline.origin.map { ", from \(InertText.name($0))" } ?? ", from a file"
    let stays = baseline.isManual ? "; no clean night moves it on" : ""
    return "\(who) on \(NumberFormat.day(baseline.pinned))\(origin)\(stays)"
  }

  /// How the verdict comes about, each a sentence.
  var method: [String] {
    [
      "Of the host: each overhead is environment ÷ baseline within a run, one value a night. It is flagged where, less what "
        + "all series did alike, it lies further on the worse side of the epoch's history than chance explains (p < 0.01) "
        + "and by 2\(NumberFormat.gap)% or more. While the worker is the pinned one, that is reported and fails nothing.",
      "Of the program: where tonight's worker is not the pinned one, both take turns in fresh randomised blocks of the same "
        + "environment. A regression is an exact one-sided Wilcoxon test over ln(today ÷ pinned) below 0.005 after Holm, "
        + "and an estimate that is worse by 2\(NumberFormat.gap)% or more.",
      "Counts, which every block repeats, are compared as they are: within an epoch any change fails.",
      "A changed host (kernel, processor, engines, suite) opens a new epoch. A level that changed and stayed for 3 nights or "
        + "more is a change point (E-divisive, p ≤ 0.00001). Both are reported and fail nothing.",
      "The detector tests itself each night: a slowdown of known size is put into the worker, and must be found by the rule "
        + "that judges the program. If it is not, the night says nothing.",
    ]
  }
}

// MARK: - Words

extension NightVerdict {
  /// Says the same as the word, for the eye.
  var shape: String {
    switch self {
    case .clean: "✓"
    case .regression: "✗"
    case .inconclusive: "?"
    case .incomplete, .blind: "!"
    }
  }

  var word: String {
    switch self {
    case .clean: "clean"
    case .regression: "regression"
    case .inconclusive: "inconclusive"
    case .incomplete: "incomplete"
    case .blind: "detector blind"
    }
  }

  /// The class of its colour.
  var tone: String {
    switch self {
    case .clean: "supported"
    case .regression: "refuted"
    case .inconclusive: "inconclusive"
    case .incomplete, .blind: "blind"
    }
  }
}

extension NightResult.Series.State {
  /// Those that are told one by one, the gravest first.
  static let stirring: [Self] = [.worse, .changed, .open, .moved, .shifted, .better, .cleared]

  var word: String {
    switch self {
    case .open: "not confirmed tonight"
    case .shown: "only shown"
    case .collecting, .steady, .cleared, .worse, .changed, .better, .shifted, .moved: rawValue
    }
  }

  var shape: String {
    switch self {
    case .collecting: "…"
    case .steady: "="
    case .cleared: "✓"
    case .worse, .changed: "✗"
    case .open: "?"
    case .better: "▽"
    case .shifted: "↷"
    case .moved: "▲"
    case .shown: "·"
    }
  }

  /// The class of its colour.
  var tone: String {
    switch self {
    case .worse, .changed: NightVerdict.regression.tone
    case .open, .moved: NightVerdict.inconclusive.tone
    case .cleared, .better: NightVerdict.clean.tone
    case .collecting, .steady, .shifted, .shown: "unavailable"
    }
  }
}

extension NightRecord.Part.Role {
  var word: String {
    switch self {
    case .suite: "the suite"
    case .selfTest: "self-test of the detector"
    case .confirmation: "today against pinned"
    }
  }
}

extension NightResult.Confirmation {
  var shape: String { isWorse ? "✗" : ratio == nil ? "?" : "✓" }

  /// Whether it is about what `series` follows.
  func names(_ series: HistorySeries) -> Bool {
    series.scenario == scenario && series.workload == workload && series.environment == environment
      && series.metric == metric
  }

  /// The series of the night that it is about: its overhead, or, in the baseline, its level.
  func followed(in night: NightResult) -> HistorySeries {
    let matches = night.series.map(\.series).filter(names)
    return matches.first { $0.quantity != .level } ?? matches.first
      ?? HistorySeries(
        scenario: scenario, workload: workload, environment: environment, metric: metric,
        quantity: metric.isCount ? .count : .overhead)
  }
}

extension NightResult {
  /// Whether tonight's worker is the very file that is pinned.
  var isWorkerPinned: Bool { baseline?.workerSHA256 == night.workerSHA256 }
}

extension Metric {
  /// What a worse value is called.
  var worseWord: String { isCost ? comparatives.above : comparatives.below }
}
