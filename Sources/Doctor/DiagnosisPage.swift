internal import Model
internal import PlainText

/// A diagnosis on a terminal: a line for what is well; the reason and the remedy, too, for what is not.
struct DiagnosisPage {
  /// Below this, what was seen does not fit beside its title and goes under it.
  private static let narrow = 72

  private let width: Int
  private let color: Bool

  init(width: Int, color: Bool) {
    self.width = min(120, max(40, width))
    self.color = color
  }

  func render(_ diagnosis: Diagnosis) -> String {
    let titles = diagnosis.findings.map { $0.title.terminalWidth }.max() ?? 0
    var lines = diagnosis.findings.flatMap { render($0, titleWidth: titles) }
    let style: Style = diagnosis.exitStatus == .success ? .good : .alarm
    lines.append("")
    lines += diagnosis.summary.wrapped(to: width).map { styled($0, style) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func render(_ finding: Finding, titleWidth: Int) -> [String] {
    let (mark, style) = Self.mark(finding.status)
    let head = "\(mark) \(finding.status.rawValue.padded(to: Self.wordWidth))  "
    let isNarrow = width < Self.narrow
    let indent = isNarrow ? 4 : head.terminalWidth + titleWidth + 2
    let margin = String(repeating: " ", count: indent)
    let room = width - indent

    let title = finding.title
    var details = finding.detail.wrapped(to: room)
    var lines: [String] = []
    if isNarrow {
      lines.append(styled(head, style) + title)
    } else {
      lines.append(styled(head, style) + title.padded(to: titleWidth) + "  " + details.removeFirst())
    }
    lines += details.map { margin + $0 }
    guard finding.status != .ok else { return lines }
    lines += finding.why.wrapped(to: room).map { margin + styled($0, .dim) }
    if let remedy = finding.remedy {
      // Never broken: it is there to be copied.
      let text = "→ run: \(remedy)"
      let place = [indent, head.terminalWidth].first { $0 + text.terminalWidth <= width } ?? 4
      lines.append(String(repeating: " ", count: place) + text)
    }
    return lines
  }

  private static let wordWidth = Finding.Status.allCases.map(\.rawValue.count).max() ?? 0

  private static func mark(_ status: Finding.Status) -> (mark: String, style: Style) {
    switch status {
    case .ok: ("✓", .good)
    case .note: ("·", .dim)
    case .warning: ("!", .caution)
    case .missing: ("–", .caution)
    case .fatal: ("✗", .alarm)
    }
  }

  private enum Style: String {
    case good = "32"
    case dim = "2"
    case caution = "33"
    case alarm = "1;31"
  }

  private func styled(_ text: String, _ style: Style) -> String {
    color ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}
