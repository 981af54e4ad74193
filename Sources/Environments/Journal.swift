internal import Foundation
internal import LinuxKit
public import Model

/// The durable list of what a run has made on the host.
///
/// A resource is entered *before* it is made, and struck out after it is gone, so a controller killed at any moment
/// leaves nothing that its journal does not name. The file is locked as long as its run lives; a journal that can be
/// locked belongs to a run that is over, and whoever locks it may clean up after it.
public final class Journal {
  /// One line of the file.
  private enum Entry: Codable {
    case made(Resource)
    case gone(Resource)
  }

  public let runID: String
  private let file: LockedFile
  /// What is there now, in the order of making.
  public private(set) var resources: [Resource] = []

  /// Where the file is.
  var directory: String { URL(filePath: file.path).deletingLastPathComponent().path }

  /// Where journals are. Resources belong to the host, not to a user's store: root's are in one place, whatever HOME
  /// says. `BENCH_JOURNAL` moves them, for tests.
  public static func defaultDirectory(environment: [String: String]) -> String {
    if let path = environment["BENCH_JOURNAL"], !path.isEmpty { return path }
    if LinuxKit.Process.isRoot { return "/var/lib/bench/journal" }
    if let state = environment["XDG_STATE_HOME"], !state.isEmpty { return "\(state)/bench/journal" }
    return "\(environment["HOME"] ?? "/tmp")/.local/state/bench/journal"
  }

  /// Starts the journal of a new run.
  public init(runID: String, directory: String) throws(UserError) {
    self.runID = runID
    do { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) } catch {
      throw UserError(
        .notPermitted, "cannot make the journal's directory \(directory): \(error.localizedDescription)",
        remedy: "run as a user who may write there, or set BENCH_JOURNAL to another directory")
    }
    let path = "\(directory)/\(runID).journal"
    do throws(SystemError) {
      guard let locked = try LockedFile.lock(path) else {
        throw SystemError(call: "lock", subject: path, code: SystemError.busy)
      }
      file = locked
    } catch { throw Self.explained(error, path) }
  }

  private init(runID: String, file: consuming LockedFile, resources: [Resource]) {
    self.runID = runID
    self.file = file
    self.resources = resources
  }

  /// Enters `resource`, which is about to be made.
  public func enter(_ resource: Resource) throws(UserError) {
    try append(.made(resource))
    resources.append(resource)
  }

  /// Strikes out `resource`, which is gone.
  public func strike(_ resource: Resource) throws(UserError) {
    if let place = resources.lastIndex(of: resource) { resources.remove(at: place) }
    try append(.gone(resource))
  }

  private func append(_ entry: Entry) throws(UserError) {
    // The kernel keeps what was written when the process is killed; and when the machine itself goes down, namespaces
    // and links go with it. So there is no need to wait for the disk.
    let line = try Self.line(entry)
    do throws(SystemError) { try file.append(line) } catch { throw Self.explained(error, file.path) }
  }

  private static func line(_ entry: Entry) throws(UserError) -> String {
    do { return String(decoding: try JSONEncoder().encode(entry), as: UTF8.self) + "\n" } catch {
      throw UserError(.internalError, "cannot write a line of the journal: \(error.localizedDescription)")
    }
  }

  private static func explained(_ error: SystemError, _ path: String) -> UserError {
    UserError(
      error.isPermission ? .notPermitted : .unavailable, "cannot write the journal \(path): \(error.reason)",
      remedy: error.isFull
        ? "free some space: nothing is made on the host without a note of it"
        : "set BENCH_JOURNAL to a directory that can be written")
  }

  /// Takes the file away if nothing is left of the run.
  public func close() {
    if resources.isEmpty { try? FileManager.default.removeItem(atPath: file.path) }
  }

  /// The journals in `directory` whose runs are over, locked for the caller. Those of living runs are left alone.
  public static func abandoned(in directory: String) throws(UserError) -> [Journal] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else { return [] }
    var journals: [Journal] = []
    for name in names.sorted() where name.hasSuffix(".journal") {
      let path = "\(directory)/\(name)"
      do throws(SystemError) {
        guard let file = try LockedFile.lock(path) else { continue }
        let resources = replay(try SmallFile.text(path))
        journals.append(Journal(runID: String(name.dropLast(".journal".count)), file: file, resources: resources))
      } catch { throw explained(error, path) }
    }
    return journals
  }

  /// What the lines of a journal leave over. A last line without its end was cut by a kill before anything was made.
  static func replay(_ text: String) -> [Resource] {
    var resources: [Resource] = []
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    lines.removeLast()
    for line in lines {
      switch try? JSONDecoder().decode(Entry.self, from: Data(line.utf8)) {
      case .made(let resource): resources.append(resource)
      case .gone(let resource):
        if let place = resources.lastIndex(of: resource) { resources.remove(at: place) }
      case nil: continue
      }
    }
    return resources
  }
}

extension SystemError {
  /// EBUSY, by number: this file imports Foundation, not Glibc.
  fileprivate static var busy: Int32 { 16 }
}
