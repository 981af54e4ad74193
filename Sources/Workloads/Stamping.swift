internal import WorkerProtocol

/// What the measured loops write down about some of the requests on their way. The loops are generic over it and are
/// specialised, so that one without stamps has none of their code.
protocol Stamping {
  /// False if no request is ever stamped.
  static var isOn: Bool { get }

  /// Whether the kernel stamps these requests, too.
  var asksKernel: Bool { get }

  /// Whether the request with this number is stamped.
  func selects(_ sequence: UInt64) -> Bool

  /// Keeps one record, or notes that there is no room for it.
  mutating func keep(_ record: RequestStamps)
}

/// No stamps at all.
struct NoStamps: Stamping {
  static var isOn: Bool { @inline(__always) get { false } }

  var asksKernel: Bool { @inline(__always) get { false } }

  @inline(__always)
  func selects(_ sequence: UInt64) -> Bool { false }

  @inline(__always)
  func keep(_ record: RequestStamps) {}
}

/// Stamps of every request whose number is a multiple of a power of two, in room that is made, and written once, before
/// the window.
struct SampledStamps: Stamping {
  static var isOn: Bool { true }

  let asksKernel: Bool
  private let mask: UInt64
  private var room: [RequestStamps]
  private(set) var count = 0
  private(set) var isTruncated = false

  /// - Parameters:
  ///   - every: a power of two.
  ///   - capacity: the most records that are kept.
  init(every: UInt64, asksKernel: Bool, capacity: Int) {
    precondition(every > 0 && every & (every - 1) == 0, "one in \(every) is no power of two")
    self.asksKernel = asksKernel
    mask = every - 1
    room = [RequestStamps](repeating: RequestStamps(sequence: 0), count: capacity)
  }

  @inline(__always)
  func selects(_ sequence: UInt64) -> Bool { sequence & mask == 0 }

  mutating func keep(_ record: RequestStamps) {
    guard count < room.count else {
      isTruncated = true
      return
    }
    room[count] = record
    count += 1
  }

  /// Forgets all records and keeps their room.
  mutating func reset() {
    count = 0
    isTruncated = false
  }

  /// The records, in the order of their keeping.
  var records: ArraySlice<RequestStamps> { room[..<count] }
}

extension SampledStamps {
  /// The most records that there is room for, whatever was asked for: 192 MiB.
  static let limit: UInt64 = 1 << 22

  /// With room for the stamped requests of `duration` ns, as many as any path completes.
  init(_ configuration: WorkerConfiguration, duration: UInt64) {
    let every = configuration.stampEvery
    self.init(
      every: every, asksKernel: configuration.socketStamps, capacity: Self.capacity(every: every, duration: duration))
  }

  static func capacity(every: UInt64, duration: UInt64) -> Int {
    let requests = duration / (1_000_000_000 / RoundTripClient.fastestPerSecond)
    return Int(min(limit, requests / every + 1024))
  }
}

extension WorkerConfiguration {
  /// Whether any message is to be stamped by the kernel.
  var asksKernelForStamps: Bool { socketStamps && stampEvery > 0 }
}
