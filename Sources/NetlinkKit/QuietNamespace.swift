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

  /// Keeps the packets of bridges in this namespace from iptables, ip6tables and arptables. Since Linux 5.3 each
  /// namespace has these switches for itself, and starts with all of them on.
  public func disableBridgeNetfilter() throws(SystemError) {
    try run { () throws(SystemError) in
      for table in ["iptables", "ip6tables", "arptables"] {
        // Without br_netfilter there is no such file, and nothing to switch off.
        do throws(SystemError) {
          try SmallFile.write("0", to: "/proc/sys/net/bridge/bridge-nf-call-\(table)")
        } catch  where error.isMissing {}
      }
    }
  }
}
