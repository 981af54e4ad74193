internal import Foundation
internal import Glibc
internal import LinuxKit
internal import Testing

/// What a command did.
struct Outcome {
  var status: ChildProcess.ExitStatus
  var output: String
  var errors: String

  var code: Int32? {
    if case .exited(let code) = status { return code }
    return nil
  }
}

/// A directory under a random name for the time of one test, with a store and a journal of its own, and the real
/// executable to run in it. Commands run with the directory as the current one, and with nothing of the tester's own
/// environment that they could read.
final class Workplace {
  let directory: String

  /// How long a command may take before it is killed and the test fails.
  private static let patience: UInt64 = 120_000_000_000

  init() throws {
    let parent = FileManager.default.temporaryDirectory.path
    var template = Array("\(parent)/bench-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil, "cannot make a directory in \(parent)")
    directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    // For tests that run commands as an ordinary user.
    try #require(chmod(directory, 0o755) == 0)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  var storePath: String { "\(directory)/state/bench.sqlite" }
  var journalDirectory: String { "\(directory)/journal" }

  /// The path of a file of the workplace.
  func path(_ name: String) -> String { "\(directory)/\(name)" }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String { try write(Data(text.utf8), to: name) }

  @discardableResult
  func write(_ bytes: Data, to name: String) throws -> String {
    let file = URL(filePath: path(name))
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes.write(to: file)
    return file.path
  }

  func read(_ name: String) throws -> String { String(decoding: try data(name), as: UTF8.self) }

  func data(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: path(name))) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  /// The names in a directory of the workplace, sorted; none if it is not there.
  func names(in name: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(name))) ?? []).sorted()
  }

  /// Copies a file by cp(1): a descriptor that this process had open for writing could be inherited by a child that
  /// another test starts in that moment, and an executable that anybody writes to cannot be run (ETXTBSY).
  @discardableResult
  func copyExecutable(_ source: String, to name: String) throws -> String {
    let copied = try run(program: "/bin/cp", ["--", source, path(name)])
    try #require(copied.code == 0, "\(copied.errors)")
    return path(name)
  }

  // MARK: - Running

  /// Runs `bench` to its end.
  func bench(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
    try run(start(try Executable.path(), arguments, environment: environment))
  }

  /// Runs another program to its end.
  func run(program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    try run(start(program, arguments, environment: environment))
  }

  /// Starts `bench` and gives back its stderr, line by line, as the child's stdout; its stdout goes into a file.
  func startBench(watchingErrors arguments: String..., environment: [String: String] = [:]) throws -> ChildProcess {
    try spawn(
      #"exec "$@" 2>&1 >"$OUTPUT""#, try Executable.path(), arguments,
      environment.merging(["OUTPUT": path(".stdout")]) { _, output in output })
  }

  /// Waits for the end of a child of ``startBench(watchingErrors:environment:)``.
  func finish(_ child: ChildProcess) throws -> Outcome {
    let errors = try drain(child)
    return Outcome(
      status: try child.waitForExit(deadline: deadline), output: try read(".stdout"), errors: errors)
  }

  var deadline: UInt64 { Clock.monotonic() + Self.patience }

  private func start(_ program: String, _ arguments: [String], environment: [String: String]) throws -> ChildProcess {
    try spawn(
      #"exec "$@" 2>"$ERRORS""#, program, arguments,
      environment.merging(["ERRORS": path(".stderr")]) { _, errors in errors })
  }

  /// By a shell, for what `ChildProcess` has no use for: another directory, and stderr of any length.
  private func spawn(
    _ script: String, _ program: String, _ arguments: [String], _ environment: [String: String]
  ) throws -> ChildProcess {
    var all = [
      "HOME": directory, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BENCH_STORE": storePath,
      "BENCH_JOURNAL": journalDirectory, "BENCH_WORKER": try Executable.workerPath(),
    ]
    for name in ["LD_LIBRARY_PATH"] { all[name] = ProcessInfo.processInfo.environment[name] }
    all.merge(environment) { _, wanted in wanted }
    all["DIRECTORY"] = directory
    return try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", #"cd "$DIRECTORY" && "# + script, "sh", program] + arguments,
      environment: all.map { "\($0)=\($1)" })
  }

  private func run(_ child: ChildProcess) throws -> Outcome {
    let output = try drain(child)
    return Outcome(status: try child.waitForExit(deadline: deadline), output: output, errors: try read(".stderr"))
  }

  /// All of a child's stdout.
  private func drain(_ child: ChildProcess) throws -> String {
    let deadline = deadline
    var bytes: [UInt8] = []
    try untilTheEnd { () throws(ChildProcess.Failure) in
      bytes += try child.readLine(deadline: deadline) + [UInt8(ascii: "\n")]
    }
    // What is left has no line end.
    try untilTheEnd { () throws(ChildProcess.Failure) in bytes += try child.readBytes(1, deadline: deadline) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func untilTheEnd(_ read: () throws(ChildProcess.Failure) -> Void) throws {
    do throws(ChildProcess.Failure) { while true { try read() } } catch {
      if error != .ended { throw error }
    }
  }
}

/// The executables under test.
enum Executable {
  /// `BENCH_EXECUTABLE`, else the one that was built with the tests.
  static func path() throws -> String { try find("BENCH_EXECUTABLE", "bench") }

  static func workerPath() throws -> String {
    if let worker = ProcessInfo.processInfo.environment["BENCH_WORKER"], !worker.isEmpty { return worker }
    return URL(filePath: try path()).deletingLastPathComponent().appending(path: "bench-worker").path
  }

  private static func find(_ variable: String, _ name: String) throws -> String {
    let named = ProcessInfo.processInfo.environment[variable] ?? ""
    let path =
      named.isEmpty ? Bundle.module.bundleURL.deletingLastPathComponent().appending(path: name).path : named
    try #require(
      FileManager.default.isExecutableFile(atPath: path),
      "\(path) is missing: 'make test' builds it, or name one in \(variable)")
    return path
  }
}

/// Whether the tests run as root.
let isRoot = geteuid() == 0

/// The user without any privilege that tests of root run commands as.
enum OrdinaryUser {
  static let id: UInt32 = 65534

  /// Runs `bench` as an ordinary user: the tester, or if that is root, nobody.
  static func bench(in place: Workplace, _ arguments: String...) throws -> Outcome { try bench(in: place, arguments) }

  static func bench(in place: Workplace, _ arguments: [String]) throws -> Outcome {
    guard isRoot else { return try place.run(program: try Executable.path(), arguments) }
    // Where nobody may read them; a build may lie in a home directory.
    for (source, name) in [(try Executable.path(), "bench"), (try Executable.workerPath(), "bench-worker")] {
      let copy = place.path(name)
      if !place.exists(name) { try place.copyExecutable(source, to: name) }
      try #require(chmod(copy, 0o755) == 0)
    }
    return try place.run(
      program: "/usr/bin/setpriv",
      ["--reuid=\(id)", "--regid=\(id)", "--clear-groups", "--inh-caps=-all", place.path("bench")] + arguments,
      environment: ["BENCH_WORKER": place.path("bench-worker")])
  }

  /// Gives a file or directory of the workplace to that user.
  static func own(_ name: String, in place: Workplace) throws {
    if isRoot { try #require(chown(place.path(name), id, id) == 0) }
  }
}
