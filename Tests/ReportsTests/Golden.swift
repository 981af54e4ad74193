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
  if output == golden { return }
  let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
  let expected = golden.split(separator: "\n", omittingEmptySubsequences: false)
  let line = zip(lines, expected).firstIndex { $0 != $1 } ?? min(lines.count, expected.count)
  Issue.record(
    """
    differs from Goldens/\(name) in line \(line + 1):
      is       \(line < lines.count ? String(lines[line]) : "(the end)")
      expected \(line < expected.count ? String(expected[line]) : "(the end)")
    """, sourceLocation: sourceLocation)
}

extension Zip2Sequence {
  fileprivate func firstIndex(where differs: (Sequence1.Element, Sequence2.Element) -> Bool) -> Int? {
    for (index, pair) in self.enumerated() where differs(pair.0, pair.1) { return index }
    return nil
  }
}
