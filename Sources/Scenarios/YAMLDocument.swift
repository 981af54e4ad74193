internal import Model
internal import Yams

/// Composes the tree of the one YAML document in a text, and refuses what a scenario has no use for.
///
/// Anchors and aliases are refused because a few of them can stand for billions of nodes; explicit tags and keys that
/// are not plain text are refused where they are met (``Fields``).
enum YAMLDocument {
  /// - Returns: nil if `problems` has at least one more problem.
  static func compose(_ text: String, _ problems: Problems) -> Node? {
    var text = text
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }

    checkCharacters(text, problems)
    checkFloods(text, problems)
    guard problems.isEmpty else { return nil }
    do {
      // The resolver would guess types from the look of a text; the reader knows which type it wants.
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      guard let root = try parser.singleRoot() else {
        problems.report("the file is empty", at: .start)
        return nil
      }
      // Nodes refer to their anchors weakly, and the parser owns them.
      let anchored = withExtendedLifetime(parser) { firstAnchor(root) }
      if let anchored {
        problems.report(aliasMessage, at: anchored)
        return nil
      }
      return root
    } catch let error as YamlError {
      report(error, problems)
    } catch {
      problems.report("not valid YAML", at: .start)
    }
    return nil
  }

  private static let aliasMessage = "anchors (&name) and aliases (*name) are not supported: write the value out"

  private static let nestingMessage = "nested too deeply for a scenario"

  // MARK: - Before parsing

  /// Characters that YAML forbids or that would give lines or columns another meaning than an editor gives them.
  private static func checkCharacters(_ text: String, _ problems: Problems) {
    var line = 1
    var column = 1
    var isIndentation = true
    var found = 0
    var scalars = text.unicodeScalars.makeIterator()
    var next = scalars.next()
    while let scalar = next {
      next = scalars.next()
      let place = Place(line: line, column: column)
      switch scalar {
      case "\n":
        line += 1
        column = 0
        isIndentation = true
      case "\r" where next == "\n":
        break
      case "\t" where isIndentation:
        problems.report("a tab in the indentation: YAML is indented with spaces", at: place)
        found += 1
        isIndentation = false
      case "\t":
        break
      case _ where !Display.isPrintable(scalar):
        let name = scalar.properties.generalCategory == .control ? "control" : "invisible"
        problems.report("a\(name == "control" ? "" : "n") \(name) character (\(Display.codePoint(scalar)))", at: place)
        found += 1
        isIndentation = false
      default:
        if scalar != " " { isIndentation = false }
      }
      column += 1
      // Binary junk has one on every line.
      if found > 100 { return }
    }
  }

  /// While the tree is composed, each key is compared with its neighbours, with all that is below it and before
  /// anything can look at the tree. Keys within keys, and aliases within keys, can make that take for ever; a text that
  /// has more of their signs than any scenario is therefore refused by its looks. All others are judged by the tree.
  private static func checkFloods(_ text: String, _ problems: Problems) {
    var firstAnchor: Place?
    var aliases = 0
    var keys = 0
    var depth = 0
    var line = 1
    var column = 0
    var previous: Unicode.Scalar = "\n"
    var beforePrevious: Unicode.Scalar = "\n"
    for scalar in text.unicodeScalars {
      if previous == "\n" && column > 0 {
        line += 1
        column = 0
      }
      column += 1
      if isSeparator(beforePrevious) && !isSeparator(scalar) {
        if previous == "&" && firstAnchor == nil { firstAnchor = Place(line: line, column: max(1, column - 1)) }
        if previous == "*" { aliases += 1 }
      }
      if previous == "?" && isSeparator(beforePrevious) && isSeparator(scalar) { keys += 1 }
      if scalar == "[" || scalar == "{" { depth += 1 }
      if scalar == "]" || scalar == "}" { depth = max(0, depth - 1) }
      if depth > 64 || keys > 32 {
        problems.report(nestingMessage, at: Place(line: line, column: column))
        return
      }
      beforePrevious = previous
      previous = scalar
    }
    if let firstAnchor, aliases > 8 { problems.report(aliasMessage, at: firstAnchor) }
  }

  /// Whether a YAML token may begin after the character.
  private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case " ", "\t", "\r", "\n", "[", "]", "{", "}", ",", ":", "-", "?", "\"", "'": true
    default: false
    }
  }

  // MARK: - After parsing

  /// The place of the first node that has an anchor. Every alias refers to one, so that a tree without anchors is as
  /// large as its text; the search stops at the first, so that it never follows an alias.
  private static func firstAnchor(_ node: Node) -> Place? {
    if node.anchor != nil { return node.place }
    switch node {
    case .scalar, .alias: return nil
    case .sequence(let sequence):
      for element in sequence {
        if let place = firstAnchor(element) { return place }
      }
    case .mapping(let mapping):
      for (key, value) in mapping {
        if let place = firstAnchor(key) ?? firstAnchor(value) { return place }
      }
    }
    return nil
  }

  private static func report(_ error: YamlError, _ problems: Problems) {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
      let detail = context.map { " (\($0.text) that starts at \($0.mark.line):\($0.mark.column))" } ?? ""
      let isDeep = problem.contains("nesting level")
      problems.report(isDeep ? nestingMessage : "not valid YAML: \(problem)\(detail)", at: Place(mark))
    case .composer(_, let problem, let mark, _):
      let isAlias = problem.contains("alias")
      let isSecond = problem.contains("another document")
      problems.report(
        isAlias ? aliasMessage : isSecond ? "a second document ('---'): a file holds one scenario" : problem,
        at: Place(mark))
    case .duplicatedKeysInMapping(let duplicates, let context):
      let keys = duplicates.map(Display.quoted).joined(separator: ", ")
      problems.report("the key \(keys) is given more than once here", at: Place(context.mark))
    case .memory:
      problems.report(nestingMessage, at: .start)
    case .no, .reader, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      problems.report("not valid YAML", at: .start)
    }
  }
}
