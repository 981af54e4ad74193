internal import CLibnl
internal import Glibc

extension NetlinkSocket {
  /// Gives `name` an IPv4 or IPv6 address. An IPv6 address is usable at once: the namespaces are the run's own, so
  /// there is nobody to collide with and duplicate address detection (RFC 4862) would only cost a second.
  public borrowing func addAddress(
    _ address: String, prefixLength: Int, to name: String
  ) throws(NetlinkError) {
    let operation: StaticString = "add address"
    let subject = "\(address)/\(prefixLength) to \(name)"
    let parsed = try ParsedAddress(address, prefixLength: prefixLength, operation, subject)
    let index = try linkIndex(name, operation, subject)
    let entry = try Self.allocated(rtnl_addr_alloc(), operation, subject)
    defer { rtnl_addr_put(entry) }
    rtnl_addr_set_ifindex(entry, index)
    if parsed.family == AF_INET6 { rtnl_addr_set_flags(entry, UInt32(IFA_F_NODAD)) }
    // Also sets family and prefix length.
    try request(operation, subject) { socket in
      let code = rtnl_addr_set_local(entry, parsed.pointer)
      return code < 0 ? code : rtnl_addr_add(socket, entry, NLM_F_CREATE | NLM_F_EXCL)
    }
  }

  /// The addresses of `name`, IPv4 before IPv6, in the kernel's order.
  public borrowing func addresses(of name: String) throws(NetlinkError) -> [LinkAddress] {
    let index = try linkIndex(name, "list addresses of", name)
    var cache: OpaquePointer?
    defer { if let cache { nl_cache_free(cache) } }
    try request("list addresses of", name) { socket in
      while true {
        let code = rtnl_addr_alloc_cache(socket, &cache)
        if code != -NLE_DUMP_INTR { return code }
      }
    }
    var addresses: [(family: Int32, LinkAddress)] = []
    var object = nl_cache_get_first(cache)
    while let entry = object {
      object = nl_cache_get_next(entry)
      guard rtnl_addr_get_ifindex(entry) == index, let local = rtnl_addr_get_local(entry) else { continue }
      let address = LinkAddress(
        address: String(text(of: local).prefix { $0 != "/" }), prefixLength: Int(rtnl_addr_get_prefixlen(entry)))
      addresses.append((rtnl_addr_get_family(entry), address))
    }
    return addresses.filter { $0.family == AF_INET }.map(\.1) + addresses.filter { $0.family == AF_INET6 }.map(\.1)
  }

  /// Sends what is meant for `destination` to `gateway`, or straight out of `device`, or to a gateway that is reached
  /// through `device`. The default route is `0.0.0.0` or `::` with prefix length 0.
  public borrowing func addRoute(
    destination: String, prefixLength: Int, gateway: String? = nil, device: String? = nil
  ) throws(NetlinkError) {
    let operation: StaticString = "add route"
    let way = [gateway.map { "via \($0)" }, device.map { "dev \($0)" }].compactMap(\.self).joined(separator: " ")
    let subject = "\(destination)/\(prefixLength) \(way)"
    guard gateway != nil || device != nil else {
      throw NetlinkError(
        operation: "\(operation)", subject: subject, code: EINVAL, explanation: "needs a gateway or a device")
    }
    let target = try ParsedAddress(destination, prefixLength: prefixLength, operation, subject)
    let route = try Self.allocated(rtnl_route_alloc(), operation, subject)
    defer { rtnl_route_put(route) }
    let hop = try Self.allocated(rtnl_route_nh_alloc(), operation, subject)
    // The route owns the hop from here on.
    rtnl_route_add_nexthop(route, hop)
    if let device { rtnl_route_nh_set_ifindex(hop, try linkIndex(device, operation, subject)) }
    if let gateway {
      let parsed = try ParsedAddress(gateway, prefixLength: nil, operation, subject)
      rtnl_route_nh_set_gateway(hop, parsed.pointer)
    }
    try request(operation, subject) { socket in
      var code = rtnl_route_set_family(route, UInt8(target.family))
      if code >= 0 { code = rtnl_route_set_dst(route, target.pointer) }
      return code < 0 ? code : rtnl_route_add(socket, route, NLM_F_CREATE | NLM_F_EXCL)
    }
  }

  /// Tells `name` the hardware address of a neighbour for good (NUD_PERMANENT), so that no ARP or neighbour
  /// discovery packet passes while something is measured.
  public borrowing func addNeighbor(
    _ address: String, hardwareAddress: String, on name: String
  ) throws(NetlinkError) {
    let operation: StaticString = "add neighbour"
    let subject = "\(address) at \(hardwareAddress) on \(name)"
    let parsed = try ParsedAddress(address, prefixLength: nil, operation, subject)
    let hardware = try ParsedAddress(hardwareAddress, family: AF_LLC, operation, subject)
    let neighbour = try Self.allocated(rtnl_neigh_alloc(), operation, subject)
    defer { rtnl_neigh_put(neighbour) }
    rtnl_neigh_set_ifindex(neighbour, try linkIndex(name, operation, subject))
    rtnl_neigh_set_state(neighbour, NUD_PERMANENT)
    rtnl_neigh_set_lladdr(neighbour, hardware.pointer)
    try request(operation, subject) { socket in
      let code = rtnl_neigh_set_dst(neighbour, parsed.pointer)
      return code < 0 ? code : rtnl_neigh_add(socket, neighbour, NLM_F_CREATE | NLM_F_REPLACE)
    }
  }

  /// A missing link is told as what was asked, not as a look-up that nobody asked for.
  private borrowing func linkIndex(
    _ name: String, _ operation: StaticString, _ subject: String
  ) throws(NetlinkError) -> Int32 {
    do { return try index(of: name, for: operation) } catch {
      throw NetlinkError(
        operation: "\(operation)", subject: subject, code: error.code,
        explanation: error.isMissing ? "no link \(name)" : nil)
    }
  }
}

/// An owned `struct nl_addr *`.
struct ParsedAddress: ~Copyable {
  let pointer: OpaquePointer

  /// An IP address; without a prefix length it is the host's alone.
  init(_ text: String, prefixLength: Int?, _ operation: StaticString, _ subject: String) throws(NetlinkError) {
    var ipv4 = in_addr()
    var ipv6 = in6_addr()
    let bits =
      if inet_pton(AF_INET, text, &ipv4) == 1 { 32 } else if inet_pton(AF_INET6, text, &ipv6) == 1 { 128 } else { 0 }
    guard bits > 0 else {
      throw NetlinkError(
        operation: "\(operation)", subject: subject, code: EINVAL, explanation: "\(text) is not an IP address")
    }
    guard (0...bits).contains(prefixLength ?? bits) else {
      throw NetlinkError(
        operation: "\(operation)", subject: subject, code: EINVAL, explanation: "the prefix length is 0 to \(bits)")
    }
    try self.init(text, family: bits == 32 ? AF_INET : AF_INET6, operation, subject)
    nl_addr_set_prefixlen(pointer, Int32(prefixLength ?? bits))
  }

  init(_ text: String, family: Int32, _ operation: StaticString, _ subject: String) throws(NetlinkError) {
    var parsed: OpaquePointer?
    guard nl_addr_parse(text, family, &parsed) >= 0, let parsed else {
      throw NetlinkError(
        operation: "\(operation)", subject: subject, code: EINVAL,
        explanation: "\(text) is not \(family == AF_LLC ? "a hardware address" : "an IP address")")
    }
    pointer = parsed
  }

  deinit { nl_addr_put(pointer) }

  var family: Int32 { nl_addr_get_family(pointer) }
}

/// `address` is a `struct nl_addr *`, which stays the caller's.
func text(of address: OpaquePointer) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
    String(cString: nl_addr2str(address, buffer.baseAddress, buffer.count))
  }
}
