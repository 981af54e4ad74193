public import Foundation
public import Model

/// One series' history as a file, `bench.history/1` (docs/history.md).
public enum HistoryJSON {
  static let schema = "bench.history/1"

  private struct File: Encodable {
    var view: HistoryView

    enum CodingKeys: String, CodingKey { case schema, name }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(HistoryJSON.schema, forKey: .schema)
      try container.encode(view.series.name, forKey: .name)
      try view.encode(to: encoder)
    }
  }

  /// UTF-8, keys sorted, indented, ending in a newline; times in ISO 8601.
  public static func encode(_ view: HistoryView) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(ReportJSON.timestamp(date))
    }
    return try encoder.encode(File(view: view)) + Data("\n".utf8)
  }
}
