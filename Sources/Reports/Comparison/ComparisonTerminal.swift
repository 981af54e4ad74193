internal import Model
internal import PlainText

/// A comparison on a terminal.
struct ComparisonTerminal {
  private enum Style: String {
    case bold = "1"
    case dim = "2"
    case changed = "36"
    case open = "33"
    case alarm = "1;31"
  }

  /// The names of environments take no more columns than this.
  private static let widestName = 24
  /// A last column narrower than this is put on a line of its own.
  private static let narrowestWords = 14

  private let page: ComparisonPage
  private let width: Int
  private let color: Bool
  private var lines: [String] = []

  static func render(_ page: ComparisonPage, width: Int, color: Bool) -> String {
    var terminal = ComparisonTerminal(page: page, width: width, color: color)
    terminal.compose()
    return terminal.lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n") + "\n"
  }

  private init(page: ComparisonPage, width: Int, color: Bool) {
    self.page = page
    self.width = width
    self.color = color
  }

  private mutating func compose() {
    if let alarm = page.alarm {
      for line in alarm.heading.wrapped(to: width - 2) { lines.append(styled("┃ " + line, .alarm)) }
      for sentence in alarm.sentences {
        for line in sentence.wrapped(to: width - 2) { lines.append(styled("┃", .alarm) + " " + line) }
      }
      lines.append("")
    }
    for line in page.title.wrapped(to: width) { lines.append(styled(line, .bold)) }
    lines.append(styled(String(repeating: "─", count: width), .dim))
    for run in page.runs {
      for (index, fact) in run.facts.enumerated() {
        hanging((index == 0 ? run.letter : " ") + " " + fact.name.padded(to: 9), .dim, fact.value, indent: 0)
      }
    }
    for warning in page.warnings { hanging("!", .open, warning, indent: 0) }
    differences()
    if !page.answer.isEmpty {
      lines.append("")
      for sentence in page.answer { paragraph(sentence, indent: 0) }
    }
    for section in page.sections { self.section(section) }
    list("Only in one run", page.unmatched)
    list("Notes", page.notes)
    lines.append("")
    for sentence in page.method.suffix(1) { paragraph(sentence, indent: 0, .dim) }
  }

  private mutating func differences() {
    for (title, rows) in page.differences {
      heading("\(title): differences", "A → B")
      for row in rows {
        // Short values stand beside each other, long ones below.
        let both = "\(row.a) → \(row.b)"
        if row.subject.terminalWidth + both.terminalWidth + 5 <= width {
          hanging(row.subject, .dim, both, indent: 2)
        } else {
          paragraph(row.subject, indent: 2, .dim)
          hanging("A", .dim, row.a, indent: 4)
          hanging("B", .dim, row.b, indent: 4)
        }
      }
    }
  }

  private mutating func section(_ section: ComparisonPage.Section) {
    let table = section.headline
    let aside = [table.aside, "\(page.confidence) intervals"].filter { !$0.isEmpty }.joined(separator: ", ")
    heading("\(section.workload): \(table.title)", aside)
    rows(table, .level)
    if table.hasOverheads {
      lines.append("")
      paragraph("environment ÷ baseline", indent: 2, .dim)
      rows(table, .overhead)
    }
    if !section.changes.isEmpty || section.remark != nil {
      lines.append("")
      paragraph("What changed beside it", indent: 2)
      for change in section.changes { hanging("·", .dim, change, indent: 2) }
      if let remark = section.remark { hanging("·", .dim, remark, indent: 2) }
    } else if let silence = section.silence {
      lines.append("")
      paragraph(silence, indent: 2, .dim)
    }
  }

  /// One part of a table; the last column holds words, and wraps.
  private mutating func rows(_ table: ComparisonTable, _ part: ComparisonTable.Part) {
    let text = table.text(part)
    let head = [text.first] + text.columns.filter { $0 != "q" }
    // What was found carries the interval; q is for the reports.
    let rows = text.rows.map { row in
      [row.name.fitted(to: Self.widestName)] + [
        row.cells[0].text, row.cells[1].text, row.cells[2].whole, row.cells[4].text,
      ]
    }
    let fixed = (0..<4).map { column in
      ([head[column]] + rows.map { $0[column] }).map(\.terminalWidth).max() ?? 0
    }
    let start = 2 + fixed.reduce(0, +) + 2 * fixed.count
    let room = width - start
    if room >= Self.narrowestWords {
      lines.append(
        "  "
          + styled(
            (0..<4).map { $0 == 0 ? head[$0].padded(to: fixed[$0]) : head[$0].leftPadded(to: fixed[$0]) }
              .joined(separator: "  ") + "  " + head[4], .dim))
      for row in rows {
        let cells = (0..<4).map { $0 == 0 ? row[$0].padded(to: fixed[$0]) : row[$0].leftPadded(to: fixed[$0]) }
        for (index, line) in row[4].wrapped(to: room).enumerated() {
          let front = index == 0 ? "  " + cells.joined(separator: "  ") + "  " : String(repeating: " ", count: start)
          lines.append(front + styled(line, style(row[4])))
        }
      }
    } else {
      for row in rows {
        paragraph(row[0], indent: 2)
        paragraph((1..<4).map { "\(head[$0]) \(row[$0])" }.joined(separator: " · "), indent: 4)
        paragraph(row[4], indent: 4, style(row[4]))
      }
    }
  }

  private func style(_ finding: String) -> Style? {
    switch finding.first {
    case "▲", "▼": .changed
    case "?": .open
    default: nil
    }
  }

  private mutating func list(_ title: String, _ items: [String]) {
    if items.isEmpty { return }
    heading(title, "")
    for item in items { hanging("–", .dim, item, indent: 2) }
  }

  // MARK: Pieces

  private func styled(_ text: String, _ style: Style?) -> String {
    guard color, let style, !text.isEmpty else { return text }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  private mutating func heading(_ text: String, _ aside: String) {
    lines.append("")
    let text = text.fitted(to: width)
    let room = width - text.terminalWidth - 2
    lines.append(
      styled(text, .bold) + (aside.isEmpty || room < 8 ? "" : "  " + styled(aside.fitted(to: room), .dim)))
  }

  private mutating func paragraph(_ text: String, indent: Int, _ style: Style? = nil) {
    let margin = String(repeating: " ", count: indent)
    for line in text.wrapped(to: width - indent) { lines.append(margin + styled(line, style)) }
  }

  private mutating func hanging(_ label: String, _ style: Style, _ text: String, indent: Int) {
    let column = indent + label.terminalWidth + 1
    for (index, line) in text.wrapped(to: max(12, width - column)).enumerated() {
      let head = index == 0 ? styled(label, style) : String(repeating: " ", count: label.terminalWidth)
      lines.append(String(repeating: " ", count: indent) + head + " " + line)
    }
  }
}
