internal import Model
internal import NetlinkKit

/// Proof, from interface counters, that packets took the path that their environment declares.
///
/// A benchmark that believes its own set-up can measure something else for years: a job named after one network stack
/// that in fact ran over another is a known case.
enum PathAttestation {
  struct Reading {
    let hop: PathInterface
    let growth: LinkCounters
  }

  /// Packets that may pass an interface of ours besides the messages: a neighbour re-confirmed by ARP, a delayed
  /// acknowledgement of the warm-up.
  private static let slack: UInt64 = 16
  /// The part by which the traffic of an interface that others use, too, may exceed ours before it counts as
  /// disturbed.
  private static let sharedExcess = 0.10
  private static let udpHeader = 8
  /// With the time stamps that Linux puts into each segment.
  private static let tcpHeader = 32
  /// IPv6's fragment header (RFC 8200, 4.5).
  private static let fragmentHeader = 8
  /// The largest packet that segmentation offload makes (GSO_MAX_SIZE of linux/netdevice.h). By default it is an eighth
  /// of that; the rest is for what still lay in a socket when a window ended.
  private static let largestPacket: UInt64 = 524_280
  /// Packets by which a TCP connection is made and closed, at the most, besides what carries and acknowledges messages:
  /// SYN, acknowledgement, FIN (or RST), acknowledgement of the other's FIN; and SYN, FIN, acknowledgement.
  private static let clientsHandshake: UInt64 = 4
  private static let serversHandshake: UInt64 = 3

  /// - Parameter knowsMost: whether it is known how many packets the traffic makes at the most. If not, interfaces that are
  ///   not on the path must stay silent all the same.
  static func judge(_ readings: [Reading], traffic: PathTraffic, knowsMost: Bool = true) -> Attestation {
    var hops: [Attestation.Hop] = []
    var failures: [String] = []
    for reading in readings {
      let hop = reading.hop
      let (transmitted, received) = expectation(hop, traffic)
      let name = "\(hop.interface) (\(hop.place.role))"
      hops.append(
        Attestation.Hop(
          namespace: hop.place.role, interface: hop.interface, isDeclared: hop.passage != .none,
          expected: transmitted.least, transmitted: reading.growth.txPackets, received: reading.growth.rxPackets))
      for (direction, bounds, counted) in [
        ("sent", transmitted, reading.growth.txPackets), ("received", received, reading.growth.rxPackets),
      ] {
        let most =
          bounds.most + slack + (hop.isShared ? UInt64(Double(bounds.most) * sharedExcess) : 0)
        if counted < bounds.least {
          failures.append("\(name) \(direction) \(counted) packets where the path has at least \(bounds.least)")
        } else if counted > most && (knowsMost || hop.passage == .none) {
          failures.append(
            hop.passage == .none
              ? "\(name) \(direction) \(counted) packets, but is not on the path"
              : "\(name) \(direction) \(counted) packets where the path has at most \(bounds.most): others used it, too"
          )
        }
      }
    }
    return Attestation(hops: hops, failures: failures)
  }

  /// How many packets are sure, and how many there can be.
  struct Bounds: Equatable {
    var least: UInt64
    var most: UInt64

    static func + (one: Bounds, other: Bounds) -> Bounds {
      Bounds(least: one.least + other.least, most: one.most + other.most)
    }
  }

  /// The packets that an interface must have transmitted and received.
  private static func expectation(_ hop: PathInterface, _ traffic: PathTraffic) -> (
    transmitted: Bounds, received: Bounds
  ) {
    let client = packets(from: .client, traffic, mtu: hop.mtu)
    let server = packets(from: .server, traffic, mtu: hop.mtu)
    return switch hop.passage {
    case .loopback: (client + server, client + server)
    case .requestsOut: (client, server)
    case .requestsIn: (server, client)
    case .none: (Bounds(least: 0, most: 0), Bounds(least: 0, most: 0))
    }
  }

  enum Side { case client, server }

  /// How many packets one side's part of the traffic makes.
  ///
  /// UDP makes exactly one per IP fragment. TCP makes at least one per message (with segmentation offload a whole
  /// message counts as one), and at most one per segment and one acknowledgement for each of the other side's; where
  /// messages may share packets, only their bytes are sure. The packets of a connection's making are not: behind a proxy
  /// that keeps its connections there are none.
  static func packets(from side: Side, _ traffic: PathTraffic, mtu: Int) -> Bounds {
    let requests = (count: traffic.requests, size: traffic.size)
    let replies = (count: traffic.replies, size: traffic.replySize)
    let (own, other) = side == .client ? (requests, replies) : (replies, requests)
    switch traffic.transport {
    case .udp:
      let count = own.count * UInt64(fragments(ofDatagram: own.size, traffic.family, mtu: mtu))
      return Bounds(least: count, most: count)
    case .tcp:
      let segment = max(1, mtu - traffic.family.headerLength - tcpHeader)
      func segments(_ messages: (count: UInt64, size: Int)) -> UInt64 {
        messages.count * UInt64((messages.size + segment - 1) / segment)
      }
      let handshakes = traffic.connections * (side == .client ? clientsHandshake : serversHandshake)
      return Bounds(
        least: traffic.isBulk ? sure(own, other) : own.count, most: segments(own) + segments(other) + handshakes)
    }
  }

  /// The packets without which bulk traffic cannot be: its bytes' own, or an acknowledgement of the other side's.
  private static func sure(_ own: (count: UInt64, size: Int), _ other: (count: UInt64, size: Int)) -> UInt64 {
    own.count + other.count == 0 ? 0 : max(1, own.count * UInt64(own.size) / largestPacket)
  }

  /// All fragments but the last carry a multiple of 8 bytes (RFC 791; RFC 8200, 4.5).
  private static func fragments(ofDatagram size: Int, _ family: AddressFamily, mtu: Int) -> Int {
    let datagram = size + udpHeader
    if datagram + family.headerLength <= mtu { return 1 }
    let header = family.headerLength + (family == .ipv6 ? fragmentHeader : 0)
    let each = max(8, (mtu - header) / 8 * 8)
    return (datagram + each - 1) / each
  }
}

extension AddressFamily {
  /// Of an IP packet without options, in bytes.
  var headerLength: Int {
    switch self {
    case .ipv4: 20
    case .ipv6: 40
    }
  }
}
