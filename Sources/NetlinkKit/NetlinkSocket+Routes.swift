internal import CLibnl
internal import Glibc

extension NetlinkSocket {
  /// Waits until packets for `address`, which the namespace has been given, are taken in.
  ///
  /// An IPv4 address works when adding it returns. For an IPv6 address the kernel starts duplicate address detection on a
  /// work queue, also where there is none to be done (IFA_F_NODAD), and only what runs there makes the local route
  /// (`addrconf_dad_work`, net/ipv6/addrconf.c): packets that come before that are dropped. No flag of the address tells.
  ///
  /// Throws ETIMEDOUT if there is no such route within `timeout`: the address is not there, or its link is down.
  public borrowing func waitUntilTaken(_ address: String, timeout: Duration = .seconds(2)) throws(NetlinkError) {
    let operation: StaticString = "wait for local route to"
    let wanted = try ParsedAddress(address, prefixLength: nil, operation, address)
    let deadline = ContinuousClock.now + timeout
    var pause = timespec(tv_sec: 0, tv_nsec: 50_000)
    while try !hasLocalRoute(to: wanted, operation, address) {
      guard ContinuousClock.now < deadline else {
        throw NetlinkError(
          operation: "\(operation)", subject: address, code: ETIMEDOUT,
          explanation: "no link has the address, or it is down")
      }
      nanosleep(&pause, nil)
      pause.tv_nsec = min(pause.tv_nsec * 2, 10_000_000)
    }
  }

  private borrowing func hasLocalRoute(
    to address: borrowing ParsedAddress, _ operation: StaticString, _ subject: String
  ) throws(NetlinkError) -> Bool {
    let family = address.family
    var cache: OpaquePointer?
    defer { if let cache { nl_cache_free(cache) } }
    try request(operation, subject) { socket in
      // A list that changed while it was read is incomplete: read it again.
      while true {
        let code = rtnl_route_alloc_cache(socket, family, 0, &cache)
        if code != -NLE_DUMP_INTR { return code }
      }
    }
    var object = nl_cache_get_first(cache)
    while let route = object {
      object = nl_cache_get_next(route)
      if rtnl_route_get_type(route) == UInt8(RTN_LOCAL), let target = rtnl_route_get_dst(route),
        nl_addr_cmp(target, address.pointer) == 0
      {
        return true
      }
    }
    return false
  }
}
