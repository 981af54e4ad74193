import Foundation
import Statistics

/// Random draws for the simulations, from a fixed seed.
struct Noise {
  private var generator: SeededGenerator
  private var spare: Double?

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  mutating func uniform() -> Double { generator.unitInterval() }

  /// Standard normal, by Box and Muller.
  mutating func normal() -> Double {
    if let value = spare {
      spare = nil
      return value
    }
    let radius = (-2 * log(1 - generator.unitInterval())).squareRoot()
    let angle = 2 * Double.pi * generator.unitInterval()
    spare = radius * sin(angle)
    return radius * cos(angle)
  }

  mutating func normals(_ n: Int) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(n)
    while result.count < n { result.append(normal()) }
    return result
  }

  /// A stationary first-order autoregressive series.
  mutating func autoregressive(_ n: Int, correlation: Double) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(n)
    var value = normal() / (1 - correlation * correlation).squareRoot()
    while result.count < n {
      result.append(value)
      value = correlation * value + normal()
    }
    return result
  }
}
