public import Foundation
public import Model

/// The result file `bench.run/1`, described by docs/bench.run.schema.json.
public enum JSONResult {
  /// UTF-8, keys sorted, indented, ending in a newline: the same result always gives the same bytes.
  /// - Throws: ``UserError`` for a number that JSON cannot hold.
  public static func encode(_ result: RunResult) throws -> Data { try ReportJSON.encode(result, as: "the result") }

  /// Reads what ``encode(_:)`` wrote.
  /// - Throws: ``UserError`` for data of another schema, and for what is no result.
  public static func decode(_ data: Data) throws -> RunResult {
    try ReportJSON.decode(
      RunResult.self, from: data, schema: RunResult.currentSchema, what: "the result", kind: "no result of bench")
  }
}
