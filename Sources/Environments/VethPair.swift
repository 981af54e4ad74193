public import Model
internal import NetlinkKit

/// `veth`: two fresh namespaces joined by one veth pair.
public struct VethPair: EnvironmentDefinition {
  public init() {}
  public var name: String { "veth" }
  public var summary: String { "two network namespaces joined by a veth pair" }
  public var layer: String { "a second namespace and a veth pair" }
  public var needs: [HostCapability] { [.networkNamespaces, .veth] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    try explained { () throws(NetlinkError) in
      // Created up, seen from the server's side, so that only the client's end is left to raise.
      try server.socket.createVethPair(
        EndToEnd.serverInterface, peer: EndToEnd.clientInterface, peerIn: client.namespace)
      try EndToEnd.address(client: client, server: server)
    }
    return try BuiltEnvironment(
      client: client, server: server, serverAddress: EndToEnd.serverAddress,
      path: [
        PathInterface(place: client, interface: EndToEnd.clientInterface, passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: server, interface: EndToEnd.serverInterface, passage: .requestsIn, mtu: EndToEnd.mtu),
      ])
  }
}

/// What environments with a client's and a server's interface share: names, and a /30 of the range that RFC 2544 sets
/// aside for benchmarks. Both ends are in namespaces of the run, so nothing outside can collide with it.
enum EndToEnd {
  static let clientInterface = "client0"
  static let serverInterface = "server0"
  static let clientAddress = "198.18.0.1"
  static let serverAddress = "198.18.0.2"
  static let prefixLength = 30
  /// Ethernet's, which is what veth is born with.
  static let mtu = 1500

  /// Gives both ends their addresses, raises them and waits until they pass packets.
  static func address(client: FurnishedNamespace, server: FurnishedNamespace) throws(NetlinkError) {
    try client.socket.setUp(clientInterface)
    try server.socket.setUp(serverInterface)
    try client.socket.addAddress(clientAddress, prefixLength: prefixLength, to: clientInterface)
    try server.socket.addAddress(serverAddress, prefixLength: prefixLength, to: serverInterface)
    try client.socket.waitUntilRunning(clientInterface)
    try server.socket.waitUntilRunning(serverInterface)
  }
}
