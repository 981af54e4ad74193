internal import Model

extension LedgerReport {
  /// The ledger in GitHub's Markdown, ending in a newline.
  public func markdown() -> String {
    var text = "# \(escaped(Self.title))\n\n\(escaped(host))\n\n**\(escaped(summary))**\n\n"
    for sentence in [beginning, omissions, selection].compactMap(\.self) { text += "\(escaped(sentence))\n\n" }
    for section in sections {
      text += "## \(escaped(section.title))\n\n"
      text += "| verdict | claim | number | published | why |\n|:--|:--|:--|:--|:--|\n"
      for line in section.lines { text += "| \(cells(line).joined(separator: " | ")) |\n" }
      text += "\n"
    }
    while text.hasSuffix("\n\n") { text.removeLast() }
    return text
  }

  private func escaped(_ text: String) -> String { MarkdownText.escaped(text) }

  private func cells(_ line: Line) -> [String] {
    let numbers = ([line.interval.map { "**\(escaped($0))**" }] + line.numbers.map { escaped($0) }).compactMap(\.self)
    var why = [escaped(line.reason)] + line.others.map { escaped($0) }
    if let run = line.run { why.append("Run \(escaped(run)).") }
    if let settle = line.settle { why.append("Settle it with \(MarkdownText.code(settle)).") }
    return [
      "\(line.verdict.shape) **\(line.verdict.rawValue)**",
      "\(escaped(line.statement))<br>\(MarkdownText.code(line.id))",
      numbers.isEmpty ? NumberFormat.none : numbers.joined(separator: "<br>"),
      line.published.isEmpty ? " " : line.published.map { escaped($0) }.joined(separator: "<br>"),
      why.joined(separator: " "),
    ]
  }
}
