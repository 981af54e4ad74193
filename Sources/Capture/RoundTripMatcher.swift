public import Model
public import WorkerProtocol

/// One sight of a message at a tap.
public struct TapObservation: Sendable, Equatable {
  /// On CLOCK_REALTIME, in ns since 1970; never 0.
  public var time: UInt64
  /// The request's number; a reply has its request's.
  public var sequence: UInt64
  public var isReply: Bool

  public init(time: UInt64, sequence: UInt64, isReply: Bool) {
    self.time = time
    self.sequence = sequence
    self.isReply = isReply
  }
}

/// What one tap saw, and which of the path's waypoints it is.
public struct TapTrace: Sendable {
  /// In any order.
  public var observations: [TapObservation]
  /// Where requests pass the tap, as an index into the path's waypoints; nil if they do not.
  public var requestPoint: Int?
  /// Where replies pass the tap, as an index into the path's waypoints; nil if they do not.
  public var replyPoint: Int?

  public init(observations: [TapObservation], requestPoint: Int?, replyPoint: Int?) {
    self.observations = observations
    self.requestPoint = requestPoint
    self.replyPoint = replyPoint
  }
}

/// Which waypoints the client's stamps are, as indices into the path's; nil if a stamp is no part of the path.
public struct ClientPoints: Sendable, Equatable {
  public var sent: Int
  public var transmitted: Int?
  public var arrived: Int?
  public var received: Int

  public init(sent: Int, transmitted: Int? = nil, arrived: Int? = nil, received: Int) {
    self.sent = sent
    self.transmitted = transmitted
    self.arrived = arrived
    self.received = received
  }
}

/// Which waypoints the server's stamps are, as indices into the path's; nil if a stamp is no part of the path.
public struct ServerPoints: Sendable, Equatable {
  public var arrived: Int?
  public var received: Int
  public var sent: Int
  public var transmitted: Int?

  public init(arrived: Int? = nil, received: Int, sent: Int, transmitted: Int? = nil) {
    self.arrived = arrived
    self.received = received
    self.sent = sent
    self.transmitted = transmitted
  }
}

/// The round trips of which every waypoint's time is known.
public struct MatchedRoundTrips: Sendable {
  /// The books of one tap.
  public struct TapBooks: Sendable, Equatable {
    /// Sights that gave a waypoint its time.
    public var used = 0
    /// Sights of a message that is not among the client's (of the warm-up, late), or that goes in a direction of which
    /// the tap is no waypoint.
    public var outside = 0
    /// Further sights of a message at the same waypoint. The earliest counts.
    public var duplicates = 0

    public init(used: Int = 0, outside: Int = 0, duplicates: Int = 0) {
      self.used = used
      self.outside = outside
      self.duplicates = duplicates
    }
  }

  /// How many waypoints the path has.
  public var points: Int
  /// The numbers of the matched requests, ascending.
  public var sequences: [UInt64]
  /// Row-major, `sequences.count` × `points`: when each request, and its reply, passed each waypoint, in ns since 1970.
  public var times: [UInt64]
  /// The round trips as the client itself measured them, on CLOCK_MONOTONIC, in ns; one for each of `sequences`.
  public var roundTrips: [UInt64]
  /// Requests that the client has stamps of.
  public var sampled: Int
  /// Why the others are not matched: the first waypoint on the path whose time is not known, in words → requests.
  public var unmatched: [String: Int]
  /// Matched round trips whose times do not ascend along the path. They count: stamps of two CPUs may differ by more
  /// than a short hop.
  public var backwards: Int
  /// One for each tap, in the order given.
  public var taps: [TapBooks]

  /// From waypoint `index` to the next, in ns: one for each of `sequences`. Negative where the times do not ascend.
  public func hop(_ index: Int) -> [Int64] {
    precondition(index >= 0 && index + 1 < points, "there is no hop \(index) between \(points) waypoints")
    return sequences.indices.map { row in
      Int64(bitPattern: times[row * points + index + 1] &- times[row * points + index])
    }
  }

  /// For each of `sequences`, by how much the sum of its hops is longer than the client's own round trip, in ns.
  public var closures: [Int64] {
    guard points > 0 else { return [] }
    return sequences.indices.map { row in
      Int64(bitPattern: times[(row + 1) * points - 1] &- times[row * points] &- roundTrips[row])
    }
  }
}

/// Joins what the taps and both ends saw of the sampled round trips.
///
/// It knows messages by number and direction alone, out of their payload. So addresses that NAT rewrites and headers
/// that an overlay adds make no difference, nor does the order in which messages pass.
public enum RoundTripMatcher {
  /// - Parameters:
  ///   - points: the path from the client's send to its receive.
  ///   - client: which round trips there are. Lost requests have no entry.
  ///   - server: in any order; of several stamps of one request the first counts.
  ///   - taps: no two of them may be the same waypoint.
  /// - Complexity: linear in what is given; memory is that of `client` × `points`, and the observations are not copied.
  public static func match(
    points: [Waypoint], client: [RequestStamps], at clientPoints: ClientPoints, server: [RequestStamps],
    at serverPoints: ServerPoints, taps: [TapTrace]
  ) -> MatchedRoundTrips {
    let client = ascending(client)
    let index = SequenceIndex(client.map(\.sequence))
    // 0 is "not known", as in the stamps.
    var times = [UInt64](repeating: 0, count: client.count * points.count)
    let width = points.count

    for (row, stamps) in client.enumerated() {
      times[row * width + clientPoints.sent] = stamps.sent
      times[row * width + clientPoints.received] = stamps.received
      if let point = clientPoints.transmitted { times[row * width + point] = stamps.transmitted }
      if let point = clientPoints.arrived { times[row * width + point] = stamps.arrived }
    }
    var hasServer = [Bool](repeating: false, count: client.count)
    for stamps in server {
      guard let row = index.row(of: stamps.sequence), !hasServer[row] else { continue }
      hasServer[row] = true
      times[row * width + serverPoints.received] = stamps.received
      times[row * width + serverPoints.sent] = stamps.sent
      if let point = serverPoints.arrived { times[row * width + point] = stamps.arrived }
      if let point = serverPoints.transmitted { times[row * width + point] = stamps.transmitted }
    }
    let books = taps.map { enter($0, into: &times, width: width, index: index) }
    return reduce(client: client, points: points, times: &times, books: books)
  }

  private static func enter(
    _ tap: TapTrace, into times: inout [UInt64], width: Int, index: SequenceIndex
  ) -> MatchedRoundTrips.TapBooks {
    var books = MatchedRoundTrips.TapBooks()
    for observation in tap.observations {
      guard let point = observation.isReply ? tap.replyPoint : tap.requestPoint,
        let row = index.row(of: observation.sequence)
      else {
        books.outside += 1
        continue
      }
      let cell = row * width + point
      let earlier = times[cell]
      if earlier == 0 {
        books.used += 1
        times[cell] = observation.time
      } else {
        books.duplicates += 1
        // Rings of several CPUs are not read in the order of time.
        if observation.time < earlier { times[cell] = observation.time }
      }
    }
    return books
  }

  private static func reduce(
    client: [RequestStamps], points: [Waypoint], times: inout [UInt64], books: [MatchedRoundTrips.TapBooks]
  ) -> MatchedRoundTrips {
    var result = MatchedRoundTrips(
      points: points.count, sequences: [], times: [], roundTrips: [], sampled: client.count, unmatched: [:],
      backwards: 0, taps: books)
    let width = points.count
    var missing = [Int](repeating: 0, count: width)
    var kept = 0
    for (row, stamps) in client.enumerated() {
      let start = row * width
      if let gap = (0..<width).first(where: { times[start + $0] == 0 }) {
        missing[gap] += 1
        continue
      }
      // Matched rows close ranks where they lie: there is no second copy of the times.
      var isAscending = true
      for point in 0..<width {
        times[kept * width + point] = times[start + point]
        if point > 0 && times[kept * width + point] < times[kept * width + point - 1] { isAscending = false }
      }
      kept += 1
      if !isAscending { result.backwards += 1 }
      result.sequences.append(stamps.sequence)
      result.roundTrips.append(stamps.roundTrip)
    }
    times.removeSubrange((kept * width)...)
    swap(&times, &result.times)
    for (point, count) in missing.enumerated() where count > 0 {
      result.unmatched[reason(points[point]), default: 0] += count
    }
    return result
  }

  /// Why a round trip is not matched: its time at `point` is not known.
  static func reason(_ point: Waypoint) -> String {
    let verb = point.event == .send ? "sending" : "receiving"
    return switch point.source {
    case .tap: "not seen at \(point.name) (\(point.namespace)), \(verb)"
    case .socket: "no socket stamp at \(point.name) (\(point.namespace)), \(verb)"
    case .application: "no stamp of the \(point.name), \(verb)"
    }
  }

  /// One entry a sequence, by sequence. They come so; sorting is for those that do not.
  private static func ascending(_ stamps: [RequestStamps]) -> [RequestStamps] {
    if zip(stamps, stamps.dropFirst()).allSatisfy({ $0.sequence < $1.sequence }) { return stamps }
    var result: [RequestStamps] = []
    result.reserveCapacity(stamps.count)
    // The standard library's sort is stable, so of equal numbers the first stays.
    for entry in stamps.sorted(by: { $0.sequence < $1.sequence }) where entry.sequence != result.last?.sequence {
      result.append(entry)
    }
    return result
  }
}

/// From a sequence number to its row among ascending ones.
///
/// Sampled numbers are multiples of a power of two with few gaps, so a table of rows by (number − first) / stride answers
/// at once. Where gaps would make it larger than a few words a row, it is a binary search.
private struct SequenceIndex {
  private static let absent: UInt32 = .max
  /// Words of the table for each row, at the most.
  private static let mostWords = 8

  private let sequences: [UInt64]
  private let first: UInt64
  private let shift: UInt64
  private let mask: UInt64
  private let table: [UInt32]

  /// - Parameter sequences: strictly ascending.
  init(_ sequences: [UInt64]) {
    self.sequences = sequences
    let first = sequences.first ?? 0
    self.first = first
    let bits = sequences.reduce(0) { $0 | ($1 - first) }
    shift = UInt64(bits == 0 ? 0 : bits.trailingZeroBitCount)
    mask = (1 << shift) - 1
    let span = ((sequences.last ?? first) - first) >> shift
    guard !sequences.isEmpty, sequences.count < Int(Self.absent), span / UInt64(Self.mostWords) <= sequences.count
    else {
      table = []
      return
    }
    var table = [UInt32](repeating: Self.absent, count: Int(span) + 1)
    for (row, sequence) in sequences.enumerated() { table[Int((sequence - first) >> shift)] = UInt32(row) }
    self.table = table
  }

  func row(of sequence: UInt64) -> Int? {
    if table.isEmpty { return search(sequence) }
    // A number before the first wraps around and lies far beyond the table.
    let offset = sequence &- first
    let slot = offset >> shift
    guard offset & mask == 0, slot < table.count else { return nil }
    let row = table[Int(slot)]
    return row == Self.absent ? nil : Int(row)
  }

  private func search(_ sequence: UInt64) -> Int? {
    var low = 0
    var high = sequences.count
    while low < high {
      let middle = (low + high) / 2
      if sequences[middle] < sequence { low = middle + 1 } else { high = middle }
    }
    return low < sequences.count && sequences[low] == sequence ? low : nil
  }
}
