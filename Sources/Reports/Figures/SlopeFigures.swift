internal import Model
internal import PlainText

extension Presentation {
  /// What grows with the number of rules or of layers: one figure for each workload and metric that claims about a slope
  /// name. Empty where no claim does.
  var slopeFigures: [(workload: String, figure: Figure)] {
    var groups: [(workload: String, metric: Metric, lines: [Growth])] = []
    for (claim, line) in zip(result.claims, claims) where claim.quantity == .slope {
      guard let growth = Growth(claim, said: line.interval, self) else { continue }
      guard let index = groups.firstIndex(where: { $0.workload == claim.workload && $0.metric == claim.metric }) else {
        groups.append((claim.workload, claim.metric, [growth]))
        continue
      }
      // Two claims may ask about one line.
      if !groups[index].lines.contains(where: { $0.over == growth.over }) { groups[index].lines.append(growth) }
    }
    return groups.enumerated().compactMap { index, group in
      figure("slope-\(index)", group.workload, group.metric, group.lines).map { (group.workload, $0) }
    }
  }

  private func figure(_ id: String, _ workload: String, _ metric: Metric, _ lines: [Growth]) -> Figure? {
    let nouns = Self.distinct(lines.map(\.noun))
    let noun = nouns.count == 1 ? nouns.first ?? Growth.otherNoun : Growth.otherNoun
    let heading =
      "\(metric.title(of: kind(workload)).withCapital) of \(InertText.name(workload)) against the number of \(noun)"
    let unit = DisplayUnit(metric, reference: lines.flatMap { $0.points.map(\.median) }.max() ?? 0)
    let ticks = Scale(covering: lines.flatMap { $0.points.map(\.size) }).ticks(4)
    let hasLines = lines.contains { $0.slope != nil }
    let chart = XYChart(
      title: heading,
      summary: lines.map { line in
        line.name + (line.said.map { ", slope \($0)" } ?? ", no slope") + ": "
          + line.points.map { "\($0.name) \(NumberFormat.level($0.median, metric))" }.joined(separator: ", ")
      }.joined(separator: "; "), heading: heading,
      caption:
        "Marks are medians over the blocks, bars reach from the lowest to the highest block. Both axes are linear, and "
        + "upwards starts at 0."
        + (hasLines
          ? " Each line has the slope that was estimated, and is laid through the mark of its smallest size." : ""),
      lines: lines.enumerated().map { index, line in
        XYChart.Line(
          name: line.name, style: XYChart.Style(place: index),
          points: line.points.map { point in
            XYChart.Point(
              x: point.size, y: unit.scaled(point.median), low: point.low.map(unit.scaled),
              high: point.high.map(unit.scaled))
          },
          path: line.path.map { XYChart.Point(x: $0.x, y: unit.scaled($0.y)) })
      }, isLogarithmic: false, ticks: ticks.map { (value: $0, text: NumberFormat.plain($0)) }, axis: noun,
      text: { value in
        NumberFormat.plain(value) + (unit.symbol.isEmpty ? "" : NumberFormat.gap + unit.symbol)
      })
    guard let picture = chart.picture(id: id) else { return nil }
    return Figure(
      id: id, heading: heading, caption: chart.caption,
      keys: zip(chart.keys, lines).map { key, line in
        Figure.Key(sign: key.swatch, text: key.text + (line.said.map { ": \($0)" } ?? ""))
      }, picture: picture,
      data: [Self.table(heading, noun, metric, lines)])
  }

  private static func table(_ title: String, _ noun: String, _ metric: Metric, _ lines: [Growth]) -> TextTable {
    TextTable(
      title: title, aside: "median over the blocks, and the lowest and the highest of them",
      columns: [noun, "median", "blocks"],
      groups: lines.map { line in
        TextTable.Group(
          title: line.name + (line.said.map { ", slope \($0)" } ?? ", no slope"),
          rows: line.points.map { point in
            let ends = [point.low, point.high].compactMap { $0.map { NumberFormat.level($0, metric) } }
            return TextTable.Row(
              name: point.name,
              cells: [
                TextTable.Cell(text: NumberFormat.plain(point.size)),
                TextTable.Cell(
                  text: NumberFormat.level(point.median, metric),
                  detail: ends.isEmpty ? "" : "[\(ends.joined(separator: "–"))]"),
                TextTable.Cell(text: "\(point.blocks)"),
              ])
          })
      })
  }
}

/// One line of a figure about a slope: what a claim lays it through.
private struct Growth {
  struct Point {
    var name: String
    var size: Double
    var median: Double
    /// The lowest and the highest block.
    var low: Double?
    var high: Double?
    var blocks: Int
  }

  static let otherNoun = "steps"

  /// "rules-map"; "a to b" where the environments' names have no head in common.
  let name: String
  /// "rules".
  let noun: String
  let over: [String: Double]
  /// By size.
  let points: [Point]
  /// In the metric's unit for each one of what grows.
  let slope: Double?
  /// The same with its interval, in words.
  let said: String?

  /// nil where the claim is about sizes of files, or nothing was measured.
  init?(_ claim: ClaimResult, said: String?, _ page: Presentation) {
    guard claim.overWorkloads == nil, let over = claim.over else { return nil }
    let sizes = over.filter { $0.value.isFinite }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
    points = sizes.compactMap { environment, size in
      guard let series = page.series(environment, claim.workload, claim.metric), let median = series.median,
        median.isFinite
      else { return nil }
      let trials = series.trials.filter(\.isFinite)
      return Point(
        name: InertText.name(environment), size: size, median: median, low: trials.min(), high: trials.max(),
        blocks: series.trials.count)
    }
    guard !points.isEmpty else { return nil }
    self.over = over
    self.said = said
    slope = claim.estimate.flatMap { $0.isFinite ? $0 : nil }
    // The smallest may be the baseline of several lines.
    let grown = sizes.count > 1 ? sizes.dropFirst().map(\.key) : sizes.map(\.key)
    let heads = Set(grown.map(Self.head))
    if heads.count == 1, let head = heads.first, !head.isEmpty {
      name = InertText.name(head)
      noun = ["rules", "layers"].first { head == $0 || head.hasPrefix($0 + "-") } ?? Self.otherNoun
    } else {
      name = "\(InertText.name(sizes.first?.key ?? "")) to \(InertText.name(sizes.last?.key ?? ""))"
      noun = Self.otherNoun
    }
  }

  /// Without the number at the end.
  private static func head(_ name: String) -> String {
    var head = name[...]
    while let last = head.last, last.isASCII, last.isNumber { head.removeLast() }
    if head.last == "-" { head.removeLast() }
    return String(head)
  }

  /// From the smallest to the largest size; empty without a slope.
  var path: [(x: Double, y: Double)] {
    guard let slope, let first = points.first, let last = points.last, last.size > first.size else { return [] }
    return [(first.size, first.median), (last.size, first.median + slope * (last.size - first.size))]
  }
}
