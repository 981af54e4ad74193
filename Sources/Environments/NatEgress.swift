public import Model

/// `nat-egress`: a container behind a bridge reaches a server on another host, which sees the host's address instead of
/// the container's.
///
/// The server knows no way to the container's network: replies come back by translation alone.
public struct NatEgress: NetworkEnvironment {
  private static let port = "port-client"

  public init() {}
  public var name: String { "nat-egress" }
  public var summary: String { "a container's way out: bridge, routing and masquerading to a server on another host" }
  public var layer: String { "routing, connection tracking and source address translation" }
  public var needs: [HostCapability] { [.networkNamespaces, .veth, .bridge, .nftables] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let host = try ContainerHost(with: resources, forwards: true)
    _ = try host.attach([(client, EndToEnd.clientInterface, Self.port)])
    let station = try host.connect(server, interface: EndToEnd.serverInterface)
    let family = host.family
    try Rules.run(
      """
      table \(family.keyword) \(Rules.table) {
        counter translations { }
        chain postrouting {
          type nat hook postrouting priority srcnat; policy accept;
          \(family.keyword) saddr \(host.inside.prefix) oifname != \(ContainerHost.bridgeName) \
      counter name translations masquerade
        }
      }
      """, in: host.place)
    try Rules.forgetClosedConnections(in: host.place)
    return try BuiltEnvironment(
      client: client, server: server, service: ServiceAddress(listenAddress: station.address),
      path: [
        PathInterface(place: client, interface: EndToEnd.clientInterface, passage: .requestsOut, mtu: EndToEnd.mtu),
        host.port(Self.port, .requestsIn), host.bridge(.requestsIn), host.port(ContainerHost.uplinkName, .requestsOut),
        PathInterface(place: server, interface: EndToEnd.serverInterface, passage: .requestsIn, mtu: EndToEnd.mtu),
      ], others: [host.place],
      witnesses: [
        Rules.witness("flows translated by nft", counter: "translations", in: host.place, family: family)
      ])
  }
}
