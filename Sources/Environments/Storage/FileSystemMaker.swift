internal import Glibc
internal import LinuxKit
internal import Model

/// The program that makes a file system.
struct FileSystemMaker {
  let program: String
  private let path: String
  /// Its own words: "mke2fs 1.47.0".
  let version: String

  /// - Parameters:
  ///   - type: "ext4", as in the program's name and after `bench doctor --fix`.
  ///   - find: where a program is; nil if it is not there.
  init(_ type: String, find: (String) -> String?) throws(UserError) {
    program = "mkfs.\(type)"
    guard let path = find(program) else {
      throw UserError(
        .unavailable, "there is no \(program) on this host", remedy: "run 'bench doctor --fix \(type)'")
    }
    self.path = path
    let output = try? Self.run(path, ["-V"])
    let words = (output?.standardError ?? "") + String(decoding: output?.standardOutput ?? [], as: UTF8.self)
    version = Self.version(in: words) ?? program
  }

  /// "mke2fs 1.47.0", "mkfs.xfs 6.1.0", "mkfs.btrfs 6.2": the program's name and its number, of whatever it says. Some do
  /// not know the option, and say who they are before they complain.
  static func version(in words: String) -> String? {
    for line in words.split(separator: "\n") where line.hasPrefix("mk") {
      let words = line.split(separator: " ")
      for word in words.dropFirst() {
        let number = word.hasPrefix("v") ? word.dropFirst() : word
        guard number.first?.isNumber == true && number.contains(".") else { continue }
        return "\(words[0].filter { $0 != "," }) \(number)"
      }
    }
    return nil
  }

  /// Runs it to its end, in the mount namespace of the calling thread.
  func make(_ arguments: [String]) throws(UserError) {
    let output: ChildProcess.Output
    do throws(ChildProcess.Failure) { output = try Self.run(path, arguments) } catch {
      throw UserError(.unavailable, "cannot run \(program): \(Self.words(for: error))", remedy: "see 'bench doctor'")
    }
    guard output.status == .exited(0) else {
      throw UserError(.unavailable, "\(program): \(Self.complaint(output) ?? output.status.description)")
    }
  }

  private static func run(_ path: String, _ arguments: [String]) throws(ChildProcess.Failure) -> ChildProcess.Output {
    try ChildProcess.run(
      path, arguments: arguments, environment: EngineTool.environment, deadline: Clock.monotonic() + 600_000_000_000)
  }

  private static func words(for failure: ChildProcess.Failure) -> String {
    switch failure {
    case .timedOut: "it did not end within 10 minutes"
    case .system(let error): error.description
    case .ended, .interrupted: "\(failure)"
    }
  }

  /// The first line of what went wrong: what follows may be the usage. The line in which a program says who it is does
  /// not count.
  private static func complaint(_ output: ChildProcess.Output) -> String? {
    let lines = output.standardError.split(separator: "\n").map(String.init).filter { line in
      !line.allSatisfy(\.isWhitespace) && !line.hasPrefix("mke2fs 1.") && !line.hasPrefix("mkfs.erofs ")
    }
    return lines.first
  }
}
