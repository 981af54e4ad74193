internal import Yams

/// The first thing that a file must say: which kind of file it is, and of which version.
struct SchemaCheck {
  /// E.g. "bench.scenario/1".
  let current: String
  /// The part before the version.
  let prefix: String
  /// E.g. "a scenario".
  let subject: String
  /// Schemas of other files of ours, each with what such a file is.
  var others: [String: String] = [:]

  /// - Returns: false if it has reported a problem.
  func accepts(_ root: Node, _ problems: Problems) -> Bool {
    guard case .mapping(let mapping) = root else {
      problems.report("\(subject) must be a mapping (key: value), not \(root.kind)", at: root.place)
      return false
    }
    let entry = mapping.first { key, _ in
      if case .scalar(let scalar) = key { return scalar.string == "schema" }
      return false
    }
    guard let node = entry?.value, case .scalar(let scalar) = node, !scalar.isNull else {
      problems.report("the file does not say 'schema: \(current)'", at: entry?.value.place ?? root.place)
      return false
    }
    let schema = scalar.string.trimmed
    if schema == current { return true }
    let version = schema.hasPrefix(prefix) ? UInt64(schema.dropFirst(prefix.count)) : nil
    let known = UInt64(current.dropFirst(prefix.count)) ?? 0
    if let version, version > known {
      problems.report(
        "schema \(Display.quoted(schema)) is newer than this program, which reads '\(current)': install a newer bench",
        at: node.place)
    } else if let other = others[schema] {
      problems.report("schema '\(schema)' is that of \(other), not of \(subject) ('\(current)')", at: node.place)
    } else {
      problems.report("unknown schema \(Display.quoted(schema)) (this program reads '\(current)')", at: node.place)
    }
    return false
  }
}
