/// What one worker knows of one sampled round trip: points in time on CLOCK_REALTIME, in ns since 1970, the clock of the
/// kernel's packet stamps. 0 is "not known".
///
/// A client's are in the order sent, transmitted, arrived, received; a server's in the order arrived, received, sent,
/// transmitted.
public struct RequestStamps: Sendable, Equatable {
  /// The request's number.
  public var sequence: UInt64
  /// Right before the message is handed to the kernel.
  public var sent: UInt64
  /// When the kernel handed the message to the device: software TX stamp of SO_TIMESTAMPING. 0 without socket stamps.
  public var transmitted: UInt64
  /// When the message came from the device: software RX stamp of SO_TIMESTAMPING. 0 without socket stamps.
  public var arrived: UInt64
  /// Right after the message has been read.
  public var received: UInt64
  /// The client's own measurement of the round trip, in ns on CLOCK_MONOTONIC; 0 at the server.
  public var roundTrip: UInt64

  public init(
    sequence: UInt64, sent: UInt64 = 0, transmitted: UInt64 = 0, arrived: UInt64 = 0, received: UInt64 = 0,
    roundTrip: UInt64 = 0
  ) {
    self.sequence = sequence
    self.sent = sent
    self.transmitted = transmitted
    self.arrived = arrived
    self.received = received
    self.roundTrip = roundTrip
  }
}

extension RequestStamps {
  /// The length of one record between worker and controller, in bytes: its six numbers in the order of their
  /// declaration, each 64 bits, little-endian.
  public static let encodedSize = 48

  /// `records`, one behind the other.
  public static func encoded(_ records: ArraySlice<RequestStamps>) -> [UInt8] {
    let length = records.count * encodedSize
    return [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var offset = 0
      func append(_ number: UInt64) {
        bytes.storeBytes(of: number.littleEndian, toByteOffset: offset, as: UInt64.self)
        offset += 8
      }
      for record in records {
        append(record.sequence)
        append(record.sent)
        append(record.transmitted)
        append(record.arrived)
        append(record.received)
        append(record.roundTrip)
      }
      initialized = offset
    }
  }

  /// The records that `bytes` are. Throws if they are no whole number of records.
  public static func decoded(_ bytes: [UInt8]) throws(ProtocolError) -> [RequestStamps] {
    guard bytes.count.isMultiple(of: encodedSize) else {
      throw ProtocolError("\(bytes.count) bytes of stamps: a record has \(encodedSize)")
    }
    return bytes.withUnsafeBytes { bytes in
      func number(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      }
      let count = bytes.count / encodedSize
      return [RequestStamps](unsafeUninitializedCapacity: count) { records, initialized in
        for index in 0..<count {
          let start = index * encodedSize
          records.initializeElement(
            at: index,
            to: RequestStamps(
              sequence: number(start), sent: number(start + 8), transmitted: number(start + 16),
              arrived: number(start + 24), received: number(start + 32), roundTrip: number(start + 40)))
        }
        initialized = count
      }
    }
  }
}
