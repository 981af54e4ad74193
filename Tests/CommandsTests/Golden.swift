import Foundation
import Testing

/// Output held against a file. `BENCH_UPDATE_GOLDENS=1` writes the files anew, and fails the test so that an update
/// cannot be taken for a pass.
func expectGolden(_ output: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  if ProcessInfo.processInfo.environment["BENCH_UPDATE_GOLDENS"] == "1" {
    let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens")
    try Data(output.utf8).write(to: directory.appending(path: name))
    Issue.record("updated Goldens/\(name)", sourceLocation: sourceLocation)
    return
  }
  let file = try #require(
    Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Goldens"),
    "Goldens/\(name) does not exist: run the tests with BENCH_UPDATE_GOLDENS=1", sourceLocation: sourceLocation)
  let golden = try String(decoding: Data(contentsOf: file), as: UTF8.self)
  #expect(
    output == golden, "differs from Goldens/\(name); BENCH_UPDATE_GOLDENS=1 takes it over",
    sourceLocation: sourceLocation)
}
