/// What `bench hops FILE…` finds: `bench.hops/1`, described in docs/hops.md.
public struct FileHopsResult: Codable, Sendable, Equatable {
  public static let currentSchema = "bench.hops/1"

  /// One capture file.
  public struct File: Codable, Sendable, Equatable {
    public var path: String
    /// Packets read from it, and bytes.
    public var packets: Int
    public var bytes: Int64
    /// Why it was not read to its end; nil if it was.
    public var problem: String?

    public init(path: String, packets: Int, bytes: Int64, problem: String? = nil) {
      self.path = path
      self.packets = packets
      self.bytes = bytes
      self.problem = problem
    }
  }

  /// One place at which packets were seen: an interface of a file. The books are of its packets: what is not used is a
  /// duplicate, or has no time, or is undecodable.
  public struct Tap: Codable, Sendable, Equatable {
    /// Unique in this result.
    public var name: String
    /// As an index into ``FileHopsResult/files``.
    public var file: Int
    /// The interface's name where the file has one.
    public var interface: String?
    public var packets: Int
    /// First sights of a packet at the tap.
    public var used: Int
    /// Further sights of a packet at the tap.
    public var duplicates: Int
    /// Packets that are not looked at: reason → packets.
    public var undecodable: [String: Int]
    /// Packets with a time before that of the one before them at the tap, and the number of the first in its file.
    public var backwards: Int
    public var firstBackwards: Int?
    /// Packets of which fewer bytes were kept than are compared.
    public var cutShort: Int
    /// Packets that the capture lost, if the file says so.
    public var dropped: UInt64?
    /// Whether its stamps are no finer than a microsecond.
    public var isCoarse: Bool
    /// The earliest and the latest packet, in ns since 1970; nil without packets that have a time.
    public var earliest: Int64?
    public var latest: Int64?

    enum CodingKeys: String, CodingKey {
      case name, file, interface, packets, used, duplicates, undecodable, backwards, dropped, earliest, latest
      case firstBackwards = "first_backwards"
      case cutShort = "cut_short"
      case isCoarse = "coarse"
    }

    public init(
      name: String, file: Int, interface: String? = nil, packets: Int = 0, used: Int = 0, duplicates: Int = 0,
      undecodable: [String: Int] = [:], backwards: Int = 0, firstBackwards: Int? = nil, cutShort: Int = 0,
      dropped: UInt64? = nil, isCoarse: Bool = false, earliest: Int64? = nil, latest: Int64? = nil
    ) {
      self.name = name
      self.file = file
      self.interface = interface
      self.packets = packets
      self.used = used
      self.duplicates = duplicates
      self.undecodable = undecodable
      self.backwards = backwards
      self.firstBackwards = firstBackwards
      self.cutShort = cutShort
      self.dropped = dropped
      self.isCoarse = isCoarse
      self.earliest = earliest
      self.latest = latest
    }
  }

  /// A distribution of durations in ns. Quantiles are by nearest rank, and so are values that occurred.
  public struct Durations: Codable, Sendable, Equatable {
    public var count: Int
    public var min: Int64
    public var p50: Int64
    /// Nil for fewer than 20 values, and p99 for fewer than 200.
    public var p90: Int64?
    public var p99: Int64?
    public var max: Int64

    public init(count: Int, min: Int64, p50: Int64, p90: Int64?, p99: Int64?, max: Int64) {
      self.count = count
      self.min = min
      self.p50 = p50
      self.p90 = p90
      self.p99 = p99
      self.max = max
    }
  }

  /// From one tap to the next.
  public struct Hop: Codable, Sendable, Equatable {
    /// As indices into ``FileHopsResult/taps``.
    public var from: Int
    public var to: Int
    public var durations: Durations

    public init(from: Int, to: Int, durations: Durations) {
      self.from = from
      self.to = to
      self.durations = durations
    }
  }

  /// The packets of one direction.
  public struct Direction: Codable, Sendable, Equatable {
    /// From the tap that sees packets first to that which sees them last, as indices into ``FileHopsResult/taps``.
    public var order: [Int]
    /// Different packets, whatever the number of their sights.
    public var packets: Int
    /// Those seen at two taps or more that go into hops.
    public var paired: Int
    /// Why the others do not: reason → packets.
    public var unpaired: [String: Int]
    /// Between neighbours of `order` that have packets in common.
    public var hops: [Hop]

    public init(order: [Int], packets: Int, paired: Int, unpaired: [String: Int], hops: [Hop]) {
      self.order = order
      self.packets = packets
      self.paired = paired
      self.unpaired = unpaired
      self.hops = hops
    }
  }

  /// From a request to its reply, as one tap saw them: all that lies beyond the tap.
  public struct RoundTrip: Codable, Sendable, Equatable {
    /// As an index into ``FileHopsResult/taps``.
    public var tap: Int
    public var durations: Durations

    public init(tap: Int, durations: Durations) {
      self.tap = tap
      self.durations = durations
    }
  }

  /// Packets that are told apart, and joined, in the same way.
  public struct Traffic: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable, CaseIterable {
      /// Requests and replies of bench's own workloads, known by their numbers.
      case messages
      /// All other UDP and TCP packets, known by what they carry.
      case packets
    }

    public var kind: Kind
    /// Requests, or packets from the client to the server; the client is who sent first.
    public var forward: Direction
    public var backward: Direction
    /// Of messages only; in the order of ``forward``.
    public var roundTrips: [RoundTrip]

    enum CodingKeys: String, CodingKey {
      case kind, forward, backward
      case roundTrips = "round_trips"
    }

    public init(kind: Kind, forward: Direction, backward: Direction, roundTrips: [RoundTrip]) {
      self.kind = kind
      self.forward = forward
      self.backward = backward
      self.roundTrips = roundTrips
    }
  }

  public var schema: String
  public var files: [File]
  public var taps: [Tap]
  public var traffic: [Traffic]
  /// What to know before trusting the numbers, in sentences.
  public var notices: [String]

  public init(files: [File], taps: [Tap], traffic: [Traffic], notices: [String]) {
    schema = Self.currentSchema
    self.files = files
    self.taps = taps
    self.traffic = traffic
    self.notices = notices
  }
}
