internal import Foundation
internal import Model
internal import PlainText

/// Lines over a number: both axes logarithmic, or both linear from zero. Each line has a mark, a letter at its right end
/// and, where there is room, its name, so that it can be told from the others without colour.
struct XYChart {
  struct Point {
    var x: Double
    var y: Double
    /// The lowest and the highest of what the point stands for.
    var low: Double?
    var high: Double?
  }

  struct Style: Equatable {
    /// One of four colours: environments that are held against one another share it.
    var hue: Int
    /// 0 is solid.
    var dash: Int
    var mark: SVG.Mark
    var isFilled: Bool
  }

  /// Gives each line a style: a colour for a reference and all that is held against it, or for each environment; dashes
  /// and marks within.
  struct Styles {
    private let page: Presentation
    private let isByEnvironment: Bool
    private var hues: [String: Int] = [:]
    private var members: [String: Int] = [:]

    init(_ page: Presentation, isByEnvironment: Bool = false) {
      self.page = page
      self.isByEnvironment = isByEnvironment
    }

    mutating func next(_ environment: String) -> Style {
      let isLayered = page.isLayered(environment)
      let root = isLayered && !isByEnvironment ? page.reference(of: environment) ?? environment : environment
      if hues[root] == nil { hues[root] = hues.count }
      let member = members[root, default: 0]
      members[root] = member + 1
      let marks = SVG.Mark.allCases
      return Style(hue: (hues[root] ?? 0) % 4, dash: member % 5, mark: marks[member % marks.count], isFilled: isLayered)
    }
  }

  struct Line {
    var name: String
    var style: Style
    /// What was measured.
    var points: [Point]
    /// What is drawn as a line; may go beside the points.
    var path: [Point]
    /// Another line of the same, dotted.
    var second: [Point] = []
  }

  let title: String
  let summary: String
  let heading: String
  let caption: String
  let lines: [Line]
  let isLogarithmic: Bool
  let ticks: [(value: Double, text: String)]
  /// What lies across.
  let axis: String
  /// A value of the axis that goes up, with its unit.
  let text: (Double) -> String

  private static let left = 0.085
  private static let right = 0.765
  private static let labelGap = 15.0

  /// The letters of a line, by its place.
  static func letter(_ index: Int) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return index < letters.count ? String(letters[index]) : String(index + 1)
  }

  /// Values from `low` to `high`, evenly spaced on a logarithmic axis.
  static func steps(_ low: Double, _ high: Double, _ count: Int) -> [Double] {
    guard low > 0, high > low, count > 0 else { return low > 0 ? [low] : [] }
    return (0...count).map { low * pow(high / low, Double($0) / Double(count)) }
  }

  /// nil where nothing can be drawn.
  func render(id: String) -> String? {
    let drawn = lines.filter { !$0.points.isEmpty }
    guard !drawn.isEmpty else { return nil }
    let all = drawn.flatMap { $0.points + $0.second + (isLogarithmic ? [] : $0.path) }
    let values: [Double] = all.map(\.y) + all.compactMap(\.low) + all.compactMap(\.high) + (isLogarithmic ? [] : [0])
    let across = Scale(covering: all.map(\.x), isLogarithmic: isLogarithmic)
    let up = Scale(covering: values, isLogarithmic: isLogarithmic)
    let bottom = max(300, Double(drawn.count) * Self.labelGap + 20)
    func x(_ value: Double) -> Double { Self.left + (Self.right - Self.left) * across(value) }
    func y(_ value: Double) -> Double { 8 + (bottom - 8) * (1 - up(value)) }
    func isThere(_ point: Point) -> Bool { point.y.isFinite && (!isLogarithmic || point.y >= up.low * 0.999) }

    var svg = SVG(id: id, title: title, summary: summary, height: bottom + 38)
    for tick in up.ticks(isLogarithmic ? 8 : 5) {
      svg.line(0, y(tick), Self.right, y(tick), class: "grid")
      svg.text(text(tick), 0, y(tick) - 4, class: "tick")
    }
    let wide = Self.apart(ticks.map { x($0.value) }, by: 0.07)
    let narrow = Self.apart(ticks.map { x($0.value) }, by: 0.15)
    for (index, tick) in ticks.enumerated() {
      svg.line(x(tick.value), bottom, x(tick.value), bottom + 5, class: "step")
      guard wide.contains(index) else { continue }
      svg.text(
        tick.text, x(tick.value), bottom + 19, .middle, class: narrow.contains(index) ? "tick" : "tick wide-only")
    }
    svg.text(axis, Self.right, bottom + 34, .end, class: "tick")
    for line in drawn {
      let style = "xy hue\(line.style.hue) dash\(line.style.dash)"
      svg.path(line.path.filter(isThere).map { (x($0.x), y($0.y)) }, class: style)
      svg.path(line.second.filter(isThere).map { (x($0.x), y($0.y)) }, class: "xy second hue\(line.style.hue)")
    }
    for line in drawn {
      let name = "xy-mark hue\(line.style.hue)\(line.style.isFilled ? " filled" : "")"
      for point in line.points {
        if let low = point.low, let high = point.high, high > low {
          svg.line(x(point.x), y(low), x(point.x), y(high), class: "xy-range hue\(line.style.hue)")
        }
        svg.mark(line.style.mark, x(point.x), y(point.y), class: name)
      }
    }
    let ends = drawn.map { line in line.points.last.map { (x: x($0.x), y: y($0.y)) } ?? (x: Self.right, y: bottom) }
    let places = Self.spread(ends.map(\.y), gap: Self.labelGap, within: 10...(bottom + 4))
    for (index, line) in drawn.enumerated() {
      svg.line(ends[index].x, ends[index].y, Self.right + 0.01, places[index], class: "leader")
      svg.label(
        Self.letter(index), detail: line.name.fitted(to: 30), isWideOnly: false, Self.right + 0.01, places[index] + 4,
        .start)
    }
    return svg.text
  }

  /// The places of those that have room for their text beside one another; the last always has.
  static func apart(_ places: [Double], by gap: Double) -> Set<Int> {
    var kept: Set<Int> = []
    var next: Double?
    for index in places.indices.reversed() where (next.map { $0 - places[index] >= gap } ?? true) {
      kept.insert(index)
      next = places[index]
    }
    return kept
  }

  /// Each of `wanted` as near as it can be at least `gap` from the others.
  static func spread(_ wanted: [Double], gap: Double, within range: ClosedRange<Double>) -> [Double] {
    let order = wanted.indices.sorted { (wanted[$0], $0) < (wanted[$1], $1) }
    var places = wanted.map { min(max($0, range.lowerBound), range.upperBound) }
    for (before, here) in zip(order, order.dropFirst()) { places[here] = max(places[here], places[before] + gap) }
    if let last = order.last, places[last] > range.upperBound {
      places[last] = range.upperBound
      for (here, behind) in zip(order.reversed().dropFirst(), order.reversed()) {
        places[here] = min(places[here], places[behind] - gap)
      }
    }
    return places
  }

  /// What a line looks like, beside its name.
  static func swatch(_ style: Style) -> String {
    "<svg class=\"chart swatch-line\" aria-hidden=\"true\" width=\"34\" height=\"12\">"
      + "<line class=\"xy hue\(style.hue) dash\(style.dash)\" x1=\"0\" y1=\"6\" x2=\"34\" y2=\"6\"/>"
      + "<svg class=\"xy-mark hue\(style.hue)\(style.isFilled ? " filled" : "")\" overflow=\"visible\" x=\"17\" y=\"6\">"
      + "\(SVG.shape(style.mark))</svg></svg>"
  }

  /// The lines as the page lists them.
  var keys: [(swatch: String, text: String)] {
    lines.filter { !$0.points.isEmpty }.enumerated().map {
      (Self.swatch($1.style), "\(Self.letter($0)) \($1.name)")
    }
  }
}
