internal import Model
internal import PlainText

/// Every trial's value in block order, one strip an environment, as deviation from the environment's median: drift and
/// outliers are there to be seen.
enum TrialsChart {
  private static let stripHeight = 64.0
  private static let reach = 17.0
  /// More dots than this are one path: each by itself would take as much room as all else on the page.
  private static let mostSingle = 300

  /// An environment's trials.
  struct Strip {
    var name: String
    var values: [Double]
    var median: Double
    var isControl = false

    /// Whether there are deviations to draw.
    var canBeDrawn: Bool { !values.isEmpty && median.isFinite && median != 0 && values.allSatisfy(\.isFinite) }
  }

  /// The decimal places that tell the trials of `strip` apart.
  static func places(_ strip: Strip, _ unit: DisplayUnit) -> Int {
    let (low, high) = (strip.values.min() ?? strip.median, strip.values.max() ?? strip.median)
    return NumberFormat.places(forWidth: unit.scaled(high - low), in: 1...3)
  }

  /// nil where no strip has a trial; `span` is what a strip's height stands for, "±5 %".
  static func picture(id: String, title: String, strips: [Strip], unit: DisplayUnit) -> (svg: SVG, span: String)? {
    let strips = strips.filter(\.canBeDrawn)
    let longest = strips.map(\.values.count).max() ?? 0
    guard longest > 0 else { return nil }
    let deviations = strips.flatMap { strip in strip.values.map { abs($0 / strip.median - 1) } }
    let span = Scale.roundStep(max(deviations.max() ?? 0, 0.005))
    let bottom = Double(strips.count) * stripHeight
    func range(_ strip: Strip) -> String {
      let low = strip.values.min() ?? strip.median
      let high = strip.values.max() ?? strip.median
      let places = places(strip, unit)
      return "\(NumberFormat.decimal(unit.scaled(low), places: places)) to \(unit.text(high, places: places))"
    }
    var svg = SVG(
      id: id, title: title,
      summary: "Lowest and highest of the trials: "
        + strips.map { "\($0.name) \(range($0)) in \($0.values.count) trials" }.joined(separator: "; "),
      height: bottom + 20)
    let scale = Scale(covering: [1, Double(max(2, longest))])
    let areSingle = strips.reduce(0) { $0 + $1.values.count } <= mostSingle
    for (index, strip) in strips.enumerated() {
      let top = Double(index) * stripHeight
      let middle = top + 41
      svg.text(strip.name.fitted(to: 22), 0, top + 15, class: "label")
      svg.text(range(strip), 1, top + 15, .end, class: "value")
      svg.band(middle - reach - 3, height: 2 * reach + 6, class: "strip")
      svg.line(0, middle, 1, middle, class: "reference")
      svg.dots(
        strip.values.enumerated().map { block, value in
          (scale(Double(block + 1)), middle - (value / strip.median - 1) / span * reach)
        }, areSingle: areSingle, class: strip.isControl ? "dots control" : "dots")
    }
    svg.text("block 1", 0, bottom + 15, class: "tick")
    svg.text("block \(longest)", 1, bottom + 15, .end, class: "tick")
    return (svg, "±\(NumberFormat.percent(span))")
  }
}
