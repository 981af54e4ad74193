internal import Model
internal import PlainText

/// A table as every format can show it: what a cell says, and, smaller, what belongs to it.
struct TextTable {
  struct Cell: Equatable {
    var text: String
    /// An interval, or what it is held against; may be empty.
    var detail = ""

    static let none = Cell(text: NumberFormat.none)

    /// On one line.
    var whole: String { detail.isEmpty ? text : "\(text) \(detail)" }
  }

  /// How much a cell says of how its level lies to what it is held against.
  enum Detail {
    case interval, estimate
  }

  struct Row {
    var name: String
    /// One a column.
    var cells: [Cell]
  }

  /// Rows with a heading of their own.
  struct Group {
    /// nil where all rows are of one kind.
    var title: String?
    var rows: [Row]
  }

  var title: String
  /// What the numbers are; may be empty.
  var aside = ""
  /// The head of the first column.
  var first = "environment"
  var columns: [String]
  /// The index of a column of words; all others are numbers.
  var wordColumn: Int?
  var groups: [Group]
  /// Why a "–" stands where it does; each a sentence.
  var notes: [String] = []

  var rows: [Row] { groups.flatMap(\.rows) }

  /// Whether there is anything in it.
  var hasData: Bool { rows.contains { $0.cells.contains { $0.text != NumberFormat.none } } }

  /// Environments down, and metrics or sizes across: each cell a level and how it lies to what it is held against.
  init(
    title: String, aside: String, environments: [String], columns: [(title: String, workload: String, metric: Metric)],
    page: Presentation, detail: Detail = .interval
  ) {
    self.title = title
    self.aside = aside
    self.columns = columns.map(\.title)
    var missing: [(column: String, reason: String, environments: [String])] = []
    let rows = environments.compactMap { environment -> Row? in
      var hasAny = false
      let cells = columns.map { column -> Cell in
        guard let series = page.series(environment, column.workload, column.metric) else { return .none }
        guard let median = series.median else {
          if let note = series.note {
            hasAny = true
            let entry = (column: column.title, reason: InertText.line(note, limit: 300))
            if let index = missing.firstIndex(where: { ($0.column, $0.reason) == entry }) {
              missing[index].environments.append(InertText.name(environment))
            } else {
              missing.append((entry.column, entry.reason, [InertText.name(environment)]))
            }
          }
          return .none
        }
        hasAny = true
        let ratio = environment == page.baseline ? nil : series.heldToReference.ratio
        if column.metric.isCount { return Cell(text: Self.counted(series, median)) }
        return Cell(
          text: NumberFormat.level(median, column.metric),
          detail: ratio.map { detail == .interval ? RatioText($0).whole : NumberFormat.times($0.estimate) } ?? "")
      }
      return hasAny ? Row(name: InertText.name(environment), cells: cells) : nil
    }
    groups = [Group(title: nil, rows: rows)]
    notes = Self.notes(missing, of: columns.count)
  }

  init(
    title: String, aside: String = "", first: String = "environment", columns: [String], wordColumn: Int? = nil,
    groups: [Group], notes: [String] = []
  ) {
    self.title = title
    self.aside = aside
    self.first = first
    self.columns = columns
    self.wordColumn = wordColumn
    self.groups = groups
    self.notes = notes
  }

  /// One sentence for all columns that the same environments lack for the same reason.
  private static func notes(
    _ missing: [(column: String, reason: String, environments: [String])], of count: Int
  ) -> [String] {
    var merged: [(columns: [String], reason: String, environments: [String])] = []
    for entry in missing {
      if let index = merged.firstIndex(where: { $0.reason == entry.reason && $0.environments == entry.environments }) {
        merged[index].columns.append(entry.column)
      } else {
        merged.append(([entry.column], entry.reason, entry.environments))
      }
    }
    return merged.map { entry in
      let what = entry.columns.count == count ? "Unavailable" : "\(entry.columns.listed): unavailable"
      return "\(what) in \(entry.environments.listed): \(entry.reason.withFullStop)"
    }
  }

  /// What was counted: one number where all blocks agree, else the lowest and the highest.
  static func counted(_ series: SeriesResult, _ median: Double) -> String {
    let level = NumberFormat.level(series.exact ?? median, series.metric)
    guard series.exact == nil, let low = series.trials.min(), let high = series.trials.max() else { return level }
    let ends = [low, high].map { NumberFormat.level($0, series.metric) }
    return ends[0] == ends[1] ? level : "\(ends[0])–\(ends[1])"
  }
}
