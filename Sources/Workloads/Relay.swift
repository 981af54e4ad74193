internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// A proxy in user space between clients and one target, until SIGTERM: what stands in the way to a published port that
/// is carried by a process, and not by the kernel's rules.
///
/// It asks of the kernel what Docker's userland proxy (moby, cmd/docker-proxy) asks of it. For TCP that is one connection
/// to the target for each that comes, TCP_NODELAY on both (Go's default), and splice(2) through a pipe of 1 MiB in each
/// direction, which is what Go's io.Copy between two connections comes to: the bytes do not pass through user space. An
/// end of the stream is carried on as one (half-close). Under strace, a small message costs either of them three splices
/// (in, out, and one that finds nothing more) and one epoll_wait. For UDP it is one connected socket for each client's
/// address, and one copy in and one out. A target that cannot be reached ends a connection, and lets datagrams be lost.
///
/// What differs:
///
/// - A reset of one side is carried on as a reset. docker-proxy ends the other side in good order, and is left with one
///   connection in TIME_WAIT for each that a client has reset: after some 28 000 of tcp-crr within a minute it has no
///   port left.
/// - It is one thread around epoll(7) that sleeps when there is nothing to do. Go's scheduler moves the work between
///   threads, which look for more of it for a while before they sleep.
/// - A flow of datagrams ends when its place is needed, and not when it has been idle for 90 s.
public struct Relay: ServerLoop {
  /// Connections that may wait for being accepted: as many as Go asks for (the kernel's default for its limit).
  private static let backlog: Int32 = 4096

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  /// - Returns: how many chunks (what one splice(2) took, for TCP) and datagrams were carried, both ways together, as
  ///   `echoed`.
  public func run(listening: (UInt16) throws(WorkloadError) -> Void) throws(WorkloadError) -> ServerOutcome {
    let isStream = configuration.transport == .tcp
    let target = try explained { () throws(SystemError) in
      try Endpoint(address: configuration.targetAddress, port: configuration.targetPort)
    }
    let socket = try explained { () throws(SystemError) in
      try systemCall("sigaction") { clinux_catch_stop() }
      // A target that has gone is told by the result of the call. splice(2) has no other way to be rid of the signal.
      signal(SIGPIPE, SIG_IGN)
      Self.raiseDescriptorLimit()
      let address = try Endpoint(address: configuration.address, port: configuration.port)
      let socket = try Socket(isStream ? .tcp : .udp, family: address.family)
      try socket.bind(to: address)
      let fd = socket.fd
      if isStream { try systemCall("listen") { listen(fd, Self.backlog) } }
      try setNonBlocking(fd)
      return socket
    }
    let poller = try explained { () throws(SystemError) in try Poller(isSpinning: configuration.wait == .spin) }
    try listening(try explained { () throws(SystemError) in try socket.localPort() })
    var result = ServerResult()
    result.echoed = try explained { () throws(SystemError) in
      if isStream {
        var relay = StreamRelay(poller: poller, target: target)
        return try relay.serve(listener: socket.fd)
      }
      var relay = DatagramRelay(poller: poller, target: target)
      return try relay.serve(listener: socket.fd)
    }
    return ServerOutcome(result: result)
  }

  /// Six descriptors a connection: the usual soft limit of 1024 is soon reached. Go's runtime does the same.
  private static func raiseDescriptorLimit() {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(resource, &limit)
  }
}

private func setNonBlocking(_ fd: Int32) throws(SystemError) {
  try systemCall("fcntl", on: "O_NONBLOCK") { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) }
}

/// The descriptors that are waited for, each with a number of its owner's choice. What is ready stays ready
/// (level-triggered).
private final class Poller {
  static let input = EPOLLIN.rawValue
  static let output = EPOLLOUT.rawValue
  /// Reported whether asked for or not.
  static let failure = EPOLLERR.rawValue | EPOLLHUP.rawValue
  /// The number of the listening socket.
  static let listener = UInt64.max

  private let descriptor: Descriptor
  /// Milliseconds: short enough to see soon that a stop is wanted, where its signal came between look and wait.
  private let timeout: Int32
  private var events = [epoll_event](repeating: epoll_event(), count: 64)

  init(isSpinning: Bool) throws(SystemError) {
    descriptor = Descriptor(
      owning: try systemCall("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    timeout = isSpinning ? 0 : 100
  }

  /// Waits for `wanted` of `fd` from now on, which it did for `before` until now; for none at all, not even for errors,
  /// where that is 0.
  func change(_ fd: Int32, from before: UInt32, to wanted: UInt32, number: UInt64) throws(SystemError) {
    guard wanted != before else { return }
    var event = epoll_event()
    event.events = wanted
    event.data.u64 = number
    let operation = wanted == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
    let poller = descriptor.rawValue
    try systemCall("epoll_ctl") { epoll_ctl(poller, operation, fd, &event) }
  }

  /// Calls `body` for each descriptor that is ready, with its number and what it is ready for.
  func wait(_ body: (UInt64, UInt32) throws(SystemError) -> Void) throws(SystemError) {
    let count = epoll_wait(descriptor.rawValue, &events, Int32(events.count), timeout)
    if count < 0 {
      let code = errno
      if code != EINTR { throw SystemError(call: "epoll_wait", code: code) }
    }
    for index in 0..<Int(max(0, count)) { try body(events[index].data.u64, events[index].events) }
  }
}

// MARK: - TCP

/// One way of a connection: from one socket through a pipe into the other.
private struct OneWay {
  /// How often it is served in a row before others have their turn.
  private static let turns = 16
  private static let largestChunk = 1 << 20

  let source: Int32
  let sink: Int32
  let pipe: SplicePipe
  /// Bytes in the pipe.
  private(set) var held = 0
  /// Whether the source has said its last.
  private(set) var isEnded = false
  /// Whether the sink has been told so.
  private(set) var isDone = false

  init(source: Int32, sink: Int32, pipe: SplicePipe) {
    self.source = source
    self.sink = sink
    self.pipe = pipe
  }

  var wantsInput: Bool { held == 0 && !isEnded }
  var wantsOutput: Bool { held > 0 }

  /// Carries what there is. Nothing is read while something is in the pipe, so EAGAIN always means the socket.
  /// - Returns: false if one side is broken.
  mutating func carry(_ chunks: inout UInt64) -> Bool {
    for _ in 0..<Self.turns where !isDone {
      if held == 0 && !isEnded {
        let count = clinux_splice(source, pipe.writing, Self.largestChunk)
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        held = count
        isEnded = count == 0
      }
      if held > 0 {
        let count = clinux_splice(pipe.reading, sink, held)
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        held -= count
        if held == 0 { chunks &+= 1 }
      }
      if isEnded && held == 0 {
        shutdown(sink, Int32(SHUT_WR))
        isDone = true
      }
    }
    return true
  }
}

private final class SplicePipe {
  private let ends: Descriptor.Pipe

  var reading: Int32 { ends.reading.rawValue }
  var writing: Int32 { ends.writing.rawValue }

  init() throws(SystemError) {
    ends = try Descriptor.pipe()
    // F_SETPIPE_SZ, which glibc hides behind _GNU_SOURCE. As large as Go's; where it may not be, the default does, too.
    _ = fcntl(ends.writing.rawValue, 1031, 1 << 20)
  }
}

private final class RelayedConnection {
  private let client: Descriptor
  private let target: Descriptor
  private var forth: OneWay
  private var back: OneWay
  private let number: UInt64
  /// What is waited for at present.
  private var clientInterest: UInt32 = 0
  private var targetInterest: UInt32 = 0
  private var isConnected = false

  init(client: consuming Descriptor, target: consuming Descriptor, pipes: (SplicePipe, SplicePipe), number: UInt64) {
    forth = OneWay(source: client.rawValue, sink: target.rawValue, pipe: pipes.0)
    back = OneWay(source: target.rawValue, sink: client.rawValue, pipe: pipes.1)
    self.client = client
    self.target = target
    self.number = number
  }

  /// The pipes that are as good as new.
  var emptyPipes: [SplicePipe] { [forth, back].filter { $0.held == 0 }.map(\.pipe) }

  /// Sees to it that both sides are broken off, and not ended in good order, when this goes.
  /// - Returns: false: it is over.
  private func broken() -> Bool {
    var option = linger(l_onoff: 1, l_linger: 0)
    for fd in [client.rawValue, target.rawValue] {
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
    return false
  }

  /// Waits for the target to answer. Until then nothing is taken from the client.
  func awaitTarget(_ poller: Poller) throws(SystemError) {
    try poller.change(target.rawValue, from: 0, to: Poller.output, number: number | 1)
    targetInterest = Poller.output
  }

  /// - Returns: false if the connection is over.
  func serve(isTarget: Bool, _ ready: UInt32, _ poller: Poller, _ chunks: inout UInt64) throws(SystemError) -> Bool {
    if !isConnected {
      var code: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(target.rawValue, SOL_SOCKET, SO_ERROR, &code, &length)
      if code != 0 { return false }
      isConnected = true
    } else {
      if ready & (Poller.input | Poller.failure) != 0 {
        guard isTarget ? back.carry(&chunks) : forth.carry(&chunks) else { return broken() }
      }
      if ready & (Poller.output | Poller.failure) != 0 {
        guard isTarget ? forth.carry(&chunks) : back.carry(&chunks) else { return broken() }
      }
      if forth.isDone && back.isDone { return false }
    }
    let clientWanted = interest(from: forth, to: back)
    try poller.change(client.rawValue, from: clientInterest, to: clientWanted, number: number)
    clientInterest = clientWanted
    let targetWanted = interest(from: back, to: forth)
    try poller.change(target.rawValue, from: targetInterest, to: targetWanted, number: number | 1)
    targetInterest = targetWanted
    return true
  }

  private func interest(from out: OneWay, to into: OneWay) -> UInt32 {
    (out.wantsInput ? Poller.input : 0) | (into.wantsOutput ? Poller.output : 0)
  }
}

private struct StreamRelay {
  /// Pipes that are kept for the next connection: making one costs more than a small exchange.
  private static let mostSpare = 64

  let poller: Poller
  let target: Endpoint
  private var connections: [RelayedConnection?] = []
  private var spare: [SplicePipe] = []
  private var chunks: UInt64 = 0

  init(poller: Poller, target: Endpoint) {
    self.poller = poller
    self.target = target
  }

  mutating func serve(listener: Int32) throws(SystemError) -> UInt64 {
    try poller.change(listener, from: 0, to: Poller.input, number: Poller.listener)
    while clinux_stop_requested() == 0 {
      try poller.wait { number, ready throws(SystemError) in
        if number == Poller.listener {
          try accept(listener)
        } else {
          try serve(Int(number >> 1), isTarget: number & 1 == 1, ready)
        }
      }
    }
    return chunks
  }

  private mutating func accept(_ listener: Int32) throws(SystemError) {
    let accepted = Glibc.accept(listener, nil, nil)
    if accepted < 0 {
      let code = errno
      // What is left is a fault of this process or of the host, such as too many descriptors.
      guard [EAGAIN, EINTR, ECONNABORTED].contains(code) else { throw SystemError(call: "accept", code: code) }
      return
    }
    let client = Descriptor(owning: accepted)
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let family = target.family
    let upstream = Descriptor(owning: try systemCall("socket", on: "tcp") { socket(family, type, 0) })
    try setNonBlocking(client.rawValue)
    for fd in [client.rawValue, upstream.rawValue] {
      var flag: Int32 = 1
      setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &flag, socklen_t(MemoryLayout<Int32>.size))
    }
    let fd = upstream.rawValue
    let code = try target.withSocketAddress { pointer, length throws(SystemError) in
      connect(fd, pointer, length) == 0 ? 0 : errno
    }
    // Refused at once: client and upstream are closed.
    guard code == 0 || code == EINPROGRESS else { return }
    let pipes = (try pipe(), try pipe())
    let slot = connections.firstIndex { $0 == nil } ?? connections.count
    let connection = RelayedConnection(
      client: client, target: upstream, pipes: pipes, number: UInt64(slot) << 1)
    try connection.awaitTarget(poller)
    if slot == connections.count { connections.append(connection) } else { connections[slot] = connection }
  }

  private mutating func pipe() throws(SystemError) -> SplicePipe {
    if let pipe = spare.popLast() { return pipe }
    return try SplicePipe()
  }

  private mutating func serve(_ slot: Int, isTarget: Bool, _ ready: UInt32) throws(SystemError) {
    // What ended a connection may have been reported for its other side at the same time.
    guard let connection = connections[slot] else { return }
    if try connection.serve(isTarget: isTarget, ready, poller, &chunks) { return }
    connections[slot] = nil
    spare += connection.emptyPipes.prefix(Self.mostSpare - min(spare.count, Self.mostSpare))
  }
}

// MARK: - UDP

/// A client's address as the kernel gives it, to find its flow by.
private struct PeerAddress: Hashable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  private var length = socklen_t()

  static func == (a: PeerAddress, b: PeerAddress) -> Bool { a.words == b.words }

  func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }

  /// Receives one datagram, and notes who sent it.
  mutating func receive(_ fd: Int32, into buffer: inout [UInt8]) -> Int {
    length = socklen_t(MemoryLayout.size(ofValue: words))
    return withUnsafeMutableBytes(of: &words) { bytes in
      recvfrom(
        fd, &buffer, buffer.count, Int32(MSG_DONTWAIT), bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        &length)
    }
  }

  func send(_ fd: Int32, _ buffer: [UInt8], _ count: Int) -> Int {
    withUnsafeBytes(of: words) { bytes in
      sendto(
        fd, buffer, count, Int32(MSG_DONTWAIT), bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
    }
  }
}

private final class RelayedFlow {
  let client: PeerAddress
  private let socket: Descriptor
  /// The number of the last datagram of the client's.
  var lastUse: UInt64 = 0

  var fd: Int32 { socket.rawValue }

  init(client: PeerAddress, target: Endpoint) throws(SystemError) {
    self.client = client
    let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    socket = Descriptor(owning: try systemCall("socket", on: "udp") { Glibc.socket(target.family, type, 0) })
    let fd = socket.rawValue
    try target.withSocketAddress { pointer, length throws(SystemError) in
      _ = try systemCall("connect", on: target.description) { connect(fd, pointer, length) }
    }
  }
}

private struct DatagramRelay {
  /// How many datagrams one socket is served in a row before others have their turn.
  private static let turns = 64
  private static let mostFlows = 512

  let poller: Poller
  let target: Endpoint
  private var flows: [RelayedFlow] = []
  private var places: [PeerAddress: Int] = [:]
  /// Longer than any datagram.
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  private var datagrams: UInt64 = 0
  private var uses: UInt64 = 0

  init(poller: Poller, target: Endpoint) {
    self.poller = poller
    self.target = target
  }

  mutating func serve(listener: Int32) throws(SystemError) -> UInt64 {
    try poller.change(listener, from: 0, to: Poller.input, number: Poller.listener)
    while clinux_stop_requested() == 0 {
      try poller.wait { number, _ throws(SystemError) in
        if number == Poller.listener {
          try takeRequests(listener)
        } else {
          takeReplies(flows[Int(number)], listener)
        }
      }
    }
    return datagrams
  }

  private mutating func takeRequests(_ listener: Int32) throws(SystemError) {
    var peer = PeerAddress()
    for _ in 0..<Self.turns {
      let count = peer.receive(listener, into: &buffer)
      // An error of the socket is one datagram's, and is gone with this call.
      guard count >= 0 else { return }
      let flow = try flow(of: peer)
      uses &+= 1
      flow.lastUse = uses
      // A datagram that cannot be sent is lost, as datagrams are; and so is one that meets the news that an earlier one
      // was refused.
      if send(flow.fd, buffer, count, Int32(MSG_DONTWAIT)) >= 0 { datagrams &+= 1 }
    }
  }

  private mutating func takeReplies(_ flow: RelayedFlow, _ listener: Int32) {
    for _ in 0..<Self.turns {
      let count = recv(flow.fd, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      // Nothing left, or a request that was refused: the client is told nothing, and may try again.
      guard count >= 0 else { return }
      if flow.client.send(listener, buffer, count) >= 0 { datagrams &+= 1 }
    }
  }

  private mutating func flow(of peer: PeerAddress) throws(SystemError) -> RelayedFlow {
    if let place = places[peer] { return flows[place] }
    let flow = try RelayedFlow(client: peer, target: target)
    var place = flows.count
    if place < Self.mostFlows {
      flows.append(flow)
    } else {
      // The one that has been silent for the longest time gives way.
      place = flows.indices.min { flows[$0].lastUse < flows[$1].lastUse } ?? 0
      places[flows[place].client] = nil
      flows[place] = flow
    }
    places[peer] = place
    try poller.change(flow.fd, from: 0, to: Poller.input, number: UInt64(place))
    return flow
  }
}
