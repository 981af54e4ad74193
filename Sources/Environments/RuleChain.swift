public import Model
internal import NetlinkKit

/// `rules-N` and `rules-map-N`: client and server on two networks, and between them a router whose firewall asks N
/// things of every packet before it lets it pass.
///
/// `rules-0` is the base of both: the router with a chain that accepts. What N rules cost is the difference to it.
public struct RuleChain: NetworkEnvironment {
  public enum Kind: Sendable {
    /// N rules, one after the other, none of which matches.
    case linear
    /// One look-up in a verdict map with N elements, none of which is found.
    case map
  }

  /// How many rules the registered environments have; the map comes with all but 0.
  public static let counts = [0, 100, 1000, 5000, 30_000]

  private static let clientPort = "router-client"
  private static let serverPort = "router-server"

  private let kind: Kind
  private let count: Int

  /// - Parameter count: 0…60 000.
  public init(_ kind: Kind, count: Int) {
    precondition((0...60_000).contains(count))
    self.kind = kind
    self.count = count
  }

  public var name: String {
    switch kind {
    case .linear: "rules-\(count)"
    case .map: "rules-map-\(count)"
    }
  }

  public var summary: String {
    let asks =
      switch kind {
      case .linear: count == 0 ? "an empty firewall" : "a firewall of \(count) rules that do not match"
      case .map: "a firewall of one verdict map with \(count) elements"
      }
    return "two network namespaces, and between them a router with \(asks)"
  }

  public var layer: String {
    switch kind {
    case .linear: count == 0 ? "a router with a firewall that accepts" : "\(count) rules for every packet"
    case .map: "a verdict map with \(count) elements for every packet"
    }
  }

  public var needs: [HostCapability] { [.networkNamespaces, .veth, .nftables] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let router = try resources.hub("router", forwards: true)
    let family = resources.settings.family
    let serverAddress = try explained { () throws(NetlinkError) in
      var address = ""
      for (number, end, interface, port) in [
        (0, client, EndToEnd.clientInterface, Self.clientPort), (1, server, EndToEnd.serverInterface, Self.serverPort),
      ] {
        let subnet = Subnet(family: family, number: number)
        try router.socket.createVethPair(port, peer: interface, peerIn: end.namespace)
        let gateway = Station(place: router, interface: port, address: subnet.address(1))
        let station = Station(place: end, interface: interface, address: subnet.address(2))
        try station.raise(in: subnet)
        try gateway.raise(in: subnet)
        try Station.introduce(station, gateway)
        try station.useRouter(gateway, family)
        address = station.address
      }
      return address
    }
    try Rules.run(ruleset(family), in: router)
    return try BuiltEnvironment(
      client: client, server: server, service: ServiceAddress(listenAddress: serverAddress),
      path: [
        PathInterface(place: client, interface: EndToEnd.clientInterface, passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: router, interface: Self.clientPort, passage: .requestsIn, mtu: EndToEnd.mtu),
        PathInterface(place: router, interface: Self.serverPort, passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: server, interface: EndToEnd.serverInterface, passage: .requestsIn, mtu: EndToEnd.mtu),
      ], others: [router],
      witnesses: [
        Rules.witness("packets that came to the end of the rules", counter: "passed", in: router, family: family)
      ])
  }

  /// One table, loaded as one transaction. Every packet comes to its last rule, which counts and accepts.
  private func ruleset(_ family: AddressFamily) -> String {
    var text = "table \(family.keyword) \(Rules.table) {\n  counter passed { }\n"
    text.reserveCapacity(200 + count * 80)
    if kind == .map && count > 0 {
      let address = family == .ipv4 ? "ipv4_addr" : "ipv6_addr"
      text += "  map verdicts {\n    type \(address) . inet_proto . inet_service : verdict\n    elements = {\n"
      for number in 0..<count {
        text += "\(Self.stranger(number, family)) . \(Self.transport(number)) . \(Self.port(number)) : drop,\n"
      }
      text += "    }\n  }\n"
    }
    text += "  chain forward {\n    type filter hook forward priority filter; policy drop;\n"
    switch kind {
    case .linear:
      for number in 0..<count {
        text += "\(family.keyword) daddr \(Self.stranger(number, family)) "
        text += "\(Self.transport(number)) dport \(Self.port(number)) drop\n"
      }
    case .map:
      if count > 0 { text += "    \(family.keyword) daddr . meta l4proto . th dport vmap @verdicts\n" }
    }
    return text + "    counter name passed accept\n  }\n}\n"
  }

  /// An address of the ranges for benchmarks that nobody in the environment has.
  private static func stranger(_ number: Int, _ family: AddressFamily) -> String {
    switch family {
    case .ipv4: "198.19.\(number >> 8).\(number & 255)"
    case .ipv6: "2001:2:0:ffff::\(String(number, radix: 16))"
    }
  }

  private static func transport(_ number: Int) -> String { number.isMultiple(of: 2) ? "tcp" : "udp" }
  private static func port(_ number: Int) -> Int { 1024 + number % 4096 }
}
