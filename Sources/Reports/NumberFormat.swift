internal import Foundation
internal import Model

/// Numbers as people read them: as many digits as the interval bears out, "−" for minus, no "−0.00".
enum NumberFormat {
  /// A space that does not break, between a number and its unit.
  static let gap = "\u{00A0}"
  /// What stands where there is no number.
  static let none = "–"

  static func decimal(_ value: Double, places: Int) -> String {
    guard value.isFinite else { return none }
    var digits = String(format: "%.\(max(0, places))f", abs(value))
    let isZero = digits.allSatisfy { $0 == "0" || $0 == "." }
    if places <= 0 && digits.count > 4 { digits = grouped(digits) }
    return value < 0 && !isZero ? "−" + digits : digits
  }

  /// Thousands apart by narrow spaces.
  private static func grouped(_ digits: String) -> String {
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index).isMultiple(of: 3) { result.append("\u{202F}") }
      result.append(digit)
    }
    return result
  }

  /// Decimal places at which an interval of this width spans 4 to 40 units of the last place.
  static func places(forWidth width: Double, in range: ClosedRange<Int>) -> Int {
    guard width.isFinite && width > 0 else { return min(2, range.upperBound) }
    return min(range.upperBound, max(range.lowerBound, Int((-log10(width / 4)).rounded(.up))))
  }

  /// Decimal places for `digits` significant digits of `value`.
  static func places(forValue value: Double, digits: Int, in range: ClosedRange<Int>) -> Int {
    guard value.isFinite && value != 0 else { return range.lowerBound }
    let magnitude = Int(log10(abs(value)).rounded(.down))
    return min(range.upperBound, max(range.lowerBound, digits - 1 - magnitude))
  }

  /// A number as it was written down: 30 000, 0.25.
  static func plain(_ value: Double) -> String {
    let places = (0...6).first { abs(value * pow(10, Double($0)) - (value * pow(10, Double($0))).rounded()) < 1e-6 }
    return decimal(value, places: places ?? 6)
  }

  /// 0.031 as "3.1 %".
  static func percent(_ share: Double) -> String {
    let value = share * 100
    let places = abs(value) >= 10 ? 0 : abs(value) >= 0.1 || value == 0 ? 1 : 2
    return decimal(value, places: places) + gap + "%"
  }

  /// 0.99 as "99 %".
  static func confidence(_ share: Double) -> String {
    let value = share * 100
    return decimal(value, places: value == value.rounded() ? 0 : 1) + gap + "%"
  }

  /// p- and q-values: "0.003", "< 0.001".
  static func probability(_ value: Double) -> String {
    guard value.isFinite else { return none }
    return value < 0.001 ? "<" + gap + "0.001" : decimal(value, places: 3)
  }

  static func count(_ number: Int, _ noun: String) -> String { "\(number)" + gap + (number == 1 ? noun : noun + "s") }

  /// "2026-11-24 03:15:41 UTC".
  static func date(_ date: Date) -> String {
    let text = date.ISO8601Format()
    return text.replacing("T", with: " ").replacing("Z", with: " UTC")
  }

  /// "2026-11-24", in UTC.
  static func day(_ date: Date) -> String { String(date.ISO8601Format().prefix { $0 != "T" }) }

  static func duration(seconds: Double) -> String {
    guard seconds.isFinite && seconds >= 0 && seconds < 1e8 else { return none }
    let total = Int(seconds.rounded())
    if total < 60 { return "\(total)\(gap)s" }
    return total < 3600
      ? "\(total / 60)\(gap)min \(total % 60)\(gap)s" : "\(total / 3600)\(gap)h \(total % 3600 / 60)\(gap)min"
  }

  /// A number of bytes in the unit of its size, with as many digits as tell a block of 4 KiB in a MiB: "4 KiB",
  /// "64.01 MiB".
  static func size(_ bytes: Double) -> String {
    guard bytes.isFinite else { return none }
    let unit = DisplayUnit(.bytes, reference: bytes)
    let value = unit.scaled(bytes)
    let places = unit.divisor == 1 ? 0 : self.places(forValue: value, digits: 4, in: 0...3)
    var digits = decimal(value, places: places)
    if digits.contains(".") {
      while digits.last == "0" { digits.removeLast() }
      if digits.last == "." { digits.removeLast() }
    }
    return digits + gap + unit.symbol
  }

  /// A factor with three digits.
  static func times(_ value: Double) -> String {
    decimal(value, places: places(forValue: value, digits: 3, in: 0...3)) + "×"
  }

  /// A level of `metric` in the unit of its own size, with three digits.
  static func level(_ value: Double, _ metric: Metric) -> String {
    if metric.unit == .bytes { return size(value) }
    if metric.isFactor { return times(value) }
    let unit = DisplayUnit(metric, reference: value)
    return unit.text(value, places: places(forValue: unit.scaled(value), digits: 3, in: 0...2))
  }

  static func bytes(_ bytes: UInt64) -> String {
    let gibibytes = Double(bytes) / 1_073_741_824
    return gibibytes >= 1
      ? decimal(gibibytes, places: gibibytes >= 10 ? 0 : 1) + gap + "GiB"
      : decimal(Double(bytes) / 1_048_576, places: 0) + gap + "MiB"
  }
}

/// The unit in which a metric is shown, and how stored values get there.
struct DisplayUnit: Equatable {
  var divisor: Double
  var symbol: String
  /// The unit of differences: those of shares are no shares.
  var differenceSymbol: String

  init(divisor: Double, symbol: String, differenceSymbol: String? = nil) {
    self.divisor = divisor
    self.symbol = symbol
    self.differenceSymbol = differenceSymbol ?? symbol
  }

  /// The unit for values of the size of `reference`.
  init(_ unit: Metric.Unit, reference: Double) {
    let size = abs(reference)
    switch unit {
    case .nanoseconds, .nanosecondsPerRoundTrip, .nanosecondsPerOperation:
      self =
        if size >= 1e9 { DisplayUnit(divisor: 1e9, symbol: "s") } else if size >= 1e6 {
          DisplayUnit(divisor: 1e6, symbol: "ms")
        } else if size >= 100 || size == 0 { DisplayUnit(divisor: 1e3, symbol: "µs") } else {
          DisplayUnit(divisor: 1, symbol: "ns")
        }
    case .perSecond:
      self =
        if size >= 1e6 { DisplayUnit(divisor: 1e6, symbol: "M/s") } else if size >= 1e4 {
          DisplayUnit(divisor: 1e3, symbol: "k/s")
        } else { DisplayUnit(divisor: 1, symbol: "/s") }
    case .bitsPerSecond:
      self =
        if size >= 1e9 || size == 0 { DisplayUnit(divisor: 1e9, symbol: "Gbit/s") } else if size >= 1e6 {
          DisplayUnit(divisor: 1e6, symbol: "Mbit/s")
        } else { DisplayUnit(divisor: 1e3, symbol: "kbit/s") }
    case .nanosecondsPerByte: self.init(divisor: 1, symbol: "ns/byte")
    case .bytes:
      self =
        if size >= 1_073_741_824 { DisplayUnit(divisor: 1_073_741_824, symbol: "GiB") } else if size >= 1_048_576 {
          DisplayUnit(divisor: 1_048_576, symbol: "MiB")
        } else if size >= 1_024 { DisplayUnit(divisor: 1_024, symbol: "KiB") } else {
          DisplayUnit(divisor: 1, symbol: "B")
        }
    case .bytesPerSecond:
      self =
        if size >= 1_073_741_824 { DisplayUnit(divisor: 1_073_741_824, symbol: "GiB/s") } else if size >= 1_048_576 {
          DisplayUnit(divisor: 1_048_576, symbol: "MiB/s")
        } else { DisplayUnit(divisor: 1_024, symbol: "KiB/s") }
    case .perRoundTrip, .one: self.init(divisor: 1, symbol: "")
    }
  }

  /// The unit for values of `metric` of the size of `reference`.
  init(_ metric: Metric, reference: Double) {
    if metric == .loss || metric == .reclaimableShare {
      self.init(divisor: 0.01, symbol: "%", differenceSymbol: "% points")
    } else {
      self.init(metric.unit, reference: reference)
    }
  }

  func scaled(_ value: Double) -> Double { value / divisor }

  func text(_ value: Double, places: Int) -> String {
    let number = NumberFormat.decimal(scaled(value), places: places)
    return symbol.isEmpty || number == NumberFormat.none ? number : number + NumberFormat.gap + symbol
  }

  /// Like ``text(_:places:)``, of a difference.
  func difference(_ value: Double, places: Int) -> String {
    DisplayUnit(divisor: divisor, symbol: differenceSymbol).text(value, places: places)
  }
}

extension Metric {
  /// Whether a larger value is known to be better, so that a ratio below 1 is the cost. What the user's own client
  /// reports may be a rate or a time.
  var isBetterLarger: Bool { !isCost && self != .reported }

  /// Whether it is so many times something else.
  var isFactor: Bool { self == .writeAmplification || self == .spaceAmplification }

  /// What a value is called that lies above, or below, the one it is held against.
  var comparatives: (above: String, below: String) {
    switch unit {
    case .nanoseconds: ("slower", "faster")
    case .perSecond, .bitsPerSecond, .bytesPerSecond: ("faster", "slower")
    case .one where self == .reported: ("higher", "lower")
    case .one, .nanosecondsPerRoundTrip, .nanosecondsPerOperation, .perRoundTrip, .nanosecondsPerByte, .bytes:
      ("more", "less")
    }
  }

  /// Its name for a kind of workload; nil is a workload that only the series know.
  func title(of kind: WorkloadSpec.Kind?) -> String {
    switch kind {
    case nil: title
    case .exec? where self == .reported: "number reported by the client"
    case .exec?: title.replacing(" per round trip", with: "")
    case let kind?: title(for: kind)
    }
  }
}

extension WorkloadSpec.Kind {
  /// What the workload repeats, with its article.
  var operation: String {
    switch self {
    case .udpRR, .tcpRR: "a round trip"
    case .udpOpen, .tcpOpen: "a request with its reply"
    case .tcpCRR: "a transaction"
    case .tcpStream, .udpStream: "a message"
    case .exec: "the command"
    case .copyUp: "opening a file of a lower layer for writing"
    case .randomIO, .sequentialIO: "a read or write"
    case .lookup: "a stat of a name"
    case .metadata: "making a file"
    case .mmapWrite: "the first write to a page of a shared mapping"
    case .sqliteCommit: "a commit of SQLite"
    case .imageRebuild: "a rebuild of the image"
    }
  }
}
