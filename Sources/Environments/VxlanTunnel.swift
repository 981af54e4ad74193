public import Model
internal import NetlinkKit

/// `vxlan`: two hosts, each a namespace, whose containers' network is carried in VXLAN over the wire between them, as
/// overlay networks do.
///
/// Each end knows the other: it has one remote address for everything, and learns nothing.
public struct VxlanTunnel: NetworkEnvironment {
  private static let overlay = "vxlan0"
  private static let clientUnderlay = "underlay-c"
  private static let serverUnderlay = "underlay-s"
  private static let network: UInt32 = 4097

  public init() {}
  public var name: String { "vxlan" }
  public var summary: String { "two network namespaces joined by a veth pair, and over it by a VXLAN tunnel" }
  public var layer: String { "a VXLAN tunnel over a veth pair" }
  public var needs: [HostCapability] { [.networkNamespaces, .veth, .vxlan] }

  /// What is left of the underlay's MTU: outer IP header, UDP's 8, VXLAN's 8 and the inner Ethernet header's 14 bytes are
  /// in front of the inner packet.
  static func overlayMTU(_ family: AddressFamily) -> Int { EndToEnd.mtu - family.headerLength - 8 - 8 - 14 }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let family = resources.settings.family
    let mtu = Self.overlayMTU(family)
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    try explained { () throws(NetlinkError) in
      try server.socket.createVethPair(Self.serverUnderlay, peer: Self.clientUnderlay, peerIn: client.namespace)
      _ = try EndToEnd.join(
        client: client, server: server, family: family, interfaces: (Self.clientUnderlay, Self.serverUnderlay),
        network: 1)
    }
    let underlay = Subnet(family: family, number: 1)
    let address = try explained(lacking: "VXLAN", module: "vxlan") { () throws(NetlinkError) in
      for (place, device, own, other) in [(client, Self.clientUnderlay, 1, 2), (server, Self.serverUnderlay, 2, 1)] {
        try place.socket.createVxlan(
          Self.overlay,
          ends: VxlanTunnelEnds(
            network: Self.network, local: underlay.address(own), remote: underlay.address(other)),
          over: device, mtu: mtu)
      }
      return try EndToEnd.join(
        client: client, server: server, family: family, interfaces: (Self.overlay, Self.overlay))
    }
    // Messages are cut into fragments before they are wrapped, so the underlay carries as many.
    return try BuiltEnvironment(
      client: client, server: server, service: ServiceAddress(listenAddress: address),
      path: [
        // What comes out of the tunnel still has the stamp that the underlay gave it.
        PathInterface(place: client, interface: Self.overlay, passage: .requestsOut, mtu: mtu, tap: .sentOnly),
        PathInterface(
          place: client, interface: Self.clientUnderlay, passage: .requestsOut, mtu: mtu, encapsulation: .vxlan),
        PathInterface(
          place: server, interface: Self.serverUnderlay, passage: .requestsIn, mtu: mtu, encapsulation: .vxlan),
        PathInterface(place: server, interface: Self.overlay, passage: .requestsIn, mtu: mtu, tap: .sentOnly),
      ])
  }
}
