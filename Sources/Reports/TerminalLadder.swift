internal import Model
internal import PlainText

extension TerminalTable {
  /// A table cell: its text, and whether it stands to the right.
  fileprivate struct Cell {
    var text: String
    var isRight = false
    var style: Style?
  }

  /// One line of the table: an environment's values, its step, or its tail.
  private struct Line {
    /// Of the environment's first line.
    var name = ""
    var label = ""
    var cells: [Cell] = []
    var ratio: IntervalEstimate?
    var isBaseline = false
    var words = ""
    var style: Style?
    /// Stands in place of the cells.
    var instead: String?
    /// Stands in place of the cells that compare with the rung below.
    var adds = ""
  }

  private func pair(_ ratio: RatioText?, _ difference: DifferenceText?) -> [Cell] {
    [
      Cell(text: ratio.map { $0.estimate + "×" } ?? "", isRight: true), Cell(text: ratio?.interval ?? "", style: .dim),
      Cell(text: difference?.estimate ?? "", isRight: true), Cell(text: difference?.interval ?? "", style: .dim),
    ]
  }

  private func median(_ row: MetricRow) -> Cell {
    Cell(text: row.median, isRight: true, style: row.series == nil ? .dim : nil)
  }

  private func style(_ row: MetricRow, isTail: Bool) -> Style? {
    let isDifferent = row.outcome.kind == .more || row.outcome.kind == .less
    return isDifferent && !isTail ? .bold : isDifferent ? nil : .dim
  }

  /// The ladder as a table: on a wide terminal the rung below and the baseline beside each other, else on lines of their
  /// own; p99 below p50; intervals drawn where there is room.
  mutating func ladder(_ ladder: LadderTable, _ tail: MetricTable?) {
    if ladder.hasSteps && draw(ladder, tail, isWide: true) { return }
    if !draw(ladder, tail, isWide: false) { list(ladder, tail) }
  }

  private func lines(_ ladder: LadderTable, _ tail: MetricTable?, isWide: Bool) -> [[Line]] {
    let blank = isWide ? [Cell](repeating: Cell(text: ""), count: 4) : []
    return ladder.rungs.enumerated().map { index, rung in
      let row = rung.row
      if let reason = rung.unavailable { return [Line(name: row.name, instead: "– unavailable: \(reason)")] }
      var first = Line(
        name: row.name, label: tail == nil || row.series == nil ? "" : "p50",
        cells: [median(row)] + (isWide ? pair(rung.ratio, rung.difference) : []) + pair(row.ratio, row.differenceParts),
        ratio: row.series?.ratio, isBaseline: row.isBaseline, words: row.outcome.text, style: style(row, isTail: false))
      if row.series == nil { first.cells = [median(row)] + blank + pair(nil, nil) }
      var group = [first]
      var adds = rung.layer.isEmpty || !ladder.hasSteps ? "" : "+ \(rung.layer)"
      if !isWide && (rung.ratio != nil || rung.difference != nil) {
        group.append(
          Line(
            label: "step", cells: [Cell(text: "")] + pair(rung.ratio, rung.difference), ratio: rung.stepRatio,
            words: adds, style: .dim))
      }
      if let other = tail?.rows[index], other.series != nil {
        group.append(
          Line(
            label: "p99", cells: [median(other)] + blank + pair(other.ratio, other.differenceParts),
            ratio: other.series?.ratio, words: other.isBaseline ? "" : other.outcome.text,
            style: style(other, isTail: true), adds: isWide ? adds : ""))
        if isWide { adds = "" }
      }
      if isWide && !adds.isEmpty { group.append(Line(words: adds, style: .dim, instead: "")) }
      return group
    }
  }

  /// - Returns: false, and nothing is drawn, where it does not fit.
  private mutating func draw(_ ladder: LadderTable, _ tail: MetricTable?, isWide: Bool) -> Bool {
    let groups = lines(ladder, tail, isWide: isWide)
    let all = groups.flatMap(\.self)
    let columns = Columns(all.filter { $0.instead == nil }.map(\.cells), count: isWide ? 9 : 5)
    let longest = all.map(\.label.terminalWidth).max() ?? 0
    let labelWidth = longest == 0 ? 0 : longest + 2
    var nameWidth = max(
      groups.compactMap { $0.first?.name.fitted(to: 24).terminalWidth }.max() ?? 0,
      "environment".terminalWidth - labelWidth)
    // A long name gets a line of its own before anything is squeezed.
    let leastOutcome = isWide ? 24 : 12
    let isNameApart = !isWide && 2 + nameWidth + labelWidth + columns.total + 2 + leastOutcome > width
    if isNameApart { nameWidth = max(2, "environment".terminalWidth - labelWidth) }
    let used = 2 + nameWidth + labelWidth + columns.total + 2
    if used + leastOutcome > width { return false }
    let ratios = all.compactMap(\.ratio)
    let spare = width - used - leastOutcome - 1 - 2
    // The longest outcome, "no difference found (< 3.1 %)", stays on one line before the plot grows; what a step adds
    // needs as much.
    let plotWidth =
      isWide || spare < (ladder.hasSteps ? 30 : 14) || ratios.isEmpty
      ? 0 : spare < 30 ? min(18, spare) : min(30, spare - 15)
    let plot = IntervalPlot(ratios, width: plotWidth)
    let outcomeColumn = used + (plotWidth > 0 ? plotWidth + 2 : 0)

    let unit = ladder.table.unit
    let isOneUnit = tail == nil || tail?.unit == unit
    let difference = isOneUnit ? ladder.table.differenceHead : "difference"
    let head = "  " + "environment".padded(to: nameWidth + labelWidth)
    if ladder.hasSteps && isWide {
      let lead = String(repeating: " ", count: head.terminalWidth + columns.start(1))
      // Where nothing could be compared the columns are narrow.
      let below = "against the rung below".padded(to: max(24, columns.start(5) - columns.start(1)))
      lines.append(styled(lead + below + "against \(page.baselineName)".fitted(to: 40), .dim))
    } else if ladder.hasSteps {
      paragraph("step: against the rung below; all else: against \(page.baselineName)", indent: 2, style: .dim)
    }
    lines.append(
      styled(
        head + columns.heading(median: isOneUnit ? unit.symbol : "", difference: difference)
          + (ladder.table.metric.isBetterLarger ? "  larger is better".fitted(to: max(2, width - used + 2)) : ""),
        .dim))

    for group in groups {
      for (index, line) in group.enumerated() {
        let name = line.name.fitted(to: isNameApart ? min(24, width - 2) : nameWidth)
        if isNameApart && index == 0 {
          // There is room beside it for what the step adds.
          let adds = group.first { $0.label == "step" }?.words ?? ""
          let room = width - 4 - name.terminalWidth
          lines.append("  " + name + (room < 12 || adds.isEmpty ? "" : "  " + styled(adds.fitted(to: room), .dim)))
        }
        let margin = "  " + (isNameApart ? "" : name).padded(to: nameWidth)
        if let instead = line.instead {
          if instead.isEmpty {
            let lead = String(repeating: " ", count: nameWidth + labelWidth - 1)
            hanging(lead, style: nil, line.words, indent: 2, textStyle: .dim)
          } else {
            hanging(isNameApart ? "" : name.padded(to: nameWidth), style: nil, instead, indent: 2, textStyle: .dim)
          }
          continue
        }
        var text = margin
        if labelWidth > 0 { text += "  " + styled(line.label.padded(to: labelWidth - 2), .dim) }
        let cells = columns.padded(line.cells).map { $1(styled($0.text, $0.style)) }
        if line.adds.isEmpty {
          text += cells.joined()
        } else {
          let room = columns.start(5) - columns.start(1)
          text += cells[0] + "  " + styled(line.adds.fitted(to: room - 3).padded(to: room - 2), .dim)
          text += cells.dropFirst(5).joined()
        }
        if plotWidth > 0 { text += "  " + (line.ratio.map(plot.row) ?? plot.axis(isBaseline: line.isBaseline)) }
        let words = isNameApart && line.label == "step" ? [] : line.words.wrapped(to: width - outcomeColumn)
        lines.append(text + "  " + styled(words.first ?? "", line.style))
        for more in words.dropFirst() {
          lines.append(String(repeating: " ", count: outcomeColumn) + styled(more, line.style))
        }
      }
    }
    return true
  }

  /// The same content where no table fits.
  private mutating func list(_ ladder: LadderTable, _ tail: MetricTable?) {
    for (index, rung) in ladder.rungs.enumerated() {
      paragraph(rung.name, indent: 2, style: .bold)
      if let reason = rung.unavailable {
        paragraph("– unavailable: \(reason)", indent: 4)
        continue
      }
      let row = rung.row
      hanging(tail == nil ? "all " : "p50 ", style: .dim, Self.sentence(row), indent: 4)
      if let ratio = rung.ratio {
        let parts = [ratio.whole, rung.difference?.whole, rung.layer.isEmpty ? nil : "+ \(rung.layer)"]
        hanging("step", style: .dim, parts.compactMap(\.self).joined(separator: " · "), indent: 4)
      }
      if let other = tail?.rows[index], other.series != nil {
        hanging("p99 ", style: .dim, Self.sentence(other), indent: 4)
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

  // MARK: Plain tables

  /// A table whose first column is names and whose others are numbers; in parts, one below the other, where it is too
  /// wide, and a list where not even one column fits. A row of one cell is a heading.
  /// - Parameter wordColumn: the index of a column of words, which stand to the left.
  mutating func grid(_ head: [String], _ given: [[String]], wordColumn: Int? = nil) {
    let rows = given.filter { $0.count == head.count }
    let names = given.map { ($0.first ?? "").fitted(to: $0.count == head.count ? max(24, width / 3) : width - 2) }
    let nameWidth = max(
      head[0].terminalWidth, zip(names, given).filter { $1.count == head.count }.map(\.0.terminalWidth).max() ?? 0)
    let columns = head.indices.map { column in
      // A long head takes several lines before it widens its column.
      let word = head[column].split(separator: " ").map { String($0).terminalWidth }.max() ?? 0
      return max(word, min(8, head[column].terminalWidth), rows.map { $0[column].terminalWidth }.max() ?? 0)
    }
    var parts: [Range<Int>] = []
    var start = 1
    var used = 2 + nameWidth
    for column in head.indices.dropFirst() {
      if used + 2 + columns[column] > width && column > start {
        parts.append(start..<column)
        start = column
        used = 2 + nameWidth
      }
      used += 2 + columns[column]
    }
    if start < head.count { parts.append(start..<head.count) }
    let widest = columns.dropFirst().max() ?? 0
    guard 2 + nameWidth + 2 + widest <= width else {
      for (name, row) in zip(names, given) {
        paragraph(name, indent: 2)
        if row.count != head.count { continue }
        paragraph(zip(head, row).dropFirst().map { "\($0): \($1)" }.joined(separator: " · "), indent: 4)
      }
      return
    }
    for part in parts {
      let heads = part.map { head[$0].wrapped(to: columns[$0]) }
      let height = heads.map(\.count).max() ?? 1
      for line in 0..<height {
        let name = line == height - 1 ? head[0] : ""
        let cells = zip(part, heads).map { column, lines in
          let index = line - (height - lines.count)
          let text = index < 0 ? "" : lines[index]
          return "  " + (column == wordColumn ? text.padded(to: columns[column]) : text.leftPadded(to: columns[column]))
        }
        lines.append(styled("  " + name.padded(to: nameWidth) + cells.joined(), .dim))
      }
      for (name, row) in zip(names, given) {
        if row.count != head.count {
          lines.append("  " + name)
          continue
        }
        let cells = part.map { column in
          "  "
            + (column == wordColumn
              ? row[column].padded(to: columns[column]) : row[column].leftPadded(to: columns[column]))
        }
        lines.append("  " + name.padded(to: nameWidth) + cells.joined())
      }
    }
  }
}

/// The widths of a table's columns; numbers stand with their points below one another. The first is a level, the others
/// come in fours: ratio, its interval, difference, its interval.
private struct Columns {
  private var whole: [Int]
  private var fraction: [Int]

  init(_ rows: [[TerminalTable.Cell]], count: Int) {
    whole = [Int](repeating: 0, count: count)
    fraction = whole
    for row in rows {
      for (index, cell) in row.enumerated() {
        let parts = Self.parts(cell)
        whole[index] = max(whole[index], parts.whole)
        fraction[index] = max(fraction[index], parts.fraction)
      }
    }
    whole[0] = max(whole[0], 6 - fraction[0])
  }

  /// The space before a column: an interval belongs to what it stands behind, and fours stand apart.
  private static func gap(_ index: Int) -> Int {
    if index == 0 { return 2 }
    return index > 1 && index % 4 == 1 ? 3 : index % 2 == 1 ? 2 : 1
  }

  /// Columns before the decimal point, and from it on.
  private static func parts(_ cell: TerminalTable.Cell) -> (whole: Int, fraction: Int) {
    guard cell.isRight, let point = cell.text.firstIndex(where: { $0 == "." || $0 == "×" }) else {
      return (cell.text.terminalWidth, 0)
    }
    return (String(cell.text[..<point]).terminalWidth, String(cell.text[point...]).terminalWidth)
  }

  private func width(_ index: Int) -> Int { whole[index] + fraction[index] }

  var total: Int { start(whole.count) }

  /// Where a column's gap begins.
  func start(_ index: Int) -> Int { (0..<index).map { width($0) + Self.gap($0) }.reduce(0, +) }

  /// Each cell with what pads its (perhaps styled) text.
  func padded(_ cells: [TerminalTable.Cell]) -> [(TerminalTable.Cell, (String) -> String)] {
    cells.enumerated().map { index, cell in
      let parts = Self.parts(cell)
      let before = Self.gap(index) + (cell.isRight ? whole[index] - parts.whole : 0)
      let after = width(index) + Self.gap(index) - before - cell.text.terminalWidth
      return (
        cell,
        { String(repeating: " ", count: before) + $0 + String(repeating: " ", count: max(0, after)) }
      )
    }
  }

  func heading(median: String, difference: String) -> String {
    func over(_ title: String, _ first: Int) -> String {
      let room = width(first) + Self.gap(first + 1) + width(first + 1)
      // Better without the unit than with a part of it.
      let title = title.terminalWidth <= room ? title : String(title.prefix { $0 != "," })
      return String(repeating: " ", count: Self.gap(first))
        + (room < 5 ? "" : title.fitted(to: room)).padded(to: room)
    }
    var text = String(repeating: " ", count: Self.gap(0)) + median.leftPadded(to: width(0))
    for first in stride(from: 1, to: whole.count, by: 4) {
      text += over("ratio", first) + over(difference, first + 2)
    }
    return text
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
