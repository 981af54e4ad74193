public import Foundation
internal import GRDB
public import Model

/// What an export is made of.
public struct ExportSelection: Sendable, Equatable {
  /// Ids of runs, each whole.
  public var runs: [String]
  /// Ids of finished nights, each whole.
  public var nights: [String]

  public init(runs: [String], nights: [String]) {
    self.runs = runs
    self.nights = nights
  }

  public var isEmpty: Bool { runs.isEmpty && nights.isEmpty }
}

/// What an import has changed.
public struct Imported: Sendable, Equatable {
  /// Runs and nights that are new here.
  public var runs = 0
  public var nights = 0
  /// Those that were here already, with the same content.
  public var knownRuns = 0
  public var knownNights = 0

  public init() {}
}

extension RunStore {
  /// Every run that is over and every finished night, oldest first.
  public func everything() throws(UserError) -> ExportSelection {
    try read { db in
      ExportSelection(
        runs: try String.fetchAll(
          db, sql: "SELECT id FROM runs WHERE exit <> 'running' ORDER BY started, rowid"),
        nights: try String.fetchAll(db, sql: "SELECT id FROM nights WHERE phase = 'finished' ORDER BY number"))
    }
  }

  /// Writes an export (`bench.export/1`, docs/history.md), one run or night in memory at a time.
  /// - Parameters:
  ///   - version: of the program.
  ///   - write: takes some bytes at a time.
  public func export(
    _ selection: ExportSelection, version: String, write: @escaping (Data) throws(UserError) -> Void
  ) throws(UserError) {
    try Self.rethrowing(path) {
      var writer = ExportWriter { bytes in try write(bytes) }
      try writer.add(
        ExportLine.Header(
          schema: ExportLine.schema, version: version, exported: Date(), runs: selection.runs.count,
          nights: selection.nights.count))
      for id in selection.runs {
        let run = try run(id)
        try writer.add(
          ExportLine.Content(run: ExportLine.Run(record: run.record, blocks: run.blocks, trials: run.trials)))
      }
      let epochs = try epochs()
      for id in selection.nights {
        let record = try night(id)
        guard let result = try nightResult(id), let epoch = epochs.first(where: { $0.number == record.epoch }) else {
          throw UserError(
            .usage, "the night \(StoreFailure.shown(id)) is not finished, and cannot be exported",
            remedy: "'bench history --nights' lists nights with their verdicts.")
        }
        let values = try nightValues(id)
        try writer.add(
          ExportLine.Content(night: ExportLine.Night(record: record, epoch: epoch, result: result, values: values)))
      }
      try writer.end()
    }
  }

  /// Reads a whole export, and stores nothing.
  /// - Parameter name: as people know the file.
  /// - Throws: `UserError(.badInput)`, naming line and reason, for a file that is not a whole sound export.
  public static func verify(export file: String, name: String) throws(UserError) {
    try rethrowing(file) {
      var reader = try ExportReader(path: file, name: StoreFailure.shown(name))
      _ = try reader.read { _, _ in }
    }
  }

  /// Takes over an export. The whole file is verified before anything is written, and all of it is stored or nothing.
  ///
  /// A run or a night that is here already is left as it is; one of the same id with other content has the whole file
  /// refused. Nights that began before the first one that is here come before it, others after the last; their epochs
  /// are those of this store that have the same beginning and fingerprint, else new ones.
  /// - Parameter name: as people know the file.
  /// - Throws: `UserError(.badInput)`, naming line and reason, for a file that is not a whole sound export.
  public func takeOver(export file: String, name: String) throws(UserError) -> Imported {
    let name = StoreFailure.shown(name)
    return try Self.rethrowing(path) {
      var check = try ExportReader(path: file, name: name)
      var nights = 0
      let sum = try check.read { content, _ in if content.night != nil { nights += 1 } }
      return try write { db in
        var imported = Imported()
        var places = try NightPlaces(nights, db)
        var reader = try ExportReader(path: file, name: name)
        let again = try reader.read { content, line in
          if let run = content.run {
            try Self.take(run, &imported, db, place: "\(name):\(line)")
          } else if let night = content.night {
            try Self.take(night, &imported, &places, db, place: "\(name):\(line)")
          }
        }
        if again != sum {
          throw UserError(
            .badInput, "\(name) was changed while it was read", remedy: "Nothing was imported; try again.")
        }
        return imported
      }
    }
  }

  private static func take(
    _ run: ExportLine.Run, _ imported: inout Imported, _ db: Database, place: String
  ) throws {
    let run = StoredRun(record: run.record, blocks: run.blocks, trials: run.trials)
    if let known = try RunRows.run(run.record.id, db) {
      guard known == run else { throw conflict("run", run.record.id, place) }
      imported.knownRuns += 1
      return
    }
    try RunRows.insert(run.record, db)
    for block in run.blocks { try RunRows.insert(block, run: run.record.id, db) }
    for trial in run.trials { try RunRows.insert(trial, run: run.record.id, db) }
    imported.runs += 1
  }

  private static func take(
    _ night: ExportLine.Night, _ imported: inout Imported, _ places: inout NightPlaces, _ db: Database, place: String
  ) throws {
    var (record, result) = (night.record, night.result)
    let known = try NightRows.nights("WHERE id = ?", [record.id], db).first
    let epochs = try NightRows.epochs(db)
    var epoch = epochs.first { $0.started == night.epoch.started && $0.fingerprint == night.epoch.fingerprint }
    if epoch == nil && known == nil {
      epoch = try NightRows.insert(night.epoch.fingerprint, started: night.epoch.started, db)
    }
    record.epoch = epoch?.number
    if let number = epoch?.number { result.epoch.number = number }
    let stored = try StoredResult(result)
    if let known {
      let old = try NightRows.result(record.id, db).map(StoredResult.init)
      guard known == record, old?.json == stored.json, old?.recent == stored.recent,
        byName(try SeriesRows.values(night: record.id, db)) == byName(night.values)
      else { throw conflict("night", record.id, place) }
      imported.knownNights += 1
      return
    }
    try NightRows.insert(
      record, number: places.next(record.started), isImported: true, result: stored, db)
    guard let number = try Int64.fetchOne(db, sql: "SELECT number FROM nights WHERE id = ?", arguments: [record.id])
    else { throw Damage(problem: "it has lost the night '\(record.id)'") }
    try SeriesRows.insert(night.values, night: number, db)
    imported.nights += 1
  }

  private static func byName(_ values: [SeriesValue]) -> [SeriesValue] {
    values.sorted { $0.series.name < $1.series.name }
  }

  private static func conflict(_ noun: String, _ id: String, _ place: String) -> UserError {
    UserError(
      .badInput, "\(place): the \(noun) \(StoreFailure.shown(id)) is in the store already, with other content",
      remedy: "Nothing was imported. Import into another store, with --store PATH.")
  }
}

/// Where imported nights come in the order of nights: those that began before the first one that is here come before it,
/// in the order of the file; others after the last.
private struct NightPlaces {
  private var first: Date?
  private var next: Int64 = 0

  /// - Parameter count: nights of the file.
  init(_ count: Int, _ db: Database) throws {
    guard let row = try Row.fetchOne(db, sql: "SELECT number, started FROM nights ORDER BY number LIMIT 1")
    else { return }
    first = try Columns.date(row, "started")
    next = try Columns.value(row, "number") as Int64 - Int64(count)
  }

  /// nil is after all others.
  mutating func next(_ started: Date) -> Int64? {
    guard let first, started < first else { return nil }
    next += 1
    return next - 1
  }
}
