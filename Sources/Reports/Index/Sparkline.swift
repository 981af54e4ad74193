/// A ratio from run to run, small enough to stand beside its name: a dot a run, hollow where the run bears no verdict,
/// on its interval, which then is grey. All dots of a kind are one path, so that hundreds of pictures stay small.
struct Sparkline {
  struct Point {
    var estimate: Double
    var low: Double
    var high: Double
    var isValid: Bool
  }

  static let width = 240.0
  static let height = 44.0
  private static let margin = 4.0

  let id: String
  let title: String
  let summary: String
  /// Oldest first; nil is a run that has no number.
  let points: [Point?]

  /// The lowest and the highest value that is drawn whole: runs that bear no verdict do not stretch the scale unless
  /// there is no other.
  var range: (low: Double, high: Double)? {
    let all = points.compactMap(\.self)
    let valid = all.filter(\.isValid)
    let shown = valid.isEmpty ? all : valid
    guard let low = shown.map({ min($0.low, $0.estimate) }).min(),
      let high = shown.map({ max($0.high, $0.estimate) }).max()
    else { return nil }
    return (low, high)
  }

  var text: String? {
    guard let range else { return nil }
    // Less than a hundredth fills no more than its part of the height: noise is not to look like drift.
    let middle = (range.low + range.high) / 2
    let half = max((range.high - range.low) / 2, 0.01, abs(middle) * 0.01)
    let radius = points.count > 80 ? 1.6 : points.count > 30 ? 2.0 : 3.0
    func x(_ index: Int) -> Double {
      guard points.count > 1 else { return Self.width / 2 }
      return Self.margin + (Self.width - 2 * Self.margin) * Double(index) / Double(points.count - 1)
    }
    func y(_ value: Double) -> Double {
      let share = min(1, max(0, (value - (middle - half)) / (2 * half)))
      return Self.height - Self.margin - (Self.height - 2 * Self.margin) * share
    }
    var whiskers = ""
    var softWhiskers = ""
    var solid = ""
    var hollow = ""
    for (index, point) in points.enumerated() {
      guard let point else { continue }
      let across = SVG.number(x(index))
      // A night of history is a value alone.
      let whisker =
        point.high > point.low ? "M\(across) \(SVG.number(y(point.low)))V\(SVG.number(y(point.high)))" : ""
      if point.isValid { whiskers += whisker } else { softWhiskers += whisker }
      let dot = "M\(across) \(SVG.number(y(point.estimate)))h0"
      if point.isValid { solid += dot } else { hollow += dot }
    }
    var body = ""
    if abs(1 - middle) <= half {
      let one = SVG.number(y(1))
      body += "<path class=\"reference\" d=\"M0 \(one)H\(SVG.number(Self.width))\"/>"
    }
    let wide = SVG.number(2 * radius)
    if !softWhiskers.isEmpty { body += "<path class=\"run-interval soft\" d=\"\(softWhiskers)\"/>" }
    if !whiskers.isEmpty { body += "<path class=\"run-interval\" d=\"\(whiskers)\"/>" }
    if !solid.isEmpty { body += "<path class=\"run-dot\" stroke-width=\"\(wide)\" d=\"\(solid)\"/>" }
    if !hollow.isEmpty {
      body += "<path class=\"run-ring\" stroke-width=\"\(wide)\" d=\"\(hollow)\"/>"
      body += "<path class=\"run-hole\" stroke-width=\"\(SVG.number(max(1.8, 2 * radius - 2.5)))\" d=\"\(hollow)\"/>"
    }
    return """
      <svg class="chart spark" role="img" aria-labelledby="\(id)-t \(id)-d" \
      viewBox="0 0 \(SVG.number(Self.width)) \(SVG.number(Self.height))">\
      <title id="\(id)-t">\(Markup.escaped(title))</title><desc id="\(id)-d">\(Markup.escaped(summary))</desc>\
      \(body)</svg>
      """
  }
}
