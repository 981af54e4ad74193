internal import Model
internal import PlainText

/// How stores of images grow when an image is rebuilt again and again: all workloads of kind image-rebuild together.
struct ImageGrowth {
  let page: Presentation
  let workloads: [String]
  /// Each with its label: the environment, and the workload where there are several.
  let all: [(label: String, result: GrowthResult)]

  init(_ page: Presentation) {
    self.page = page
    let workloads = page.workloads.filter { page.kind($0) == .imageRebuild }
    self.workloads = workloads
    let given = (page.result.growth ?? []).filter { workloads.contains($0.workload) && !$0.steps.isEmpty }
    all = page.byReference.flatMap { environment in
      workloads.flatMap { workload in
        given.filter { $0.environment == environment && $0.workload == workload }.map { result in
          let name = InertText.name(environment)
          return (workloads.count == 1 ? name : "\(name) (\(InertText.name(workload)))", result)
        }
      }
    }
  }

  var section: StorageSection {
    StorageSection(
      title: "Rebuilding images",
      summary: workloads.map { "\(InertText.name($0)): \(page.filesSummary($0))" }.joined(separator: "; "),
      standing: page.standing(page.ran(in: workloads)), findings: all.compactMap(Self.finding),
      parts: [chart.map { .chart($0) }, table.map { .table($0) }].compactMap(\.self)
        + workloads.compactMap { workload in
          let table = page.table(workload, .imagesTotal)
          return table.hasData ? .metric(table) : nil
        }, workloads: workloads)
  }

  /// What layered stores do, those that grow first.
  var answer: [String] {
    let layered = all.filter { page.isLayered($0.result.environment) }
    let growing = layered.filter { Self.grows($0.result) }
    return (growing + layered.filter { !Self.grows($0.result) }).prefix(4).compactMap(Self.finding)
  }

  private static func grows(_ growth: GrowthResult) -> Bool {
    (growth.steps.last?.total ?? 0) > (growth.steps.first?.total ?? 0)
  }

  private static func finding(_ label: String, _ growth: GrowthResult) -> String? {
    guard let first = growth.steps.first, let last = growth.steps.last, growth.steps.count > 1 else { return nil }
    let count = NumberFormat.count(growth.steps.count, "rebuild")
    let junk =
      last.reclaimable > 0 && last.total > 0
      ? "; \(NumberFormat.size(last.reclaimable)) of it (\(NumberFormat.percent(last.reclaimable / last.total))) no image "
        + "uses any more." : "; no image has left anything behind."
    if !grows(growth) {
      return "In \(label) the disk used does not grow: \(NumberFormat.size(last.total)) after \(count)\(junk)"
    }
    let course = growth.isMonotonic ? "grows and never shrinks" : "grows, but shrinks now and then"
    return
      "In \(label) the disk used \(course): from \(NumberFormat.size(first.total)) to \(NumberFormat.size(last.total)) "
      + "after \(count)\(junk)"
  }

  /// By how much the store grew with each rebuild, over the blocks.
  private func growth(_ result: GrowthResult) -> String {
    let series = page.series(result.environment, result.workload, .growthPerRebuild)
    return series.flatMap { series in
      series.median.map { TextTable.counted(series, $0) }
    } ?? NumberFormat.none
  }

  private var table: TextTable? {
    let rows = all.compactMap { label, result -> TextTable.Row? in
      guard let first = result.steps.first, let last = result.steps.last else { return nil }
      return TextTable.Row(
        name: label,
        cells: [
          NumberFormat.size(first.total), NumberFormat.size(last.total), growth(result),
          NumberFormat.size(last.reclaimable),
          last.total > 0 ? NumberFormat.percent(last.reclaimable / last.total) : NumberFormat.none,
          NumberFormat.size(last.shared), NumberFormat.size(last.unique), result.isMonotonic ? "yes" : "no",
        ].map { TextTable.Cell(text: $0) })
    }
    guard !rows.isEmpty else { return nil }
    return TextTable(
      title: "The disk that images take",
      aside:
        "after the first and the last of \(Presentation.distinct(all.map { String($0.result.steps.count) }).listed) "
        + "rebuilds; medians over the blocks",
      first: workloads.count == 1 ? "environment" : "environment and workload",
      columns: [
        "first", "last", "growth per rebuild", "reclaimable", "share", "shared by the newest", "newest's own",
        "never shrank",
      ], groups: [TextTable.Group(title: nil, rows: rows)])
  }

  private var chart: XYChart? {
    let largest = all.flatMap { $0.result.steps.map(\.total) }.max() ?? 0
    guard largest > 0 else { return nil }
    let unit = DisplayUnit(.bytes, reference: largest)
    var styles = XYChart.Styles(page, isByEnvironment: true)
    let lines = all.map { label, result in
      func path(_ value: (ImageUsage) -> Double) -> [XYChart.Point] {
        result.steps.enumerated().map { XYChart.Point(x: Double($0 + 1), y: unit.scaled(value($1))) }
      }
      let total = path(\.total)
      return XYChart.Line(
        name: label, style: styles.next(result.environment), points: total.last.map { [$0] } ?? [], path: total,
        second: result.steps.contains { $0.reclaimable > 0 } ? path(\.reclaimable) : [])
    }
    let longest = all.map(\.result.steps.count).max() ?? 1
    let step = max(1, Int(Scale.roundStep(Double(longest) / 6)))
    var ticks = Array(Set([1, longest] + stride(from: step, to: longest, by: step))).sorted()
    // The last but one would run into the last.
    if ticks.count > 2, longest - ticks[ticks.count - 2] < step / 2 { ticks.remove(at: ticks.count - 2) }
    let said = all.map { label, result in
      "\(label): \(result.steps.map { NumberFormat.size($0.total) }.joined(separator: ", "))"
    }
    return XYChart(
      title: "Disk used by images after each rebuild", summary: said.joined(separator: "; "),
      heading: "Disk used by images after each rebuild",
      caption:
        "\(unit.symbol), medians over the blocks. Lines are all that the store takes; the dotted ones, of the same "
        + "colour, what no image uses any more.", lines: lines, isLogarithmic: false,
      ticks: ticks.map { (value: Double($0), text: String($0)) }, axis: "rebuild",
      text: { NumberFormat.plain($0) + NumberFormat.gap + unit.symbol })
  }
}
