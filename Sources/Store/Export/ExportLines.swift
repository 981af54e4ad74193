internal import Foundation
internal import Model

/// The lines of `bench.export/1` (docs/history.md): a header, one line a run, one line a night, a trailer. Each is one JSON
/// document; points in time are seconds since 2001-01-01 UTC, as in the store, so that they come back to the last bit.
enum ExportLine {
  static let schema = "bench.export/1"

  struct Header: Codable {
    var schema: String
    /// The version of the program that wrote it.
    var version: String
    var exported: Date
    var runs: Int
    var nights: Int
  }

  struct Run: Codable {
    var record: RunRecord
    var blocks: [BlockRecord]
    /// In the order in which they were stored.
    var trials: [Trial]
  }

  struct Night: Codable {
    var record: NightRecord
    var epoch: Epoch
    var result: NightResult
    var values: [SeriesValue]
  }

  struct Trailer: Codable {
    /// Lines before this one, the header among them.
    var lines: Int
    /// Of their bytes with their line ends.
    var crc32: String
  }

  /// What stands in a line: one of these.
  struct Content: Codable {
    var run: Run?
    var night: Night?
    var end: Trailer?
  }

  static func decode<Value: Decodable>(_ type: Value.Type, _ line: Data) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(type, from: line)
  }
}

/// Writes lines and keeps account of them.
struct ExportWriter {
  private var crc = CRC32()
  private var lines = 0
  private let write: (Data) throws -> Void

  init(_ write: @escaping (Data) throws -> Void) { self.write = write }

  mutating func add(_ line: some Encodable) throws {
    let bytes = Data((try Columns.json(line) + "\n").utf8)
    crc.add(bytes)
    lines += 1
    try write(bytes)
  }

  mutating func end() throws {
    try add(ExportLine.Content(end: ExportLine.Trailer(lines: lines, crc32: crc.hex)))
  }
}
