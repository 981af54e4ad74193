internal import Foundation
internal import GRDB
internal import Model

/// Runs, blocks and trials as rows.
enum RunRows {
  // MARK: - Writing

  /// The columns of a run but its id, in the order of ``runValues(_:)``.
  private static let runColumns = [
    "scenario", "profile", "started", "finished", "exit", "stop_reason", "seed", "version", "command", "worker_sha256",
    "injection", "scenario_json", "profile_json", "environments_json", "workloads_json", "host_json", "warnings_json",
    "capture_json", "family", "reference_worker",
  ]

  private static func runValues(_ run: RunRecord) throws -> [(any DatabaseValueConvertible)?] {
    [
      run.scenario.name, run.profileName.rawValue, Columns.seconds(run.started), run.finished.map(Columns.seconds),
      run.exit.rawValue, run.stopReason, Columns.signed(run.seed), run.version, run.command, run.workerSHA256,
      run.injection, try Columns.json(run.scenario), try Columns.json(run.profile), try Columns.json(run.environments),
      try Columns.json(run.workloads), try Columns.json(run.host), try Columns.json(run.warnings),
      try Columns.json(run.capture), run.family.rawValue, run.referenceWorkerSHA256,
    ]
  }

  static func insert(_ run: RunRecord, _ db: Database) throws {
    let marks = Array(repeating: "?", count: runColumns.count + 1).joined(separator: ", ")
    try db.execute(
      sql: "INSERT INTO runs (id, \(runColumns.joined(separator: ", "))) VALUES (\(marks))",
      arguments: StatementArguments([run.id] + runValues(run)))
  }

  /// - Returns: false if the store has no such run.
  static func update(_ run: RunRecord, _ db: Database) throws -> Bool {
    let assignments = runColumns.map { "\($0) = ?" }.joined(separator: ", ")
    try db.execute(
      sql: "UPDATE runs SET \(assignments) WHERE id = ?", arguments: StatementArguments(runValues(run) + [run.id]))
    return db.changesCount == 1
  }

  static func insert(_ block: BlockRecord, run: String, _ db: Database) throws {
    try db.execute(
      sql: "INSERT INTO blocks (run, number, noise_class, void_reasons_json) VALUES (?, ?, ?, ?)",
      arguments: [run, block.index, block.noiseClass.rawValue, try Columns.json(block.voidReasons)])
  }

  static func insert(_ trial: Trial, run: String, _ db: Database) throws {
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO trials (run, block, position, environment, is_control, is_captured, workload, started, window_ns,
          sent, completed, lost, late, duplicate, foreign_messages, attestation_json, noise_json, hops_json, histogram,
          growth_json)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    let messages = trial.messages
    let values: [(any DatabaseValueConvertible)?] = [
      run, trial.block, trial.position, trial.environment, trial.isControl, trial.isCaptured, trial.workload,
      Columns.seconds(trial.started), Columns.signed(trial.windowNanoseconds), Columns.signed(messages.sent),
      Columns.signed(messages.completed), Columns.signed(messages.lost), Columns.signed(messages.late),
      Columns.signed(messages.duplicate), Columns.signed(messages.foreign), try Columns.json(trial.attestation),
      try Columns.json(trial.noise), try trial.hops.map(Columns.json), Data(trial.histogram.encoded),
      try trial.growth.map(Columns.json),
    ]
    try statement.execute(arguments: StatementArguments(values))
    let id = db.lastInsertedRowID
    let value = try db.cachedStatement(
      sql: "INSERT INTO trial_values (trial, metric, value, unavailable) VALUES (?, ?, ?, ?)")
    for metric in Metric.allCases where trial.values[metric] != nil || trial.unavailable[metric] != nil {
      try value.execute(arguments: [id, metric.rawValue, trial.values[metric], trial.unavailable[metric]])
    }
  }

  // MARK: - Reading

  static func run(_ id: String, _ db: Database) throws -> StoredRun? {
    guard let row = try Row.fetchOne(db, sql: "SELECT * FROM runs WHERE id = ?", arguments: [id]) else { return nil }
    return StoredRun(record: try record(row), blocks: try blocks(id, db), trials: try trials(id, db))
  }

  private static func record(_ row: Row) throws -> RunRecord {
    RunRecord(
      id: try Columns.value(row, "id"), scenario: try Columns.decoded(row, "scenario_json"),
      profileName: try Columns.word(row, "profile"), profile: try Columns.decoded(row, "profile_json"),
      environments: try Columns.decoded(row, "environments_json"),
      workloads: try Columns.decoded(row, "workloads_json"), capture: try Columns.decoded(row, "capture_json"),
      family: try Columns.word(row, "family"),
      seed: try Columns.unsigned(row, "seed"),
      started: try Columns.date(row, "started"), finished: try Columns.optionalDate(row, "finished"),
      host: try Columns.decoded(row, "host_json"), workerSHA256: try Columns.value(row, "worker_sha256"),
      version: try Columns.value(row, "version"), command: try Columns.value(row, "command"),
      exit: try Columns.word(row, "exit"), stopReason: try Columns.optional(row, "stop_reason"),
      warnings: try Columns.decoded(row, "warnings_json"), injection: try Columns.optional(row, "injection"),
      referenceWorkerSHA256: try Columns.optional(row, "reference_worker"))
  }

  private static func blocks(_ run: String, _ db: Database) throws -> [BlockRecord] {
    try Row.fetchAll(db, sql: "SELECT * FROM blocks WHERE run = ? ORDER BY number", arguments: [run]).map { row in
      BlockRecord(
        index: try Columns.value(row, "number"), voidReasons: try Columns.decoded(row, "void_reasons_json"),
        noiseClass: try Columns.word(row, "noise_class"))
    }
  }

  private static func trials(_ run: String, _ db: Database) throws -> [Trial] {
    var values: [Int64: [Metric: Double]] = [:]
    var unavailable: [Int64: [Metric: String]] = [:]
    let cells = try Row.fetchCursor(
      db, sql: "SELECT v.* FROM trial_values v JOIN trials t ON t.id = v.trial WHERE t.run = ?", arguments: [run])
    while let row = try cells.next() {
      let trial: Int64 = try Columns.value(row, "trial")
      let metric: Metric = try Columns.word(row, "metric")
      let value: Double? = try Columns.optional(row, "value")
      let reason: String? = try Columns.optional(row, "unavailable")
      if let value { values[trial, default: [:]][metric] = value }
      if let reason { unavailable[trial, default: [:]][metric] = reason }
    }

    var trials: [Trial] = []
    let rows = try Row.fetchCursor(db, sql: "SELECT * FROM trials WHERE run = ? ORDER BY id", arguments: [run])
    while let row = try rows.next() {
      let id: Int64 = try Columns.value(row, "id")
      trials.append(try trial(row, values[id] ?? [:], unavailable[id] ?? [:]))
    }
    return trials
  }

  private static func trial(_ row: Row, _ values: [Metric: Double], _ unavailable: [Metric: String]) throws -> Trial {
    let bytes: Data = try Columns.value(row, "histogram")
    let histogram: LatencyHistogram
    do throws(LatencyHistogram.FormatError) {
      histogram = try LatencyHistogram(encoded: [UInt8](bytes))
    } catch {
      throw Damage(problem: error.description)
    }
    return Trial(
      block: try Columns.value(row, "block"), position: try Columns.value(row, "position"),
      environment: try Columns.value(row, "environment"), isControl: try Columns.value(row, "is_control"),
      isCaptured: try Columns.value(row, "is_captured"), workload: try Columns.value(row, "workload"),
      started: try Columns.date(row, "started"), windowNanoseconds: try Columns.unsigned(row, "window_ns"),
      values: values, unavailable: unavailable, histogram: histogram,
      messages: MessageCounts(
        sent: try Columns.unsigned(row, "sent"), completed: try Columns.unsigned(row, "completed"),
        lost: try Columns.unsigned(row, "lost"), late: try Columns.unsigned(row, "late"),
        duplicate: try Columns.unsigned(row, "duplicate"), foreign: try Columns.unsigned(row, "foreign_messages")),
      attestation: try Columns.decoded(row, "attestation_json"), noise: try Columns.decoded(row, "noise_json"),
      hops: try Columns.optionalDecoded(row, "hops_json"), growth: try Columns.optionalDecoded(row, "growth_json"))
  }
}
