/// A network interface as the kernel described it at one moment (rtnetlink(7), RTM_GETLINK).
public struct Link: Sendable, Equatable {
  /// Unique within the namespace only.
  public let index: Int32
  /// At most 15 bytes.
  public let name: String
  /// The driver's name for a virtual link (`veth`, `bridge`, …); nil for `lo` and for hardware.
  public let kind: String?
  /// In bytes.
  public let mtu: Int
  /// Switched on by the administrator (IFF_UP).
  public let isUp: Bool
  /// Up, with a carrier, and able to pass packets (IFF_RUNNING).
  public let isRunning: Bool
  /// Finer than ``isRunning``.
  public let operationalState: OperationalState
  /// Colon-separated hexadecimal, e.g. `02:fc:00:00:00:01`.
  public let hardwareAddress: String
  /// The bridge that the link is a port of.
  public let masterIndex: Int32?
  /// For one end of a veth pair the index of the other end, *in the other end's namespace*.
  public let linkedIndex: Int32?
  /// At the same moment as the rest.
  public let counters: LinkCounters
}

/// RFC 2863's `ifOperStatus`, in the kernel's numbering (`IF_OPER_*`).
public enum OperationalState: UInt8, Sendable {
  /// What drivers report that never say: `lo` among them.
  case unknown
  case notPresent, down, lowerLayerDown, testing, dormant, up
}

/// What passed through a link since it was made (`struct rtnl_link_stats64`).
public struct LinkCounters: Sendable, Equatable {
  /// Packets received.
  public var rxPackets: UInt64
  /// Packets sent.
  public var txPackets: UInt64
  /// Bytes received, link-layer headers included.
  public var rxBytes: UInt64
  /// Bytes sent, link-layer headers included.
  public var txBytes: UInt64
  /// Received, but not processed: no room, or no one wanted them.
  public var rxDropped: UInt64
  /// Not sent for want of room.
  public var txDropped: UInt64
  /// Received broken.
  public var rxErrors: UInt64
  /// Failed to be sent.
  public var txErrors: UInt64

  /// Counters that nothing is said of are 0.
  public init(
    rxPackets: UInt64 = 0, txPackets: UInt64 = 0, rxBytes: UInt64 = 0, txBytes: UInt64 = 0, rxDropped: UInt64 = 0,
    txDropped: UInt64 = 0, rxErrors: UInt64 = 0, txErrors: UInt64 = 0
  ) {
    self.rxPackets = rxPackets
    self.txPackets = txPackets
    self.rxBytes = rxBytes
    self.txBytes = txBytes
    self.rxDropped = rxDropped
    self.txDropped = txDropped
    self.rxErrors = rxErrors
    self.txErrors = txErrors
  }

  /// What passed between two readings of the same link. Wraps as the kernel's counters do.
  public static func - (later: LinkCounters, earlier: LinkCounters) -> LinkCounters {
    LinkCounters(
      rxPackets: later.rxPackets &- earlier.rxPackets, txPackets: later.txPackets &- earlier.txPackets,
      rxBytes: later.rxBytes &- earlier.rxBytes, txBytes: later.txBytes &- earlier.txBytes,
      rxDropped: later.rxDropped &- earlier.rxDropped, txDropped: later.txDropped &- earlier.txDropped,
      rxErrors: later.rxErrors &- earlier.rxErrors, txErrors: later.txErrors &- earlier.txErrors)
  }
}

/// An address on a link.
public struct LinkAddress: Sendable, Hashable, CustomStringConvertible {
  /// IPv4 or IPv6, as inet_ntop(3) writes it.
  public let address: String
  /// In bits.
  public let prefixLength: Int

  /// Takes both as they are.
  public init(address: String, prefixLength: Int) {
    self.address = address
    self.prefixLength = prefixLength
  }

  /// `198.18.0.1/24`
  public var description: String { "\(address)/\(prefixLength)" }
}
