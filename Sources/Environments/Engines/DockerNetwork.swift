internal import Foundation
internal import LinuxKit
internal import Model
internal import NetlinkKit

/// A user-defined network of Docker's that the run has made, with a bridge and address ranges that nobody uses.
struct DockerNetwork {
  /// The network's name.
  let name: String
  /// The bridge's.
  let bridge: String
  /// IPv4 always: Docker has no network without it.
  let subnet: Subnet
  /// Of the run's family.
  let familySubnet: Subnet

  /// The bridge's address.
  var gateway: String { familySubnet.address(1) }
  func address(_ number: Int) -> String { familySubnet.address(1 + number) }

  /// How often another range is tried.
  private static let mostTries = 16

  init(on daemon: DockerDaemon, with resources: HostResources) throws(UserError) {
    let family = resources.settings.family
    let taken = try Self.takenAddresses(in: daemon.place)
    let first = Int.random(in: 1...254)
    var reason = "all ranges are in use"
    for attempt in 0..<Self.mostTries {
      let number = (first + attempt * 11) % 254 + 1
      let subnet = Subnet(family: .ipv4, number: number)
      let familySubnet = Subnet(family: family, number: number)
      let prefix = "198.18.\(number)."
      if taken.contains(where: { $0.hasPrefix(prefix) || $0 == familySubnet.address(1) }) { continue }
      let name = resources.unique("network")
      // 15 bytes are the longest name of a link.
      let bridge = "bench-" + String(UInt32.random(in: .min ... .max), radix: 36)
      var arguments = [
        "network", "create", "--driver", "bridge", "--label", "\(HostResources.label)=\(resources.runID)", "--opt",
        "com.docker.network.bridge.name=\(bridge)", "--subnet", subnet.prefix, "--gateway", subnet.address(1),
      ]
      if family == .ipv6 {
        arguments += ["--ipv6", "--subnet", familySubnet.prefix, "--gateway", familySubnet.address(1)]
      }
      let resource = Resource.engineNetwork(engine: daemon.address, name: name)
      try resources.track(resource)
      do throws(EngineTool.Failure) {
        try daemon.tool.run(arguments + [name])
        self.name = name
        self.bridge = bridge
        self.subnet = subnet
        self.familySubnet = familySubnet
        return
      } catch {
        reason = error.message
        guard reason.lowercased().contains("overlaps") else { break }
      }
    }
    throw UserError(
      .unavailable, "Docker makes no network\(family == .ipv6 ? " with IPv6" : ""): \(reason)",
      remedy: "see 'docker network ls' for networks in 198.18.0.0/15")
  }

  /// All addresses of a namespace.
  private static func takenAddresses(in place: FurnishedNamespace) throws(UserError) -> [String] {
    try explained { () throws(NetlinkError) in
      var addresses: [String] = []
      for link in try place.socket.links() {
        do throws(NetlinkError) { addresses += try place.socket.addresses(of: link.name).map(\.address) } catch {
          // Links come and go on a host.
          guard error.isMissing else { throw error }
        }
      }
      return addresses
    }
  }

  /// The arguments that put a container onto the network.
  /// - Parameter number: tells the containers of the network apart, from 1.
  func arguments(_ number: Int) -> [String] {
    ["--network", name, familySubnet.family == .ipv6 ? "--ip6" : "--ip", address(number)]
  }
}
