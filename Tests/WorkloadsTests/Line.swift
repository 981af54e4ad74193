import Glibc
import LinuxKit

@testable import Workloads

/// A plain socket of either family on the loopback, which gives up after some seconds.
final class Line {
  enum Kind { case udp, tcp }

  private let socket: Descriptor
  let kind: Kind

  var fd: Int32 { socket.rawValue }

  private init(_ kind: Kind, owning socket: consuming Descriptor) throws(SystemError) {
    self.kind = kind
    self.socket = socket
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      try systemCall("setsockopt") {
        setsockopt(fd, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
      }
    }
  }

  private convenience init(_ kind: Kind, _ address: String) throws(SystemError) {
    let type = Int32((kind == .udp ? SOCK_DGRAM : SOCK_STREAM).rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let family = try Endpoint(address: address, port: 0).family
    try self.init(kind, owning: Descriptor(owning: try systemCall("socket") { Glibc.socket(family, type, 0) }))
  }

  /// Bound to a port of the kernel's choice, and listening, for TCP.
  convenience init(listening kind: Kind, _ address: String = loopback) throws(SystemError) {
    try self.init(kind, address)
    try Endpoint(address: address, port: 0).withSocketAddress { pointer, length throws(SystemError) in
      _ = try systemCall("bind") { bind(fd, pointer, length) }
    }
    if kind == .tcp { try systemCall("listen") { listen(fd, 64) } }
  }

  convenience init(to port: UInt16, _ kind: Kind, _ address: String = loopback) throws(SystemError) {
    try self.init(kind, address)
    try Endpoint(address: address, port: port).withSocketAddress { pointer, length throws(SystemError) in
      _ = try systemCall("connect") { connect(fd, pointer, length) }
    }
  }

  func port() throws(SystemError) -> UInt16 { try Self.port { getsockname(fd, $0, &$1) } }

  private static func port(
    _ read: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int32
  ) throws(SystemError) -> UInt16 {
    var address = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { read($0, &length) }
    }
    try systemCall("getsockname") { code }
    // At the same place in both families.
    return UInt16(bigEndian: address.sin6_port)
  }

  func accept() throws(SystemError) -> Line {
    try Line(.tcp, owning: Descriptor(owning: try systemCall("accept") { Glibc.accept(fd, nil, nil) }))
  }

  func send(_ bytes: [UInt8]) throws(SystemError) {
    try systemCall("send") { Glibc.send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
  }

  func endSending() throws(SystemError) { try systemCall("shutdown") { shutdown(fd, Int32(SHUT_WR)) } }

  /// Breaks the connection off: connecting a socket to no address does (connect(2)).
  func reset() throws(SystemError) {
    var nowhere = sockaddr()
    nowhere.sa_family = sa_family_t(AF_UNSPEC)
    try systemCall("connect") { connect(fd, &nowhere, socklen_t(MemoryLayout<sockaddr>.size)) }
  }

  /// One datagram, or the next bytes of the stream.
  func receive() throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = try systemCall("recv") { recv(fd, &bytes, bytes.count, 0) }
    return Array(bytes.prefix(count))
  }

  /// One datagram, and the port that it came from.
  func receiveFrom() throws(SystemError) -> (bytes: [UInt8], port: UInt16) {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var count = 0
    let port = try Self.port { address, length in
      count = recvfrom(fd, &bytes, bytes.count, 0, address, &length)
      return count < 0 ? -1 : 0
    }
    return (Array(bytes.prefix(count)), port)
  }

  func send(_ bytes: [UInt8], to port: UInt16, _ address: String) throws(SystemError) {
    try Endpoint(address: address, port: port).withSocketAddress { pointer, length throws(SystemError) in
      _ = try systemCall("sendto") { sendto(fd, bytes, bytes.count, 0, pointer, length) }
    }
  }

  /// The next `count` bytes of the stream; fewer if it ends before.
  func receive(exactly count: Int) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = try receive()
      if more.isEmpty { break }
      bytes += more
    }
    return bytes
  }

  /// What comes next: nothing at the end of the stream, be it an orderly one or not.
  func receiveOrReset() throws(SystemError) -> [UInt8] {
    do throws(SystemError) { return try receive() } catch {
      if error.code == ECONNRESET { return [] }
      throw error
    }
  }
}
