internal import Foundation
internal import Model
internal import PlainText

/// The JSON of every file that the program publishes: UTF-8, keys sorted, indented, times in ISO 8601, ending in a
/// newline, so that the same value always gives the same bytes.
enum ReportJSON {
  /// - Parameter what: what is written, with its article: "the night".
  /// - Throws: ``UserError`` for a number that JSON cannot hold.
  static func encode(_ value: some Encodable, as what: String) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(timestamp(date))
    }
    do {
      return try encoder.encode(value) + Data("\n".utf8)
    } catch EncodingError.invalidValue(let value, let context) {
      throw UserError(
        .internalError,
        "\(what) cannot be written as JSON: \(context.codingPath.map(\.stringValue).joined(separator: ".")) is \(value)"
      )
    }
  }

  private struct Head: Decodable { var schema: String }

  /// Reads what ``encode(_:as:)`` wrote, of one schema alone.
  /// - Parameters:
  ///   - schema: the name that the file has to bear.
  ///   - what: what is read: "the night".
  ///   - kind: what other data is not: "no night of bench".
  /// - Throws: ``UserError`` for another schema and for what cannot be decoded, naming the key.
  static func decode<Value: Decodable>(
    _ type: Value.Type, from data: Data, schema: String, what: String, kind: String
  ) throws -> Value {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      guard let date = Self.date(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no ISO 8601 time in UTC")
      }
      return date
    }
    do {
      let found = try decoder.decode(Head.self, from: data).schema
      guard found == schema else {
        throw UserError(
          .badInput, "\(what) has the schema '\(InertText.name(found))'; this version reads \(schema)")
      }
      return try decoder.decode(type, from: data)
    } catch let error as DecodingError {
      throw UserError(.badInput, "this is \(kind): \(explanation(error))")
    }
  }

  private static func explanation(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
      let path = context.codingPath + [key].compactMap(\.self)
      let text = path.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
      return text.hasPrefix(".") ? String(text.dropFirst()) : text.isEmpty ? "the top level" : text
    }
    switch error {
    case .keyNotFound(let key, let context): return "\(place(context, key)) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "\(place(context)) has the wrong type"
    case .dataCorrupted(let context) where context.codingPath.isEmpty: return "it is not JSON"
    case .dataCorrupted(let context): return "\(place(context)): \(context.debugDescription)"
    @unknown default: return "it cannot be decoded"
    }
  }

  // MARK: Times

  /// ISO 8601 in UTC with as many fractional digits, at least 3, as it takes to read the same instant back.
  static func timestamp(_ date: Date) -> String {
    let seconds = date.timeIntervalSinceReferenceDate
    for (digits, scale) in [(3, 1e3), (6, 1e6), (9, 1e9)] {
      var whole = seconds.rounded(.down)
      var fraction = ((seconds - whole) * scale).rounded()
      if fraction == scale {
        whole += 1
        fraction = 0
      }
      if digits == 9 || whole + fraction / scale == seconds {
        let head = Date(timeIntervalSinceReferenceDate: whole).ISO8601Format().dropLast()
        let tail = String(Int64(fraction))
        return "\(head).\(String(repeating: "0", count: digits - tail.count))\(tail)Z"
      }
    }
    return date.ISO8601Format()
  }

  static func date(_ text: String) -> Date? {
    guard text.hasSuffix("Z") else { return nil }
    let parts = text.dropLast().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let head = parts.first, let whole = try? Date("\(head)Z", strategy: .iso8601) else { return nil }
    guard parts.count == 2 else { return whole }
    let digits = parts[1]
    guard (1...9).contains(digits.count), digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Double(digits)
    else { return nil }
    let scale = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9][digits.count]
    return Date(timeIntervalSinceReferenceDate: whole.timeIntervalSinceReferenceDate + number / scale)
  }
}
