internal import Foundation
internal import GRDB
internal import Model

/// Between values of the model and columns.
enum Columns {
  // MARK: - JSON

  static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    // Equal values give equal text, whatever the order of a dictionary.
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func decoded<Value: Decodable>(_ row: Row, _ column: String, as type: Value.Type = Value.self) throws -> Value
  {
    let text: String = try value(row, column)
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do { return try decoder.decode(type, from: Data(text.utf8)) } catch {
      throw Damage(problem: "'\(column)' does not hold what it should")
    }
  }

  static func optionalDecoded<Value: Decodable>(_ row: Row, _ column: String) throws -> Value? {
    let stored: DatabaseValue = row[column]
    return stored.isNull ? nil : try decoded(row, column)
  }

  // MARK: - Scalars

  /// The column's value; a wrong type is damage, not a trap.
  static func value<Value: DatabaseValueConvertible>(_ row: Row, _ column: String) throws -> Value {
    guard let value = Value.fromDatabaseValue(row[column]) else {
      throw Damage(problem: "'\(column)' does not hold what it should")
    }
    return value
  }

  static func optional<Value: DatabaseValueConvertible>(_ row: Row, _ column: String) throws -> Value? {
    let stored: DatabaseValue = row[column]
    return stored.isNull ? nil : try value(row, column)
  }

  static func word<Value: RawRepresentable<String>>(_ row: Row, _ column: String) throws -> Value {
    let text: String = try value(row, column)
    guard let word = Value(rawValue: text) else { throw Damage(problem: "'\(column)' holds '\(text)'") }
    return word
  }

  static func signed(_ number: UInt64) -> Int64 { Int64(bitPattern: number) }

  static func unsigned(_ row: Row, _ column: String) throws -> UInt64 {
    let number: Int64 = try value(row, column)
    return UInt64(bitPattern: number)
  }

  static func seconds(_ date: Date) -> Double { date.timeIntervalSinceReferenceDate }

  static func date(_ row: Row, _ column: String) throws -> Date {
    Date(timeIntervalSinceReferenceDate: try value(row, column))
  }

  static func optionalDate(_ row: Row, _ column: String) throws -> Date? {
    let seconds: Double? = try optional(row, column)
    return seconds.map(Date.init(timeIntervalSinceReferenceDate:))
  }
}
