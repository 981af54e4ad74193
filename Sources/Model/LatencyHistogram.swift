internal import Foundation

/// Every latency of a trial, without loss: each distinct value in nanoseconds with the number of times it was seen.
///
/// Latencies are whole nanoseconds and repeat heavily, so a hundred thousand samples need a few kilobytes. Unlike a
/// bucketed histogram nothing is rounded: quantiles computed from a stored histogram are those of the samples, and
/// merging is exact and does not depend on the order.
public struct LatencyHistogram: Sendable, Equatable {
  /// Distinct values in ns, ascending.
  public private(set) var values: [UInt32]
  /// How often the value at the same place was seen; never 0.
  public private(set) var counts: [UInt64]
  /// The number of samples.
  public private(set) var total: UInt64

  /// An empty histogram.
  public init() {
    values = []
    counts = []
    total = 0
  }

  /// Counts `samples`, in ns, in any order.
  public init(samples: [UInt32]) {
    var sorted = samples
    sorted.sort()
    self.init()
    for value in sorted {
      if values.last == value { counts[counts.count - 1] += 1 } else { append(value, count: 1) }
    }
    total = UInt64(sorted.count)
  }

  private mutating func append(_ value: UInt32, count: UInt64) {
    values.append(value)
    counts.append(count)
  }

  public var isEmpty: Bool { total == 0 }
  public var minimum: UInt32? { values.first }
  public var maximum: UInt32? { values.last }

  /// The arithmetic mean in ns, or nil for an empty histogram.
  public var mean: Double? {
    guard total > 0 else { return nil }
    var sum = 0.0
    for (value, count) in zip(values, counts) { sum += Double(value) * Double(count) }
    return sum / Double(total)
  }

  /// The value of rank ⌈q · total⌉ (nearest rank: always a value that was measured), in ns; nil for an empty
  /// histogram.
  /// - Parameter q: in 0...1.
  public func quantile(_ q: Double) -> UInt32? {
    precondition((0...1).contains(q), "a quantile lies in 0...1, not \(q)")
    guard total > 0 else { return nil }
    let rank = max(1, min(total, UInt64((q * Double(total)).rounded(.up))))
    var seen: UInt64 = 0
    for (value, count) in zip(values, counts) {
      seen += count
      if seen >= rank { return value }
    }
    return values.last
  }

  /// The values at several shares, in one pass over the histogram: as ``quantile(_:)`` of each.
  /// - Parameter shares: ascending, each in 0...1.
  /// - Returns: one value in ns a share; empty for an empty histogram.
  public func quantiles(_ shares: [Double]) -> [UInt32] {
    guard total > 0 else { return [] }
    var found: [UInt32] = []
    found.reserveCapacity(shares.count)
    var place = 0
    var seen = counts[0]
    for share in shares {
      precondition((0...1).contains(share), "a quantile lies in 0...1, not \(share)")
      let rank = max(1, min(total, UInt64((share * Double(total)).rounded(.up))))
      while seen < rank && place + 1 < values.count {
        place += 1
        seen += counts[place]
      }
      found.append(values[place])
    }
    return found
  }

  /// Adds all samples of `other`. For pictures only: quantiles of pooled trials are not an estimate of anything, since
  /// samples within a trial are correlated.
  public mutating func merge(_ other: LatencyHistogram) {
    var merged = LatencyHistogram()
    merged.values.reserveCapacity(values.count + other.values.count)
    merged.counts.reserveCapacity(values.count + other.values.count)
    var i = 0
    var j = 0
    while i < values.count || j < other.values.count {
      if j == other.values.count || (i < values.count && values[i] < other.values[j]) {
        merged.append(values[i], count: counts[i])
        i += 1
      } else if i == values.count || other.values[j] < values[i] {
        merged.append(other.values[j], count: other.counts[j])
        j += 1
      } else {
        merged.append(values[i], count: counts[i] + other.counts[j])
        i += 1
        j += 1
      }
    }
    merged.total = total + other.total
    self = merged
  }
}

extension LatencyHistogram {
  /// What is wrong with encoded bytes.
  public struct FormatError: Error, Sendable, CustomStringConvertible {
    public let offset: Int
    public let problem: String
    public var description: String { "damaged latency histogram at byte \(offset): \(problem)" }
  }

  /// The format's version, the first byte.
  private static let version: UInt8 = 1

  /// A compact form for storage: version byte, then per distinct value the distance from the one before and the
  /// count, as LEB128 variable-length integers.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = [Self.version]
    bytes.reserveCapacity(1 + values.count * 3)
    var previous: UInt32 = 0
    for (value, count) in zip(values, counts) {
      Self.appendVariableLength(UInt64(value - previous), to: &bytes)
      Self.appendVariableLength(count, to: &bytes)
      previous = value
    }
    return bytes
  }

  /// Reads what ``encoded`` wrote.
  public init(encoded bytes: [UInt8]) throws(FormatError) {
    guard bytes.first == Self.version else {
      throw FormatError(offset: 0, problem: bytes.isEmpty ? "no bytes" : "unknown version \(bytes[0])")
    }
    self.init()
    var offset = 1
    while offset < bytes.count {
      let start = offset
      let step = try Self.readVariableLength(bytes, &offset)
      let count = try Self.readVariableLength(bytes, &offset)
      let (value, overflow) = UInt64(values.last ?? 0).addingReportingOverflow(step)
      guard !overflow, let value = UInt32(exactly: value) else {
        throw FormatError(offset: start, problem: "value beyond 32 bits")
      }
      if step == 0 && !values.isEmpty { throw FormatError(offset: start, problem: "values do not ascend") }
      if count == 0 { throw FormatError(offset: start, problem: "a count of 0") }
      let (sum, isTooMany) = total.addingReportingOverflow(count)
      // Far beyond any run, and far enough from the end of the numbers for histograms to be merged.
      if isTooMany || sum > 1 << 48 { throw FormatError(offset: start, problem: "more than 2^48 samples") }
      append(value, count: count)
      total = sum
    }
  }

  private static func appendVariableLength(_ number: UInt64, to bytes: inout [UInt8]) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private static func readVariableLength(_ bytes: [UInt8], _ offset: inout Int) throws(FormatError) -> UInt64 {
    var result: UInt64 = 0
    var shift: UInt64 = 0
    let start = offset
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      result |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return result }
      shift += 7
      // Nine groups of seven bits; nothing that is written here needs a tenth.
      if shift > 56 { throw FormatError(offset: start, problem: "integer too long") }
    }
    throw FormatError(offset: start, problem: "ends within an integer")
  }
}

/// Stored and exported as base64 of ``encoded``.
extension LatencyHistogram: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let data = Data(base64Encoded: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not base64")
    }
    do throws(FormatError) { try self.init(encoded: [UInt8](data)) } catch {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Data(encoded).base64EncodedString())
  }
}
