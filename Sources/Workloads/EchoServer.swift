internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The server of the request/response workloads: sends back what comes, until SIGTERM.
public struct EchoServer {
  /// How long a blocking server waits before it looks whether it is to stop (a signal interrupts the wait at once; this
  /// is for one that comes between the look and the wait).
  private static let stopInterval: UInt64 = 100_000_000

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  /// Binds, calls `listening` with the port, and serves until SIGTERM or SIGINT.
  public func run(listening: (UInt16) throws(WorkloadError) -> Void) throws(WorkloadError) -> ServerResult {
    let flags = configuration.wait == .spin ? Int32(MSG_DONTWAIT) : 0
    let socket = try explained { () throws(SystemError) in
      try systemCall("sigaction") { clinux_catch_stop() }
      let socket = try Socket(configuration.transport == .udp ? .udp : .tcp)
      try socket.bind(to: try IPv4Endpoint(address: configuration.address, port: configuration.port))
      switch configuration.transport {
      case .udp: try socket.setReceiveTimeout(nanoseconds: Self.stopInterval)
      case .tcp: try socket.listen()
      }
      return socket
    }
    try listening(try explained { () throws(SystemError) in try socket.localPort() })
    switch configuration.transport {
    case .udp:
      return try serve(UDPServerChannel(fd: socket.fd, receiveFlags: flags))
    case .tcp:
      let accepted = try explained { () throws(SystemError) -> Socket? in
        guard let connection = try socket.accept() else { return nil }
        try connection.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        try connection.setReceiveTimeout(nanoseconds: Self.stopInterval)
        return connection
      }
      guard let connection = accepted else { return ServerResult() }
      return try serve(TCPChannel(fd: connection.fd, size: configuration.size, receiveFlags: flags))
    }
  }

  /// The loop. Like the client's it allocates, writes and logs nothing.
  private func serve<C: Channel>(_ channel: C) throws(WorkloadError) -> ServerResult {
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
        while clinux_stop_requested() == 0 {
          let length = channel.receive(into: buffer)
          if length > 0 {
            let message = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length])
            guard MessageHeader.isSameFlow(message, as: UnsafeRawBufferPointer(pattern)) else {
              result.foreign &+= 1
              continue
            }
            if !delay.isNone { delay.burn() }
            let code = channel.send(message)
            if code != 0 {
              failure = code
              break
            }
            result.echoed &+= 1
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
