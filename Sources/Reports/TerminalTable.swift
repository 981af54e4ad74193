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
    for workload in page.workloads { self.workload(workload) }
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
    field("run", "\(InertText.name(run.scenario)) · \(run.profile.rawValue) · \(InertText.name(run.id))")
    field("host", "\(InertText.name(run.host.hostname)) · \(page.kernel) · \(page.processor)")
    field(
      "blocks",
      page.blocks + (page.confidence.map { " · \($0) intervals" } ?? " · no intervals")
        + (run.stopReason.map { " · \(InertText.line($0, limit: 200))" } ?? ""))
    field("noise", "\(page.noiseClass): \(page.noiseReadings)")
    for burden in page.burdens.prefix(3) { field("burden", "on \(page.baselineName): \(burden)") }
    if page.burdens.count > 3 { field("", "and \(page.burdens.count - 3) more") }
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

  // MARK: One workload's ladder

  private mutating func workload(_ workload: String) {
    let name = InertText.name(workload)
    let headline = page.table(workload, .rttP50)
    let tail = page.table(workload, .rttP99)
    heading(name, page.workloadSummary(workload) ?? "")
    if headline.hasData || headline.rows.contains(where: { $0.unavailable != nil }) {
      ladder(headline, tail.hasData ? tail : nil)
    } else {
      paragraph("No round trips were measured.", indent: 2)
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
    if let ladder = page.ladder(workload, .rttP50) {
      hanging("ladder ", style: .dim, page.residual(ladder), indent: 2)
    }
  }

  /// A table cell: its text, and whether it stands to the right.
  private struct Cell {
    var text: String
    var isRight = false
    var style: Style?
  }

  private func cells(_ row: MetricRow) -> [Cell] {
    let style: Style? = row.series == nil ? .dim : nil
    return [
      Cell(text: row.median, isRight: true, style: style),
      Cell(text: row.ratio.map { $0.estimate + "×" } ?? "", isRight: true),
      Cell(text: row.ratio?.interval ?? "", style: .dim),
      Cell(text: row.differenceParts?.estimate ?? "", isRight: true),
      Cell(text: row.differenceParts?.interval ?? "", style: .dim),
    ]
  }

  /// The ladder as a table, p99 on a line of its own below p50; with intervals drawn where the width permits.
  private mutating func ladder(_ headline: MetricTable, _ tail: MetricTable?) {
    let tailRows = tail?.rows
    let columns = Columns(headline.rows.map(cells) + (tailRows?.map(cells) ?? []))
    let labelWidth = tail == nil ? 0 : 5
    let names = headline.rows.map { $0.name.fitted(to: 24) }
    var nameWidth = max(names.map(\.terminalWidth).max() ?? 0, "environment".terminalWidth - labelWidth)
    // A long name gets a line of its own before anything is squeezed.
    let leastOutcome = 15
    let isNameApart = 2 + nameWidth + labelWidth + columns.total + 2 + leastOutcome > width
    if isNameApart { nameWidth = max(2, "environment".terminalWidth - labelWidth) }
    let used = 2 + nameWidth + labelWidth + columns.total + 2
    if used + leastOutcome > width {
      list(headline, tail)
      return
    }
    let ratios = (headline.rows + (tailRows ?? [])).compactMap { $0.series?.ratio }
    let spare = width - used - leastOutcome - 1 - 2
    // The longest outcome, "no difference found (< 3.1 %)", stays on one line before the plot grows.
    let plotWidth = spare < 14 || ratios.isEmpty ? 0 : spare < 30 ? min(18, spare) : min(30, spare - 15)
    let plot = IntervalPlot(ratios, width: plotWidth)
    let outcomeColumn = used + (plotWidth > 0 ? plotWidth + 2 : 0)

    let difference = headline.unit.symbol.isEmpty ? "difference" : "difference, \(headline.unit.symbol)"
    let isOneUnit = tail == nil || tail?.unit == headline.unit
    lines.append(
      styled(
        "  " + "environment".padded(to: nameWidth + labelWidth)
          + columns.heading(
            median: isOneUnit ? headline.unit.symbol : "", difference: isOneUnit ? difference : "difference"),
        .dim))

    for (index, row) in headline.rows.enumerated() {
      if isNameApart { lines.append("  " + names[index]) }
      let name = isNameApart ? "" : names[index]
      line(row, name: name.padded(to: nameWidth), label: row.series == nil ? "" : "p50")
      if let tailRow = tailRows?[index], tailRow.series != nil {
        line(tailRow, name: "".padded(to: nameWidth), label: "p99")
      }
    }

    func line(_ row: MetricRow, name: String, label: String) {
      let isTail = row.series?.metric == .rttP99
      let words = isTail && row.isBaseline ? [] : row.outcome.text.wrapped(to: width - outcomeColumn)
      var text = "  " + name
      if labelWidth > 0 { text += "  " + styled(label.padded(to: labelWidth - 2), .dim) }
      for (cell, padded) in columns.padded(cells(row)) { text += padded(styled(cell.text, cell.style)) }
      if plotWidth > 0 {
        text += "  " + (row.series?.ratio.map(plot.row) ?? plot.axis(isBaseline: row.isBaseline && !isTail))
      }
      let isDifferent = row.outcome.kind == .more || row.outcome.kind == .less
      let style: Style? = isDifferent && !isTail ? .bold : isDifferent ? nil : .dim
      lines.append(text + "  " + styled(words.first ?? "", style))
      for more in words.dropFirst() {
        lines.append(String(repeating: " ", count: outcomeColumn) + styled(more, style))
      }
    }
  }

  /// The widths of a table's columns; numbers stand with their points below one another.
  private struct Columns {
    private static let gaps = [2, 2, 1, 2, 1]
    private var whole = [Int](repeating: 0, count: 5)
    private var fraction = [Int](repeating: 0, count: 5)

    init(_ rows: [[Cell]]) {
      for row in rows {
        for (index, cell) in row.enumerated() {
          let parts = Self.parts(cell)
          whole[index] = max(whole[index], parts.whole)
          fraction[index] = max(fraction[index], parts.fraction)
        }
      }
      whole[0] = max(whole[0], 6 - fraction[0])
    }

    /// Columns before the decimal point, and from it on.
    private static func parts(_ cell: Cell) -> (whole: Int, fraction: Int) {
      guard cell.isRight, let point = cell.text.firstIndex(where: { $0 == "." || $0 == "×" }) else {
        return (cell.text.terminalWidth, 0)
      }
      return (String(cell.text[..<point]).terminalWidth, String(cell.text[point...]).terminalWidth)
    }

    private func width(_ index: Int) -> Int { whole[index] + fraction[index] }

    var total: Int { (0..<5).map { width($0) + Self.gaps[$0] }.reduce(0, +) }

    /// Each cell with what pads its (perhaps styled) text.
    func padded(_ cells: [Cell]) -> [(Cell, (String) -> String)] {
      cells.enumerated().map { index, cell in
        let parts = Self.parts(cell)
        let before = Self.gaps[index] + (cell.isRight ? whole[index] - parts.whole : 0)
        let after = width(index) + Self.gaps[index] - before - cell.text.terminalWidth
        return (
          cell,
          { String(repeating: " ", count: before) + $0 + String(repeating: " ", count: max(0, after)) }
        )
      }
    }

    func heading(median: String, difference: String) -> String {
      func over(_ title: String, _ first: Int) -> String {
        let room = width(first) + Self.gaps[first + 1] + width(first + 1)
        return String(repeating: " ", count: Self.gaps[first])
          + (room < 5 ? "" : title.fitted(to: room)).padded(to: room)
      }
      return String(repeating: " ", count: Self.gaps[0]) + median.leftPadded(to: width(0)) + over("ratio", 1)
        + over(difference, 3)
    }
  }

  /// The same content where no table fits.
  private mutating func list(_ headline: MetricTable, _ tail: MetricTable?) {
    for (index, row) in headline.rows.enumerated() {
      paragraph(row.name, indent: 2, style: .bold)
      hanging("p50", style: .dim, Self.sentence(row), indent: 4)
      if let other = tail?.rows[index], other.series != nil {
        hanging("p99", style: .dim, Self.sentence(other), indent: 4)
      }
    }
  }

  private static func sentence(_ row: MetricRow) -> String {
    var parts: [String] = []
    if row.series != nil { parts.append(row.medianWithUnit) }
    if let ratio = row.ratio { parts.append(ratio.whole) }
    if let difference = row.differenceParts { parts.append(difference.whole) }
    parts.append(row.outcome.text)
    return parts.joined(separator: " · ")
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
      hanging(String(repeating: " ", count: 15), style: nil, claim.reason, indent: 2, textStyle: nil)
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

/// Intervals of ratios drawn with box characters: a dotted line at 1, a bar from low to high, a dot at the estimate.
private struct IntervalPlot {
  let width: Int
  let low: Double
  let high: Double

  init(_ ratios: [IntervalEstimate], width: Int) {
    self.width = width
    let values = (ratios.flatMap { [$0.low, $0.high] } + [1]).filter(\.isFinite)
    low = values.min() ?? 1
    high = values.max() ?? 1
  }

  private func column(_ value: Double) -> Int {
    guard high > low, value.isFinite else { return 0 }
    return min(width - 1, max(0, Int(((value - low) / (high - low) * Double(width - 1)).rounded())))
  }

  func row(_ ratio: IntervalEstimate) -> String {
    var cells = [Character](repeating: " ", count: width)
    cells[column(1)] = "┊"
    let from = column(ratio.low)
    let to = column(ratio.high)
    if from < to {
      for cell in from...to { cells[cell] = "─" }
      cells[from] = "├"
      cells[to] = "┤"
    }
    cells[column(ratio.estimate)] = "●"
    return String(cells)
  }

  func axis(isBaseline: Bool) -> String {
    var cells = [Character](repeating: " ", count: width)
    if width > 0 && high > low { cells[column(1)] = isBaseline ? "○" : "┊" }
    return String(cells)
  }
}
