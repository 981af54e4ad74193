internal import Model
internal import PlainText

extension Presentation {
  /// The baseline against its own second copy, workload by workload; nil where no control has an interval.
  var controlFigure: Figure? {
    let rows = zip(result.control, controls).map { control, line in
      ControlChart.Row(name: line.workload, line: line, ratio: control.ratio, allowed: control.allowed)
    }
    let isPassed = rows.allSatisfy(\.line.isPassed)
    let chart = ControlChart(baseline: baselineName, rows: rows)
    guard let picture = chart.picture(id: "control") else { return nil }
    let hasBands = rows.contains { $0.ratio != nil && $0.allowed != nil }
    let interval = confidence.map { "\($0) intervals" } ?? "intervals"
    return Figure(
      id: "control", heading: "The control: \(baselineName) against itself",
      caption:
        "\(baselineName)′ is a second, identical copy of the baseline, measured in every block like any other environment. "
        + "Bars are the \(interval) of the copy ÷ the baseline, which have to contain 1."
        + (hasBands
          ? " Dots, the estimates, have to lie between the dashed lines: within half the margin of what the run is to tell."
          : ""),
      picture: picture,
      data: [
        TextTable(
          title: "The control, workload by workload", aside: "\(baselineName)′ ÷ \(baselineName)", first: "workload",
          columns: ["metric", "ratio", "control"] + (isPassed ? [] : ["why"]), wordColumn: isPassed ? nil : 3,
          groups: [
            TextTable.Group(
              title: nil,
              rows: zip(result.control, rows).map { control, row in
                TextTable.Row(
                  name: row.name,
                  cells: [
                    TextTable.Cell(text: control.metric.title(of: kind(control.workload))),
                    control.ratio.map { ratio in
                      let text = RatioText(ratio)
                      return TextTable.Cell(text: "\(text.estimate)×", detail: text.interval)
                    } ?? .none,
                    TextTable.Cell(text: "\(row.line.shape) \(row.line.word)"),
                  ] + (isPassed ? [] : [TextTable.Cell(text: row.line.isPassed ? "" : row.line.reason)]))
              })
          ])
      ])
  }
}
