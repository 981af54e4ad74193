import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// A directory with the files of a workload, as the controller lays them out, for the time of a test.
struct Scratch: ~Copyable {
  let path: String
  private let isOwn: Bool

  /// - Parameter parent: on a file system with blocks of its own: tmpfs has neither extents nor a cache to drop.
  init(in parent: String = "/var/tmp") throws {
    var template = Array("\(parent)/bench-test-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) }, "cannot make a directory in \(parent)")
    isOwn = true
  }

  /// A directory that is there already, and stays.
  init(at path: String) {
    self.path = path
    isOwn = false
  }

  deinit { if isOwn { remove(path) } }

  /// `count` files of `size` bytes, all different.
  func add(_ group: FileLayout.Group, count: Int = 1, size: Int = 4096, seed: UInt64 = 1) throws {
    try makeDirectory(FileLayout.directory(group, in: path))
    var numbers = SeededNumbers(seed &+ UInt64(group.rawValue.utf8.count))
    for index in 0..<count {
      let file = FileLayout.path(group, index, in: path)
      if group == .directories {
        try makeDirectory(file)
        try write([1], to: "\(file)/file")
      } else {
        try write((0..<size).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }, to: file)
      }
    }
  }

  func write(_ bytes: [UInt8], to path: String) throws {
    try Descriptor.open(path, O_CREAT | O_EXCL | O_WRONLY, mode: 0o644).write(bytes)
  }

  func makeDirectory(_ path: String) throws {
    if mkdir(path, 0o755) != 0 && errno != EEXIST { throw SystemError(call: "mkdir", subject: path, code: errno) }
  }

  func configuration(
    _ loop: StorageConfiguration.Loop, count: Int = 1, size: Int = 4096, cache: StorageConfiguration.Cache = .warm,
    seed: UInt64 = 1
  ) -> StorageConfiguration {
    StorageConfiguration(loop: loop, directory: path, count: count, size: size, cache: cache, seed: seed)
  }

  func bytes(_ group: FileLayout.Group, _ index: Int = 0) throws -> [UInt8] {
    try SmallFile.bytes(FileLayout.path(group, index, in: path))
  }

  func status(_ group: FileLayout.Group, _ index: Int = 0) throws -> stat {
    let file = FileLayout.path(group, index, in: path)
    var status = stat()
    try systemCall("stat", on: file) { stat(file, &status) }
    return status
  }

  func names(_ group: FileLayout.Group) throws -> [String] {
    try entries(FileLayout.directory(group, in: path)).sorted()
  }
}

/// The names in a directory, without "." and "..".
private func entries(_ path: String) throws -> [String] {
  let stream = try #require(opendir(path), "\(path)")
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names
}

/// Removes a directory with all that is in it; a symbolic link is not followed.
private func remove(_ path: String) {
  var status = stat()
  if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
    for name in (try? entries(path)) ?? [] { remove("\(path)/\(name)") }
    rmdir(path)
  } else {
    unlink(path)
  }
}

/// The controller's part, played for a loop over files that runs within the test.
final class StorageTalk: StorageConversation {
  private(set) var outcome: StorageOutcome?
  private(set) var starts = 0
  private let whenReady: (Int) throws -> Void

  /// - Parameter whenReady: is called with the number of the part, from 1, before the part begins.
  init(whenReady: @escaping (Int) throws -> Void = { _ in }) { self.whenReady = whenReady }

  func awaitStart() throws(WorkloadError) {
    starts += 1
    do { try whenReady(starts) } catch { throw error as? WorkloadError ?? WorkloadError("\(error)") }
  }

  func report(_ outcome: StorageOutcome) { self.outcome = outcome }
}

/// What a loop over files hands over.
typealias Measured = (result: StorageResult, samples: [StoragePhase: [UInt64]], starts: Int)

/// What a loop over files hands over, with the controller's part played.
func measured(
  _ loop: some StorageLoop, whenReady: @escaping (Int) throws -> Void = { _ in }
) throws -> Measured {
  let talk = StorageTalk(whenReady: whenReady)
  try loop.run(talk)
  let outcome = try #require(talk.outcome)
  #expect(outcome.result.phases.map(\.count) == outcome.samples.map(\.count))
  let samples = zip(outcome.result.phases, outcome.samples).map { ($0.0.phase, $0.1) }
  return (outcome.result, Dictionary(uniqueKeysWithValues: samples), talk.starts)
}

/// What `body` has measured with a page cache that nobody has dropped meanwhile.
func measuredWarm(_ body: () throws -> Measured) rethrows -> Measured {
  try repeated(body, until: { $0.result.cachedPPM == 1_000_000 })
}

/// Why a loop over files gives up.
func failure(
  of loop: some StorageLoop, whenReady: @escaping (Int) throws -> Void = { _ in }
) throws -> String {
  let error = #expect(throws: WorkloadError.self) { try loop.run(StorageTalk(whenReady: whenReady)) }
  return try #require(error?.description)
}

extension WorkerProcess {
  init(_ configuration: StorageConfiguration) throws {
    self.init(running: try ChildProcess(executable: try Self.path()))
    try send(.configureStorage(configuration))
  }

  /// The samples and the end of a worker on files that was started.
  func storageResult() throws -> StorageOutcome {
    let message = try receive()
    guard case .measured(let result) = message else {
      throw TestFailure(description: "expected 'measured': \(message)")
    }
    let samples = try result.phases.map { phase in
      let bytes = try child.readBytes(phase.count * 8, deadline: farDeadline())
      let numbers = stride(from: 0, to: bytes.count, by: 8).map { offset in
        bytes[offset..<offset + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      }
      return (phase: phase.phase, nanoseconds: numbers)
    }
    #expect(throws: ChildProcess.Failure.ended) { try child.readBytes(1, deadline: farDeadline()) }
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
    return StorageOutcome(result: result, samples: samples)
  }
}
