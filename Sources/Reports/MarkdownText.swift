/// Text inside GitHub's Markdown.
enum MarkdownText {
  /// Text that Markdown renders as itself: no markup, no HTML, no link, no mention, no cell or line of its own.
  /// Expects one inert line.
  static func escaped(_ text: String) -> String {
    var result = ""
    var previous: Unicode.Scalar?
    let scalars = Array(text.unicodeScalars)
    let marker = blockMarker(scalars)
    for (index, scalar) in scalars.enumerated() {
      if index == marker { result += "\\" }
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

  /// The place of the character that would make the text, where it begins a line, an item of a list, a rule or the line
  /// under a heading; nil where none would.
  private static func blockMarker(_ scalars: [Unicode.Scalar]) -> Int? {
    guard let first = scalars.first else { return nil }
    func ends(_ place: Int) -> Bool { place >= scalars.count || scalars[place] == " " }
    switch first {
    case "-", "+", "=":
      let isItem = first != "=" && ends(1)
      return isItem || scalars.allSatisfy({ $0 == first || $0 == " " }) ? 0 : nil
    case "0"..."9":
      let digits = scalars.prefix { ("0"..."9").contains($0) }.count
      guard digits < scalars.count, scalars[digits] == "." || scalars[digits] == ")" else { return nil }
      return ends(digits + 1) ? digits : nil
    default: return nil
    }
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
