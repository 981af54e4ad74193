internal import Model
internal import PlainText

extension Presentation {
  /// A metric's ratios with their intervals, one row an environment; nil without a ratio. The numbers are in the table that
  /// stands beside it.
  /// - Parameter isLadder: whether each row adds a layer to the one above, and all are held against the baseline.
  func ladderFigure(_ table: MetricTable, id: String, isLadder: Bool = true) -> Figure? {
    guard let picture = LadderChart.picture(id: id, table: table, baseline: baselineName, isLadder: isLadder) else {
      return nil
    }
    let intervals = confidence.map { "\($0) intervals" } ?? "intervals"
    let direction = table.metric.isBetterLarger ? ", larger is better" : ""
    return Figure(
      id: id, heading: isLadder ? "The ladder" : table.title.withCapital,
      caption: isLadder
        ? "\(table.title.withCapital) as a ratio to \(baselineName)\(direction); bars are \(intervals), steps lead from layer "
          + "to layer. The numbers are in the table of the ladder."
        : "As a ratio to what it is held against\(direction); bars are \(intervals). The numbers are in the table above.",
      picture: picture, data: [])
  }

  /// Percentiles of a workload's latency; nil where there are none. For results without distributions.
  func percentileFigure(_ workload: String, id: String) -> Figure? {
    guard kind(workload)?.isTimed ?? true else { return nil }
    let rows = environments.map { environment in
      var values: [Metric: Double] = [:]
      for mark in PercentileChart.marks { values[mark.metric] = series(environment, workload, mark.metric)?.median }
      return (name: InertText.name(environment), values: values)
    }
    guard let picture = PercentileChart.picture(id: id, workload: InertText.name(workload), rows: rows) else {
      return nil
    }
    let marks = PercentileChart.marks.filter { mark in rows.contains { $0.values[mark.metric] != nil } }
    return Figure(
      id: id, heading: "Latency percentiles", caption: "Median over the blocks, logarithmic.",
      keys: marks.map { Figure.Key(sign: $0.shape, text: $0.name) }, picture: picture,
      data: [
        TextTable(
          title: "Latency percentiles of \(InertText.name(workload))", aside: "median over the blocks",
          columns: marks.map(\.name),
          groups: [
            TextTable.Group(
              title: nil,
              rows: rows.filter { !$0.values.isEmpty }.map { row in
                TextTable.Row(
                  name: row.name,
                  cells: marks.map { mark in
                    row.values[mark.metric].map { TextTable.Cell(text: NumberFormat.level($0, mark.metric)) } ?? .none
                  })
              })
          ])
      ])
  }
}
