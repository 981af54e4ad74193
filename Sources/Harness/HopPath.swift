internal import Capture
internal import Environments
internal import Model

/// An environment's path as a row of waypoints: the client's send, every interface on the way that can be listened to, the
/// server, and all the way back.
struct HopPath {
  private(set) var points: [Waypoint] = []
  /// Which points the workers' own stamps tell.
  private(set) var client = ClientPoints(sent: 0, received: 0)
  private(set) var server = ServerPoints(received: 0, sent: 0)
  /// The interfaces to listen on: those of the path with their points, and others, where nothing of ours may be seen.
  private(set) var taps: [Tapped] = []
  /// Whether the path is one loopback and nothing else: libpcap sees each of its packets once only, so the sockets tell
  /// the times.
  let usesSocketStamps: Bool

  struct Tapped {
    /// Also says what the packets are wrapped in there.
    var interface: EnvironmentInterface
    /// Its place among the environment's interfaces.
    var number: Int
    var requestPoint: Int?
    var replyPoint: Int?

    var isDeclared: Bool { interface.passage != .none }
  }

  init(_ interfaces: [EnvironmentInterface]) {
    let path = interfaces.enumerated().filter { $0.element.passage != .none }
    let (clientRole, serverRole) = (path.first?.element.role ?? "client", path.last?.element.role ?? "server")
    usesSocketStamps = path.count == 1 && path[0].element.passage == .loopback
    client.sent = add(clientRole, "client", .application, .send)
    var requests: [Int: Int] = [:]
    for (number, hop) in path {
      if usesSocketStamps {
        client.transmitted = add(hop.role, hop.interface, .socket, .send)
        server.arrived = add(hop.role, hop.interface, .socket, .receive)
      } else if let event = hop.requestEvent {
        requests[number] = add(hop.role, hop.interface, .tap, event)
      }
    }
    server.received = add(serverRole, "server", .application, .receive)
    server.sent = add(serverRole, "server", .application, .send)
    for (number, hop) in path.reversed() {
      if usesSocketStamps {
        server.transmitted = add(hop.role, hop.interface, .socket, .send)
        client.arrived = add(hop.role, hop.interface, .socket, .receive)
      } else if hop.tap != .none {
        let reply = hop.replyEvent.map { add(hop.role, hop.interface, .tap, $0) }
        taps.insert(
          Tapped(interface: hop, number: number, requestPoint: requests[number], replyPoint: reply), at: 0)
      }
    }
    client.received = add(clientRole, "client", .application, .receive)
    for (number, other) in interfaces.enumerated() where other.passage == .none && other.tap != .none {
      taps.append(Tapped(interface: other, number: number))
    }
  }

  private mutating func add(
    _ namespace: String, _ name: String, _ source: Waypoint.Source, _ event: Waypoint.Event
  ) -> Int {
    points.append(Waypoint(namespace: namespace, name: name, source: source, event: event))
    return points.count - 1
  }
}

extension EnvironmentInterface {
  /// What a tap here tells of a request; nil if nothing.
  fileprivate var requestEvent: Waypoint.Event? { told(passage == .requestsOut ? .send : .receive) }

  /// What a tap here tells of a reply; nil if nothing.
  fileprivate var replyEvent: Waypoint.Event? { told(passage == .requestsIn ? .send : .receive) }

  /// A loopback sends and receives each packet, of which libpcap shows the receiving.
  private func told(_ event: Waypoint.Event) -> Waypoint.Event? {
    switch tap {
    case .both: event
    case .sentOnly: event == .send ? event : nil
    case .none: nil
    }
  }
}
