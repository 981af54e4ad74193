internal import Model
internal import PlainText

/// Counts as bars from zero: one row an environment, one column a kind of event, each column on a scale of its own.
struct CountsChart {
  struct Bar {
    /// What every trial agrees on, or the median.
    var value: Double
    /// The lowest and the highest of the trials; nil where they agree.
    var range: (low: Double, high: Double)?
    /// "4.00", or "4.12–4.52".
    var text: String
    /// The same in less room.
    var short: String

    var end: Double { max(value, range?.high ?? 0) }
  }

  struct Row {
    var name: String
    /// One a column; nil where this environment has none.
    var bars: [Bar?]
  }

  struct Column {
    var title: String
    var short: String
  }

  private static let rowHeight = 48.0
  private static let head = 34.0
  /// Between columns, as a share of a column.
  private static let gutter = 0.14
  /// Text of so many characters fits into a column of a narrow page.
  static let narrowText = 7

  let title: String
  let summary: String
  let columns: [Column]
  let rows: [Row]

  /// The largest of a column: where its bars would end.
  func largest(_ column: Int) -> Double { rows.compactMap { $0.bars[column]?.end }.max() ?? 0 }

  /// The ends of a bar and of its range as shares of the picture's width.
  func place(_ value: Double, in column: Int) -> Double {
    let width = 1 / Double(columns.count)
    let start = Double(column) * width
    let largest = largest(column)
    guard value.isFinite, largest > 0 else { return start }
    return start + width * (1 - Self.gutter) * min(1, max(0, value / largest))
  }

  /// nil where nothing can be drawn.
  func picture(id: String) -> SVG? {
    guard !columns.isEmpty, !rows.isEmpty else { return nil }
    var svg = SVG(id: id, title: title, summary: summary, height: Self.head + Double(rows.count) * Self.rowHeight)
    for (index, column) in columns.enumerated() {
      let x = place(0, in: index)
      svg.text(column.title, x, 25, class: "tick wide-only")
      // Neighbours would run into each other on one line.
      let isLast = index > 0 && index == columns.count - 1
      svg.text(
        column.short, isLast ? 1 : x, index.isMultiple(of: 2) ? 25 : 11, isLast ? .end : .start,
        class: "tick narrow-only")
    }
    for (place, row) in rows.enumerated() {
      let top = Self.head + Double(place) * Self.rowHeight
      svg.line(0, top, 1, top, class: "grid")
      svg.text(row.name.fitted(to: 34), 0, top + 15, class: "label")
      for (index, bar) in row.bars.enumerated() {
        let start = self.place(0, in: index)
        let y = top + 40
        guard let bar else {
          svg.text(NumberFormat.none, start, top + 31, class: "tick")
          continue
        }
        if bar.text == bar.short {
          svg.text(bar.text, start, top + 31, class: "tick")
        } else {
          svg.text(bar.text, start, top + 31, class: "tick wide-only")
          svg.text(bar.short, start, top + 31, class: "tick narrow-only")
        }
        svg.line(start, y - 5, start, y + 5, class: "step")
        let end = self.place(bar.value, in: index)
        if end > start { svg.line(start, y, end, y, class: "bar") }
        guard let range = bar.range else { continue }
        let ends = [range.low, range.high].map { self.place($0, in: index) }
        svg.line(ends[0], y, ends[1], y, class: "bar-range")
        for x in ends { svg.line(x, y - 5, x, y + 5, class: "bar-range") }
      }
    }
    return svg
  }
}
