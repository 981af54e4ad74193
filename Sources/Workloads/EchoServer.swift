internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The server of the request/response workloads: answers what comes, until SIGTERM. It answers whatever number a request
/// has, so it serves an open loop over UDP, too.
public struct EchoServer: ServerLoop {
  /// How long a blocking server waits before it looks whether it is to stop (a signal interrupts the wait at once; this
  /// is for one that comes between the look and the wait).
  private static let stopInterval: UInt64 = 100_000_000

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  /// Binds, calls `listening` with the port, and serves until SIGTERM or SIGINT.
  public func run(listening: (UInt16) throws(WorkloadError) -> Void) throws(WorkloadError) -> ServerOutcome {
    let flags = configuration.wait == .spin ? Int32(MSG_DONTWAIT) : 0
    let socket = try explained { () throws(SystemError) in
      try systemCall("sigaction") { clinux_catch_stop() }
      let address = try Endpoint(address: configuration.address, port: configuration.port)
      let socket = try Socket(configuration.transport == .udp ? .udp : .tcp, family: address.family)
      // Before the first packet can come. What a listening socket cannot do is left to its connection.
      if configuration.asksKernelForStamps { try socket.stampPackets(sending: configuration.transport == .udp) }
      // Of an open loop a second's worth may have to wait.
      if configuration.loop == .open { socket.widenReceiveBuffer(to: configuration.size) }
      try socket.bind(to: address)
      switch configuration.transport {
      case .udp: try socket.setReceiveTimeout(nanoseconds: Self.stopInterval)
      case .tcp: try socket.listen()
      }
      return socket
    }
    // Before the first client comes. The server does not know when the window begins: it keeps the warm-up's as well.
    var stamping =
      configuration.stampEvery == 0
      ? nil
      : SampledStamps(configuration, duration: configuration.warmupNanoseconds + configuration.windowNanoseconds)
    try listening(try explained { () throws(SystemError) in try socket.localPort() })
    switch configuration.transport {
    case .udp:
      return try serve(UDPServerChannel(fd: socket.fd, receiveFlags: flags), &stamping)
    case .tcp:
      let accepted = try explained { () throws(SystemError) -> Socket? in
        guard let connection = try socket.accept() else { return nil }
        try connection.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        try connection.setReceiveTimeout(nanoseconds: Self.stopInterval)
        if configuration.asksKernelForStamps { try connection.stampPackets(sending: true) }
        return connection
      }
      guard let connection = accepted else { return ServerOutcome(result: ServerResult()) }
      return try serve(
        TCPChannel(fd: connection.fd, size: configuration.size, receiveFlags: flags), &stamping)
    }
  }

  private func serve(
    _ channel: some Channel, _ room: inout SampledStamps?
  ) throws(WorkloadError) -> ServerOutcome {
    // Taken and not copied: the first record would copy the whole room of a second owner.
    guard var stamping = room.take() else {
      var none = NoStamps()
      return ServerOutcome(result: try loop(channel, &none))
    }
    var result = try loop(channel, &stamping)
    result.stamps = stamping.count
    result.areStampsTruncated = stamping.isTruncated
    return ServerOutcome(result: result, stamps: Array(stamping.records))
  }

  private func loop(_ channel: some Channel, _ stamping: inout some Stamping) throws(WorkloadError) -> ServerResult {
    if configuration.replySize == configuration.size { return try loop(channel, &stamping, EchoedReply()) }
    let reply = SizedReply(configuration)
    defer { reply.room.deallocate() }
    return try loop(channel, &stamping, reply)
  }

  /// The loop. Like the client's it allocates, writes and logs nothing.
  private func loop<Stamps: Stamping>(
    _ channel: some Channel, _ stamping: inout Stamps, _ replies: some Replies
  ) throws(WorkloadError) -> ServerResult {
    var channel = channel
    var result = ServerResult()
    var failure: Int32 = 0
    let size = configuration.size
    let delay = CalibratedDelay(nanoseconds: configuration.delayNanoseconds)
    var pattern = [UInt8](repeating: 0, count: size)
    // One byte longer than a message, so that a longer one is seen to be one.
    var buffer = [UInt8](repeating: 0, count: size + 1)
    pattern.withUnsafeMutableBytes { pattern in
      MessageHeader.write(into: pattern, nonce: configuration.nonce, flow: configuration.flow)
      buffer.withUnsafeMutableBytes { buffer in
        // One in flight: after each number its successor is expected.
        var expected: UInt64 = 1
        while clinux_stop_requested() == 0 {
          let isAwaited = stamping.asksKernel && stamping.selects(expected)
          let length = isAwaited ? channel.receiveStamped(into: buffer) : channel.receive(into: buffer)
          if length > 0 {
            let message = UnsafeMutableRawBufferPointer(rebasing: buffer[..<length])
            guard MessageHeader.isRequest(UnsafeRawBufferPointer(message), ofFlow: UnsafeRawBufferPointer(pattern))
            else {
              result.foreign &+= 1
              continue
            }
            var isStamped = false
            var sequence: UInt64 = 0
            var receivedAt: UInt64 = 0
            if Stamps.isOn {
              sequence = MessageHeader.sequence(of: UnsafeRawBufferPointer(message), oldest: expected)
              isStamped = stamping.selects(sequence)
              if isStamped { receivedAt = Clock.realtime() }
              expected = sequence &+ 1
            }
            if !delay.isNone { delay.burn() }
            let reply = replies.reply(to: message)
            MessageHeader.markReply(reply)
            let sentAt = isStamped ? Clock.realtime() : 0
            let code =
              isStamped && stamping.asksKernel
              ? channel.sendStamped(UnsafeRawBufferPointer(reply), ordinal: result.echoed &+ 1)
              : channel.send(UnsafeRawBufferPointer(reply))
            if code != 0 {
              failure = code
              break
            }
            result.echoed &+= 1
            if isStamped {
              let transmitted = stamping.asksKernel ? channel.stamps.transmitted(fd: channel.fd) : 0
              stamping.keep(
                RequestStamps(
                  sequence: sequence, sent: sentAt, transmitted: transmitted,
                  arrived: isAwaited ? channel.stamps.arrived : 0, received: receivedAt))
            }
          } else if length != Received.nothing {
            // A client that has measured enough closes its connection: the end, not a failure.
            if length != Received.closed && length != Received.failed(ECONNRESET) { failure = Int32(-length) }
            break
          }
        }
      }
    }
    if failure != 0 { throw WorkloadError(SystemError(call: "echo", code: failure)) }
    return result
  }
}

/// What a request is answered with. The loop is generic over it and is specialised, so that the usual reply costs nothing
/// to choose.
private protocol Replies {
  /// The reply to `request`, but for its mark.
  func reply(to request: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer
}

/// A reply of the request's size: the request itself.
private struct EchoedReply: Replies {
  @inline(__always)
  func reply(to request: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer { request }
}

/// A reply of another size, made in room of its own, which whoever made it deallocates.
private struct SizedReply: Replies {
  let room: UnsafeMutableRawBufferPointer
  /// How much of the request's header it has.
  private let copied: Int

  init(_ configuration: WorkerConfiguration) {
    room = .allocate(byteCount: configuration.replySize, alignment: 64)
    copied = min(MessageLayout.headerLength, configuration.size, configuration.replySize)
    MessageHeader.write(into: room, nonce: configuration.nonce, flow: configuration.flow)
  }

  @inline(__always)
  func reply(to request: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(request)[..<copied]))
    return room
  }
}
