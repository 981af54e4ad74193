internal import LinuxKit
public import Model
internal import NetlinkKit

/// An environment that stands: where client and server run, and the interfaces that their packets pass.
///
/// It holds sockets in its namespaces, which keep those alive: let go of it before the resources are removed.
public struct BuiltEnvironment {
  public let client: WorkerPlace
  public let server: WorkerPlace
  public let service: ServiceAddress
  /// A proxy of ours in the path, which is still to be started.
  public let relay: RelaySpec?
  /// Proxies that run already, as the host numbers their processes: their time and memory are the path's cost, too.
  public let proxies: [Int32]
  private let path: [PathInterface]
  private let witnesses: [PathWitness]
  /// What must live as long as the environment does: the engines' and proxies' processes.
  private let companions: [AnyObject]

  /// - Parameters:
  ///   - client, server: where the two run, and what they stand in.
  ///   - service: where the server listens, and where the client sends to.
  ///   - path: the interfaces that every packet passes, in the request's order.
  ///   - others: further namespaces of the environment, whose other interfaces must stay silent.
  ///   - companions: are let go of with the environment.
  init(
    client: FurnishedNamespace, clientPlace: WorkerPlace? = nil, server: FurnishedNamespace,
    serverPlace: WorkerPlace? = nil, service: ServiceAddress, path: [PathInterface],
    others: [FurnishedNamespace] = [], relay: RelaySpec? = nil, proxies: [Int32] = [], witnesses: [PathWitness] = [],
    companions: [AnyObject] = []
  ) throws(UserError) {
    self.client = clientPlace ?? .namespace(client.path)
    self.server = serverPlace ?? .namespace(server.path)
    self.service = service
    self.relay = relay
    self.proxies = proxies
    self.witnesses = witnesses
    self.companions = companions
    var path = path
    var seen: Set<ObjectIdentifier> = []
    for place in [client, server] + others where seen.insert(ObjectIdentifier(place)).inserted {
      // The host's other interfaces carry what they carry; those of our own namespaces must carry nothing.
      guard place.isOwn else { continue }
      let links = try explained { () throws(NetlinkError) in try place.socket.links() }
      for link in links where !path.contains(where: { $0.place === place && $0.interface == link.name }) {
        // A tap on a bridge itself changes the path of every frame that it forwards; what is down carries nothing.
        let isTappable = link.isUp && link.kind != "bridge"
        path.append(
          PathInterface(
            place: place, interface: link.name, passage: .none, mtu: link.mtu, tap: isTappable ? .both : .none))
      }
    }
    self.path = path
  }

  /// The interfaces' counters as they are now.
  /// - Parameter allowsGone: whether interfaces may have gone, with a container whose process has ended.
  public func readCounters(allowsGone: Bool = false) throws(UserError) -> PathCounters {
    var readings = PathCounters(counters: [])
    for (index, hop) in path.enumerated() {
      do throws(NetlinkError) { readings.counters.append(try hop.place.socket.counters(of: hop.interface)) } catch {
        guard allowsGone && error.isMissing else { return try explained { () throws(NetlinkError) in throw error } }
        readings.counters.append(LinkCounters())
        readings.gone.insert(index)
      }
    }
    return readings
  }

  /// The interfaces of the environment: those of the path in the request's order, then all others.
  public var interfaces: [EnvironmentInterface] {
    path.map { hop in
      EnvironmentInterface(
        role: hop.place.role, namespace: hop.place.path, interface: hop.interface, passage: hop.passage,
        tap: hop.tap, encapsulation: hop.encapsulation)
    }
  }

  /// How many packets each of ``interfaces`` dropped between two readings.
  public func drops(from before: PathCounters, to after: PathCounters) -> [UInt64] {
    zip(before.counters, after.counters).map { before, after in
      let growth = after - before
      return growth.rxDropped + growth.txDropped
    }
  }

  /// What the witnesses say now. With a container, an engine's own rules and their counters go: so they are asked before
  /// the workers are stopped.
  public func askWitnesses() -> [WitnessReading] {
    witnesses.map { witness in
      do throws(UserError) { return WitnessReading(witness: witness, count: try witness.read()) } catch {
        return WitnessReading(witness: witness, failure: error.message)
      }
    }
  }

  /// Whether the packets counted between two readings are those of `traffic`, on the declared path and nowhere else.
  /// - Parameter witnesses: what they said when the window was over; nil asks them now.
  public func attest(
    from before: PathCounters, to after: PathCounters, traffic: PathTraffic, witnesses: [WitnessReading]? = nil
  ) -> Attestation {
    var attestation = PathAttestation.judge(
      zip(path, zip(before.counters, after.counters)).map { hop, reading in
        PathAttestation.Reading(hop: hop, growth: reading.1 - reading.0)
      }, traffic: traffic)
    attestation.failures += (witnesses ?? askWitnesses()).compactMap(\.objection)
    return attestation
  }
}

extension BuiltEnvironment {
  /// Whether packets passed the declared path at all, and nothing else, where it is not known how many were sent: the
  /// user's own programs.
  /// - Parameter isTalking: whether client and server have anything to say to each other.
  public func attestMovement(from before: PathCounters, to after: PathCounters, isTalking: Bool) -> Attestation {
    let messages: UInt64 = isTalking ? 1 : 0
    // What has gone with its container cannot be asked any more.
    let readings = path.indices.filter { !after.gone.contains($0) }.map { index in
      PathAttestation.Reading(hop: path[index], growth: after.counters[index] - before.counters[index])
    }
    return PathAttestation.judge(
      readings, traffic: PathTraffic(transport: .tcp, size: 1, requests: messages, replies: messages, isBulk: true),
      knowsMost: false)
  }
}

/// Counters of all interfaces of an environment at one moment.
public struct PathCounters: Sendable {
  var counters: [LinkCounters]
  /// The places of interfaces that were not there any more.
  var gone: Set<Int> = []
}

/// The messages that one window sent.
public struct PathTraffic: Sendable {
  public enum Transport: Sendable { case udp, tcp }
  public var transport: Transport
  public var family: AddressFamily
  /// Bytes of payload per request, and per reply.
  public var size: Int
  public var replySize: Int
  public var requests: UInt64
  public var replies: UInt64
  /// TCP connections made and closed for the messages, beside those that stood before.
  public var connections: UInt64
  /// Whether messages may be sent together in larger packets, and acknowledged together (bulk TCP): then only a part of
  /// the packets is sure.
  public var isBulk: Bool

  public init(
    transport: Transport, family: AddressFamily = .ipv4, size: Int, replySize: Int? = nil, requests: UInt64,
    replies: UInt64, connections: UInt64 = 0, isBulk: Bool = false
  ) {
    self.transport = transport
    self.family = family
    self.size = size
    self.replySize = replySize ?? size
    self.requests = requests
    self.replies = replies
    self.connections = connections
    self.isBulk = isBulk
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

/// Which packets a tap on an interface may be set for.
public enum TapMode: Sendable {
  case both
  /// The stamp that a received packet got on the device below stays on it: only what is sent tells a new time.
  case sentOnly
  /// A tap would change the path, or there is nothing to see.
  case none
}

/// What packets are wrapped in at an interface.
public enum Encapsulation: Sendable {
  case plain
  /// VXLAN (RFC 7348) in UDP.
  case vxlan
}

/// An interface of an environment, as one who wants to listen there needs it.
public struct EnvironmentInterface: Sendable {
  /// The role of its namespace: "client", "server", "switch", "both", "host".
  public let role: String
  /// The file of its namespace; nil is the host's own.
  public let namespace: String?
  public let interface: String
  public let passage: Passage
  public let tap: TapMode
  public let encapsulation: Encapsulation
}

/// An interface and what an environment says about the packets that pass it.
struct PathInterface {
  let place: FurnishedNamespace
  let interface: String
  let passage: Passage
  /// In bytes: decides how many fragments a datagram is cut into.
  let mtu: Int
  var tap = TapMode.both
  var encapsulation = Encapsulation.plain

  /// Whether others than the run may send here, too.
  var isShared: Bool { !place.isOwn }
}
