internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The server of `tcp-crr`: accepts a connection, answers its one request, waits until the client has closed it, and
/// accepts the next, until SIGTERM.
public struct ConnectionServer: ServerLoop {
  /// How long a blocking server waits before it looks whether it is to stop.
  private static let stopInterval: UInt64 = 100_000_000
  /// How many connections may wait to be accepted.
  private static let backlog: Int32 = 128

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  public func run(listening: (UInt16) throws(WorkloadError) -> Void) throws(WorkloadError) -> ServerOutcome {
    let isSpinning = configuration.wait == .spin
    let socket = try explained { () throws(SystemError) in
      try systemCall("sigaction") { clinux_catch_stop() }
      let address = try Endpoint(address: configuration.address, port: configuration.port)
      let socket = try Socket(.tcp, family: address.family)
      try socket.bind(to: address)
      // Options of a listening socket are those of its connections: there is no call for each of them.
      try socket.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      // Accepting, and reading, return after a while to see whether it is time to stop.
      try socket.setReceiveTimeout(nanoseconds: Self.stopInterval)
      Socket.setCloseByReset(socket.fd)
      let fd = socket.fd
      try systemCall("listen") { listen(fd, Self.backlog) }
      if isSpinning { try systemCall("fcntl") { fcntl(fd, F_SETFL, O_NONBLOCK) } }
      return socket
    }
    defer { withExtendedLifetime(socket) {} }
    try listening(try explained { () throws(SystemError) in try socket.localPort() })
    return ServerOutcome(result: try serve(socket.fd, isSpinning: isSpinning))
  }

  private func serve(_ listener: Int32, isSpinning: Bool) throws(WorkloadError) -> ServerResult {
    var result = ServerResult()
    let size = configuration.size
    let flags = isSpinning ? Int32(MSG_DONTWAIT) : 0
    let delay = CalibratedDelay(nanoseconds: configuration.delayNanoseconds)
    let copied = min(MessageLayout.headerLength, size, configuration.replySize)
    var pattern = [UInt8](repeating: 0, count: size)
    var request = [UInt8](repeating: 0, count: size)
    var reply = [UInt8](repeating: 0, count: configuration.replySize)
    var failure: Int32 = 0
    pattern.withUnsafeMutableBytes { pattern in
      MessageHeader.write(into: pattern, nonce: configuration.nonce, flow: configuration.flow)
      request.withUnsafeMutableBytes { request in
        reply.withUnsafeMutableBytes { reply in
          MessageHeader.write(into: reply, nonce: configuration.nonce, flow: configuration.flow)
          while clinux_stop_requested() == 0 {
            let fd = clinux_accept(listener)
            if fd < 0 {
              let code = errno
              // A client that gave up before it was accepted is none of ours.
              if code == EAGAIN || code == EINTR || code == ECONNABORTED { continue }
              failure = code
              break
            }
            if Self.receiveWhole(fd, request, flags) {
              let isOwn = MessageHeader.isRequest(
                UnsafeRawBufferPointer(request), ofFlow: UnsafeRawBufferPointer(pattern))
              if isOwn {
                if !delay.isNone { delay.burn() }
                UnsafeMutableRawBufferPointer(rebasing: reply[..<copied]).copyMemory(
                  from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(request)[..<copied]))
                MessageHeader.markReply(reply)
                if Self.sendWhole(fd, UnsafeRawBufferPointer(reply)) {
                  result.echoed &+= 1
                  Self.awaitClose(fd, request, flags)
                }
              } else {
                result.foreign &+= 1
              }
            } else {
              result.foreign &+= 1
            }
            close(fd)
          }
        }
      }
    }
    if failure != 0 { throw WorkloadError(SystemError(call: "accept", code: failure)) }
    return result
  }

  /// Reads one whole request; false if the client broke off, or a stop was asked for.
  @inline(__always)
  private static func receiveWhole(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ flags: Int32) -> Bool {
    var filled = 0
    while filled < buffer.count {
      let count = recv(fd, buffer.baseAddress?.advanced(by: filled), buffer.count - filled, flags)
      if count > 0 {
        filled += count
      } else if count == 0 || (errno != EAGAIN && errno != EINTR) || clinux_stop_requested() != 0 {
        return false
      }
    }
    return true
  }

  @inline(__always)
  private static func sendWhole(_ fd: Int32, _ message: UnsafeRawBufferPointer) -> Bool {
    var done = 0
    while done < message.count {
      let count = send(fd, message.baseAddress?.advanced(by: done), message.count - done, Int32(MSG_NOSIGNAL))
      if count > 0 {
        done += count
      } else if (errno != EAGAIN && errno != EINTR) || clinux_stop_requested() != 0 {
        return false
      }
    }
    return true
  }

  /// Until the client has closed, so that the whole reply is there. Usually that was by a reset, and nothing is left. A
  /// proxy in the path makes an orderly close of it: then the server's own close, by reset, keeps the proxy's connection
  /// from staying in TIME_WAIT.
  @inline(__always)
  private static func awaitClose(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ flags: Int32) {
    while clinux_stop_requested() == 0 {
      let count = recv(fd, buffer.baseAddress, buffer.count, flags)
      if count > 0 { continue }
      if count == 0 || (errno != EAGAIN && errno != EINTR) { return }
    }
  }
}
