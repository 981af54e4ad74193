internal import Glibc
internal import Statistics

/// A host on which nothing changes, as far as the nightly rules see it: how its overheads spread from night to night, and
/// today's worker ÷ the pinned one from block to block.
public struct SimulatedHost: Sendable {
  /// How a value deviates from its level; each has the same spread where it is quiet.
  public enum Shape: String, Sendable, CaseIterable {
    case normal
    /// Student's t with 3 degrees of freedom, scaled to a standard deviation of 1.
    case t3
    /// Normal, but one value in ten with five times the spread.
    case contaminated
  }

  public var name: String
  public var shape: Shape
  /// The standard deviation of a series' own overhead from night to night, in natural logarithms.
  public var nightSpread: Double
  /// The same of ln(today ÷ pinned) from block to block.
  public var blockSpread: Double
  /// The same of what all series have in common in a night.
  public var moodSpread: Double
  /// The share of nights that are bad: all overheads 10 % up, and three times the spread in every series and block.
  public var badNights: Double

  public init(
    name: String, shape: Shape = .normal, nightSpread: Double, blockSpread: Double, moodSpread: Double,
    badNights: Double = 0
  ) {
    self.name = name
    self.shape = shape
    self.nightSpread = nightSpread
    self.blockSpread = blockSpread
    self.moodSpread = moodSpread
    self.badNights = badNights
  }

  /// 1 % from night to night, 3 % from block to block.
  public static let quiet = SimulatedHost(name: "quiet", nightSpread: 0.01, blockSpread: 0.03, moodSpread: 0.01)
  /// 3 % from night to night, 8 % from block to block.
  public static let poor = SimulatedHost(name: "poor", nightSpread: 0.03, blockSpread: 0.08, moodSpread: 0.03)

  /// The same host with another shape of noise and, of a hundred nights, so many bad ones.
  public func with(shape: Shape, badNights: Double = 0) -> SimulatedHost {
    var host = self
    host.shape = shape
    host.badNights = badNights
    host.name += ", \(shape.rawValue)" + (badNights > 0 ? ", bad nights" : "")
    return host
  }
}

/// Draws from a fixed seed.
struct SimulatedNoise {
  private var generator: SeededGenerator
  private var spare: Double?

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  mutating func chance(_ share: Double) -> Bool { share > 0 && generator.unitInterval() < share }

  /// Mean 0; standard deviation 1, and 1.8 where it is contaminated.
  mutating func draw(_ shape: SimulatedHost.Shape) -> Double {
    switch shape {
    case .normal: return normal()
    case .t3:
      let (a, b, c) = (normal(), normal(), normal())
      // t = z ÷ √(χ²/3) has the variance 3.
      return normal() / (a * a + b * b + c * c).squareRoot()
    case .contaminated: return normal() * (chance(0.1) ? 5 : 1)
    }
  }

  /// Box and Muller's method.
  private mutating func normal() -> Double {
    if let value = spare {
      spare = nil
      return value
    }
    let radius = (-2 * log(1 - generator.unitInterval())).squareRoot()
    let angle = 2 * Double.pi * generator.unitInterval()
    spare = radius * sin(angle)
    return radius * cos(angle)
  }
}
