internal import CLibpcap
internal import Glibc
internal import LinuxKit

/// Where a tap is set and what it listens to.
public struct TapConfiguration: Sendable {
  /// The file of the network namespace; nil is the caller's own.
  public var namespace: String?
  public var interface: String
  public var filter: TapFilter
  /// How long the tap must be able to keep what it hears without being read, in ns.
  public var duration: UInt64
  /// Whether it listens only when it is told to (``TapSet/listen()``), and not from the beginning on.
  public var isOnDemand: Bool

  public init(
    namespace: String?, interface: String, filter: TapFilter, duration: UInt64, isOnDemand: Bool = false
  ) {
    self.namespace = namespace
    self.interface = interface
    self.filter = filter
    self.duration = duration
    self.isOnDemand = isOnDemand
  }

  /// Bytes of each packet that are kept: the headers that there can be (Ethernet, IPv6, UDP and VXLAN around Ethernet,
  /// IPv6 and TCP with its usual options) and the message's own.
  public static let capturedBytes = 192
  /// What a packet takes up in the ring, at the most: TPACKET_V3's headers and the snap length.
  static let ringBytesPerPacket = 320
  /// More packets a second than any path through the kernel carries with one request in flight.
  static let mostPacketsPerSecond = 400_000.0
  /// libpcap's blocks are this big: one maximum-sized frame.
  static let blockBytes = 262_144
  static let largestRing = 256 << 20

  /// After this long the kernel hands over a block that is not full, in ms. Each time is a timer's interrupt, which a round
  /// trip sees as some 20 µs, and uses up a block of the ring; so it must not be short. The end of the window is waited
  /// for as long, so it must not be long. At 5 ms, p99 was twice what it was without taps.
  static let retireMilliseconds: Int32 = 50

  /// The ring's size: all blocks that can be retired or filled in the duration, and a few.
  var ringBytes: Int32 {
    let seconds = Double(duration) / 1e9
    let packets = Self.mostPacketsPerSecond / Double(filter.sampling) * seconds
    let filled = Int(packets) * Self.ringBytesPerPacket / Self.blockBytes
    let retired = Int(duration / 1_000_000) / Int(Self.retireMilliseconds)
    return Int32(min(Self.largestRing, (filled + retired + 4) * Self.blockBytes))
  }
}

/// Why a tap could not be set or read.
public struct TapError: Error, Sendable, CustomStringConvertible {
  public let interface: String
  public let problem: String
  public let isPermission: Bool

  public init(interface: String, problem: String, isPermission: Bool) {
    self.interface = interface
    self.problem = problem
    self.isPermission = isPermission
  }

  public var description: String { "cannot capture on \(interface): \(problem)" }
}

/// One libpcap handle on one interface in one namespace.
///
/// It is not in immediate mode, so that libpcap uses TPACKET_V3, whose ring is written in blocks: nothing wakes the
/// reader, and nobody reads, until the window is over. Promiscuous mode is off: it would change the path of a bridge's
/// frames. Stamps have nanoseconds.
///
/// A tap on demand is open and does not listen. Each packet that passes a listening one costs 0.2 to 0.3 µs, whether the filter
/// lets it pass or not, since the kernel offers it (and clones it, if it is being sent) before there is a filter to ask.
///
/// A handle belongs to the namespace in which it was opened, and may then be used from anywhere, by one thread at a time.
final class Tap: @unchecked Sendable {
  private let configuration: TapConfiguration
  private var handle: OpaquePointer?
  /// Whether it listens only between ``listen()`` and ``park()``.
  var isOnDemand: Bool { configuration.isOnDemand }
  /// Packets read so far.
  private(set) var count = 0
  /// On a loopback the kernel counts each packet as sent and as received, and libpcap shows the latter.
  private let isLoopback: Bool
  /// Packets of a loopback that may have been counted once, because the tap began or ceased to listen in between.
  private static let mostSevered = 8
  /// Packets that the kernel counted before it had the filter: libpcap leaves out those that do not pass it.
  private var unfiltered = 0

  private init(_ configuration: TapConfiguration) {
    self.configuration = configuration
    // As libpcap tells it.
    isLoopback = configuration.interface == "lo"
  }

  deinit { close() }

  /// Opens a tap. The calling thread must be in the tap's namespace.
  static func open(_ configuration: TapConfiguration) throws(TapError) -> Tap {
    let tap = Tap(configuration)
    try tap.activate()
    return tap
  }

  private func activate() throws(TapError) {
    var text = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard let handle = pcap_create(configuration.interface, &text) else {
      throw error(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    self.handle = handle
    pcap_set_snaplen(handle, Int32(TapConfiguration.capturedBytes))
    pcap_set_promisc(handle, 0)
    pcap_set_timeout(handle, TapConfiguration.retireMilliseconds)
    pcap_set_buffer_size(handle, configuration.ringBytes)
    pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO)
    if isOnDemand { pcap_set_protocol_linux(handle, Int32(Self.parkedProtocol)) }
    let code = pcap_activate(handle)
    // Above 0 are warnings, of promiscuous mode and such, which were not asked for.
    guard code >= 0 else {
      let isPermission = code == PCAP_ERROR_PERM_DENIED || code == PCAP_ERROR_PROMISC_PERM_DENIED
      let detail = String(cString: pcap_geterr(handle))
      throw error(
        String(cString: pcap_statustostr(code)) + (detail.isEmpty ? "" : " (\(detail))"), isPermission: isPermission)
    }
    guard pcap_get_tstamp_precision(handle) == PCAP_TSTAMP_PRECISION_NANO else {
      throw error("the kernel's stamps do not have nanoseconds")
    }
    guard try packetVersion() == Self.tpacketV3 else { throw error("the kernel offers no TPACKET_V3 ring") }
    var program = bpf_program()
    guard pcap_compile(handle, &program, configuration.filter.expression, 1, PCAP_NETMASK_UNKNOWN) == 0 else {
      throw error("the filter does not compile: \(String(cString: pcap_geterr(handle)))")
    }
    defer { pcap_freecode(&program) }
    guard pcap_setfilter(handle, &program) == 0 else { throw error(String(cString: pcap_geterr(handle))) }
    unfiltered = Int(try statistics(handle).ps_recv)
    guard pcap_setnonblock(handle, 1, &text) == 0 else { throw error(String(cString: pcap_geterr(handle))) }
  }

  /// `tpacket_versions` of linux/if_packet.h.
  private static let tpacketV3: Int32 = 2
  /// PACKET_VERSION of linux/if_packet.h, at SOL_PACKET.
  private static let packetVersionOption: Int32 = 10
  private static let packetLevel: Int32 = 263

  private func packetVersion() throws(TapError) -> Int32 {
    guard let handle else { throw error("the tap is closed") }
    var version: Int32 = -1
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(pcap_fileno(handle), Self.packetLevel, Self.packetVersionOption, &version, &length) == 0 else {
      throw error("the ring's version cannot be read: \(String(cString: strerror(errno)))")
    }
    return version
  }

  /// IEEE's first ethertype for local experiments (IEEE 802, 9.2.4): nobody's packets have it. The kernel offers a tap on
  /// it none of those that pass, and does not clone what is sent.
  private static let parkedProtocol: UInt16 = 0x88b5
  /// ETH_P_ALL of linux/if_ether.h.
  private static let everyProtocol: UInt16 = 3

  /// Begins to listen. Waits for the kernel to let go of the parked listener, which takes some 10 ms; nothing is seen
  /// before that.
  func listen() throws(TapError) { try bind(to: Self.everyProtocol) }

  /// Ceases to listen, at once, and waits as long.
  func park() throws(TapError) { try bind(to: Self.parkedProtocol) }

  /// Binds the handle's socket anew, to the same interface and another protocol (packet(7)). libpcap has no call for
  /// it: its own listening begins and ends with the handle.
  private func bind(to ethertype: UInt16) throws(TapError) {
    guard let handle else { throw error("the tap is closed") }
    let socket = pcap_fileno(handle)
    var address = sockaddr_ll()
    var length = socklen_t(MemoryLayout<sockaddr_ll>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
        if getsockname(socket, rebound, &length) != 0 { return errno }
        pointer.pointee.sll_protocol = ethertype.bigEndian
        return Glibc.bind(socket, rebound, socklen_t(MemoryLayout<sockaddr_ll>.size)) == 0 ? 0 : errno
      }
    }
    guard code == 0 else { throw error("its socket cannot be bound anew: \(String(cString: strerror(code)))") }
  }

  /// The link type of its frames.
  var linkType: LinkType { handle.map { LinkType(number: UInt32(bitPattern: pcap_datalink($0))) } ?? .unknown(.max) }

  /// Hands over every packet that was kept and waits for the last block to be retired, no longer than until `deadline`.
  /// - Parameters:
  ///   - deadline: on CLOCK_MONOTONIC, in ns.
  ///   - body: gets the captured bytes, the stamp (CLOCK_REALTIME, in ns since 1970) and the length on the wire.
  /// - Returns: what the kernel counted. ``TapCounts/isComplete`` says whether that was all.
  func drain(deadline: UInt64, _ body: (RawSpan, UInt64, Int) -> Void) throws(TapError) -> TapCounts {
    guard let handle else { throw error("the tap is closed") }
    // By then every block has been retired that was begun before.
    let settled = Clock.monotonic() + 2 * UInt64(TapConfiguration.retireMilliseconds) * 1_000_000
    while true {
      let now = Clock.monotonic()
      try readAll(handle, body)
      let statistics = try statistics(handle)
      // What passed the filter, dropped packets included. A packet may be counted before its block can be read.
      let received = Int(statistics.ps_recv) - unfiltered
      let dropped = Int(statistics.ps_drop)
      let missing = received - dropped - (isLoopback ? 2 * count : count)
      let counts = TapCounts(
        packets: count, dropped: dropped,
        isComplete: missing <= 0 || isLoopback && missing <= Self.mostSevered && now >= settled)
      if counts.isComplete || now >= deadline { return counts }
      var entry = pollfd(fd: pcap_get_selectable_fd(handle), events: Int16(POLLIN), revents: 0)
      poll(&entry, 1, Int32(min(100, (deadline - now) / 1_000_000 + 1)))
    }
  }

  private func statistics(_ handle: OpaquePointer) throws(TapError) -> pcap_stat {
    var statistics = pcap_stat()
    guard pcap_stats(handle, &statistics) == 0 else { throw error(String(cString: pcap_geterr(handle))) }
    return statistics
  }

  private func readAll(_ handle: OpaquePointer, _ body: (RawSpan, UInt64, Int) -> Void) throws(TapError) {
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var bytes: UnsafePointer<UInt8>?
    while true {
      let code = pcap_next_ex(handle, &header, &bytes)
      if code == 0 { return }
      guard code == 1, let header, let bytes else { throw error(String(cString: pcap_geterr(handle))) }
      count += 1
      let frame = UnsafeRawBufferPointer(start: bytes, count: Int(header.pointee.caplen))
      // With nanosecond precision, tv_usec counts nanoseconds.
      let time = UInt64(header.pointee.ts.tv_sec) * 1_000_000_000 + UInt64(header.pointee.ts.tv_usec)
      body(RawSpan(_unsafeBytes: frame), time, Int(header.pointee.len))
    }
  }

  func close() {
    if let handle { pcap_close(handle) }
    handle = nil
  }

  private func error(_ problem: String, isPermission: Bool = false) -> TapError {
    TapError(interface: configuration.interface, problem: problem, isPermission: isPermission)
  }
}

/// What the kernel says of one tap's packets.
public struct TapCounts: Sendable, Equatable {
  /// Read from the ring.
  public var packets: Int
  /// Lost because the ring was full.
  public var dropped: Int
  /// Whether all that passed the filter was read or dropped. If not, the last block was not retired in time.
  public var isComplete: Bool
}
