internal import PlainText

/// Lines of a terminal's page: no wider than it is, coloured where that is wanted.
struct TerminalPage {
  typealias Style = TerminalTable.Style

  /// A column of text is no narrower than this.
  private static let narrowestText = 16

  let width: Int
  let color: Bool
  private var lines: [String] = []

  init(width: Int, color: Bool) {
    self.width = width
    self.color = color
  }

  /// All lines, without spaces at their ends, ending in a newline.
  var text: String {
    lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n") + "\n"
  }

  func styled(_ text: String, _ style: Style?) -> String {
    guard color, let style, !text.isEmpty else { return text }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  /// A line that is known to fit.
  mutating func line(_ text: String = "") { lines.append(text) }

  mutating func rule() { lines.append(styled(String(repeating: "─", count: width), .dim)) }

  mutating func heading(_ text: String, _ aside: String = "") {
    lines.append("")
    let text = text.fitted(to: width)
    let room = width - text.terminalWidth - 2
    lines.append(styled(text, .bold) + (aside.isEmpty || room < 8 ? "" : "  " + styled(aside.fitted(to: room), .dim)))
  }

  mutating func paragraph(_ text: String, indent: Int = 0, _ style: Style? = nil) {
    let margin = String(repeating: " ", count: indent)
    for line in text.wrapped(to: width - indent) { lines.append(margin + styled(line, style)) }
  }

  /// Text in a column of its own behind a label, or below a label that leaves too little room.
  /// - Parameter column: of the label, the space behind it not included.
  mutating func hanging(
    _ label: String, _ style: Style?, _ text: String, indent: Int = 0, column: Int? = nil, textStyle: Style? = nil
  ) {
    let start = indent + max(label.terminalWidth, column ?? 0) + 1
    if width - start < Self.narrowestText {
      paragraph(label, indent: indent, style)
      paragraph(text, indent: indent + 2, textStyle)
      return
    }
    let label = label.padded(to: column ?? 0)
    for (index, line) in text.wrapped(to: width - start).enumerated() {
      let head = index == 0 ? styled(label, style) : String(repeating: " ", count: label.terminalWidth)
      lines.append(String(repeating: " ", count: indent) + head + " " + styled(line, textStyle))
    }
  }

  /// A shape, a title, and its number at the right end of the line, or below where there is no room for both.
  mutating func entry(_ shape: String, _ style: Style?, _ title: String, _ number: String) {
    let room = width - 4 - number.terminalWidth - 2
    if title.terminalWidth <= room {
      lines.append("  " + styled(shape, style) + " " + title.padded(to: room) + "  " + number)
    } else {
      hanging(shape, style, title, indent: 2)
      if !number.isEmpty { paragraph(number, indent: 4) }
    }
  }
}

/// Values from night to night as a row of blocks, the lowest at the bottom of a line of text.
enum TextSparkline {
  private static let blocks = Array("▁▂▃▄▅▆▇█")

  /// - Returns: one block a value; a value that is none is a space.
  static func text(_ values: [Double]) -> String {
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return "" }
    // Less than a hundredth stays within its part of the height: noise is not to look like drift.
    let half = max((high - low) / 2, abs(low + high) / 2 * 0.01)
    let bottom = (low + high) / 2 - half
    return String(
      values.map { value in
        guard value.isFinite else { return " " }
        let share = half > 0 ? (value - bottom) / (2 * half) : 0.5
        return blocks[min(blocks.count - 1, max(0, Int(share * Double(blocks.count))))]
      })
  }
}
