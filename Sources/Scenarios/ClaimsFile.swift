internal import Foundation
public import Model
internal import Yams

/// The claims of the article that scenarios refer to by id: the file `claims.yaml` beside them.
public struct ClaimsFile: Sendable, Equatable {
  /// The name that the file has in a directory of scenarios.
  public static let fileName = "claims.yaml"
  public static let currentSchema = "bench.claims/1"

  /// Where it was read from.
  public var path: String
  /// In the order of the file; ids are unique.
  public var claims: [ArticleClaim]

  public init(path: String, claims: [ArticleClaim]) {
    self.path = path
    self.claims = claims
  }

  /// The claim with this id.
  public func claim(_ id: String) -> ArticleClaim? { claims.first { $0.id == id } }

  /// Whether a path is that of a file of claims, by its name.
  public static func isNamed(by path: String) -> Bool {
    path.split(separator: "/").last.map { $0 == fileName } ?? false
  }

  /// Reads the file at `path`.
  /// - Throws: `.badInput` for a file that is missing, no text or no valid list of claims, with one line for each mistake
  ///   (up to ten); `.notPermitted` for one that the user may not read.
  public static func load(path: String) throws(UserError) -> ClaimsFile {
    try parse(try TextFile.read(path), file: path)
  }

  /// Reads the text of a file of claims.
  /// - Parameter file: the name that errors give the text.
  /// - Throws: `.badInput`, with one line for each mistake (up to ten).
  public static func parse(_ text: String, file: String) throws(UserError) -> ClaimsFile {
    let problems = Problems(file: file)
    guard let root = YAMLDocument.compose(text, problems),
      let claims = ClaimsReader(problems: problems).read(root), problems.isEmpty
    else { throw problems.error }
    return ClaimsFile(path: file, claims: claims)
  }

  /// The first file of that name in `directories`; nil if none has one.
  static func find(in directories: [String]) -> String? {
    directories.lazy.map { $0.isEmpty ? fileName : $0.hasSuffix("/") ? $0 + fileName : "\($0)/\(fileName)" }
      .first { FileManager.default.fileExists(atPath: $0) }
  }
}

/// Turns the tree of a file of claims into ``ArticleClaim``s, and reports every mistake with its place.
private struct ClaimsReader {
  let problems: Problems

  private static let schemaPrefix = "bench.claims/"
  private static let keys = [
    "id", "section", "statement", "metric", "quantity", "region", "margin", "published", "open",
  ]
  private static let ruleKeys = ["metric", "quantity", "region", "margin"]

  /// - Returns: nil if `problems` has at least one problem.
  func read(_ root: Node) -> [ArticleClaim]? {
    guard
      SchemaCheck(current: ClaimsFile.currentSchema, prefix: Self.schemaPrefix, subject: "a file of claims")
        .accepts(root, problems),
      let fields = Fields(root, subject: "the file", keys: ["schema", "claims"], problems),
      let nodes = fields.list("claims", of: "claims")
    else { return nil }
    if nodes.isEmpty { fields.report("'claims' needs at least one claim", at: "claims") }
    var claims: [ArticleClaim] = []
    var ids: Set<String> = []
    for node in nodes {
      guard let fields = Fields(node, subject: "a claim", keys: Self.keys, problems) else { continue }
      let id = fields.name("id")
      if let id, !ids.insert(id).inserted { fields.report("a second claim with the id '\(id)'", at: "id") }
      if let claim = read(fields, id) { claims.append(claim) }
    }
    return problems.isEmpty ? claims : nil
  }

  private func read(_ fields: Fields, _ id: String?) -> ArticleClaim? {
    let section = fields.text("section")
    let statement = fields.text("statement")
    let published = ClaimReading.published(fields, problems)
    let open = fields.has("open") ? fields.text("open") : nil
    var rule: ArticleClaim.Rule?
    // What nobody measures need not have a rule, but half of one is a mistake.
    if fields.lacks("open") || Self.ruleKeys.contains(where: fields.has) {
      let metric: Metric? = fields.choice("metric", of: "metrics")
      let quantity: ClaimSpec.Quantity? = fields.choice("quantity", of: "quantities")
      let region = ClaimReading.region(fields, quantity, problems)
      let margin = ClaimReading.margin(fields)
      if let metric, let quantity, let region, let margin {
        rule = ArticleClaim.Rule(metric: metric, quantity: quantity, region: region, margin: margin)
      }
    }
    guard let id, let section, let statement else { return nil }
    return ArticleClaim(
      id: id, section: section, statement: statement, rule: rule, published: published, open: open)
  }
}
