internal import CLinux
internal import Glibc
internal import LinuxKit
internal import WorkerProtocol

/// One connection of TCP, or one flow of UDP from a socket of its own, as a client has it.
struct Flow {
  let fd: Int32
  /// A whole request, its head included. Only its number changes from one to the next.
  let request: UnsafeMutableRawBufferPointer
  /// The payload within ``request``.
  let payload: UnsafeMutableRawBufferPointer
  /// What replies must agree with: as much of the payload as both request and reply have of the header.
  let header: UnsafeRawBufferPointer
  /// UDP: where a datagram goes to. One byte longer than a reply, so that a longer one is seen to be one.
  let datagram: UnsafeMutableRawBufferPointer
  /// TCP: cuts the stream into replies.
  var reader: MessageReader
  /// Bytes of ``request`` that the kernel has not taken yet.
  var unsent = 0
  /// Of a closed loop: whether a request is in flight, its number, and when it was sent.
  var isInFlight = false
  var sequence: UInt64 = 0
  var sentAt: UInt64 = 0

  /// Hands what is left of the request to the kernel, without waiting. Returns 0 when it has all been taken, EAGAIN
  /// when it has not, or another value of `errno`.
  @inline(__always)
  mutating func sendRest() -> Int32 {
    while unsent > 0 {
      let count = Glibc.send(
        fd, request.baseAddress?.advanced(by: request.count - unsent), unsent,
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

  /// UDP: one attempt to receive a datagram, without waiting: its length, or what ``Received`` says.
  @inline(__always)
  func receiveDatagram() -> Int {
    let count = recv(fd, datagram.baseAddress, datagram.count, Int32(MSG_DONTWAIT))
    // An empty datagram is nobody's reply: as if nothing had come.
    if count >= 0 { return count }
    let code = errno
    return code == EAGAIN || code == EINTR ? Received.nothing : Received.failed(code)
  }

  /// The part of a reply that is compared, or nil if it has not the right length.
  @inline(__always)
  func header(of reply: UnsafeRawBufferPointer, size: Int) -> UnsafeRawBufferPointer? {
    reply.count == size ? UnsafeRawBufferPointer(rebasing: reply[..<header.count]) : nil
  }
}

/// The connected sockets of a client, each with its room, and a queue that knows them by their index.
struct FlowSockets: ~Copyable {
  let flows: UnsafeMutableBufferPointer<Flow>
  let queue: EventQueue
  private let room: UnsafeMutableRawBufferPointer
  private let count: Int

  /// Connects one after the other.
  /// - Parameter datagrams: how many datagrams a UDP socket should have room for in the kernel; nil leaves it as it is.
  init(_ configuration: WorkerConfiguration, count: Int, datagrams: Int? = nil) throws(SystemError) {
    let server = try Endpoint(address: configuration.address, port: configuration.port)
    let head = MessageHead.request(configuration.framing, size: configuration.size)
    // On lines of the cache of their own.
    let requestRoom = Self.aligned(head.count + configuration.size)
    let replyRoom = Self.aligned(MessageReader.room(configuration.framing, size: configuration.replySize))
    let queue = try EventQueue(capacity: count)
    var fds: [Int32] = []
    do throws(SystemError) {
      for index in 0..<count {
        let socket = try Socket(configuration.transport == .udp ? .udp : .tcp, family: server.family)
        if configuration.transport == .tcp { try socket.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        if configuration.transport == .udp, let datagrams {
          socket.widenReceiveBuffer(to: datagrams * configuration.replySize)
        }
        try socket.connect(to: server)
        try queue.add(socket.fd, number: index)
        fds.append(socket.descriptor.release())
      }
    } catch {
      for fd in fds { close(fd) }
      throw error
    }
    room = .allocate(byteCount: count * (requestRoom + replyRoom), alignment: 64)
    // Touched, so that no page is missing when the window opens.
    room.initializeMemory(as: UInt8.self, repeating: 0)
    flows = .allocate(capacity: count)
    for (index, fd) in fds.enumerated() {
      let place = index * (requestRoom + replyRoom)
      let request = UnsafeMutableRawBufferPointer(rebasing: room[place..<place + head.count + configuration.size])
      let payload = UnsafeMutableRawBufferPointer(rebasing: request[head.count...])
      let reply = UnsafeMutableRawBufferPointer(
        rebasing: room[place + requestRoom..<place + requestRoom + replyRoom])
      request.copyBytes(from: head)
      MessageHeader.write(into: payload, nonce: configuration.nonce, flow: configuration.flow &+ UInt32(index))
      let compared = min(MessageLayout.headerLength, configuration.size, configuration.replySize)
      flows.initializeElement(
        at: index,
        to: Flow(
          fd: fd, request: request, payload: payload,
          header: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(payload)[..<compared]),
          datagram: UnsafeMutableRawBufferPointer(rebasing: reply[...configuration.replySize]),
          reader: MessageReader(.replies, configuration.framing, size: configuration.replySize, room: reply)))
    }
    self.queue = queue
    self.count = count
  }

  deinit {
    for flow in flows { close(flow.fd) }
    flows.deallocate()
    room.deallocate()
  }

  private static func aligned(_ size: Int) -> Int { (size + 63) & ~63 }
}

extension Socket {
  /// Asks for a receive buffer for that many bytes of payload, and takes what is granted: many small datagrams need a
  /// multiple of their payload.
  borrowing func widenReceiveBuffer(to bytes: Int) {
    var size = Int32(clamping: max(8 << 20, bytes))
    let length = socklen_t(MemoryLayout<Int32>.size)
    // Beyond the host's limit with CAP_NET_ADMIN, else up to it.
    if setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, length) != 0 {
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, length)
    }
  }
}

/// Why an exchange came to its end before its time.
enum ExchangeFailure {
  /// With the value of `errno`.
  case call(Int32)
  case closed
  /// No reply over TCP within the time-out.
  case timeout
  /// A time too long for a sample.
  case tooLong
  case broken(BrokenFraming)

  func error(peer: String, timeout: UInt64) -> WorkloadError {
    switch self {
    case .call(let code): WorkloadError(SystemError(call: "exchange", subject: peer, code: code))
    case .closed: WorkloadError("\(peer) closed the connection within the window")
    case .timeout: WorkloadError("no reply from \(peer) within \(timeout / 1_000_000) ms over TCP")
    case .tooLong: WorkloadError("a reply from \(peer) came after more than 4.29 s")
    case .broken(let reason): WorkloadError("\(peer) sent \(reason)")
    }
  }
}

extension WorkerConfiguration {
  /// The server's address and port, for an error.
  var peerName: String { (try? Endpoint(address: address, port: port))?.description ?? "\(address):\(port)" }

  /// Refuses what the loops with many requests in flight do not do.
  func refuseStamps() throws(WorkloadError) {
    guard stampEvery == 0 && slowdownPPM == 0 else {
      throw WorkloadError("stamps and slowdowns are for a closed loop with one request in flight and no framing")
    }
  }
}
