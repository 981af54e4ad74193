internal import LinuxKit
public import Model
internal import NetlinkKit

/// `bridge`: two fresh namespaces, each joined by a veth pair to one Linux bridge, as a container engine joins its
/// containers.
///
/// The bridge stands in a third namespace of the run and not in the host's, and bridge netfilter is off there (where
/// the kernel has it, fresh namespaces start with it on): so it is the bridge alone that is measured, without the
/// firewall that the host happens to have, and nothing of the host is touched. What a firewall on bridged packets adds
/// is another rung: ``BridgeNetfilter``.
public struct BridgedPair: NetworkEnvironment {
  public init() {}
  public var name: String { "bridge" }
  public var summary: String {
    "two network namespaces, each joined by a veth pair to one Linux bridge, without bridge netfilter"
  }
  public var layer: String { "a second veth pair and a Linux bridge" }
  public var needs: [HostCapability] { [.networkNamespaces, .veth, .bridge] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    try BridgedPath.environment(with: resources) { hub throws(UserError) in
      do throws(SystemError) { try hub.namespace?.disableBridgeNetfilter() } catch {
        throw UserError(.unavailable, "cannot switch bridge netfilter off in the run's own namespace: \(error)")
      }
      return []
    }
  }
}

/// What the environments over a bridge share.
enum BridgedPath {
  private static let bridge = "bridge0"
  private static let clientPort = "port-client"
  private static let serverPort = "port-server"

  /// - Parameter furnish: says what the bridge's namespace does with bridged packets, before there are any. Returns the
  ///   witnesses of that.
  static func environment(
    with resources: HostResources, furnish: (FurnishedNamespace) throws(UserError) -> [PathWitness]
  ) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let hub = try resources.namespace("switch")
    let witnesses = try furnish(hub)
    let address = try explained { () throws(NetlinkError) in
      let bridge = try hub.socket.createBridge(Self.bridge)
      try hub.socket.createVethPair(
        Self.clientPort, peer: EndToEnd.clientInterface, peerIn: client.namespace, bridgeIndex: bridge)
      try hub.socket.createVethPair(
        Self.serverPort, peer: EndToEnd.serverInterface, peerIn: server.namespace, bridgeIndex: bridge)
      let address = try EndToEnd.join(client: client, server: server, family: resources.settings.family)
      try hub.socket.waitUntilRunning(Self.clientPort)
      try hub.socket.waitUntilRunning(Self.serverPort)
      return address
    }
    return try BuiltEnvironment(
      client: client, server: server, service: ServiceAddress(listenAddress: address),
      path: [
        PathInterface(place: client, interface: EndToEnd.clientInterface, passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: hub, interface: Self.clientPort, passage: .requestsIn, mtu: EndToEnd.mtu),
        PathInterface(place: hub, interface: Self.serverPort, passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: server, interface: EndToEnd.serverInterface, passage: .requestsIn, mtu: EndToEnd.mtu),
      ], others: [hub], witnesses: witnesses)
  }
}
