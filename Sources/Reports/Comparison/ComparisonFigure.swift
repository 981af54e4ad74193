internal import Model
internal import PlainText

/// B ÷ A in each environment: one row each, the interval as a bar, a line at 1.
enum ComparisonFigure {
  private static let rowHeight = 40.0

  /// - Returns: nil where no environment has a ratio with an interval.
  static func make(
    _ table: ComparisonTable, of part: ComparisonTable.Part, id: String, workload: String, confidence: String
  ) -> Figure? {
    let rows = table.rows.compactMap { row -> (name: String, change: ChangeText, ratio: (low: Double, high: Double))? in
      guard let text = part == .level ? row.level : row.overhead, let change = text.change, change.scale == .ratio,
        let low = change.low, let high = change.high
      else { return nil }
      return (row.name, text, (low, high))
    }
    guard !rows.isEmpty else { return nil }
    let ends: [Double] = rows.flatMap { row in [row.ratio.low, row.ratio.high] } + [1]
    let isLogarithmic = (ends.max() ?? 1) / (ends.min() ?? 1) > 4
    let scale = Scale(covering: ends, isLogarithmic: isLogarithmic)
    let bottom = Double(rows.count) * rowHeight + 6
    let heading = part == .level ? "Level: B ÷ A" : "Overhead: B's ÷ A's"
    let what = part == .level ? "B as a ratio to A" : "the ratio to the baseline in B, as a ratio to that in A"
    var svg = SVG(
      id: id,
      title: "\(workload), \(table.title): \(what)" + (isLogarithmic ? "; logarithmic" : ""),
      summary: rows.map { "\($0.name): \($0.change.text), \($0.change.words)" }.joined(separator: "; "),
      height: bottom + 20)
    svg.ratioAxis(scale, bottom: bottom)
    for (index, row) in rows.enumerated() {
      let top = Double(index) * rowHeight
      let y = top + 29
      svg.text(row.name.fitted(to: 22), 0, top + 15, class: "label")
      svg.text(row.change.text, 1, top + 15, .end, class: "value")
      svg.line(scale(row.ratio.low), y, scale(row.ratio.high), y, class: "interval")
      for end in [row.ratio.low, row.ratio.high] { svg.line(scale(end), y - 5, scale(end), y + 5, class: "whisker") }
      if let estimate = row.change.change?.estimate {
        svg.circle(scale(estimate), y, radius: 4.5, class: row.change.finding == .undecided ? "base" : "estimate")
      }
    }
    let quantity = table.title.withCapital + (part == .level ? "" : ", environment ÷ baseline,")
    return Figure(
      id: id, heading: heading,
      caption:
        "\(quantity) of B as a ratio to that of A; bars are \(confidence) intervals. A hollow mark is undecided.",
      picture: svg, data: [table.text(part)])
  }
}
