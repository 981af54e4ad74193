/// Environments ordered so that each adds one layer: the steps must compose to the whole.
public struct Ladder: Sendable, Equatable, Codable {
  /// Ratios multiply, differences add.
  public let scale: ComparisonScale
  /// What the steps make together: their product (ratios) or sum (differences).
  public let composed: Double
  /// What was measured from bottom to top.
  public let total: Double
  /// What the steps do not explain: total ÷ composed (1 is none) or total − composed (0 is none).
  public let residual: Double

  /// Composes steps, each an environment against the one before it, and compares them with the measured whole.
  ///
  /// No steps compose to no difference.
  ///
  /// - Parameters:
  ///   - steps: ratios, all positive, or differences, all in the unit of the total.
  ///   - total: the last environment against the first baseline.
  ///   - scale: what they are.
  public static func compose(steps: [Double], total: Double, scale: ComparisonScale) -> Ladder {
    switch scale {
    case .ratio:
      precondition(total > 0 && steps.allSatisfy { $0 > 0 }, "ratios are positive")
      let composed = steps.reduce(1, *)
      return Ladder(scale: scale, composed: composed, total: total, residual: total / composed)
    case .difference:
      let composed = steps.reduce(0, +)
      return Ladder(scale: scale, composed: composed, total: total, residual: total - composed)
    }
  }
}
