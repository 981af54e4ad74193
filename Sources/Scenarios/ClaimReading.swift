internal import Model
internal import Yams

/// The parts that a claim has in a scenario and in a file of claims.
enum ClaimReading {
  static func margin(_ fields: Fields) -> Double? {
    let margin = fields.number("margin")
    if let margin, margin <= 0 { fields.report("'margin' must be above 0, not \(margin)", at: "margin") }
    return margin
  }

  static func published(_ fields: Fields, _ problems: Problems) -> [ClaimSpec.Published] {
    guard fields.has("published"), let nodes = fields.list("published", of: "published numbers") else { return [] }
    return nodes.compactMap { node in
      guard let parts = Fields(node, subject: "a published number", keys: ["source", "finding"], problems) else {
        return nil
      }
      let source = parts.text("source")
      let finding = parts.text("finding")
      guard let source, let finding else { return nil }
      return ClaimSpec.Published(source: source, finding: finding)
    }
  }

  static func region(_ fields: Fields, _ quantity: ClaimSpec.Quantity?, _ problems: Problems) -> ClaimRegion? {
    guard let node = fields.node("region"),
      let bounds = Fields(node, subject: "a claim's region", keys: ["above", "below"], problems)
    else { return nil }
    if !bounds.has("above") && !bounds.has("below") {
      fields.report("a claim's region needs 'above', 'below' or both", at: "region")
      return nil
    }
    let above = bounds.number("above", isRequired: false)
    let below = bounds.number("below", isRequired: false)
    for (key, bound) in [("above", above), ("below", below)] {
      if let bound, quantity == .ratio && bound <= 0 {
        bounds.report("'\(key)' must be above 0, not \(bound): a ratio is never less", at: key)
      }
    }
    if let above, let below, above >= below {
      fields.report("a claim's region needs 'above' (\(above)) to be less than 'below' (\(below))", at: "region")
    }
    return ClaimRegion(above: above, below: below)
  }
}

/// The file of claims that a scenario's claims refer to, read when the first of them asks for it: a scenario without
/// claims is valid whatever lies beside it.
///
/// A class because it remembers what it has read.
final class ClaimsSource {
  /// Where the file is; nil where there is none.
  let path: String?
  /// Whether it lies in the scenario's own directory, and so is what the scenario's author writes against.
  let isBeside: Bool
  /// Why it could not be read.
  private(set) var failure: UserError?
  private var file: ClaimsFile?

  init(path: String?, isBeside: Bool) {
    self.path = path
    self.isBeside = isBeside
  }

  init(file: ClaimsFile?, isBeside: Bool) {
    self.file = file
    self.isBeside = isBeside
    path = file?.path
  }

  func claim(_ id: String) -> ArticleClaim? { claims.first { $0.id == id } }

  /// None where there is no file, or none that can be read.
  var claims: [ArticleClaim] {
    if file == nil, failure == nil, let path {
      do throws(UserError) { file = try ClaimsFile.load(path: path) } catch { failure = error }
    }
    return file?.claims ?? []
  }
}
