import Foundation
import Testing

/// Values written by `Goldens/generate.py`, which shares no code with the module under test.
enum Golden {
  static func load<Content: Decodable>(_ name: String, as type: Content.Type = Content.self) throws -> Content {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Goldens"),
      "run Goldens/generate.py")
    return try JSONDecoder().decode(type, from: Data(contentsOf: url))
  }
}

/// True where two numbers agree to the given relative (above 1) or absolute (below 1) precision.
func agree(_ left: Double, _ right: Double, within tolerance: Double = 1e-12) -> Bool {
  abs(left - right) <= tolerance * max(1, abs(left), abs(right))
}
