internal import Foundation
internal import Model
internal import PlainText

/// A comparison of two runs arranged for reading, for every human format: it selects and formats, and what there is to
/// compute, the comparison has. All of its text is inert but not yet escaped.
struct ComparisonPage {
  let comparison: RunComparison

  init(_ comparison: RunComparison) { self.comparison = comparison }

  /// Beyond a workload's headline metric, a change is told among the changes if its q-value is no larger.
  static let largestQ = 0.05

  // MARK: The top

  var title: String {
    let names = [comparison.a, comparison.b].map { run in
      let title = InertText.line(run.title, limit: 120)
      return title.isEmpty ? InertText.name(run.scenario) : title
    }
    return names[0] == names[1] ? "\(names[0]): two runs compared" : "\(names[0]), and \(names[1]): two runs compared"
  }

  struct Alarm {
    var heading: String
    var sentences: [String]
  }

  /// At most six, and how many more there are.
  private static func few(_ subjects: [String]) -> String {
    subjects.count <= 6 ? subjects.listed : (Array(subjects.prefix(5)) + ["\(subjects.count - 5) more"]).listed
  }

  /// What keeps findings from being had: the first thing that is said.
  var alarm: Alarm? {
    let refusals = comparison.refused.map { refused in
      "The workload \(InertText.name(refused.workload)) is not the same work in both runs, and is not compared: "
        + "A has \(InertText.line(refused.a, limit: 400)); B has \(InertText.line(refused.b, limit: 400))."
    }
    let sentences =
      comparison.objections.map { "Run \($0.run.letter): \(InertText.line($0.reason).withFullStop)" } + refusals
    if sentences.isEmpty && comparison.hasFinding { return nil }
    let heading: String
    if !comparison.hasFinding {
      heading = "No finding can be had from these runs"
    } else if comparison.objections.contains(where: { $0.workload == nil }) {
      heading = "Nothing can be concluded from these runs but counts that every trial repeats"
    } else {
      let names = Presentation.distinct(
        comparison.objections.compactMap(\.workload) + comparison.refused.map(\.workload))
      heading = "No finding can be had of \(names.map { InertText.name($0) }.listed)"
    }
    return Alarm(
      heading: heading,
      sentences: sentences.isEmpty ? ["Each comparison has an obstacle of its own; the notes name them."] : sentences)
  }

  struct Run {
    var letter: String
    /// Name and value of each fact.
    var facts: [(name: String, value: String)]
  }

  /// What is compared.
  var runs: [Run] {
    [(RunSide.a, comparison.a), (.b, comparison.b)].map { side, run in
      let host = run.host
      let processor = [host.cpuModel, NumberFormat.count(host.cpuCount, "CPU"), host.virtualization].compactMap(\.self)
      return Run(
        letter: side.letter,
        facts: [
          ("run", InertText.name(run.id)),
          ("scenario", "\(InertText.name(run.scenario)), \(run.profile.rawValue)"),
          ("started", NumberFormat.date(run.started)),
          (
            "host",
            "\(InertText.name(host.hostname)), \(InertText.line("Linux \(host.kernel) \(host.architecture)", limit: 120)), "
              + processor.map { InertText.line($0, limit: 80) }.joined(separator: ", ")
          ),
          ("blocks", "\(run.validBlocks) valid, \(run.voidedBlocks) voided; the host was \(run.noise.rawValue)"),
        ])
    }
  }

  /// What a reader must know before the numbers, each a sentence.
  var warnings: [String] {
    func differs(_ kind: FactDifference.Kind) -> [String] {
      comparison.differences.filter { $0.kind == kind }.map { InertText.line($0.subject, limit: 120) }
    }
    var warnings: [String] = []
    let program = differs(.program)
    if !program.isEmpty {
      warnings.append(
        "Not the same program measured (\(program.listed) differ\(program.count == 1 ? "s" : "")): a change may be of the "
          + "program, not of what it measures.")
    }
    let work = differs(.work)
    if !work.isEmpty {
      warnings.append("Not the same thing was measured everywhere: see \(Self.few(work)) below.")
    }
    if differs(.sampling).contains("window") {
      warnings.append(
        "The windows differ in length: tails of the distribution are sampled more deeply in the longer one.")
    }
    return warnings
  }

  struct Difference {
    var subject: String
    var a: String
    var b: String
  }

  /// The facts in which the runs differ, by kind; kinds without any are left out.
  var differences: [(title: String, rows: [Difference])] {
    FactDifference.Kind.allCases.compactMap { kind in
      let rows = comparison.differences.filter { $0.kind == kind }.map {
        Difference(
          subject: InertText.line($0.subject, limit: 120), a: InertText.line($0.a, limit: 400),
          b: InertText.line($0.b, limit: 400))
      }
      return rows.isEmpty ? nil : (kind.title, rows)
    }
  }

  /// What all comparisons together say, in sentences.
  var answer: [String] {
    func sentence(_ noun: String, _ changes: [SeriesChange]) -> String? {
      guard !changes.isEmpty else { return nil }
      func count(_ finding: SeriesChange.Finding) -> Int { changes.count { $0.finding == finding } }
      let parts = [
        (count(.higher), "higher in B"), (count(.lower), "lower in B"), (count(.same), "the same"),
        (count(.noDifferenceFound), "without a difference found"), (count(.undecided), "undecided"),
      ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
      return "Of \(NumberFormat.count(changes.count, noun)): \(parts.joined(separator: ", "))."
    }
    let headlines = comparison.series.filter { isHeadline($0) }
    return [
      sentence("headline overhead", headlines.compactMap(\.overhead)),
      sentence("headline level", headlines.compactMap(\.level)),
    ].compactMap(\.self)
  }

  /// "99 %".
  var confidence: String { NumberFormat.confidence(comparison.confidence) }

  /// How the numbers come about, each a sentence.
  var method: [String] {
    [
      "Level: B ÷ A of the metric itself, two independent samples of trials; the Hodges–Lehmann estimate with a "
        + "\(confidence) rank-sum interval, as wide as unequal spreads ask for.",
      "Overhead: environment ÷ baseline, paired by block within each run, then compared likewise, so that a host that is "
        + "faster altogether does not show in it.",
      "Counts that every trial of a run repeats are compared as they are, without an interval.",
      "q is the two-sided p-value adjusted over all intervals of the comparison by Benjamini and Hochberg.",
      "The intervals are about these two runs. What differs from run to run on one and the same host is in none of them: "
        + "two runs of one host, compared, show how much that is.",
    ]
  }

  // MARK: Workloads

  /// A workload's headline metric, the changes of its other metrics, and all of them.
  struct Section {
    var workload: String
    var headline: ComparisonTable
    var levels: Figure?
    var overheads: Figure?
    /// Changes of other metrics, one a line.
    var changes: [String]
    /// What the list of changes leaves out; nil where it leaves nothing out.
    var remark: String?
    var further: [ComparisonTable]

    /// What is to be said where nothing is listed; nil where something is, or where there is no other metric.
    var silence: String? {
      guard changes.isEmpty, remark == nil, !further.isEmpty else { return nil }
      let metrics = NumberFormat.count(further.count, "more metric")
      let findings = further.flatMap(\.rows).flatMap { [$0.level?.finding, $0.overhead?.finding] }.compactMap(\.self)
      let undecided = findings.count { $0 == .undecided }
      if undecided == findings.count { return "Nothing can be said of \(metrics)." }
      return "No change was found in \(metrics)"
        + (undecided > 0 ? "; \(undecided) of their \(findings.count) comparisons are undecided." : ".")
    }
  }

  var sections: [Section] {
    Presentation.distinct(comparison.series.map(\.workload)).enumerated().compactMap { index, workload in
      let rows = comparison.series.filter { $0.workload == workload }
      let metrics = Presentation.distinct(rows.map(\.metric.rawValue)).compactMap(Metric.init(rawValue:))
      let tables = metrics.map { metric in
        ComparisonTable(
          metric: metric, kind: kind(workload), baseline: comparison.a.baseline,
          rows: rows.filter { $0.metric == metric })
      }
      let main = kind(workload).flatMap { kind in tables.first { $0.metric == kind.headline } } ?? tables.first
      guard let main else { return nil }
      let others = tables.filter { $0.metric != main.metric }
      let (changes, remark) = Self.changes(others)
      return Section(
        workload: InertText.name(workload), headline: main,
        levels: ComparisonFigure.make(
          main, of: .level, id: "level-\(index)", workload: InertText.name(workload), confidence: confidence),
        overheads: ComparisonFigure.make(
          main, of: .overhead, id: "overhead-\(index)", workload: InertText.name(workload), confidence: confidence),
        changes: changes, remark: remark, further: others)
    }
  }

  private func kind(_ workload: String) -> WorkloadSpec.Kind? {
    comparison.a.kinds[workload] ?? comparison.b.kinds[workload]
  }

  private func isHeadline(_ series: ComparedSeries) -> Bool { kind(series.workload)?.headline == series.metric }

  private static func changes(_ tables: [ComparisonTable]) -> (lines: [String], remark: String?) {
    var lines: [String] = []
    var unsure = 0
    for table in tables {
      for row in table.rows {
        for (what, change) in [("", row.level), ("overhead ", row.overhead)] {
          guard let change, change.finding == .higher || change.finding == .lower else { continue }
          if let q = change.q, q > largestQ {
            unsure += 1
            continue
          }
          let q = change.q.map { ", q \(NumberFormat.probability($0))" } ?? ""
          lines.append("\(table.title), \(row.name): \(what)\(change.text) \(change.words)\(q)")
        }
      }
    }
    let remark =
      unsure == 0
      ? nil
      : "\(NumberFormat.count(unsure, "more interval")) of other metrics exclude\(unsure == 1 ? "s" : "") no difference, but "
        + "with q > \(NumberFormat.plain(largestQ)): so many questions make some of that by chance."
    return (lines, remark)
  }

  // MARK: The rest

  /// Why comparisons are undecided or missing where it was not said above: a sentence for each reason.
  var notes: [String] {
    var reasons: [(text: String, places: [(name: String, metrics: [String])])] = []
    func add(_ reason: String?, _ place: String, _ metric: String) {
      guard let reason else { return }
      let text = InertText.line(reason, limit: 400)
      let index = reasons.firstIndex { $0.text == text } ?? reasons.endIndex
      if index == reasons.endIndex { reasons.append((text, [])) }
      let places = reasons[index].places
      let other = places.firstIndex { $0.name == place } ?? places.endIndex
      if other == places.endIndex { reasons[index].places.append((place, [])) }
      reasons[index].places[other].metrics.append(metric)
    }
    let known = Set(comparison.objections.map { "\($0.run.letter): \($0.reason)" })
    for series in comparison.series {
      let title = series.metric.title(of: kind(series.workload))
      let place = "\(InertText.name(series.workload)) in \(InertText.name(series.environment))"
      for (obstacle, note, name) in [
        (series.level?.obstacle, series.levelNote, title),
        (series.overhead?.obstacle, series.overheadNote, "overhead in \(title)"),
      ] {
        if let obstacle, !known.contains(obstacle) { add(obstacle, place, name) }
        add(note, place, name)
      }
    }
    return reasons.map { reason in
      let places = reason.places.map { "\($0.name) (\(Self.shortened($0.metrics, to: 3, separator: ", ")))" }
      return "\(Self.shortened(places, to: 4, separator: "; ")): \(reason.text.withFullStop)"
    }
  }

  private static func shortened(_ list: [String], to most: Int, separator: String) -> String {
    // One more takes no more room than saying so.
    let shown = list.count <= most + 1 ? list : list.prefix(most) + ["and \(list.count - most) more"]
    return shown.joined(separator: separator)
  }

  /// What one run alone has, each a line.
  var unmatched: [String] {
    [(RunSide.a, comparison.onlyInA), (.b, comparison.onlyInB)].flatMap { side, names in
      Presentation.distinct(names.map(\.workload)).flatMap { workload in
        let inWorkload = names.filter { $0.workload == workload }
        return Presentation.distinct(inWorkload.map(\.environment)).map { environment in
          let metrics = inWorkload.filter { $0.environment == environment }.map { $0.metric.title(of: kind(workload)) }
          let shown = metrics.count > 4 ? NumberFormat.count(metrics.count, "metric") : metrics.joined(separator: ", ")
          return "only in \(side.letter): \(InertText.name(workload)) in \(InertText.name(environment)) (\(shown))"
        }
      }
    }
  }
}

extension RunSide {
  var letter: String { rawValue.uppercased() }
}

extension FactDifference.Kind {
  var title: String {
    switch self {
    case .program: "What measured"
    case .work: "What was measured"
    case .host: "The hosts"
    case .sampling: "How it was sampled"
    }
  }
}
