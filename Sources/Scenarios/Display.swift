/// Makes what a file or a command line says safe and short enough for a message: it ends up on a terminal.
enum Display {
  /// Longer values are cut; enough is left to find them.
  private static let limit = 60

  /// In single quotes, cut after 60 characters.
  static func quoted(_ text: String) -> String {
    // Cut before escaping: the text may be the whole of a large file.
    let cut = text.prefix(limit)
    return cut.endIndex < text.endIndex ? "'\(plain(String(cut)))…'" : "'\(plain(text))'"
  }

  /// With characters that a terminal would act on, or that cannot be seen, in the form `\u{1B}`.
  static func plain(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if isPrintable(scalar) { result.unicodeScalars.append(scalar) } else { result += escape(scalar) }
    }
    return result
  }

  /// More words than this are no help in a sentence.
  private static let longestList = 14

  /// Words in a sentence, e.g. "spin, block".
  static func list(_ words: [String]) -> String {
    let shown = words.prefix(longestList).map(plain).joined(separator: ", ")
    return words.count > longestList ? "\(shown) and \(words.count - longestList) more" : shown
  }

  /// False for control characters, for invisible ones (zero-width, direction overrides) and for line separators.
  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: false
    default: !scalar.properties.isNoncharacterCodePoint
    }
  }

  /// E.g. "U+001B".
  static func codePoint(_ scalar: Unicode.Scalar) -> String {
    let hex = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
  }
}
