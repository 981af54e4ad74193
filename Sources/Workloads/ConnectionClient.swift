internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The client of `tcp-crr`: connects, sends a request, reads the whole reply, closes, and begins again.
///
/// It closes by a reset (SO_LINGER with a time of 0), after the whole reply has been read. An orderly close would leave
/// each connection in TIME_WAIT for a minute: at twenty thousand a second the ports of an address are used up after two
/// seconds, and the heap would be left on the host. So a transaction lacks the two packets of an orderly end; what takes
/// time in it, connecting and being answered, is all there.
///
/// The sample is from just before connect(2) until close(2) has returned. Making the socket, which no path is part of,
/// is not in it, but in the rate.
public struct ConnectionClient: ClientLoop {
  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any ClientConversation) throws(WorkloadError) {
    let server = try explained { () throws(SystemError) in
      try Endpoint(address: configuration.address, port: configuration.port)
    }
    let room = min(
      1 << 26, configuration.windowNanoseconds / (1_000_000_000 / RoundTripClient.fastestPerSecond) + 1024)
    var samples = [UInt32](repeating: 0, count: Int(room))
    var exchange = Transactions(configuration, server)
    _ = try exchange.run(for: configuration.warmupNanoseconds, into: &samples)
    try conversation.awaitStart()

    let usage = ProcessUsage()
    var result = try exchange.run(for: configuration.windowNanoseconds, into: &samples)
    usage.account(for: &result)
    samples.removeLast(samples.count - result.samples)
    conversation.report(ClientOutcome(result: result, samples: samples))

    guard configuration.countedOperations > 0 else { return }
    guard let operations = Int(exactly: configuration.countedOperations), operations <= 1 << 26 else {
      throw WorkloadError("\(configuration.countedOperations) operations are too many to count")
    }
    // As many as there is room for are done.
    var counted = [UInt32](repeating: 0, count: operations)
    guard try conversation.awaitCount() else { return }
    let done = try exchange.run(for: RoundTripClient.countingLimit, into: &counted)
    guard done.samples == operations else {
      throw WorkloadError("\(done.samples) of \(operations) transactions were done while counting")
    }
    conversation.report(counted: configuration.countedOperations)
  }

  /// The loop, with the state that outlives the warm-up.
  private struct Transactions {
    private let configuration: WorkerConfiguration
    private let server: Endpoint
    private var sequence: UInt64 = 0
    private var request: [UInt8]
    private var reply: [UInt8]

    init(_ configuration: WorkerConfiguration, _ server: Endpoint) {
      self.configuration = configuration
      self.server = server
      request = [UInt8](repeating: 0, count: configuration.size)
      reply = [UInt8](repeating: 0, count: configuration.replySize)
      request.withUnsafeMutableBytes {
        MessageHeader.write(into: $0, nonce: configuration.nonce, flow: configuration.flow)
      }
    }

    /// Why a transaction failed.
    private enum Failure {
      case call(StaticString, Int32)
      case unconnected
      case closed
      case timeout
      case forged
    }

    /// Does transactions for `duration` ns, or until there is no more room. Nothing is allocated, written or logged in
    /// here.
    mutating func run(for duration: UInt64, into samples: inout [UInt32]) throws(WorkloadError) -> ClientResult {
      var result = ClientResult()
      result.firstSequence = sequence + 1
      var failure: Failure?
      let isSpinning = configuration.wait == .spin
      let timeout = configuration.timeoutNanoseconds
      let family = server.family
      let compared = min(MessageLayout.headerLength, configuration.size, configuration.replySize)
      var sequence = sequence
      var count = 0
      let start = Clock.monotonic()
      let end = start + duration
      var last = start
      let server = server
      request.withUnsafeMutableBytes { request in
        let own = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(request)[..<compared])
        reply.withUnsafeMutableBytes { reply in
          let header = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(reply)[..<compared])
          samples.withUnsafeMutableBufferPointer { samples in
            while last < end {
              if count == samples.count {
                result.isTruncated = true
                break
              }
              sequence &+= 1
              MessageHeader.setSequence(sequence, in: request)
              let fd = Self.makeSocket(family, isSpinning: isSpinning, timeout: timeout)
              if fd < 0 {
                failure = .call("socket", errno)
                break
              }
              let begin = Clock.monotonic()
              failure = Self.transact(
                fd, server, request: UnsafeRawBufferPointer(request), reply: reply, isSpinning: isSpinning,
                deadline: begin + timeout)
              close(fd)
              let done = Clock.monotonic()
              if failure != nil { break }
              result.sent &+= 1
              guard MessageHeader.isReply(header, to: own) else {
                failure = .forged
                break
              }
              guard let nanoseconds = UInt32(exactly: done - begin) else {
                failure = .timeout
                break
              }
              samples[count] = nanoseconds
              count &+= 1
              last = done
            }
          }
        }
      }
      self.sequence = sequence
      if let failure { throw error(of: failure) }
      result.windowNanoseconds = last - start
      result.samples = count
      return result
    }

    /// A socket that closes by reset, whatever way a transaction ends; or −1, with `errno`.
    private static func makeSocket(_ family: Int32, isSpinning: Bool, timeout: UInt64) -> Int32 {
      let nonblocking = isSpinning ? Int32(SOCK_NONBLOCK.rawValue) : 0
      let fd = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | nonblocking, 0)
      if fd < 0 { return fd }
      Socket.setCloseByReset(fd)
      var one: Int32 = 1
      setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
      if !isSpinning {
        // Holds for connecting (sending) and for receiving.
        // 0 would be for ever.
        let microseconds = max(1, timeout / 1000)
        var time = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
      }
      return fd
    }

    /// One transaction, from connect(2) to the end of the reply; nil if all went well.
    private static func transact(
      _ fd: Int32, _ server: Endpoint, request: UnsafeRawBufferPointer, reply: UnsafeMutableRawBufferPointer,
      isSpinning: Bool, deadline: UInt64
    ) -> Failure? {
      if let failure = establish(fd, server, isSpinning: isSpinning, deadline: deadline) { return failure }
      if let failure = sendWhole(fd, request, deadline: deadline) { return failure }
      return receiveWhole(fd, reply, isSpinning: isSpinning, deadline: deadline)
    }

    private static func establish(_ fd: Int32, _ server: Endpoint, isSpinning: Bool, deadline: UInt64) -> Failure? {
      let code = server.connectOnce(fd)
      if code == 0 { return nil }
      // What a signal has interrupted goes on by itself (connect(2)). With a time-out, stopping and continuing the process is
      // one that does (signal(7)).
      guard code == EINTR || isSpinning && code == EINPROGRESS else {
        // In progress is what a blocking one is when its time is over.
        return code == EAGAIN || code == EINPROGRESS ? .unconnected : .call("connect", code)
      }
      var polls = 0
      while true {
        var entry = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
        if poll(&entry, 1, isSpinning ? 0 : 1) > 0 {
          var error: Int32 = 0
          var length = socklen_t(MemoryLayout<Int32>.size)
          getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)
          return error == 0 ? nil : .call("connect", error)
        }
        polls &+= 1
        let isDue = !isSpinning || polls & (RoundTripClient.pollsPerClockRead - 1) == 0
        if isDue && Clock.monotonic() > deadline { return .unconnected }
      }
    }

    private static func sendWhole(_ fd: Int32, _ message: UnsafeRawBufferPointer, deadline: UInt64) -> Failure? {
      var done = 0
      while done < message.count {
        let count = send(fd, message.baseAddress?.advanced(by: done), message.count - done, Int32(MSG_NOSIGNAL))
        if count > 0 {
          done += count
          continue
        }
        let code = errno
        if code != EAGAIN && code != EINTR { return .call("send", code) }
        if Clock.monotonic() > deadline { return .timeout }
      }
      return nil
    }

    private static func receiveWhole(
      _ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer, isSpinning: Bool, deadline: UInt64
    ) -> Failure? {
      var filled = 0
      var polls = 0
      while filled < buffer.count {
        let count = recv(fd, buffer.baseAddress?.advanced(by: filled), buffer.count - filled, 0)
        if count > 0 {
          filled += count
        } else if count == 0 {
          return .closed
        } else {
          let code = errno
          if code != EAGAIN && code != EINTR { return .call("receive", code) }
          polls &+= 1
          let isDue = !isSpinning || polls & (RoundTripClient.pollsPerClockRead - 1) == 0
          if isDue && Clock.monotonic() > deadline { return .timeout }
        }
      }
      return nil
    }

    private func error(of failure: Failure) -> WorkloadError {
      switch failure {
      case .call(_, EADDRNOTAVAIL):
        WorkloadError(
          "connect \(server): no local address with a free port: wait for a minute if 'ss -tan state time-wait' lists "
            + "thousands of connections to it, and see that its address family is on in the client's namespace")
      case .unconnected, .call(_, ETIMEDOUT):
        WorkloadError(
          "connect \(server): no answer within \(configuration.timeoutNanoseconds / 1_000_000) ms: see whether a rule "
            + "drops its packets, or its queue of connections is full ('nstat -az TcpExtListenDrops')")
      case .call(let call, let code): WorkloadError(SystemError(call: "\(call)", subject: "\(server)", code: code))
      case .closed: WorkloadError("\(server) closed the connection before the whole reply had come")
      case .timeout: WorkloadError("\(server) did not answer within \(configuration.timeoutNanoseconds / 1_000_000) ms")
      case .forged: WorkloadError("\(server) sent a reply that is none to the request")
      }
    }
  }
}

extension Socket {
  /// Has `fd` be closed by a reset (SO_LINGER, socket(7)): its connection goes at once and leaves no TIME_WAIT, at either
  /// end, and what has not been read is lost. Connections that a listening socket accepts inherit it. It cannot fail for
  /// a socket.
  static func setCloseByReset(_ fd: Int32) {
    var atOnce = linger(l_onoff: 1, l_linger: 0)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
  }
}

extension Endpoint {
  /// connect(2): 0, or the value of `errno`.
  @inline(__always)
  func connectOnce(_ fd: Int32) -> Int32 {
    let code = try? withSocketAddress { pointer, length throws(SystemError) -> Int32 in
      Glibc.connect(fd, pointer, length) == 0 ? 0 : errno
    }
    return code ?? EINVAL
  }
}
