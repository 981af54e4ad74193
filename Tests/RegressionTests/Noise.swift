import Foundation
import Statistics

/// Random draws from a fixed seed.
struct Noise {
  private var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// Standard normal, by Box and Muller.
  mutating func normal() -> Double {
    let radius = (-2 * log(1 - generator.unitInterval())).squareRoot()
    return radius * cos(2 * .pi * generator.unitInterval())
  }
}
