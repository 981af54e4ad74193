internal import CLinux
internal import Glibc

/// Either side of a TCP connection with TCP_NODELAY, carrying messages of one fixed size each way.
struct TCPChannel: Channel {
  let fd: Int32
  /// The size of each message that comes.
  let size: Int
  let receiveFlags: Int32
  /// Bytes of the next message that have come.
  private var filled = 0
  private(set) var stamps = SocketStamps()

  init(fd: Int32, size: Int, receiveFlags: Int32) {
    self.fd = fd
    self.size = size
    self.receiveFlags = receiveFlags
  }

  @inline(__always)
  func send(_ message: UnsafeRawBufferPointer) -> Int32 {
    sendWhole(message) { Glibc.send(fd, $0, $1, Int32(MSG_NOSIGNAL)) }
  }

  /// Calls `send` with the rest of the message until there is none. Returns 0, or the value of `errno`.
  @inline(__always)
  private func sendWhole(_ message: UnsafeRawBufferPointer, _ send: (UnsafeRawPointer?, Int) -> Int) -> Int32 {
    var done = 0
    while true {
      let count = send(message.baseAddress?.advanced(by: done), message.count - done)
      if count > 0 {
        done += count
        if done == message.count { return 0 }
      } else {
        let code = errno
        if code != EINTR && code != EAGAIN { return code }
      }
    }
  }

  @inline(__always)
  mutating func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    take(recv(fd, buffer.baseAddress?.advanced(by: filled), size - filled, receiveFlags))
  }

  @inline(never)
  mutating func sendStamped(_ message: UnsafeRawBufferPointer, ordinal: UInt64) -> Int32 {
    stamps.awaitedID = UInt32(truncatingIfNeeded: ordinal &* UInt64(message.count) &- 1)
    return sendWhole(message) { clinux_send_stamped(fd, $0, $1, Int32(MSG_NOSIGNAL), nil, 0) }
  }

  /// The stamp is that of the message's last piece.
  @inline(never)
  mutating func receiveStamped(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    take(
      clinux_receive_stamped(
        fd, buffer.baseAddress?.advanced(by: filled), size - filled, receiveFlags, nil, nil, &stamps.arrived))
  }

  /// Goes on with what a read has given.
  @inline(__always)
  private mutating func take(_ count: Int) -> Int {
    if count > 0 {
      filled += count
      if filled < size { return Received.nothing }
      filled = 0
      return size
    }
    if count == 0 { return Received.closed }
    let code = errno
    return code == EAGAIN || code == EINTR ? Received.nothing : Received.failed(code)
  }
}
