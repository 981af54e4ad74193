public import LinuxKit

extension NetworkNamespace {
  /// Makes the namespace a router: it passes on packets that are not for itself. A fresh namespace does not.
  ///
  /// Best done before links are made: they copy what holds for the namespace.
  public func enableForwarding(ipv6: Bool) throws(SystemError) {
    try run { () throws(SystemError) in
      // /proc/sys/net shows each thread its own namespace; the host's switch is another file.
      try SmallFile.write("1", to: ipv6 ? "/proc/sys/net/ipv6/conf/all/forwarding" : "/proc/sys/net/ipv4/ip_forward")
    }
  }

  /// How long connection tracking keeps a TCP connection of this namespace that was reset, in seconds (nf_conntrack's
  /// `nf_conntrack_tcp_timeout_close`, 10 s by default).
  ///
  /// ENOENT where the kernel has no connection tracking, or has not loaded it yet: rules that need it do so.
  public func setConntrackCloseTimeout(seconds: Int) throws(SystemError) {
    try run { () throws(SystemError) in
      try SmallFile.write("\(seconds)", to: "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close")
    }
  }
}
