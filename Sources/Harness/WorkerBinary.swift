internal import Foundation
internal import LinuxKit
public import Model

/// The worker executable: the same file in every environment, known by its hash.
public struct WorkerBinary: Sendable {
  public let path: String
  /// In hex.
  public let sha256: String

  /// Finds `bench-worker`: `BENCH_WORKER`, else beside the program, else where `make install` puts it.
  public static func locate(environment: [String: String], program: String) throws(UserError) -> WorkerBinary {
    if let path = environment["BENCH_WORKER"], !path.isEmpty { return try WorkerBinary(path: path) }
    let directory = URL(fileURLWithPath: program).resolvingSymlinksInPath().deletingLastPathComponent()
    let candidates = [
      directory.appendingPathComponent("bench-worker").path,
      directory.deletingLastPathComponent().appendingPathComponent("libexec/bench/bench-worker").path,
    ]
    guard let path = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
      throw UserError(
        .unavailable, "cannot find bench-worker (looked at \(candidates.joined(separator: " and ")))",
        remedy: "build it with 'make build', or name it in BENCH_WORKER")
    }
    return try WorkerBinary(path: path)
  }

  /// - Throws: `UserError(.unavailable)` if `path` cannot be run or hashed.
  public init(path: String) throws(UserError) {
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw UserError(
        .unavailable, "the worker \(path) is missing or not executable", remedy: "build it with 'make build'")
    }
    self.path = path
    sha256 = try Self.hash(path)
  }

  /// By coreutils' sha256sum, which anybody can repeat; a cryptographic library would have no other use here.
  private static func hash(_ path: String) throws(UserError) -> String {
    do {
      let child = try ChildProcess(executable: "/usr/bin/sha256sum", arguments: ["--", path])
      let line = try child.readLine(deadline: Clock.monotonic() + 10_000_000_000)
      let hash = String(decoding: line, as: UTF8.self).prefix { $0.isHexDigit }
      guard hash.count == 64 else { throw UserError(.internalError, "sha256sum said '\(hash)'") }
      return String(hash)
    } catch let error as UserError { throw error } catch {
      throw UserError(
        .unavailable, "cannot hash \(path) with /usr/bin/sha256sum: \(error)", remedy: "install coreutils")
    }
  }
}
