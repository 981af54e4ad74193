/// Text inside GitHub's Markdown.
enum MarkdownText {
  /// Text that Markdown renders as itself: no markup, no HTML, no link, no mention, no cell or line of its own.
  /// Expects one inert line.
  static func escaped(_ text: String) -> String {
    var result = ""
    var previous: Unicode.Scalar?
    let scalars = Array(text.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case "\\", "`", "*", "_", "[", "]", "<", ">", "|", "~", "#", "!", "$": result += "\\"
      case "&":
        result += "&amp;"
        previous = scalar
        continue
      // An address or a mention must not come alive.
      case ":" where index + 1 < scalars.count && scalars[index + 1] == "/": result += "\\"
      case "@": result += "\\"
      case "." where previous == "w" || previous == "W": result += "\\"
      default: break
      }
      result.unicodeScalars.append(scalar)
      if scalar == "@" { result += "\u{2060}" }
      previous = scalar
    }
    return result
  }

  /// A code span that holds `text` whatever backticks are in it. In a table a bar would end the cell even in code, so
  /// such text stands there as it is, escaped.
  static func code(_ text: String, inTable: Bool = true) -> String {
    if inTable && text.contains("|") { return escaped(text) }
    var longest = 0
    var run = 0
    for character in text {
      run = character == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    let padding = longest > 0 || text.isEmpty ? " " : ""
    return fence + padding + text + padding + fence
  }
}
