internal import LinuxKit
public import Model
internal import NetlinkKit

/// An environment that stands: where client and server run, and the interfaces that their packets pass.
///
/// It holds sockets in its namespaces, which keep those alive: let go of it before the resources are removed.
public struct BuiltEnvironment {
  /// The file of the client's network namespace; nil is the host's own.
  public let clientNamespace: String?
  public let serverNamespace: String?
  /// The address that the server listens on and the client sends to. Dotted IPv4.
  public let serverAddress: String
  private let path: [PathInterface]

  /// - Parameters:
  ///   - client, server: where the two run.
  ///   - path: the interfaces that every packet passes, in the request's order.
  ///   - others: further namespaces of the environment, whose other interfaces must stay silent.
  init(
    client: FurnishedNamespace, server: FurnishedNamespace, serverAddress: String, path: [PathInterface],
    others: [FurnishedNamespace] = []
  ) throws(UserError) {
    clientNamespace = client.namespace?.path
    serverNamespace = server.namespace?.path
    self.serverAddress = serverAddress
    var path = path
    var seen: Set<ObjectIdentifier> = []
    for place in [client, server] + others where seen.insert(ObjectIdentifier(place)).inserted {
      // The host's other interfaces carry what they carry; those of our own namespaces must carry nothing.
      guard place.namespace != nil else { continue }
      let links = try explained { () throws(NetlinkError) in try place.socket.links() }
      for link in links where !path.contains(where: { $0.place === place && $0.interface == link.name }) {
        // A tap on a bridge itself changes the path of every frame that it forwards; what is down carries nothing.
        let isTappable = link.isUp && link.kind != "bridge"
        path.append(
          PathInterface(place: place, interface: link.name, passage: .none, mtu: link.mtu, isTappable: isTappable))
      }
    }
    self.path = path
  }

  /// The interfaces' counters as they are now.
  public func readCounters() throws(UserError) -> PathCounters {
    var counters: [LinkCounters] = []
    for hop in path {
      counters.append(try explained { () throws(NetlinkError) in try hop.place.socket.counters(of: hop.interface) })
    }
    return PathCounters(counters: counters)
  }

  /// The interfaces of the environment: those of the path in the request's order, then all others.
  public var interfaces: [EnvironmentInterface] {
    path.map { hop in
      EnvironmentInterface(
        role: hop.place.role, namespace: hop.place.namespace?.path, interface: hop.interface, passage: hop.passage,
        isTappable: hop.isTappable)
    }
  }

  /// How many packets each of ``interfaces`` dropped between two readings.
  public func drops(from before: PathCounters, to after: PathCounters) -> [UInt64] {
    zip(before.counters, after.counters).map { before, after in
      let growth = after - before
      return growth.rxDropped + growth.txDropped
    }
  }

  /// Whether the packets counted between two readings are those of `traffic`, on the declared path and nowhere else.
  public func attest(from before: PathCounters, to after: PathCounters, traffic: PathTraffic) -> Attestation {
    PathAttestation.judge(
      zip(path, zip(before.counters, after.counters)).map { hop, reading in
        PathAttestation.Reading(hop: hop, growth: reading.1 - reading.0)
      }, traffic: traffic)
  }
}

/// Counters of all interfaces of an environment at one moment.
public struct PathCounters: Sendable {
  let counters: [LinkCounters]
}

/// The messages that one window sent.
public struct PathTraffic: Sendable {
  public enum Transport: Sendable { case udp, tcp }
  public var transport: Transport
  /// Bytes of payload per message.
  public var size: Int
  public var requests: UInt64
  public var replies: UInt64

  public init(transport: Transport, size: Int, requests: UInt64, replies: UInt64) {
    self.transport = transport
    self.size = size
    self.requests = requests
    self.replies = replies
  }
}

/// Which messages an interface sends and receives.
public enum Passage: Sendable {
  /// A loopback: sends and receives each message.
  case loopback
  /// Sends requests and receives replies: the client's own, or a bridge's port to the server.
  case requestsOut
  /// Receives requests and sends replies: the server's own, or a bridge's port to the client.
  case requestsIn
  /// Not on the path.
  case none
}

/// An interface of an environment, as one who wants to listen there needs it.
public struct EnvironmentInterface: Sendable {
  /// The role of its namespace: "client", "server", "switch", "both", "host".
  public let role: String
  /// The file of its namespace; nil is the host's own.
  public let namespace: String?
  public let interface: String
  public let passage: Passage
  /// Whether a tap on it leaves the path as it is.
  public let isTappable: Bool
}

/// An interface and what an environment says about the packets that pass it.
struct PathInterface {
  let place: FurnishedNamespace
  let interface: String
  let passage: Passage
  /// In bytes: decides how many fragments a datagram is cut into.
  let mtu: Int
  var isTappable = true

  /// Whether others than the run may send here, too.
  var isShared: Bool { place.namespace == nil }
}
