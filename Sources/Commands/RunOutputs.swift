internal import Foundation
internal import LinuxKit
internal import Model
internal import Reports

/// Where the result of a run or of an analysis goes: the table and JSON to stdout or a file, reports to a folder.
struct RunOutputs {
  let json: String?
  /// nil writes no reports.
  let reports: String?
  /// Where captured packets go; nil keeps none.
  var packets: String?
  let environment: [String: String]

  /// Makes sure that everything can be written.
  /// - Parameter option: which one named the file.
  func check(option: String = "--json") throws {
    if let json, json != "-" {
      let directory = URL(fileURLWithPath: json).deletingLastPathComponent().path
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: json, isDirectory: &isDirectory), isDirectory.boolValue {
        throw UserError(.usage, "\(option) \(json): this is a directory", remedy: "name a file in it")
      }
      guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue else {
        throw UserError(
          .usage, "\(option) \(json): there is no directory \(directory)", remedy: "make it, or name another place")
      }
      guard FileManager.default.isWritableFile(atPath: directory) else {
        throw UserError(
          .notPermitted, "\(option) \(json): \(directory) cannot be written", remedy: "name another place")
      }
    }
    if let reports { try checkDirectory(reports) }
    if let packets { try checkDirectory(packets) }
  }

  /// Makes nothing yet: a run that does not begin leaves no empty folder behind.
  private func checkDirectory(_ directory: String) throws {
    if directory.isEmpty || FileManager.default.fileExists(atPath: directory) {
      return try ReportWriter.prepare(directory)
    }
    var parent = URL(fileURLWithPath: directory).deletingLastPathComponent()
    while !FileManager.default.fileExists(atPath: parent.path) { parent.deleteLastPathComponent() }
    try ReportWriter.prepare(parent.path)
  }

  func write(_ result: RunResult) throws {
    if let json, json != "-" { try ReportWriter.replace(json, with: try JSONResult.encode(result)) }
    if json == "-" {
      Console.output(String(decoding: try JSONResult.encode(result), as: UTF8.self))
    } else {
      Console.output(
        TerminalTable.render(
          result, width: Console.width(environment: environment),
          color: Console.isColored(descriptor: 1, environment: environment)))
    }
    if let packets, case .value = result.hops { Console.error("Packets: \(packets)/\(result.run.id)") }
    guard let reports else { return }
    let paths = try ReportWriter.write(result, to: reports, formats: ReportFormat.standard)
    let list = paths.map { "  \($0)" }.joined(separator: "\n")
    if json == "-" { Console.error("Reports:\n\(list)") } else { Console.output("Reports\n\(list)") }
  }
}
