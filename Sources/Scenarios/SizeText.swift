/// Sizes as written in scenarios: "4KiB", "64MiB", "1.5GiB", or bytes as a whole number without a unit.
enum SizeText {
  static let units: [(name: String, bytes: Int)] = [
    ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
  ]

  enum Failure: Error, Equatable {
    /// Not a number, with or without a unit after it.
    case malformed
    case unknownUnit(String)
    /// Beyond 64 bits, or finer than a byte.
    case outOfRange
  }

  /// Exactly, in bytes: the decimals are read as digits.
  static func bytes(_ text: String) throws(Failure) -> Int {
    let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    let unit = text.dropFirst(number.count).drop { $0 == " " }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { throw .malformed }
    guard let factor = unit.isEmpty ? 1 : units.first(where: { $0.name == unit })?.bytes else {
      throw .unknownUnit(String(unit))
    }

    guard let whole = Int(parts[0]) else { throw .outOfRange }
    let (scaled, overflow) = whole.multipliedReportingOverflow(by: factor)
    if overflow { throw .outOfRange }
    guard parts.count == 2 else { return scaled }
    // Six digits of a TiB stay within 64 bits.
    guard parts[1].count <= 6, let digits = Int(parts[1]) else { throw .outOfRange }
    let scale = (0..<parts[1].count).reduce(1) { power, _ in power * 10 }
    guard digits * factor % scale == 0 else { throw .outOfRange }
    let (sum, sumOverflow) = scaled.addingReportingOverflow(digits * factor / scale)
    if sumOverflow { throw .outOfRange }
    return sum
  }

  /// The largest unit that gives a whole number, e.g. "512MiB".
  static func describe(bytes: Int) -> String {
    let unit = units.last { bytes % $0.bytes == 0 && bytes >= $0.bytes } ?? units[0]
    return "\(bytes / unit.bytes)\(unit.name)"
  }
}
