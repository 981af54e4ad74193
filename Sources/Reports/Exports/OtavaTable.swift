internal import Foundation
internal import Model
internal import PlainText

/// Series by nights as a CSV file that Apache Otava imports (https://github.com/apache/otava/blob/master/docs/CSV.md), and
/// the definition of the test that it takes.
///
/// The first column is the time, then come attributes, which Otava shows and does not read as numbers, then one column a
/// series. Otava's importer takes no empty cell. Where a night lacks a series, the value of the night before stands in its
/// column (before the first, the first), which is what Otava itself does with gaps from its other sources; the attribute
/// `filled` says how many of a row's values are such. A series without any value has no column.
struct OtavaTable {
  struct Column {
    var series: HistorySeries
    /// Of ASCII letters, digits, "-", "_" and "." alone: it has to be a column, a key of YAML, and a word on Otava's command
    /// line.
    var name: String
    /// One a row; nil where the night lacks it.
    var values: [Double?]
  }

  struct Row {
    var id: String
    var started: Date
    var epoch: Int?
  }

  /// Oldest first.
  private(set) var rows: [Row] = []
  private(set) var columns: [Column] = []
  /// The name of the test.
  private let test: String

  init(history: [HistoryView], night: NightResult) {
    test = "bench." + ExportText.plain(night.night.suite)
    var values: [(series: HistorySeries, points: [(Row, Double)])] = history.map { view in
      (
        view.series,
        view.points.map { (Row(id: $0.night, started: $0.started, epoch: $0.epoch), $0.value) }
      )
    }
    let tonight = Row(id: night.night.id, started: night.night.started, epoch: night.epoch.number)
    for series in night.series {
      if let index = values.firstIndex(where: { $0.series == series.series }) {
        if !values[index].points.contains(where: { $0.0.id == tonight.id }) {
          values[index].points.append((tonight, series.value))
        }
      } else {
        values.append((series.series, [(tonight, series.value)]))
      }
    }
    fill(values)
  }

  /// One row.
  init(run: RunResult) {
    test = "bench." + ExportText.plain(run.run.scenario)
    let row = Row(id: run.run.id, started: run.run.started, epoch: nil)
    var values: [(series: HistorySeries, points: [(Row, Double)])] = []
    for series in run.series {
      func add(_ quantity: HistorySeries.Quantity, _ value: Double?) {
        guard let value else { return }
        let key = HistorySeries(
          scenario: run.run.scenario, workload: series.workload, environment: series.environment,
          metric: series.metric, quantity: quantity)
        values.append((key, [(row, value)]))
      }
      add(.overhead, series.ratio?.estimate)
      if series.exact != nil {
        add(.count, series.exact)
      } else if series.environment == run.run.baseline {
        add(.level, series.median)
      }
    }
    fill(values)
  }

  private mutating func fill(_ values: [(series: HistorySeries, points: [(Row, Double)])]) {
    var places: [String: Int] = [:]
    var found: [String: Row] = [:]
    for (_, points) in values {
      for (row, value) in points where value.isFinite { found[row.id] = row }
    }
    rows = found.values.sorted { ($0.started, $0.id) < ($1.started, $1.id) }
    for (place, row) in rows.enumerated() { places[row.id] = place }
    var names = DistinctNames()
    for (series, points) in values {
      var cells = [Double?](repeating: nil, count: rows.count)
      for (row, value) in points where value.isFinite {
        if let place = places[row.id] { cells[place] = value }
      }
      if cells.allSatisfy({ $0 == nil }) { continue }
      let name =
        [series.scenario, series.workload, series.environment].map { ExportText.plain($0) }.joined(separator: ".")
        + ".\(series.metric.rawValue).\(series.quantity.rawValue)"
      columns.append(Column(series: series, name: names.name(name), values: cells))
    }
  }

  private static let attributes = ["night", "epoch", "filled"]

  /// Lines end in a line feed; all text is plain, so that nothing needs quotation marks.
  var csv: String {
    var text = (["time"] + Self.attributes + columns.map(\.name)).joined(separator: ",") + "\n"
    var last = columns.map { column in column.values.lazy.compactMap(\.self).first }
    for (place, row) in rows.enumerated() {
      var filled = 0
      var cells: [String] = []
      for index in columns.indices {
        if let value = columns[index].values[place] { last[index] = value } else { filled += 1 }
        cells.append(last[index].map(CSVReport.digits) ?? "")
      }
      let head = [
        row.started.ISO8601Format(), ExportText.plain(row.id), row.epoch.map(String.init) ?? "", String(filled),
      ]
      text += (head + cells).joined(separator: ",") + "\n"
    }
    return text
  }

  /// The file `otava.yaml`. Otava counts a change as a regression by a metric's direction: −1 where more is worse.
  func configuration(file: String) -> String {
    var text = """
      tests:
        \(test):
          type: csv
          file: \(Self.quoted(file))
          time_column: time
          attributes: [\(Self.attributes.joined(separator: ", "))]
          metrics:

      """
    if columns.isEmpty { text = String(text.dropLast()) + " {}\n" }
    for column in columns {
      text += """
              \(column.name):
                column: \(column.name)
                direction: \(column.series.isCost ? -1 : 1)

        """
    }
    return text
  }

  /// As a scalar of YAML in double quotation marks.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in InertText.line(text, limit: 4096).unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }
}
