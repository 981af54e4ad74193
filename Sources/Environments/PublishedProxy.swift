public import Model

/// `published-proxy`: a container's port that its host publishes by a proxy in user space, used by another host. No
/// address is translated: the proxy takes the client's messages and sends them on as its own.
public struct PublishedProxy: NetworkEnvironment {
  private static let port = "port-server"

  public init() {}
  public var name: String { "published-proxy" }
  public var summary: String { "from another host to a container by a published port: a proxy in user space" }
  public var layer: String { "a proxy in user space instead of address translation" }
  public var needs: [HostCapability] { [.networkNamespaces, .veth, .bridge] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    // A host that forwards nothing: what reaches the container has come through the proxy.
    let host = try ContainerHost(with: resources, forwards: false)
    let container = try host.attach([(server, EndToEnd.serverInterface, Self.port)])[0]
    _ = try host.connect(client, interface: EndToEnd.clientInterface)
    return try BuiltEnvironment(
      client: client, server: server,
      service: ServiceAddress(
        listenAddress: container.address, listenPort: ContainerHost.servicePort, targetAddress: host.uplink.address,
        targetPort: ContainerHost.publishedPort),
      path: [
        PathInterface(place: client, interface: EndToEnd.clientInterface, passage: .requestsOut, mtu: EndToEnd.mtu),
        host.port(ContainerHost.uplinkName, .requestsIn), host.bridge(.requestsOut),
        host.port(Self.port, .requestsOut),
        PathInterface(place: server, interface: EndToEnd.serverInterface, passage: .requestsIn, mtu: EndToEnd.mtu),
      ], others: [host.place],
      relay: RelaySpec(
        namespace: host.place.path, listenAddress: host.uplink.address, listenPort: ContainerHost.publishedPort,
        targetAddress: container.address, targetPort: ContainerHost.servicePort))
  }
}
