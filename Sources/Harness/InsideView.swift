internal import Capture
internal import Environments
internal import LinuxKit
internal import Model
internal import WorkerProtocol

/// The look inside one trial's path: taps on its interfaces, and the books of what they saw.
///
/// A tap that listens costs every packet that passes it, whether it is looked at or not. So round trips are sampled twice:
/// the taps listen for a part of the window only, and there let pass one round trip in so many that it is one in N of the
/// whole window.
///
/// Nothing is read within the window. Afterwards the taps are drained, their packets are joined with the workers' own
/// stamps, and the result says where each microsecond went, and whether the packets took the path at all.
struct InsideView {
  private let path: HopPath
  /// What the taps let pass while they listen, where packets are not wrapped in others.
  private let filter: TapFilter
  /// The part of the window in which taps listen: one in this many.
  private let parts: Int
  /// One round trip in this many is looked at.
  private let sampling: Int
  /// nil where sockets tell all the times.
  private let taps: TapSet?

  /// The taps listen for no smaller part of the window than one in this many. With a larger part, round trips that pass
  /// taps and are not looked at would be the trial's p99.
  private static let mostParts = 128
  /// Sockets look at one round trip in this many times N. The stamps of sockets cost their own message some 2 µs, and on a
  /// loopback the messages that are looked at would otherwise *be* the trial's p99.
  private static let socketFactor = 2

  /// What it may take until the last tap has ceased to listen, in ns.
  private static let parkingTime: UInt64 = 200_000_000

  /// Beyond the time after which the kernel hands over its last block, in ns.
  private static let drainPatience: UInt64 = 500_000_000

  /// Sets the taps. They do not listen yet.
  /// - Parameters:
  ///   - window: in ns.
  ///   - duration: from now to the end of the window, in ns.
  init(
    _ environment: BuiltEnvironment, workload: WorkloadSpec, spec: CaptureSpec, family: AddressFamily,
    window: UInt64, duration: UInt64
  ) throws(TapError) {
    path = HopPath(environment.interfaces)
    let parts = path.usesSocketStamps ? 1 : min(Self.mostParts, spec.sampling)
    let isSparse = path.usesSocketStamps && spec.sampling > 1
    sampling = spec.sampling * (isSparse ? Self.socketFactor : 1)
    self.parts = parts
    let filter = TapFilter(transport: workload.kind.isUDP ? .udp : .tcp, sampling: sampling / parts, family: family)
    self.filter = filter
    // The kernel lets a tap cease some 10 ms after it was told to.
    let heard = parts == 1 ? duration : window / UInt64(parts) + Self.parkingTime
    let configurations = path.taps.map { tapped in
      TapConfiguration(
        namespace: tapped.interface.namespace, interface: tapped.interface.interface,
        filter: filter.around(tapped.interface.encapsulation), duration: heard,
        // Where nothing of ours passes, listening costs nothing.
        isOnDemand: parts > 1 && tapped.isDeclared)
    }
    taps = configurations.isEmpty ? nil : try TapSet(configurations)
  }

  /// What the workers must be told.
  func configure(_ configuration: inout WorkerConfiguration) {
    configuration.stampEvery = UInt64(filter.sampling)
    configuration.socketStamps = path.usesSocketStamps
  }

  /// How long the taps listen, from the window's beginning on, in ns; nil if they do all the time, or if there are none.
  /// - Parameter window: in ns.
  func part(of window: UInt64) -> UInt64? { taps == nil || parts == 1 ? nil : window / UInt64(parts) }

  /// Lets the taps listen.
  /// - Returns: since when all of them do, on CLOCK_REALTIME, in ns.
  func listen() throws(TapError) -> UInt64 { try taps?.listen() ?? 0 }

  /// Lets them cease to.
  /// - Returns: until when all of them did, on CLOCK_REALTIME, in ns.
  func park() throws(TapError) -> UInt64 { try taps?.park() ?? .max }

  /// Where the packets are kept, if anybody wants them; nil where there are no taps.
  func recorder(directory: String, slot: RunPlan.Slot, application: String) throws(UserError) -> PacketRecorder? {
    guard let taps else { return nil }
    return try PacketRecorder(
      directory: directory, slot: slot, taps: path.taps, linkTypes: taps.linkTypes,
      filters: path.taps.map { filter.around($0.interface.encapsulation) }, application: application)
  }

  enum Failure: Error {
    /// This trial cannot be looked into.
    case tap(TapError)
    /// Packets cannot be kept.
    case recorder(UserError)
  }

  /// What a window looked like from inside.
  struct Sight {
    var hops: TrialHops
    /// Why the trial does not count: packets that were not where its environment says that they pass.
    var failures: [String]
  }

  /// What the taps of one trial have seen.
  struct Drained {
    fileprivate var sightings: [Sightings]
    fileprivate var counts: [TapCounts] = []
  }

  /// Drains the taps and takes them away. It comes before the workers are stopped: with a container its interfaces go.
  /// - Parameters:
  ///   - nonce: of this trial's messages.
  ///   - recorder: gets every packet as it is read.
  func drain(nonce: UInt64, recorder: PacketRecorder?) throws(Failure) -> Drained {
    var drained = Drained(sightings: path.taps.map { Sightings(tapped: $0, nonce: nonce) })
    guard let taps else { return drained }
    let linkTypes = taps.linkTypes
    do throws(TapError) {
      drained.counts = try taps.drain(patience: Self.drainPatience) { index, frame, time, length in
        let direction = drained.sightings[index].take(frame, time: time, linkType: linkTypes[index], length: length)
        recorder?.record(index, frame, time: time, length: length, direction: direction)
      }
    } catch { throw .tap(error) }
    taps.close()
    do throws(UserError) { try recorder?.finish(drained.counts) } catch { throw .recorder(error) }
    return drained
  }

  /// Joins what the taps saw with what the workers noted.
  /// - Parameters:
  ///   - span: when all taps listened, on CLOCK_REALTIME, in ns: other requests are not looked at.
  ///   - drops: packets that each of the environment's interfaces dropped in the window, in the order of
  ///     ``BuiltEnvironment/interfaces``.
  func look(
    _ drained: Drained, client: [RequestStamps], server: [RequestStamps], within span: Range<UInt64>, drops: [UInt64]
  ) -> Sight {
    let (sightings, counts) = (drained.sightings, drained.counts)
    let client = client.filter { span.contains($0.sent) && span.contains($0.received) }
    let matched = RoundTripMatcher.match(
      points: path.points, client: client, at: path.client, server: server, at: path.server,
      taps: sightings.map(\.trace))
    let readings = zip(sightings, zip(counts, matched.taps)).map { sighting, books in
      sighting.reading(books.0, books.1, interfaceDropped: drops[sighting.tapped.number])
    }
    let quantiles = (0..<path.points.count - 1).map { HopQuantileReduction.quantiles(matched.hop($0)) }
    let hops = TrialHops(
      sampling: sampling, points: path.points, hops: quantiles,
      roundTrip: HopQuantileReduction.quantiles(matched.roundTrips), sampled: matched.sampled,
      matched: matched.sequences.count, unmatched: matched.unmatched,
      requestClosure: HopQuantileReduction.quantiles(matched.closures).p50, taps: readings,
      objections: objections(counts, sightings, matched))
    return Sight(hops: hops, failures: attest(readings, counts, sightings, hops))
  }

  // MARK: - Judging

  /// Why the hops do not count, though the trial may.
  private func objections(_ counts: [TapCounts], _ sightings: [Sightings], _ matched: MatchedRoundTrips) -> [String] {
    var objections: [String] = []
    for (count, sighting) in zip(counts, sightings) {
      if count.dropped > 0 {
        objections.append("\(count.dropped) packets did not fit into the ring of \(sighting.name)")
      }
      if !count.isComplete { objections.append("the last packets of \(sighting.name) could not be read in time") }
    }
    if matched.sequences.isEmpty {
      objections.append(
        matched.sampled == 0 ? "no request of the window was looked at" : "no round trip was seen at every point")
    }
    return objections
  }

  /// Whether every message that was looked at passed every declared interface, once, in the declared order, and no
  /// other.
  private func attest(
    _ readings: [TapReading], _ counts: [TapCounts], _ sightings: [Sightings], _ hops: TrialHops
  ) -> [String] {
    var failures: [String] = []
    for (reading, (count, sighting)) in zip(readings, zip(counts, sightings)) {
      guard sighting.tapped.isDeclared else {
        if sighting.own > 0 {
          failures.append("\(sighting.own) messages passed \(sighting.name), which is not on the path")
        }
        continue
      }
      // Where only what is sent is looked at, replies or requests alone.
      let messages = hops.sampled * [sighting.tapped.requestPoint, sighting.tapped.replyPoint].compactMap { $0 }.count
      let missing = messages - reading.used
      // What a full ring lost may well have passed.
      if missing > 0 && count.dropped == 0 && count.isComplete {
        failures.append("\(missing) of \(messages) messages did not pass \(sighting.name), which is on the path")
      }
      // TCP repeats what it takes for lost; a datagram that is seen twice went round.
      if filter.transport == .udp && reading.duplicates > 0 {
        failures.append("\(reading.duplicates) messages passed \(sighting.name) more than once")
      }
    }
    for (index, hop) in hops.hops.enumerated() {
      if let median = hop.p50, median < 0 {
        failures.append("messages pass \(hops.points[index + 1].id) before \(hops.points[index].id)")
      }
    }
    return failures
  }
}

/// What one tap saw, sorted as it is read.
fileprivate struct Sightings {
  let tapped: HopPath.Tapped
  private let nonce: UInt64
  private var observations: [TapObservation] = []
  private var foreign = 0
  private var undecodable = 0

  init(tapped: HopPath.Tapped, nonce: UInt64) {
    self.tapped = tapped
    self.nonce = nonce
  }

  var name: String { "\(tapped.interface.interface) (\(tapped.interface.role))" }
  /// Messages of this trial, its warm-up included.
  var own: Int { observations.count }

  /// - Returns: which way the packet went through the interface, as far as that can be told.
  mutating func take(_ frame: RawSpan, time: UInt64, linkType: LinkType, length: Int) -> FrameInfo.Direction {
    do throws(UndecodableReason) {
      let packet = try PacketDecoder.decode(frame, linkType: linkType, originalLength: length)
      guard let message = packet.message, message.nonce == nonce else {
        foreign += 1
        return .unknown
      }
      observations.append(TapObservation(time: time, sequence: message.sequence, isReply: message.isReply))
      switch tapped.interface.passage {
      case .requestsOut: return message.isReply ? .inbound : .outbound
      case .requestsIn: return message.isReply ? .outbound : .inbound
      case .loopback, .none: return .unknown
      }
    } catch {
      undecodable += 1
      return .unknown
    }
  }

  var trace: TapTrace {
    TapTrace(observations: observations, requestPoint: tapped.requestPoint, replyPoint: tapped.replyPoint)
  }

  func reading(_ counts: TapCounts, _ books: MatchedRoundTrips.TapBooks, interfaceDropped: UInt64) -> TapReading {
    TapReading(
      namespace: tapped.interface.role, interface: tapped.interface.interface, packets: counts.packets,
      used: books.used, outside: books.outside, duplicates: books.duplicates, foreign: foreign,
      undecodable: undecodable, dropped: counts.dropped, interfaceDropped: Int(clamping: interfaceDropped))
  }
}

extension TapFilter {
  /// The same messages, wrapped as they are at an interface.
  fileprivate func around(_ encapsulation: Environments.Encapsulation) -> TapFilter {
    var filter = self
    filter.encapsulation = encapsulation == .vxlan ? .vxlan : .plain
    return filter
  }
}
