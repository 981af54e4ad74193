internal import Foundation
internal import Model
internal import PlainText

/// Cumulative distributions: latency across, the share of operations that took no longer upwards, one line an
/// environment. They all end in one corner, so each has its mark and its letter at a height of its own instead, and no
/// letter can lie on another.
struct DistributionChart {
  struct Line {
    var letter: String
    var style: XYChart.Style
    /// The baseline's second copy: thin and dotted.
    var isControl: Bool
    /// In ns, above 0; both ascending.
    var points: [(latency: Double, share: Double)]
  }

  /// A range that is wider than so many times needs a logarithmic axis.
  private static let widestLinear = 4.0
  private static let left = 0.11
  private static let labelGap = 15.0
  private static let top = 8.0
  /// Letters stand where lines are steep, and so far apart.
  private static let lettered = 0.14...0.86

  let title: String
  let summary: String
  let lines: [Line]
  let unit: DisplayUnit

  /// Whether latencies from `low` to `high` need a logarithmic axis.
  static func isLogarithmic(_ low: Double, _ high: Double) -> Bool { low > 0 && high / low > widestLinear }

  var isLogarithmic: Bool {
    let all = lines.flatMap(\.points).map(\.latency)
    return Self.isLogarithmic(all.min() ?? 1, all.max() ?? 1)
  }

  /// The shares at which the letters stand, in the order of the lines: evenly spaced where all lines have a value, the
  /// fastest line's uppermost.
  private var levels: [Double] {
    let low = lines.compactMap(\.points.first?.share).max().map { max($0, Self.lettered.lowerBound) }
    let high = lines.compactMap(\.points.last?.share).min().map { min($0, Self.lettered.upperBound) }
    guard let low, let high, high > low else { return lines.map { _ in 0.5 } }
    let middle = (low + high) / 2
    let order = lines.indices.sorted { first, second in
      let values = [first, second].map { Self.latency(lines[$0].points, at: middle) ?? 0 }
      return (values[0], first) < (values[1], second)
    }
    var levels = lines.map { _ in middle }
    guard lines.count > 1 else { return levels }
    for (rank, index) in order.enumerated() {
      levels[index] = max(low, high - (high - low) * Double(rank) / Double(lines.count - 1))
    }
    return levels
  }

  /// Where a straight line between neighbours passes a share: a place in the picture, not an estimate.
  private static func latency(_ points: [(latency: Double, share: Double)], at share: Double) -> Double? {
    for (here, next) in zip(points, points.dropFirst()) where here.share <= share && share <= next.share {
      let part = next.share > here.share ? (share - here.share) / (next.share - here.share) : 0
      return here.latency + (next.latency - here.latency) * part
    }
    return nil
  }

  /// The y of each line's letter, and the height of the field: high enough for them.
  var letterPlaces: (places: [Double], bottom: Double) {
    let levels = levels
    let span = (levels.max() ?? 1) - (levels.min() ?? 0)
    let needed = lines.count > 1 && span > 0 ? Double(lines.count - 1) * Self.labelGap / span : 0
    let bottom = Self.top + min(1_200, max(300, needed.rounded(.up)))
    return (levels.map { Self.top + (bottom - Self.top) * (1 - $0) }, bottom)
  }

  /// Those of `ticks` that have room for their text beside one another, the roundest first.
  private func labelled(_ ticks: [Double], by gap: Double, _ x: (Double) -> Double) -> Set<Int> {
    func roundness(_ tick: Double) -> Int {
      let mantissa = tick / pow(10, (log10(tick) + 1e-9).rounded(.down))
      return [1, 5, 2, 3].firstIndex { abs($0 - mantissa) < 1e-6 } ?? 4
    }
    guard isLogarithmic else { return XYChart.apart(ticks.map(x), by: gap) }
    let order = ticks.indices.sorted { (roundness(ticks[$0]), $0) < (roundness(ticks[$1]), $1) }
    return order.reduce(into: []) { kept, index in
      if kept.allSatisfy({ abs(x(ticks[$0]) - x(ticks[index])) >= gap }) { kept.insert(index) }
    }
  }

  /// nil where nothing can be drawn.
  func picture(id: String) -> SVG? {
    let all = lines.flatMap(\.points).map(\.latency)
    guard lines.contains(where: { $0.points.count > 1 }) else { return nil }
    let across = Scale(covering: all, isLogarithmic: isLogarithmic)
    let levels = levels
    let (places, bottom) = letterPlaces
    func x(_ value: Double) -> Double { Self.left + (1 - Self.left) * across(value) }
    func y(_ share: Double) -> Double { Self.top + (bottom - Self.top) * (1 - share) }

    var svg = SVG(id: id, title: title, summary: summary, height: bottom + 38)
    for share in [0, 0.25, 0.5, 0.75, 1] {
      svg.line(0, y(share), 1, y(share), class: "grid")
      svg.text("\(Int(share * 100))\(NumberFormat.gap)%", 0, y(share) + (share == 1 ? 12 : -4), class: "tick")
    }
    let ticks = XYChart.ticks(across, 8)
    let wide = labelled(ticks, by: 0.1, x)
    let narrow = labelled(ticks, by: 0.16, x)
    for (index, tick) in ticks.enumerated() {
      svg.line(x(tick), bottom, x(tick), bottom + 5, class: "step")
      let name: String
      switch (wide.contains(index), narrow.contains(index)) {
      case (true, true): name = "tick"
      case (true, false): name = "tick wide-only"
      case (false, true): name = "tick narrow-only"
      case (false, false): continue
      }
      svg.text(
        NumberFormat.plain(unit.scaled(tick)) + NumberFormat.gap + unit.symbol, x(tick), bottom + 19,
        x(tick) > 0.93 ? .end : .middle, class: name)
    }
    svg.text(isLogarithmic ? "latency, logarithmic" : "latency", 1, bottom + 34, .end, class: "tick")
    for line in lines {
      svg.path(
        line.points.map { (x($0.latency), y($0.share)) },
        class: line.isControl ? "xy second hue\(line.style.hue)" : line.style.line)
    }
    for (index, line) in lines.enumerated() {
      guard let latency = Self.latency(line.points, at: levels[index]) else { continue }
      let place = x(latency)
      if !line.isControl { svg.mark(line.style.mark, place, places[index], class: line.style.point) }
      svg.label(
        line.letter, detail: nil, isWideOnly: false, place, places[index] + 4, place > 0.95 ? .end : .start)
    }
    return svg
  }
}
