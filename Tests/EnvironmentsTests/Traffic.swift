import Foundation
import LinuxKit
import Model
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
  init(in namespace: String?, _ family: AddressFamily, address: String? = nil) throws {
    let socket = try openSocket(SOCK_DGRAM, family, in: namespace)
    let number = socket.rawValue
    if let address {
      try withSocketAddress(address, 0) { pointer, length in
        _ = try systemCall("bind", on: address) { bind(number, pointer, length) }
      }
    }
    port = try localPort(number)
    self.socket = socket
  }

  func send(_ count: Int, to address: String, port: UInt16) throws {
    let number = socket.rawValue
    let bytes = [UInt8](repeating: 7, count: count)
    try withSocketAddress(address, port) { pointer, length in
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

/// Client and server that exchange datagrams.
struct Exchange {
  private let server: Datagrams
  private let client: Datagrams
  private let address: String

  /// - Parameters: where the server listens and the client runs; nil is the host's own namespace.
  init(client: String?, server: String?, address: String) throws {
    let family: AddressFamily = address.contains(":") ? .ipv6 : .ipv4
    self.server = try Datagrams(in: server, family, address: address)
    self.client = try Datagrams(in: client, family)
    self.address = address
    // Neighbours get to know each other.
    try roundTrips(1, size: 1)
  }

  init(_ environment: BuiltEnvironment) throws {
    try self.init(
      client: environment.client.namespaceToEnter, server: environment.server.namespaceToEnter,
      address: environment.service.targetAddress)
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
  static func datagrams(_ count: Int, size: Int = 64, family: AddressFamily = .ipv4) -> PathTraffic {
    PathTraffic(transport: .udp, family: family, size: size, requests: UInt64(count), replies: UInt64(count))
  }

  /// `count` messages there, and as many back, on connections that stand, or each on one of its own.
  static func messages(
    _ count: Int, size: Int = 64, family: AddressFamily = .ipv4, connections: Int = 0, isBulk: Bool = false
  ) -> PathTraffic {
    PathTraffic(
      transport: .tcp, family: family, size: size, requests: UInt64(count), replies: UInt64(count),
      connections: UInt64(connections), isBulk: isBulk)
  }
}

/// A stream of bytes from client to server, which takes them in as they come, and answers with one byte at the end.
struct ByteStream {
  private let client: String?
  private let server: String?
  private let address: String
  private let family: AddressFamily

  init(_ environment: BuiltEnvironment) {
    client = environment.client.namespaceToEnter
    server = environment.server.namespaceToEnter
    address = environment.service.targetAddress
    family = address.contains(":") ? .ipv6 : .ipv4
  }

  /// Sends `count` messages of `size` bytes on one connection.
  func send(_ count: Int, size: Int) throws {
    let listener = try openSocket(SOCK_STREAM, family, in: server)
    let number = listener.rawValue
    try withSocketAddress(address, 0) { pointer, length in
      _ = try systemCall("bind", on: address) { bind(number, pointer, length) }
    }
    try systemCall("listen") { listen(number, 1) }
    let port = try localPort(number)
    let sender = try openSocket(SOCK_STREAM, family, in: client)
    let fd = sender.rawValue
    try withSocketAddress(address, port) { pointer, length in
      _ = try systemCall("connect", on: address) { connect(fd, pointer, length) }
    }
    let accepted = Descriptor(owning: try systemCall("accept") { accept(number, nil, nil) })
    beImpatient(accepted.rawValue)
    let taken = accepted.release()
    let ended = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let socket = Descriptor(owning: taken)
      var bytes = [UInt8](repeating: 0, count: 1 << 20)
      var received = 0
      while received < count * size {
        let part = recv(socket.rawValue, &bytes, bytes.count, 0)
        if part <= 0 { break }
        received += part
      }
      if received != count * size { Issue.record("\(received) of \(count * size) bytes came") }
      Glibc.send(socket.rawValue, bytes, 1, Int32(MSG_NOSIGNAL))
      ended.signal()
    }
    let message = [UInt8](repeating: 7, count: size)
    for _ in 0..<count {
      var done = 0
      while done < size {
        done += try systemCall("send") {
          message.withUnsafeBytes { Glibc.send(fd, $0.baseAddress.map { $0 + done }, size - done, Int32(MSG_NOSIGNAL)) }
        }
      }
    }
    ended.wait()
    var byte: UInt8 = 0
    try #require(try systemCall("recv") { recv(fd, &byte, 1, 0) } == 1)
  }
}
