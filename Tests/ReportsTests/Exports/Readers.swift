import Foundation
import LinuxKit
import TestSupport
import Testing

/// The programs that exports are for, as `scripts/readers.sh` brings them.
enum Readers {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// `BENCH_READERS`, or where `scripts/readers.sh` put them where nothing else was said.
  private static var directory: String {
    ProcessInfo.processInfo.environment["BENCH_READERS"]
      ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../.build/readers").standardized
      .path(percentEncoded: false)
  }

  static var python: String { "\(directory)/bin/python" }
  static var promtool: String { "\(directory)/bin/promtool" }
  static var junitSchema: String { "\(directory)/junit-10.xsd" }
  /// Of the package libxml2-utils.
  static let xmllint = "/usr/bin/xmllint"

  static var areThere: Bool {
    [python, promtool, junitSchema, xmllint].allSatisfy { FileManager.default.fileExists(atPath: $0) }
  }

  /// What `read.py` finds in `text`.
  static func read<Value: Decodable>(_ text: String, as format: String, _ type: Value.Type = Value.self) throws -> Value
  {
    try withFile(text) { path in try decode(read([format, path])) }
  }

  /// The same of many documents, by one process.
  static func read<Value: Decodable>(all texts: [String], as format: String) throws -> [Value] {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-exports-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let files = try texts.enumerated().map { index, text in
      let file = directory.appending(path: String(index))
      try Data(text.utf8).write(to: file)
      return file.path(percentEncoded: false)
    }
    let values: [Value] = try read([format] + files).split(separator: UInt8(ascii: "\n")).map { try decode(Data($0)) }
    try #require(values.count == texts.count)
    return values
  }

  /// Runs `read.py`.
  static func read(_ arguments: [String]) throws -> Data {
    let script = try #require(Bundle.module.url(forResource: "read", withExtension: "py", subdirectory: "Readers"))
    return try run(python, ["-B", script.path(percentEncoded: false)] + arguments)
  }

  static func decode<Value: Decodable>(_ data: Data) throws -> Value {
    try JSONDecoder().decode(Value.self, from: data)
  }

  /// A file with `text`, for as long as `body` takes.
  static func withFile<Value>(_ text: String, _ body: (String) throws -> Value) throws -> Value {
    let file = FileManager.default.temporaryDirectory.appending(path: "bench-export-\(UUID().uuidString)")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file.path(percentEncoded: false))
  }

  /// The output of a program that must end well.
  /// - Parameter input: a file that is its standard input.
  @discardableResult
  static func run(_ program: String, _ arguments: [String], input: String = "/dev/null") throws -> Data {
    let outcome = try runProgram(program, arguments, input: input)
    guard outcome.status == .exited(0) else {
      let said = String(decoding: outcome.standardOutput, as: UTF8.self)
      throw Failure(description: "\(program) \(outcome.status): \(outcome.standardError) \(said)")
    }
    return Data(outcome.standardOutput)
  }
}

extension Trait where Self == ConditionTrait {
  /// The test holds an export against a program that reads it. Skipped where they are not there, but not in the privileged
  /// lane.
  static var requiresReaders: Self {
    .enabled(
      if: isPrivilegedLane || Readers.areThere,
      "needs xmllint, promtool, prometheus_client and others: run `scripts/deps.sh test && scripts/readers.sh`")
  }
}
