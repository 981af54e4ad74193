internal import WorkerProtocol

/// Finds the innermost UDP or TCP packet of a captured frame.
///
/// Frames come from anybody's files: every field is read within bounds that were checked before, chains of headers are
/// capped, and nothing is allocated. Checksums are not looked at, since with offloads a capture holds none.
public enum PacketDecoder {
  /// At most this many VLAN tags are passed over in one Ethernet header; a frame with more is malformed.
  public static let maximumVLANTags = 8
  /// At most this many extension headers are passed over in one IPv6 header; a packet with more is malformed.
  public static let maximumExtensionHeaders = 16
  /// VXLAN headers are opened this deep; a UDP packet further in is reported as it is.
  public static let maximumVXLANLayers = 4

  /// What a frame is.
  ///
  /// - Parameters:
  ///   - frame: as much of the frame as was captured, from its link-layer header on.
  ///   - originalLength: bytes of the frame on the wire, of use where the IP header leaves the length out (segmentation
  ///     offload, jumbograms).
  /// - Returns: the innermost packet. Of a TCP header, the options need not have been captured: `payload` is empty
  ///   then. A UDP packet to a port of VXLAN whose content is not VXLAN is a packet like any other.
  /// - Throws: why it is no packet that can be matched. Headers that were not captured whole are `.truncated`, whatever
  ///   the reason; a length that contradicts the header around it is `.malformed`.
  public static func decode(
    _ frame: RawSpan, linkType: LinkType, originalLength: Int
  ) throws(UndecodableReason) -> DecodedPacket {
    let wireEnd = max(originalLength, frame.byteCount)
    switch linkType {
    case .ethernet:
      return try ethernet(frame, at: 0, wireEnd: wireEnd, vxlanLayers: 0, vni: nil)
    case .raw:
      return try network(frame, at: 0, wireEnd: wireEnd, Encapsulation())
    case .null, .loop:
      guard frame.byteCount >= 4 else { throw .truncated }
      guard isIPFamily(frame.bigEndian32(0), orSwapped: linkType == .null) else { throw .notIP }
      return try network(frame, at: 4, wireEnd: wireEnd, Encapsulation())
    case .linuxCooked:
      guard frame.byteCount >= 16 else { throw .truncated }
      guard frame.bigEndian16(2) != netlinkHardware else { throw .notIP }
      return try tagged(
        frame, at: 16, type: frame.bigEndian16(14), wireEnd: wireEnd, Encapsulation())
    case .linuxCooked2:
      guard frame.byteCount >= 20 else { throw .truncated }
      guard frame.bigEndian16(8) != netlinkHardware else { throw .notIP }
      return try tagged(
        frame, at: 20, type: frame.bigEndian16(0), wireEnd: wireEnd, Encapsulation())
    case .unknown:
      throw .unknownLinkType
    }
  }

  /// What stands around the network header.
  private struct Encapsulation {
    var vlanTags = 0
    var vxlanLayers = 0
    var vni: UInt32?
  }

  /// What a network header says of the transport header behind it.
  private struct Network {
    var source: IPAddress
    var destination: IPAddress
    var transport: UInt8
    var identification: UInt32?
    /// Where the transport header begins, and where the packet ends on the wire.
    var start: Int
    var end: Int
    /// The header leaves the length out, so that `end` is the frame's.
    var hasNoLength: Bool
    /// The first of several fragments: the transport's length is that of all.
    var isFragment: Bool
  }

  /// ARPHRD_NETLINK: the protocol of the cooked header is then a netlink family.
  private static let netlinkHardware: UInt16 = 824

  /// AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, and 24, 28 or 30 on the BSDs and Darwin.
  private static func isIPFamily(_ family: UInt32, orSwapped: Bool) -> Bool {
    switch orSwapped && family > 0xffff ? family.byteSwapped : family {
    case 2, 10, 24, 28, 30: true
    default: false
    }
  }

  @inline(__always)
  private static func ethernet(
    _ frame: RawSpan, at start: Int, wireEnd: Int, vxlanLayers: Int, vni: UInt32?
  ) throws(UndecodableReason) -> DecodedPacket {
    guard frame.byteCount - start >= 14 else { throw .truncated }
    return try tagged(
      frame, at: start + 14, type: frame.bigEndian16(start + 12), wireEnd: wireEnd,
      Encapsulation(vxlanLayers: vxlanLayers, vni: vni))
  }

  /// What comes after an EtherType: VLAN tags (IEEE 802.1Q, 802.1ad and their forerunners), then IP.
  @inline(__always)
  private static func tagged(
    _ frame: RawSpan, at start: Int, type first: UInt16, wireEnd: Int, _ around: Encapsulation
  ) throws(UndecodableReason) -> DecodedPacket {
    var type = first
    var offset = start
    var around = around
    while type != 0x0800 {
      switch type {
      case 0x8100, 0x88a8, 0x9100, 0x9200:
        guard around.vlanTags < maximumVLANTags else { throw .malformed }
        guard frame.byteCount - offset >= 4 else { throw .truncated }
        type = frame.bigEndian16(offset + 2)
        offset += 4
        around.vlanTags += 1
      case 0x86dd:
        return try transport(frame, try ipv6(frame, at: offset, wireEnd: wireEnd), around)
      default:
        throw .notIP
      }
    }
    return try transport(frame, try ipv4(frame, at: offset, wireEnd: wireEnd), around)
  }

  private static func network(
    _ frame: RawSpan, at start: Int, wireEnd: Int, _ around: Encapsulation
  ) throws(UndecodableReason) -> DecodedPacket {
    guard frame.byteCount > start else { throw .truncated }
    switch frame.byte(start) >> 4 {
    case 4: return try transport(frame, try ipv4(frame, at: start, wireEnd: wireEnd), around)
    case 6: return try transport(frame, try ipv6(frame, at: start, wireEnd: wireEnd), around)
    default: throw .malformed
    }
  }

  /// RFC 791.
  @inline(__always)
  private static func ipv4(_ frame: RawSpan, at start: Int, wireEnd: Int) throws(UndecodableReason) -> Network {
    guard frame.byteCount - start >= 20 else { throw .truncated }
    let first = frame.byte(start)
    let header = Int(first & 0x0f) * 4
    let total = Int(frame.bigEndian16(start + 2))
    guard first >> 4 == 4, header >= 20, total >= header || total == 0 else { throw .malformed }
    let fragment = frame.bigEndian16(start + 6)
    guard fragment & 0x1fff == 0 else { throw .laterFragment }
    return Network(
      source: IPAddress(v4: frame.bigEndian32(start + 12)), destination: IPAddress(v4: frame.bigEndian32(start + 16)),
      transport: frame.byte(start + 9), identification: UInt32(frame.bigEndian16(start + 4)), start: start + header,
      end: total == 0 ? wireEnd : start + total, hasNoLength: total == 0, isFragment: fragment & 0x2000 != 0)
  }

  /// RFC 8200, its extension headers, and the others of that form in IANA's list.
  private static func ipv6(_ frame: RawSpan, at start: Int, wireEnd: Int) throws(UndecodableReason) -> Network {
    guard frame.byteCount - start >= 40 else { throw .truncated }
    guard frame.byte(start) >> 4 == 6 else { throw .malformed }
    let length = Int(frame.bigEndian16(start + 4))
    let end = length == 0 ? wireEnd : start + 40 + length
    var next = frame.byte(start + 6)
    var offset = start + 40
    var identification: UInt32?
    var isFragment = false
    var headers = 0
    chain: while true {
      let size: Int
      switch next {
      // Hop-by-hop, routing and destination options, mobility, HIP, shim6.
      case 0, 43, 60, 135, 139, 140:
        guard frame.byteCount - offset >= 8 else { throw .truncated }
        size = (Int(frame.byte(offset + 1)) + 1) * 8
      // Authentication (RFC 4302) counts words of four bytes, less two.
      case 51:
        guard frame.byteCount - offset >= 8 else { throw .truncated }
        size = (Int(frame.byte(offset + 1)) + 2) * 4
      case 44:
        guard frame.byteCount - offset >= 8 else { throw .truncated }
        size = 8
        let field = frame.bigEndian16(offset + 2)
        guard field & 0xfff8 == 0 else { throw .laterFragment }
        isFragment = field & 1 != 0
        identification = frame.bigEndian32(offset + 4)
      default:
        break chain
      }
      headers += 1
      guard headers <= maximumExtensionHeaders, end - offset >= size else { throw .malformed }
      next = frame.byte(offset)
      offset += size
    }
    return Network(
      source: IPAddress(high: frame.bigEndian64(start + 8), low: frame.bigEndian64(start + 16)),
      destination: IPAddress(high: frame.bigEndian64(start + 24), low: frame.bigEndian64(start + 32)),
      transport: next, identification: identification, start: offset, end: end, hasNoLength: length == 0,
      isFragment: isFragment)
  }

  @inline(__always)
  private static func transport(
    _ frame: RawSpan, _ ip: Network, _ around: Encapsulation
  ) throws(UndecodableReason) -> DecodedPacket {
    switch ip.transport {
    case 17: return try udp(frame, ip, around)
    case 6: return try tcp(frame, ip, around)
    default: throw .otherProtocol
    }
  }

  /// RFC 768.
  @inline(__always)
  private static func udp(
    _ frame: RawSpan, _ ip: Network, _ around: Encapsulation
  ) throws(UndecodableReason) -> DecodedPacket {
    guard ip.end - ip.start >= 8 else { throw .malformed }
    guard frame.byteCount - ip.start >= 8 else { throw .truncated }
    let stated = Int(frame.bigEndian16(ip.start + 4))
    // A length of 0 stands for "up to the packet's end", where that is not given either (RFC 2675).
    let length = stated == 0 && ip.hasNoLength ? ip.end - ip.start : stated
    guard length >= 8, length <= ip.end - ip.start || ip.isFragment else { throw .malformed }
    let start = ip.start + 8
    let payload = start..<min(frame.byteCount, min(ip.end, ip.start + length))
    let port = frame.bigEndian16(ip.start + 2)
    let packet = DecodedPacket(
      transport: .udp, source: ip.source, destination: ip.destination, sourcePort: frame.bigEndian16(ip.start),
      destinationPort: port, identification: ip.identification, payload: payload, payloadLength: length - 8,
      vlanTags: around.vlanTags, vxlanLayers: around.vxlanLayers, vni: around.vni, message: message(frame, payload))
    if port == 4789 || port == 8472 { return try insideVXLAN(frame, packet) }
    return packet
  }

  /// RFC 9293.
  @inline(__always)
  private static func tcp(
    _ frame: RawSpan, _ ip: Network, _ around: Encapsulation
  ) throws(UndecodableReason) -> DecodedPacket {
    guard ip.end - ip.start >= 20 else { throw .malformed }
    guard frame.byteCount - ip.start >= 20 else { throw .truncated }
    let header = Int(frame.byte(ip.start + 12) >> 4) * 4
    guard header >= 20, header <= ip.end - ip.start else { throw .malformed }
    let start = min(ip.start + header, frame.byteCount)
    let payload = start..<max(start, min(frame.byteCount, ip.end))
    return DecodedPacket(
      transport: .tcp, source: ip.source, destination: ip.destination, sourcePort: frame.bigEndian16(ip.start),
      destinationPort: frame.bigEndian16(ip.start + 2), identification: ip.identification,
      tcpSequence: frame.bigEndian32(ip.start + 4), tcpAcknowledgement: frame.bigEndian32(ip.start + 8),
      tcpFlags: frame.byte(ip.start + 13), payload: payload, payloadLength: ip.end - ip.start - header,
      vlanTags: around.vlanTags, vxlanLayers: around.vxlanLayers, vni: around.vni, message: message(frame, payload))
  }

  /// RFC 7348: 8 bytes, of which the first has the I bit alone and the reserved ones are 0, then an Ethernet frame.
  /// With a group policy, as Linux has it (draft-smith-vxlan-group-policy), there is one more flag and a number behind
  /// it. What only looks like that, and then has a malformed frame in it, is the outer packet.
  @inline(never)
  private static func insideVXLAN(
    _ frame: RawSpan, _ outer: DecodedPacket
  ) throws(UndecodableReason) -> DecodedPacket {
    let start = outer.payload.lowerBound
    guard outer.vxlanLayers < maximumVXLANLayers, outer.payloadLength >= 8 + 14 else { return outer }
    // Up to where a message of ours would show that it is one.
    guard outer.payload.count >= MessageLayout.nonceOffset else { throw .truncated }
    let flags = frame.bigEndian32(start)
    guard flags == 0x0800_0000 || flags >> 24 == 0x88, frame.byte(start + 7) == 0, !isMessage(frame, at: start) else {
      return outer
    }
    do {
      return try ethernet(
        frame, at: start + 8, wireEnd: start + outer.payloadLength, vxlanLayers: outer.vxlanLayers + 1,
        vni: frame.bigEndian32(start + 4) >> 8)
    } catch {
      if error == .malformed { return outer }
      throw error
    }
  }

  /// The header of a message of ours, if the payload begins with one.
  @inline(__always)
  private static func message(_ frame: RawSpan, _ payload: Range<Int>) -> BenchMessage? {
    guard payload.count >= MessageLayout.headerLength else { return nil }
    let start = payload.lowerBound
    guard isMessage(frame, at: start) else { return nil }
    let magic = frame.littleEndian32(start + MessageLayout.magicOffset)
    return BenchMessage(
      sequence: frame.littleEndian64(start + MessageLayout.sequenceOffset),
      nonce: frame.littleEndian64(start + MessageLayout.nonceOffset),
      flow: frame.littleEndian32(start + MessageLayout.flowOffset), isReply: magic == MessageLayout.replyMagic)
  }

  /// Whether the magic number stands where it belongs.
  @inline(__always)
  private static func isMessage(_ frame: RawSpan, at start: Int) -> Bool {
    frame.littleEndian32(start + MessageLayout.magicOffset) | MessageLayout.replyBit == MessageLayout.replyMagic
  }
}
