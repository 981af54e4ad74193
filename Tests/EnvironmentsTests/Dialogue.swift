import Foundation
import LinuxKit
import Model
import Testing

@testable import Environments

extension Workplace {
  init(family: AddressFamily) throws {
    directory = try ScratchDirectory()
    runID = randomRunID()
    journal = try Journal(runID: runID, directory: directory.path)
    resources = HostResources(journal: journal, settings: BuildSettings(family: family))
  }
}

/// Client and server of an environment that talk over whatever it puts between them.
final class Dialogue {
  enum Style: Sendable {
    case datagrams, bytes
    /// HTTP/1.1 requests and responses with bodies.
    case http
  }

  private let style: Style
  private let family: AddressFamily
  private let clientNamespace: String?
  private let service: ServiceAddress
  private let port: UInt16
  private let listener: Descriptor
  private var accepted: [Connection] = []
  private var client: Connection
  private let relay: TestRelay?

  /// - Parameter target: where the client sends to instead of where the environment says.
  init(
    _ environment: BuiltEnvironment, _ style: Style, family: AddressFamily = .ipv4,
    target: (address: String, port: UInt16)? = nil
  ) throws {
    self.style = style
    self.family = family
    var service = environment.service
    clientNamespace = environment.client.namespaceToEnter
    let transport = style == .datagrams ? SOCK_DGRAM : SOCK_STREAM
    listener = try openSocket(transport, family, in: environment.server.namespaceToEnter)
    let number = listener.rawValue
    var on: Int32 = 1
    setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    try withSocketAddress(service.listenAddress, service.listenPort) { pointer, length in
      _ = try systemCall("bind", on: service.listenAddress) { bind(number, pointer, length) }
    }
    if style != .datagrams { try systemCall("listen") { listen(number, 128) } }
    port = try localPort(number)
    if let target {
      service.targetAddress = target.address
      service.targetPort = target.port
    }
    self.service = service
    relay = try environment.relay.map { try TestRelay($0, transport, family) }
    client = try Self.connect(service, port, transport, family, in: clientNamespace)
  }

  private static func connect(
    _ service: ServiceAddress, _ port: UInt16, _ transport: __socket_type, _ family: AddressFamily,
    in namespace: String?
  ) throws -> Connection {
    let socket = try openSocket(transport, family, in: namespace)
    let number = socket.rawValue
    try withSocketAddress(service.targetAddress, service.targetPort ?? port) { pointer, length in
      _ = try systemCall("connect", on: service.targetAddress) { Glibc.connect(number, pointer, length) }
    }
    return Connection(socket)
  }

  /// Requests and replies of `size` bytes on the connection that stands.
  func roundTrips(_ count: Int, size: Int) throws {
    for _ in 0..<count { try roundTrip(size) }
  }

  /// As many connections, each for one request and its reply, closed by reset.
  func connections(_ count: Int, size: Int) throws {
    for _ in 0..<count {
      client = try Self.connect(service, port, SOCK_STREAM, family, in: clientNamespace)
      try roundTrip(size)
      client.resetOnClose()
    }
  }

  private func roundTrip(_ size: Int) throws {
    let body = [UInt8](repeating: 7, count: size)
    switch style {
    case .datagrams:
      try client.send(body)
      var sender = sockaddr_storage()
      try answerDatagram(&sender)
      try #require(try client.receive(atLeast: 1).count == size)
    case .bytes:
      try client.send(body)
      try serve { try $0.receive(atLeast: size) }
      try #require(try client.receive(atLeast: size).count == size)
    case .http:
      let head = "POST / HTTP/1.1\r\nHost: service\r\nContent-Length: \(size)\r\n\r\n"
      try client.send(Array(head.utf8) + body)
      try serve { connection in
        try connection.receiveMessage(body: size)
        return Array("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n".utf8) + body
      }
      try client.receiveMessage(body: size)
    }
  }

  private func answerDatagram(_ sender: inout sockaddr_storage) throws {
    let number = listener.rawValue
    var bytes = [UInt8](repeating: 0, count: 65_536)
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    try withUnsafeMutablePointer(to: &sender) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { sender in
        let count = try systemCall("recvfrom") { recvfrom(number, &bytes, bytes.count, 0, sender, &length) }
        _ = try systemCall("sendto") { sendto(number, bytes, count, 0, sender, length) }
      }
    }
  }

  /// Answers one request, on whichever connection it comes.
  private func serve(_ answer: (Connection) throws -> [UInt8]) throws {
    while true {
      var entries = ([listener.rawValue] + accepted.map(\.number)).map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      try #require(try systemCall("poll") { poll(&entries, nfds_t(entries.count), 5000) } > 0, "no request came")
      if entries[0].revents != 0 {
        let number = listener.rawValue
        let socket = Descriptor(owning: try systemCall("accept") { accept(number, nil, nil) })
        accepted.append(Connection(socket))
        continue
      }
      let ready = try #require(entries.dropFirst().firstIndex { $0.revents != 0 }) - 1
      if accepted[ready].hasEnded {
        accepted.remove(at: ready)
        continue
      }
      try accepted[ready].send(try answer(accepted[ready]))
      return
    }
  }
}

/// A connected socket.
private final class Connection {
  private let socket: Descriptor

  init(_ socket: consuming Descriptor) {
    var on: Int32 = 1
    setsockopt(socket.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    beImpatient(socket.rawValue)
    self.socket = socket
  }

  var number: Int32 { socket.rawValue }

  /// Whether the other side has closed it, in whatever way.
  var hasEnded: Bool {
    var byte: UInt8 = 0
    return recv(number, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) <= 0 && errno != EAGAIN
  }

  func resetOnClose() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(number, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
  }

  func send(_ bytes: [UInt8]) throws {
    let number = number
    var done = 0
    while done < bytes.count {
      let rest = Array(bytes[done...])
      done += try systemCall("send") { Glibc.send(number, rest, rest.count, Int32(MSG_NOSIGNAL)) }
    }
  }

  func receive(atLeast least: Int) throws -> [UInt8] {
    let number = number
    var all: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 65_536)
    repeat {
      let count = try systemCall("recv") { recv(number, &bytes, bytes.count, 0) }
      try #require(count > 0, "the connection was closed")
      all += bytes[..<count]
    } while all.count < least
    return all
  }

  /// One HTTP message whose body has that many bytes.
  func receiveMessage(body: Int) throws {
    var text = ""
    while true {
      text += String(decoding: try receive(atLeast: 1), as: UTF8.self)
      if let head = text.range(of: "\r\n\r\n"), text.utf8.distance(from: head.upperBound, to: text.endIndex) >= body {
        try #require(text.hasPrefix("POST / HTTP/1.1\r\n") || text.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(text)")
        return
      }
    }
  }
}

/// What stands in for the program's own proxy where an environment declares one: one thread, which ends with its owner.
private final class TestRelay {
  private let wake: Descriptor
  private let ended = DispatchSemaphore(value: 0)

  init(_ spec: RelaySpec, _ transport: __socket_type, _ family: AddressFamily) throws {
    var ends: [Int32] = [-1, -1]
    try systemCall("pipe") { pipe(&ends) }
    let asleep = ends[0]
    wake = Descriptor(owning: ends[1])
    let listener = try openSocket(transport, family, in: spec.namespace)
    let number = listener.rawValue
    try withSocketAddress(spec.listenAddress, spec.listenPort) { pointer, length in
      _ = try systemCall("bind") { bind(number, pointer, length) }
    }
    if transport == SOCK_STREAM { try systemCall("listen") { listen(number, 128) } }
    let owned = listener.release()
    let ended = ended
    Thread.detachNewThread {
      let listener = Descriptor(owning: owned)
      let asleep = Descriptor(owning: asleep)
      do { try Self.run(listener.rawValue, asleep.rawValue, spec, transport, family) } catch { Issue.record(error) }
      ended.signal()
    }
  }

  deinit {
    write(wake.rawValue, "x", 1)
    ended.wait()
  }

  private static func run(
    _ listener: Int32, _ wake: Int32, _ spec: RelaySpec, _ transport: __socket_type, _ family: AddressFamily
  ) throws {
    // From each end to the other; for datagrams there is one client.
    var peers: [Int32: Int32] = [:]
    var client = sockaddr_storage()
    var clientLength = socklen_t(0)
    defer { peers.keys.forEach { close($0) } }
    func connectUpstream() throws -> Int32 {
      let upstream = try openSocket(transport, family, in: spec.namespace).release()
      try withSocketAddress(spec.targetAddress, spec.targetPort) { pointer, length in
        _ = try systemCall("connect") { connect(upstream, pointer, length) }
      }
      return upstream
    }
    var upstream: Int32?
    defer { if let upstream { close(upstream) } }
    while true {
      var numbers = [wake, listener] + peers.keys
      if let upstream { numbers.append(upstream) }
      var entries = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      try systemCall("poll") { poll(&entries, nfds_t(entries.count), -1) }
      for entry in entries where entry.revents != 0 {
        if entry.fd == wake { return }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        if transport == SOCK_DGRAM {
          if entry.fd == listener {
            clientLength = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let count = withUnsafeMutablePointer(to: &client) { pointer in
              pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(listener, &bytes, bytes.count, 0, $0, &clientLength)
              }
            }
            if upstream == nil { upstream = try connectUpstream() }
            if let upstream { send(upstream, bytes, count, 0) }
          } else {
            let count = recv(entry.fd, &bytes, bytes.count, 0)
            _ = withUnsafePointer(to: &client) { pointer in
              pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(listener, bytes, count, 0, $0, clientLength)
              }
            }
          }
        } else if entry.fd == listener {
          let client = try systemCall("accept") { accept(listener, nil, nil) }
          let upstream = try connectUpstream()
          var on: Int32 = 1
          for end in [client, upstream] {
            setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
          }
          peers[client] = upstream
          peers[upstream] = client
        } else if let peer = peers[entry.fd] {
          let count = recv(entry.fd, &bytes, bytes.count, 0)
          if count > 0 {
            send(peer, bytes, count, Int32(MSG_NOSIGNAL))
          } else {
            for end in [entry.fd, peer] {
              peers[end] = nil
              close(end)
            }
          }
        }
      }
    }
  }
}

func openSocket(_ transport: __socket_type, _ family: AddressFamily, in namespace: String?) throws -> Descriptor {
  let number = try onDedicatedThread { () throws(SystemError) in
    if let namespace { try NetworkNamespace.enter(path: namespace) }
    return try systemCall("socket") {
      socket(
        family == .ipv4 ? AF_INET : AF_INET6, Int32(transport.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }
  }
  beImpatient(number)
  return Descriptor(owning: number)
}

/// What is lost fails the test instead of hanging it.
func beImpatient(_ number: Int32) {
  var patience = timeval(tv_sec: 2, tv_usec: 0)
  setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
}

func localPort(_ number: Int32) throws -> UInt16 {
  var name = sockaddr_in6()
  var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
  try withUnsafeMutablePointer(to: &name) { pointer in
    try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
      _ = try systemCall("getsockname") { getsockname(number, pointer, &length) }
    }
  }
  // At the same place in both families.
  return UInt16(bigEndian: name.sin6_port)
}

func withSocketAddress(
  _ text: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
) throws {
  if text.contains(":") {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    try #require(inet_pton(AF_INET6, text, &address.sin6_addr) == 1)
    try withUnsafePointer(to: address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
  } else {
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
}
