internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The client of the request/response workloads: a closed loop with one request in flight.
public struct RoundTripClient: ClientLoop {
  /// Room for this many round trips a second: more than any path through the kernel completes.
  static let fastestPerSecond: UInt64 = 1_000_000
  /// The most room that is made, whatever the window: 1 GiB.
  private static let sampleLimit: UInt64 = 1 << 28
  /// When spinning, the clock is read for the time-out after this many empty polls (some 40 µs): rarely enough to cost
  /// nothing, often enough for a time-out of 100 ms.
  static let pollsPerClockRead = 256

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  /// Connects, warms up, awaits the start, measures, and counts if it is asked to.
  public func run(_ conversation: any ClientConversation) throws(WorkloadError) {
    let socket = try explained { () throws(SystemError) in
      let server = try Endpoint(address: configuration.address, port: configuration.port)
      let socket = try Socket(configuration.transport == .udp ? .udp : .tcp, family: server.family)
      if configuration.transport == .tcp { try socket.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
      try socket.connect(to: server)
      if configuration.wait == .block { try socket.setReceiveTimeout(nanoseconds: configuration.timeoutNanoseconds) }
      if configuration.asksKernelForStamps { try socket.stampPackets(sending: true) }
      return socket
    }
    let flags = configuration.wait == .spin ? Int32(MSG_DONTWAIT) : 0
    switch configuration.transport {
    case .udp:
      try measure(UDPClientChannel(fd: socket.fd, receiveFlags: flags), conversation)
    case .tcp:
      try measure(TCPChannel(fd: socket.fd, size: configuration.replySize, receiveFlags: flags), conversation)
    }
  }

  private func measure(
    _ channel: some Channel, _ conversation: any ClientConversation
  ) throws(WorkloadError) {
    if configuration.stampEvery == 0 {
      var stamping = NoStamps()
      return try measure(channel, &stamping, conversation, reset: { _ in }, records: { _, _ in })
    }
    var stamping = SampledStamps(
      configuration, duration: max(configuration.warmupNanoseconds, configuration.windowNanoseconds))
    // The records of the warm-up give way to those of the window.
    try measure(
      channel, &stamping, conversation, reset: { $0.reset() },
      records: { stamping, outcome in
        outcome.stamps = Array(stamping.records)
        outcome.result.stamps = outcome.stamps.count
        outcome.result.areStampsTruncated = stamping.isTruncated
      })
  }

  private func measure<Stamps: Stamping>(
    _ channel: some Channel, _ stamping: inout Stamps, _ conversation: any ClientConversation,
    reset: (inout Stamps) -> Void, records: (Stamps, inout ClientOutcome) -> Void
  ) throws(WorkloadError) {
    let room = min(
      Self.sampleLimit, configuration.windowNanoseconds / (1_000_000_000 / Self.fastestPerSecond) + 1024)
    var samples = [UInt32](repeating: 0, count: Int(room))
    var exchange = Exchange(channel: channel, configuration: configuration)

    // The warm-up writes into the same room, so that its pages are there when the window opens.
    _ = try exchange.run(for: configuration.warmupNanoseconds, into: &samples, &stamping)
    reset(&stamping)
    try conversation.awaitStart()

    let usage = ProcessUsage()
    var result = try exchange.run(for: configuration.windowNanoseconds, into: &samples, &stamping)
    usage.account(for: &result)
    samples.removeLast(samples.count - result.samples)
    var outcome = ClientOutcome(result: result, samples: samples)
    records(stamping, &outcome)
    conversation.report(outcome)
    try count(&exchange, conversation)
  }

  /// Does the operations that are for counting alone.
  private func count(
    _ exchange: inout Exchange<some Channel>, _ conversation: any ClientConversation
  ) throws(WorkloadError) {
    guard configuration.countedOperations > 0 else { return }
    guard let operations = Int(exactly: configuration.countedOperations), operations <= Self.sampleLimit else {
      throw WorkloadError("\(configuration.countedOperations) operations are too many to count")
    }
    // As many as there is room for are done.
    var room = [UInt32](repeating: 0, count: operations)
    guard try conversation.awaitCount() else { return }
    var none = NoStamps()
    exchange.timeout = max(exchange.timeout, Self.countingPatience)
    let result = try exchange.run(for: Self.countingLimit, into: &room, &none)
    guard result.samples == operations && result.lost == 0 else {
      throw WorkloadError("\(result.samples) of \(operations) operations were done while counting, \(result.lost) lost")
    }
    conversation.report(counted: configuration.countedOperations)
  }

  /// The operations for counting take no longer than this, in ns; they are a few milliseconds' work.
  static let countingLimit: UInt64 = 60_000_000_000
  /// A reply to one of them is waited for so long at the least, in ns: they are not timed, so one that a busy host holds up is
  /// as good as any, and without it there would be no count.
  static let countingPatience: UInt64 = 1_000_000_000

  /// The loop itself, with the state that outlives the warm-up.
  private struct Exchange<C: Channel> {
    var channel: C
    let configuration: WorkerConfiguration
    /// What has not come after so many ns is lost.
    var timeout: UInt64
    var sequence: UInt64 = 0
    var unanswered = UnansweredRequests()

    init(channel: C, configuration: WorkerConfiguration) {
      self.channel = channel
      self.configuration = configuration
      timeout = configuration.timeoutNanoseconds
    }

    /// Exchanges messages for `duration` ns. Nothing is allocated, written or logged in here.
    mutating func run(
      for duration: UInt64, into samples: inout [UInt32], _ stamping: inout some Stamping
    ) throws(WorkloadError) -> ClientResult {
      var result = ClientResult()
      result.firstSequence = sequence + 1
      var failure: Int32 = 0
      var isClosed = false
      var isTooLong = false
      let size = configuration.size
      let timeout = timeout
      let isBlocking = configuration.wait == .block
      let isReliable = configuration.transport == .tcp
      let slowdown = configuration.slowdownPPM
      var request = [UInt8](repeating: 0, count: size)
      let replySize = configuration.replySize
      // One byte longer than a reply, so that a longer message is seen to be one.
      var reply = [UInt8](repeating: 0, count: replySize + 1)
      // As much as both have of the header.
      let compared = min(MessageLayout.headerLength, size, replySize)
      // Locals, so that the optimiser may keep them in registers across the calls.
      var channel = channel
      var sequence = sequence
      var unanswered = unanswered
      request.withUnsafeMutableBytes {
        MessageHeader.write(into: $0, nonce: configuration.nonce, flow: configuration.flow)
      }

      let start = Clock.monotonic()
      let end = start + duration
      var last = start
      var count = 0
      request.withUnsafeMutableBytes { request in
        reply.withUnsafeMutableBytes { reply in
          let requestHeader = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(request)[..<compared])
          let replyHeader = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(reply)[..<compared])
          samples.withUnsafeMutableBufferPointer { samples in
            window: while last < end {
              if count == samples.count {
                result.isTruncated = true
                break window
              }
              sequence &+= 1
              MessageHeader.setSequence(sequence, in: request)
              let isStamped = stamping.selects(sequence)
              // Outside of what the sample measures, and next to its ends: it is no longer for being stamped.
              let sentAt = isStamped ? Clock.realtime() : 0
              let sent = Clock.monotonic()
              let code =
                isStamped && stamping.asksKernel
                ? channel.sendStamped(UnsafeRawBufferPointer(request), ordinal: sequence)
                : channel.send(UnsafeRawBufferPointer(request))
              if code != 0 {
                failure = code
                break window
              }
              result.sent &+= 1
              var polls = 0
              waiting: while true {
                let length =
                  isStamped && stamping.asksKernel
                  ? channel.receiveStamped(into: reply) : channel.receive(into: reply)
                if length > 0 {
                  var received = Clock.monotonic()
                  if length == replySize && MessageHeader.isReply(replyHeader, to: requestHeader) {
                    if slowdown > 0 {
                      // The sample ends where the loop was to end: longer by the part asked for, to the nanosecond.
                      received += (received - sent) * slowdown / 1_000_000
                      busyLoop(until: received)
                    }
                    let receivedAt = isStamped ? Clock.realtime() : 0
                    guard let nanoseconds = UInt32(exactly: received - sent) else {
                      isTooLong = true
                      break window
                    }
                    samples[count] = nanoseconds
                    count &+= 1
                    last = received
                    if isStamped {
                      let asksKernel = stamping.asksKernel
                      let transmitted = asksKernel ? channel.stamps.transmitted(fd: channel.fd) : 0
                      stamping.keep(
                        RequestStamps(
                          sequence: sequence, sent: sentAt, transmitted: transmitted,
                          arrived: asksKernel ? channel.stamps.arrived : 0, received: receivedAt,
                          roundTrip: UInt64(nanoseconds)))
                    }
                    break waiting
                  }
                  unanswered.classify(
                    replyHeader, isWhole: length == replySize, own: requestHeader, newest: sequence, &result)
                } else if length != Received.nothing {
                  if length == Received.closed { isClosed = true } else { failure = Int32(-length) }
                  break window
                }
                // Nothing came, or nothing that was waited for: a stream of that must not hold up the time-out.
                polls &+= 1
                if isBlocking || polls & (RoundTripClient.pollsPerClockRead - 1) == 0 {
                  let now = Clock.monotonic()
                  if now - sent > timeout {
                    if isReliable {
                      isTooLong = true
                      break window
                    }
                    result.lost &+= 1
                    unanswered.insert(sequence)
                    last = now
                    break waiting
                  }
                }
              }
            }
          }
        }
      }
      self.channel = channel
      self.sequence = sequence
      self.unanswered = unanswered
      if failure != 0 { throw WorkloadError(SystemError(call: "exchange", subject: peerName, code: failure)) }
      if isClosed { throw WorkloadError("\(peerName) closed the connection within the window") }
      if isTooLong { throw WorkloadError("no reply from \(peerName) within \(timeout / 1_000_000) ms over TCP") }
      result.windowNanoseconds = last - start
      result.samples = count
      return result
    }

    private var peerName: String { configuration.peerName }
  }
}

/// The latest requests that were given up, to tell a late reply from a second one.
private struct UnansweredRequests {
  /// Allocated once, before the window; `.max` is an empty place.
  private var numbers = [UInt64](repeating: .max, count: 64)
  private var next = 0

  mutating func insert(_ sequence: UInt64) {
    numbers[next] = sequence
    next = (next + 1) % numbers.count
  }

  /// Counts a message that is not the reply waited for. Rare, so never inlined into the loop.
  /// - Parameters:
  ///   - message: its header.
  ///   - isWhole: whether it has a reply's length.
  @inline(never)
  mutating func classify(
    _ message: UnsafeRawBufferPointer, isWhole: Bool, own: UnsafeRawBufferPointer, newest: UInt64,
    _ result: inout ClientResult
  ) {
    guard isWhole, MessageHeader.isReply(message, toFlow: own),
      let number = MessageHeader.sequence(of: message, newest: newest)
    else {
      result.foreign &+= 1
      return
    }
    if let place = numbers.firstIndex(of: number) {
      numbers[place] = .max
      result.late &+= 1
    } else {
      result.duplicate &+= 1
    }
  }
}
