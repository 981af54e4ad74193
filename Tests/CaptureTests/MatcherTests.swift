internal import Capture
internal import LinuxKit
internal import Model
internal import Testing
internal import WorkerProtocol

/// The path of these tests: client send → a send → b receive → server receive → server send → b send → a receive →
/// client receive.
private let path = [
  Waypoint(namespace: "client", name: "client", source: .application, event: .send),
  Waypoint(namespace: "client", name: "a", source: .tap, event: .send),
  Waypoint(namespace: "server", name: "b", source: .tap, event: .receive),
  Waypoint(namespace: "server", name: "server", source: .application, event: .receive),
  Waypoint(namespace: "server", name: "server", source: .application, event: .send),
  Waypoint(namespace: "server", name: "b", source: .tap, event: .send),
  Waypoint(namespace: "client", name: "a", source: .tap, event: .receive),
  Waypoint(namespace: "client", name: "client", source: .application, event: .receive),
]
private let clientPoints = ClientPoints(sent: 0, received: 7)
private let serverPoints = ServerPoints(received: 3, sent: 4)

/// What all the places saw.
private struct Trace {
  var client: [RequestStamps] = []
  var server: [RequestStamps] = []
  var taps = [
    TapTrace(observations: [], requestPoint: 1, replyPoint: 6),
    TapTrace(observations: [], requestPoint: 2, replyPoint: 5),
  ]

  /// A round trip from `start` on with these hops, seen everywhere.
  mutating func add(_ sequence: UInt64, start: UInt64, hops: [UInt64]) {
    var times = [start]
    for hop in hops { times.append((times.last ?? 0) + hop) }
    client.append(
      RequestStamps(sequence: sequence, sent: times[0], received: times[7], roundTrip: times[7] - times[0] - 3))
    server.append(RequestStamps(sequence: sequence, sent: times[4], received: times[3]))
    for (tap, request, reply) in [(0, times[1], times[6]), (1, times[2], times[5])] {
      taps[tap].observations.append(TapObservation(time: request, sequence: sequence, isReply: false))
      taps[tap].observations.append(TapObservation(time: reply, sequence: sequence, isReply: true))
    }
  }

  func match() -> MatchedRoundTrips {
    RoundTripMatcher.match(
      points: path, client: client, at: clientPoints, server: server, at: serverPoints, taps: taps)
  }
}

@Suite("Matching round trips")
struct MatcherTests {
  private static let hops: [UInt64] = [900, 300, 2000, 100, 800, 400, 2500]

  @Test("gives every hop of every round trip")
  func complete() {
    var trace = Trace()
    for number in 0..<10 {
      trace.add(UInt64(640 + 64 * number), start: UInt64(1_000_000 * (number + 1)), hops: Self.hops)
    }
    let matched = trace.match()
    #expect(matched.points == 8)
    #expect(matched.sequences == (0..<10).map { UInt64(640 + 64 * $0) })
    for (index, hop) in Self.hops.enumerated() {
      #expect(matched.hop(index) == [Int64](repeating: Int64(hop), count: 10), "hop \(index)")
    }
    #expect(matched.roundTrips == [UInt64](repeating: 6997, count: 10))
    #expect(matched.closures == [Int64](repeating: 3, count: 10))
    #expect(matched.sampled == 10 && matched.unmatched.isEmpty && matched.backwards == 0)
    #expect(matched.taps == [.init(used: 20), .init(used: 20)])
  }

  @Test("names the first place on the path that did not see a lost message")
  func lost() {
    var trace = Trace()
    for number in 0..<6 { trace.add(UInt64(number), start: UInt64(1_000_000 * (number + 1)), hops: Self.hops) }
    trace.taps[0].observations.removeAll { $0.sequence == 1 && !$0.isReply }
    trace.taps[1].observations.removeAll { $0.sequence == 1 || ($0.sequence == 2 && $0.isReply) }
    trace.server.removeAll { $0.sequence == 3 }
    let matched = trace.match()
    #expect(matched.sequences == [0, 4, 5])
    #expect(
      matched.unmatched == [
        "not seen at a (client), sending": 1, "not seen at b (server), sending": 1,
        "no stamp of the server, receiving": 1,
      ])
    #expect(matched.sampled == 6)
  }

  @Test("takes the earliest sight of a message at a place, and counts the others")
  func duplicates() {
    var trace = Trace()
    trace.add(7, start: 1_000_000, hops: Self.hops)
    trace.taps[0].observations.append(TapObservation(time: 1_000_950, sequence: 7, isReply: false))
    trace.taps[1].observations.insert(TapObservation(time: 9_000_000, sequence: 7, isReply: true), at: 0)
    trace.server.append(RequestStamps(sequence: 7, sent: 5_000_000, received: 4_000_000))
    let matched = trace.match()
    #expect((0..<7).map { matched.hop($0) } == Self.hops.map { [Int64($0)] })
    #expect(matched.taps == [.init(used: 2, duplicates: 1), .init(used: 2, duplicates: 1)])
  }

  @Test("leaves out what is not of the window, and what a tap cannot have seen")
  func outside() {
    var trace = Trace()
    trace.add(64, start: 1_000_000, hops: Self.hops)
    trace.add(192, start: 2_000_000, hops: Self.hops)
    for sequence: UInt64 in [0, 63, 65, 128, 256, .max] {
      trace.taps[0].observations.append(TapObservation(time: 5, sequence: sequence, isReply: false))
    }
    trace.taps[1].replyPoint = nil
    let matched = trace.match()
    #expect(matched.sequences.isEmpty && matched.times.isEmpty)
    #expect(matched.unmatched == ["not seen at b (server), sending": 2])
    #expect(matched.taps == [.init(used: 4, outside: 6), .init(used: 2, outside: 2)])
  }

  @Test("keeps round trips whose stamps run backwards, and counts them")
  func backwards() {
    var trace = Trace()
    trace.add(1, start: 1_000_000, hops: Self.hops)
    trace.add(2, start: 2_000_000, hops: Self.hops)
    trace.server[1].received -= 2100
    let matched = trace.match()
    #expect(matched.sequences == [1, 2])
    #expect(matched.backwards == 1)
    #expect(matched.hop(2) == [2000, -100])
  }

  @Test("uses socket stamps where they are part of the path; one that is missing leaves the round trip unmatched")
  func socketStamps() {
    let names: [(String, Waypoint.Source, Waypoint.Event)] = [
      ("client", .application, .send), ("lo", .socket, .send), ("lo", .socket, .receive),
      ("server", .application, .receive), ("server", .application, .send), ("lo", .socket, .send),
      ("lo", .socket, .receive), ("client", .application, .receive),
    ]
    let points = names.map { Waypoint(namespace: "both", name: $0, source: $1, event: $2) }
    let client = [
      RequestStamps(sequence: 4, sent: 100, transmitted: 110, arrived: 160, received: 170, roundTrip: 70),
      RequestStamps(sequence: 8, sent: 200, transmitted: 210, arrived: 0, received: 270, roundTrip: 70),
    ]
    let server = [
      RequestStamps(sequence: 8, sent: 240, transmitted: 250, arrived: 220, received: 230),
      RequestStamps(sequence: 4, sent: 140, transmitted: 150, arrived: 120, received: 130),
    ]
    let matched = RoundTripMatcher.match(
      points: points, client: client, at: ClientPoints(sent: 0, transmitted: 1, arrived: 6, received: 7),
      server: server, at: ServerPoints(arrived: 2, received: 3, sent: 4, transmitted: 5), taps: [])
    #expect(matched.sequences == [4])
    #expect(matched.times == [100, 110, 120, 130, 140, 150, 160, 170])
    #expect(matched.unmatched == ["no socket stamp at lo (both), receiving": 1])
  }

  @Test("of nothing is empty")
  func empty() {
    let matched = Trace().match()
    #expect(matched.sequences.isEmpty && matched.sampled == 0 && matched.unmatched.isEmpty)
    #expect(matched.hop(0).isEmpty && matched.closures.isEmpty)
  }

  @Test("agrees with a dictionary of everything on random traces", arguments: 0..<60)
  func property(seed: Int) {
    var random = Xorshift(seed: UInt64(seed))
    // Strides from dense tables to gaps that only a search can bridge.
    let stride = [1, 2, 64, 65_536, 3, 1 << 40][seed % 6]
    var trace = Trace()
    var sequence = random.next() >> (seed.isMultiple(of: 2) ? 40 : 8)
    for number in 0..<300 {
      sequence += UInt64(stride) * (1 + random.below(seed % 4 == 3 ? 1000 : 3))
      trace.add(
        sequence, start: UInt64(1_000_000 * (number + 1)), hops: (0..<7).map { _ in 1 + random.below(100_000) })
    }
    trace.disturb(&random, stride: UInt64(stride))

    let matched = trace.match()
    let naive = NaiveMatch(trace)
    #expect(matched.sequences == naive.times.keys.sorted())
    #expect(matched.times == matched.sequences.flatMap { naive.times[$0] ?? [] })
    #expect(matched.unmatched == naive.unmatched)
    #expect(matched.taps == naive.books)
    #expect(matched.backwards == naive.times.values.count { zip($0, $0.dropFirst()).contains { $0 > $1 } })
    #expect(matched.sequences.count + matched.unmatched.values.reduce(0, +) == matched.sampled)
    #expect((1..<trace.client.count).contains(matched.sequences.count), "the trace must be neither whole nor void")
  }
}

extension Trace {
  /// Loses, repeats, reorders, and adds what does not belong.
  fileprivate mutating func disturb(_ random: inout Xorshift, stride: UInt64) {
    for tap in taps.indices {
      var seen: [TapObservation] = []
      for observation in taps[tap].observations {
        if random.below(40) == 0 { continue }
        seen.append(observation)
        if random.below(20) == 0 {
          var again = observation
          again.time += random.below(5000)
          seen.append(again)
        }
        if random.below(20) == 0 {
          var other = observation
          other.sequence = other.sequence &+ (random.below(2) == 0 ? 1 : 7 * stride)
          seen.append(other)
        }
        if seen.count > 2 && random.below(10) == 0 { seen.swapAt(seen.count - 1, seen.count - 2) }
      }
      taps[tap].observations = seen
    }
    server.removeAll { _ in random.below(50) == 0 }
    server += server.prefix(10).map {
      RequestStamps(sequence: $0.sequence, sent: $0.sent + 9, received: $0.received + 9)
    }
    client.removeAll { _ in random.below(50) == 0 }
    client.swapAt(3, 90)
  }
}

/// The same by dictionaries of everything.
private struct NaiveMatch {
  var times: [UInt64: [UInt64]] = [:]
  var unmatched: [String: Int] = [:]
  var books: [MatchedRoundTrips.TapBooks] = []

  init(_ trace: Trace) {
    struct Place: Hashable {
      var sequence: UInt64
      var point: Int
    }
    var seen: [Place: UInt64] = [:]
    let wanted = Set(trace.client.map(\.sequence))
    for stamps in trace.client {
      seen[Place(sequence: stamps.sequence, point: 0)] = stamps.sent
      seen[Place(sequence: stamps.sequence, point: 7)] = stamps.received
    }
    for stamps in trace.server where seen[Place(sequence: stamps.sequence, point: 3)] == nil {
      seen[Place(sequence: stamps.sequence, point: 3)] = stamps.received
      seen[Place(sequence: stamps.sequence, point: 4)] = stamps.sent
    }
    for tap in trace.taps {
      var books = MatchedRoundTrips.TapBooks()
      for observation in tap.observations {
        guard wanted.contains(observation.sequence), let point = observation.isReply ? tap.replyPoint : tap.requestPoint
        else {
          books.outside += 1
          continue
        }
        let place = Place(sequence: observation.sequence, point: point)
        if let earlier = seen[place] {
          books.duplicates += 1
          seen[place] = min(earlier, observation.time)
        } else {
          books.used += 1
          seen[place] = observation.time
        }
      }
      self.books.append(books)
    }
    let reasons = [
      "", "not seen at a (client), sending", "not seen at b (server), receiving", "no stamp of the server, receiving",
      "no stamp of the server, sending", "not seen at b (server), sending", "not seen at a (client), receiving", "",
    ]
    for sequence in wanted {
      let known = (0..<8).map { seen[Place(sequence: sequence, point: $0)] }
      if let missing = known.firstIndex(of: nil) {
        unmatched[reasons[missing], default: 0] += 1
      } else {
        times[sequence] = known.compactMap(\.self)
      }
    }
  }
}

/// xorshift64* (Vigna 2016): numbers that are the same on every run.
struct Xorshift {
  private var state: UInt64

  init(seed: UInt64) { state = (seed &+ 1) &* 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  /// Uniform in 0..<bound, but for the remainder of 2⁶⁴ by it.
  mutating func below(_ bound: Int) -> UInt64 { next() % UInt64(bound) }
}

@Suite("Quantiles of hops")
struct HopQuantileTests {
  @Test("are by nearest rank: always one of the values")
  func nearestRank() {
    // 1…n shuffled by a multiplier that has no factor in common with n.
    func values(_ count: Int) -> [Int64] { (0..<count).map { Int64($0 * 7919 % count + 1) } }
    #expect(HopQuantileReduction.quantiles(values(200)) == HopQuantiles(p50: 100, p90: 180, p99: 198))
    #expect(HopQuantileReduction.quantiles(values(1001)) == HopQuantiles(p50: 501, p90: 901, p99: 991))
    #expect(HopQuantileReduction.quantiles([4, 1, 3, 2] as [UInt64]) == HopQuantiles(p50: 2))
    #expect(HopQuantileReduction.quantiles([-5, -1, -9, 3] as [Int64]) == HopQuantiles(p50: -5))
  }

  @Test("are absent where they would be the greatest value itself")
  func tooFew() {
    func present(_ count: Int) -> [Bool] {
      let quantiles = HopQuantileReduction.quantiles([Int64](repeating: 5, count: count))
      return [quantiles.p50, quantiles.p90, quantiles.p99].map { $0 == 5 }
    }
    #expect(present(0) == [false, false, false])
    #expect(present(1) == [false, false, false])
    #expect(present(2) == [true, false, false])
    #expect(present(9) == [true, false, false])
    #expect(present(10) == [true, true, false])
    #expect(present(99) == [true, true, false])
    #expect(present(100) == [true, true, true])
  }
}
