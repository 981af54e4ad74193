/// What makes a packet the same packet wherever it is seen: 128 bits of a hash over what no hop changes.
///
/// Two packets of some millions share one by accident with a probability of 10⁻²⁵. The hash's key differs from process to
/// process, so that no file can be made that slows the tables down.
struct PacketIdentity: Equatable, Sendable {
  var high: UInt64
  var low: UInt64
}

/// A keyed hash of words, as wyhash folds them (Wang Yi; each step multiplies to 128 bits and folds them to 64).
struct IdentityHash {
  private static let key = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

  private var high: UInt64
  private var low: UInt64

  /// - Parameter domain: what is hashed, so that a flow is never taken for a packet.
  @inline(__always)
  init(key: (UInt64, UInt64), domain: UInt64) {
    // Folded in, not only added: else the next word could undo it.
    high = Self.fold(key.0 ^ domain, 0xa076_1d64_78bd_642f)
    low = Self.fold(key.1 &+ domain, 0x8ebc_6af0_9c88_c6e3)
  }

  /// This process's key.
  static var processKey: (UInt64, UInt64) { key }

  @inline(__always)
  mutating func add(_ word: UInt64) {
    high = Self.fold(high ^ word, 0xa076_1d64_78bd_642f)
    low = Self.fold(low &+ word ^ 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3)
  }

  /// The bytes of `range` in steps of 8, the last of which may overlap the one before.
  @inline(__always)
  mutating func add(_ bytes: RawSpan, _ range: Range<Int>) {
    var offset = range.lowerBound
    while offset + 8 <= range.upperBound {
      add(bytes.littleEndian64(offset))
      offset += 8
    }
    if offset < range.upperBound {
      var word: UInt64 = 0
      for index in offset..<range.upperBound { word = word << 8 | UInt64(bytes.byte(index)) }
      add(word)
    }
  }

  @inline(__always)
  var identity: PacketIdentity {
    PacketIdentity(high: Self.fold(high ^ low.byteSwapped, 0x5899_65cc_7537_4cc3), low: low)
  }

  @inline(__always)
  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }
}

/// A packet as it matters here: when and where it was seen, and what it is.
struct PacketSight {
  enum Kind: UInt8 { case request, reply, other }

  /// Bytes of payload that are compared.
  static let comparedBytes = 64

  var time: Int64 = 0
  var tap = 0
  var kind = Kind.other
  var identity = PacketIdentity(high: 0, low: 0)
  /// A reply's request; the flow, between its two endpoints, of another packet.
  var related = PacketIdentity(high: 0, low: 0)
  /// Whether a second sight at the same place can only be the same packet: it has a number of its own.
  var isDistinct = false
  /// Whether it was sent by the flow's lesser endpoint.
  var isFromLesser = false
  /// A TCP connection's second packet, SYN and ACK: its sender did not send first.
  var isAcceptance = false
  /// Whether fewer payload bytes were captured than are compared.
  var isCutShort = false

  init() {}

  @inline(__always)
  init(_ packet: DecodedPacket, _ frame: RawSpan, key: (UInt64, UInt64)) {
    if let message = packet.message {
      kind = message.isReply ? .reply : .request
      isDistinct = true
      identity = Self.identity(message, isReply: message.isReply, key)
      if message.isReply { related = Self.identity(message, isReply: false, key) }
      return
    }
    let captured = min(packet.payload.count, Self.comparedBytes)
    isCutShort = captured < min(packet.payloadLength, Self.comparedBytes)
    isDistinct = (packet.identification ?? 0) != 0
    isAcceptance = packet.tcpFlags & 0x12 == 0x12

    let identification = UInt64(packet.identification ?? 0)
    var hash = IdentityHash(key: key, domain: UInt64(packet.transport.rawValue))
    hash.add(identification << 32 | UInt64(UInt32(truncatingIfNeeded: packet.payloadLength)))
    if packet.transport == .tcp { hash.add(UInt64(packet.tcpSequence)) }
    if packet.payloadLength > 0 {
      // Addresses and ports are left out: NAT rewrites them.
      hash.add(frame, packet.payload.lowerBound..<packet.payload.lowerBound + captured)
    } else if packet.transport == .tcp {
      hash.add(UInt64(packet.tcpAcknowledgement) << 8 | UInt64(packet.tcpFlags))
    } else {
      // An empty datagram has nothing else.
      Self.add(packet.source, packet.sourcePort, to: &hash)
      Self.add(packet.destination, packet.destinationPort, to: &hash)
    }
    identity = hash.identity

    isFromLesser = Self.isLess(packet)
    var flow = IdentityHash(key: key, domain: 0x100 | UInt64(packet.transport.rawValue))
    if isFromLesser {
      Self.add(packet.source, packet.sourcePort, to: &flow)
      Self.add(packet.destination, packet.destinationPort, to: &flow)
    } else {
      Self.add(packet.destination, packet.destinationPort, to: &flow)
      Self.add(packet.source, packet.sourcePort, to: &flow)
    }
    related = flow.identity
  }

  @inline(__always)
  private static func identity(_ message: BenchMessage, isReply: Bool, _ key: (UInt64, UInt64)) -> PacketIdentity {
    var hash = IdentityHash(key: key, domain: isReply ? 0x300 : 0x200)
    hash.add(message.sequence)
    hash.add(message.nonce)
    hash.add(UInt64(message.flow))
    return hash.identity
  }

  @inline(__always)
  private static func add(_ address: IPAddress, _ port: UInt16, to hash: inout IdentityHash) {
    hash.add(address.high)
    hash.add(address.low)
    hash.add(UInt64(port))
  }

  @inline(__always)
  private static func isLess(_ packet: DecodedPacket) -> Bool {
    let (a, b) = (packet.source, packet.destination)
    if a.high != b.high { return a.high < b.high }
    if a.low != b.low { return a.low < b.low }
    return packet.sourcePort < packet.destinationPort
  }
}
