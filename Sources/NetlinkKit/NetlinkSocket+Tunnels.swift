internal import CLibnl
internal import Glibc
public import LinuxKit

/// The other end of a VXLAN tunnel, and what its packets are marked with (RFC 7348).
public struct VxlanTunnelEnds: Sendable, Equatable {
  /// The network's number, 24 bits.
  public var network: UInt32
  /// The underlay's addresses, both IPv4 or both IPv6.
  public var local: String
  public var remote: String
  /// Of UDP; 4789 is IANA's.
  public var port: UInt16

  /// Takes all as they are.
  public init(network: UInt32, local: String, remote: String, port: UInt16 = 4789) {
    self.network = network
    self.local = local
    self.remote = remote
    self.port = port
  }
}

extension NetlinkSocket {
  /// Makes a VXLAN link over `device`, with one other end for everything: it sends there whatever the destination's
  /// hardware address, and learns nothing.
  ///
  /// Throws ``NetlinkError/isUnsupported`` where the kernel has no VXLAN.
  public borrowing func createVxlan(
    _ name: String, ends: VxlanTunnelEnds, over device: String, mtu: Int, up: Bool = true
  ) throws(NetlinkError) {
    let operation: StaticString = "create vxlan link"
    try Self.check(name, for: operation)
    let subject = "\(name) over \(device)"
    let local = try ParsedAddress(ends.local, prefixLength: nil, operation, subject)
    let remote = try ParsedAddress(ends.remote, prefixLength: nil, operation, subject)
    guard local.family == remote.family else {
      throw NetlinkError(
        operation: "\(operation)", subject: subject, code: EINVAL,
        explanation: "\(ends.local) and \(ends.remote) are of two families")
    }
    let below = try index(of: device, for: "look up link")
    let link = try Self.allocated(rtnl_link_vxlan_alloc(), operation, subject)
    defer { rtnl_link_put(link) }
    rtnl_link_set_name(link, name)
    rtnl_link_set_mtu(link, UInt32(clamping: mtu))
    if up { rtnl_link_set_flags(link, IFF_UP.rawValue) }
    try request(operation, subject) { socket in
      for code in [
        rtnl_link_vxlan_set_id(link, ends.network), rtnl_link_vxlan_set_link(link, UInt32(below)),
        rtnl_link_vxlan_set_local(link, local.pointer), rtnl_link_vxlan_set_group(link, remote.pointer),
        rtnl_link_vxlan_set_port(link, UInt32(ends.port)), rtnl_link_vxlan_disable_learning(link),
      ] where code < 0 { return code }
      return rtnl_link_add(socket, link, NLM_F_CREATE | NLM_F_EXCL)
    }
  }

  /// Makes a macvlan link in bridge mode on `parent`, which must be in the socket's namespace: it shares the parent's
  /// wire under a hardware address of its own, and reaches the parent's other links of this kind directly. It is born
  /// down, in `namespace` (nil means the socket's own).
  ///
  /// Throws ``NetlinkError/isUnsupported`` where the kernel has no macvlan.
  public borrowing func createMacvlan(
    _ name: String, on parent: String, in namespace: NetworkNamespace? = nil
  ) throws(NetlinkError) {
    let operation: StaticString = "create macvlan link"
    try Self.check(name, for: operation)
    let subject = "\(name) on \(parent)"
    let home = try Self.descriptor(of: namespace, for: operation, subject)
    let below = try index(of: parent, for: "look up link")
    let link = try Self.allocated(rtnl_link_macvlan_alloc(), operation, subject)
    defer { rtnl_link_put(link) }
    rtnl_link_set_name(link, name)
    rtnl_link_set_link(link, below)
    if let number = Self.number(of: home) { rtnl_link_set_ns_fd(link, number) }
    try request(operation, subject) { socket in
      let code = rtnl_link_macvlan_set_mode(link, UInt32(bitPattern: rtnl_link_macvlan_str2mode("bridge")))
      return code < 0 ? code : rtnl_link_add(socket, link, NLM_F_CREATE | NLM_F_EXCL)
    }
    // The kernel has looked: the descriptor may close.
    extendLifetime(home)
  }
}
