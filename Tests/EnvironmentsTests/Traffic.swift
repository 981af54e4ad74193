import Foundation
import LinuxKit
import Testing

@testable import Environments

/// A UDP socket in a namespace, made on a thread that entered it; afterwards any thread may use it.
final class Datagrams {
  private let socket: Descriptor
  /// The port it was bound to.
  let port: UInt16

  /// - Parameters:
  ///   - namespace: the namespace's file; nil is the host's own.
  ///   - address: to bind to; nil leaves it to the kernel.
  init(in namespace: String?, address: String? = nil) throws {
    let number = try onDedicatedThread { () throws(SystemError) in
      if let namespace { try NetworkNamespace.enter(path: namespace) }
      return try systemCall("socket") {
        Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      }
    }
    let socket = Descriptor(owning: number)
    // A lost datagram fails the test instead of hanging it.
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var name = sockaddr_in()
    if let address {
      try withAddress(address, 0) { pointer, length in
        _ = try systemCall("bind", on: address) { bind(number, pointer, length) }
      }
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutablePointer(to: &name) { pointer in
        _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
      }
    }
    port = UInt16(bigEndian: name.sin_port)
    self.socket = socket
  }

  func send(_ count: Int, to address: String, port: UInt16) throws {
    let number = socket.rawValue
    let bytes = [UInt8](repeating: 7, count: count)
    try withAddress(address, port) { pointer, length in
      _ = try systemCall("sendto", on: "\(address):\(port)") { sendto(number, bytes, count, 0, pointer, length) }
    }
  }

  /// Receives one datagram and sends as much back.
  func echo() throws {
    let number = socket.rawValue
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var sender = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    try withUnsafeMutablePointer(to: &sender) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { sender in
        let count = try systemCall("recvfrom") { recvfrom(number, &bytes, bytes.count, 0, sender, &length) }
        _ = try systemCall("sendto") { sendto(number, bytes, count, 0, sender, length) }
      }
    }
  }

  func receive() throws -> Int {
    let number = socket.rawValue
    var bytes = [UInt8](repeating: 0, count: 65_536)
    return try systemCall("recv") { recv(number, &bytes, bytes.count, 0) }
  }
}

private func withAddress(
  _ text: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
) throws {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  try #require(inet_pton(AF_INET, text, &address.sin_addr) == 1)
  try withUnsafePointer(to: address) { pointer in
    try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
}

/// Client and server that exchange datagrams.
struct Exchange {
  private let server: Datagrams
  private let client: Datagrams
  private let address: String

  /// - Parameters: where the server listens and the client runs; nil is the host's own namespace.
  init(client: String?, server: String?, address: String) throws {
    self.server = try Datagrams(in: server, address: address)
    self.client = try Datagrams(in: client)
    self.address = address
    // Neighbours get to know each other.
    try roundTrips(1, size: 1)
  }

  init(_ environment: BuiltEnvironment) throws {
    try self.init(
      client: environment.clientNamespace, server: environment.serverNamespace, address: environment.serverAddress)
  }

  func roundTrips(_ count: Int, size: Int) throws {
    for _ in 0..<count {
      try client.send(size, to: address, port: server.port)
      try server.echo()
      try #require(try client.receive() == size)
    }
  }
}

extension PathTraffic {
  /// `count` datagrams there, and as many back.
  static func datagrams(_ count: Int, size: Int = 64) -> PathTraffic {
    PathTraffic(transport: .udp, size: size, requests: UInt64(count), replies: UInt64(count))
  }
}
