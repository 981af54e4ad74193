internal import CLibnl
internal import Glibc
public import LinuxKit

extension NetlinkSocket {
  /// All links of the namespace, in ascending order of index.
  public borrowing func links() throws(NetlinkError) -> [Link] {
    var cache: OpaquePointer?
    defer { if let cache { nl_cache_free(cache) } }
    try request("list", "links") { socket in
      // A list that changed while it was read is incomplete: read it again.
      while true {
        let code = rtnl_link_alloc_cache(socket, AF_UNSPEC, &cache)
        if code != -NLE_DUMP_INTR { return code }
      }
    }
    var links: [Link] = []
    var object = nl_cache_get_first(cache)
    while let link = object {
      links.append(Link(reading: link))
      object = nl_cache_get_next(link)
    }
    return links.sorted { $0.index < $1.index }
  }

  /// The link called `name`, or nil if there is none.
  public borrowing func link(named name: String) throws(NetlinkError) -> Link? {
    do { return try describe(name, for: "look up link") } catch {
      guard error.isMissing else { throw error }
      return nil
    }
  }

  /// What passed through `name` so far.
  public borrowing func counters(of name: String) throws(NetlinkError) -> LinkCounters {
    try describe(name, for: "read counters of").counters
  }

  /// Makes a veth pair: two links, each of which receives what the other sends. One request creates both ends in
  /// their namespaces (nil means the socket's own), so that no name is ever visible where it does not belong.
  ///
  /// With `up`, the first end is born up, and as a port of the bridge with index `bridgeIndex` (in the first end's
  /// namespace) if one is given. The kernel refuses to create the peer up, as it has no partner yet at that moment
  /// (ENOTCONN): a peer in the socket's own namespace is raised by a second request, one elsewhere stays down until
  /// ``setUp(_:)`` on a socket of its namespace. Then both get their carrier: see ``waitUntilRunning(_:timeout:)``.
  public borrowing func createVethPair(
    _ name: String, in namespace: NetworkNamespace? = nil, peer: String, peerIn peerNamespace: NetworkNamespace? = nil,
    mtu: Int? = nil, bridgeIndex: Int32? = nil, up: Bool = true
  ) throws(NetlinkError) {
    let operation: StaticString = "create veth pair"
    let subject = "\(name)/\(peer)"
    try Self.check(name, for: operation)
    try Self.check(peer, for: operation)
    let home = try Self.descriptor(of: namespace, for: operation, subject)
    let away = try Self.descriptor(of: peerNamespace, for: operation, subject)
    let link = try Self.allocated(rtnl_link_veth_alloc(), operation, subject)
    defer { rtnl_link_put(link) }
    let other = try Self.allocated(rtnl_link_veth_get_peer(link), operation, subject)
    defer { rtnl_link_put(other) }

    rtnl_link_set_name(link, name)
    rtnl_link_set_name(other, peer)
    if let number = Self.number(of: home) { rtnl_link_set_ns_fd(link, number) }
    if let number = Self.number(of: away) { rtnl_link_set_ns_fd(other, number) }
    if let mtu {
      rtnl_link_set_mtu(link, UInt32(clamping: mtu))
      rtnl_link_set_mtu(other, UInt32(clamping: mtu))
    }
    if let bridgeIndex { rtnl_link_set_master(link, bridgeIndex) }
    if up { rtnl_link_set_flags(link, IFF_UP.rawValue) }
    try request(operation, subject) { rtnl_link_add($0, link, NLM_F_CREATE | NLM_F_EXCL) }
    // The kernel has looked: the descriptors may close.
    extendLifetime(home)
    extendLifetime(away)
    if up && peerNamespace == nil { try setUp(peer) }
  }

  /// Makes a learning bridge without spanning tree: a port forwards as soon as it has its carrier. Returns its index.
  @discardableResult
  public borrowing func createBridge(_ name: String, up: Bool = true, mtu: Int? = nil) throws(NetlinkError) -> Int32 {
    try Self.check(name, for: "create bridge")
    let bridge = try Self.allocated(rtnl_link_bridge_alloc(), "create bridge", name)
    defer { rtnl_link_put(bridge) }
    rtnl_link_set_name(bridge, name)
    if let mtu { rtnl_link_set_mtu(bridge, UInt32(clamping: mtu)) }
    if up { rtnl_link_set_flags(bridge, IFF_UP.rawValue) }
    try request("create bridge", name) { rtnl_link_add($0, bridge, NLM_F_CREATE | NLM_F_EXCL) }
    return try index(of: name, for: "create bridge")
  }

  /// Switches the link on. It passes packets once it has its carrier: see ``waitUntilRunning(_:timeout:)``.
  public borrowing func setUp(_ name: String) throws(NetlinkError) {
    try change(name, for: "set up") { rtnl_link_set_flags($0, IFF_UP.rawValue) }
  }

  /// Switches the link off; the other end of a veth pair loses its carrier.
  public borrowing func setDown(_ name: String) throws(NetlinkError) {
    try change(name, for: "set down") { rtnl_link_unset_flags($0, IFF_UP.rawValue) }
  }

  /// In bytes.
  public borrowing func setMTU(_ mtu: Int, of name: String) throws(NetlinkError) {
    try change(name, for: "set mtu of") { rtnl_link_set_mtu($0, UInt32(clamping: mtu)) }
  }

  /// Makes `name` a port of `bridge`; nil takes it out of the bridge that it is in.
  public borrowing func setMaster(_ name: String, bridge: String?) throws(NetlinkError) {
    var master: Int32 = 0
    if let bridge { master = try index(of: bridge, for: "look up bridge") }
    try change(name, for: "set master of") { rtnl_link_set_master($0, master) }
  }

  /// Removes a link; with one end of a veth pair the other end goes too, in whichever namespace it is. When this
  /// returns, neither can be seen.
  public borrowing func delete(_ name: String) throws(NetlinkError) {
    try Self.check(name, for: "delete link")
    let link = try Self.allocated(rtnl_link_alloc(), "delete link", name)
    defer { rtnl_link_put(link) }
    rtnl_link_set_name(link, name)
    try request("delete link", name) { rtnl_link_delete($0, link) }
  }

  /// Waits until `name` passes packets. After ``setUp(_:)`` of both ends the kernel still has to notice the carrier
  /// and to attach the queue; until then it drops what is sent.
  ///
  /// Throws ETIMEDOUT if that did not happen within `timeout`: the other end is missing or down.
  public borrowing func waitUntilRunning(_ name: String, timeout: Duration = .seconds(2)) throws(NetlinkError) {
    let deadline = ContinuousClock.now + timeout
    // The kernels since 6.8 look at the carrier when asked; for older ones ask again, less and less often.
    var pause = timespec(tv_sec: 0, tv_nsec: 50_000)
    while true {
      let link = try describe(name, for: "wait for carrier of")
      if link.isRunning && (link.operationalState == .up || link.operationalState == .unknown) { return }
      guard ContinuousClock.now < deadline else {
        throw NetlinkError(
          operation: "wait for carrier of", subject: name, code: ETIMEDOUT,
          explanation: link.isUp ? "its other end is missing or down" : "it is down")
      }
      nanosleep(&pause, nil)
      pause.tv_nsec = min(pause.tv_nsec * 2, 10_000_000)
    }
  }

  // MARK: - Shared steps

  /// One RTM_GETLINK by name.
  private borrowing func describe(_ name: String, for operation: StaticString) throws(NetlinkError) -> Link {
    try Self.check(name, for: operation)
    var found: OpaquePointer?
    try request(operation, name) { rtnl_link_get_kernel($0, 0, name, &found) }
    let link = try Self.allocated(found, operation, name)
    defer { rtnl_link_put(link) }
    return Link(reading: link)
  }

  borrowing func index(of name: String, for operation: StaticString) throws(NetlinkError) -> Int32 {
    try describe(name, for: operation).index
  }

  private borrowing func change(
    _ name: String, for operation: StaticString, _ edit: (OpaquePointer) -> Void
  ) throws(NetlinkError) {
    try Self.check(name, for: operation)
    let original = try Self.allocated(rtnl_link_alloc(), operation, name)
    defer { rtnl_link_put(original) }
    let changes = try Self.allocated(rtnl_link_alloc(), operation, name)
    defer { rtnl_link_put(changes) }
    // The kernel finds the link by this name: no look-up of ours comes first.
    rtnl_link_set_name(changes, name)
    edit(changes)
    try request(operation, name) { rtnl_link_change($0, original, changes, 0) }
  }

  /// IFNAMSIZ less the terminating zero.
  private static var longestName: Int { 15 }

  /// libnl would cut a long name short, and so change another link than was meant.
  static func check(_ name: String, for operation: StaticString) throws(NetlinkError) {
    guard (1...longestName).contains(name.utf8.count) else {
      throw NetlinkError(
        operation: "\(operation)", subject: name, code: name.isEmpty ? EINVAL : ENAMETOOLONG,
        explanation: "the name of a link has 1 to \(longestName) bytes")
    }
  }

  static func descriptor(
    of namespace: NetworkNamespace?, for operation: StaticString, _ subject: String
  ) throws(NetlinkError) -> Descriptor? {
    guard let namespace else { return nil }
    do { return try namespace.descriptor() } catch {
      throw NetlinkError(
        operation: "\(operation)", subject: subject, code: error.code, explanation: "namespace \(namespace.name)")
    }
  }

  /// `descriptor?.rawValue` would consume, and so close.
  static func number(of descriptor: borrowing Descriptor?) -> Int32? {
    switch descriptor {
    case .some(let open): open.rawValue
    case .none: nil
    }
  }

  static func allocated(
    _ object: OpaquePointer?, _ operation: StaticString, _ subject: String
  ) throws(NetlinkError) -> OpaquePointer {
    guard let object else { throw NetlinkError(operation: "\(operation)", subject: subject, code: ENOMEM) }
    return object
  }
}

extension Link {
  /// `link` is a `struct rtnl_link *`.
  fileprivate init(reading link: OpaquePointer) {
    let flags = rtnl_link_get_flags(link)
    let master = rtnl_link_get_master(link)
    let linked = rtnl_link_get_link(link)
    self.init(
      index: rtnl_link_get_ifindex(link),
      name: rtnl_link_get_name(link).map { String(cString: $0) } ?? "",
      kind: rtnl_link_get_type(link).map { String(cString: $0) },
      mtu: Int(rtnl_link_get_mtu(link)),
      isUp: flags & IFF_UP.rawValue != 0,
      isRunning: flags & IFF_RUNNING.rawValue != 0,
      operationalState: OperationalState(rawValue: rtnl_link_get_operstate(link)) ?? .unknown,
      hardwareAddress: rtnl_link_get_addr(link).map { text(of: $0) } ?? "",
      masterIndex: master > 0 ? master : nil,
      linkedIndex: linked > 0 ? linked : nil,
      counters: LinkCounters(
        rxPackets: rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS),
        txPackets: rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS),
        rxBytes: rtnl_link_get_stat(link, RTNL_LINK_RX_BYTES),
        txBytes: rtnl_link_get_stat(link, RTNL_LINK_TX_BYTES),
        rxDropped: rtnl_link_get_stat(link, RTNL_LINK_RX_DROPPED),
        txDropped: rtnl_link_get_stat(link, RTNL_LINK_TX_DROPPED),
        rxErrors: rtnl_link_get_stat(link, RTNL_LINK_RX_ERRORS),
        txErrors: rtnl_link_get_stat(link, RTNL_LINK_TX_ERRORS)))
  }
}
