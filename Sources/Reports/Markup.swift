internal import Mustache

/// Text inside HTML and SVG.
enum Markup {
  /// `text` as character data, and as the value of a quoted attribute.
  ///
  /// By scalars, not by characters: to Swift "<" and a combining mark behind it (or an Arabic number sign before it) are
  /// one character that is not "<", to a browser they are a tag.
  static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count + 16)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// What templates are escaped by, in place of the library's own way, which goes by characters.
struct MarkupContentType: MustacheContentType {
  /// As the templates name it in their first line.
  static let name = "MARKUP"

  func escapeText(_ text: String) -> String { Markup.escaped(text) }
}
