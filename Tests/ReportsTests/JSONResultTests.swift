import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Reports

extension Trait where Self == ConditionTrait {
  /// Python with the package jsonschema.
  static var requiresJSONSchema: Self {
    .enabled("needs python3 with jsonschema: pip install jsonschema") {
      try runProgram("python3", ["-c", "import jsonschema"]).status == .exited(0)
    }
  }
}

@Suite("The JSON result")
struct JSONResultTests {
  static let schemaFile = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/bench.run.schema.json").standardizedFileURL

  static let all: [RunResult] = [
    Fixture.result, Variants.failedControl, Variants.manyVoided, Variants.interrupted, Variants.injected,
    Variants.unavailableEnvironment, Variants.empty, Variants.notes, Variants.withoutCapture, Variants.troubled,
    Variants.oneTrial, Variants.blocking, byDifference, Synthetic.ladder, Synthetic.stream, Synthetic.open,
    Synthetic.exec, Synthetic.slope, StorageRuns.small, StorageRuns.rebuilding, StorageRuns.depth,
  ]

  static let byDifference = Variants.changed {
    $0.claims[0].quantity = .difference
    $0.claims[0].region = ClaimRegion(above: 100, below: 9_000)
  }

  @Test("reads back as it was written", arguments: all)
  func roundTrip(result: RunResult) throws {
    let data = try JSONResult.encode(result)
    #expect(try JSONResult.decode(data) == result)
    #expect(try JSONResult.encode(JSONResult.decode(data)) == data)
  }

  @Test("reads hostile text back as it was written", arguments: Variants.hostile)
  func hostileRoundTrip(text: String) throws {
    let result = Variants.saying(text)
    #expect(try JSONResult.decode(JSONResult.encode(result)) == result)
  }

  @Test("reads any time back to the bit")
  func times() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let date = Date(timeIntervalSince1970: Double.random(in: 1.5e9...4e9, using: &generator))
      #expect(ReportJSON.date(ReportJSON.timestamp(date)) == date)
    }
    #expect(ReportJSON.timestamp(Date(timeIntervalSince1970: 1_795_490_141.25)) == "2026-11-24T03:15:41.250Z")
    for text in [
      "", "2026-11-24", "2026-11-24T03:15:41.Z", "2026-11-24T03:15:41.1234567890Z", "2026-11-24T03:15:41+01:00",
    ] {
      #expect(ReportJSON.date(text) == nil, "\(text)")
    }
  }

  @Test("is sorted, indented, with plain slashes and a newline at the end")
  func layout() throws {
    let text = String(decoding: try JSONResult.encode(Variants.withoutCapture), as: UTF8.self)
    #expect(text.hasSuffix("}\n"))
    #expect(text.contains("\"schema\" : \"bench.run/1\""))
    #expect(text.contains("\"seed\" : 9007199254740993"))
    #expect(text.contains("\"hops\" : {\n    \"unavailable\" : \"packets were not captured in this run\"\n  }"))
    #expect(!text.contains("\\/"))
  }

  @Test("of before the ladder reads and renders")
  func older() throws {
    let later: Set<String> = [
      "family", "reply_size", "concurrency", "framing", "total_ratio", "total_difference", "published", "waterfalls",
    ]
    func without(_ value: Any) -> Any {
      if let list = value as? [Any] { return list.map(without) }
      guard let object = value as? [String: Any] else { return value }
      return object.filter { !later.contains($0.key) }.mapValues(without)
    }
    let value = try JSONSerialization.jsonObject(with: JSONResult.encode(Variants.withoutCapture))
    let result = try JSONResult.decode(JSONSerialization.data(withJSONObject: without(value)))
    #expect(result == Variants.withoutCapture)
    #expect(try HTMLReport.render(result) == HTMLReport.render(Variants.withoutCapture))
  }

  @Test("that is none is refused with the place")
  func refusals() throws {
    func message(_ text: String) -> String {
      do {
        _ = try JSONResult.decode(Data(text.utf8))
        return "accepted"
      } catch { return "\(error)" }
    }
    #expect(message("no JSON") == "this is no result of bench: it is not JSON")
    #expect(message("{}") == "this is no result of bench: schema is missing")
    #expect(
      message("{\"schema\": \"bench.run/9\"}").contains("has the schema 'bench.run/9'; this version reads bench.run/1"))
    let good = String(decoding: try JSONResult.encode(Fixture.result), as: UTF8.self)
    #expect(
      message(good.replacing("\"window_ms\"", with: "\"window\""))
        == "this is no result of bench: run.window_ms is missing")
    #expect(message(good.replacing("\"n\" : 12", with: "\"n\" : \"12\"")).contains("has the wrong type"))
  }

  @Test("with a number that is none is an error, not a file")
  func notANumber() {
    let result = Variants.changed { $0.series[0].median = .nan }
    #expect(throws: UserError.self) { try JSONResult.encode(result) }
  }

  @Test("has the keys of the schema, and every key that the schema demands", arguments: all)
  func keys(result: RunResult) throws {
    let schema = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: Self.schemaFile)) as? [String: Any])
    let value = try JSONSerialization.jsonObject(with: JSONResult.encode(result))
    var walk = SchemaWalk(schema)
    let problems = try walk.problems(value, schema, "result")
    #expect(problems == [])
  }

  @Test("knows every key of the schema")
  func schemaIsNotWider() throws {
    let schema = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: Self.schemaFile)) as? [String: Any])
    var walk = SchemaWalk(schema)
    var rich = Self.byDifference
    rich.run.injection = "x"
    rich.run.host.governor = "performance"
    rich.environments[0].unavailable = "x"
    rich.series[1].note = "x"
    var storage = StorageRuns.cowIO
    storage.lines?[0].note = "x"
    for index in storage.series.indices { storage.series[index].reference?.note = "x" }
    for result in [
      rich, Variants.unavailableEnvironment, Variants.withoutCapture, Variants.troubled, Synthetic.open, Synthetic.exec,
      Synthetic.slope, storage, StorageRuns.rebuilding, Distributions.ladder,
    ] {
      _ = try walk.problems(JSONSerialization.jsonObject(with: JSONResult.encode(result)), schema, "result")
    }
    #expect(walk.unseen == [])
  }

  @Test("validates against the published schema", .requiresJSONSchema)
  func validates() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-reports-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    var files: [String] = []
    for (index, result) in Self.all.enumerated() {
      let file = directory.appending(path: "\(index).json")
      try JSONResult.encode(result).write(to: file)
      files.append(file.path)
    }
    let script = """
      import json, sys, jsonschema
      schema = json.load(open(sys.argv[1]))
      jsonschema.Draft202012Validator.check_schema(schema)
      validator = jsonschema.Draft202012Validator(schema)
      for name in sys.argv[2:]:
          validator.validate(json.load(open(name)))
      broken = json.load(open(sys.argv[2]))
      broken["claims"][0]["verdict"] = "maybe"
      assert not validator.is_valid(broken)
      """
    let outcome = try runProgram("python3", ["-c", script, Self.schemaFile.path] + files)
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
  }
}

/// Holds a JSON value against the keys, types of objects and enumerations of a schema. Not a validator: a second opinion
/// that needs no other program.
private struct SchemaWalk {
  private let definitions: [String: [String: Any]]
  private(set) var unseen: Set<String>

  init(_ schema: [String: Any]) {
    definitions = schema["$defs"] as? [String: [String: Any]] ?? [:]
    unseen = []
    for (name, definition) in definitions {
      for key in (definition["properties"] as? [String: Any] ?? [:]).keys { unseen.insert("\(name).\(key)") }
    }
  }

  mutating func problems(_ value: Any, _ schema: [String: Any], _ path: String, name: String? = nil) throws -> [String]
  {
    if let reference = schema["$ref"] as? String {
      let name = String(reference.dropFirst("#/$defs/".count))
      let definition = try #require(definitions[name], "no definition \(reference)")
      return try problems(value, definition, path, name: name)
    }
    if let choices = schema["oneOf"] as? [[String: Any]] {
      var best: [String]?
      for choice in choices {
        let found = try problems(value, choice, path)
        if found.count < best?.count ?? .max { best = found }
      }
      return best ?? []
    }
    if let allowed = schema["enum"] as? [String] {
      return allowed.contains(value as? String ?? "") ? [] : ["\(path): \(value) is not among \(allowed)"]
    }
    switch schema["type"] as? String {
    case "array":
      guard let array = value as? [Any] else { return ["\(path) is no array"] }
      let items = schema["items"] as? [String: Any] ?? [:]
      var found: [String] = []
      for (index, element) in array.enumerated() { found += try problems(element, items, "\(path)[\(index)]") }
      return found
    case "object":
      guard let object = value as? [String: Any] else { return ["\(path) is no object"] }
      let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
      var found = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }.map {
        "\(path).\($0) is missing"
      }
      for (key, element) in object {
        if let property = properties[key] {
          if let name { unseen.remove("\(name).\(key)") }
          // The alternative to an array of hops has no name of its own.
          if schema["required"] as? [String] == ["unavailable"] { unseen.remove("unavailable.unavailable") }
          found += try problems(element, property, "\(path).\(key)")
        } else if schema["additionalProperties"] as? Bool == false {
          found.append("\(path).\(key) is not in the schema")
        }
      }
      return found
    case "string": return value is String ? [] : ["\(path) is no string"]
    default: return []
    }
  }
}
