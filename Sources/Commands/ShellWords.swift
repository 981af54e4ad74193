internal import Model

/// A command line cut into words as a POSIX shell cuts it: blanks, single and double quotes, backslashes; and nothing
/// else, so that no variable, no pipe and no redirection happens unseen.
enum ShellWords {
  /// - Throws: `UserError(.usage)` where a quote is not closed or there is no word.
  static func split(_ text: String, option: String) throws(UserError) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in text {
      if isEscaped {
        // Within double quotes a backslash stands for itself before most characters.
        if quote == "\"" && character != "\"" && character != "\\" { word = (word ?? "") + "\\" }
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\" && quote != "'" {
        isEscaped = true
      } else if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character == " " || character == "\t" || character == "\n" {
        if let word { words.append(word) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    guard quote == nil && !isEscaped else {
      throw UserError(
        .usage, "\(option): a quote or a backslash at the end is not closed", remedy: "quote the whole command once")
    }
    if let word { words.append(word) }
    guard !words.isEmpty else { throw UserError(.usage, "\(option) is empty", remedy: "name a program") }
    return words
  }

  /// Words as they can be pasted into a shell again.
  static func joined(_ words: [String]) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")
    return words.map { word in
      !word.isEmpty && word.allSatisfy(plain.contains) ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }.joined(separator: " ")
  }

  /// The word as a shell reads it back.
  static func quoted(_ word: String) -> String {
    let isPlain = !word.isEmpty && word.utf8.allSatisfy { plain.contains($0) }
    return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  private static let plain = Set(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+@%".utf8)
}
