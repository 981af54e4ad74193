public import Foundation
public import Model
internal import PlainText

/// Two runs held against each other, in every format.
public enum ComparisonReport {
  /// For a terminal, ending in a newline.
  /// - Parameters:
  ///   - width: of the terminal, in columns; taken to be between 40 and 160.
  ///   - color: whether to add ANSI colour and weight. Nothing is said by colour alone.
  public static func terminal(_ comparison: RunComparison, width: Int, color: Bool) -> String {
    ComparisonTerminal.render(ComparisonPage(comparison), width: min(160, max(40, width)), color: color)
  }

  /// One HTML file that needs nothing but a browser: no network, no script, no font of its own.
  public static func html(_ comparison: RunComparison) throws -> String {
    try ComparisonHTML.render(ComparisonPage(comparison))
  }

  /// GitHub's Markdown, ending in a newline.
  public static func markdown(_ comparison: RunComparison) -> String {
    ComparisonMarkdown.render(ComparisonPage(comparison))
  }

  /// The file `bench.comparison/1`: UTF-8, keys sorted, indented, ending in a newline.
  /// - Throws: ``UserError`` for a number that JSON cannot hold.
  public static func json(_ comparison: RunComparison) throws -> Data {
    try ReportJSON.encode(comparison, as: "the comparison")
  }

  /// Writes `<directory>/compare-<A's id>-<B's id>.<extension>` for each format, making the directory if need be. A file
  /// is either the old one or the whole new one, never a part.
  /// - Returns: the paths, in the order of `formats`.
  /// - Throws: ``UserError`` for whatever the file system refuses.
  public static func write(
    _ comparison: RunComparison, to directory: String, formats: [PageFormat]
  ) throws -> [String] {
    let names = [comparison.a.id, comparison.b.id].map(ReportWriter.fileName)
    let documents = try formats.map { format in
      let bytes: Data =
        switch format {
        case .html: Data(try html(comparison).utf8)
        case .markdown: Data(markdown(comparison).utf8)
        case .json: try json(comparison)
        }
      let path = "\(directory)/compare-\(names[0])-\(names[1]).\(format.fileExtension)"
      return (path: path.replacing("//", with: "/"), bytes: bytes)
    }
    try ReportWriter.prepare(directory)
    for document in documents { try ReportWriter.replace(document.path, with: document.bytes) }
    return documents.map(\.path)
  }
}
