internal import Foundation

extension [String] {
  /// `a`, `a and b`, `a, b and c`.
  var listed: String {
    guard count > 1 else { return first ?? "" }
    return dropLast().joined(separator: ", ") + " and " + self[count - 1]
  }

  /// The same, of a long list its beginning alone: `a, b, c and 20 more`.
  var brieflyListed: String { count > 8 ? prefix(5).joined(separator: ", ") + " and \(count - 5) more" : listed }
}

extension Int {
  /// Small numbers as words.
  var inWords: String {
    let words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    return words.indices.contains(self) ? words[self] : "\(self)"
  }
}

/// Numbers as people read them.
enum Figure {
  static func duration(nanoseconds: Double) -> String {
    switch nanoseconds {
    case ..<1e3: String(format: "%.0f ns", nanoseconds)
    case ..<1e6: String(format: "%.1f µs", nanoseconds / 1e3)
    case ..<1e9: String(format: "%.1f ms", nanoseconds / 1e6)
    default: String(format: "%.1f s", nanoseconds / 1e9)
    }
  }

  /// - Parameter share: 1 is the whole.
  static func percent(_ share: Double) -> String {
    let percent = share * 100
    return String(format: percent > 0 && percent < 1 ? "%.2f %%" : "%.1f %%", percent)
  }

  static func bytes(_ count: UInt64) -> String {
    let count = Double(count)
    switch count {
    case ..<1e6: return String(format: "%.0f kB", count / 1e3)
    case ..<1e9: return String(format: "%.0f MB", count / 1e6)
    default: return String(format: "%.1f GB", count / 1e9)
    }
  }
}
