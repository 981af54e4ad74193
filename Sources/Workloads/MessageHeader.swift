/// What each message carries, so that a reply can be told from a late, a doubled or a foreign one.
///
/// ```
/// byte 0…7    sequence number, little-endian (so that byte 0 alone tells neighbours apart)
///      8…11   magic "BNCH"
///     12…19   the run's nonce
///     20…23   the flow's number, little-endian
///     24…     padding
/// ```
/// A message shorter than 24 bytes carries the header's first bytes and no more: with 1 byte, numbers are told apart
/// modulo 256, which one request in flight does not exhaust, but a foreign message may pass for our own.
struct MessageHeader {
  /// The whole header's length in bytes.
  static let length = 24
  /// The bytes that are the same in every message of a flow: magic, nonce, flow.
  private static let fixed = 8..<24

  /// Fills `message` with the header, cut to its size, and a fixed padding.
  static func write(into message: UnsafeMutableRawBufferPointer, nonce: UInt64, flow: UInt32) {
    var header = [UInt8](repeating: 0, count: 8)
    header += Array("BNCH".utf8)
    withUnsafeBytes(of: nonce.littleEndian) { header += Array($0) }
    withUnsafeBytes(of: flow.littleEndian) { header += Array($0) }
    for index in message.indices {
      message[index] = index < header.count ? header[index] : UInt8(truncatingIfNeeded: index)
    }
  }

  /// Puts `sequence` into a message written by ``write(into:nonce:flow:)``.
  @inline(__always)
  static func setSequence(_ sequence: UInt64, in message: UnsafeMutableRawBufferPointer) {
    if message.count >= 8 {
      message.storeBytes(of: sequence.littleEndian, as: UInt64.self)
    } else {
      for index in 0..<message.count { message[index] = UInt8(truncatingIfNeeded: sequence >> UInt64(8 * index)) }
    }
  }

  /// Whether the headers of two messages of the same size are equal, number and all.
  @inline(__always)
  static func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    if a.count >= length {
      return a.loadUnaligned(as: UInt64.self) == b.loadUnaligned(as: UInt64.self)
        && a.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == b.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        && a.loadUnaligned(fromByteOffset: 16, as: UInt64.self) == b.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    }
    for index in 0..<a.count where a[index] != b[index] { return false }
    return true
  }

  /// Whether `message` is of the same run and flow as `own`, whatever its number.
  @inline(__always)
  static func isSameFlow(_ message: UnsafeRawBufferPointer, as own: UnsafeRawBufferPointer) -> Bool {
    guard message.count == own.count else { return false }
    if own.count >= length {
      return message.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        == own.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        && message.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
          == own.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    }
    for index in fixed where index < own.count && message[index] != own[index] { return false }
    return true
  }

  /// The number that `message` carries: the highest one up to `newest` that ends in the bytes it has room for.
  static func sequence(of message: UnsafeRawBufferPointer, newest: UInt64) -> UInt64? {
    if message.count >= 8 {
      let sequence = UInt64(littleEndian: message.loadUnaligned(as: UInt64.self))
      return sequence <= newest ? sequence : nil
    }
    let bits = UInt64(8 * message.count)
    var low: UInt64 = 0
    for index in 0..<message.count { low |= UInt64(message[index]) << UInt64(8 * index) }
    let candidate = ((newest >> bits) << bits) | low
    if candidate <= newest { return candidate }
    return candidate >= (1 << bits) ? candidate - (1 << bits) : nil
  }
}
