internal import Mustache

/// What pages share: templates, style sheet, script.
enum HTMLPage {
  /// Where, in the style sheet, what pictures need ends and what is for the page alone begins.
  private static let pageMark = "/* The page. */"

  /// The whole style sheet of a page.
  static let css = text(PackageResources.report_css)
    .replacing("; ", with: ";").replacing(" { ", with: "{").replacing(" }", with: "}")

  /// The part of the style sheet that colours pictures: it goes into those that stand alone.
  static let pictureStyle = css.firstRange(of: pageMark).map { String(css[..<$0.lowerBound]) } ?? css

  /// What a page can do beyond being read.
  static let script = text(PackageResources.report_js)

  /// A source without indentation and without lines of comment, which every page would carry.
  private static func text(_ source: [UInt8]) -> String {
    String(decoding: source, as: UTF8.self).split(separator: "\n")
      .map { String($0.drop { $0 == " " }) }.filter { !$0.hasPrefix("//") }.map { $0 + "\n" }.joined()
  }

  /// The SHA-256 of ``script`` in Base64: the page lets no other script run. Kept in a file beside the script; a test
  /// compares them, and says what it has to be.
  static let scriptHash = String(decoding: PackageResources.report_js_sha256, as: UTF8.self)
    .filter { !$0.isWhitespace }

  /// - Throws: where a template is wrong.
  static func render(_ context: [String: Any], template: String) throws -> String {
    guard let text = try library.get().render(context, withTemplate: template) else {
      throw Missing(template: template)
    }
    return text
  }

  private struct Missing: Error { var template: String }

  /// The templates, compiled once. Their first lines make ``MarkupContentType`` escape them.
  private static let library: Result<MustacheLibrary, any Error> = Result {
    MustacheContentTypes.register(MarkupContentType(), named: MarkupContentType.name)
    let sources = [
      "report": PackageResources.report_mustache, "figure": PackageResources.figure_mustache,
      "grid": PackageResources.grid_mustache, "rungs": PackageResources.rungs_mustache,
      "metric": PackageResources.metric_mustache, "numbers": PackageResources.numbers_mustache,
      "comparison": PackageResources.comparison_mustache, "claims": PackageResources.claims_mustache,
      "index": PackageResources.index_mustache, "night": PackageResources.night_mustache,
    ]
    return MustacheLibrary(
      templates: try sources.mapValues { try MustacheTemplate(string: String(decoding: $0, as: UTF8.self)) })
  }
}
