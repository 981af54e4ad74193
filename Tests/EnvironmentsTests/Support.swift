import Foundation
import LinuxKit
import Model
import NetlinkKit
import TestSupport
import Testing

@testable import Environments

/// A directory of its own for one test, removed when the last reference goes.
final class ScratchDirectory {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-environments-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// A tiny file system of its own, unmounted when the last reference goes.
final class TinyFileSystem {
  let path: String

  init(kibibytes: Int) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "bench-tiny-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try #require(mount("tmpfs", path, "tmpfs", 0, "size=\(kibibytes)k") == 0)
  }

  /// Takes all of the space that is left, but for what files already own.
  func fill() throws {
    let file = try LinuxKit.Descriptor.open("\(path)/filler", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    do throws(SystemError) {
      while true { try file.write([UInt8](repeating: 0, count: 4096)) }
    } catch { try #require(error.isFull, "\(error)") }
  }

  /// Gives the space back.
  func empty() { unlink("\(path)/filler") }

  deinit {
    _ = umount2(path, 2)
    try? FileManager.default.removeItem(atPath: path)
  }
}

/// A run's journal and resources in a directory of the test.
struct Workplace {
  let directory: ScratchDirectory
  let runID: String
  let journal: Journal
  let resources: HostResources

  init() throws {
    directory = try ScratchDirectory()
    runID = randomRunID()
    journal = try Journal(runID: runID, directory: directory.path)
    resources = HostResources(journal: journal)
  }

  var journalFile: String { "\(directory.path)/\(runID).journal" }

  /// Builds `definition` for the time of `body`, and takes it away whichever way that ends.
  func with(_ definition: any NetworkEnvironment, _ body: (BuiltEnvironment) throws -> Void) throws {
    do {
      try body(try definition.build(with: resources))
    } catch {
      try? resources.removeAll()
      throw error
    }
    try resources.removeAll()
  }
}

func randomRunID() -> String { "test-\(String(UInt64.random(in: .min ... .max), radix: 36))" }

/// What independent witnesses find of a run on the host: the program `ip`, the directory of namespaces and the
/// kernel's table of mounts, each by the run's id.
func remains(of runID: String) throws -> [String] {
  let listing = try output("/usr/bin/env", ["ip", "netns", "list"]).split(separator: "\n").map(String.init)
  let files = (try? FileManager.default.contentsOfDirectory(atPath: NetworkNamespace.directory)) ?? []
  let mounts = try SmallFile.text("/proc/self/mountinfo").split(separator: "\n").map(String.init)
  return (listing + files + mounts).filter { $0.contains(runID) }
}

/// Names of the host's own links.
func hostLinks() throws -> Set<String> {
  struct Link: Decodable { var ifname: String }
  let json = try output("/usr/bin/env", ["ip", "-j", "link", "show"])
  return Set(try JSONDecoder().decode([Link].self, from: Data(json.utf8)).map(\.ifname))
}

/// The stdout of a program that must succeed.
func output(_ program: String, _ arguments: [String]) throws -> String {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"
  let child = try ChildProcess(executable: program, arguments: arguments, environment: ["PATH=\(path)"])
  let deadline = Clock.monotonic() + 20_000_000_000
  var text: [UInt8] = []
  while true {
    do throws(ChildProcess.Failure) { text += try child.readLine(deadline: deadline) + [10] } catch {
      guard error == .ended else { throw error }
      break
    }
  }
  try #require(try child.waitForExit(deadline: deadline) == .exited(0), "\(arguments): \(child.standardError())")
  return String(decoding: text, as: UTF8.self)
}

/// The error of a call that must fail.
func userError(_ body: () throws(UserError) -> some Any) -> UserError? {
  do throws(UserError) {
    _ = try body()
    return nil
  } catch { return error }
}

/// The root of the repository.
let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
