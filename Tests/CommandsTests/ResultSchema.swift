internal import Foundation
internal import Testing

/// A JSON document, by dotted path.
struct JSONObject {
  private let root: [String: Any]

  init(_ data: Data) throws {
    root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any], "no JSON object")
  }

  subscript(path: String) -> Any? {
    var value: Any? = root
    for key in path.split(separator: ".") { value = (value as? [String: Any])?[String(key)] }
    return value
  }
}

/// The published schema of `bench.run/1`, as far as it names keys: every key of a result is one of the schema's, and
/// every required one is there. (Types and values are the matter of the reports' own tests.)
enum ResultSchema {
  static func problems(of result: Data) throws -> [String] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/bench.run.schema.json")
    let schema = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any], "the schema is no JSON object")
    let definitions = schema["$defs"] as? [String: [String: Any]] ?? [:]
    return problems(try JSONSerialization.jsonObject(with: result), schema, definitions, at: "result")
  }

  private static func problems(
    _ value: Any, _ schema: [String: Any], _ definitions: [String: [String: Any]], at place: String
  ) -> [String] {
    if let reference = schema["$ref"] as? String {
      let name = reference.split(separator: "/").last.map(String.init) ?? ""
      return definitions[name].map { problems(value, $0, definitions, at: place) } ?? ["\(reference) is not defined"]
    }
    if let choices = schema["oneOf"] as? [[String: Any]] {
      let found = choices.map { problems(value, $0, definitions, at: place) }
      return found.contains([]) ? [] : found.first ?? []
    }
    if let elements = value as? [Any], let items = schema["items"] as? [String: Any] {
      return elements.enumerated().flatMap { problems($1, items, definitions, at: "\(place)[\($0)]") }
    }
    let type = schema["type"] as? String
    if type == "array" && !(value is [Any]) || type == "object" && !(value is [String: Any]) {
      return ["\(place) is no \(type ?? "")"]
    }
    guard let object = value as? [String: Any], let properties = schema["properties"] as? [String: [String: Any]]
    else { return [] }
    let missing = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }.map { "\(place) has no \($0)" }
    return missing
      + object.flatMap { key, value in
        properties[key].map { problems(value, $0, definitions, at: "\(place).\(key)") }
          ?? ["\(place).\(key) is not in the schema"]
      }.sorted()
  }
}
