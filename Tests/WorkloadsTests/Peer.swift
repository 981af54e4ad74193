import Glibc
import LinuxKit

@testable import Workloads

/// A plain socket on the loopback that gives up after some seconds, for whatever a well-behaved worker does not do.
final class Peer: Sendable {
  enum Kind: Sendable { case udp, tcp }

  private let socket: Descriptor
  let kind: Kind

  init(_ kind: Kind) throws(SystemError) {
    self.kind = kind
    socket = Descriptor(
      owning: try systemCall("socket") {
        Glibc.socket(
          AF_INET, Int32((kind == .udp ? SOCK_DGRAM : SOCK_STREAM).rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      })
    try setPatience()
  }

  private init(_ kind: Kind, owning socket: consuming Descriptor) throws(SystemError) {
    self.kind = kind
    self.socket = socket
    try setPatience()
  }

  private func setPatience() throws(SystemError) {
    let fd = socket.rawValue
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      try systemCall("setsockopt") {
        setsockopt(fd, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
      }
    }
  }

  /// Binds to a port of the kernel's choice.
  func bind() throws(SystemError) -> UInt16 {
    let fd = socket.rawValue
    try Endpoint(address: loopback, port: 0).withSocketAddress { pointer, length throws(SystemError) in
      _ = try systemCall("bind") { Glibc.bind(fd, pointer, length) }
    }
    if kind == .tcp { try systemCall("listen") { listen(fd, 1) } }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
    }
    try systemCall("getsockname") { code }
    return UInt16(bigEndian: address.sin_port)
  }

  func connect(port: UInt16) throws(SystemError) {
    let fd = socket.rawValue
    try Endpoint(address: loopback, port: port).withSocketAddress { pointer, length throws(SystemError) in
      _ = try systemCall("connect") { Glibc.connect(fd, pointer, length) }
    }
  }

  /// TCP: the next connection.
  func accept() throws(SystemError) -> Peer {
    let fd = socket.rawValue
    return try Peer(.tcp, owning: Descriptor(owning: try systemCall("accept") { Glibc.accept(fd, nil, nil) }))
  }

  /// UDP: one datagram, and a way back to its sender.
  func receiveRequest() throws(SystemError) -> (bytes: [UInt8], answer: @Sendable ([UInt8]) throws(SystemError) -> Void)
  {
    let fd = socket.rawValue
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var sender = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let count = try withUnsafeMutablePointer(to: &sender) { pointer throws(SystemError) in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer throws(SystemError) in
        try systemCall("recvfrom") { recvfrom(fd, &bytes, bytes.count, 0, pointer, &length) }
      }
    }
    let port = UInt16(bigEndian: sender.sin_port)
    return (
      Array(bytes.prefix(count)),
      { bytes throws(SystemError) in
        try Endpoint(address: loopback, port: port).withSocketAddress { pointer, length throws(SystemError) in
          _ = try systemCall("sendto") { sendto(self.socket.rawValue, bytes, bytes.count, 0, pointer, length) }
        }
      }
    )
  }

  func send(_ bytes: [UInt8]) throws(SystemError) {
    let fd = socket.rawValue
    try systemCall("send") { Glibc.send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
  }

  /// Waits until there is something to receive, and leaves it there.
  func waitForInput() throws(SystemError) {
    var entry = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
    try systemCall("poll") { poll(&entry, 1, 20_000) }
  }

  /// One datagram, or the next bytes of the stream.
  func receive() throws(SystemError) -> [UInt8] {
    let fd = socket.rawValue
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = try systemCall("recv") { recv(fd, &bytes, bytes.count, 0) }
    return Array(bytes.prefix(count))
  }
}

/// A message of the flow that `configuration(…)` describes.
func header(size: Int, nonce: UInt64 = 0xFEDC_BA98_7654_3210, flow: UInt32 = 7) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: size)
  bytes.withUnsafeMutableBytes { MessageHeader.write(into: $0, nonce: nonce, flow: flow) }
  return bytes
}

/// The reply to `request`, as a good server sends it.
func reply(to request: [UInt8]) -> [UInt8] {
  var bytes = request
  bytes.withUnsafeMutableBytes { MessageHeader.markReply($0) }
  return bytes
}

/// The number of a message that has room for all of it.
func number(of message: [UInt8]) -> UInt64 { message.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } }
