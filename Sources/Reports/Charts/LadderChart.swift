internal import Model
internal import PlainText

/// The ladder: one row an environment, the ratio's interval as a bar, steps from row to row, a line at 1.
enum LadderChart {
  private static let rowHeight = 44.0

  private static func isLogarithmic(_ values: [Double]) -> Bool {
    guard let low = values.min(), let high = values.max(), low > 0 else { return false }
    return high / low > 8
  }

  /// - Parameter isLadder: whether each row adds a layer to the one above, and all are held against the baseline.
  /// nil without a ratio.
  static func picture(
    id: String, table: MetricTable, baseline: String, isLadder: Bool = true
  ) -> SVG? {
    let rows = table.rows
    let ratios = rows.compactMap { $0.series?.ratio }
    guard !ratios.isEmpty else { return nil }
    let values: [Double] = ratios.flatMap { [$0.low, $0.high] } + [1]
    // One rung far off would press all others into one place.
    let isLogarithmic = Self.isLogarithmic(values)
    let scale = Scale(covering: values, isLogarithmic: isLogarithmic)
    let bottom = Double(rows.count) * rowHeight + 6
    let sentences = rows.map { row in
      row.ratio.map { "\(row.name): \($0.whole)" } ?? "\(row.name): \(row.isBaseline ? "1, the baseline" : "no ratio")"
    }
    var svg = SVG(
      id: id,
      title: "\(isLadder ? "Ladder of " : "")\(InertText.name(table.workload)), \(table.title), as a ratio to "
        + (isLadder ? baseline : "what it is held against")
        + (table.metric.isBetterLarger ? "; larger is better" : "") + (isLogarithmic ? "; logarithmic" : ""),
      summary: sentences.joined(separator: "; "), height: bottom + 20)
    svg.ratioAxis(scale, bottom: bottom)
    var previous: (x: Double, y: Double)?
    for (index, row) in rows.enumerated() {
      let top = Double(index) * rowHeight
      let y = top + 31
      svg.text(row.name.fitted(to: 22), 0, top + 16, class: "label")
      let value =
        row.ratio.map { "\($0.whole)" }
        ?? (row.isBaseline ? "\(row.medianWithUnit) = 1" : row.outcome.words.fitted(to: 24))
      svg.text(value, 1, top + 16, .end, class: "value")
      let estimate: Double
      if let ratio = row.series?.ratio {
        estimate = ratio.estimate
      } else if row.isBaseline && row.series != nil {
        estimate = 1
      } else {
        continue
      }
      let x = scale(estimate)
      if isLadder, let previous {
        svg.line(previous.x, previous.y, previous.x, y, class: "step")
        svg.line(previous.x, y, x, y, class: "step")
      }
      svg.titled(title(row)) { svg in
        svg.band(top, height: rowHeight, class: "hit")
        if let ratio = row.series?.ratio {
          svg.line(scale(ratio.low), y, scale(ratio.high), y, class: "interval")
          for end in [ratio.low, ratio.high] { svg.line(scale(end), y - 5, scale(end), y + 5, class: "whisker") }
          svg.circle(x, y, radius: 4.5, class: "estimate")
        } else {
          svg.circle(x, y, radius: 4.5, class: "base")
        }
      }
      previous = (x, y)
    }
    return svg
  }

  /// The row's numbers: its median, ratio, difference and finding.
  private static func title(_ row: MetricRow) -> String {
    [
      row.name, "median \(row.medianWithUnit)", row.ratio.map { "ratio \($0.whole)" },
      row.differenceParts.map { "difference \($0.whole)" }, row.outcome.text,
    ].compactMap(\.self).joined(separator: "\n")
  }
}
