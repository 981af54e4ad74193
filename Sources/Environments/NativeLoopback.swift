public import Model
internal import NetlinkKit

/// `native`: the loopback of the host's own network namespace, with whatever the host has loaded onto it.
public struct NativeLoopback: EnvironmentDefinition {
  public init() {}
  public var name: String { "native" }
  public var summary: String { "the host's own loopback interface" }
  public var layer: String { "the host's own network stack" }
  public var needs: [HostCapability] { [] }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    try Loopback.environment(in: try FurnishedNamespace.host())
  }
}

/// What the environments on a loopback interface share.
enum Loopback {
  private static let interface = "lo"
  private static let address = "127.0.0.1"

  static func environment(in place: FurnishedNamespace) throws(UserError) -> BuiltEnvironment {
    let link = try explained { () throws(NetlinkError) in try place.socket.link(named: interface) }
    guard let link, link.isUp else {
      throw UserError(
        .unavailable, "the loopback interface of \(place.role) is missing or down", remedy: "run 'ip link set lo up'")
    }
    return try BuiltEnvironment(
      client: place, server: place, serverAddress: address,
      path: [PathInterface(place: place, interface: interface, passage: .loopback, mtu: link.mtu)])
  }
}
