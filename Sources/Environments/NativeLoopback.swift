public import Model
internal import NetlinkKit

/// `native`: the loopback of the host's own network namespace, with whatever the host has loaded onto it.
public struct NativeLoopback: NetworkEnvironment {
  public init() {}
  public var name: String { "native" }
  public var summary: String { "the host's own loopback interface" }
  public var layer: String { "the host's own network stack" }
  public var needs: [HostCapability] { [] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    try Loopback.environment(in: try FurnishedNamespace.host(), resources.settings.family)
  }
}

/// What the environments on a loopback interface share.
enum Loopback {
  private static let interface = "lo"

  static func address(_ family: AddressFamily) -> String {
    switch family {
    case .ipv4: "127.0.0.1"
    case .ipv6: "::1"
    }
  }

  static func environment(
    in place: FurnishedNamespace, _ family: AddressFamily
  ) throws(UserError) -> BuiltEnvironment {
    let link = try explained { () throws(NetlinkError) in try place.socket.link(named: interface) }
    guard let link, link.isUp else {
      throw UserError(
        .unavailable, "the loopback interface of \(place.role) is missing or down", remedy: "run 'ip link set lo up'")
    }
    let address = address(family)
    let addresses = try explained { () throws(NetlinkError) in try place.socket.addresses(of: interface) }
    guard addresses.contains(where: { $0.address == address }) else {
      throw UserError(
        .unavailable, "the loopback interface of \(place.role) has no address \(address)",
        remedy: family == .ipv6
          ? "run 'sysctl net.ipv6.conf.lo.disable_ipv6=0', or measure without --family ipv6"
          : "run 'ip address add 127.0.0.1/8 dev lo'")
    }
    return try BuiltEnvironment(
      client: place, server: place, service: ServiceAddress(listenAddress: address),
      path: [PathInterface(place: place, interface: interface, passage: .loopback, mtu: link.mtu)])
  }
}
