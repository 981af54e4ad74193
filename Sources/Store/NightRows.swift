internal import Foundation
internal import GRDB
internal import Model

/// Nights and epochs as rows.
enum NightRows {
  // MARK: - Nights

  /// The columns of a night but its id, in the order of ``values(_:)``.
  private static let columns = [
    "suite", "suite_digest", "started", "finished", "phase", "epoch", "host_json", "worker_sha256", "baseline_sha256",
    "version", "seed", "verdict", "reason",
  ]

  private static func values(_ night: NightRecord) throws -> [(any DatabaseValueConvertible)?] {
    [
      night.suite, night.suiteDigest, Columns.seconds(night.started), night.finished.map(Columns.seconds),
      night.phase.rawValue, night.epoch, try Columns.json(night.host), night.workerSHA256, night.baselineSHA256,
      night.version, Columns.signed(night.seed), night.verdict?.rawValue, night.reason,
    ]
  }

  /// - Parameters:
  ///   - number: its place in the order of nights; nil is after all others.
  ///   - result: of a finished night.
  static func insert(
    _ night: NightRecord, number: Int64? = nil, isImported: Bool = false, result: StoredResult? = nil, _ db: Database
  ) throws {
    let names = ["number", "id"] + columns + ["is_imported", "result_json", "recent"]
    let marks = Array(repeating: "?", count: names.count).joined(separator: ", ")
    var arguments: [(any DatabaseValueConvertible)?] = [number, night.id]
    arguments += try values(night)
    arguments += [isImported, result?.json, result?.recent]
    try db.execute(
      sql: "INSERT INTO nights (\(names.joined(separator: ", "))) VALUES (\(marks))",
      arguments: StatementArguments(arguments))
    try insert(night.parts, night: db.lastInsertedRowID, db)
  }

  /// Replaces all that is stored of an unfinished night.
  /// - Parameter result: makes it a finished one.
  /// - Returns: the night's number; nil if the store has no such night, or has it as finished.
  static func update(_ night: NightRecord, result: StoredResult? = nil, _ db: Database) throws -> Int64? {
    guard
      let number = try Int64.fetchOne(
        db, sql: "SELECT number FROM nights WHERE id = ? AND phase <> 'finished'", arguments: [night.id])
    else { return nil }
    let assignments = (columns + ["result_json", "recent"]).map { "\($0) = ?" }.joined(separator: ", ")
    var arguments = try values(night)
    arguments += [result?.json, result?.recent, number]
    try db.execute(
      sql: "UPDATE nights SET \(assignments) WHERE number = ?", arguments: StatementArguments(arguments))
    try db.execute(sql: "DELETE FROM night_runs WHERE night = ?", arguments: [number])
    try insert(night.parts, night: number, db)
    return number
  }

  private static func insert(_ parts: [NightRecord.Part], night: Int64, _ db: Database) throws {
    for (position, part) in parts.enumerated() {
      try db.execute(
        sql: "INSERT INTO night_runs (night, position, role, place, run) VALUES (?, ?, ?, ?, ?)",
        arguments: [night, position, part.role.rawValue, part.index, part.run])
    }
  }

  /// The nights that `clause`, the end of a SELECT, chooses.
  static func nights(_ clause: String, _ arguments: StatementArguments = [], _ db: Database) throws -> [NightRecord] {
    let rows = try Row.fetchAll(
      db, sql: "SELECT number, id, \(columns.joined(separator: ", ")) FROM nights \(clause)", arguments: arguments)
    return try rows.map { try night($0, db) }
  }

  private static func night(_ row: Row, _ db: Database) throws -> NightRecord {
    let number: Int64 = try Columns.value(row, "number")
    let parts = try Row.fetchAll(
      db, sql: "SELECT role, place, run FROM night_runs WHERE night = ? ORDER BY position", arguments: [number])
    let verdict: String? = try Columns.optional(row, "verdict")
    return NightRecord(
      id: try Columns.value(row, "id"), suite: try Columns.value(row, "suite"),
      suiteDigest: try Columns.value(row, "suite_digest"), started: try Columns.date(row, "started"),
      finished: try Columns.optionalDate(row, "finished"), phase: try Columns.word(row, "phase"),
      epoch: try Columns.optional(row, "epoch"), host: try Columns.decoded(row, "host_json"),
      workerSHA256: try Columns.value(row, "worker_sha256"),
      baselineSHA256: try Columns.optional(row, "baseline_sha256"), version: try Columns.value(row, "version"),
      seed: try Columns.unsigned(row, "seed"),
      parts: try parts.map { part in
        NightRecord.Part(
          role: try Columns.word(part, "role"), index: try Columns.value(part, "place"),
          run: try Columns.value(part, "run"))
      }, verdict: verdict == nil ? nil : try Columns.word(row, "verdict"),
      reason: try Columns.optional(row, "reason"))
  }

  static func result(_ id: String, _ db: Database) throws -> NightResult? {
    guard
      let row = try Row.fetchOne(
        db, sql: "SELECT result_json, recent FROM nights WHERE id = ? AND result_json IS NOT NULL", arguments: [id])
    else { return nil }
    var result: NightResult = try Columns.decoded(row, "result_json")
    try StoredResult.unpack(try Columns.value(row, "recent"), into: &result.series)
    return result
  }

  /// Removes nights with their values, by number.
  static func remove(_ numbers: [Int64], _ db: Database) throws {
    if numbers.isEmpty { return }
    let list = "(SELECT value FROM json_each(?))"
    let arguments: StatementArguments = [try Columns.json(numbers)]
    try db.execute(sql: "DELETE FROM night_values WHERE night IN \(list)", arguments: arguments)
    try db.execute(sql: "DELETE FROM nights WHERE number IN \(list)", arguments: arguments)
    try db.execute(sql: "DELETE FROM series WHERE id NOT IN (SELECT DISTINCT series FROM night_values)")
    // The last epoch may have been opened for a night that does not name it yet, and no number is given twice.
    try db.execute(
      sql: """
        DELETE FROM epochs
        WHERE number NOT IN (SELECT epoch FROM nights WHERE epoch IS NOT NULL)
          AND number < (SELECT max(number) FROM epochs)
        """)
  }

  // MARK: - Epochs

  private static func epoch(_ row: Row) throws -> Epoch {
    Epoch(
      number: try Columns.value(row, "number"), started: try Columns.date(row, "started"),
      fingerprint: try Columns.decoded(row, "fingerprint_json"))
  }

  static func epochs(_ db: Database) throws -> [Epoch] {
    try Row.fetchAll(db, sql: "SELECT * FROM epochs ORDER BY number").map(epoch)
  }

  /// The epoch of the last night that counts, if the fingerprint is still that one's, else a new one.
  ///
  /// A host that goes back to an old kernel does not go back to that kernel's epoch: in between, all that no fingerprint
  /// holds may have changed as well (updates, firmware, data on the disk), so that the old nights are no history of
  /// these. Nights of another store count only where this one has none of its own.
  static func epoch(for fingerprint: [Epoch.Fact], started: Date, _ db: Database) throws -> (epoch: Epoch, isNew: Bool)
  {
    let last = try Row.fetchOne(
      db,
      sql: """
        SELECT e.* FROM nights n JOIN epochs e ON e.number = n.epoch WHERE n.phase = 'finished'
        ORDER BY n.is_imported, n.number DESC LIMIT 1
        """)
    if let last = try last.map(epoch), last.fingerprint == fingerprint { return (last, false) }
    // What an unfinished night has opened is still new: there is nothing in it that counts.
    let opened = try Row.fetchOne(
      db,
      sql: """
        SELECT * FROM epochs
        WHERE NOT EXISTS (SELECT 1 FROM nights WHERE epoch = epochs.number AND phase = 'finished')
        ORDER BY number DESC LIMIT 1
        """)
    if let opened = try opened.map(epoch), opened.fingerprint == fingerprint { return (opened, true) }
    return (try insert(fingerprint, started: started, db), true)
  }

  static func insert(_ fingerprint: [Epoch.Fact], started: Date, _ db: Database) throws -> Epoch {
    try db.execute(
      sql: """
        INSERT INTO epochs (number, started, fingerprint_json)
        VALUES ((SELECT ifnull(max(number), 0) + 1 FROM epochs), ?, ?)
        """, arguments: [Columns.seconds(started), try Columns.json(fingerprint)])
    return Epoch(number: Int(db.lastInsertedRowID), started: started, fingerprint: fingerprint)
  }
}

/// A result as it is stored: a document without its series' recent values, and these.
///
/// The recent values of all series in their order: for each their number (2 bytes), then 8 bytes each, all little-endian.
struct StoredResult {
  var json: String
  var recent: Data

  init(_ result: NightResult) throws {
    var bare = result
    recent = Data()
    for index in bare.series.indices {
      let values = bare.series[index].recent
      guard let count = UInt16(exactly: values.count) else {
        throw UserError(.internalError, "\(values.count) recent values of \(bare.series[index].series.name)")
      }
      Self.append(count, to: &recent)
      for value in values { Self.append(value.bitPattern, to: &recent) }
      bare.series[index].recent = []
    }
    json = try Columns.json(bare)
  }

  static func unpack(_ bytes: Data, into series: inout [NightResult.Series]) throws {
    var rest = bytes[...]
    for index in series.indices {
      let count: UInt16 = try take(from: &rest)
      series[index].recent = try (0..<count).map { _ in Double(bitPattern: try take(from: &rest)) }
    }
    if !rest.isEmpty { throw Damage(problem: "'recent' is longer than its series") }
  }

  private static func append(_ number: some FixedWidthInteger, to bytes: inout Data) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func take<Number: FixedWidthInteger & UnsignedInteger>(from bytes: inout Data) throws -> Number {
    let size = Number.bitWidth / 8
    guard bytes.count >= size else { throw Damage(problem: "'recent' is shorter than its series") }
    let number = bytes.prefix(size).reversed().reduce(into: Number(0)) { $0 = $0 << 8 | Number($1) }
    bytes = bytes.dropFirst(size)
    return number
  }
}
