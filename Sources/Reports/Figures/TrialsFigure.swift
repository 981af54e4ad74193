internal import Model
internal import PlainText

extension Presentation {
  /// Each environment's trials in time order, the control's below the baseline's; nil where there are none.
  func trialsFigure(_ table: MetricTable, id: String) -> Figure? {
    var strips: [TrialsChart.Strip] = []
    for row in table.rows {
      guard let series = row.series, let median = series.median else { continue }
      strips.append(TrialsChart.Strip(name: row.name, values: series.trials, median: median))
      if row.isBaseline, let control = control(of: table.workload), let median = control.median {
        strips.append(
          TrialsChart.Strip(
            name: "\(row.name)′ (control)", values: control.trials, median: median, isControl: true))
      }
    }
    strips = strips.filter(\.canBeDrawn)
    let title = "Trials of \(InertText.name(table.workload)) in block order, \(table.title)"
    guard let chart = TrialsChart.picture(id: id, title: title, strips: strips, unit: table.unit) else { return nil }
    return Figure(
      id: id, heading: "Trials in block order",
      caption:
        "\(table.title.withCapital) of each trial beside its environment's median; a strip spans \(chart.span). Drift would "
        + "show as a slope.",
      picture: chart.svg, data: [Self.trials(strips, title: title, unit: table.unit)], isWide: true)
  }

  private static func trials(_ strips: [TrialsChart.Strip], title: String, unit: DisplayUnit) -> TextTable {
    TextTable(
      title: title, aside: unit.symbol, columns: ["n", "lowest", "median", "highest", "trials"], wordColumn: 4,
      groups: [
        TextTable.Group(
          title: nil,
          rows: strips.map { strip in
            let places = TrialsChart.places(strip, unit)
            func text(_ value: Double) -> String { NumberFormat.decimal(unit.scaled(value), places: places) }
            let ends = [strip.values.min(), strip.median, strip.values.max()]
            return TextTable.Row(
              name: strip.name,
              cells: [TextTable.Cell(text: String(strip.values.count))]
                + ends.map { $0.map { TextTable.Cell(text: text($0)) } ?? .none }
                + [TextTable.Cell(text: strip.values.map(text).joined(separator: ", "))])
          })
      ])
  }
}
