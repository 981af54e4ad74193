internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// A client that sends at a fixed rate, whether replies come or not: an open loop, over one UDP socket or over
/// `concurrency` TCP connections in turn, on which requests wait for no reply before them.
///
/// Request *k* is meant to be sent at start + *k* ÷ rate. The response time of a request is the time from there to its
/// reply: what a user waits who comes when he likes. When the server stands still, the requests that should have been
/// sent meanwhile count with the time that they waited. A closed loop does not send them at all, and so leaves out just
/// the worst times ("coordinated omission", Gil Tene). The service time, from the real send to the reply, stands beside.
///
/// The client spins on its CPU: a request that is due is sent at once. With `wait: block` it sleeps where the next one is
/// further away than ``shortestSleep``, until shortly before it.
public struct OpenLoopClient: ClientLoop {
  /// The most requests of one window: each has 8 bytes of room, and 8 for its times.
  static let mostRequests: UInt64 = 1 << 26
  /// Where less time is left, a blocking client spins: the kernel wakes it up to 50 µs late (the slack of its timers),
  /// and that would be in the response times.
  static let shortestSleep: UInt64 = 100_000
  /// How long an outstanding reply is spun for at the end, before the client sleeps until it comes.
  fileprivate static let longestSpin: UInt64 = 10_000_000

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any ClientConversation) throws(WorkloadError) {
    try configuration.refuseStamps()
    guard configuration.rate > 0 else { throw WorkloadError("an open loop needs a rate of 1 request a second or more") }
    guard min(configuration.size, configuration.replySize) >= MessageLayout.magicOffset else {
      throw WorkloadError(
        "an open loop needs messages of \(MessageLayout.magicOffset) bytes or more, to tell its requests apart")
    }
    let warmup = try requests(within: configuration.warmupNanoseconds)
    let window = try requests(within: configuration.windowNanoseconds)
    guard window >= 2 else {
      throw WorkloadError("fewer than two requests at \(configuration.rate) a second within the window")
    }
    let sockets = try explained { () throws(SystemError) in
      try FlowSockets(
        configuration, count: configuration.transport == .udp ? 1 : configuration.concurrency,
        // What may come while the client does not run for a tenth of a second.
        datagrams: Int(clamping: configuration.rate / 10))
    }
    defer { withExtendedLifetime(sockets) {} }
    // Written to, so their pages are there when the window opens.
    var sendTimes = [UInt64](repeating: 0, count: Int(max(window, warmup, configuration.countedOperations)))
    var times = [SampleTimes](repeating: SampleTimes(response: 0, service: 0), count: sendTimes.count)
    var exchange = OpenExchange(configuration, sockets)

    _ = try exchange.run(warmup, &sendTimes, &times)
    try conversation.awaitStart()

    let usage = ProcessUsage()
    var result = try exchange.run(window, &sendTimes, &times)
    usage.account(for: &result)
    result.hasServiceTimes = true
    let answered = times[..<result.samples]
    conversation.report(
      ClientOutcome(result: result, samples: answered.map(\.response), serviceTimes: answered.map(\.service)))

    guard configuration.countedOperations > 0, try conversation.awaitCount() else { return }
    let counted = try exchange.run(configuration.countedOperations, &sendTimes, &times)
    guard counted.lost == 0 && counted.sent == configuration.countedOperations else {
      throw WorkloadError(
        "\(counted.lost) of \(counted.sent) requests for counting were lost: a count of them would not be complete")
    }
    conversation.report(counted: configuration.countedOperations)
  }

  /// How many requests are meant to be sent within so many ns, the first one at their very beginning.
  private func requests(within nanoseconds: UInt64) throws(WorkloadError) -> UInt64 {
    let product = nanoseconds.multipliedFullWidth(by: configuration.rate)
    let second: UInt64 = 1_000_000_000
    guard product.high < second else { throw tooMany }
    let (whole, rest) = second.dividingFullWidth(product)
    let count = rest > 0 ? whole.addingReportingOverflow(1).partialValue : whole
    guard count <= Self.mostRequests && configuration.countedOperations <= Self.mostRequests else { throw tooMany }
    return count
  }

  private var tooMany: WorkloadError {
    WorkloadError(
      "more than \(Self.mostRequests) requests at \(configuration.rate) a second: lower the rate, or measure for less long"
    )
  }
}

/// The times of one answered request, in ns.
private struct SampleTimes {
  var response: UInt32
  var service: UInt32
}

/// The loop itself, with the state that outlives the warm-up. It must not outlive its sockets.
private struct OpenExchange {
  private let flows: UnsafeMutableBufferPointer<Flow>
  private let events: UnsafeMutableBufferPointer<epoll_event>
  private let queue: Int32
  /// What becomes readable when there is a reply.
  private let readable: Int32
  private let usesQueue: Bool
  private let isBlocking: Bool
  private let isReliable: Bool
  private let replySize: Int
  private let rate: UInt64
  private let patience: UInt64
  private let peerName: String

  /// The number of the last request before this run.
  private var base: UInt64 = 0

  // Of one run.
  private var result = ClientResult()
  private var start: UInt64 = 0
  private var total = 0
  /// How many requests have been due, and how many have been answered.
  private var due = 0
  private var answered = 0
  /// TCP: how many requests a connection still has to hand over, by its index: those that were due, and before them the
  /// one that it is in the midst of. And how many connections have any.
  private var backlog: [Int]
  private var backlogged = 0
  /// The index of the request that a connection is to hand over next.
  private var following: [Int]
  private var polled = 0
  private var sendTimes: UnsafeMutableBufferPointer<UInt64>
  private var times: UnsafeMutableBufferPointer<SampleTimes>
  private var failure: ExchangeFailure?

  init(_ configuration: WorkerConfiguration, _ sockets: borrowing FlowSockets) {
    flows = sockets.flows
    events = sockets.queue.events
    queue = sockets.queue.fd
    usesQueue = flows.count > ConcurrentClient.mostPolled
    isBlocking = configuration.wait == .block
    isReliable = configuration.transport == .tcp
    readable = flows.count == 1 ? flows[0].fd : queue
    replySize = configuration.replySize
    rate = configuration.rate
    patience = max(configuration.timeoutNanoseconds, 1_000_000_000)
    peerName = configuration.peerName
    backlog = [Int](repeating: 0, count: flows.count)
    following = [Int](repeating: 0, count: flows.count)
    sendTimes = UnsafeMutableBufferPointer(start: nil, count: 0)
    times = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// Sends `total` requests, waits for what is outstanding, and leaves the times of those answered in `times`.
  mutating func run(
    _ total: UInt64, _ sendTimes: inout [UInt64], _ times: inout [SampleTimes]
  ) throws(WorkloadError) -> ClientResult {
    self.total = Int(total)
    sendTimes.withUnsafeMutableBufferPointer { sendTimes in
      times.withUnsafeMutableBufferPointer { times in
        self.sendTimes = sendTimes
        self.times = times
        exchange()
      }
    }
    base += total
    if let failure { throw failure.error(peer: peerName, timeout: patience) }
    return result
  }

  /// When request `index` is meant to be sent. Multiplied out each time: no rounding adds up.
  @inline(__always)
  private func intended(_ index: Int) -> UInt64 { start &+ UInt64(index) &* 1_000_000_000 / rate }

  /// The loop. Nothing is allocated, written or logged in here.
  private mutating func exchange() {
    result = ClientResult()
    result.firstSequence = base + 1
    failure = nil
    due = 0
    answered = 0
    backlogged = 0
    for index in flows.indices {
      following[index] = index
      backlog[index] = 0
      flows[index].unsent = 0
    }
    start = Clock.monotonic()
    var next = start
    while due < total && failure == nil {
      let now = Clock.monotonic()
      if now >= next {
        send(due % flows.count)
        due &+= 1
        next = intended(due)
      } else if isBlocking && next - now > OpenLoopClient.shortestSleep && backlogged == 0 {
        _ = clinux_wait_readable(readable, next - now - OpenLoopClient.shortestSleep)
      }
      // One look between two sends, however late the client is: a reply that is there gets its time without delay.
      if backlogged > 0 { goOnSending() }
      poll()
    }
    let lastSend = Clock.monotonic()
    while answered < total && failure == nil {
      let waited = Clock.monotonic() - lastSend
      if waited > patience { break }
      if backlogged > 0 {
        goOnSending()
      } else if isBlocking || waited > OpenLoopClient.longestSpin {
        _ = clinux_wait_readable(readable, patience - waited + 1)
      }
      poll()
    }
    result.sent = UInt64(due)
    result.lost = UInt64(due - answered)
    result.samples = answered
    result.windowNanoseconds = total > 0 ? intended(total - 1) - start : 0
    // The rest of a request would stand before the next one.
    if isReliable && backlogged > 0 && failure == nil { failure = .timeout }
  }

  /// Sends the request that is due, or puts it behind those that its connection has not sent yet.
  @inline(__always)
  private mutating func send(_ index: Int) {
    backlog[index] &+= 1
    if backlog[index] == 1 {
      backlogged &+= 1
      handOver(index)
    }
  }

  /// Hands over what a connection has to send, until the kernel takes no more.
  @inline(__always)
  private mutating func handOver(_ index: Int) {
    while backlog[index] > 0 {
      if flows[index].unsent == 0 || flows[index].unsent == flows[index].request.count {
        let request = following[index]
        MessageHeader.setSequence(base &+ 1 &+ UInt64(request), in: flows[index].payload)
        flows[index].unsent = flows[index].request.count
        sendTimes[request] = Clock.monotonic()
      }
      let code = flows[index].sendRest()
      if code == EAGAIN { return }
      if code != 0 {
        failure = .call(code)
        return
      }
      following[index] &+= flows.count
      backlog[index] &-= 1
    }
    backlogged &-= 1
  }

  @inline(never)
  private mutating func goOnSending() {
    for index in flows.indices where backlog[index] > 0 && failure == nil { handOver(index) }
  }

  /// One look for replies.
  @inline(__always)
  private mutating func poll() {
    if usesQueue {
      let ready = epoll_wait(queue, events.baseAddress, Int32(events.count), 0)
      if ready < 0 && errno != EINTR { failure = .call(errno) }
      for place in 0..<max(0, Int(ready)) where failure == nil { attend(Int(events[place].data.u64)) }
    } else {
      // One connection each time: the next request is never further away than one read.
      polled &+= 1
      if polled >= flows.count { polled = 0 }
      attend(polled)
    }
  }

  @inline(__always)
  private mutating func attend(_ index: Int) {
    let length = isReliable ? flows[index].reader.receive(from: flows[index].fd) : flows[index].receiveDatagram()
    if length > 0 {
      let received = Clock.monotonic()
      guard isReliable else {
        take(
          UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(flows[index].datagram)[..<length]), index, received)
        return
      }
      while true {
        switch flows[index].reader.next() {
        case .message(let message): take(UnsafeRawBufferPointer(message), index, received)
        case .incomplete: return
        case .broken(let reason):
          failure = .broken(reason)
          return
        }
      }
    } else if length != Received.nothing {
      failure = length == Received.closed ? .closed : .call(Int32(-length))
    }
  }

  /// One whole message.
  @inline(__always)
  private mutating func take(_ message: UnsafeRawBufferPointer, _ index: Int, _ received: UInt64) {
    guard let header = flows[index].header(of: message, size: replySize),
      MessageHeader.isReply(header, toFlow: flows[index].header)
    else {
      result.foreign &+= 1
      return
    }
    let number = UInt64(littleEndian: header.loadUnaligned(as: UInt64.self))
    if number <= base {
      // Of the warm-up, or of the window while counting. Nobody has such a number any more.
      result.late &+= 1
      return
    }
    guard number - base <= UInt64(due) else {
      result.foreign &+= 1
      return
    }
    let request = Int(number - base - 1)
    let sent = sendTimes[request]
    guard sent >= start else {
      // Answered before. (Or due, and not sent yet: no server of ours answers that.)
      if sent == 0 { result.duplicate &+= 1 } else { result.foreign &+= 1 }
      return
    }
    guard let response = UInt32(exactly: received - intended(request)),
      let service = UInt32(exactly: received - sent)
    else {
      failure = .tooLong
      return
    }
    sendTimes[request] = 0
    times[answered] = SampleTimes(response: response, service: service)
    answered &+= 1
  }
}
