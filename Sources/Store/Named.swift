internal import Foundation
internal import GRDB
internal import Model

/// What people name by an id, the beginning of one, or `latest`.
struct Named {
  static let runs = Named(
    noun: "run", table: "runs", newestFirst: "started DESC, rowid DESC",
    first: "'bench run network-hop' makes the first.")
  /// The last night is the one that began last, whatever the clock said.
  static let nights = Named(
    noun: "night", table: "nights", newestFirst: "number DESC", first: "'bench nightly' makes the first.")

  let noun: String
  let table: String
  let newestFirst: String
  /// How to get one where there is none.
  let first: String

  /// The whole id.
  /// - Throws: `UserError(.usage)` where none has it, or several.
  func find(_ id: String, _ db: Database, path: String) throws -> String {
    let newest = try String.fetchAll(db, sql: "SELECT id FROM \(table) ORDER BY \(newestFirst) LIMIT 1000")
    guard let latest = newest.first else {
      throw UserError(.usage, "the store \(StoreFailure.shown(path)) holds no \(noun)s yet", remedy: first)
    }
    if id == "latest" { return latest }
    let shown = StoreFailure.shown(String(id.prefix(100)))
    let matches = try String.fetchAll(
      db, sql: "SELECT id FROM \(table) WHERE substr(id, 1, length(?)) = ? ORDER BY \(newestFirst)",
      arguments: [id, id])
    if matches.contains(id) { return id }
    if matches.count == 1, let match = matches.first, !id.isEmpty { return match }
    if matches.isEmpty {
      let near = Suggestion.nearest(to: String(id.prefix(100)), among: newest + ["latest"])
      let hint = near.map { " (did you mean '\($0)'?)" } ?? ""
      throw UserError(
        .usage, "no \(noun) '\(shown)' in the store \(StoreFailure.shown(path))\(hint)", remedy: Self.list(newest))
    }
    throw UserError(.usage, "'\(shown)' is the beginning of \(matches.count) \(noun)s", remedy: Self.list(matches))
  }

  private static func list(_ ids: [String]) -> String {
    let shown = ids.prefix(5).joined(separator: ", ")
    return "Give one of: \(shown)\(ids.count > 5 ? ", … (\(ids.count) in all)" : ""), or 'latest'."
  }
}
