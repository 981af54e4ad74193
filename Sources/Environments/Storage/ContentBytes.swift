internal import WorkerProtocol

/// The bytes of the files that are in a file system or in an image before a workload comes: random ones, which neither
/// compress nor repeat, and always the same ones at the same place.
enum ContentBytes {
  /// Fills `buffer` with the bytes of a file from `offset` on.
  static func fill(_ buffer: inout [UInt8], group: FileLayout.Group, index: Int, offset: Int) {
    fill(&buffer, seed: seed(group: group, index: index), offset: offset)
  }

  /// Fills `buffer` with the bytes that `seed` gives from `offset` on: the 64-bit numbers of SplitMix64 (Steele, Lea and
  /// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), little-endian. Each follows from its place
  /// alone, so that a file may be written in parts of any size.
  static func fill(_ buffer: inout [UInt8], seed: UInt64, offset: Int) {
    precondition(offset >= 0, "a file begins at 0")
    buffer.withUnsafeMutableBytes { bytes in
      var done = 0
      while done < bytes.count {
        let place = offset + done
        var word = mixed(seed &+ UInt64(place / 8 + 1) &* increment).littleEndian
        let skipped = place % 8
        let length = min(8 - skipped, bytes.count - done)
        if length == 8 {
          bytes.storeBytes(of: word, toByteOffset: done, as: UInt64.self)
        } else {
          withUnsafeBytes(of: &word) { word in
            for byte in 0..<length { bytes[done + byte] = word[skipped + byte] }
          }
        }
        done += length
      }
    }
  }

  /// - Parameter version: of an application's files, which are others after each rebuild of its image.
  static func seed(group: FileLayout.Group, index: Int, version: Int = 0) -> UInt64 {
    var seed: UInt64 = 0
    for byte in group.rawValue.utf8 { seed = mixed(seed &+ UInt64(byte) &+ increment) }
    for number in [index, version] { seed = mixed(seed &+ UInt64(truncatingIfNeeded: number) &+ increment) }
    return seed
  }

  /// 2⁶⁴ divided by the golden ratio, odd.
  private static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mixed(_ number: UInt64) -> UInt64 {
    var number = number
    number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
    number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
    return number ^ (number >> 31)
  }
}
