public import Foundation
public import Model
internal import PlainText

/// One series' history as a file, `bench.history/1` (docs/bench.history.schema.json).
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

  /// Its form is that of ``ReportJSON``.
  public static func encode(_ view: HistoryView) throws -> Data {
    try ReportJSON.encode(File(view: view), as: "the history of \(InertText.line(view.series.name, limit: 200))")
  }
}
