internal import WorkerProtocol

/// What a tap lets pass, tested in the kernel so that nothing else is copied: the messages of the network workloads, and
/// of those one round trip in N.
public struct TapFilter: Sendable, Equatable {
  public enum Transport: Sendable { case udp, tcp }

  public var transport: Transport
  /// One round trip in this many passes: a power of two. Request and reply carry the same number, so both pass or none.
  public var sampling: Int

  public init(transport: Transport, sampling: Int) {
    precondition(sampling > 0 && sampling & (sampling - 1) == 0, "a sampling is a power of two, not \(sampling)")
    self.transport = transport
    self.sampling = sampling
  }

  /// The filter as pcap-filter(7) has it. It tests the number's low bits first, since most packets fail there, then the
  /// magic. The payload must lie in the datagram's first fragment or at the beginning of a segment.
  public var expression: String {
    // The message is little-endian; a filter reads the first byte on the wire as the most significant.
    let magic = MessageLayout.requestMagic.byteSwapped
    let mask = ~MessageLayout.replyBit.byteSwapped
    let tests = sequenceTests + ["\(bytes(MessageLayout.magicOffset, 4)) & 0x\(hex(mask)) = 0x\(hex(magic))"]
    return tests.joined(separator: " and ")
  }

  private var sequenceTests: [String] {
    let mask = sampling - 1
    return (0..<8).compactMap { index in
      let bits = UInt32(mask >> (8 * index) & 0xff)
      // The least significant byte comes first.
      return bits == 0 ? nil : "\(bytes(MessageLayout.sequenceOffset + index, 1)) & 0x\(hex(bits)) = 0"
    }
  }

  private func bytes(_ offset: Int, _ count: Int) -> String {
    switch transport {
    case .udp: "udp[\(8 + offset):\(count)]"
    // The header's length is in the upper half of its byte 12, in words of four bytes.
    case .tcp: "tcp[((tcp[12] & 0xf0) >> 2) + \(offset):\(count)]"
    }
  }

  private func hex(_ number: UInt32) -> String { String(number, radix: 16) }
}
