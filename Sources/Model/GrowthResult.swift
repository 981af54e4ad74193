/// How a store of images grew from rebuild to rebuild.
public struct GrowthResult: Codable, Sendable, Equatable {
  public var environment: String
  public var workload: String
  /// After each rebuild: medians over the blocks.
  public var steps: [ImageUsage]
  /// Whether the store never shrank from one rebuild to the next, in any block.
  public var isMonotonic: Bool

  enum CodingKeys: String, CodingKey {
    case environment, workload, steps
    case isMonotonic = "monotonic"
  }

  public init(environment: String, workload: String, steps: [ImageUsage], isMonotonic: Bool) {
    self.environment = environment
    self.workload = workload
    self.steps = steps
    self.isMonotonic = isMonotonic
  }
}
