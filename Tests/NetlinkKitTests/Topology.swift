import Glibc
import LinuxKit
import NetlinkKit

/// Two hosts on one wire.
enum Wire {
  static let client = "198.18.0.1"
  static let server = "198.18.0.2"

  /// - Parameter isPrepared: otherwise the namespaces are as the kernel makes them.
  static func lay(_ client: NetworkNamespace, _ server: NetworkNamespace, isPrepared: Bool = true) throws {
    let left = try isPrepared ? NetlinkSocket.prepare(client) : NetlinkSocket.open(in: client)
    let right = try isPrepared ? NetlinkSocket.prepare(server) : NetlinkSocket.open(in: server)
    try left.createVethPair("client0", peer: "server0", peerIn: server)
    try right.setUp("server0")
    try left.addAddress(Self.client, prefixLength: 24, to: "client0")
    try right.addAddress(Self.server, prefixLength: 24, to: "server0")
    try left.waitUntilRunning("client0")
    try right.waitUntilRunning("server0")
  }
}

/// A UDP socket of one namespace, whichever thread uses it.
struct Datagrams: ~Copyable {
  private let socket: Descriptor

  init(in namespace: NetworkNamespace, address: String, port: UInt16) throws {
    let number = try namespace.run { () throws(SystemError) in
      let number = try systemCall("socket") {
        Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      }
      // A lost datagram fails the test instead of hanging it.
      var patience = timeval(tv_sec: 5, tv_usec: 0)
      setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
      return number
    }
    let socket = Descriptor(owning: number)
    try Self.withAddress(address, port) { name, length in
      _ = try systemCall("bind", on: "\(address):\(port)") { Glibc.bind(number, name, length) }
    }
    self.socket = socket
  }

  func send(_ bytes: [UInt8], to address: String, port: UInt16) throws {
    let number = socket.rawValue
    try Self.withAddress(address, port) { name, length in
      _ = try systemCall("sendto", on: "\(address):\(port)") { sendto(number, bytes, bytes.count, 0, name, length) }
    }
  }

  func receive() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let number = socket.rawValue
    let count = try systemCall("recv") { recv(number, &bytes, bytes.count, 0) }
    return Array(bytes.prefix(count))
  }

  private static func withAddress(
    _ text: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
  ) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, text, &address.sin_addr)
    try withUnsafePointer(to: address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
