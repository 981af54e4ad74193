internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The client of the bulk workloads: sends messages one way, as fast as the socket takes them.
///
/// **TCP** has one connection for all phases. A phase ends with a mark, to which the server answers when it has read all
/// that came before (``StreamMark``), and the window ends with that answer. So bytes ÷ window is of bytes that the server
/// has had, in the time that this took, and nothing of the warm-up or the counting is among them.
///
/// A connection for each phase would need no marks: the end of the stream says the same. But each would begin with a
/// congestion window of ten segments and a small receive buffer, which grow to what the path takes only while data flows;
/// of a short window that is a part that counts. iperf3, too, measures one connection and leaves out its start (`-O`).
/// Here the warm-up is the start. What differs is that the pipe is empty when the window opens and drained when it
/// closes: the fill and the drain, a few round trips, are in the window. An idle time of more than a retransmission
/// time-out (200 ms) between warm-up and window would shrink the congestion window again
/// (net.ipv4.tcp_slow_start_after_idle); it is back within the same few round trips.
///
/// **UDP** has one connected socket. The flow's number in each message's header tells the phase, and nothing comes back,
/// so the window ends when the last message was sent. What did not arrive is the server's to tell.
public struct StreamClient: ClientLoop {
  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any ClientConversation) throws(WorkloadError) {
    try configuration.checkStream()
    let server = try explained { () throws(SystemError) in
      try Endpoint(address: configuration.address, port: configuration.port)
    }
    let socket = try explained { () throws(SystemError) in
      let socket = try Socket(configuration.transport == .udp ? .udp : .tcp, family: server.family)
      try socket.connect(to: server)
      if configuration.wait == .block {
        try socket.setReceiveTimeout(nanoseconds: configuration.timeoutNanoseconds)
        try socket.setSendTimeout(nanoseconds: configuration.timeoutNanoseconds)
      }
      return socket
    }
    switch configuration.transport {
    case .udp:
      try converse(DatagramOutlet(fd: socket.fd, configuration: configuration), server, conversation)
    case .tcp:
      let outlet = ByteStreamOutlet(fd: socket.fd, configuration: configuration)
      // Before anything is sent: whether it is our server at all.
      if let reason = outlet.finish(StreamPhase.warmUp, bytes: 0) { throw reason.error(server, configuration) }
      try converse(outlet, server, conversation)
    }
  }

  private func converse(
    _ outlet: some Outlet, _ server: Endpoint, _ conversation: any ClientConversation
  ) throws(WorkloadError) {
    var stream = Stream(outlet: outlet, server: server, configuration: configuration)
    _ = try stream.run(.warmUp, for: configuration.warmupNanoseconds, most: .max)
    try conversation.awaitStart()

    let usage = ProcessUsage()
    var result = try stream.run(.window, for: configuration.windowNanoseconds, most: .max)
    usage.account(for: &result)
    conversation.report(ClientOutcome(result: result))

    guard configuration.countedOperations > 0, try conversation.awaitCount() else { return }
    let counted = try stream.run(.counting, for: .max, most: configuration.countedOperations)
    conversation.report(counted: counted.sent)
  }

  /// The loop, with the state that outlives a phase.
  private struct Stream<O: Outlet> {
    var outlet: O
    let server: Endpoint
    let configuration: WorkerConfiguration
    /// Messages sent so far, in all phases.
    var sequence: UInt64 = 0
    var message: [UInt8]

    init(outlet: O, server: Endpoint, configuration: WorkerConfiguration) {
      self.outlet = outlet
      self.server = server
      self.configuration = configuration
      // Written once, before the warm-up: its pages are there.
      message = [UInt8](unsafeUninitializedCapacity: configuration.size) { buffer, count in
        for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index) }
        count = buffer.count
      }
    }

    /// Sends messages for `duration` ns, and no more than `most`. Nothing is allocated, written or logged in here.
    mutating func run(
      _ phase: StreamPhase, for duration: UInt64, most: UInt64
    ) throws(WorkloadError) -> ClientResult {
      var result = ClientResult()
      result.firstSequence = sequence + 1
      // Locals, so that the optimiser may keep them in registers across the calls.
      let outlet = outlet
      var sequence = sequence
      let last = most == .max ? .max : sequence &+ most
      var problem: StreamProblem?
      let start = Clock.monotonic()
      var now = start
      message.withUnsafeMutableBytes { message in
        outlet.prepare(message, for: phase)
        while sequence < last && now - start < duration {
          problem = outlet.send(message, number: sequence &+ 1, at: now)
          if problem != nil { return }
          sequence &+= 1
          now = Clock.monotonic()
        }
      }
      result.sent = sequence - self.sequence
      self.sequence = sequence
      if problem == nil, let late = outlet.finish(phase, bytes: result.sent * UInt64(configuration.size)) {
        problem = late
      }
      if let problem { throw problem.error(server, configuration) }
      result.windowNanoseconds = (O.isConfirmed ? Clock.monotonic() : now) - start
      return result
    }
  }
}

/// Which part of a trial a message or a mark belongs to: its flow's number is the trial's first one and this.
enum StreamPhase: UInt32 {
  case warmUp, window, counting
}

/// Why a stream cannot go on.
private enum StreamProblem {
  case failed(Int32)
  /// The server took nothing, or did not answer a mark, for as long as the time-out.
  case stuck
  case closed
  /// What answered a mark is not this trial's server.
  case stranger

  func error(_ server: Endpoint, _ configuration: WorkerConfiguration) -> WorkloadError {
    let seconds = configuration.timeoutNanoseconds / 1_000_000
    return switch self {
    case .failed(let code): WorkloadError(SystemError(call: "stream", subject: server.description, code: code))
    case .stuck: WorkloadError("\(server) took nothing of the stream for \(seconds) ms")
    case .closed: WorkloadError("\(server) closed the connection within the stream")
    case .stranger: WorkloadError("\(server) is not the server of this trial: it gave a mark a wrong answer")
    }
  }
}

/// The way out of a client. The loop is specialised for each, so that nothing is dispatched in the window.
private protocol Outlet {
  /// Whether ``finish(_:bytes:)`` returns when the server has had everything.
  static var isConfirmed: Bool { get }

  /// Puts into `message` what all messages of `phase` have in common.
  func prepare(_ message: UnsafeMutableRawBufferPointer, for phase: StreamPhase)

  /// Hands one whole message to the kernel, which it may have to wait for.
  /// - Parameter time: on CLOCK_MONOTONIC, when it began to.
  func send(_ message: UnsafeMutableRawBufferPointer, number: UInt64, at time: UInt64) -> StreamProblem?

  /// Ends a phase in which `bytes` bytes were sent.
  func finish(_ phase: StreamPhase, bytes: UInt64) -> StreamProblem?
}

/// When spinning, the clock is read for the time-out after this many vain attempts.
private let attemptsPerClockRead = 256

/// Whether the attempt number `attempts` in a row that was in vain is one too many.
@inline(__always)
private func isTooLate(_ attempts: Int, since start: UInt64, _ timeout: UInt64, isBlocking: Bool) -> Bool {
  guard isBlocking || attempts & (attemptsPerClockRead - 1) == 0 else { return false }
  return Clock.monotonic() - start > timeout
}

private struct ByteStreamOutlet: Outlet {
  static var isConfirmed: Bool { true }

  let fd: Int32
  let isBlocking: Bool
  let flags: Int32
  let timeout: UInt64
  let configuration: WorkerConfiguration

  init(fd: Int32, configuration: WorkerConfiguration) {
    self.fd = fd
    isBlocking = configuration.wait == .block
    flags = (isBlocking ? 0 : Int32(MSG_DONTWAIT)) | Int32(MSG_NOSIGNAL)
    timeout = configuration.timeoutNanoseconds
    self.configuration = configuration
  }

  /// Its bytes are the same in each phase: the stream has no messages, and only marks say anything.
  func prepare(_ message: UnsafeMutableRawBufferPointer, for phase: StreamPhase) {}

  @inline(__always)
  func send(_ message: UnsafeMutableRawBufferPointer, number: UInt64, at time: UInt64) -> StreamProblem? {
    sendWhole(UnsafeRawBufferPointer(message), since: time)
  }

  @inline(__always)
  private func sendWhole(_ message: UnsafeRawBufferPointer, since start: UInt64) -> StreamProblem? {
    var done = 0
    var attempts = 0
    while true {
      let count = Glibc.send(fd, message.baseAddress?.advanced(by: done), message.count - done, flags)
      if count > 0 {
        done += count
        if done == message.count { return nil }
      } else {
        let code = errno
        if code != EAGAIN && code != EINTR { return .failed(code) }
        attempts &+= 1
        if isTooLate(attempts, since: start, timeout, isBlocking: isBlocking) { return .stuck }
      }
    }
  }

  func finish(_ phase: StreamPhase, bytes: UInt64) -> StreamProblem? {
    var mark = StreamMark(configuration, phase)
    mark.count = bytes
    // Without it, the last bytes of the stream would wait until all before them are acknowledged, which a receiver may
    // put off for 40 ms (Nagle's algorithm and delayed acknowledgements). Off again for the next phase, since ordinary
    // bulk senders leave it off.
    setNoDelay(1)
    defer { setNoDelay(0) }
    let start = Clock.monotonic()
    let problem = mark.withBytes { sendWhole($0, since: start) }
    if problem != nil { return problem }
    return awaitAnswer(to: mark, since: start)
  }

  private func setNoDelay(_ flag: Int32) {
    var flag = flag
    setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &flag, socklen_t(MemoryLayout<Int32>.size))
  }

  private func awaitAnswer(to mark: StreamMark, since start: UInt64) -> StreamProblem? {
    var answer = StreamMark()
    var filled = 0
    var attempts = 0
    while filled < StreamMark.length {
      let count = answer.withMutableBytes {
        recv(fd, $0.baseAddress?.advanced(by: filled), $0.count - filled, isBlocking ? 0 : Int32(MSG_DONTWAIT))
      }
      if count > 0 {
        filled += count
      } else if count == 0 {
        return .closed
      } else {
        let code = errno
        if code != EAGAIN && code != EINTR { return .failed(code) }
        attempts &+= 1
        if isTooLate(attempts, since: start, timeout, isBlocking: isBlocking) { return .stuck }
      }
    }
    return answer.answers(mark) ? nil : .stranger
  }
}

private struct DatagramOutlet: Outlet {
  static var isConfirmed: Bool { false }

  let fd: Int32
  let isBlocking: Bool
  let flags: Int32
  let timeout: UInt64
  let configuration: WorkerConfiguration

  init(fd: Int32, configuration: WorkerConfiguration) {
    self.fd = fd
    isBlocking = configuration.wait == .block
    flags = isBlocking ? 0 : Int32(MSG_DONTWAIT)
    timeout = configuration.timeoutNanoseconds
    self.configuration = configuration
  }

  func prepare(_ message: UnsafeMutableRawBufferPointer, for phase: StreamPhase) {
    MessageHeader.write(into: message, nonce: configuration.nonce, flow: configuration.flow &+ phase.rawValue)
  }

  /// ENOBUFS is a message that a queue of this host refused, and says so: it was not sent, and is tried again.
  @inline(__always)
  func send(_ message: UnsafeMutableRawBufferPointer, number: UInt64, at time: UInt64) -> StreamProblem? {
    MessageHeader.setSequence(number, in: message)
    var attempts = 0
    while true {
      if Glibc.send(fd, message.baseAddress, message.count, flags) >= 0 { return nil }
      let code = errno
      if code != EAGAIN && code != EINTR && code != ENOBUFS { return .failed(code) }
      attempts &+= 1
      if isTooLate(attempts, since: time, timeout, isBlocking: isBlocking) { return .stuck }
    }
  }

  func finish(_ phase: StreamPhase, bytes: UInt64) -> StreamProblem? { nil }
}

/// The end of one phase of a byte stream, and the server's answer to it: the header of a message whose number is how many
/// bytes the phase had, and whose flow tells the phase. The answer is the same with a reply's magic.
///
/// The client sends nothing behind a mark until it has the answer. So the mark is the last that the server has read at
/// some time, and is found by looking at no more than the last bytes of what each read gave, whatever the size of the
/// messages. The bytes before it hold no nonce, so no part of them passes for a mark.
struct StreamMark {
  static let length = MessageLayout.headerLength

  private var words: (UInt64, UInt64, UInt64) = (0, 0, 0)

  init() {}

  init(_ configuration: WorkerConfiguration, _ phase: StreamPhase) {
    withMutableBytes {
      MessageHeader.write(into: $0, nonce: configuration.nonce, flow: configuration.flow &+ phase.rawValue)
    }
    count = 0
  }

  /// How many bytes the phase had.
  var count: UInt64 {
    get { UInt64(littleEndian: words.0) }
    set { words.0 = newValue.littleEndian }
  }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(of: words, body)
  }

  mutating func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    withUnsafeMutableBytes(of: &words, body)
  }

  /// Whether this is the answer to `mark`.
  func answers(_ mark: StreamMark) -> Bool {
    withBytes { answer in mark.withBytes { MessageHeader.isReply(answer, to: $0) } }
  }
}

extension WorkerConfiguration {
  /// Refuses what no stream can be.
  func checkStream() throws(WorkloadError) {
    guard concurrency == 1 else {
      throw WorkloadError("a stream has one connection, not \(concurrency)")
    }
    guard transport == .tcp || size >= MessageLayout.headerLength else {
      throw WorkloadError(
        "udp-stream with messages of \(size) bytes: its server tells them apart by a header of "
          + "\(MessageLayout.headerLength) bytes")
    }
  }
}

extension Socket {
  /// Blocking sends return after this long with EAGAIN.
  func setSendTimeout(nanoseconds: UInt64) throws(SystemError) {
    // 0 would be for ever.
    let microseconds = max(1, nanoseconds / 1000)
    var time = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
    let fd = fd
    try systemCall("setsockopt", on: "send time-out") {
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }
}
