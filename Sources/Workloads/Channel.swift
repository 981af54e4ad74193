/// One side of a connection as the measured loops see it. The loops are generic over it and are specialised for each
/// channel, so that nothing is dispatched in the window.
protocol Channel {
  var fd: Int32 { get }

  /// Hands one whole message to the kernel. Returns 0, or the value of `errno`.
  mutating func send(_ message: UnsafeRawBufferPointer) -> Int32

  /// One attempt to receive one whole message: its length; ``Received/nothing`` if there is none yet (at once when
  /// spinning, after the socket's time-out when blocking); or ``Received/failed(_:)``.
  mutating func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int

  /// Like ``send(_:)``, for a message that the kernel is to stamp.
  /// - Parameter ordinal: how many messages this socket has sent with this one.
  mutating func sendStamped(_ message: UnsafeRawBufferPointer, ordinal: UInt64) -> Int32

  /// Like ``receive(into:)``, for a message whose stamp is wanted.
  mutating func receiveStamped(into buffer: UnsafeMutableRawBufferPointer) -> Int

  /// What the kernel stamped; only the two functions above write it.
  var stamps: SocketStamps { get }
}

/// The results of ``Channel/receive(into:)`` that are no length.
enum Received {
  static let nothing = 0
  /// The other side has closed the connection.
  static let closed = -1_000_000
  @inline(__always) static func failed(_ code: Int32) -> Int { -Int(code) }
}
