internal import Analysis
internal import Foundation
internal import Model
internal import PlainText
internal import Reports
internal import Store

/// Finds what a command calls a run: one of the store, by its id, the beginning of one, `latest` or `latest~1`; or a
/// result file.
struct RunSource {
  let storePath: String

  /// A result file larger than this is none.
  private static let largestFile = 1 << 30

  /// A result file, or a run of the store.
  func load(_ name: String) throws(UserError) -> RunResult {
    // A folder here that happens to be named like a run is not meant.
    var isDirectory: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: name, isDirectory: &isDirectory)
    let isPath = name.contains("/") || name.hasPrefix(".") || !isDirectory.boolValue
    if name.hasSuffix(".json") || (isThere && isPath) { return try Self.file(name) }
    let store = try RunStore.openReadOnly(path: storePath)
    guard let place = Self.placeBeforeLatest(name) else {
      return RunAnalysis.analyze(try store.run(try Self.run(ofNight: name, store) ?? name))
    }
    let newest = try store.runs(limit: place + 1)
    guard newest.count > place else {
      throw UserError(
        .usage, "there is no \(name): the store holds \(newest.count) run\(newest.count == 1 ? "" : "s")",
        remedy: "'bench list --runs' lists them.")
    }
    return RunAnalysis.analyze(try store.run(newest[place].id))
  }

  /// The finished night of the store with this id, whole; nil of any other name.
  func night(_ name: String) throws(UserError) -> NightResult? {
    guard FileManager.default.fileExists(atPath: storePath) else { return nil }
    let store = try RunStore.openReadOnly(path: storePath)
    guard try store.nights().contains(where: { $0.id == name && $0.phase == .finished }) else { return nil }
    return try store.nightResult(name)
  }

  /// Of a whole night's id: its first run of the suite; nil of any other name.
  private static func run(ofNight name: String, _ store: RunStore) throws(UserError) -> String? {
    try store.nights().first { $0.id == name }?.parts.first { $0.role == .suite }?.run
  }

  /// Of `latest~N`: N; nil of any other name.
  private static func placeBeforeLatest(_ name: String) -> Int? {
    guard name.hasPrefix("latest~") else { return nil }
    let digits = name.dropFirst("latest~".count)
    // More digits than an Int has room for are no number of runs either.
    guard !digits.isEmpty, digits.count <= 9, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    return Int(digits)
  }

  private static func file(_ path: String) throws(UserError) -> RunResult {
    let shown = InertText.line(path, limit: 300)
    let remedy = "name a result file ('bench analyze RUN --json FILE' writes one), or a run of the store"
    let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    guard let facts = try? FileManager.default.attributesOfItem(atPath: resolved) else {
      throw UserError(
        .badInput, "there is no file \(shown)", remedy: remedy)
    }
    guard facts[.type] as? FileAttributeType == .typeRegular else {
      throw UserError(.badInput, "\(shown) is no file", remedy: remedy)
    }
    guard let size = facts[.size] as? Int, size <= largestFile else {
      throw UserError(.badInput, "\(shown) is too large to be a result of bench", remedy: remedy)
    }
    let bytes: Data
    do { bytes = try Data(contentsOf: URL(fileURLWithPath: resolved)) } catch {
      throw UserError(.notPermitted, "\(shown) cannot be read", remedy: "make it readable, or run bench as its owner")
    }
    do { return try JSONResult.decode(bytes) } catch let error as UserError {
      throw UserError(error.exitCode, "\(shown): \(error.message)", remedy: error.remedy ?? remedy)
    } catch { throw UserError(.badInput, "\(shown): this is no result of bench", remedy: remedy) }
  }
}
