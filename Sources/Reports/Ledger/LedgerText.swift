internal import Model
internal import PlainText

extension LedgerReport {
  /// The ledger for a terminal or a pipe, ending in a newline.
  /// - Parameters:
  ///   - width: in columns; taken to be between 40 and 160.
  ///   - color: whether to add ANSI colour and weight. Nothing is said by colour alone.
  public func text(width: Int, color: Bool) -> String {
    var text = LedgerText(width: min(160, max(40, width)), color: color)
    text.compose(self)
    return text.lines.joined(separator: "\n") + "\n"
  }
}

private struct LedgerText {
  typealias Style = TerminalTable.Style

  let width: Int
  let color: Bool
  var lines: [String] = []

  /// The widest verdict with its shape, and a space.
  private static let column = 15

  init(width: Int, color: Bool) {
    self.width = width
    self.color = color
  }

  private func styled(_ text: String, _ style: Style?) -> String {
    guard color, let style, !text.isEmpty else { return text }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  private mutating func paragraph(_ text: String, style: Style? = nil) {
    for line in text.wrapped(to: width) { lines.append(styled(line, style)) }
  }

  /// Text below a label's column, with the label before its first line.
  private mutating func hanging(_ text: String, _ textStyle: Style? = nil, label: String = "", labelStyle: Style? = nil)
  {
    for (index, line) in text.wrapped(to: width - Self.column).enumerated() {
      let head =
        index == 0 ? styled(label.padded(to: Self.column), labelStyle) : String(repeating: " ", count: Self.column)
      lines.append(head + styled(line, textStyle))
    }
  }

  mutating func compose(_ report: LedgerReport) {
    paragraph(LedgerReport.title, style: .bold)
    paragraph(report.host, style: .dim)
    lines.append("")
    paragraph(report.summary)
    if let beginning = report.beginning { paragraph(beginning) }
    if let omissions = report.omissions { paragraph(omissions) }
    if let selection = report.selection { paragraph(selection) }
    for section in report.sections {
      lines.append("")
      paragraph(section.title, style: .bold)
      for line in section.lines { claim(line) }
    }
  }

  private mutating func claim(_ line: LedgerReport.Line) {
    let style: Style =
      switch line.verdict {
      case .supported: .good
      case .refuted: .bad
      case .inconclusive: .open
      case .unavailable, .open: .dim
      }
    hanging(
      "\(line.id): \(line.statement)", label: "\(line.verdict.shape) \(line.verdict.rawValue)", labelStyle: style)
    let numbers = [line.interval].compactMap(\.self) + line.numbers
    if !numbers.isEmpty { hanging(numbers.joined(separator: " · "), .bold) }
    hanging(line.reason)
    for other in line.others { hanging(other) }
    if let run = line.run { hanging("run \(run)", .dim) }
    for published in line.published { hanging("published: \(published)", .dim) }
    if let settle = line.settle { hanging("settle it with: \(settle)") }
  }
}
