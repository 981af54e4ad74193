/// Bytes put together field by field, in one byte order.
public struct ByteBuilder: Sendable {
  public private(set) var bytes: [UInt8] = []
  public let isBigEndian: Bool

  public init(isBigEndian: Bool = true) { self.isBigEndian = isBigEndian }

  /// Appends integers of one width.
  public mutating func append<Number: FixedWidthInteger>(_ numbers: Number...) {
    for number in numbers {
      withUnsafeBytes(of: isBigEndian ? number.bigEndian : number.littleEndian) { bytes += $0 }
    }
  }

  public mutating func append(bytes more: [UInt8]) { bytes += more }

  /// Appends zeros up to a multiple of four.
  public mutating func pad() {
    while bytes.count % 4 != 0 { bytes.append(0) }
  }
}
