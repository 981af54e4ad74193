public import Model
internal import WorkerProtocol

/// What a tap lets pass, tested in the kernel so that nothing else is copied: the messages of the network workloads, and
/// of those one round trip in N.
public struct TapFilter: Sendable, Equatable {
  public enum Transport: Sendable { case udp, tcp }

  /// What the packets are wrapped in.
  public enum Encapsulation: Sendable {
    case plain
    /// VXLAN (RFC 7348) to UDP port 4789, over the family that is inside, too.
    case vxlan
  }

  public var transport: Transport
  /// One round trip in this many passes: a power of two. Request and reply carry the same number, so both pass or none.
  public var sampling: Int
  public var family: AddressFamily
  public var encapsulation: Encapsulation

  public init(
    transport: Transport, sampling: Int, family: AddressFamily = .ipv4, encapsulation: Encapsulation = .plain
  ) {
    precondition(sampling > 0 && sampling & (sampling - 1) == 0, "a sampling is a power of two, not \(sampling)")
    self.transport = transport
    self.sampling = sampling
    self.family = family
    self.encapsulation = encapsulation
  }

  /// The filter as pcap-filter(7) has it. It tests the number's low bits first, since most packets fail there, then the
  /// magic, then that the headers are those that the offsets suppose. The payload must lie in the datagram's first
  /// fragment or at the beginning of a segment.
  public var expression: String {
    let headers = Headers(transport: transport, family: family, encapsulation: encapsulation)
    let whole = tests(at: headers.payload) + headers.tests
    guard let fragmented = headers.fragmented else { return whole.joined(separator: " and ") }
    let first = tests(at: fragmented.payload) + fragmented.tests
    return "(\(whole.joined(separator: " and "))) or (\(first.joined(separator: " and ")))"
  }

  /// What is asked of the message itself.
  private func tests(at payload: Headers.Place) -> [String] {
    // The message is little-endian; a filter reads the first byte on the wire as the most significant.
    let magic = MessageLayout.requestMagic.byteSwapped
    let mask = ~MessageLayout.replyBit.byteSwapped
    return sequenceTests(at: payload) + [
      "\(payload.field(MessageLayout.magicOffset, 4)) & 0x\(hexadecimal(mask)) = 0x\(hexadecimal(magic))"
    ]
  }

  private func sequenceTests(at payload: Headers.Place) -> [String] {
    let mask = sampling - 1
    return (0..<8).compactMap { index in
      let bits = UInt32(mask >> (8 * index) & 0xff)
      // The least significant byte comes first.
      return bits == 0
        ? nil : "\(payload.field(MessageLayout.sequenceOffset + index, 1)) & 0x\(hexadecimal(bits)) = 0"
    }
  }
}

/// Where a message begins, behind the headers of a filter's packets.
private struct Headers {
  /// A place in a packet, counted from the header that pcap-filter(7) has a word for.
  struct Place {
    var header: String
    var offset: Int
    /// What is added to the offset, and only known of each packet by itself.
    var variable: String?

    func field(_ further: Int, _ count: Int) -> String {
      let number = offset + further
      return "\(header)[\(variable.map { "\($0) + \(number)" } ?? "\(number)"):\(count)]"
    }

    func moved(by count: Int) -> Place { Place(header: header, offset: offset + count, variable: variable) }
  }

  /// Of the message.
  var payload: Place
  /// What else must hold, so that it is there.
  var tests: [String]
  /// The same for the first fragment of a datagram, where that moves the message.
  var fragmented: (payload: Place, tests: [String])?

  init(transport: TapFilter.Transport, family: AddressFamily, encapsulation: TapFilter.Encapsulation) {
    let (number, word) = transport == .udp ? (17, "udp") : (6, "tcp")
    switch (family, encapsulation) {
    case (.ipv4, .plain):
      // These words know IPv4's header length, and fragments.
      self.init(of: transport, at: Place(header: word, offset: 0), tests: [])
    case (.ipv4, .vxlan):
      let outer = Place(header: "udp", offset: 0)
      let inner = outer.moved(by: Self.vxlan)
      self.init(
        of: transport, at: inner.moved(by: 20),
        tests: Self.isVxlan(outer, ethertype: 0x0800) + [
          "\(inner.field(0, 1)) = 0x45", "\(inner.field(9, 1)) = \(number)", "\(inner.field(6, 2)) & 0x1fff = 0",
        ])
    case (.ipv6, .plain):
      self.init(of: transport, number, behind: Place(header: "ip6", offset: 0), tests: [])
    case (.ipv6, .vxlan):
      let outer = Place(header: "ip6", offset: 40)
      self.init(
        of: transport, number, behind: outer.moved(by: Self.vxlan),
        tests: ["ip6[6:1] = 17"] + Self.isVxlan(outer, ethertype: 0x86dd))
    }
  }

  /// UDP's header, VXLAN's and Ethernet's.
  private static let vxlan = 8 + 8 + 14

  private static func isVxlan(_ udp: Place, ethertype: UInt32) -> [String] {
    [
      "\(udp.field(2, 2)) = 4789", "\(udp.field(8, 1)) & 0x8 = 0x8",
      "\(udp.field(vxlan - 2, 2)) = 0x\(hexadecimal(ethertype))",
    ]
  }

  /// Behind an IPv6 header that is followed by the transport's, or, in the first fragment of a datagram, by a fragment
  /// header alone. TCP is never cut.
  private init(of transport: TapFilter.Transport, _ number: Int, behind ipv6: Place, tests: [String]) {
    let next = ipv6.moved(by: 40)
    self.init(of: transport, at: next, tests: tests + ["\(ipv6.field(6, 1)) = \(number)"])
    guard transport == .udp else { return }
    let first = Headers(
      of: transport, at: next.moved(by: 8),
      tests: tests + [
        "\(ipv6.field(6, 1)) = 44", "\(next.field(0, 1)) = \(number)", "\(next.field(2, 2)) & 0xfff8 = 0",
      ])
    fragmented = (first.payload, first.tests)
  }

  private init(of transport: TapFilter.Transport, at header: Place, tests: [String]) {
    self.tests = tests
    switch transport {
    case .udp: payload = header.moved(by: 8)
    case .tcp:
      payload = header
      // The header's length is in the upper half of its byte 12, in words of four bytes.
      payload.variable = "((\(header.field(12, 1)) & 0xf0) >> 2)"
    }
  }
}

private func hexadecimal(_ number: UInt32) -> String { String(number, radix: 16) }
