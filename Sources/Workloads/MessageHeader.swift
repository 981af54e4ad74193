internal import WorkerProtocol

/// What each message carries, so that a reply can be told from a late, a doubled or a foreign one, and from a request
/// that came back as it was (see ``WorkerProtocol/MessageLayout``).
///
/// With 1 byte, numbers are told apart modulo 256, which one request in flight does not exhaust, but a foreign message
/// may pass for our own.
enum MessageHeader {
  /// Fills `message` with a request's header, cut to its size, and a fixed padding.
  static func write(into message: UnsafeMutableRawBufferPointer, nonce: UInt64, flow: UInt32) {
    var header = [UInt8](repeating: 0, count: MessageLayout.headerLength)
    header.withUnsafeMutableBytes {
      $0.storeBytes(
        of: MessageLayout.requestMagic.littleEndian, toByteOffset: MessageLayout.magicOffset, as: UInt32.self)
      $0.storeBytes(of: nonce.littleEndian, toByteOffset: MessageLayout.nonceOffset, as: UInt64.self)
      $0.storeBytes(of: flow.littleEndian, toByteOffset: MessageLayout.flowOffset, as: UInt32.self)
    }
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

  /// Turns a request into its reply.
  @inline(__always)
  static func markReply(_ message: UnsafeMutableRawBufferPointer) {
    let offset = MessageLayout.replyMarkOffset
    if message.count > offset { message[offset] |= MessageLayout.replyMark }
  }

  /// Whether `message` is the reply to `request`, of the same size, number and all.
  @inline(__always)
  static func isReply(_ message: UnsafeRawBufferPointer, to request: UnsafeRawBufferPointer) -> Bool {
    if request.count >= MessageLayout.headerLength {
      return word(message, 0) == word(request, 0)
        && word(message, 8) == word(request, 8) | UInt64(MessageLayout.replyBit)
        && word(message, 16) == word(request, 16)
    }
    return agree(message, request, from: 0, mark: MessageLayout.replyMark)
  }

  /// Whether `message` is a request of the same run and flow as `own`, whatever its number.
  @inline(__always)
  static func isRequest(_ message: UnsafeRawBufferPointer, ofFlow own: UnsafeRawBufferPointer) -> Bool {
    guard message.count == own.count else { return false }
    if own.count >= MessageLayout.headerLength {
      return word(message, 8) == word(own, 8) && word(message, 16) == word(own, 16)
    }
    return agree(message, own, from: MessageLayout.magicOffset, mark: 0)
  }

  /// Whether `message` is a reply to a request of the same run and flow as the request `own`, whatever its number.
  static func isReply(_ message: UnsafeRawBufferPointer, toFlow own: UnsafeRawBufferPointer) -> Bool {
    message.count == own.count && agree(message, own, from: MessageLayout.magicOffset, mark: MessageLayout.replyMark)
  }

  /// The number that `message` carries: the highest one up to `newest` that ends in the bytes it has room for.
  static func sequence(of message: UnsafeRawBufferPointer, newest: UInt64) -> UInt64? {
    if message.count >= 8 {
      let sequence = UInt64(littleEndian: message.loadUnaligned(as: UInt64.self))
      return sequence <= newest ? sequence : nil
    }
    let (low, size) = lowBits(of: message)
    let candidate = (newest & ~(size - 1)) | low
    if candidate <= newest { return candidate }
    return candidate >= size ? candidate - size : nil
  }

  /// The number that `message` carries: where it has no room for all of it, the lowest one from `oldest` on that ends in
  /// the bytes it has room for.
  @inline(__always)
  static func sequence(of message: UnsafeRawBufferPointer, oldest: UInt64) -> UInt64 {
    if message.count >= 8 { return UInt64(littleEndian: message.loadUnaligned(as: UInt64.self)) }
    let (low, size) = lowBits(of: message)
    let candidate = (oldest & ~(size - 1)) | low
    return candidate >= oldest ? candidate : candidate &+ size
  }

  /// The end of the number of a message shorter than 8 bytes, and how many such ends there are.
  private static func lowBits(of message: UnsafeRawBufferPointer) -> (low: UInt64, size: UInt64) {
    var low: UInt64 = 0
    for index in 0..<message.count { low |= UInt64(message[index]) << UInt64(8 * index) }
    return (low, 1 << UInt64(8 * message.count))
  }

  @inline(__always)
  private static func word(_ message: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: message.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Whether the headers agree from byte `start` on, where `message` has `mark` on top in the byte that tells replies.
  @inline(__always)
  private static func agree(
    _ message: UnsafeRawBufferPointer, _ own: UnsafeRawBufferPointer, from start: Int, mark: UInt8
  ) -> Bool {
    var index = start
    let end = min(own.count, MessageLayout.headerLength)
    while index < end {
      let expected = index == MessageLayout.replyMarkOffset ? own[index] | mark : own[index]
      if message[index] != expected { return false }
      index += 1
    }
    return true
  }
}
