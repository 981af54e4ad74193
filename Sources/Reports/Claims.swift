internal import Model
internal import PlainText

extension Presentation {
  struct ClaimLine {
    var verdict: ClaimResult.Verdict
    var id: String
    var section: String
    var statement: String
    var reason: String
    /// "holds if bridge ÷ native lies above 1.10×".
    var rule: String
    /// "1.28× [1.25, 1.31]", nil without an interval.
    var interval: String?
    /// "12".
    var n: String?
    /// "2.1 %" or "0.12 µs".
    var detectable: String?
    var adjustedP: String?
    /// The environment that it is held against where that is not the baseline; "against veth".
    var against: String?
    /// "round trip p50 of udp-rr-spin in bridge".
    var subject: String
    /// What others have published.
    var published: [(source: String, finding: String)]

    var numbers: [String] {
      [
        interval, against, n.map { "n\(NumberFormat.gap)\($0)" },
        detectable.map { "detectable from\(NumberFormat.gap)\($0)" },
      ].compactMap(\.self)
    }
  }

  var claims: [ClaimLine] { result.claims.map(line) }

  private func line(_ claim: ClaimResult) -> ClaimLine {
    let environment = InertText.name(claim.environment)
    let other = claim.against.map { InertText.name($0) } ?? baselineName
    var line = ClaimLine(
      verdict: claim.verdict, id: InertText.name(claim.id), section: InertText.line(claim.section, limit: 160),
      statement: InertText.line(claim.statement), reason: InertText.line(claim.reason), rule: "",
      n: claim.n.map(String.init), adjustedP: claim.adjustedP.map(NumberFormat.probability),
      against: claim.against.map { "against \(InertText.name($0))" },
      subject: "\(claim.metric.title(of: kind(claim.workload))) of \(InertText.name(claim.workload)) in \(environment)",
      published: claim.published.map { (InertText.line($0.source, limit: 200), InertText.line($0.finding)) })
    // A count is what it is, however busy the host was: the analysis gives such a verdict on the counts' own evidence.
    let isJudged = claim.verdict == .supported || claim.verdict == .refuted
    if isJudged && !claim.metric.isCount && !validity.canJudge(claim.workload) {
      line.verdict = .inconclusive
      line.reason = "No verdict can be had from this run; the numbers alone would say: \(claim.verdict.rawValue)."
    }
    let unit = unit(of: claim)
    let bound: (Double) -> String
    let quantity: String
    switch claim.quantity {
    case .ratio:
      bound = { NumberFormat.decimal($0, places: 2) + "×" }
      line.detectable = claim.minimumDetectableEffect.map(NumberFormat.percent)
      quantity = "\(environment) ÷ \(other)"
    case .difference:
      bound = { unit.difference($0, places: 2) }
      // Of counts that all blocks repeat it is next to nothing.
      line.detectable = claim.minimumDetectableEffect.flatMap { effect in
        unit.scaled(effect) < 0.005 ? nil : unit.difference(effect, places: 2)
      }
      quantity = "\(environment) − \(other)"
    case .slope:
      bound = { unit.difference($0, places: NumberFormat.places(forValue: unit.scaled($0), digits: 2, in: 1...4)) }
      line.detectable = claim.minimumDetectableEffect.map(bound)
      let title = claim.metric.title(of: kind(claim.workload))
      let sizes = (claim.overWorkloads ?? claim.over ?? [:]).sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        .map { name, size in
          let text = claim.overWorkloads == nil ? NumberFormat.plain(size) : NumberFormat.size(size)
          return "\(InertText.name(name)) = \(text)"
        }
      quantity = "its growth \(Self.step(of: claim).growth) (\(sizes.joined(separator: ", ")))"
      line.subject =
        claim.overWorkloads == nil
        ? "\(title) of \(InertText.name(claim.workload))" : "\(title) in \(environment)"
    }
    if let estimate = claim.estimate, let low = claim.low, let high = claim.high {
      line.interval = text(estimate, low, high, claim, unit)
    }
    let limits = [
      claim.region.above.map { "above \(bound($0))" }, claim.region.below.map { "below \(bound($0))" },
    ].compactMap(\.self)
    line.rule = "holds if \(quantity) lies " + (limits.isEmpty ? "anywhere" : limits.joined(separator: " and "))
    return line
  }

  /// One of what a slope grows over, as a unit and in words. Names tell what it is where all but the smallest agree.
  private static func step(of claim: ClaimResult) -> (unit: String, growth: String) {
    if claim.overWorkloads != nil { return ("per MiB", "with the size of the file") }
    let names = (claim.over ?? [:]).sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
    for (prefix, noun) in [("layers-", "layer"), ("rules-", "rule")] {
      if names.count > 1, names.dropFirst().allSatisfy({ $0.hasPrefix(prefix) }) {
        return ("per \(noun)", "with each \(noun)")
      }
    }
    return ("per step", "from step to step")
  }

  /// The unit of a claim's difference, or of its slope: that of the metric, a step of what grows. Sizes of files are in
  /// bytes, and shown by the MiB.
  private func unit(of claim: ClaimResult) -> DisplayUnit {
    if claim.quantity == .slope {
      let size = [claim.estimate, claim.region.above, claim.region.below].compactMap { $0.map(abs) }.max() ?? 0
      let step: Double = claim.overWorkloads == nil ? 1 : 1_048_576
      let unit = DisplayUnit(claim.metric, reference: size * step)
      let per = Self.step(of: claim).unit
      let symbol = unit.differenceSymbol.isEmpty ? per : "\(unit.differenceSymbol) \(per)"
      return DisplayUnit(divisor: unit.divisor / step, symbol: symbol)
    }
    let reference =
      series(claim.environment, claim.workload, claim.metric)?.median
      ?? series(baseline, claim.workload, claim.metric)?.median ?? 0
    // A count of bytes may be 0 where its limit is not.
    let limits = claim.metric.unit == .bytes ? [claim.region.above, claim.region.below].compactMap { $0.map(abs) } : []
    return DisplayUnit(claim.metric, reference: ([reference] + limits).max() ?? 0)
  }

  private func text(
    _ estimate: Double, _ low: Double, _ high: Double, _ claim: ClaimResult, _ unit: DisplayUnit
  ) -> String {
    claim.quantity == .ratio
      ? RatioText(estimate: estimate, low: low, high: high).whole
      : DifferenceText(estimate: estimate, low: low, high: high, unit: unit).whole
  }

  /// Another interval of the same quantity as the claim's.
  func text(of interval: IntervalEstimate, _ claim: ClaimResult) -> String {
    text(interval.estimate, interval.low, interval.high, claim, unit(of: claim))
  }
}
