/// A picture and what belongs to it, made once: HTML shows it in place, Markdown as a file beside it, and a terminal its
/// numbers. Text is inert but not yet escaped.
struct Figure {
  /// What a sign of the picture stands for.
  struct Key {
    /// Markup: a small picture, or a character.
    var sign: String
    var text: String
  }

  /// Lower-case letters, digits and hyphens; no two of a report have the same. Its anchor, and its file's name.
  let id: String
  var heading: String
  var caption: String
  var keys: [Key] = []
  var picture: SVG
  /// The numbers that are drawn, for whoever does not see the picture or wants to reckon with them.
  var data: [TextTable]
  /// Whether it wants the whole width of a page.
  var isWide = false
}
