internal import Foundation
internal import Glibc
internal import LinuxKit
internal import Model

/// The places that the program keeps things in: its journals and its store.
enum StateDirectories {
  /// Below this, a run may fill the disk.
  private static let smallestSpace: UInt64 = 100_000_000

  /// - Parameter journalFailure: what became of the attempt to write a journal.
  static func findings(journalDirectory: String, journalFailure: UserError?, storePath: String?) -> [Finding] {
    var findings = [journal(journalDirectory, journalFailure)]
    if let storePath { findings.append(store(storePath)) }
    return findings
  }

  private static func journal(_ directory: String, _ failure: UserError?) -> Finding {
    let why = "What a run makes is entered there first, so that a killed run can be cleaned up after."
    if let failure {
      return Finding(
        id: "journal", title: "Journal", status: .fatal, detail: failure.message, why: why,
        remedy: "export BENCH_JOURNAL=\"$HOME/bench-journal\"", affects: Affected.environments)
    }
    return Finding(
      id: "journal", title: "Journal", status: .ok, detail: "a journal was written in \(directory)", why: why)
  }

  private static func store(_ path: String) -> Finding {
    let why = "Every trial is stored when it ends; a run does not begin without a store."
    // Whatever is there of the path: the program makes the rest.
    var place = (path as NSString).deletingLastPathComponent
    while !place.isEmpty && place != "/" && !FileManager.default.fileExists(atPath: place) {
      place = (place as NSString).deletingLastPathComponent
    }
    if place.isEmpty { place = "." }
    let problem = writeProblem(store: path, directory: place)
    let space = freeSpace(place)
    let isFull = space.map { $0 < smallestSpace } ?? false
    return Finding(
      id: "store", title: "Store", status: problem != nil ? .fatal : isFull ? .warning : .ok,
      detail: problem ?? "\(path) can be written, \(space.map { "\(Figure.bytes($0)) free" } ?? "free space unknown")",
      why: why,
      remedy: problem != nil ? "export BENCH_STORE=\"$HOME/bench.sqlite\"" : isFull ? "df -h" : nil,
      affects: problem != nil ? Affected.environments : [])
  }

  private static func writeProblem(store path: String, directory: String) -> String? {
    do throws(SystemError) {
      if FileManager.default.fileExists(atPath: path) { _ = try Descriptor.open(path, O_RDWR) }
      // The database makes files beside itself.
      let probe = "\(directory)/.bench-doctor-\(String(UInt64.random(in: .min ... .max), radix: 36))"
      _ = try Descriptor.open(probe, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
      try systemCall("unlink", on: probe) { unlink(probe) }
      return nil
    } catch { return "\(path) cannot be written: \(error.reason)" }
  }

  private static func freeSpace(_ directory: String) -> UInt64? {
    var status = statvfs()
    guard statvfs(directory, &status) == 0 else { return nil }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }
}
