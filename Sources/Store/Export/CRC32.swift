internal import Foundation

/// The checksum of gzip and of Ethernet (ITU-T V.42, 8.1.1.6.2; polynomial 0x04C11DB7, reflected), so that anybody can
/// compute it again: `python3 -c 'import sys, zlib; print("%08x" % zlib.crc32(sys.stdin.buffer.read()))'`.
struct CRC32 {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
  }

  private var state = UInt32.max

  mutating func add(_ bytes: Data) {
    state = Self.table.withUnsafeBufferPointer { table in
      bytes.withUnsafeBytes { bytes in
        bytes.reduce(state) { state, byte in table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ (state >> 8) }
      }
    }
  }

  /// In hex, eight digits.
  var hex: String {
    let digits = String(~state, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
