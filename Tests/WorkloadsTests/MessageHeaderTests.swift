import Testing
import WorkerProtocol

@testable import Workloads

/// A message for the tests of this file.
private func message(_ size: Int, nonce: UInt64 = 0x0123_4567_89AB_CDEF, flow: UInt32 = 9, number: UInt64 = 0)
  -> [UInt8]
{
  var bytes = [UInt8](repeating: 0xEE, count: size)
  bytes.withUnsafeMutableBytes {
    MessageHeader.write(into: $0, nonce: nonce, flow: flow)
    MessageHeader.setSequence(number, in: $0)
  }
  return bytes
}

private func isReply(_ a: [UInt8], to b: [UInt8]) -> Bool {
  a.withUnsafeBytes { a in b.withUnsafeBytes { b in MessageHeader.isReply(a, to: b) } }
}

private func isRequest(_ a: [UInt8], ofFlow b: [UInt8]) -> Bool {
  a.withUnsafeBytes { a in b.withUnsafeBytes { b in MessageHeader.isRequest(a, ofFlow: b) } }
}

private func isReply(_ a: [UInt8], toFlow b: [UInt8]) -> Bool {
  a.withUnsafeBytes { a in b.withUnsafeBytes { b in MessageHeader.isReply(a, toFlow: b) } }
}

private func sequence(of bytes: [UInt8], newest: UInt64) -> UInt64? {
  bytes.withUnsafeBytes { MessageHeader.sequence(of: $0, newest: newest) }
}

@Suite("The header of a message")
struct MessageHeaderTests {
  static let sizes = Array(1...30) + [65_000]

  /// Numbers of every magnitude, and both ends.
  private func numbers(_ count: Int) -> [UInt64] {
    var source = SeededNumbers(42)
    return [0, 1, 255, 256, 65_535, 65_536, 1 << 56, .max - 1, .max]
      + (0..<count).map { _ in source.next() >> UInt64.random(in: 0..<64, using: &source) }
  }

  @Test("lies in the bytes that its documentation says")
  func layout() {
    let bytes = message(30, nonce: 0x0102_0304_0506_0708, flow: 0x1112_1314, number: 0x2122_2324_2526_2728)
    #expect(bytes[0..<8] == [0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21])
    #expect(bytes[8..<12] == [0x42, 0x4e, 0x43, 0x48])
    #expect(bytes[12..<20] == [8, 7, 6, 5, 4, 3, 2, 1])
    #expect(bytes[20..<24] == [0x14, 0x13, 0x12, 0x11])
    #expect(bytes[24...] == [24, 25, 26, 27, 28, 29])
  }

  @Test("says in one bit whether it is a reply's, if there is room for it", arguments: sizes)
  func mark(size: Int) throws {
    let request = message(size, number: 77)
    let answer = reply(to: request)
    #expect(answer.count == size)
    #expect(answer.prefix(11) == request.prefix(11) && answer.dropFirst(12) == request.dropFirst(12))
    #expect(reply(to: answer) == answer)
    #expect(isReply(answer, to: request) && isReply(answer, toFlow: request) && isRequest(request, ofFlow: request))
    let hasRoom = size >= 12
    #expect((answer != request) == hasRoom)
    if hasRoom { #expect(answer[8..<12] == [0x42, 0x4e, 0x43, 0x68]) }
    #expect(isReply(request, to: request) == !hasRoom && isReply(request, toFlow: request) == !hasRoom)
    #expect(isRequest(answer, ofFlow: request) == !hasRoom)
  }

  @Test("is made of the numbers that are told to whoever looks at packets")
  func constants() {
    let request = message(30, number: 1)
    let answer = reply(to: request)
    func magic(_ bytes: [UInt8]) -> UInt32 {
      bytes[MessageLayout.magicOffset..<MessageLayout.magicOffset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    #expect(magic(request) == MessageLayout.requestMagic && magic(answer) == MessageLayout.replyMagic)
    #expect(MessageLayout.requestMagic ^ MessageLayout.replyMagic == MessageLayout.replyBit)
  }

  @Test("of a short message is the beginning of that of a long one", arguments: sizes)
  func prefix(size: Int) {
    let whole = message(65_000, number: 0x1122_3344_5566_7788)
    let own = message(size, number: 0x1122_3344_5566_7788)
    #expect(own.count == size)
    #expect(Array(whole.prefix(size)) == own)
  }

  @Test("changes with the number in its first 8 bytes only", arguments: sizes)
  func numberOnly(size: Int) {
    for number in numbers(50) { #expect(message(size, number: number).dropFirst(8) == message(size).dropFirst(8)) }
  }

  @Test("is equal to another exactly if the numbers end alike in the bytes there is room for", arguments: sizes)
  func equality(size: Int) {
    let mask = size >= 8 ? UInt64.max : (1 << UInt64(8 * size)) - 1
    let all = numbers(20)
    for a in all {
      for b in all + [a &+ 1, a &- 1, a ^ (1 << 63)] {
        #expect(isReply(reply(to: message(size, number: a)), to: message(size, number: b)) == (a & mask == b & mask))
      }
    }
  }

  @Test("is told from one with any one bit of it changed; the padding does not count", arguments: sizes)
  func oneBit(size: Int) {
    let own = message(size, number: 0x1234)
    for bit in 0..<8 * min(size, 40) {
      var other = own
      other[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(isRequest(other, ofFlow: own) == !(8..<24).contains(bit / 8))
      var answer = reply(to: own)
      answer[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(isReply(answer, to: own) == (bit / 8 >= MessageLayout.headerLength))
      #expect(isReply(answer, toFlow: own) == !(8..<24).contains(bit / 8))
    }
  }

  @Test("gives back its number: the highest up to the newest that ends alike", arguments: sizes)
  func number(size: Int) throws {
    let room = size >= 8 ? UInt64.max : (1 << UInt64(8 * size)) - 1
    for newest in numbers(50) {
      // The newest itself, its neighbours, and the oldest that is still told apart.
      for age in [0, 1, 2, 63, 255, 256, room] where age <= newest && age <= room {
        #expect(sequence(of: message(size, number: newest - age), newest: newest) == newest - age)
      }
      // One older than that passes for the newest.
      if room < newest { #expect(sequence(of: message(size, number: newest - room - 1), newest: newest) == newest) }
    }
  }

  @Test("a number that has not been sent yet is none, as far as that can be told", arguments: sizes)
  func future(size: Int) {
    for newest in numbers(50) where newest < .max {
      let found = sequence(of: message(size, number: newest + 1), newest: newest)
      if size >= 8 || newest + 1 < 1 << UInt64(8 * size) {
        #expect(found == nil)
      } else {
        #expect(found == newest + 1 - (1 << UInt64(8 * size)))
      }
    }
  }

  @Test("gives back its number: the lowest from the oldest on that ends alike", arguments: sizes)
  func numberFromOldest(size: Int) {
    func found(_ number: UInt64, oldest: UInt64) -> UInt64 {
      message(size, number: number).withUnsafeBytes { MessageHeader.sequence(of: $0, oldest: oldest) }
    }
    let room = size >= 8 ? UInt64.max : (1 << UInt64(8 * size)) - 1
    for oldest in numbers(50) {
      for step in [0, 1, 2, 63, 255, 256, room] where step <= room && oldest <= .max - step {
        #expect(found(oldest + step, oldest: oldest) == oldest + step)
      }
      // One more than that passes for the oldest.
      if room < .max - oldest { #expect(found(oldest + room + 1, oldest: oldest) == oldest) }
    }
  }

  @Test("agrees with a search through all numbers, where they are few")
  func exhaustive() {
    for newest in [0, 1, 100, 254, 255, 256, 257, 300, 510, 511, 512, 513, 600] as [UInt64] {
      for byte in 0...255 as ClosedRange<UInt64> {
        let expected = (0...newest).last { $0 & 255 == byte }
        #expect(sequence(of: message(1, number: byte), newest: newest) == expected)
      }
    }
  }

  @Test("of another run or flow is foreign as soon as a differing byte fits in", arguments: sizes)
  func foreign(size: Int) {
    let own = message(size)
    #expect(isRequest(message(size, number: .max), ofFlow: own))
    func expect(_ other: [UInt8], _ passes: Bool) {
      #expect(isRequest(other, ofFlow: own) == passes && isReply(reply(to: other), toFlow: own) == passes)
    }
    // The nonces differ in their last byte, which is the 20th of the message; in their first, the 13th.
    expect(message(size, nonce: 0xFF23_4567_89AB_CDEF), size < 20)
    expect(message(size, nonce: 0x0123_4567_89AB_CDEE), size < 13)
    expect(message(size, flow: 8), size < 21)
    expect(message(size, flow: 9 | 1 << 31), size < 24)
    for other in [size - 1, size + 1] where other > 0 { expect(message(other), false) }
  }
}
