/// How packets are looked at inside the path.
public struct CaptureSpec: Codable, Sendable, Equatable {
  /// What ``sampling`` may be: a power of two in this range.
  public static let samplings = 1...65_536

  /// One round trip in this many is looked at; 1 looks at all.
  public var sampling: Int

  public init(sampling: Int) { self.sampling = sampling }
}

/// A place on a round trip's way where it is known when the message passed.
public struct Waypoint: Codable, Sendable, Equatable, Hashable {
  /// Who tells the time. All of them read CLOCK_REALTIME.
  public enum Source: String, Codable, Sendable, CaseIterable {
    /// The worker itself, right before it sends and right after it has received.
    case application
    /// The kernel, for the socket: SO_TIMESTAMPING's software stamps.
    case socket
    /// The kernel, for libpcap.
    case tap
  }

  /// What the place does with the message.
  public enum Event: String, Codable, Sendable, CaseIterable {
    case send, receive
  }

  /// The role of the namespace: "client", "server", "switch", "host", "both".
  public var namespace: String
  /// The interface's name; "client" or "server" for the application.
  public var name: String
  public var source: Source
  public var event: Event

  public init(namespace: String, name: String, source: Source, event: Event) {
    self.namespace = namespace
    self.name = name
    self.source = source
    self.event = event
  }

  /// A name that is unique on its path but for the leg, e.g. "switch/port-client:receive".
  public var id: String { "\(namespace)/\(name):\(event.rawValue)" }
}

/// What happens between two neighbouring waypoints.
public enum HopKind: String, Codable, Sendable, CaseIterable {
  /// From the application's send to the first device: system call and the stack, down.
  case stackDown = "stack-down"
  /// From a device that sends to the one that receives.
  case device
  /// From a device that received to the next that sends: a bridge, a router.
  case forwarding
  /// From the last device to the application: softirq, the stack, up, and whatever the wake-up takes.
  case stackUp = "stack-up"
  /// From the server's receive to its send.
  case turnAround = "turn-around"

  public init(from: Waypoint, to: Waypoint) {
    switch (from.source, from.event, to.source, to.event) {
    case (.application, .receive, .application, .send): self = .turnAround
    case (.application, _, _, _): self = .stackDown
    case (_, _, .application, _): self = .stackUp
    case (_, .send, _, .receive): self = .device
    default: self = .forwarding
    }
  }

  /// A few words for tables.
  public var title: String {
    switch self {
    case .stackDown: "system call, stack down"
    case .device: "device"
    case .forwarding: "softirq, forwarding"
    case .stackUp: "softirq, stack up, wake-up"
    case .turnAround: "turn-around"
    }
  }
}

/// Which part of a round trip a hop belongs to.
public enum HopLeg: String, Codable, Sendable, CaseIterable {
  case request, server, reply
}

/// Quantiles of one trial's sampled round trips, in ns, by nearest rank; nil where there are too few for one.
public struct HopQuantiles: Codable, Sendable, Equatable {
  public var p50: Double?
  public var p90: Double?
  public var p99: Double?

  public init(p50: Double? = nil, p90: Double? = nil, p99: Double? = nil) {
    self.p50 = p50
    self.p90 = p90
    self.p99 = p99
  }
}

/// What one trial with taps on tells of the inside of its path.
public struct TrialHops: Codable, Sendable, Equatable {
  /// One round trip in this many was to be looked at; a tap that is let go of late sees more.
  public var sampling: Int
  /// In the order in which a round trip passes them, from the client's send to its receive.
  public var points: [Waypoint]
  /// One entry for each pair of neighbouring points.
  public var hops: [HopQuantiles]
  /// The round trips of the matched requests as the application itself measured them, by CLOCK_MONOTONIC. A request that
  /// is looked at takes longer than one that is not, so this is what the hops must sum to.
  public var roundTrip: HopQuantiles
  /// Sampled requests that the client saw answered within the window.
  public var sampled: Int
  /// Those of which every point is known.
  public var matched: Int
  /// Why the others are not: reason → requests.
  public var unmatched: [String: Int]
  /// The median, over matched requests, of (sum of the hops − the application's own round trip), in ns.
  public var requestClosure: Double?
  public var taps: [TapReading]
  /// Why the hops of this trial do not count (a full ring, a clock step); empty if they do.
  public var objections: [String]

  public init(
    sampling: Int, points: [Waypoint], hops: [HopQuantiles], roundTrip: HopQuantiles, sampled: Int, matched: Int,
    unmatched: [String: Int] = [:], requestClosure: Double?, taps: [TapReading], objections: [String] = []
  ) {
    self.sampling = sampling
    self.points = points
    self.hops = hops
    self.roundTrip = roundTrip
    self.sampled = sampled
    self.matched = matched
    self.unmatched = unmatched
    self.requestClosure = requestClosure
    self.taps = taps
    self.objections = objections
  }
}

/// The books of one tap: what became of every packet that passed its filter.
public struct TapReading: Codable, Sendable, Equatable {
  /// The role of the namespace.
  public var namespace: String
  public var interface: String
  /// Packets read from the tap.
  public var packets: Int
  /// Packets of this window's requests and replies.
  public var used: Int
  /// Packets of the warm-up, or sent after the window.
  public var outside: Int
  /// Second sights of a message at the same place in the same direction.
  public var duplicates: Int
  /// Packets that are no message of this trial.
  public var foreign: Int
  public var undecodable: Int
  /// Packets that the kernel dropped because the ring was full (pcap_stats(3)).
  public var dropped: Int
  /// Packets that the interface dropped within the window, whether for the taps or not, by its own counters.
  public var interfaceDropped: Int

  enum CodingKeys: String, CodingKey {
    case namespace, interface, packets, used, outside, duplicates, foreign, undecodable, dropped
    case interfaceDropped = "interface_dropped"
  }

  public init(
    namespace: String, interface: String, packets: Int, used: Int, outside: Int, duplicates: Int, foreign: Int,
    undecodable: Int, dropped: Int, interfaceDropped: Int
  ) {
    self.namespace = namespace
    self.interface = interface
    self.packets = packets
    self.used = used
    self.outside = outside
    self.duplicates = duplicates
    self.foreign = foreign
    self.undecodable = undecodable
    self.dropped = dropped
    self.interfaceDropped = interfaceDropped
  }
}
