internal import Model
internal import PlainText

/// p50, p90, p99 and p99.9 of the round trip, one row an environment, on a logarithmic scale. Shapes tell them apart.
enum PercentileChart {
  static let marks: [(metric: Metric, mark: SVG.Mark, name: String, shape: String)] = [
    (.rttP50, .circle, "p50", "●"), (.rttP90, .square, "p90", "■"), (.rttP99, .diamond, "p99", "◆"),
    (.rttP999, .triangle, "p99.9", "▲"),
  ]
  private static let rowHeight = 44.0

  /// nil where no environment has more than one of them.
  static func picture(id: String, workload: String, rows: [(name: String, values: [Metric: Double])]) -> SVG? {
    let rows = rows.filter { !$0.values.isEmpty }
    let all = rows.flatMap(\.values.values).filter { $0.isFinite && $0 > 0 }
    guard let lowest = all.min(), rows.contains(where: { $0.values.count > 1 }) else { return nil }
    let unit = DisplayUnit(.nanoseconds, reference: lowest)
    let scale = Scale(covering: all, isLogarithmic: true)
    let bottom = Double(rows.count) * rowHeight + 6
    func numbers(_ values: [Metric: Double], naming: Bool) -> [String] {
      marks.compactMap { entry in
        values[entry.metric].map { value in
          let places = NumberFormat.places(forValue: unit.scaled(value), digits: 3, in: 0...2)
          return (naming ? entry.name + " " : "") + NumberFormat.decimal(unit.scaled(value), places: places)
        }
      }
    }
    var svg = SVG(
      id: id, title: "Latency percentiles of \(workload), median over the blocks, in \(unit.symbol)",
      summary: rows.map { "\($0.name): " + numbers($0.values, naming: true).joined(separator: ", ") }
        .joined(separator: "; "), height: bottom + 20)
    for tick in scale.ticks(6) {
      svg.line(scale(tick), 0, scale(tick), bottom, class: "grid")
      let places = NumberFormat.places(forValue: unit.scaled(tick), digits: 1, in: 0...2)
      svg.text(
        unit.text(tick, places: places), scale(tick), bottom + 15,
        scale(tick) < 0.06 ? .start : scale(tick) > 0.94 ? .end : .middle, class: "tick")
    }
    for (index, row) in rows.enumerated() {
      let top = Double(index) * rowHeight
      let y = top + 31
      svg.text(row.name.fitted(to: 16), 0, top + 16, class: "label")
      svg.text(numbers(row.values, naming: false).joined(separator: " · "), 1, top + 16, .end, class: "value")
      let present = row.values.values.filter { $0 > 0 }
      if let low = present.min(), let high = present.max() { svg.line(scale(low), y, scale(high), y, class: "step") }
      for entry in marks {
        if let value = row.values[entry.metric], value > 0 {
          svg.mark(entry.mark, scale(value), y, class: "mark m-\(entry.mark.rawValue)")
        }
      }
    }
    return svg
  }
}
