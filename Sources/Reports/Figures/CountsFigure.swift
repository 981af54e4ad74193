internal import Model
internal import PlainText

extension Presentation {
  /// The events that are drawn, of those that are counted.
  private static let drawnCounts: [Metric] = [
    .deviceTransmissions, .deviceReceptions, .softirqs, .contextSwitches, .systemCalls, .skbAllocations,
  ]

  /// What each operation makes the kernel do, environment by environment; nil where nothing was counted.
  func countsFigure(_ workload: String) -> Figure? {
    guard let counts = CountsTable(self, workload) else { return nil }
    func counted(_ environment: String, _ metric: Metric) -> SeriesResult? {
      series(environment, workload, metric).flatMap { $0.trials.isEmpty || $0.median == nil ? nil : $0 }
    }
    let columns = counts.columns.filter { Self.drawnCounts.contains($0.metric) }
    let ran = environments.filter { environment in columns.contains { counted(environment, $0.metric) != nil } }
    guard !columns.isEmpty, !ran.isEmpty else { return nil }
    let chart = CountsChart(
      title: "\(CountsTable.title): \(InertText.name(workload)), events of \(counts.operation)",
      summary: ran.map { environment in
        let numbers = columns.compactMap { column in
          counted(environment, column.metric).map { "\(column.title) \(CountsTable.count($0))" }
        }
        return "\(InertText.name(environment)): \(numbers.joined(separator: ", "))"
      }.joined(separator: "; "),
      columns: columns.map { CountsChart.Column(title: $0.title, short: $0.short) },
      rows: ran.map { environment in
        CountsChart.Row(
          name: InertText.name(environment), bars: columns.map { counted(environment, $0.metric).flatMap(Self.bar) })
      })
    let id = "counts-\(workloads.firstIndex(of: workload) ?? workloads.count)"
    guard let picture = chart.picture(id: id) else { return nil }
    let hasRanges = chart.rows.contains { $0.bars.contains { $0?.range != nil } }
    return Figure(
      id: id, heading: "\(CountsTable.title): \(InertText.name(workload))",
      caption:
        "Events of \(counts.operation), counted one by one. Bars start at 0, and each column has a scale of its own. One "
        + "number: the same in all blocks."
        + (hasRanges
          ? " Two: the lowest and the highest of the blocks, with a thin line from one to the other; the bar is their median."
          : ""),
      picture: picture,
      data: [
        TextTable(
          title: "\(CountsTable.title): \(InertText.name(workload))", aside: "\(counts.operation) each",
          columns: counts.columns.map(\.title),
          groups: [
            TextTable.Group(
              title: nil,
              rows: counts.rows.map { TextTable.Row(name: $0.name, cells: $0.cells.map { TextTable.Cell(text: $0) }) })
          ],
          notes: counts.missing.map { "\($0.names): unavailable: \($0.reason.withFullStop)" })
      ], isWide: true)
  }

  private static func bar(_ series: SeriesResult) -> CountsChart.Bar? {
    guard let value = series.exact ?? series.median, value.isFinite else { return nil }
    let text = CountsTable.count(series)
    guard series.exact == nil, let low = series.trials.min(), let high = series.trials.max(), high > low else {
      return CountsChart.Bar(value: value, range: nil, text: text, short: text)
    }
    let rough = "≈\(NumberFormat.gap)\(NumberFormat.decimal(value, places: value >= 1_000 ? 0 : 2))"
    return CountsChart.Bar(
      value: value, range: (low, high), text: text, short: text.count > CountsChart.narrowText ? rough : text)
  }
}
