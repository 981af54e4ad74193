internal import Model
internal import PlainText

/// A night in GitHub's Markdown, for `$GITHUB_STEP_SUMMARY`.
///
/// A step's summary of more than 1 MiB is not shown at all
/// (https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions#step-isolation-and-limits): where the
/// night has more to say, whole lines are left out from the end of each list, and a line says how many and where they are.
enum GitHubSummary {
  /// In bytes of UTF-8.
  static let longest = 1_048_576

  /// - Parameter limit: the most bytes that the document may have; for tests. Below some thousand it cannot be kept.
  static func render(_ result: NightResult, limit: Int = longest) -> String {
    var document = Document(limit: limit)
    document.compose(result)
    return document.text
  }

  private struct Document {
    /// For what follows a list that has taken all room: heads of tables, and lines that say what was left out.
    private static let reserve = 4_096

    let limit: Int
    var text = ""
    private var size = 0

    init(limit: Int) { self.limit = limit }

    mutating func line(_ line: String = "") {
      text += line + "\n"
      size += line.utf8.count + 1
    }

    /// Appends lines while there is room.
    /// - Parameter noun: what the lines are, for those left out.
    mutating func lines(_ lines: [String], _ noun: String) {
      var left = lines[...]
      while let next = left.first, size + next.utf8.count + 1 + Self.reserve <= limit {
        line(next)
        left.removeFirst()
      }
      line()
      if !left.isEmpty {
        line(
          "\(left.count) of \(lines.count) \(noun) are not shown: GitHub's summary holds \(limit / 1024) KiB. "
            + "All are in the night's JSON and in its other reports.")
        line()
      }
    }

    mutating func list(_ title: String, _ items: [String], _ noun: String) {
      guard !items.isEmpty else { return }
      line("### \(title)")
      line()
      lines(items.map { "- " + MarkdownText.escaped(InertText.line($0)) }, noun)
    }

    /// - Parameters:
    ///   - columns: their heads; those that end in ">" hold numbers.
    ///   - rows: cells, escaped by now.
    mutating func table(_ title: String, _ columns: [String], _ rows: [[String]], _ noun: String) {
      guard !rows.isEmpty else { return }
      line("### \(title)")
      line()
      line("| " + columns.map { $0.hasSuffix(">") ? String($0.dropLast()) : $0 }.joined(separator: " | ") + " |")
      line("|" + columns.map { $0.hasSuffix(">") ? "--:|" : "---|" }.joined())
      lines(rows.map { "| " + $0.joined(separator: " | ") + " |" }, noun)
    }

    mutating func compose(_ result: NightResult) {
      let night = result.night
      line("## bench nightly: \(result.verdict.rawValue)")
      line()
      line(escaped(result.reason))
      line()
      line(
        "Night \(code(night.id)) of the suite \(code(night.suite)) on \(code(night.host.hostname)), kernel "
          + "\(code(night.host.kernel)), worker \(code(String(night.workerSHA256.prefix(12)))), "
          + (result.baseline.map { "held against \(code(String($0.workerSHA256.prefix(12))))" }
            ?? "with no baseline yet")
          + ". Epoch \(result.epoch.number), \(result.epoch.nights) nights before tonight.")
      line()
      let selfTest = result.selfTest
      line(
        escaped(
          "Detector self-test: \(selfTest.isFound ? "found" : "not found"). "
            + ExportText.place(selfTest.metric, selfTest.workload, selfTest.environment, selfTest.scenario) + ", "
            + ExportText.numbers(selfTest) + "." + (selfTest.reason.map { " " + $0 } ?? "")))
      line()
      let screening = result.screening
      line(
        screening.screened > 0
          ? "Screened \(screening.screened) series against \(screening.nights) nights, flagged \(screening.flagged)."
          : "Nothing was screened: \(screening.nights) of \(screening.needed) nights are there.")
      line()
      list("Objections", result.objections, "objections")
      if result.epoch.isNew {
        list("A new epoch", result.epoch.changes.map(ExportText.change), "changes")
      }
      table(
        "Held against the pinned worker", ["series", "blocks>", "today's ÷ pinned>", "p (Holm)>", "worse", "reason"],
        result.confirmations.sorted { $0.isWorse && !$1.isWorse }.map { confirmation in
          [
            escaped(ExportText.place(confirmation)), String(confirmation.blocks),
            confirmation.ratio.map { RatioText($0).whole } ?? NumberFormat.none,
            confirmation.adjustedP.map {
              String(ExportText.p($0).replacing("p = ", with: "").replacing("p ", with: ""))
            }
            .map(escaped) ?? NumberFormat.none,
            confirmation.isWorse ? "**worse**" : "no", escaped(confirmation.reason),
          ]
        }, "comparisons")
      let order = NightResult.Series.State.byGravity
      let series = result.series.enumerated().sorted { a, b in
        let (first, second) = (order[a.element.state] ?? 0, order[b.element.state] ?? 0)
        return first == second ? a.offset < b.offset : first < second
      }
      table(
        "Series", ["series", "state", "tonight>", "standing", "reason"],
        series.map { _, series in
          let state = series.state.fails ? "**\(series.state.rawValue)**" : series.state.rawValue
          return [
            code(ExportText.name(series.series)), state, escaped(ExportText.value(series)),
            escaped(ExportText.standing(series)), escaped(series.reason ?? ""),
          ]
        }, "series")
      table(
        "Changes of level that stayed", ["series", "since", "nights>", "before>", "after>", "p>"],
        result.changePoints.map { change in
          [
            code(ExportText.name(change.series)), code(change.night), String(change.nights),
            escaped(ExportText.quantity(change.before, change.series)),
            escaped(ExportText.quantity(change.after, change.series)), escaped(ExportText.p(change.pValue)),
          ]
        }, "changes")
      list("Notes", result.notes, "notes")
    }

    private func escaped(_ text: String) -> String { MarkdownText.escaped(InertText.line(text)) }
    private func code(_ text: String) -> String { MarkdownText.code(InertText.line(text, limit: 300)) }
  }
}

extension NightResult.Series.State {
  /// The place of each, what asks for most attention first.
  fileprivate static let byGravity: [Self: Int] = Dictionary(
    uniqueKeysWithValues: [.worse, .changed, .open, .moved, .shifted, .better, .cleared, .collecting, .steady, .shown]
      .enumerated().map { ($1, $0) })
}
