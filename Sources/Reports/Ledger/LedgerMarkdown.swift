internal import Model

extension LedgerReport {
  /// The ledger in GitHub's Markdown, ending in a newline.
  public func markdown() -> String {
    var document = LedgerMarkdown()
    document.compose(self)
    return document.text
  }
}

private struct LedgerMarkdown: MarkdownComposing {
  var text = ""

  mutating func compose(_ ledger: LedgerReport) {
    heading(1, LedgerReport.title)
    paragraph(escaped(ledger.host))
    paragraph("**\(escaped(ledger.summary))**")
    for sentence in [ledger.beginning, ledger.omissions, ledger.selection].compactMap(\.self) {
      paragraph(escaped(sentence))
    }
    for section in ledger.sections {
      heading(2, section.title)
      table(
        markdown: ["verdict", "claim", "number", "published", "why"], "lllll", section.lines.map { cells($0) })
    }
    text.removeLast()
  }

  private func cells(_ line: LedgerReport.Line) -> [String] {
    let numbers = ([line.interval.map { "**\(escaped($0))**" }] + line.numbers.map { escaped($0) }).compactMap(\.self)
    var why = [escaped(line.reason)] + line.others.map { escaped($0) }
    if let run = line.run { why.append("Run \(escaped(run)).") }
    if let settle = line.settle { why.append("Settle it with \(code(settle)).") }
    return [
      "\(line.verdict.shape) **\(line.verdict.rawValue)**", "\(escaped(line.statement))<br>\(code(line.id))",
      numbers.isEmpty ? NumberFormat.none : numbers.joined(separator: "<br>"),
      line.published.map { escaped($0) }.joined(separator: "<br>"), why.joined(separator: " "),
    ]
  }
}
