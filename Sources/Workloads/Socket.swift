internal import CLinux
internal import Glibc
internal import LinuxKit

/// A socket of IPv4 or IPv6 with the options that the workloads need.
struct Socket: ~Copyable {
  let descriptor: Descriptor

  var fd: Int32 { descriptor.rawValue }

  enum Kind {
    case udp, tcp
    var type: Int32 { Int32(self == .udp ? SOCK_DGRAM.rawValue : SOCK_STREAM.rawValue) }
    var name: String { self == .udp ? "udp" : "tcp" }
  }

  /// - Parameter family: AF_INET or AF_INET6, as ``Endpoint/family`` says.
  init(_ kind: Kind, family: Int32) throws(SystemError) {
    descriptor = Descriptor(
      owning: try systemCall("socket", on: kind.name) { socket(family, kind.type | Int32(SOCK_CLOEXEC.rawValue), 0) })
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

  func bind(to address: Endpoint) throws(SystemError) {
    let fd = fd
    try address.withSocketAddress { pointer, length throws(SystemError) in
      try systemCall("bind", on: address.description) { Glibc.bind(fd, pointer, length) }
    }
  }

  func connect(to address: Endpoint) throws(SystemError) {
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
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let fd = fd
    return try withUnsafeMutablePointer(to: &address) { pointer throws(SystemError) in
      let raw = UnsafeMutableRawPointer(pointer)
      try systemCall("getsockname") {
        getsockname(fd, raw.assumingMemoryBound(to: sockaddr.self), &length)
      }
      // The port stands at the same place in both families, right behind the family.
      return UInt16(bigEndian: raw.load(fromByteOffset: MemoryLayout<sa_family_t>.size, as: UInt16.self))
    }
  }
}

/// An address of IPv4 or IPv6, and a port.
struct Endpoint: CustomStringConvertible {
  let address: String
  let port: UInt16
  /// AF_INET or AF_INET6.
  let family: Int32
  private let raw: sockaddr_storage
  private let length: socklen_t

  /// - Parameter address: as inet_pton(3) reads it; anything else throws EINVAL.
  init(address: String, port: UInt16) throws(SystemError) {
    self.address = address
    self.port = port
    var raw = sockaddr_storage()
    var v4 = sockaddr_in()
    var v6 = sockaddr_in6()
    if inet_pton(AF_INET, address, &v4.sin_addr) == 1 {
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port.bigEndian
      family = AF_INET
      length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutableBytes(of: &raw) { $0.storeBytes(of: v4, as: sockaddr_in.self) }
    } else if inet_pton(AF_INET6, address, &v6.sin6_addr) == 1 {
      v6.sin6_family = sa_family_t(AF_INET6)
      v6.sin6_port = port.bigEndian
      family = AF_INET6
      length = socklen_t(MemoryLayout<sockaddr_in6>.size)
      withUnsafeMutableBytes(of: &raw) { $0.storeBytes(of: v6, as: sockaddr_in6.self) }
    } else {
      throw SystemError(call: "inet_pton", subject: address, code: EINVAL)
    }
    self.raw = raw
  }

  var description: String { family == AF_INET6 ? "[\(address)]:\(port)" : "\(address):\(port)" }

  @discardableResult
  func withSocketAddress<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    try withUnsafePointer(to: raw) { pointer throws(SystemError) in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound throws(SystemError) in
        try body(rebound, length)
      }
    }
  }
}
