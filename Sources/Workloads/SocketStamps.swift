internal import CLinux
internal import LinuxKit

/// The kernel's own stamps of a socket's messages (SO_TIMESTAMPING), in ns since 1970 on CLOCK_REALTIME.
///
/// Stamps of sent messages come out of the socket's error queue and carry a number (SOF_TIMESTAMPING_OPT_ID), by which a
/// stamp is told from that of an earlier message that was lost. As `ip_append_data` and `tcp_tx_timestamp` have it, and
/// as tried on Linux 6.18 with stamps asked for message by message:
///
/// - UDP counts, from 0, the datagrams for which a stamp was asked for, and no others.
/// - TCP counts bytes, stamped or not: the number is that of the message's last byte, from 0 at the first byte sent
///   after the option was set, modulo 2³². A message of several writes is stamped at the last.
struct SocketStamps {
  /// The number that the stamp of the message last sent will have.
  var awaitedID: UInt32 = .max
  /// When the message last received came from the device; 0 if the kernel did not say.
  var arrived: UInt64 = 0

  /// Over the loopback a stamp is there when the send returns. A device may take longer; this is how often a loop looks
  /// for it in vain before it goes on without.
  private static let fruitlessReads = 3
  /// Stamps of lost messages that are passed over.
  private static let staleReads = 16

  /// When the message last sent on `fd` was handed to the device; 0 if the kernel does not say so now.
  @inline(never)
  func transmitted(fd: Int32) -> UInt64 {
    var id: UInt32 = 0
    var stamp: UInt64 = 0
    var fruitless = 0
    for _ in 0..<Self.staleReads {
      let count = clinux_transmit_stamp(fd, &id, &stamp)
      if count > 0 && id == awaitedID { return stamp }
      if count <= 0 {
        fruitless += 1
        if fruitless == Self.fruitlessReads { return 0 }
      }
    }
    return 0
  }
}

extension Socket {
  /// Has the kernel stamp what comes from now on, or a little later: the first socket that asks makes it switch stamps
  /// on for all packets of the host, by a work item. So a server asks before it listens.
  /// - Parameter sending: whether messages that are sent may be stamped, too; a TCP socket must be connected for that.
  func stampPackets(sending: Bool) throws(SystemError) {
    let fd = fd
    try systemCall("setsockopt", on: "SO_TIMESTAMPING") { clinux_stamp_packets(fd, sending ? 1 : 0) }
  }
}
