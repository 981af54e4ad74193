internal import Foundation
internal import GRDB
public import Model

/// The pinned baseline, and the workers that are kept so that they can be run again.
///
/// A worker is a file, `<path of the store>.workers/<sha256>`. Whoever runs one first holds its SHA-256 against its name:
/// the store keeps bytes and does not look into them.
extension RunStore {
  // MARK: - The baseline

  /// Pins a baseline in the place of the one before. Its worker is to be kept first (``keepWorker(path:sha256:)``).
  public func pin(_ baseline: PinnedBaseline) throws(UserError) {
    try write { db in
      try db.execute(
        sql: """
          INSERT OR REPLACE INTO baseline (id, worker_sha256, origin, pinned, is_manual, fingerprint_json)
          VALUES (1, ?, ?, ?, ?, ?)
          """,
        arguments: [
          baseline.workerSHA256, baseline.origin, Columns.seconds(baseline.pinned), baseline.isManual,
          try Columns.json(baseline.fingerprint),
        ])
    }
  }

  /// The pinned baseline; nil if there is none.
  public func baseline() throws(UserError) -> PinnedBaseline? { try read(Self.baseline) }

  static func baseline(_ db: Database) throws -> PinnedBaseline? {
    guard let row = try Row.fetchOne(db, sql: "SELECT * FROM baseline") else { return nil }
    return PinnedBaseline(
      workerSHA256: try Columns.value(row, "worker_sha256"), origin: try Columns.optional(row, "origin"),
      pinned: try Columns.date(row, "pinned"), isManual: try Columns.value(row, "is_manual"),
      fingerprint: try Columns.decoded(row, "fingerprint_json"))
  }

  /// Pins nothing any more. The worker stays until the store is pruned.
  /// - Returns: whether there was a baseline.
  @discardableResult
  public func clearBaseline() throws(UserError) -> Bool {
    try write { db in
      try db.execute(sql: "DELETE FROM baseline")
      return db.changesCount > 0
    }
  }

  // MARK: - Workers

  /// Where workers are kept.
  public var workerDirectory: String { "\(path).workers" }

  /// Copies a worker, so that it can be run when its file has long been built anew. The copy is there whole or not at
  /// all, is on the disk when this returns, and takes the place of an older one.
  /// - Parameter sha256: of the file, in hex; the caller has computed it.
  public func keepWorker(path source: String, sha256: String) throws(UserError) {
    guard Self.isDigest(sha256) else {
      throw UserError(.internalError, "'\(StoreFailure.shown(sha256))' is no SHA-256")
    }
    let (destination, temporary) = ("\(workerDirectory)/\(sha256)", "\(workerDirectory)/\(sha256).\(getpid()).part")
    if mkdir(workerDirectory, 0o755) != 0 && errno != EEXIST { throw StoreFailure.worker(errno, destination) }
    let input = open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else {
      throw UserError(
        .unavailable,
        "the worker \(StoreFailure.shown(source)) cannot be read: \(String(cString: strerror(errno)).lowercased())")
    }
    defer { close(input) }
    let output = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o755)
    guard output >= 0 else { throw StoreFailure.worker(errno, destination) }
    var failure = Self.copy(input, output)
    // Whatever the umask is: the worker also runs as another user.
    if failure == 0 && fchmod(output, 0o755) != 0 { failure = errno }
    if failure == 0 && fsync(output) != 0 { failure = errno }
    if close(output) != 0 && failure == 0 { failure = errno }
    if failure == 0 && rename(temporary, destination) != 0 { failure = errno }
    if failure != 0 {
      unlink(temporary)
      throw StoreFailure.worker(failure, destination)
    }
    Self.synchronize(directory: workerDirectory)
  }

  /// The file of a kept worker, by its SHA-256 in hex; nil if it is not kept. Whether the bytes still have that SHA-256 is
  /// for the caller to verify.
  public func workerPath(sha256: String) -> String? {
    let path = "\(workerDirectory)/\(sha256)"
    var status = stat()
    guard Self.isDigest(sha256), lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return path
  }

  static func isDigest(_ text: some StringProtocol) -> Bool {
    text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// - Returns: 0, or the errno.
  private static func copy(_ input: Int32, _ output: Int32) -> Int32 {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = Foundation.read(input, &buffer, buffer.count)
      if count == 0 { return 0 }
      if count < 0 {
        if errno == EINTR { continue }
        return errno
      }
      var written = 0
      while written < count {
        let step = buffer.withUnsafeBytes { bytes in
          // The buffer has `count` bytes, and so a base address.
          Foundation.write(output, bytes.baseAddress.map { $0 + written }, count - written)
        }
        if step < 0 {
          if errno == EINTR { continue }
          return errno
        }
        written += step
      }
    }
  }

  /// Makes a renaming durable; a file system that cannot is no reason to fail.
  private static func synchronize(directory: String) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor < 0 { return }
    fsync(descriptor)
    close(descriptor)
  }
}
