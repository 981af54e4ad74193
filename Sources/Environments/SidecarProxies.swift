public import Model
internal import NetlinkKit

/// `sidecar-tcp-1`, `-2` and `sidecar-http-1`, `-2`: the `veth` environment as a service mesh has it, with a real HAProxy
/// in the client's pod, or in both pods. TCP only.
///
/// The client speaks to its own pod's loopback, and with two proxies the server listens on its own pod's, too.
public struct SidecarProxies: NetworkEnvironment {
  /// What the proxies understand of what they carry.
  public enum Mode: String, Sendable, CaseIterable {
    /// Bytes.
    case tcp
    /// HTTP/1.1 messages, over connections to the server that are kept and shared (`http-reuse always`).
    case http
  }

  private static let servicePort: UInt16 = 9000
  /// Those of Istio's sidecars: what leaves a pod, and what comes to it.
  private static let outboundPort: UInt16 = 15_001
  private static let inboundPort: UInt16 = 15_006

  private let mode: Mode
  private let count: Int
  private let program: String

  /// - Parameters:
  ///   - count: 1 or 2.
  ///   - program: HAProxy's name or path.
  public init(_ mode: Mode, count: Int, program: String = "haproxy") {
    precondition((1...2).contains(count))
    self.mode = mode
    self.count = count
    self.program = program
  }

  public var name: String { "sidecar-\(mode.rawValue)-\(count)" }

  public var summary: String {
    let whose = count == 1 ? "an HAProxy in the client's" : "an HAProxy in each"
    return "two network namespaces joined by a veth pair, with \(whose), in \(mode.rawValue.uppercased()) mode"
  }

  public var layer: String {
    count == 1
      ? "a proxy in \(mode.rawValue.uppercased()) mode beside the client"
      : "a second proxy in \(mode.rawValue.uppercased()) mode, beside the server"
  }

  public var needs: [HostCapability] { [.networkNamespaces, .veth, .haproxy] }

  public func objection(to workload: WorkloadSpec) -> String? {
    if workload.kind == .exec { return nil }
    if workload.kind.isUDP { return "carries TCP alone" }
    let isHTTP = workload.framing == .http
    return mode == .http && !isHTTP ? "reads HTTP ('framing: http')" : nil
  }

  public func build(with resources: HostResources) throws(UserError) -> BuiltEnvironment {
    let client = try resources.namespace("client")
    let server = try resources.namespace("server")
    let family = resources.settings.family
    let loopback = family == .ipv4 ? "127.0.0.1" : "::1"
    let subnet = Subnet(family: family, number: 0)
    let clientEnd = Station(place: client, interface: EndToEnd.clientInterface, address: subnet.address(1))
    let serverEnd = Station(place: server, interface: EndToEnd.serverInterface, address: subnet.address(2))
    try explained { () throws(NetlinkError) in
      try server.socket.createVethPair(serverEnd.interface, peer: clientEnd.interface, peerIn: client.namespace)
      try clientEnd.place.socket.setUp(clientEnd.interface)
      try serverEnd.raise(in: subnet)
      try clientEnd.raise(in: subnet)
      try Station.introduce(clientEnd, serverEnd)
    }
    var proxies: [ProxyProcess] = []
    var service = ServiceAddress(
      listenAddress: serverEnd.address, listenPort: Self.servicePort, targetAddress: loopback,
      targetPort: Self.outboundPort)
    var path = [
      PathInterface(place: client, interface: "lo", passage: .loopback, mtu: Self.loopbackMTU),
      PathInterface(place: client, interface: clientEnd.interface, passage: .requestsOut, mtu: EndToEnd.mtu),
      PathInterface(place: server, interface: serverEnd.interface, passage: .requestsIn, mtu: EndToEnd.mtu),
    ]
    var next = family.endpoint(serverEnd.address, Self.servicePort)
    if count == 2 {
      service.listenAddress = loopback
      path.append(PathInterface(place: server, interface: "lo", passage: .loopback, mtu: Self.loopbackMTU))
      proxies.append(
        try ProxyProcess(
          program,
          configuration: configuration(
            listen: family.endpoint(serverEnd.address, Self.inboundPort),
            server: family.endpoint(loopback, Self.servicePort)),
          listeningOn: Self.inboundPort, in: server, with: resources))
      next = family.endpoint(serverEnd.address, Self.inboundPort)
    }
    proxies.append(
      try ProxyProcess(
        program,
        configuration: configuration(listen: family.endpoint(loopback, Self.outboundPort), server: next),
        listeningOn: Self.outboundPort, in: client, with: resources))
    return try BuiltEnvironment(
      client: client, server: server, service: service, path: path, proxies: proxies.map(\.pid),
      companions: proxies)
  }

  /// What `lo` is born with.
  private static let loopbackMTU = 65_536

  /// One thread, nothing logged, nothing added to a message.
  private func configuration(listen: String, server: String) -> String {
    """
    global
      nbthread 1
      maxconn 4096
    defaults
      mode \(mode.rawValue)
      maxconn 4096
      timeout connect 5s
      timeout client 1m
      timeout server 1m
    \(mode == .http ? "  http-reuse always\n" : "")listen sidecar
      bind \(listen)
      server upstream \(server)
    """
  }
}
