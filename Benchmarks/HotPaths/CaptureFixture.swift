internal import Capture
internal import Model
internal import WorkerProtocol

/// Frames as a tap on a veth pair has them: Ethernet, IPv4, UDP and a message of 64 bytes, one behind the other.
struct FramesFixture {
  let count: Int
  private let bytes: [UInt8]
  private static let length = 14 + 20 + 8 + 64

  init(count: Int) {
    self.count = count
    var frame: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00]
    frame += [0x45, 0, 0, 92, 0, 1, 0x40, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 18, 0, 2]
    frame += [0x80, 0, 0x90, 0, 0, 72, 0, 0]
    frame += [UInt8](repeating: 0, count: 8) + Array("BNCH".utf8) + [UInt8](repeating: 7, count: 52)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * Self.length)
    for index in 0..<count {
      withUnsafeBytes(of: UInt64(index).littleEndian) { frame.replaceSubrange(42..<50, with: $0) }
      bytes += frame
    }
    self.bytes = bytes
  }

  func withFrame(_ index: Int, _ body: (RawSpan) -> Void) {
    body(bytes.span.bytes.extracting(index * Self.length..<(index + 1) * Self.length))
  }
}

/// What four taps on a bridge's path and both ends saw of round trips of 10 µs, every one of them looked at.
struct TracesFixture {
  let points: [Waypoint]
  let clientPoints = ClientPoints(sent: 0, received: 11)
  let serverPoints = ServerPoints(received: 5, sent: 6)
  let client: [RequestStamps]
  let server: [RequestStamps]
  let taps: [TapTrace]

  init(roundTrips count: Int) {
    points = (0..<12).map {
      Waypoint(namespace: "n", name: "p\($0)", source: .tap, event: $0 % 2 == 0 ? .send : .receive)
    }
    func time(_ index: Int, _ point: Int) -> UInt64 {
      1_800_000_000_000_000_000 + UInt64(index) * 10_000 + UInt64(point) * 800
    }
    client = (0..<count).map {
      RequestStamps(sequence: UInt64($0), sent: time($0, 0), received: time($0, 11), roundTrip: 8800)
    }
    server = (0..<count).map { RequestStamps(sequence: UInt64($0), sent: time($0, 6), received: time($0, 5)) }
    taps = (0..<4).map { tap in
      var observations: [TapObservation] = []
      observations.reserveCapacity(2 * count)
      for index in 0..<count {
        let sequence = UInt64(index)
        observations.append(TapObservation(time: time(index, 1 + tap), sequence: sequence, isReply: false))
        observations.append(TapObservation(time: time(index, 10 - tap), sequence: sequence, isReply: true))
      }
      return TapTrace(observations: observations, requestPoint: 1 + tap, replyPoint: 10 - tap)
    }
  }
}
