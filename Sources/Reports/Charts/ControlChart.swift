internal import Model
internal import PlainText

/// The A/A control: one row a workload, the interval of the ratio of two copies of the same as a bar about 1.
struct ControlChart {
  struct Row {
    var name: String
    var line: Presentation.ControlLine
    var ratio: IntervalEstimate?
    /// How far from 1 the estimate may lie; nil where that is not known.
    var allowed: Double?
  }

  private static let rowHeight = 50.0

  let baseline: String
  let rows: [Row]

  /// As wide to the left of 1 as to its right.
  var scale: Scale {
    let values = rows.flatMap { row in
      row.ratio.map { [$0.low, $0.high, $0.estimate] + (row.allowed.map { [1 + $0] } ?? []) } ?? []
    }
    let reach = values.map { abs($0 - 1) }.filter(\.isFinite).max() ?? 0
    let half = max(reach, 0.005)
    return Scale(covering: [1 - half, 1 + half])
  }

  /// nil where no control has an interval.
  func picture(id: String) -> SVG? {
    guard rows.contains(where: { $0.ratio != nil }) else { return nil }
    let scale = scale
    let bottom = Double(rows.count) * Self.rowHeight + 6
    var svg = SVG(
      id: id, title: "\(baseline)′ ÷ \(baseline), workload by workload: the control",
      summary: rows.map { row in
        "\(row.name): \(row.line.ratio ?? "no interval"), \(row.line.word)"
          + (row.allowed.map { ", allowed within ±\(NumberFormat.percent($0))" } ?? "")
      }.joined(separator: "; "), height: bottom + 20)
    svg.ratioAxis(scale, bottom: bottom, ticks: 4, places: 2, one: "step")
    for (index, row) in rows.enumerated() {
      let top = Double(index) * Self.rowHeight
      let y = top + 34
      svg.text(row.name.fitted(to: 18), 0, top + 16, class: "label")
      svg.text("\(row.line.ratio ?? "no interval") \(row.line.shape)", 1, top + 16, .end, class: "value")
      guard let ratio = row.ratio else { continue }
      if let allowed = row.allowed {
        for x in [scale(1 - allowed), scale(1 + allowed)] { svg.line(x, y - 11, x, y + 11, class: "reference") }
      }
      svg.line(scale(ratio.low), y, scale(ratio.high), y, class: "interval")
      for end in [ratio.low, ratio.high] { svg.line(scale(end), y - 5, scale(end), y + 5, class: "whisker") }
      svg.circle(scale(ratio.estimate), y, radius: 4.5, class: "estimate")
    }
    return svg
  }
}
