/// Host names, titles and reasons come from outside: here they lose the power to do anything but be read.
public enum InertText {
  /// The longest text that is shown whole, in Unicode scalars.
  public static let longestText = 1200
  /// The longest name (of a host, an environment, a workload) that is shown whole.
  public static let longestName = 60

  /// `text` on one line, without control characters, escape sequences, bidirectional overrides or invisible
  /// characters, and at most `limit` scalars long. What cannot be shown appears as U+FFFD.
  public static func line(_ text: String, limit: Int = longestText) -> String {
    var kept = String.UnicodeScalarView()
    var count = 0
    var marksInARow = 0
    var isSpacePending = false
    for scalar in text.unicodeScalars {
      let shown: Unicode.Scalar
      switch scalar.properties.generalCategory {
      case .spaceSeparator where scalar != "\u{00A0}" && scalar != "\u{202F}", .lineSeparator, .paragraphSeparator:
        isSpacePending = true
        continue
      case .control where scalar == "\n" || scalar == "\t" || scalar == "\r":
        isSpacePending = true
        continue
      case .control, .unassigned, .privateUse, .surrogate:
        shown = "\u{FFFD}"
      case .format:
        continue
      case .nonspacingMark, .enclosingMark, .spacingMark:
        marksInARow += 1
        if marksInARow > 2 || count == 0 { continue }
        shown = scalar
      default:
        // Fillers and variation selectors are letters or marks to Unicode, and nothing to the eye.
        if scalar.properties.isDefaultIgnorableCodePoint { continue }
        shown = scalar
      }
      if isMark(shown) == false { marksInARow = 0 }
      if isSpacePending {
        isSpacePending = false
        if count > 0 {
          kept.append(" ")
          count += 1
        }
      }
      if count >= limit {
        kept.append("…")
        return String(kept)
      }
      kept.append(shown)
      count += 1
    }
    return String(kept)
  }

  /// A name: short, and never empty.
  public static func name(_ text: String, limit: Int = longestName) -> String {
    let name = line(text, limit: limit)
    return name.isEmpty ? "(no name)" : name
  }

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .spacingMark: true
    default: false
    }
  }
}

extension String {
  /// The columns it takes on a terminal: 2 for East Asian wide characters and pictographs, 0 for marks.
  public var terminalWidth: Int {
    var width = 0
    for scalar in unicodeScalars {
      switch scalar.value {
      case 0x20...0x7E: width += 1
      case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
        width += 2
      default:
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: break
        default: width += scalar.properties.isEmojiPresentation ? 2 : 1
        }
      }
    }
    return width
  }

  /// Its head, of at most `width` terminal columns, with "…" for what is missing.
  public func fitted(to width: Int) -> String {
    guard terminalWidth > width else { return self }
    var head = ""
    var used = 0
    for character in self {
      let columns = String(character).terminalWidth
      if used + columns > width - 1 { break }
      head.append(character)
      used += columns
    }
    return head + "…"
  }

  public func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - terminalWidth)) }

  public func leftPadded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - terminalWidth)) + self
  }

  /// Lines of at most `width` terminal columns, broken at spaces, or within a word that alone is wider. A number and its
  /// unit stay together.
  public func wrapped(to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    var used = 0
    for var word in wordsWithUnits {
      var columns = word.terminalWidth
      if used > 0 && used + 1 + columns > width {
        lines.append(line)
        line = ""
        used = 0
      }
      while columns > width {
        var head = ""
        var taken = 0
        while let next = word.first {
          let step = String(next).terminalWidth
          if taken + step > width && taken > 0 { break }
          head.append(next)
          taken += step
          word.removeFirst()
          if taken >= width { break }
        }
        lines.append(head)
        columns = word.terminalWidth
      }
      if columns == 0 && word.isEmpty { continue }
      if used > 0 {
        line += " "
        used += 1
      }
      line += word
      used += columns
    }
    if used > 0 || lines.isEmpty { lines.append(line) }
    return lines
  }

  /// The words between spaces; a unit of one or two letters is of one word with its number.
  private var wordsWithUnits: [String] {
    var words: [String] = []
    for word in split(separator: " ", omittingEmptySubsequences: true) {
      if let number = words.last, number.last?.isNumber == true, word.count <= 2, word.first?.isNumber == false,
        word.first?.isLetter == true || word.first == "%"
      {
        words[words.count - 1] = "\(number) \(word)"
      } else {
        words.append(String(word))
      }
    }
    return words
  }
}
