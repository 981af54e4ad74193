internal import CLinux
internal import Glibc
internal import LinuxKit

/// A socket of IPv4 with the options that the workloads need.
struct Socket: ~Copyable {
  let descriptor: Descriptor

  var fd: Int32 { descriptor.rawValue }

  enum Kind {
    case udp, tcp
    var type: Int32 { Int32(self == .udp ? SOCK_DGRAM.rawValue : SOCK_STREAM.rawValue) }
    var name: String { self == .udp ? "udp" : "tcp" }
  }

  init(_ kind: Kind) throws(SystemError) {
    descriptor = Descriptor(
      owning: try systemCall("socket", on: kind.name) { socket(AF_INET, kind.type | Int32(SOCK_CLOEXEC.rawValue), 0) })
  }

  private init(owning descriptor: consuming Descriptor) { self.descriptor = descriptor }

  func setOption(_ level: Int32, _ name: Int32, _ value: Int32) throws(SystemError) {
    var value = value
    let fd = fd
    try systemCall("setsockopt") { setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) }
  }

  /// Blocking receives return after this long with EAGAIN.
  func setReceiveTimeout(nanoseconds: UInt64) throws(SystemError) {
    // 0 would be for ever.
    let microseconds = max(1, nanoseconds / 1000)
    var time = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
    let fd = fd
    try systemCall("setsockopt", on: "receive time-out") {
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  func bind(to address: IPv4Endpoint) throws(SystemError) {
    let fd = fd
    try address.withSocketAddress { pointer, length throws(SystemError) in
      try systemCall("bind", on: address.description) { Glibc.bind(fd, pointer, length) }
    }
  }

  func connect(to address: IPv4Endpoint) throws(SystemError) {
    let fd = fd
    try address.withSocketAddress { pointer, length throws(SystemError) in
      try systemCall("connect", on: address.description) { Glibc.connect(fd, pointer, length) }
    }
  }

  func listen() throws(SystemError) {
    let fd = fd
    try systemCall("listen") { Glibc.listen(fd, 16) }
  }

  /// The next connection, or nil if a stop was asked for while waiting.
  func accept() throws(SystemError) -> Socket? {
    while clinux_stop_requested() == 0 {
      var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
      if poll(&entry, 1, 100) > 0 {
        let fd = fd
        let accepted = try systemCall("accept") { Glibc.accept(fd, nil, nil) }
        return Socket(owning: Descriptor(owning: accepted))
      }
    }
    return nil
  }

  /// The port that the kernel bound the socket to.
  func localPort() throws(SystemError) -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let fd = fd
    try withUnsafeMutablePointer(to: &address) { pointer throws(SystemError) in
      _ = try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound throws(SystemError) in
        try systemCall("getsockname") { getsockname(fd, rebound, &length) }
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }
}

/// An IPv4 address and a port.
struct IPv4Endpoint: CustomStringConvertible {
  let address: String
  let port: UInt16
  private let raw: sockaddr_in

  /// - Parameter address: in dotted form; anything else throws EINVAL.
  init(address: String, port: UInt16) throws(SystemError) {
    self.address = address
    self.port = port
    var raw = sockaddr_in()
    raw.sin_family = sa_family_t(AF_INET)
    raw.sin_port = port.bigEndian
    guard inet_pton(AF_INET, address, &raw.sin_addr) == 1 else {
      throw SystemError(call: "inet_pton", subject: address, code: EINVAL)
    }
    self.raw = raw
  }

  var description: String { "\(address):\(port)" }

  @discardableResult
  func withSocketAddress<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    try withUnsafePointer(to: raw) { pointer throws(SystemError) in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound throws(SystemError) in
        try body(rebound, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
