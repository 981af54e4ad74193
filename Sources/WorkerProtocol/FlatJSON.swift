/// One JSON object (RFC 8259) of strings, numbers and booleans: all that a message between controller and worker needs.
///
/// Written by hand because the worker is free of Foundation, whose JSON coder alone would multiply its size and its
/// start-up time, and no other JSON package is small enough to go into it. Both ends use this file.
struct FlatJSON: Equatable, Sendable {
  enum Value: Equatable, Sendable {
    case string(String)
    case integer(Int64)
    case number(Double)
    case boolean(Bool)
  }

  /// In the order of writing.
  private(set) var members: [(key: String, value: Value)] = []

  static func == (a: FlatJSON, b: FlatJSON) -> Bool {
    a.members.count == b.members.count
      && zip(a.members, b.members).allSatisfy { $0.key == $1.key && $0.value == $1.value }
  }

  subscript(key: String) -> Value? {
    get { members.first { $0.key == key }?.value }
    set {
      members.removeAll { $0.key == key }
      if let newValue { members.append((key, newValue)) }
    }
  }
}

extension FlatJSON {
  /// One line, without the line end.
  var text: String {
    var out = "{"
    for (index, member) in members.enumerated() {
      if index > 0 { out += "," }
      Self.appendQuoted(member.key, to: &out)
      out += ":"
      switch member.value {
      case .string(let text): Self.appendQuoted(text, to: &out)
      case .integer(let number): out += "\(number)"
      case .number(let number):
        precondition(number.isFinite, "JSON has no \(number)")
        out += "\(number)"
      case .boolean(let flag): out += flag ? "true" : "false"
      }
    }
    return out + "}"
  }

  private static func appendQuoted(_ text: String, to out: inout String) {
    out += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    out += "\""
  }
}

extension FlatJSON {
  /// Reads one object; anything but white space around it is an error.
  init(parsing line: some Sequence<UInt8>) throws(ProtocolError) {
    var reader = Reader(bytes: Array(line))
    members = try reader.object()
  }

  private struct Reader {
    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private func failure(_ problem: String) -> ProtocolError {
      ProtocolError("\(problem) at byte \(offset) of a message")
    }

    private mutating func skipSpace() {
      while offset < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
      skipSpace()
      guard offset < bytes.count, bytes[offset] == UInt8(character.value) else { return false }
      offset += 1
      return true
    }

    mutating func object() throws(ProtocolError) -> [(key: String, value: Value)] {
      var members: [(key: String, value: Value)] = []
      guard take("{") else { throw failure("no '{'") }
      if !take("}") {
        repeat {
          guard take("\"") else { throw failure("no key") }
          let key = try string()
          guard take(":") else { throw failure("no ':'") }
          if members.contains(where: { $0.key == key }) { throw failure("'\(key)' a second time") }
          members.append((key, try value()))
        } while take(",")
        guard take("}") else { throw failure("no '}'") }
      }
      skipSpace()
      guard offset == bytes.count else { throw failure("text behind the object") }
      return members
    }

    private mutating func value() throws(ProtocolError) -> Value {
      if take("\"") { return .string(try string()) }
      let start = offset
      while offset < bytes.count, ![0x2c, 0x7d, 0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
      let word = String(decoding: bytes[start..<offset], as: UTF8.self)
      switch word {
      case "true": return .boolean(true)
      case "false": return .boolean(false)
      default:
        if Self.isNumber(bytes[start..<offset]) {
          if let integer = Int64(word) { return .integer(integer) }
          if let number = Double(word), number.isFinite { return .number(number) }
        }
        throw failure("no value of a kind that messages use")
      }
    }

    /// Whether `word` is a number of JSON. Swift reads more than that: "+1", "007", "0x1p4", ".5".
    private static func isNumber(_ word: ArraySlice<UInt8>) -> Bool {
      var rest = word
      func digits() -> Int {
        let count = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
        rest = rest.dropFirst(count)
        return count
      }
      func take(_ characters: String) -> Bool {
        guard let first = rest.first, characters.utf8.contains(first) else { return false }
        rest = rest.dropFirst()
        return true
      }
      _ = take("-")
      let startsWithZero = rest.first == UInt8(ascii: "0")
      let whole = digits()
      guard whole > 0, whole == 1 || !startsWithZero else { return false }
      if take("."), digits() == 0 { return false }
      if take("eE") {
        _ = take("+-")
        if digits() == 0 { return false }
      }
      return rest.isEmpty
    }

    /// Behind the opening quote, up to and with the closing one.
    private mutating func string() throws(ProtocolError) -> String {
      var out: [UInt8] = []
      while offset < bytes.count {
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""):
          guard let text = String(validating: out, as: UTF8.self) else { throw failure("malformed UTF-8 in a string") }
          return text
        case UInt8(ascii: "\\"): try escape(into: &out)
        case 0..<0x20: throw failure("control character in a string")
        default: out.append(byte)
        }
      }
      throw failure("string without end")
    }

    private mutating func escape(into out: inout [UInt8]) throws(ProtocolError) {
      guard offset < bytes.count else { throw failure("string without end") }
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "n"): out.append(0x0a)
      case UInt8(ascii: "r"): out.append(0x0d)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0c)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
      case UInt8(ascii: "u"):
        guard offset + 4 <= bytes.count,
          // Not a sign, which UInt32 would take.
          bytes[offset] != UInt8(ascii: "+"), bytes[offset] != UInt8(ascii: "-"),
          let code = UInt32(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16),
          let scalar = Unicode.Scalar(code)
        else { throw failure("\\u that is no character") }
        offset += 4
        out += Array(String(Character(scalar)).utf8)
      default: throw failure("unknown escape")
      }
    }
  }
}
