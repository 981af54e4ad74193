/// Something that is written down in GitHub's Markdown, piece by piece. Text is escaped; what is Markdown already says so.
protocol MarkdownComposing {
  /// What has been written so far.
  var text: String { get set }
}

extension MarkdownComposing {
  func escaped(_ text: String) -> String { MarkdownText.escaped(text) }

  /// Inside a table, unless it is said otherwise.
  func code(_ text: String, inTable: Bool = true) -> String { MarkdownText.code(text, inTable: inTable) }

  mutating func line(_ markdown: String = "") { text += markdown + "\n" }

  mutating func paragraph(_ markdown: String) {
    line(markdown)
    line()
  }

  mutating func heading(_ level: Int, _ title: String) { heading(level, markdown: escaped(title)) }

  mutating func heading(_ level: Int, markdown title: String) {
    paragraph(String(repeating: "#", count: level) + " " + title)
  }

  mutating func list(_ items: [String]) { list(markdown: items.map(escaped)) }

  mutating func list(markdown items: [String]) {
    if items.isEmpty { return }
    for item in items { line("- " + item) }
    line()
  }

  /// GitHub's box of the kind that warns most.
  mutating func caution(_ heading: String, _ sentences: [String]) {
    line("> [!CAUTION]")
    line("> **\(escaped(heading)).**")
    for sentence in sentences {
      line(">")
      line("> " + escaped(sentence))
    }
    line()
  }

  /// - Parameter alignment: one "l" or "r" a column.
  mutating func table(_ head: [String], _ alignment: String, _ rows: [[String]]) {
    table(markdown: head.map(escaped), alignment, rows.map { $0.map(escaped) })
  }

  mutating func table(markdown head: [String], _ alignment: String, _ rows: [[String]]) {
    func row(_ cells: [String]) -> String { "| " + cells.map { $0.isEmpty ? " " : $0 }.joined(separator: " | ") + " |" }
    line(row(head))
    line("|" + alignment.map { $0 == "r" ? "--:" : ":--" }.joined(separator: "|") + "|")
    for cells in rows { line(row(cells)) }
    line()
  }
}
