/// A series against that of the environment that it is to be held against: a layered file system against the plain one
/// under it.
public struct ReferenceComparison: Codable, Sendable, Equatable {
  public var environment: String
  /// This environment ÷ the reference; nil where ``note`` says why.
  public var ratio: IntervalEstimate?
  /// This environment − the reference, in the metric's unit.
  public var difference: IntervalEstimate?
  public var direction: SeriesResult.Direction?
  /// Why there is no estimate, or why nothing may be concluded from it.
  public var note: String?

  public init(
    environment: String, ratio: IntervalEstimate? = nil, difference: IntervalEstimate? = nil,
    direction: SeriesResult.Direction? = nil, note: String? = nil
  ) {
    self.environment = environment
    self.ratio = ratio
    self.difference = difference
    self.direction = direction
    self.note = note
  }
}
