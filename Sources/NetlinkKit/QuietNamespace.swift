internal import Glibc
public import LinuxKit

extension NetworkNamespace {
  /// Switches IPv6 off for every link that the namespace has or gets, as container engines do for theirs unless told
  /// otherwise.
  ///
  /// With it on, each link that comes up solicits routers, reports its multicast groups and looks for duplicates of
  /// its address for many seconds: packets that nobody sent, within the window that is measured.
  public func disableIPv6() throws(SystemError) {
    try run { () throws(SystemError) in try Self.disableIPv6OfThread() }
  }

  /// For the namespace that the calling thread is in: /proc/sys/net shows each thread its own.
  static func disableIPv6OfThread() throws(SystemError) {
    // A kernel booted with ipv6.disable=1 has no such files: it is quiet already.
    do throws(SystemError) {
      // `default` is what new links copy; `all` changes those that exist.
      try SmallFile.write("1", to: "/proc/sys/net/ipv6/conf/default/disable_ipv6")
      try SmallFile.write("1", to: "/proc/sys/net/ipv6/conf/all/disable_ipv6")
    } catch {
      guard error.isMissing else { throw error }
    }
  }

  /// Switches IPv6 on for every link that the namespace gets, and what it says by itself off: no link-local address, no
  /// question for routers, no answer to them, no look for duplicates of its addresses. Best done before links are made:
  /// they copy what holds for the namespace.
  ///
  /// What is left are reports of multicast groups (RFC 3810), two or three when a link gets its address. The kernel
  /// spreads them over a second, to spare routers; here it sends them at once, so that they are over before anything is
  /// measured.
  ///
  /// Throws EAFNOSUPPORT if the kernel has no IPv6.
  public func quietIPv6() throws(SystemError) {
    try run { () throws(SystemError) in try Self.quietIPv6OfThread() }
  }

  /// For the namespace that the calling thread is in.
  static func quietIPv6OfThread() throws(SystemError) {
    do throws(SystemError) {
      for (name, value) in quietIPv6 { try SmallFile.write(value, to: "/proc/sys/net/ipv6/conf/default/\(name)") }
      // The loopback is there already.
      try SmallFile.write("0", to: "/proc/sys/net/ipv6/conf/all/disable_ipv6")
    } catch {
      guard error.isMissing else { throw error }
      throw SystemError(call: "switch on IPv6", subject: error.subject, code: EAFNOSUPPORT)
    }
  }

  /// Documentation/networking/ip-sysctl.rst.
  private static let quietIPv6 = [
    ("disable_ipv6", "0"), ("accept_ra", "0"), ("autoconf", "0"), ("router_solicitations", "0"), ("accept_dad", "0"),
    ("dad_transmits", "0"),
    // IN6_ADDR_GEN_MODE_NONE of linux/if_link.h.
    ("addr_gen_mode", "1"),
    // In ms; 0 is no delay but a random one.
    ("mldv1_unsolicited_report_interval", "1"), ("mldv2_unsolicited_report_interval", "1"),
  ]

  /// Keeps the packets of bridges in this namespace from iptables, ip6tables and arptables. Since Linux 5.3 each
  /// namespace has these switches for itself, and starts with all of them on.
  public func disableBridgeNetfilter() throws(SystemError) {
    // Without br_netfilter there is no such file, and nothing to switch off.
    do throws(SystemError) { try setBridgeNetfilter("0") } catch  where error.isMissing {}
  }

  /// Has iptables, ip6tables and arptables, and nft's chains of these families, look at the packets of bridges in this
  /// namespace, as on a host that has loaded br_netfilter and left it as it is.
  ///
  /// Throws ENOENT where the kernel has no br_netfilter, or, before Linux 5.3, one switch for all namespaces: that is
  /// only to be seen in the host's own, and nobody's to change.
  public func enableBridgeNetfilter() throws(SystemError) { try setBridgeNetfilter("1") }

  private func setBridgeNetfilter(_ value: String) throws(SystemError) {
    try run { () throws(SystemError) in
      for table in ["iptables", "ip6tables", "arptables"] {
        try SmallFile.write(value, to: "/proc/sys/net/bridge/bridge-nf-call-\(table)")
      }
    }
  }
}
