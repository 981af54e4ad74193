/// Integers at any offset, in either byte order. Each load traps outside of the span: callers check before.
extension RawSpan {
  @inline(__always)
  func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  @inline(__always)
  func bigEndian16(_ offset: Int) -> UInt16 {
    UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  @inline(__always)
  func bigEndian32(_ offset: Int) -> UInt32 {
    UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inline(__always)
  func bigEndian64(_ offset: Int) -> UInt64 {
    UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  func littleEndian32(_ offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inline(__always)
  func littleEndian64(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  func integer16(_ offset: Int, isBigEndian: Bool) -> UInt16 {
    let value = bigEndian16(offset)
    return isBigEndian ? value : value.byteSwapped
  }

  @inline(__always)
  func integer32(_ offset: Int, isBigEndian: Bool) -> UInt32 {
    let value = bigEndian32(offset)
    return isBigEndian ? value : value.byteSwapped
  }

  @inline(__always)
  func integer64(_ offset: Int, isBigEndian: Bool) -> UInt64 {
    let value = bigEndian64(offset)
    return isBigEndian ? value : value.byteSwapped
  }
}
