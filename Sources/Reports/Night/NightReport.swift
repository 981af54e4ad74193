public import Foundation
public import Model
internal import PlainText

/// A night of `bench nightly`, in every format.
public enum NightReport {
  /// For a terminal, ending in a newline.
  /// - Parameters:
  ///   - width: of the terminal, in columns; taken to be between 40 and 160.
  ///   - color: whether to add ANSI colour and weight. Nothing is said by colour alone.
  public static func terminal(_ night: NightResult, width: Int, color: Bool) -> String {
    NightTerminal.render(NightPage(night), width: min(160, max(40, width)), color: color)
  }

  /// One HTML file that needs nothing but a browser: no network, no font, and no script of its own but for what a reader
  /// can do without.
  public static func html(_ night: NightResult) throws -> String { try NightHTML.render(NightPage(night)) }

  /// GitHub's Markdown, ending in a newline.
  public static func markdown(_ night: NightResult) -> String { NightMarkdown.render(NightPage(night)) }

  /// The file `bench.night/1`, described by docs/bench.night.schema.json: UTF-8, keys sorted, indented, ending in a
  /// newline.
  /// - Throws: ``UserError`` for a number that JSON cannot hold.
  public static func json(_ night: NightResult) throws -> Data { try ReportJSON.encode(night, as: "the night") }

  /// Reads what ``json(_:)`` wrote.
  /// - Throws: ``UserError`` for data of another schema, and for what is no night.
  public static func decode(_ data: Data) throws -> NightResult {
    try ReportJSON.decode(
      NightResult.self, from: data, schema: NightResult.currentSchema, what: "the night", kind: "no night of bench")
  }

  /// Writes `<directory>/night-<the night's id>.<extension>` for each format, making the directory if need be. A file is
  /// either the old one or the whole new one, never a part.
  /// - Returns: the paths, in the order of `formats`.
  /// - Throws: ``UserError`` for whatever the file system refuses.
  public static func write(_ night: NightResult, to directory: String, formats: [PageFormat]) throws -> [String] {
    let name = ReportWriter.fileName(night.night.id)
    let documents = try formats.map { format in
      let bytes: Data =
        switch format {
        case .html: Data(try html(night).utf8)
        case .markdown: Data(markdown(night).utf8)
        case .json: try json(night)
        }
      let path = "\(directory)/night-\(name).\(format.fileExtension)"
      return (path: path.replacing("//", with: "/"), bytes: bytes)
    }
    try ReportWriter.prepare(directory)
    for document in documents { try ReportWriter.replace(document.path, with: document.bytes) }
    return documents.map(\.path)
  }
}
