internal import CLinux
internal import Glibc

/// Either side of a TCP connection with TCP_NODELAY, carrying messages of one fixed size.
struct TCPChannel: Channel {
  let fd: Int32
  /// The size of each message.
  let size: Int
  let receiveFlags: Int32
  /// Bytes of the next message that have come.
  private var filled = 0

  init(fd: Int32, size: Int, receiveFlags: Int32) {
    self.fd = fd
    self.size = size
    self.receiveFlags = receiveFlags
  }

  @inline(__always)
  func send(_ message: UnsafeRawBufferPointer) -> Int32 {
    var done = 0
    while true {
      let count = Glibc.send(fd, message.baseAddress?.advanced(by: done), message.count - done, Int32(MSG_NOSIGNAL))
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
    let count = recv(fd, buffer.baseAddress?.advanced(by: filled), size - filled, receiveFlags)
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
