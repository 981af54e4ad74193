/// Durations as written in scenarios: "150ms", "1s", "1.5s", "5min", "1h".
public enum DurationText {
  public static let units: [(name: String, milliseconds: Int)] = [
    ("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000),
  ]

  public enum Failure: Error, Equatable {
    /// Not a number followed by a unit.
    case malformed
    case unknownUnit(String)
    /// Beyond 64 bits, or finer than 1 ms.
    case outOfRange
  }

  /// Exactly, in ms: the decimals are read as digits, since 1.1 · 1000 is not 1100 in binary floating point.
  public static func milliseconds(_ text: String) throws(Failure) -> Int {
    let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    let unit = text.dropFirst(number.count).drop { $0 == " " }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }), !unit.isEmpty else { throw .malformed }
    guard let factor = units.first(where: { $0.name == unit })?.milliseconds else { throw .unknownUnit(String(unit)) }

    guard let whole = Int(parts[0]) else { throw .outOfRange }
    let (scaled, overflow) = whole.multipliedReportingOverflow(by: factor)
    if overflow { throw .outOfRange }
    guard parts.count == 2 else { return scaled }
    guard parts[1].count <= 9, let digits = Int(parts[1]) else { throw .outOfRange }
    let scale = (0..<parts[1].count).reduce(1) { power, _ in power * 10 }
    guard digits * factor % scale == 0 else { throw .outOfRange }
    let (sum, sumOverflow) = scaled.addingReportingOverflow(digits * factor / scale)
    if sumOverflow { throw .outOfRange }
    return sum
  }

  /// The largest unit that gives a whole number, e.g. "10min".
  static func describe(milliseconds: Int) -> String {
    let unit = units.last { milliseconds % $0.milliseconds == 0 && milliseconds >= $0.milliseconds } ?? units[0]
    return "\(milliseconds / unit.milliseconds)\(unit.name)"
  }
}
