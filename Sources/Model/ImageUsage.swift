/// What images take of the disk at one moment, in bytes.
public struct ImageUsage: Codable, Sendable, Equatable {
  /// All of it.
  public var total: Double
  /// What would be freed if everything went that no image with a name uses.
  public var reclaimable: Double
  /// Of the newest image: what it shares with others, and what it has for itself.
  public var shared: Double
  public var unique: Double

  public init(total: Double, reclaimable: Double, shared: Double, unique: Double) {
    self.total = total
    self.reclaimable = reclaimable
    self.shared = shared
    self.unique = unique
  }
}
