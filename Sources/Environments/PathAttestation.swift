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
  private static let ipHeader = 20
  private static let udpHeader = 8
  private static let tcpHeader = 32

  static func judge(_ readings: [Reading], traffic: PathTraffic) -> Attestation {
    var hops: [Attestation.Hop] = []
    var failures: [String] = []
    for reading in readings {
      let hop = reading.hop
      let (transmitted, received) = expectation(hop.passage, traffic)
      let name = "\(hop.interface) (\(hop.place.role))"
      hops.append(
        Attestation.Hop(
          namespace: hop.place.role, interface: hop.interface, isDeclared: hop.passage != .none,
          expected: packets(transmitted, traffic, mtu: hop.mtu).least,
          transmitted: reading.growth.txPackets, received: reading.growth.rxPackets))
      for (direction, messages, counted) in [
        ("sent", transmitted, reading.growth.txPackets), ("received", received, reading.growth.rxPackets),
      ] {
        let bounds = packets(messages, traffic, mtu: hop.mtu)
        let most =
          bounds.most + slack + (hop.isShared ? UInt64(Double(bounds.most) * sharedExcess) : 0)
        if counted < bounds.least {
          failures.append("\(name) \(direction) \(counted) packets where the path has at least \(bounds.least)")
        } else if counted > most {
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

  /// The messages that an interface must have transmitted and received.
  private static func expectation(
    _ passage: Passage, _ traffic: PathTraffic
  ) -> (transmitted: UInt64, received: UInt64) {
    switch passage {
    case .loopback: (traffic.requests + traffic.replies, traffic.requests + traffic.replies)
    case .requestsOut: (traffic.requests, traffic.replies)
    case .requestsIn: (traffic.replies, traffic.requests)
    case .none: (0, 0)
    }
  }

  /// How many packets that number of messages makes. UDP makes exactly one per IP fragment. TCP makes at least one per
  /// message (with segmentation offload a whole message counts as one), and at most one per segment and as many
  /// acknowledgements.
  static func packets(_ messages: UInt64, _ traffic: PathTraffic, mtu: Int) -> (least: UInt64, most: UInt64) {
    switch traffic.transport {
    case .udp:
      // All fragments but the last carry a multiple of 8 bytes (RFC 791).
      let perFragment = max(8, (mtu - ipHeader) / 8 * 8)
      let datagram = traffic.size + udpHeader
      let fragments = datagram + ipHeader <= mtu ? 1 : (datagram + perFragment - 1) / perFragment
      return (messages * UInt64(fragments), messages * UInt64(fragments))
    case .tcp:
      let segment = max(1, mtu - ipHeader - tcpHeader)
      let segments = (traffic.size + segment - 1) / segment
      return (messages, messages * UInt64(2 * segments))
    }
  }
}
