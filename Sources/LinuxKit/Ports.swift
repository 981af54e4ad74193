internal import Glibc

/// Ports that somebody listens on, as a process sees them in its network namespace.
public enum ListeningPort {
  /// Whether a TCP socket listens on `port`, or a UDP socket is bound to it, in the network namespace of process `pid`.
  public static func isOpen(_ port: UInt16, pid: Int32) -> Bool {
    ["tcp", "tcp6", "udp", "udp6"].contains { table in
      guard let text = try? SmallFile.text("/proc/\(pid)/net/\(table)") else { return false }
      return contains(port, in: text, states: table.hasPrefix("tcp") ? ["0A"] : ["07"])
    }
  }

  /// - Parameters:
  ///   - table: the text of /proc/net/tcp and its kin: number, local address:port, remote address:port, state, …
  ///   - states: in the kernel's hexadecimal: 0A listens, 07 is a UDP socket that is not connected.
  static func contains(_ port: UInt16, in table: String, states: [String]) -> Bool {
    table.split(separator: "\n").dropFirst().contains { line in
      let words = line.split(separator: " ")
      guard words.count > 3, states.contains(String(words[3])),
        let local = words[1].split(separator: ":").last
      else { return false }
      return UInt16(local, radix: 16) == port
    }
  }
}

/// A port that nobody uses.
public enum FreePort {
  /// A TCP port that was free a moment ago in the calling thread's network namespace, for a server that must be told one.
  public static func tcp() throws(SystemError) -> UInt16 {
    let socket = Descriptor(
      owning: try systemCall("socket") { Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) })
    let fd = socket.rawValue
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &address) { pointer throws(SystemError) in
      let raw = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
      try systemCall("bind") { bind(fd, raw, length) }
      try systemCall("getsockname") { getsockname(fd, raw, &length) }
    }
    return UInt16(bigEndian: address.sin_port)
  }
}
