internal import LinuxKit
internal import Model
internal import NetlinkKit

/// A network of an environment with several, in the ranges that RFC 2544 (IPv4) and RFC 5180 (IPv6) set aside for
/// benchmarks: all of it is in namespaces of the run, so nothing outside can collide with it.
struct Subnet {
  let family: AddressFamily
  /// Tells the networks of one environment apart, 0…255.
  let number: Int

  /// The address of its host with that number, 1…254.
  func address(_ host: Int) -> String {
    switch family {
    case .ipv4: "198.18.\(number).\(host)"
    case .ipv6: "2001:2:0:\(hexadecimal(number))::\(hexadecimal(host))"
    }
  }

  var prefixLength: Int {
    switch family {
    case .ipv4: 24
    case .ipv6: 64
    }
  }

  /// `198.18.1.0/24`
  var prefix: String {
    switch family {
    case .ipv4: "198.18.\(number).0/24"
    case .ipv6: "2001:2:0:\(hexadecimal(number))::/64"
    }
  }
}

/// An end of a link: its interface and its address there.
struct Station {
  let place: FurnishedNamespace
  let interface: String
  let address: String

  /// Gives the interface its address, raises it and waits until it passes packets.
  func raise(in subnet: Subnet) throws(NetlinkError) {
    try place.socket.setUp(interface)
    try place.socket.addAddress(address, prefixLength: subnet.prefixLength, to: interface)
    try place.socket.waitUntilRunning(interface)
    try place.socket.waitUntilTaken(address)
  }

  /// Tells both where the other is, for good. So no question about it passes in the window; and without link-local
  /// addresses a router could not even ask for its IPv6 neighbours.
  static func introduce(_ one: Station, _ other: Station) throws(NetlinkError) {
    for (asker, asked) in [(one, other), (other, one)] {
      guard let link = try asked.place.socket.link(named: asked.interface) else { continue }
      try asker.place.socket.addNeighbor(
        asked.address, hardwareAddress: link.hardwareAddress, on: asker.interface)
    }
  }

  /// Sends everything that is not on its own network to `router`.
  func useRouter(_ router: Station, _ family: AddressFamily) throws(NetlinkError) {
    try place.socket.addRoute(
      destination: family == .ipv4 ? "0.0.0.0" : "::", prefixLength: 0, gateway: router.address, device: interface)
  }
}

extension HostResources {
  /// A fresh namespace whose bridges keep their packets from the firewall, and which is a router of the run's family if
  /// it `forwards`.
  func hub(_ role: String, forwards: Bool) throws(UserError) -> FurnishedNamespace {
    let place = try namespace(role)
    do throws(SystemError) {
      try place.namespace?.disableBridgeNetfilter()
      if forwards { try place.namespace?.enableForwarding(ipv6: settings.family == .ipv6) }
    } catch { throw UserError(.unavailable, "cannot set up the run's own namespace '\(role)': \(error)") }
    return place
  }
}

/// A host with a bridge for its containers and an uplink, as container engines furnish theirs. It stands in a namespace
/// of the run.
struct ContainerHost {
  static let bridgeName = "bridge0"
  static let uplinkName = "uplink0"
  /// Where the service listens in its container, and where the host publishes it.
  static let servicePort: UInt16 = 9000
  static let publishedPort: UInt16 = 8080

  let place: FurnishedNamespace
  let family: AddressFamily
  /// Of the containers.
  let inside: Subnet
  /// Of the uplink and the hosts beyond.
  let outside: Subnet
  private let bridgeIndex: Int32

  /// Makes the host and its bridge.
  /// - Parameter forwards: whether it passes on packets between its containers and other hosts.
  init(with resources: HostResources, forwards: Bool) throws(UserError) {
    let place = try resources.hub("host", forwards: forwards)
    self.place = place
    family = resources.settings.family
    inside = Subnet(family: family, number: 1)
    outside = Subnet(family: family, number: 0)
    bridgeIndex = try explained { () throws(NetlinkError) in try place.socket.createBridge(Self.bridgeName) }
  }

  var gateway: Station { Station(place: place, interface: Self.bridgeName, address: inside.address(1)) }
  var uplink: Station { Station(place: place, interface: Self.uplinkName, address: outside.address(1)) }

  /// Puts containers onto the bridge: for each its namespace, its interface and the name of its port. They get
  /// addresses from 2 on, and the bridge's is their gateway.
  func attach(
    _ containers: [(place: FurnishedNamespace, interface: String, port: String)]
  ) throws(UserError) -> [Station] {
    try explained { () throws(NetlinkError) in
      var stations: [Station] = []
      for (place, interface, port) in containers {
        try self.place.socket.createVethPair(port, peer: interface, peerIn: place.namespace, bridgeIndex: bridgeIndex)
        let station = Station(place: place, interface: interface, address: inside.address(2 + stations.count))
        try station.raise(in: inside)
        try self.place.socket.waitUntilRunning(port)
        stations.append(station)
      }
      try gateway.raise(in: inside)
      // Last: a bridge takes its hardware address from its ports.
      for station in stations {
        try Station.introduce(station, gateway)
        try station.useRouter(gateway, family)
      }
      return stations
    }
  }

  /// Joins another host to the uplink. It knows no way to the containers.
  func connect(_ other: FurnishedNamespace, interface: String) throws(UserError) -> Station {
    try explained { () throws(NetlinkError) in
      try place.socket.createVethPair(Self.uplinkName, peer: interface, peerIn: other.namespace)
      let station = Station(place: other, interface: interface, address: outside.address(2))
      try station.raise(in: outside)
      try uplink.raise(in: outside)
      try Station.introduce(station, uplink)
      return station
    }
  }

  /// The rules with which the host publishes the service of `server`, and passes its packets on. `translations` counts
  /// the flows that were translated.
  /// - Parameter hairpin: containers of the host may use the published port, too.
  func publish(_ server: Station, hairpin: Bool) throws(UserError) {
    let service = "\(family.keyword) daddr \(server.address) meta l4proto { tcp, udp } th dport \(Self.servicePort)"
    try Rules.run(
      """
      table \(family.keyword) \(Rules.table) {
        counter translations { }
        chain prerouting {
          type nat hook prerouting priority dstnat; policy accept;
          fib daddr type local meta l4proto { tcp, udp } th dport \(Self.publishedPort) \
      counter name translations dnat to \(family.endpoint(server.address, Self.servicePort))
        }
        chain forward {
          type filter hook forward priority filter; policy drop;
          ct state established,related accept
          \(hairpin ? "" : "iifname != \(Self.bridgeName) ")oifname \(Self.bridgeName) \(service) accept
          iifname \(Self.bridgeName) oifname != \(Self.bridgeName) accept
        }
        chain postrouting {
          type nat hook postrouting priority srcnat; policy accept;
          \(family.keyword) saddr \(inside.prefix) oifname != \(Self.bridgeName) masquerade
          \(hairpin ? "\(family.keyword) saddr \(inside.prefix) \(service) masquerade" : "")
        }
      }
      """, in: place)
    try Rules.forgetClosedConnections(in: place)
  }

  /// Interfaces of the host, as they are on a path.
  func port(_ name: String, _ passage: Passage) -> PathInterface {
    PathInterface(place: place, interface: name, passage: passage, mtu: EndToEnd.mtu)
  }

  /// The bridge's own interface, which the host's stack receives by and sends by. A tap on it would change the path of
  /// every frame.
  func bridge(_ passage: Passage) -> PathInterface {
    PathInterface(place: place, interface: Self.bridgeName, passage: passage, mtu: EndToEnd.mtu, tap: .none)
  }
}

private func hexadecimal(_ number: Int) -> String { String(number, radix: 16) }
