/// Whether the control, the baseline against its own twin, shows no difference. If not, nothing else may be believed.
public struct ControlGate: Sendable, Equatable, Codable {
  /// True where the control is as it should be.
  public let passes: Bool
  /// How far from "no difference" the estimate may lie: half the margin.
  public let allowed: Double
  /// Why, in one sentence with the numbers.
  public let reason: String

  /// Judges the control: its interval must contain "no difference" (1 or 0) *and* its estimate must lie within half the
  /// margin of it.
  ///
  /// - Parameters:
  ///   - estimate: `native′` against `native`.
  ///   - margin: δ, the smallest effect that matters: a share (0.05 for 5 %) where the estimate is a ratio, in the unit of
  ///     the metric where it is a difference. Not negative.
  public static func judge(estimate: PairedEstimate, margin: Double) -> ControlGate {
    precondition(margin >= 0, "a margin is not negative")
    let neutral = estimate.scale.neutral
    let allowed = margin / 2
    let places = estimate.scale == .ratio ? 4 : Decimals.places(showing: margin)
    func text(_ value: Double) -> String { Decimals.format(value, places: places) }
    let interval = "[\(text(estimate.low)), \(text(estimate.high))]"
    let aim = estimate.scale == .ratio ? "1" : "0"
    guard estimate.containsNoDifference else {
      return ControlGate(
        passes: false, allowed: allowed,
        reason: "the control's interval \(interval) does not contain \(aim): the baseline differs from itself")
    }
    guard abs(estimate.estimate - neutral) <= allowed else {
      return ControlGate(
        passes: false, allowed: allowed,
        reason: "the control's estimate \(text(estimate.estimate)) is farther from \(aim) than half the margin "
          + "(\(text(allowed))): the host is too noisy for this question")
    }
    return ControlGate(
      passes: true, allowed: allowed,
      reason:
        "the control's interval \(interval) contains \(aim) and its estimate \(text(estimate.estimate)) is within "
        + "half the margin (\(text(allowed)))")
  }
}
