internal import CLinux
internal import Glibc

/// The client's side of a UDP flow: a connected socket, as netperf's UDP_RR has it.
struct UDPClientChannel: Channel {
  let fd: Int32
  /// MSG_DONTWAIT when spinning, 0 when blocking.
  let receiveFlags: Int32
  private(set) var stamps = SocketStamps()

  init(fd: Int32, receiveFlags: Int32) {
    self.fd = fd
    self.receiveFlags = receiveFlags
  }

  @inline(__always)
  func send(_ message: UnsafeRawBufferPointer) -> Int32 {
    while true {
      if Glibc.send(fd, message.baseAddress, message.count, 0) >= 0 { return 0 }
      let code = errno
      if code != EINTR && code != EAGAIN { return code }
    }
  }

  @inline(__always)
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    received(recv(fd, buffer.baseAddress, buffer.count, receiveFlags))
  }

  @inline(never)
  mutating func sendStamped(_ message: UnsafeRawBufferPointer, ordinal: UInt64) -> Int32 {
    stamps.awaitedID &+= 1
    while true {
      if clinux_send_stamped(fd, message.baseAddress, message.count, 0, nil, 0) >= 0 { return 0 }
      let code = errno
      if code != EINTR && code != EAGAIN { return code }
    }
  }

  @inline(never)
  mutating func receiveStamped(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    received(clinux_receive_stamped(fd, buffer.baseAddress, buffer.count, receiveFlags, nil, nil, &stamps.arrived))
  }

  @inline(__always)
  private func received(_ count: Int) -> Int {
    if count > 0 { return count }
    // An empty datagram is nobody's reply: as if nothing had come.
    if count == 0 { return Received.nothing }
    let code = errno
    return code == EAGAIN || code == EINTR ? Received.nothing : Received.failed(code)
  }
}

/// The server's side: answers whoever sent, on an unconnected socket, as an ordinary UDP server does.
struct UDPServerChannel: Channel {
  let fd: Int32
  let receiveFlags: Int32
  private var peer = sockaddr_storage()
  private var peerLength = socklen_t(MemoryLayout<sockaddr_storage>.size)
  private(set) var stamps = SocketStamps()

  init(fd: Int32, receiveFlags: Int32) {
    self.fd = fd
    self.receiveFlags = receiveFlags
  }

  @inline(__always)
  mutating func send(_ message: UnsafeRawBufferPointer) -> Int32 {
    let fd = fd
    return sendToPeer { sendto(fd, message.baseAddress, message.count, 0, $0, $1) }
  }

  /// Calls `send` with the peer's address until it is not to be repeated. Returns 0, or the value of `errno`.
  @inline(__always)
  private mutating func sendToPeer(_ send: (UnsafePointer<sockaddr>, socklen_t) -> Int) -> Int32 {
    let length = peerLength
    return withUnsafePointer(to: &peer) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
        while true {
          if send(rebound, length) >= 0 { return 0 }
          let code = errno
          if code != EINTR && code != EAGAIN { return code }
        }
      }
    }
  }

  @inline(__always)
  mutating func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let fd = fd
    let flags = receiveFlags
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let count = withUnsafeMutablePointer(to: &peer) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
        recvfrom(fd, buffer.baseAddress, buffer.count, flags, rebound, &length)
      }
    }
    return received(count, length)
  }

  @inline(never)
  mutating func sendStamped(_ message: UnsafeRawBufferPointer, ordinal: UInt64) -> Int32 {
    stamps.awaitedID &+= 1
    let fd = fd
    return sendToPeer { clinux_send_stamped(fd, message.baseAddress, message.count, 0, $0, $1) }
  }

  @inline(never)
  mutating func receiveStamped(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let fd = fd
    let flags = receiveFlags
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var arrived: UInt64 = 0
    let count = withUnsafeMutablePointer(to: &peer) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
        clinux_receive_stamped(fd, buffer.baseAddress, buffer.count, flags, rebound, &length, &arrived)
      }
    }
    stamps.arrived = arrived
    return received(count, length)
  }

  @inline(__always)
  private mutating func received(_ count: Int, _ length: socklen_t) -> Int {
    if count > 0 {
      peerLength = length
      return count
    }
    if count == 0 { return Received.nothing }
    let code = errno
    return code == EAGAIN || code == EINTR ? Received.nothing : Received.failed(code)
  }
}
