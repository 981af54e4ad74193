internal import Foundation
internal import GRDB
internal import Model

/// Series and their values as rows.
enum SeriesRows {
  /// - Parameter row: has the columns of the table `series`.
  static func series(_ row: Row) throws -> HistorySeries {
    HistorySeries(
      scenario: try Columns.value(row, "scenario"), workload: try Columns.value(row, "workload"),
      environment: try Columns.value(row, "environment"), metric: try Columns.word(row, "metric"),
      quantity: try Columns.word(row, "quantity"))
  }

  static func id(_ series: HistorySeries, _ db: Database) throws -> Int64? {
    let statement = try db.cachedStatement(
      sql: """
        SELECT id FROM series
        WHERE scenario = ? AND workload = ? AND environment = ? AND metric = ? AND quantity = ?
        """)
    return try Int64.fetchOne(statement, arguments: arguments(series))
  }

  private static func arguments(_ series: HistorySeries) -> StatementArguments {
    [series.scenario, series.workload, series.environment, series.metric.rawValue, series.quantity.rawValue]
  }

  /// Stores the values of one night.
  /// - Throws: `UserError(.internalError)` for what is no number and for a series that is there twice.
  static func insert(_ values: [SeriesValue], night: Int64, _ db: Database) throws {
    var seen: Set<HistorySeries> = []
    for value in values {
      // SQLite stores NaN as NULL, and nothing can be held against an infinite value.
      guard value.value.isFinite, value.low?.isNaN != true, value.high?.isNaN != true else {
        throw UserError(.internalError, "the night's value of \(value.series.name) is no number")
      }
      guard seen.insert(value.series).inserted else {
        throw UserError(.internalError, "the night has two values of \(value.series.name)")
      }
      let statement = try db.cachedStatement(
        sql: "INSERT INTO night_values (series, night, value, low, high) VALUES (?, ?, ?, ?, ?)")
      try statement.execute(
        arguments: [try ensured(value.series, db), night, value.value, value.low, value.high])
    }
  }

  private static func ensured(_ series: HistorySeries, _ db: Database) throws -> Int64 {
    if let known = try id(series, db) { return known }
    try db.execute(
      sql: "INSERT INTO series (scenario, workload, environment, metric, quantity) VALUES (?, ?, ?, ?, ?)",
      arguments: arguments(series))
    return db.lastInsertedRowID
  }

  /// All series, in the order in which they came to be.
  static func listings(_ db: Database) throws -> [HistoryListing] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT s.scenario, s.workload, s.environment, s.metric, s.quantity, c.count, n.id AS night, n.started, n.epoch,
          v.value, v.low, v.high
        FROM series s
        JOIN (SELECT series, count(*) AS count, max(night) AS last FROM night_values GROUP BY series) c
          ON c.series = s.id
        JOIN night_values v ON v.series = c.series AND v.night = c.last
        JOIN nights n ON n.number = c.last
        ORDER BY s.id
        """)
    var listings: [HistoryListing] = []
    while let row = try rows.next() {
      listings.append(
        HistoryListing(series: try series(row), nights: try Columns.value(row, "count"), last: try point(row)))
    }
    return listings
  }

  /// - Parameter limit: negative gives all.
  static func history(_ id: Int64, limit: Int, _ db: Database) throws -> [HistoryPoint] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT n.id AS night, n.started, n.epoch, v.value, v.low, v.high
        FROM night_values v JOIN nights n ON n.number = v.night
        WHERE v.series = ? ORDER BY v.night DESC LIMIT ?
        """, arguments: [id, limit])
    return try rows.reversed().map(point)
  }

  private static func point(_ row: Row) throws -> HistoryPoint {
    HistoryPoint(
      night: try Columns.value(row, "night"), started: try Columns.date(row, "started"),
      epoch: try Columns.value(row, "epoch"), value: try Columns.value(row, "value"),
      low: try Columns.optional(row, "low"), high: try Columns.optional(row, "high"))
  }

  static func matrix(
    epoch: Int, series: [HistorySeries], nights limit: Int, _ db: Database
  ) throws -> (nights: [String], values: [[Double?]]) {
    let nights = try Row.fetchAll(
      db,
      sql: """
        SELECT number, id FROM nights WHERE epoch = ? AND phase = 'finished' ORDER BY number DESC LIMIT ?
        """, arguments: [epoch, max(0, limit)]
    ).reversed().map { row in
      (number: try Columns.value(row, "number") as Int64, id: try Columns.value(row, "id") as String)
    }
    var values = series.map { _ in [Double?](repeating: nil, count: nights.count) }
    guard let first = nights.first?.number, let last = nights.last?.number else { return ([], values) }
    let columns = Dictionary(uniqueKeysWithValues: nights.enumerated().map { ($0.element.number, $0.offset) })
    var places: [Int64: [Int]] = [:]
    for (index, series) in series.enumerated() {
      if let id = try id(series, db) { places[id, default: []].append(index) }
    }
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT series, night, value FROM night_values
        WHERE series IN (SELECT value FROM json_each(?)) AND night BETWEEN ? AND ?
        """, arguments: [try Columns.json(places.keys.sorted()), first, last])
    while let row = try rows.next() {
      // By position, as half a million rows want it. The table holds nothing else (STRICT).
      guard let id = row[0] as Int64?, let night = row[1] as Int64?, let column = columns[night] else { continue }
      for place in places[id] ?? [] { values[place][column] = row[2] as Double? }
    }
    return (nights.map(\.id), values)
  }

  /// The values of one night, in the order in which their series came to be.
  static func values(night: String, _ db: Database) throws -> [SeriesValue] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT s.*, v.value, v.low, v.high
        FROM series s JOIN night_values v ON v.series = s.id
        WHERE v.night = (SELECT number FROM nights WHERE id = ?) ORDER BY s.id
        """, arguments: [night]
    ).map { row in
      SeriesValue(
        series: try series(row), value: try Columns.value(row, "value"), low: try Columns.optional(row, "low"),
        high: try Columns.optional(row, "high"))
    }
  }
}
