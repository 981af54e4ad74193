import Foundation
import LinuxKit
import Testing

@testable import Doctor

/// A directory of its own for one examination.
struct Workshop {
  let path: String
  var journals: String { "\(path)/journal" }
  var store: String { "\(path)/bench.sqlite" }

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "doctor-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }

  func examine(worker: String = "/nonexistent/bench-worker", sampling: Duration = .milliseconds(50)) -> Diagnosis {
    Doctor.examine(
      environment: ["BENCH_WORKER": worker], journalDirectory: journals, program: "\(path)/bench", storePath: store,
      sampling: sampling)
  }

  /// An executable that is a shell script.
  func script(_ text: String) throws -> String {
    let script = "\(path)/worker-\(UUID().uuidString)"
    try shell(#"printf '#!/bin/sh\n%s\n' "$1" > "$2" && chmod 755 "$2""#, [text, script])
    return script
  }

  /// An executable of that name which does what cat(1) does.
  func cat(named name: String) throws -> String {
    let program = "\(path)/\(name)"
    try shell(#"cp /bin/cat "$1""#, [program])
    return program
  }

  /// Executables are written by a process of their own: a descriptor of this one, open for writing, would be inherited
  /// by whatever another test starts at that moment, and keep the file from being run.
  private func shell(_ command: String, _ arguments: [String]) throws {
    let child = try ChildProcess(executable: "/bin/sh", arguments: ["-c", command, "sh"] + arguments)
    try #require(try child.waitForExit(deadline: Clock.monotonic() + 10_000_000_000) == .exited(0))
  }
}
