internal import Capture
internal import Environments
internal import Model

/// An environment's path as a row of waypoints: the client's send, every interface on the way, the server, and all the
/// way back.
struct HopPath {
  private(set) var points: [Waypoint] = []
  /// Which points the workers' own stamps tell.
  private(set) var client = ClientPoints(sent: 0, received: 0)
  private(set) var server = ServerPoints(received: 0, sent: 0)
  /// The interfaces to listen on: those of the path with their points, and others, where nothing of ours may be seen.
  private(set) var taps: [Tapped] = []
  /// Whether the path is a loopback: libpcap sees each of its packets once only, so the sockets tell the times.
  private(set) var usesSocketStamps = false

  struct Tapped {
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
    client.sent = add(clientRole, "client", .application, .send)
    var requests: [Int: Int] = [:]
    for (number, hop) in path {
      switch hop.passage {
      case .loopback:
        usesSocketStamps = true
        client.transmitted = add(hop.role, hop.interface, .socket, .send)
        server.arrived = add(hop.role, hop.interface, .socket, .receive)
      case .requestsOut, .requestsIn:
        requests[number] = add(hop.role, hop.interface, .tap, hop.passage == .requestsOut ? .send : .receive)
      case .none: break
      }
    }
    server.received = add(serverRole, "server", .application, .receive)
    server.sent = add(serverRole, "server", .application, .send)
    for (number, hop) in path.reversed() {
      switch hop.passage {
      case .loopback:
        server.transmitted = add(hop.role, hop.interface, .socket, .send)
        client.arrived = add(hop.role, hop.interface, .socket, .receive)
      case .requestsOut, .requestsIn:
        let reply = add(hop.role, hop.interface, .tap, hop.passage == .requestsOut ? .receive : .send)
        taps.insert(
          Tapped(interface: hop, number: number, requestPoint: requests[number], replyPoint: reply), at: 0)
      case .none: break
      }
    }
    client.received = add(clientRole, "client", .application, .receive)
    for (number, other) in interfaces.enumerated() where other.passage == .none && other.isTappable {
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
