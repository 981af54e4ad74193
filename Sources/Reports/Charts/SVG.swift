internal import Foundation

/// A picture whose horizontal positions are shares of its width, so that it fits any page while its text keeps its
/// size. Colours come from the page's style sheet by class, so that light, dark and paper each get their own.
struct SVG {
  let title: String
  /// What the picture shows, in words and numbers, for those who do not see it.
  let summary: String
  let height: Double
  private let id: String
  private var body = ""
  /// Text, drawn last so that no line crosses it.
  private var labels = ""

  init(id: String, title: String, summary: String, height: Double) {
    self.id = id
    self.title = title
    self.summary = summary
    self.height = height
  }

  /// As a part of a page: as wide as its place, in the colours of the page's style sheet.
  var text: String {
    """
    <svg class="chart" role="img" aria-labelledby="\(id)-t \(id)-d" width="100%" height="\(Self.number(height))">\
    \(words)\(body)\(labels)</svg>
    """
  }

  private var words: String {
    "<title id=\"\(id)-t\">\(Markup.escaped(title))</title><desc id=\"\(id)-d\">\(Markup.escaped(summary))</desc>"
  }

  /// The space around a picture that stands alone, in pixels.
  private static let margin = 16.0

  /// As a document of its own, with the colours in it: light, or dark where the reader's system is.
  /// - Parameter width: in pixels, the margins included.
  func standalone(width: Double = 960) -> String {
    let inner = max(1, width - 2 * Self.margin)
    let outer = "\(Self.number(width)) \(Self.number(height + 2 * Self.margin))"
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" class="chart alone" role="img" aria-labelledby="\(id)-t \(id)-d" \
      width="\(Self.number(width))" height="\(Self.number(height + 2 * Self.margin))" viewBox="0 0 \(outer)">\
      \(words)
      <style>\(Markup.escaped(HTMLPage.pictureStyle + Self.wideStyle))</style>
      <rect class="paper" width="100%" height="100%"/>
      <svg x="\(Self.number(Self.margin))" y="\(Self.number(Self.margin))" width="\(Self.number(inner))" \
      height="\(Self.number(height))" overflow="visible">\(body)\(labels)</svg>
      </svg>

      """
  }

  /// A picture that stands alone is scaled as a whole: it is as wide as it is made, however small it is shown.
  static let wideStyle = ".chart .wide-only { display: inline; } .chart .narrow-only { display: none; }\n"

  enum Anchor: String { case start, middle, end }

  enum Mark: String, CaseIterable { case circle, square, diamond, triangle }

  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let hundredths = (value * 100).rounded()
    let whole = Int(hundredths) / 100
    let rest = abs(Int(hundredths) % 100)
    if rest == 0 { return "\(whole)" }
    let sign = hundredths < 0 && whole == 0 ? "-" : ""
    return rest % 10 == 0 ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
  }

  /// - Parameter x: 0...1 of the width, as are all horizontal positions here; vertical ones are in pixels.
  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class name: String) {
    // A line from the top need not say so: a page has hundreds of them.
    body +=
      "<line class=\"\(name)\" x1=\"\(Self.number(x1 * 100))%\"" + (y1 == 0 ? "" : " y1=\"\(Self.number(y1))\"")
      + " x2=\"\(Self.number(x2 * 100))%\" y2=\"\(Self.number(y2))\"/>"
  }

  mutating func text(_ text: String, _ x: Double, _ y: Double, _ anchor: Anchor = .start, class name: String) {
    labels +=
      "<text class=\"\(name)\" x=\"\(Self.number(x * 100))%\" y=\"\(Self.number(y))\""
      + (anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\"") + ">\(Markup.escaped(text))</text>"
  }

  mutating func circle(_ x: Double, _ y: Double, radius: Double, class name: String) {
    body +=
      "<circle class=\"\(name)\" cx=\"\(Self.number(x * 100))%\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\"/>"
  }

  mutating func band(_ y: Double, height: Double, class name: String) {
    body += "<rect class=\"\(name)\" y=\"\(Self.number(y))\" width=\"100%\" height=\"\(Self.number(height))\"/>"
  }

  mutating func mark(_ mark: Mark, _ x: Double, _ y: Double, class name: String) {
    body +=
      "<svg class=\"\(name)\" x=\"\(Self.number(x * 100))%\" y=\"\(Self.number(y))\">"
      + "\(Self.shape(mark))</svg>"
  }

  /// A mark about the origin.
  static func shape(_ mark: Mark) -> String {
    switch mark {
    case .circle: "<circle r=\"4.5\"/>"
    case .square: "<path d=\"M-4-4H4V4H-4Z\"/>"
    case .diamond: "<path d=\"M0-5.5L5.5 0L0 5.5L-5.5 0Z\"/>"
    case .triangle: "<path d=\"M0-5.5L5.5 4.5H-5.5Z\"/>"
    }
  }

  /// A line through points. A path has no shares of the width, so it lies in a picture of its own that is stretched, but
  /// for the stroke.
  mutating func path(_ points: [(x: Double, y: Double)], class name: String) {
    guard points.count > 1 else { return }
    // Relative steps are shorter. They are differences of rounded positions, so that no error adds up.
    let places = points.map { (x: ($0.x * 10_000).rounded() / 10, y: ($0.y * 10).rounded() / 10) }
    var way = "\(Self.number(places[0].x)) \(Self.number(places[0].y))"
    if places.count == 2 { way += "L\(Self.number(places[1].x)) \(Self.number(places[1].y))" }
    for (before, here) in zip(places, places.dropFirst()) where places.count > 2 {
      way += "l\(Self.number(here.x - before.x)) \(Self.number(here.y - before.y))"
    }
    stretched("<path vector-effect=\"non-scaling-stroke\" d=\"M\(way)\"/>", class: name)
  }

  /// What is drawn on a width of 1000, whatever the width is.
  private mutating func stretched(_ content: String, class name: String) {
    body +=
      "<svg class=\"\(name)\" width=\"100%\" height=\"\(Self.number(height))\" viewBox=\"0 0 1000 \(Self.number(height))\" "
      + "preserveAspectRatio=\"none\">\(content)</svg>"
  }

  /// What `draw` draws is one thing: whoever points at it sees `title`, one line or several. Text is not part of it.
  mutating func titled(_ title: String, _ draw: (inout SVG) -> Void) {
    body += "<g><title>\(Markup.escaped(title))</title>"
    draw(&self)
    body += "</g>"
  }

  /// A line of a waterfall. Browsers show `title` when it is pointed at, its neighbourhood included.
  mutating func hop(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class name: String, isKnown: Bool, title: String
  ) {
    body += "<g class=\"hop \(name)\"><title>\(Markup.escaped(title))</title>"
    line(x1, y1, x2, y2, class: isKnown ? "known" : "unknown")
    body += "</g>"
  }

  /// A label beside a point; `detail`, and with `isWideOnly` all of it, is left out on a narrow page.
  mutating func label(
    _ text: String, detail: String?, isWideOnly: Bool, _ x: Double, _ y: Double, _ anchor: Anchor
  ) {
    let detail = detail.map { "<tspan class=\"wide-only\"> \(Markup.escaped($0))</tspan>" } ?? ""
    labels +=
      "<text class=\"\(isWideOnly ? "value wide-only" : "value")\" x=\"\(Self.number(x * 100))%\" "
      + "y=\"\(Self.number(y))\" dx=\"\(anchor == .end ? -7 : 7)\""
      + (anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\"") + ">\(Markup.escaped(text))\(detail)</text>"
  }

  /// The ticks of ratios below a chart of intervals, and the line at 1.
  /// - Parameters:
  ///   - count: about so many ticks.
  ///   - places: so many decimal places at the least.
  ///   - name: the class of the line at 1.
  mutating func ratioAxis(
    _ scale: Scale, bottom: Double, ticks count: Int = 5, places: Int = 1, one name: String = "reference"
  ) {
    let ticks = scale.ticks(count)
    for tick in ticks {
      line(scale(tick), 0, scale(tick), bottom, class: "grid")
      text(
        NumberFormat.decimal(tick, places: max(places, scale.places(of: ticks))) + "×", scale(tick), bottom + 15,
        scale(tick) < 0.06 ? .start : scale(tick) > 0.94 ? .end : .middle, class: "tick")
    }
    line(scale(1), 0, scale(1), bottom, class: name)
  }

  /// Dots, many of them; `y` in pixels. The page's script finds what each stands for in the table of the figure: the n-th
  /// strip of dots is its n-th row.
  /// - Parameter areSingle: whether each is an element, which a pointer can find; else all are one path.
  mutating func dots(_ points: [(x: Double, y: Double)], areSingle: Bool, class name: String) {
    guard !points.isEmpty else { return }
    if areSingle {
      body += "<g class=\"\(name)\">"
      for point in points {
        let (x, y) = (Self.number(point.x * 100), Self.number((point.y * 10).rounded() / 10))
        body += "<circle cx=\"\(x)%\" cy=\"\(y)\" r=\"3\"/>"
      }
      body += "</g>"
      return
    }
    // In a stretched picture, but for the stroke, whose ends are round.
    let places = points.map { point in
      "M\(Self.number((point.x * 1_000).rounded())) \(Self.number((point.y * 10).rounded() / 10))h0"
    }
    stretched("<path vector-effect=\"non-scaling-stroke\" d=\"\(places.joined())\"/>", class: name)
  }
}

/// From values to shares of the width, with a margin on both sides so that no mark is cut.
struct Scale {
  private static let margin = 0.025
  let low: Double
  let high: Double
  let isLogarithmic: Bool

  /// Covers `values`, widened to whole steps of its ticks on a linear scale.
  init(covering values: [Double], isLogarithmic: Bool = false) {
    let values = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    var low = values.min() ?? (isLogarithmic ? 1 : 0)
    var high = values.max() ?? 1
    if !(high > low) {
      (low, high) =
        isLogarithmic ? (low / 2, high * 2) : (low - max(0.05, abs(low) * 0.05), high + max(0.05, abs(high) * 0.05))
    }
    self.isLogarithmic = isLogarithmic
    self.low = low
    self.high = high
  }

  func callAsFunction(_ value: Double) -> Double {
    let share = isLogarithmic ? log(max(value, low) / low) / log(high / low) : (value - low) / (high - low)
    guard share.isFinite else { return Self.margin }
    return Self.margin + (1 - 2 * Self.margin) * min(1, max(0, share))
  }

  /// Round values within the scale, at most about `count`.
  func ticks(_ count: Int) -> [Double] {
    if isLogarithmic {
      let decades = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))
      for mantissas in [[1.0, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]] {
        let ticks = decades.flatMap { decade in mantissas.map { $0 * pow(10, Double(decade)) } }
          .filter { $0 >= low && $0 <= high }
        if ticks.count <= count || mantissas.count == 1 { return ticks }
      }
    }
    let step = Self.roundStep((high - low) / Double(max(1, count)))
    var ticks: [Double] = []
    var tick = (low / step).rounded(.up) * step
    while tick <= high + step * 1e-9 && ticks.count < 50 {
      ticks.append(abs(tick) < step * 1e-9 ? 0 : tick)
      tick += step
    }
    return ticks
  }

  /// The smallest of 1, 2 and 5 times a power of ten that is no less than `step`.
  static func roundStep(_ step: Double) -> Double {
    guard step.isFinite && step > 0 else { return 1 }
    let power = pow(10, log10(step).rounded(.down))
    return [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= step * (1 - 1e-9) } ?? 10 * power
  }

  /// The decimal places that tell ticks of this scale apart.
  func places(of ticks: [Double]) -> Int {
    guard ticks.count > 1 else { return 2 }
    return min(4, max(0, Int((-log10((ticks[1] - ticks[0]) * 1.0001)).rounded(.up))))
  }
}
