internal import Foundation
public import Model
public import Store

extension WorkerBinary {
  /// A worker that a store keeps, once its bytes are known to be those that it was kept for.
  /// - Returns: nil if the store does not keep it.
  /// - Throws: `UserError(.badInput)` if the file is not what its name says.
  public static func kept(sha256: String, in store: RunStore) throws(UserError) -> WorkerBinary? {
    guard let path = store.workerPath(sha256: sha256) else { return nil }
    let worker = try WorkerBinary(path: path)
    if worker.sha256 != sha256 {
      throw UserError(
        .badInput, "the kept worker \(path) is damaged: it has the SHA-256 \(worker.sha256)",
        remedy: "Remove the file; pin another baseline with 'bench baseline set'.")
    }
    return worker
  }

  /// Keeps a copy of it in a store, by its hash, and makes sure that the copy is what was hashed.
  @discardableResult
  public func keep(in store: RunStore) throws(UserError) -> WorkerBinary {
    try store.keepWorker(path: path, sha256: sha256)
    guard let copy = try Self.kept(sha256: sha256, in: store) else {
      throw UserError(
        .unavailable, "the worker \(sha256) that was kept in \(store.workerDirectory) is gone",
        remedy: "Another program may have removed it; try again.")
    }
    return copy
  }
}
