/// The link-layer header that a frame begins with (https://www.tcpdump.org/linktypes.html).
public enum LinkType: Sendable, Equatable {
  /// LINKTYPE_NULL and LINKTYPE_LOOP: an address family of 4 bytes, in the byte order of the
  /// capturing host or big-endian.
  case null, loop
  case ethernet
  /// Raw IP, without any header.
  case raw
  /// LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2: "cooked" captures, as of the device `any`.
  case linuxCooked, linuxCooked2
  case unknown(UInt32)

  /// - Parameter number: LINKTYPE_ value of a capture file.
  public init(number: UInt32) {
    switch number {
    case 0: self = .null
    case 1: self = .ethernet
    // 12 and 14 are what some systems' DLT_RAW is, and stand in old files.
    case 12, 14, 101: self = .raw
    case 108: self = .loop
    case 113: self = .linuxCooked
    case 276: self = .linuxCooked2
    default: self = .unknown(number)
    }
  }

  /// The LINKTYPE_ value that stands in a capture file.
  public var number: UInt32 {
    switch self {
    case .null: 0
    case .ethernet: 1
    case .raw: 101
    case .loop: 108
    case .linuxCooked: 113
    case .linuxCooked2: 276
    case .unknown(let number): number
    }
  }
}

/// An IP address, v4 or v6, as 16 bytes (v4 is mapped: ::ffff:a.b.c.d).
public struct IPAddress: Sendable, Hashable {
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  public init(v4: UInt32) { self.init(high: 0, low: 0xffff_0000_0000 | UInt64(v4)) }

  public var isV4: Bool { high == 0 && low >> 32 == 0xffff }
}

/// What a message of the network workloads says about itself (``WorkerProtocol/MessageLayout``).
public struct BenchMessage: Sendable, Hashable {
  public var sequence: UInt64
  public var nonce: UInt64
  public var flow: UInt32
  public var isReply: Bool

  public init(sequence: UInt64, nonce: UInt64, flow: UInt32, isReply: Bool) {
    self.sequence = sequence
    self.nonce = nonce
    self.flow = flow
    self.isReply = isReply
  }
}

/// What a frame turned out to be: its innermost UDP or TCP packet.
public struct DecodedPacket: Sendable, Equatable {
  public enum Transport: UInt8, Sendable { case udp = 17, tcp = 6 }

  public var transport: Transport
  public var source: IPAddress
  public var destination: IPAddress
  public var sourcePort: UInt16
  public var destinationPort: UInt16
  /// IPv4's identification, or that of IPv6's fragment header; nil where there is none.
  public var identification: UInt32?
  /// TCP's sequence and acknowledgement numbers; 0 for UDP.
  public var tcpSequence: UInt32
  public var tcpAcknowledgement: UInt32
  /// TCP's flags byte; 0 for UDP.
  public var tcpFlags: UInt8
  /// Where the transport's payload lies in the frame: as much of it as was captured.
  public var payload: Range<Int>
  /// Bytes of payload on the wire, by the lengths in the headers (padding of short Ethernet frames is not in it). Of a
  /// datagram's first fragment: of the whole datagram for UDP, of the fragment for TCP.
  public var payloadLength: Int
  /// VLAN tags in front of the innermost IP header's frame, and VXLAN headers around it.
  public var vlanTags: Int
  public var vxlanLayers: Int
  /// The network identifier of the innermost VXLAN header.
  public var vni: UInt32?
  /// The payload's header if it is one of ours.
  public var message: BenchMessage?

  public init(
    transport: Transport, source: IPAddress, destination: IPAddress, sourcePort: UInt16, destinationPort: UInt16,
    identification: UInt32? = nil, tcpSequence: UInt32 = 0, tcpAcknowledgement: UInt32 = 0, tcpFlags: UInt8 = 0,
    payload: Range<Int>, payloadLength: Int, vlanTags: Int = 0, vxlanLayers: Int = 0, vni: UInt32? = nil,
    message: BenchMessage? = nil
  ) {
    self.transport = transport
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.identification = identification
    self.tcpSequence = tcpSequence
    self.tcpAcknowledgement = tcpAcknowledgement
    self.tcpFlags = tcpFlags
    self.payload = payload
    self.payloadLength = payloadLength
    self.vlanTags = vlanTags
    self.vxlanLayers = vxlanLayers
    self.vni = vni
    self.message = message
  }
}

/// Why a frame is not a packet that can be matched.
public enum UndecodableReason: String, Error, CaseIterable {
  case unknownLinkType = "unknown link type"
  case truncated = "cut short within its headers"
  case notIP = "not IP"
  case otherProtocol = "neither UDP nor TCP"
  /// A fragment that is not a datagram's first: it has no transport header.
  case laterFragment = "a later fragment"
  case malformed = "malformed headers"
}
