internal import Model
internal import Yams

/// The entries of one YAML mapping, read by key and type. Each accessor reports what is wrong and returns nil then, so
/// that reading goes on and finds the next mistake.
struct Fields {
  /// What the mapping describes, as part of a sentence: "a workload".
  let subject: String
  /// Where the mapping begins.
  let place: Place
  private let entries: [String: Node]
  /// Keys that an unknown key of the mapping was probably meant to be: they are not missed a second time.
  private let misspelled: Set<String>
  private let problems: Problems

  /// Reports a node that is no mapping, and unknown keys.
  init?(_ node: Node, subject: String, keys: [String], _ problems: Problems) {
    self.subject = subject
    self.problems = problems
    place = node.place
    if let complaint = node.tagComplaint { problems.report(complaint, at: place) }
    guard case .mapping(let mapping) = node else {
      problems.report("\(subject) must be a mapping (key: value), not \(node.kind)", at: place)
      return nil
    }
    var entries: [String: Node] = [:]
    var misspelled: Set<String> = []
    for (key, value) in mapping {
      guard case .scalar(let scalar) = key else {
        problems.report("a key in \(subject) must be plain text, not \(key.kind)", at: key.place)
        continue
      }
      if keys.contains(scalar.string) {
        entries[scalar.string] = value
      } else {
        problems.report(Self.unknown("key", scalar.string, in: subject, keys, plural: "keys"), at: key.place)
        if let near = Self.nearest(scalar.string, keys) { misspelled.insert(near) }
      }
    }
    self.entries = entries
    self.misspelled = misspelled
  }

  /// E.g. "unknown key 'enviroment' in a workload (did you mean 'environment'?)".
  static func unknown(
    _ noun: String, _ word: String, in place: String? = nil, _ candidates: [String], plural: String
  ) -> String {
    let head = "unknown \(noun) \(Display.quoted(word))\(place.map { " in \($0)" } ?? "")"
    if let near = nearest(word, candidates) { return "\(head) (did you mean '\(near)'?)" }
    return "\(head) (the \(plural) are: \(Display.list(candidates)))"
  }

  private static func nearest(_ word: String, _ candidates: [String]) -> String? {
    // No candidate is near to a very long word, and the search takes time with its length.
    Suggestion.nearest(to: String(word.prefix(100)), among: candidates)
  }

  func has(_ key: String) -> Bool { entries[key] != nil }

  /// Whether `key` is missing, and no misspelled key stands for it.
  func lacks(_ key: String) -> Bool { !has(key) && !misspelled.contains(key) }

  /// Where the value of `key` stands; the mapping's place without one.
  func place(_ key: String) -> Place { entries[key]?.place ?? place }

  func report(_ message: String, at key: String) {
    problems.report(message, at: place(key))
  }

  // MARK: - Nodes

  /// The value of `key`; reports a required one that is missing.
  func node(_ key: String, isRequired: Bool = true) -> Node? {
    guard let node = entries[key] else {
      if isRequired && !misspelled.contains(key) { problems.report("\(subject) has no '\(key)'", at: place) }
      return nil
    }
    if let complaint = node.tagComplaint {
      problems.report(complaint, at: node.place)
      return nil
    }
    return node
  }

  /// The elements of a list.
  func list(_ key: String, of elements: String, isRequired: Bool = true) -> [Node]? {
    guard let node = node(key, isRequired: isRequired) else { return nil }
    guard case .sequence(let sequence) = node else {
      report("'\(key)' must be a list of \(elements), not \(node.kind)", at: key)
      return nil
    }
    return Array(sequence)
  }

  private func scalar(_ key: String, as type: String, isRequired: Bool) -> Node.Scalar? {
    guard let node = node(key, isRequired: isRequired) else { return nil }
    guard case .scalar(let scalar) = node else {
      report("'\(key)' must be \(type), not \(node.kind)", at: key)
      return nil
    }
    if scalar.isNull {
      report("'\(key)' in \(subject) has no value", at: key)
      return nil
    }
    return scalar
  }

  // MARK: - Text

  /// Text without control characters, trimmed, not empty.
  /// - Parameter mayHaveParagraphs: line breaks are allowed.
  func text(_ key: String, mayHaveParagraphs: Bool = false) -> String? {
    guard let scalar = scalar(key, as: "text", isRequired: true) else { return nil }
    return text(scalar, "'\(key)'", mayHaveParagraphs: mayHaveParagraphs)
  }

  private func text(_ scalar: Node.Scalar, _ subject: String, mayHaveParagraphs: Bool = false) -> String? {
    let place = scalar.place
    let text = scalar.string.trimmed
    if text.isEmpty {
      problems.report("\(subject) is empty", at: place)
      return nil
    }
    for scalar in text.unicodeScalars where !Display.isPrintable(scalar) {
      if scalar == "\n" {
        if mayHaveParagraphs { continue }
        problems.report("\(subject) must be one line: fold it with '>' and leave no empty line", at: place)
      } else {
        problems.report("a control or invisible character (\(Display.codePoint(scalar))) in \(subject)", at: place)
      }
      return nil
    }
    return text
  }

  /// The texts of a list, each with its place.
  /// - Parameter mayBeEmpty: empty texts are allowed, as a program's argument may be one.
  func texts(
    _ key: String, of elements: String, isRequired: Bool = true, mayBeEmpty: Bool = false
  ) -> [(text: String, place: Place)]? {
    guard let nodes = list(key, of: elements, isRequired: isRequired) else { return nil }
    var result: [(text: String, place: Place)] = []
    var isGood = true
    for node in nodes {
      if let complaint = node.tagComplaint {
        problems.report(complaint, at: node.place)
        isGood = false
      } else if case .scalar(let scalar) = node, !scalar.isNull || (mayBeEmpty && scalar.style != .plain) {
        if mayBeEmpty && scalar.string.isEmpty {
          result.append(("", node.place))
        } else if let text = text(scalar, "an entry of '\(key)'") {
          result.append((text, node.place))
        } else {
          isGood = false
        }
      } else {
        problems.report("an entry of '\(key)' must be text, not \(node.kind)", at: node.place)
        isGood = false
      }
    }
    return isGood ? result : nil
  }

  /// A name: lower-case words joined by hyphens, as they are typed on the command line and used in file names.
  func name(_ key: String) -> String? {
    guard let text = text(key) else { return nil }
    let isName =
      text.utf8.count <= 64
      && text.split(separator: "-", omittingEmptySubsequences: false).allSatisfy { word in
        !word.isEmpty && word.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) }
      }
    if !isName {
      report(
        "'\(key)' must be lower-case words joined by hyphens (at most 64 letters and digits), not "
          + Display.quoted(text), at: key)
      return nil
    }
    return text
  }

  /// One of a fixed set of words.
  func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ key: String, of plural: String, default: Value? = nil
  ) -> Value? {
    if !has(key), let value = `default` { return value }
    guard let text = text(key) else { return nil }
    if let value = Value(rawValue: text) { return value }
    report(Self.unknown(key, text, Value.allCases.map(\.rawValue), plural: plural), at: key)
    return nil
  }

  /// A word that another part of the scenario defines.
  func reference(_ key: String, to noun: String, among candidates: [String]) -> String? {
    guard let text = text(key) else { return nil }
    if candidates.contains(text) { return text }
    report(Self.unknown(noun, text, candidates, plural: "scenario's \(noun)s"), at: key)
    return nil
  }

  // MARK: - Numbers

  /// A whole number in `range`.
  func integer(_ key: String, in range: ClosedRange<Int>, default: Int? = nil) -> Int? {
    if !has(key), let value = `default` { return value }
    guard let scalar = scalar(key, as: "a whole number", isRequired: true) else { return nil }
    return integer(scalar, "'\(key)'", in: range)
  }

  private func integer(_ scalar: Node.Scalar, _ subject: String, in range: ClosedRange<Int>) -> Int? {
    let wanted = "\(subject) must be a whole number in \(range.lowerBound)…\(range.upperBound)"
    let place = scalar.place
    if let complaint = scalar.quotingComplaint {
      problems.report("\(wanted), \(complaint)", at: place)
      return nil
    }
    // A number that does not even fit into 64 bits is out of range like any other.
    guard let value = Int(scalar.string), range.contains(value) else {
      problems.report("\(wanted), not \(Display.quoted(scalar.string))", at: place)
      return nil
    }
    return value
  }

  /// The whole numbers of a list, each in `range`.
  func integers(_ key: String, in range: ClosedRange<Int>) -> [Int]? {
    guard let nodes = list(key, of: "whole numbers") else { return nil }
    var result: [Int] = []
    for node in nodes {
      if let complaint = node.tagComplaint {
        problems.report(complaint, at: node.place)
      } else if case .scalar(let scalar) = node {
        if let value = integer(scalar, "an entry of '\(key)'", in: range) { result.append(value) }
      } else {
        problems.report("an entry of '\(key)' must be a whole number, not \(node.kind)", at: node.place)
      }
    }
    return result.count == nodes.count ? result : nil
  }

  /// A finite decimal number.
  func number(_ key: String, isRequired: Bool = true) -> Double? {
    guard let scalar = scalar(key, as: "a number", isRequired: isRequired) else { return nil }
    if let complaint = scalar.quotingComplaint {
      report("'\(key)' must be a number, \(complaint)", at: key)
      return nil
    }
    // `Double` would also read "nan", "infinity" and hexadecimal.
    let isDecimal = scalar.string.utf8.allSatisfy { "+-.0123456789eE".utf8.contains($0) }
    guard isDecimal, let value = Double(scalar.string), value.isFinite else {
      report("'\(key)' must be a finite decimal number, not \(Display.quoted(scalar.string))", at: key)
      return nil
    }
    return value
  }

  /// True or false.
  func flag(_ key: String) -> Bool? {
    guard let scalar = scalar(key, as: "true or false", isRequired: true) else { return nil }
    if let complaint = scalar.quotingComplaint {
      report("'\(key)' must be true or false, \(complaint)", at: key)
      return nil
    }
    // YAML 1.1 also takes "yes", "on" and "y" for true, YAML 1.2 does not.
    switch scalar.string {
    case "true": return true
    case "false": return false
    default:
      report("'\(key)' must be true or false, not \(Display.quoted(scalar.string))", at: key)
      return nil
    }
  }

  /// A size in bytes.
  func bytes(_ key: String, in range: ClosedRange<Int>) -> Int? {
    guard let scalar = scalar(key, as: "a size", isRequired: true) else { return nil }
    let text = scalar.string.trimmed
    let units = Display.list(SizeText.units.map(\.name))
    let bounds = [range.lowerBound, range.upperBound].map(SizeText.describe).joined(separator: "…")
    do throws(SizeText.Failure) {
      let value = try SizeText.bytes(text)
      guard range.contains(value) else { throw .outOfRange }
      return value
    } catch {
      switch error {
      case .malformed:
        report("'\(key)' must be a size such as 64MiB (\(units)), not \(Display.quoted(text))", at: key)
      case .unknownUnit(let unit):
        report("unknown unit \(Display.quoted(unit)) in '\(key)' (the units are: \(units))", at: key)
      case .outOfRange:
        report("'\(key)' must be a size in \(bounds), not \(Display.quoted(text))", at: key)
      }
      return nil
    }
  }

  /// A duration in ms.
  func milliseconds(_ key: String, in range: ClosedRange<Int>, wholeSeconds: Bool = false) -> Int? {
    guard let scalar = scalar(key, as: "a duration", isRequired: true) else { return nil }
    let text = scalar.string.trimmed
    let units = Display.list(DurationText.units.map(\.name))
    let bounds = [range.lowerBound, range.upperBound].map(DurationText.describe).joined(separator: "…")
    do throws(DurationText.Failure) {
      let value = try DurationText.milliseconds(text)
      guard range.contains(value) else { throw .outOfRange }
      if wholeSeconds && value % 1000 != 0 {
        report("'\(key)' must be whole seconds, not \(Display.quoted(text))", at: key)
        return nil
      }
      return value
    } catch {
      switch error {
      case .malformed:
        report("'\(key)' must be a duration such as 150ms (\(units)), not \(Display.quoted(text))", at: key)
      case .unknownUnit(let unit):
        report("unknown unit \(Display.quoted(unit)) in '\(key)' (the units are: \(units))", at: key)
      case .outOfRange:
        report("'\(key)' must be a duration in \(bounds), not \(Display.quoted(text))", at: key)
      }
      return nil
    }
  }
}

extension Place {
  init(_ mark: Mark) {
    self.init(line: mark.line, column: mark.column)
  }
}

extension Node {
  /// Where the node begins. Nodes of a parsed document always have a mark.
  var place: Place { mark.map(Place.init) ?? .start }

  /// What the node is, as part of a sentence.
  var kind: String {
    switch self {
    case .scalar(let scalar): scalar.isNull ? "nothing" : "the text \(Display.quoted(scalar.string))"
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .alias: "an alias"
    }
  }

  /// Complains about an explicit tag, which would give the value another type than its place in the file does.
  var tagComplaint: String? {
    let name =
      switch self {
      case .scalar(let scalar): scalar.tag.rawValue
      case .sequence(let sequence): sequence.tag.rawValue
      case .mapping(let mapping): mapping.tag.rawValue
      case .alias(let alias): alias.tag.rawValue
      }
    let plain: [Tag.Name] = [.implicit, .nonSpecific, .str, .seq, .map]
    if plain.contains(Tag.Name(rawValue: name)) { return nil }
    return "tags (\(Display.quoted(name))) are not supported: leave it out"
  }
}

extension Node.Scalar {
  var place: Place { mark.map(Place.init) ?? .start }

  /// Whether it is YAML's null: nothing, `~` or `null`, without quotes.
  var isNull: Bool { style == .plain && ["", "~", "null", "Null", "NULL"].contains(string) }

  /// Complains about a number in quotes.
  var quotingComplaint: String? {
    style == .plain ? nil : "not the text \(Display.quoted(string)): leave the quotes out"
  }
}

extension String {
  /// Without white space at both ends.
  var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else {
      return ""
    }
    return String(self[first...last])
  }
}
