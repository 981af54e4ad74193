internal import CLibpcap
internal import Glibc
internal import LinuxKit

/// The taps of one trial.
///
/// Opening and closing one costs tens of milliseconds, in which the kernel waits for all CPUs to have passed a quiet
/// state. So all are opened at the same time, and closed at the same time, each by a thread of its own, which enters the
/// tap's namespace first.
public final class TapSet {
  private var taps: [Tap]
  private var stamps: EarlyStamps?
  /// From ``listen()`` to ``park()``.
  private var parking: PreparedThreads<TapError?>?

  /// - Throws: what stood in the way of the first tap that could not be opened; no tap is open then.
  public init(_ configurations: [TapConfiguration]) throws(TapError) {
    stamps = try EarlyStamps()
    let opened = onDedicatedThreads(configurations) { configuration throws(SystemError) -> Result<Tap, TapError> in
      if let namespace = configuration.namespace { try NetworkNamespace.enter(path: namespace) }
      return Result { () throws(TapError) in try Tap.open(configuration) }
    }
    taps = []
    var failure: TapError?
    for (configuration, result) in zip(configurations, opened) {
      switch result {
      case .success(.success(let tap)): taps.append(tap)
      case .success(.failure(let error)): failure = failure ?? error
      case .failure(let error):
        failure =
          failure
          ?? TapError(interface: configuration.interface, problem: "\(error)", isPermission: error.isPermission)
      }
    }
    if let failure {
      close()
      throw failure
    }
  }

  deinit { close() }

  /// Name and version of the library, e.g. "libpcap version 1.10.3 (with TPACKET_V3)".
  public static var library: String { String(cString: pcap_lib_version()) }

  /// The taps' link types, in the order of the configurations.
  public var linkTypes: [LinkType] { taps.map(\.linkType) }

  /// Lets all taps on demand listen from now on.
  /// - Returns: since when all of them do: CLOCK_REALTIME, in ns since 1970. Packets of before may be seen by some.
  public func listen() throws(TapError) -> UInt64 {
    try Self.check(prepare { tap throws(TapError) in try tap.listen() }.run())
    // Threads are started now, not when taps have cost enough.
    parking = prepare { tap throws(TapError) in try tap.park() }
    return Clock.realtime()
  }

  /// Lets all taps on demand cease to listen.
  /// - Returns: until when all of them did: CLOCK_REALTIME, in ns since 1970.
  public func park() throws(TapError) -> UInt64 {
    let end = Clock.realtime()
    try Self.check(parking.take()?.run() ?? [])
    return end
  }

  /// Something to do to all taps on demand at the same time.
  private func prepare(
    _ body: @escaping @Sendable (Tap) throws(TapError) -> Void
  ) -> PreparedThreads<TapError?> {
    PreparedThreads(taps.filter(\.isOnDemand)) { tap throws(SystemError) -> TapError? in
      do throws(TapError) { try body(tap) } catch { return error }
      return nil
    }
  }

  private static func check(_ results: [Result<TapError?, SystemError>]) throws(TapError) {
    for case .success(let error?) in results { throw error }
    for case .failure(let error) in results {
      throw TapError(interface: "a thread of its own", problem: "\(error)", isPermission: false)
    }
  }

  /// Reads everything that the taps have kept, one tap after the other, and waits for their last blocks to be retired.
  /// - Parameters:
  ///   - patience: how long to wait for the last blocks of all, in ns.
  ///   - body: gets the index of the tap, the captured bytes, the stamp (CLOCK_REALTIME, in ns since 1970) and the
  ///     length on the wire.
  /// - Returns: one entry a tap.
  public func drain(patience: UInt64, _ body: (Int, RawSpan, UInt64, Int) -> Void) throws(TapError) -> [TapCounts] {
    let deadline = Clock.monotonic() + patience
    var counts: [TapCounts] = []
    for (index, tap) in taps.enumerated() {
      counts.append(try tap.drain(deadline: deadline) { body(index, $0, $1, $2) })
    }
    return counts
  }

  /// Closes all taps. Closing twice is no error.
  public func close() {
    // Its threads must not wait for ever.
    _ = parking.take()?.run()
    _ = onDedicatedThreads(taps) { tap throws(SystemError) in tap.close() }
    taps = []
    stamps = nil
  }
}

/// While one of these exists, the kernel stamps each packet when it enters the receiving device's queue, not when the
/// first listener comes to it.
///
/// The kernel does so only while any socket on the host wants stamps, be it that of a time daemon. Without this, what a
/// hop is would depend on what else runs on the host: with it, a hop ends where the device hands the packet over, and
/// the softirq that takes it from there belongs to the next hop.
private final class EarlyStamps {
  private let socket: Int32

  init() throws(TapError) {
    socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var on: Int32 = 1
    guard socket >= 0,
      setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
    else {
      let reason = String(cString: strerror(errno))
      if socket >= 0 { Glibc.close(socket) }
      throw TapError(interface: "any interface", problem: "SO_TIMESTAMPNS: \(reason)", isPermission: false)
    }
  }

  deinit { Glibc.close(socket) }
}
