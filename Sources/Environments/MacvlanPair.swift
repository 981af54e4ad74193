public import Model
internal import NetlinkKit

/// `macvlan`: two namespaces, each with a macvlan link in bridge mode on one parent interface.
///
/// The parent is one end of a veth pair in a third namespace, since not every host has another interface to spare. It
/// hands packets from one link to the other itself: nothing goes out, and its counters stay as they are.
public struct MacvlanPair: NetworkEnvironment {
  private static let parent = "parent0"
  private static let beyond = "wire0"

  public init() {}
  public var name: String { "macvlan" }
  public var summary: String { "two network namespaces with a macvlan link each on one parent interface" }
  public var layer: String { "a second namespace and two macvlan links" }
  public var needs: [HostCapability] { [.networkNamespaces, .veth, .macvlan] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let hub = try resources.namespace("switch")
    try explained { () throws(NetlinkError) in
      try hub.socket.createVethPair(Self.parent, peer: Self.beyond)
      try hub.socket.waitUntilRunning(Self.parent)
    }
    let address = try explained(lacking: "macvlan", module: "macvlan") { () throws(NetlinkError) in
      for (place, interface) in [(client, EndToEnd.clientInterface), (server, EndToEnd.serverInterface)] {
        try hub.socket.createMacvlan(interface, on: Self.parent, in: place.namespace)
      }
      return try EndToEnd.join(client: client, server: server, family: resources.settings.family)
    }
    return try BuiltEnvironment(
      client: client, server: server, service: ServiceAddress(listenAddress: address),
      path: [
        PathInterface(place: client, interface: EndToEnd.clientInterface, passage: .requestsOut, mtu: EndToEnd.mtu),
        PathInterface(place: server, interface: EndToEnd.serverInterface, passage: .requestsIn, mtu: EndToEnd.mtu),
        // Packets between its links are shown to its taps, but pass neither its counters nor its wire.
        PathInterface(place: hub, interface: Self.parent, passage: .none, mtu: EndToEnd.mtu, tap: .none),
      ], others: [hub])
  }
}
