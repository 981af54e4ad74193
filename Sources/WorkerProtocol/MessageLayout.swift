/// Where a message of the network workloads carries what. The workloads write it; whoever looks at packets on their way
/// finds them by it.
///
/// ```
/// byte 0…7    sequence number, little-endian (so that byte 0 alone tells neighbours apart)
///      8…11   magic: "BNCH" in a request, "BNCh" in a reply
///     12…19   the run's nonce, little-endian
///     20…23   the flow's number, little-endian
///     24…     padding
/// ```
///
/// The magic tells a request from its reply by the payload alone, whatever NAT does to addresses and ports. A message
/// shorter than 24 bytes carries the header's first bytes and no more; one shorter than 12 does not say which it is.
///
/// Inlinable, since the measured loops use it: no accessor is called for a constant there.
public enum MessageLayout {
  /// The whole header's length in bytes.
  @inlinable public static var headerLength: Int { 24 }
  @inlinable public static var sequenceOffset: Int { 0 }
  @inlinable public static var magicOffset: Int { 8 }
  @inlinable public static var nonceOffset: Int { 12 }
  @inlinable public static var flowOffset: Int { 20 }

  /// "BNCH" as a little-endian number.
  @inlinable public static var requestMagic: UInt32 { 0x4843_4E42 }
  /// "BNCh" as a little-endian number: the request's with one bit set.
  @inlinable public static var replyMagic: UInt32 { requestMagic | replyBit }
  /// The bit of the magic that only replies have.
  @inlinable public static var replyBit: UInt32 { 0x2000_0000 }
  /// The byte of the message that the reply's bit is in.
  @inlinable public static var replyMarkOffset: Int { magicOffset + 3 }
  /// The reply's bit within its byte.
  @inlinable public static var replyMark: UInt8 { UInt8(replyBit >> 24) }
}
