internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The server of the request/response workloads with many requests in flight, or with a framing: one thread that answers
/// any number of connections (up to ``mostConnections``) or, over UDP, whoever sends, until SIGTERM.
///
/// Requests of one connection are answered in their order. A connection that breaks off within a message, or brings what
/// is not of this run, is closed and counted as foreign; the others go on.
public struct ConcurrentServer: ServerLoop {
  /// More than a client opens and a proxy keeps idle; one more is closed and counted as foreign.
  public static let mostConnections = 256
  /// How long a blocking server waits before it looks whether it is to stop.
  fileprivate static let stopInterval: UInt64 = 100_000_000

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  public func run(listening: (UInt16) throws(WorkloadError) -> Void) throws(WorkloadError) -> ServerOutcome {
    try configuration.refuseStamps()
    let socket = try explained { () throws(SystemError) in
      try systemCall("sigaction") { clinux_catch_stop() }
      let address = try Endpoint(address: configuration.address, port: configuration.port)
      let socket = try Socket(configuration.transport == .udp ? .udp : .tcp, family: address.family)
      if configuration.transport == .udp {
        socket.widenReceiveBuffer(to: 2 * configuration.concurrency * configuration.size)
        try socket.setReceiveTimeout(nanoseconds: Self.stopInterval)
      }
      try socket.bind(to: address)
      if configuration.transport == .tcp {
        let fd = socket.fd
        // All of a client's connections may be asked for before the first is accepted.
        try systemCall("listen") { listen(fd, Int32(Self.mostConnections)) }
        // One that was given up again before it is accepted must not make the server wait for the next.
        try systemCall("fcntl") { fcntl(fd, F_SETFL, O_NONBLOCK) }
      }
      return socket
    }
    defer { withExtendedLifetime(socket) {} }
    let port = try explained { () throws(SystemError) in try socket.localPort() }
    switch configuration.transport {
    case .udp:
      try listening(port)
      return try answerDatagrams(socket)
    case .tcp:
      let connections = try explained { () throws(SystemError) in try ServerConnections(configuration, listener: socket)
      }
      try listening(port)
      return ServerOutcome(result: try connections.serve())
    }
  }

  private func answerDatagrams(_ socket: borrowing Socket) throws(WorkloadError) -> ServerOutcome {
    var channel = UDPServerChannel(fd: socket.fd, receiveFlags: configuration.wait == .spin ? Int32(MSG_DONTWAIT) : 0)
    var result = ServerResult()
    var failure: Int32 = 0
    let pattern = RequestPattern(configuration)
    let delay = CalibratedDelay(nanoseconds: configuration.delayNanoseconds)
    let size = configuration.size
    var reply = [UInt8](repeating: 0, count: configuration.replySize)
    // One byte longer than a message, so that a longer one is seen to be one.
    var buffer = [UInt8](repeating: 0, count: size + 1)
    reply.withUnsafeMutableBytes { reply in
      MessageHeader.write(into: reply, nonce: configuration.nonce, flow: configuration.flow)
      buffer.withUnsafeMutableBytes { buffer in
        while failure == 0 && clinux_stop_requested() == 0 {
          let length = channel.receive(into: buffer)
          if length > 0 {
            let message = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length])
            guard length == size && pattern.accepts(message) else {
              result.foreign &+= 1
              continue
            }
            if !delay.isNone { delay.burn() }
            pattern.fill(reply, from: message)
            failure = channel.send(UnsafeRawBufferPointer(reply))
            if failure == 0 { result.echoed &+= 1 }
          } else if length != Received.nothing {
            failure = Int32(-length)
          }
        }
      }
    }
    if failure != 0 { throw WorkloadError(SystemError(call: "echo", code: failure)) }
    return ServerOutcome(result: result)
  }
}

/// What requests of one run have in common, whatever their number and flow; and how their replies are made.
struct RequestPattern {
  /// Bytes 0…23 of a request with number 0 of the first flow.
  private let number: UInt64
  private let middle: UInt64
  private let nonceEnd: UInt32
  private let flow: UInt32
  private let flows: UInt32
  /// How many bytes of the request's header the reply has.
  private let copied: Int

  init(_ configuration: WorkerConfiguration) {
    var header = [UInt8](repeating: 0, count: MessageLayout.headerLength)
    header.withUnsafeMutableBytes {
      MessageHeader.write(into: $0, nonce: configuration.nonce, flow: configuration.flow)
    }
    (number, middle, nonceEnd) = header.withUnsafeBytes {
      (
        $0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
        $0.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
      )
    }
    flow = configuration.flow
    flows = UInt32(configuration.concurrency)
    copied = min(MessageLayout.headerLength, configuration.size, configuration.replySize)
  }

  /// Whether a message, which has the right length, is a request of this run.
  @inline(__always)
  func accepts(_ message: UnsafeRawBufferPointer) -> Bool {
    guard message.count >= MessageLayout.headerLength else { return acceptsShort(message) }
    let flow = UInt32(
      littleEndian: message.loadUnaligned(fromByteOffset: MessageLayout.flowOffset, as: UInt32.self))
    return message.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == middle
      && message.loadUnaligned(fromByteOffset: 16, as: UInt32.self) == nonceEnd && flow &- self.flow < flows
  }

  /// A message without room for the whole header, nor for a whole flow number.
  private func acceptsShort(_ message: UnsafeRawBufferPointer) -> Bool {
    withUnsafeBytes(of: (number, middle, nonceEnd)) { own in
      var index = MessageLayout.magicOffset
      while index < min(message.count, MessageLayout.flowOffset) {
        if message[index] != own[index] { return false }
        index += 1
      }
      return true
    }
  }

  /// Makes `reply`, which ``MessageHeader/write(into:nonce:flow:)`` has filled once, the reply to `request`.
  @inline(__always)
  func fill(_ reply: UnsafeMutableRawBufferPointer, from request: UnsafeRawBufferPointer) {
    reply.copyMemory(from: UnsafeRawBufferPointer(rebasing: request[..<copied]))
    MessageHeader.markReply(reply)
  }
}

/// One connection of the server.
private struct ServerConnection {
  var fd: Int32
  var reader: MessageReader
  /// A whole reply, its head included; and the payload in it.
  let reply: UnsafeMutableRawBufferPointer
  let payload: UnsafeMutableRawBufferPointer
  /// Bytes of ``reply`` that the kernel has not taken yet. Until it has, no further request is read.
  var unsent = 0

  /// Hands what is left of the reply to the kernel, without waiting. Returns 0, EAGAIN, or another value of `errno`.
  @inline(__always)
  mutating func sendRest() -> Int32 {
    while unsent > 0 {
      let count = send(
        fd, reply.baseAddress?.advanced(by: reply.count - unsent), unsent,
        Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      if count >= 0 {
        unsent -= count
      } else {
        let code = errno
        if code != EINTR { return code }
      }
    }
    return 0
  }
}

/// All connections of the server, with their room, and the loop that serves them.
private struct ServerConnections: ~Copyable {
  private let queue: EventQueue
  private let listener: Int32
  /// Each place has its room for good. One without a connection has −1 for a descriptor.
  private let places: UnsafeMutableBufferPointer<ServerConnection>
  private let room: UnsafeMutableRawBufferPointer
  private let configuration: WorkerConfiguration
  private let head: [UInt8]
  private let pattern: RequestPattern
  private let delay: CalibratedDelay
  /// In the queue, the listener has the number after the last place.
  private static var listenerNumber: Int { ConcurrentServer.mostConnections }

  init(_ configuration: WorkerConfiguration, listener: borrowing Socket) throws(SystemError) {
    // Whatever can fail comes before the first member.
    let queue = try EventQueue(capacity: 64)
    try queue.add(listener.fd, number: Self.listenerNumber)
    self.queue = queue
    self.listener = listener.fd
    self.configuration = configuration
    let count = ConcurrentServer.mostConnections
    head = MessageHead.reply(configuration.framing, size: configuration.replySize)
    pattern = RequestPattern(configuration)
    delay = CalibratedDelay(nanoseconds: configuration.delayNanoseconds)
    let requestRoom = (MessageReader.room(configuration.framing, size: configuration.size) + 63) & ~63
    let replyRoom = (head.count + configuration.replySize + 63) & ~63
    // Not touched: the pages of a place come when its connection does.
    room = .allocate(byteCount: count * (requestRoom + replyRoom), alignment: 4096)
    places = .allocate(capacity: count)
    for index in 0..<count {
      let start = index * (requestRoom + replyRoom)
      let requests = UnsafeMutableRawBufferPointer(rebasing: room[start..<start + requestRoom])
      let reply = UnsafeMutableRawBufferPointer(
        rebasing: room[start + requestRoom..<start + requestRoom + head.count + configuration.replySize])
      places.initializeElement(
        at: index,
        to: ServerConnection(
          fd: -1, reader: MessageReader(.requests, configuration.framing, size: configuration.size, room: requests),
          reply: reply, payload: UnsafeMutableRawBufferPointer(rebasing: reply[head.count...])))
    }
  }

  deinit {
    for place in places where place.fd >= 0 { close(place.fd) }
    places.deallocate()
    room.deallocate()
  }

  /// The loop. For each message it allocates, writes and logs nothing.
  borrowing func serve() throws(WorkloadError) -> ServerResult {
    var result = ServerResult()
    let patience = configuration.wait == .spin ? 0 : Int32(ConcurrentServer.stopInterval / 1_000_000)
    let events = queue.events
    while clinux_stop_requested() == 0 {
      let ready = epoll_wait(queue.fd, events.baseAddress, Int32(events.count), patience)
      if ready < 0 {
        let code = errno
        if code == EINTR { continue }
        throw WorkloadError(SystemError(call: "epoll_wait", code: code))
      }
      for event in 0..<Int(ready) {
        let number = Int(events[event].data.u64)
        if number == Self.listenerNumber { accept(&result) } else { attend(number, &result) }
      }
    }
    return result
  }

  /// Takes in whoever is waiting.
  private borrowing func accept(_ result: inout ServerResult) {
    while true {
      let fd = Glibc.accept(listener, nil, nil)
      // None is left, or it has gone again.
      if fd < 0 { return }
      guard let index = places.firstIndex(where: { $0.fd < 0 }) else {
        close(fd)
        result.foreign &+= 1
        continue
      }
      var on: Int32 = 1
      let isReady =
        fcntl(fd, F_SETFD, FD_CLOEXEC) == 0
        && setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
      do throws(SystemError) {
        if isReady { try queue.add(fd, number: index) }
      } catch {
        close(fd)
        result.foreign &+= 1
        continue
      }
      guard isReady else {
        close(fd)
        result.foreign &+= 1
        continue
      }
      places[index].fd = fd
      places[index].unsent = 0
      places[index].reader.forget()
      places[index].reply.copyBytes(from: head)
      MessageHeader.write(into: places[index].payload, nonce: configuration.nonce, flow: configuration.flow)
    }
  }

  private borrowing func drop(_ index: Int, isForeign: Bool, _ result: inout ServerResult) {
    close(places[index].fd)
    places[index].fd = -1
    if isForeign { result.foreign &+= 1 }
  }

  /// Goes on with a connection that something has happened to.
  @inline(__always)
  private borrowing func attend(_ index: Int, _ result: inout ServerResult) {
    if places[index].unsent > 0 {
      goOnSending(index, &result)
      return
    }
    let length = places[index].reader.receive(from: places[index].fd)
    if length > 0 {
      answer(index, &result)
    } else if length != Received.nothing {
      // Between two messages it is the end of a client that has measured enough, however it closes.
      drop(index, isForeign: places[index].reader.isWithinMessage, &result)
    }
  }

  /// Answers the requests that are whole, until the kernel takes no more of the replies.
  @inline(__always)
  private borrowing func answer(_ index: Int, _ result: inout ServerResult) {
    while true {
      switch places[index].reader.next() {
      case .incomplete: return
      case .broken:
        drop(index, isForeign: true, &result)
        return
      case .message(let message):
        guard pattern.accepts(UnsafeRawBufferPointer(message)) else {
          drop(index, isForeign: true, &result)
          return
        }
        if !delay.isNone { delay.burn() }
        pattern.fill(places[index].payload, from: UnsafeRawBufferPointer(message))
        places[index].unsent = places[index].reply.count
        let code = places[index].sendRest()
        if code == EAGAIN {
          EventQueue.watch(places[index].fd, number: index, input: false, output: true, in: queue.fd)
          return
        } else if code != 0 {
          drop(index, isForeign: true, &result)
          return
        }
        result.echoed &+= 1
      }
    }
  }

  @inline(never)
  private borrowing func goOnSending(_ index: Int, _ result: inout ServerResult) {
    let code = places[index].sendRest()
    if code == EAGAIN { return }
    guard code == 0 else {
      drop(index, isForeign: true, &result)
      return
    }
    result.echoed &+= 1
    EventQueue.watch(places[index].fd, number: index, input: true, output: false, in: queue.fd)
    // Requests that came with the one just answered are reported by nobody.
    answer(index, &result)
  }
}
