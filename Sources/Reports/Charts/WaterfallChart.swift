internal import Model
internal import PlainText

/// A round trip as lines from place to place over time: one lane a place, the request going down, the reply coming up.
enum WaterfallChart {
  private static let laneHeight = 54.0
  private static let top = 12.0
  /// The share of the width that the lanes' names take.
  private static let gutter = 0.22
  /// The least width, in pixels, of the plot beside the gutter: on a page as narrow as a telephone, and on one where
  /// labels have details.
  private static let narrowPlot = 250.0
  private static let widePlot = 500.0
  /// The width of a label's character and of the space around the label, in pixels: no less than what they take.
  private static let character = 6.7
  private static let margin = 12.0

  /// Nil where there are no hops. All waterfalls of `group` share one scale.
  static func picture(id: String, _ waterfall: Waterfall, in group: WaterfallGroup) -> SVG? {
    guard !waterfall.hops.isEmpty else { return nil }
    let scale = Scale(covering: group.times)
    func x(_ time: Double) -> Double { gutter + (1 - gutter) * scale(time) }
    let lanes = Dictionary(
      waterfall.places.enumerated().map { ($1, top + Double($0) * laneHeight) }, uniquingKeysWith: { first, _ in first }
    )
    func y(_ place: Waterfall.Place) -> Double { lanes[place] ?? top }
    let bottom = top + Double(waterfall.places.count - 1) * laneHeight + 26
    var svg = SVG(
      id: id, title: "Inside a round trip of \(waterfall.workload) in \(waterfall.environment), p50 of each hop",
      summary: (waterfall.hops.map(\.sentence) + [waterfall.sum.map { "sum \($0)" } ?? "no sum"])
        .joined(separator: "; "), height: bottom + 20)

    let ticks = scale.ticks(6)
    for tick in ticks {
      svg.line(x(tick), 0, x(tick), bottom, class: "grid")
      svg.text(
        group.unit.text(tick, places: scale.places(of: ticks.map(group.unit.scaled))), x(tick), bottom + 15,
        x(tick) > 0.94 ? .end : .middle, class: "tick")
    }
    for place in waterfall.places {
      svg.line(gutter, y(place), 1, y(place), class: "grid")
      svg.text(place.name.fitted(to: 12), 0, y(place) + 2, class: "label")
      svg.text(place.role.fitted(to: 13), 0, y(place) + 16, class: "tick")
    }

    let lines = waterfall.hops.map { Line(x1: x($0.start), y1: y($0.from), x2: x($0.end), y2: y($0.to)) }
    var labels: [Box] = []
    for (index, hop) in waterfall.hops.enumerated() {
      let line = lines[index]
      svg.hop(
        line.x1, line.y1, line.x2, line.y2, class: hop.kind.colour, isKnown: !hop.p50.isMissing,
        title: "\(hop.path): \(hop.kind.title)\n"
          + hop.quantiles.map { "\($0.name) \($0.level.whole)" }.joined(separator: "\n"))
      let others = lines.enumerated().filter { $0.offset != index }.map(\.element)
      if let label = label(hop, line, others, labels, &svg) { labels.append(label) }
    }
    for (index, hop) in waterfall.hops.enumerated() {
      if index == 0 { svg.circle(x(hop.start), y(hop.from), radius: 2.5, class: "point") }
      svg.circle(x(hop.end), y(hop.to), radius: 2.5, class: "point")
    }
    return svg
  }

  private struct Line {
    var x1: Double
    var y1: Double
    var x2: Double
    var y2: Double

    /// The smallest and largest horizontal position between two heights; nil where it is at none of them.
    func span(_ upper: Double, _ lower: Double) -> ClosedRange<Double>? {
      guard y1 != y2 else {
        return (upper...lower).contains(y1) ? min(x1, x2)...max(x1, x2) : nil
      }
      guard min(y1, y2) <= lower && max(y1, y2) >= upper else { return nil }
      let ends = [upper, lower].map { height in
        x1 + (x2 - x1) * min(1, max(0, (height - y1) / (y2 - y1)))
      }
      return min(ends[0], ends[1])...max(ends[0], ends[1])
    }
  }

  private struct Box {
    var upper: Double
    var lower: Double
    var range: ClosedRange<Double>
  }

  /// Puts the hop's number, and on a wide page what it is, beside its line, where neither another line nor a label is.
  private static func label(_ hop: Waterfall.Hop, _ line: Line, _ others: [Line], _ labels: [Box], _ svg: inout SVG)
    -> Box?
  {
    let isLevel = line.y1 == line.y2
    // Below a level line, else in the middle between the lanes.
    let baseline = isLevel ? line.y1 + 15 : (line.y1 + line.y2) / 2 + 4
    let (upper, lower) = (baseline - (isLevel ? 10 : 12), baseline + (isLevel ? 3 : 6))
    let own = isLevel ? min(line.x1, line.x2)...max(line.x1, line.x2) : line.span(upper, lower) ?? line.x1...line.x1
    let taken =
      others.compactMap { $0.span(upper, lower) }
      + labels.filter { $0.upper < lower && $0.lower > upper }.map(\.range)
    // A label of a level line may stand below all of it, any other beside it.
    let leftEdge = isLevel ? own.upperBound : own.lowerBound
    let rightEdge = isLevel ? own.lowerBound : own.upperBound
    let middle = (own.lowerBound + own.upperBound) / 2
    let left = leftEdge - (taken.filter { $0.lowerBound < middle }.map { min($0.upperBound, leftEdge) }.max() ?? gutter)
    let right = (taken.filter { $0.upperBound > middle }.map { max($0.lowerBound, rightEdge) }.min() ?? 1) - rightEdge
    let isRight = right >= left
    let room = max(left, right)
    func share(_ text: String, of width: Double) -> Double {
      (Double(text.terminalWidth) * character + margin) / width * (1 - gutter)
    }
    let number = hop.p50.estimate
    let whole = share(number + " " + hop.kind.shortTitle, of: widePlot)
    let isOnAny = share(number, of: narrowPlot) <= room
    let isDetailed = whole <= room
    guard isOnAny || share(number, of: widePlot) <= room else { return nil }
    svg.label(
      number, detail: isDetailed ? hop.kind.shortTitle : nil, isWideOnly: !isOnAny, isRight ? rightEdge : leftEdge,
      baseline, isRight ? .start : .end)
    let width = max(
      isOnAny ? share(number, of: narrowPlot) : 0, isDetailed ? whole : share(number, of: widePlot))
    return Box(
      upper: upper, lower: lower,
      range: isRight ? rightEdge...rightEdge + width : leftEdge - width...leftEdge)
  }
}

extension HopKind {
  /// The class that colours it: what every path has, and what this one adds.
  fileprivate var colour: String {
    switch self {
    case .stackDown, .stackUp: "stack"
    case .device, .forwarding: "path"
    case .turnAround: "turn"
    }
  }
}
