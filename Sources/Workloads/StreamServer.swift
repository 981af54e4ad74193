internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The server of the bulk workloads: reads what comes, as fast as it can, and counts what is of the client's window, until
/// SIGTERM.
///
/// Its receive buffer is the kernel's default one, as iperf3's and every ordinary program's is. Where it overflows while
/// the server is not on its CPU, datagrams are lost; that is what loss is like for such programs. A larger one would hide
/// it and, worse, would not be the same everywhere: beyond net.core.rmem_max it takes CAP_NET_ADMIN, which a process in a
/// container has not got.
public struct StreamServer: ServerLoop {
  /// How long a blocking server waits before it looks whether it is to stop.
  private static let stopInterval: UInt64 = 100_000_000
  /// How long the server goes on, once it is to stop, with what is in its socket already.
  private static let drainLimit: UInt64 = 100_000_000
  /// How long a connection may take to show that it is of this trial.
  private static let greetingLimit: UInt64 = 1_000_000_000
  /// The most bytes of a TCP stream that one read takes: iperf3's default.
  static let readSize = 131_072

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  public func run(listening: (UInt16) throws(WorkloadError) -> Void) throws(WorkloadError) -> ServerOutcome {
    try configuration.checkStream()
    let socket = try explained { () throws(SystemError) in
      try systemCall("sigaction") { clinux_catch_stop() }
      let address = try Endpoint(address: configuration.address, port: configuration.port)
      let socket = try Socket(configuration.transport == .udp ? .udp : .tcp, family: address.family)
      try socket.bind(to: address)
      switch configuration.transport {
      case .udp: try socket.setReceiveTimeout(nanoseconds: Self.stopInterval)
      case .tcp: try socket.listen()
      }
      return socket
    }
    // Before the first byte comes.
    var buffer = [UInt8](repeating: 0, count: StreamMark.length + Self.readSize)
    try listening(try explained { () throws(SystemError) in try socket.localPort() })
    var result = ServerResult()
    switch configuration.transport {
    case .udp:
      var seen = SeenNumbers()
      try takeDatagrams(socket, &buffer, &seen, &result)
    case .tcp:
      while clinux_stop_requested() == 0 {
        let accepted = try explained { () throws(SystemError) -> Socket? in
          guard let connection = try socket.accept() else { return nil }
          try connection.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
          try connection.setReceiveTimeout(nanoseconds: Self.stopInterval)
          return connection
        }
        guard let connection = accepted else { break }
        try takeBytes(connection, &buffer, &result)
      }
    }
    return ServerOutcome(result: result)
  }

  // MARK: UDP

  private func takeDatagrams(
    _ socket: borrowing Socket, _ buffer: inout [UInt8], _ seen: inout SeenNumbers, _ result: inout ServerResult
  ) throws(WorkloadError) {
    let fd = socket.fd
    let flags = configuration.wait == .spin ? Int32(MSG_DONTWAIT) : 0
    let size = configuration.size
    var failure: Int32 = 0
    var mark = StreamMark(configuration, .window)
    buffer.withUnsafeMutableBytes { buffer in
      mark.withMutableBytes { window in
        let judge = DatagramJudge(window: UnsafeRawBufferPointer(window), size: size)
        func take(_ flags: Int32) -> Bool {
          // One byte longer than a message, so that a longer one is seen to be one.
          let count = recv(fd, buffer.baseAddress, size + 1, flags)
          if count >= 0 {
            judge.count(UnsafeRawBufferPointer(rebasing: buffer[..<count]), &seen, &result)
            return true
          }
          let code = errno
          if code != EAGAIN && code != EINTR { failure = code }
          return false
        }
        while clinux_stop_requested() == 0 && failure == 0 { _ = take(flags) }
        // The client may have ended before the server has had all that it sent.
        let limit = Clock.monotonic() + Self.drainLimit
        while failure == 0 && take(Int32(MSG_DONTWAIT)) && Clock.monotonic() < limit {}
      }
    }
    if failure != 0 { throw WorkloadError(SystemError(call: "recv", code: failure)) }
  }

  // MARK: TCP

  private func takeBytes(
    _ connection: borrowing Socket, _ buffer: inout [UInt8], _ result: inout ServerResult
  ) throws(WorkloadError) {
    let fd = connection.fd
    let flags = configuration.wait == .spin ? Int32(MSG_DONTWAIT) : 0
    let mark = StreamMark(configuration, .warmUp)
    let began = Clock.monotonic()
    var problem: WorkloadError?
    buffer.withUnsafeMutableBytes { buffer in
      // The last bytes of what came before, and behind them each read: so that a mark is found in whatever pieces.
      let carried = UnsafeMutableRawBufferPointer(rebasing: buffer[..<StreamMark.length])
      let room = UnsafeMutableRawBufferPointer(rebasing: buffer[StreamMark.length...])
      carried.initializeMemory(as: UInt8.self, repeating: 0)
      mark.withBytes { own in
        var isGreeted = false
        // Since the last mark.
        var bytes: UInt64 = 0
        while clinux_stop_requested() == 0 {
          let count = recv(fd, room.baseAddress, room.count, flags)
          if count > 0 {
            bytes &+= UInt64(count)
            let tail = UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + StreamMark.length])
            if let phase = StreamPhase(endedBy: UnsafeRawBufferPointer(tail), own: own), bytes >= tail.count {
              let payload = bytes - UInt64(tail.count)
              let announced = MessageHeader.sequence(of: UnsafeRawBufferPointer(tail), oldest: 0)
              guard payload == announced else {
                problem = WorkloadError("the client sent \(announced) bytes, and \(payload) came")
                return
              }
              isGreeted = true
              bytes = 0
              if phase == .window { result.windowBytes &+= payload }
              MessageHeader.markReply(tail)
              // So little goes at once, into a socket whose queue is empty; what does not is seen by the client.
              _ = send(fd, tail.baseAddress, tail.count, Int32(MSG_NOSIGNAL))
            } else if !isGreeted && bytes >= tail.count {
              result.foreign &+= 1
              return
            }
            carried.copyMemory(from: UnsafeRawBufferPointer(tail))
          } else if count == 0 {
            if !isGreeted && bytes > 0 { result.foreign &+= 1 }
            return
          } else if errno != EAGAIN && errno != EINTR {
            // The client is gone; its own report says why.
            return
          }
          if !isGreeted && Clock.monotonic() - began > Self.greetingLimit {
            result.foreign &+= 1
            return
          }
        }
      }
    }
    if let problem { throw problem }
  }
}

extension StreamPhase {
  /// The phase that the mark `tail` ends; nil if it is none of this trial.
  /// - Parameter own: the mark of the first phase.
  @inline(__always)
  fileprivate init?(endedBy tail: UnsafeRawBufferPointer, own: UnsafeRawBufferPointer) {
    // Magic and half of the nonce first: of bulk that is all that is ever looked at.
    let offset = MessageLayout.magicOffset
    guard
      tail.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        == own.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    else { return nil }
    self.init(end: tail, own: own)
  }

  /// By the rest of the header.
  @inline(never)
  private init?(end tail: UnsafeRawBufferPointer, own: UnsafeRawBufferPointer) {
    func number(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    let nonceEnd = MessageLayout.flowOffset - 4
    guard number(tail, nonceEnd) == number(own, nonceEnd) else { return nil }
    self.init(rawValue: number(tail, MessageLayout.flowOffset) &- number(own, MessageLayout.flowOffset))
  }
}

/// Tells the datagrams of the window from those of the other phases and from foreign ones.
private struct DatagramJudge {
  /// The header of the window's messages.
  let window: UnsafeRawBufferPointer
  let size: Int

  @inline(__always)
  func count(_ message: UnsafeRawBufferPointer, _ seen: inout SeenNumbers, _ result: inout ServerResult) {
    let (magic, flow) = (MessageLayout.magicOffset, MessageLayout.flowOffset)
    guard message.count == size, word(message, magic) == word(window, magic),
      half(message, flow - 4) == half(window, flow - 4)
    else {
      result.foreign &+= 1
      return
    }
    // Warm-up, window and counting have three flows, one behind the other.
    let phase = half(message, flow) &- half(window, flow) &+ StreamPhase.window.rawValue
    guard phase <= StreamPhase.counting.rawValue, seen.insert(word(message, MessageLayout.sequenceOffset)) else {
      result.foreign &+= 1
      return
    }
    if phase == StreamPhase.window.rawValue {
      result.windowMessages &+= 1
      result.windowBytes &+= UInt64(size)
    }
  }

  @inline(__always)
  private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private func half(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
}

/// The numbers that have come lately, to tell a doubled message from a new one in whatever order they come: a window of
/// bits that slides along with the highest number, as IPsec's against replay does (RFC 6479).
struct SeenNumbers {
  private static let wordCount: UInt64 = 1024
  /// How far back a number is remembered. One that comes later than this many others cannot be told from a doubled one,
  /// and is taken for one. Whole words are forgotten at once, so that one of them is not to be counted on.
  static let reach: UInt64 = (wordCount - 1) * 64

  private var words = [UInt64](repeating: 0, count: Int(wordCount))
  private var highest: UInt64 = 0

  /// False if `number`, 1 or more, has come before or is too old to tell.
  @inline(__always)
  mutating func insert(_ number: UInt64) -> Bool {
    if number > highest {
      forget(behind: number)
      highest = number
    } else if number == 0 || highest - number >= Self.reach {
      return false
    }
    let place = Int(number / 64 % Self.wordCount)
    let bit: UInt64 = 1 << (number % 64)
    if words[place] & bit != 0 { return false }
    words[place] |= bit
    return true
  }

  /// Makes room for the numbers from the highest one up to `number`.
  @inline(__always)
  private mutating func forget(behind number: UInt64) {
    let last = number / 64
    var word = max(highest / 64, last > Self.wordCount ? last - Self.wordCount : 0)
    while word < last {
      word += 1
      words[Int(word % Self.wordCount)] = 0
    }
  }
}
