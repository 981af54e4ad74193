internal import Foundation
public import Model
internal import PlainText

/// What a person sees at the end of `bench run`: the whole result on a terminal.
public struct TerminalTable {
  /// Renders `result`, ending in a newline.
  /// - Parameters:
  ///   - width: of the terminal, in columns; taken to be between 40 and 160.
  ///   - color: whether to add ANSI colour and weight. Nothing is said by colour alone.
  public static func render(_ result: RunResult, width: Int, color: Bool) -> String {
    var table = TerminalTable(Presentation(result), width: width, color: color)
    table.compose()
    return table.text
  }

  let page: Presentation
  let width: Int
  private let color: Bool
  /// What stood against what in the section before.
  private var standing = ""
  var lines: [String] = []

  init(_ page: Presentation, width: Int, color: Bool) {
    self.page = page
    self.width = min(160, max(40, width))
    self.color = color
  }

  /// ``lines`` without spaces at their ends.
  var text: String {
    lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n") + "\n"
  }

  // MARK: Styles

  enum Style: String {
    case bold = "1"
    case dim = "2"
    case good = "32"
    case bad = "31"
    case open = "33"
    case alarm = "1;31"
  }

  func styled(_ text: String, _ style: Style?) -> String {
    guard color, let style, !text.isEmpty else { return text }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  // MARK: The page

  private mutating func compose() {
    if !page.validity.isValid { banner() }
    header()
    if page.workloads.isEmpty {
      heading("Results", "")
      paragraph("Nothing was measured.", indent: 2)
    }
    for section in page.sections {
      switch section {
      case .path(let workload): self.workload(workload)
      case .storage(let section): storage(section)
      }
    }
    inside(whole: false)
    claims()
    notes()
  }

  mutating func banner() {
    let heading = page.validity.heading(workloads: page.workloads)
    for line in heading.wrapped(to: width - 2) { lines.append(styled("┃ " + line, .alarm)) }
    for sentence in page.validity.sentences {
      for line in sentence.wrapped(to: width - 2) { lines.append(styled("┃", .alarm) + " " + line) }
    }
    lines.append("")
  }

  mutating func header() {
    let run = page.result.run
    for line in page.title.wrapped(to: width) { lines.append(styled(line, .bold)) }
    lines.append(styled(String(repeating: "─", count: width), .dim))
    let family = page.family.map { " · \($0)" } ?? ""
    field("run", "\(InertText.name(run.scenario)) · \(run.profile.rawValue)\(family) · \(InertText.name(run.id))")
    field("host", "\(InertText.name(run.host.hostname)) · \(page.kernel) · \(page.processor)")
    field(
      "blocks",
      page.blocks + (page.confidence.map { " · \($0) intervals" } ?? " · no intervals")
        + (run.stopReason.map { " · \(InertText.line($0, limit: 200))" } ?? ""))
    field("noise", "\(page.noiseClass): \(page.noiseReadings)")
    for burden in page.burdens.prefix(3) { field("burden", "on \(page.baselineName): \(burden)") }
    if page.burdens.count > 3 { field("", "and \(page.burdens.count - 3) more") }
    let missing = page.unavailableEnvironments
    if missing.isEmpty { return }
    heading("Unavailable here", "")
    let column = min(24, missing.map(\.name.terminalWidth).max() ?? 0)
    for item in missing {
      hanging(item.name.fitted(to: column).padded(to: column) + " ", style: nil, item.why, indent: 2)
    }
  }

  private mutating func field(_ name: String, _ text: String) {
    hanging(name.padded(to: 7), style: .dim, text, indent: 0)
  }

  /// A label, and text wrapped to the right of it.
  mutating func hanging(_ label: String, style: Style?, _ text: String, indent: Int, textStyle: Style? = nil) {
    let column = indent + label.terminalWidth + 1
    let margin = String(repeating: " ", count: indent)
    for (index, line) in text.wrapped(to: max(12, width - column)).enumerated() {
      let head = index == 0 ? styled(label, style) : String(repeating: " ", count: label.terminalWidth)
      lines.append(margin + head + " " + styled(line, textStyle))
    }
  }

  mutating func paragraph(_ text: String, indent: Int, style: Style? = nil) {
    let margin = String(repeating: " ", count: indent)
    for line in text.wrapped(to: width - indent) { lines.append(margin + styled(line, style)) }
  }

  mutating func heading(_ text: String, _ aside: String) {
    lines.append("")
    let text = text.fitted(to: width)
    let room = width - text.terminalWidth - 2
    lines.append(
      styled(text, .bold)
        + (aside.isEmpty || room < 12 ? "" : "  " + styled(aside.fitted(to: room), .dim)))
  }

  // MARK: One workload

  private mutating func workload(_ workload: String) {
    let name = InertText.name(workload)
    let ladder = page.ladder(workload)
    let tables = page.furtherTables(workload)
    // The tail of a latency has the unit of its middle, and stands beside it.
    let tail = tables.first { $0.metric == .rttP99 && ladder.table.metric == .rttP50 }
    heading(name, page.workloadSummary(workload) ?? "")
    if ladder.table.hasData || ladder.rungs.contains(where: { $0.unavailable != nil }) {
      self.ladder(ladder, tail)
    } else {
      paragraph("Nothing was measured.", indent: 2)
    }
    for control in page.controls where control.workload == name {
      // The reason of a failed control is in the banner.
      let text =
        control.ratio.map { ratio in
          "\(control.shape) \(control.word): \(page.baselineName) against its own second copy \(ratio)"
            + (control.isPassed && !control.reason.isEmpty ? "; \(control.reason)" : "")
        } ?? "\(control.shape) \(control.word): \(control.reason)"
      hanging("control", style: .dim, text, indent: 2)
    }
    if let closing = ladder.closing { hanging("ladder ", style: .dim, closing, indent: 2) }
    for table in tables where table.metric != tail?.metric {
      subheading(table.title, table.metric.isBetterLarger ? "larger is better" : "")
      self.ladder(LadderTable(table, nil, records: { _ in nil }, baseline: page.baseline), nil)
    }
    if let beside = SideBySide(page, workload) {
      subheading(beside.title, "medians; in brackets as a ratio to \(page.baselineName)")
      grid(
        ["environment"] + beside.columns.map(\.title),
        beside.rows.map { row in
          [row.name] + row.cells.map { $0.ratio.isEmpty ? $0.median : "\($0.median) (\($0.ratio))" }
        })
    }
    if let counts = CountsTable(page, workload) { self.counts(counts) }
  }

  private mutating func storage(_ section: StorageSection) {
    heading(section.title, section.isName ? section.summary : "")
    if !section.isName { paragraph(section.summary.withFullStop, indent: 2, style: .dim) }
    // What stands against what is mostly the same in all sections.
    if section.standing != standing { paragraph(section.standing, indent: 2, style: .dim) }
    standing = section.standing
    for finding in section.findings { hanging("·", style: .dim, finding, indent: 2) }
    if section.parts.isEmpty { paragraph("Nothing was measured.", indent: 2) }
    for part in section.parts { self.part(part, section) }
    let more = section.parts.compactMap { part -> String? in
      switch part {
      case .further(let table): table.title
      case .folded(let title, _): title
      case .table, .metric, .chart: nil
      }
    }
    if !more.isEmpty {
      lines.append("")
      hanging("more in the report", style: .dim, more.joined(separator: "; "), indent: 2)
    }
    let names = Set(section.workloads.map { InertText.name($0) })
    for control in page.controls where names.contains(control.workload) {
      let which = section.workloads.count > 1 ? " of \(control.workload)" : ""
      let text =
        control.ratio.map { ratio in
          "\(control.shape) \(control.word)\(which): \(page.baselineName) against its own second copy \(ratio)"
        } ?? "\(control.shape) \(control.word)\(which): \(control.reason)"
      hanging("control", style: .dim, text, indent: 2)
    }
  }

  private mutating func part(_ part: StorageSection.Part, _ section: StorageSection) {
    switch part {
    case .chart, .further, .folded: break
    case .metric(let table):
      let name = section.workloads.count > 1 ? "\(InertText.name(table.workload)): " : ""
      subheading(name + table.title, table.metric.isBetterLarger ? "larger is better" : "")
      ladder(LadderTable(table, nil, records: { _ in nil }, baseline: page.baseline), nil)
    case .table(let table):
      subheading(table.title, table.aside)
      var rows: [[String]] = []
      for group in table.groups {
        if let title = group.title { rows.append([title]) }
        rows += group.rows.map { [$0.name] + $0.cells.map(\.whole) }
      }
      if !table.rows.isEmpty {
        grid([table.first] + table.columns, rows, wordColumn: table.wordColumn.map { $0 + 1 })
      }
      for note in table.notes { hanging("–", style: .dim, note, indent: 2) }
    }
  }

  mutating func subheading(_ text: String, _ aside: String) {
    lines.append("")
    let text = text.fitted(to: width - 2)
    let room = width - text.terminalWidth - 4
    lines.append(
      "  " + text + (aside.isEmpty || room < 12 ? "" : "  " + styled(aside.fitted(to: room), .dim)))
  }

  private mutating func counts(_ counts: CountsTable) {
    subheading(CountsTable.title, "per operation: \(counts.operation)")
    if !counts.rows.isEmpty {
      grid(["environment"] + counts.columns.map(\.short), counts.rows.map { [$0.name] + $0.cells })
    }
    for sentence in counts.sentences { hanging("·", style: .dim, sentence, indent: 2) }
    for entry in counts.missing { hanging("–", style: .dim, "\(entry.names): \(entry.reason)", indent: 2) }
  }

  // MARK: Claims and notes

  private mutating func claims() {
    heading("Claims", page.validity.isValid ? "" : "no verdict can be had: see the top")
    if page.claims.isEmpty { paragraph("The scenario judges no claim.", indent: 2) }
    for claim in page.claims {
      let style: Style =
        switch claim.verdict {
        case .supported: .good
        case .refuted: .bad
        case .inconclusive: .open
        case .unavailable: .dim
        }
      let verdict = "\(claim.verdict.shape) \(claim.verdict.rawValue)"
      let numbers = ([claim.id] + claim.numbers).joined(separator: " · ")
      hanging(verdict.padded(to: 15), style: style, numbers, indent: 2)
      let margin = String(repeating: " ", count: 15)
      hanging(margin, style: nil, claim.reason, indent: 2, textStyle: nil)
      for published in claim.published {
        hanging(margin, style: nil, "published: \(published.finding) (\(published.source))", indent: 2, textStyle: .dim)
      }
    }
  }

  private mutating func notes() {
    let unavailable = page.unavailable
    let warnings = page.warnings
    if !warnings.isEmpty {
      heading("Warnings", "")
      for warning in warnings.prefix(12) { hanging("!", style: .open, warning, indent: 2) }
      if warnings.count > 12 { paragraph("and \(warnings.count - 12) more", indent: 4, style: .dim) }
    }
    if let voided = page.voided {
      heading("Voided blocks", voided.summary)
      for block in voided.blocks.prefix(6) { hanging("·", style: .dim, block, indent: 2) }
      if voided.blocks.count > 6 { paragraph("and \(voided.blocks.count - 6) more", indent: 4, style: .dim) }
      for line in voided.withVoided { hanging("·", style: .dim, line, indent: 2) }
    }
    if !unavailable.isEmpty {
      heading("Unavailable", "")
      for item in unavailable { hanging("–", style: .dim, "\(item.what): \(item.why)", indent: 2) }
    }
  }
}
