/// A file format of what is one page: a comparison of two runs, a night.
public enum PageFormat: String, Sendable, CaseIterable {
  case html, markdown, json

  /// Without the dot.
  public var fileExtension: String {
    switch self {
    case .html: "html"
    case .markdown: "md"
    case .json: "json"
    }
  }
}
