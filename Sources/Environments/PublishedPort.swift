public import Model

/// `published-port` and `published-port-hairpin`: a container's port that its host publishes by destination address
/// translation, used by another host or by another container of the same host.
public struct PublishedPort: NetworkEnvironment {
  /// Who uses it.
  public enum Client: Sendable {
    /// Another host, by the host's uplink.
    case outside
    /// A container on the same bridge, by the host's address. Then the source is translated as well, since the server
    /// would otherwise answer its neighbour directly, and the client would not know the sender.
    case neighbor
  }

  private static let clientPort = "port-client"
  private static let serverPort = "port-server"

  private let user: Client

  public init(client: Client = .outside) { user = client }

  public var name: String {
    switch user {
    case .outside: "published-port"
    case .neighbor: "published-port-hairpin"
    }
  }

  public var summary: String {
    switch user {
    case .outside: "from another host to a container by a published port: destination address translation"
    case .neighbor: "from a container to its neighbour by their host's published port: both addresses translated"
    }
  }

  public var layer: String {
    switch user {
    case .outside: "a published port: routing, connection tracking, address translation, a filter"
    case .neighbor: "the way back over the same bridge, with both addresses translated"
    }
  }

  public var needs: [HostCapability] { [.networkNamespaces, .veth, .bridge, .nftables] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let host = try ContainerHost(with: resources, forwards: true)
    let container: Station
    let target: String
    let way: [PathInterface]
    switch user {
    case .outside:
      container = try host.attach([(server, EndToEnd.serverInterface, Self.serverPort)])[0]
      _ = try host.connect(client, interface: EndToEnd.clientInterface)
      target = host.uplink.address
      way = [host.port(ContainerHost.uplinkName, .requestsIn), host.bridge(.requestsOut)]
    case .neighbor:
      container = try host.attach([
        (server, EndToEnd.serverInterface, Self.serverPort), (client, EndToEnd.clientInterface, Self.clientPort),
      ])[0]
      target = host.gateway.address
      // Whatever comes in by the bridge goes out by it.
      way = [host.port(Self.clientPort, .requestsIn), host.bridge(.loopback)]
    }
    try host.publish(container, hairpin: user == .neighbor)
    return try BuiltEnvironment(
      client: client, server: server,
      service: ServiceAddress(
        listenAddress: container.address, listenPort: ContainerHost.servicePort, targetAddress: target,
        targetPort: ContainerHost.publishedPort),
      path: [
        PathInterface(place: client, interface: EndToEnd.clientInterface, passage: .requestsOut, mtu: EndToEnd.mtu)
      ] + way + [
        host.port(Self.serverPort, .requestsOut),
        PathInterface(place: server, interface: EndToEnd.serverInterface, passage: .requestsIn, mtu: EndToEnd.mtu),
      ], others: [host.place],
      witnesses: [
        Rules.witness("flows translated by nft", counter: "translations", in: host.place, family: host.family)
      ])
  }
}
