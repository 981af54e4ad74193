public import Model
internal import NetlinkKit

/// `veth`: two fresh namespaces joined by one veth pair.
public struct VethPair: NetworkEnvironment {
  public init() {}
  public var name: String { "veth" }
  public var summary: String { "two network namespaces joined by a veth pair" }
  public var layer: String { "a second namespace and a veth pair" }
  public var needs: [HostCapability] { [.networkNamespaces, .veth] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let address = try explained { () throws(NetlinkError) in
      // Created up, seen from the server's side, so that only the client's end is left to raise.
      try server.socket.createVethPair(
        EndToEnd.serverInterface, peer: EndToEnd.clientInterface, peerIn: client.namespace)
      return try EndToEnd.join(client: client, server: server, family: resources.settings.family)
    }
    return try BuiltEnvironment(
      client: client, server: server, service: ServiceAddress(listenAddress: address),
      path: [
        PathInterface(place: client, interface: EndToEnd.clientInterface, passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: server, interface: EndToEnd.serverInterface, passage: .requestsIn, mtu: EndToEnd.mtu),
      ])
  }
}

/// What environments with a client's and a server's interface share: names, and one network.
enum EndToEnd {
  static let clientInterface = "client0"
  static let serverInterface = "server0"
  /// Ethernet's, which is what veth is born with.
  static let mtu = 1500

  /// Gives both ends their addresses, raises them and waits until they pass packets.
  /// - Parameters:
  ///   - interfaces: the client's and the server's.
  ///   - network: its number, which tells it from others of the environment.
  /// - Returns: the server's address.
  static func join(
    client: FurnishedNamespace, server: FurnishedNamespace, family: AddressFamily,
    interfaces: (client: String, server: String) = (clientInterface, serverInterface), network: Int = 0
  ) throws(NetlinkError) -> String {
    let subnet = Subnet(family: family, number: network)
    let left = Station(place: client, interface: interfaces.client, address: subnet.address(1))
    let right = Station(place: server, interface: interfaces.server, address: subnet.address(2))
    // An end of a pair has its carrier when the other is up.
    try client.socket.setUp(left.interface)
    try right.raise(in: subnet)
    try left.raise(in: subnet)
    try Station.introduce(left, right)
    return right.address
  }
}
