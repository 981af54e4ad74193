internal import Foundation
internal import Model
internal import PlainText

/// Lines over a number: both axes logarithmic, or both linear from zero, or each as it is told to be. Each line has a mark,
/// a letter at its right end and, where there is room, its name, so that it can be told from the others without colour.
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

    init(hue: Int, dash: Int, mark: SVG.Mark, isFilled: Bool) {
      self.hue = hue
      self.dash = dash
      self.mark = mark
      self.isFilled = isFilled
    }

    /// The style of the line at a place, of lines that are all on a par: no two of twenty share mark and dashes, and
    /// marks and colours go together, so that those who see no colour miss nothing.
    init(place: Int) {
      let marks = SVG.Mark.allCases
      self.init(hue: place % 4, dash: place % 5, mark: marks[place % marks.count], isFilled: place / 4 % 2 == 0)
    }

    /// The class of a line.
    var line: String { "xy hue\(hue) dash\(dash)" }
    /// The class of a mark.
    var point: String { "xy-mark hue\(hue)\(isFilled ? " filled" : "")" }
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
    /// Whether the path was measured as well: then the axes cover it, and it is at its end that the letter stands.
    var isMeasured = false
    /// In place of the letter of its place.
    var letter: String?

    var end: Point? { isMeasured ? path.last ?? second.last ?? points.last : points.last }
    var isEmpty: Bool { points.isEmpty && !(isMeasured && path.count + second.count > 0) }
  }

  let title: String
  let summary: String
  let heading: String
  let caption: String
  let lines: [Line]
  let isLogarithmic: Bool
  /// The scale across where it is not as that upwards; a linear one upwards then covers the values, zero or not.
  var isLogarithmicAcross: Bool?
  let ticks: [(value: Double, text: String)]
  /// What lies across.
  let axis: String
  /// A value of the axis that goes up, with its unit.
  let text: (Double) -> String
  /// Where the lines begin, right of the values of the axis that goes up.
  var left = 0.085
  /// Labels across stand at least so far apart, on a wide and on a narrow page.
  var labelGaps = (wide: 0.07, narrow: 0.15)

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

  /// Round values upwards. On a logarithmic scale of less than a few steps there are none but those of a linear one.
  static func ticks(_ scale: Scale, _ count: Int) -> [Double] {
    let ticks = scale.ticks(count)
    guard scale.isLogarithmic, ticks.count < 3 else { return ticks }
    return Scale(covering: [scale.low, scale.high]).ticks(5)
  }

  /// nil where nothing can be drawn.
  func picture(id: String) -> SVG? {
    let drawn = lines.filter { !$0.isEmpty }
    guard !drawn.isEmpty else { return nil }
    let all = drawn.flatMap { $0.points + $0.second + (isLogarithmic && !$0.isMeasured ? [] : $0.path) }
    let values: [Double] =
      all.map(\.y) + all.compactMap(\.low) + all.compactMap(\.high)
      + (isLogarithmic || isLogarithmicAcross != nil ? [] : [0])
    let across = Scale(covering: all.map(\.x), isLogarithmic: isLogarithmicAcross ?? isLogarithmic)
    let up = Scale(covering: values, isLogarithmic: isLogarithmic)
    let bottom = max(300, Double(drawn.count) * Self.labelGap + 20)
    func x(_ value: Double) -> Double { left + (Self.right - left) * across(value) }
    func y(_ value: Double) -> Double { 8 + (bottom - 8) * (1 - up(value)) }
    func isThere(_ point: Point) -> Bool { point.y.isFinite && (!isLogarithmic || point.y >= up.low * 0.999) }

    var svg = SVG(id: id, title: title, summary: summary, height: bottom + 38)
    for tick in Self.ticks(up, isLogarithmic ? 8 : 5) {
      svg.line(0, y(tick), Self.right, y(tick), class: "grid")
      svg.text(text(tick), 0, y(tick) - 4, class: "tick")
    }
    let wide = Self.apart(ticks.map { x($0.value) }, by: labelGaps.wide)
    let narrow = Self.apart(ticks.map { x($0.value) }, by: labelGaps.narrow)
    for (index, tick) in ticks.enumerated() {
      svg.line(x(tick.value), bottom, x(tick.value), bottom + 5, class: "step")
      guard wide.contains(index) else { continue }
      svg.text(
        tick.text, x(tick.value), bottom + 19, .middle, class: narrow.contains(index) ? "tick" : "tick wide-only")
    }
    svg.text(axis, Self.right, bottom + 34, .end, class: "tick")
    for line in drawn {
      svg.path(line.path.filter(isThere).map { (x($0.x), y($0.y)) }, class: line.style.line)
      svg.path(line.second.filter(isThere).map { (x($0.x), y($0.y)) }, class: "xy second hue\(line.style.hue)")
    }
    for line in drawn {
      for point in line.points {
        if let low = point.low, let high = point.high, high > low {
          svg.line(x(point.x), y(low), x(point.x), y(high), class: "xy-range hue\(line.style.hue)")
        }
        svg.mark(line.style.mark, x(point.x), y(point.y), class: line.style.point)
      }
    }
    let ends = drawn.map { line in line.end.map { (x: x($0.x), y: y($0.y)) } ?? (x: Self.right, y: bottom) }
    let places = Self.spread(ends.map(\.y), gap: Self.labelGap, within: 10...bottom)
    for (index, line) in drawn.enumerated() {
      svg.line(ends[index].x, ends[index].y, Self.right + 0.01, places[index], class: "leader")
      svg.label(
        line.letter ?? Self.letter(index), detail: line.name.fitted(to: 30), isWideOnly: false, Self.right + 0.01,
        places[index] + 4, .start)
    }
    return svg
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

  /// Places at least `gap` apart, in the order of `wanted`, and all in all as near to it as can be (least squares).
  static func spread(_ wanted: [Double], gap: Double, within range: ClosedRange<Double>) -> [Double] {
    let order = wanted.indices.sorted { (wanted[$0], $0) < (wanted[$1], $1) }
    // Less their ranks' share of the gaps, the places must not fall: neighbours that would are pooled at their mean.
    var pools: [(sum: Double, count: Int)] = []
    for (rank, index) in order.enumerated() {
      pools.append((wanted[index] - Double(rank) * gap, 1))
      while pools.count > 1 {
        let (last, before) = (pools[pools.count - 1], pools[pools.count - 2])
        guard last.sum / Double(last.count) < before.sum / Double(before.count) else { break }
        pools.removeLast(2)
        pools.append((last.sum + before.sum, last.count + before.count))
      }
    }
    let highest = range.upperBound - Double(max(0, wanted.count - 1)) * gap
    let levels = pools.flatMap { pool in
      [Double](repeating: min(max(pool.sum / Double(pool.count), range.lowerBound), highest), count: pool.count)
    }
    var places = wanted
    for (rank, index) in order.enumerated() { places[index] = levels[rank] + Double(rank) * gap }
    return places
  }

  /// What a line looks like, beside its name.
  static func swatch(_ style: Style) -> String {
    swatch(
      style.line,
      mark: "<svg class=\"\(style.point)\" overflow=\"visible\" x=\"17\" y=\"6\">\(SVG.shape(style.mark))</svg>")
  }

  /// Of a dotted line, which has no marks.
  static func dottedSwatch(_ style: Style) -> String { swatch("xy second hue\(style.hue)", mark: "") }

  private static func swatch(_ line: String, mark: String) -> String {
    "<svg class=\"chart swatch-line\" aria-hidden=\"true\" width=\"34\" height=\"12\">"
      + "<line class=\"\(line)\" x1=\"0\" y1=\"6\" x2=\"34\" y2=\"6\"/>\(mark)</svg>"
  }

  /// The lines as the page lists them.
  var keys: [(swatch: String, text: String)] {
    lines.filter { !$0.isEmpty }.enumerated().map { index, line in
      let isDotted = line.points.isEmpty && line.path.isEmpty
      return (
        isDotted ? Self.dottedSwatch(line.style) : Self.swatch(line.style),
        "\(line.letter ?? Self.letter(index)) \(line.name)"
      )
    }
  }
}
