internal import CLinux
internal import Glibc
internal import LinuxKit
public import WorkerProtocol

/// The client of the request/response workloads with several requests in flight, or with a framing: a closed loop on
/// each of `concurrency` connections (UDP: sockets, each a flow of its own), all in one thread.
///
/// Numbers are drawn for all flows together, so each request has its own. A message of less than 8 bytes has no room for
/// a whole number: one that comes a second time may then pass for another.
public struct ConcurrentClient: ClientLoop {
  /// Up to so many flows are polled by recv(2) one after the other when spinning, which is the quickest way to a reply
  /// on one of them. With more, one epoll_wait(2) asks for all of them, and only those with something to read are read:
  /// a hundred empty reads would take longer than a round trip.
  static let mostPolled = 4
  /// Room for this many round trips a second, and for this many at the most, as ``RoundTripClient`` has it.
  private static let nanosecondsPerSample: UInt64 = 1000
  private static let sampleLimit: UInt64 = 1 << 28
  /// When spinning, the clock is read for the time-out after this many passes with no reply.
  fileprivate static let passesPerClockRead = 256

  private let configuration: WorkerConfiguration

  public init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

  public func run(_ conversation: any ClientConversation) throws(WorkloadError) {
    try configuration.refuseStamps()
    let sockets = try explained { () throws(SystemError) in
      try FlowSockets(configuration, count: configuration.concurrency)
    }
    defer { withExtendedLifetime(sockets) {} }
    let room = min(Self.sampleLimit, configuration.windowNanoseconds / Self.nanosecondsPerSample + 1024)
    // Written to, so its pages are there when the window opens.
    var samples = [UInt32](repeating: 0, count: Int(room))
    var exchange = ConcurrentExchange(configuration, sockets)

    _ = try exchange.run(for: configuration.warmupNanoseconds, into: &samples)
    try conversation.awaitStart()

    let usage = ProcessUsage()
    var result = try exchange.run(for: configuration.windowNanoseconds, into: &samples)
    usage.account(for: &result)
    samples.removeLast(samples.count - result.samples)
    conversation.report(ClientOutcome(result: result, samples: samples))

    guard configuration.countedOperations > 0, try conversation.awaitCount() else { return }
    try exchange.count(configuration.countedOperations)
    conversation.report(counted: configuration.countedOperations)
  }
}

/// The loop itself, with the state that outlives the warm-up. It must not outlive its sockets.
private struct ConcurrentExchange {
  private let flows: UnsafeMutableBufferPointer<Flow>
  private let events: UnsafeMutableBufferPointer<epoll_event>
  private let queue: Int32
  private let usesQueue: Bool
  private let isBlocking: Bool
  private let isReliable: Bool
  private let replySize: Int
  private var timeout: UInt64
  private let peerName: String

  private var sequence: UInt64 = 0
  private var givenUp = GivenUpRequests()

  // Of one run.
  private var result = ClientResult()
  private var samples: UnsafeMutableBufferPointer<UInt32>?
  private var room = 0
  private var count = 0
  private var inFlight = 0
  /// When no more requests are sent, and how many are sent at the most.
  private var end: UInt64 = 0
  private var limit: UInt64 = 0
  /// When the last reply came, or the last request was given up.
  private var last: UInt64 = 0
  private var failure: ExchangeFailure?

  init(_ configuration: WorkerConfiguration, _ sockets: borrowing FlowSockets) {
    flows = sockets.flows
    events = sockets.queue.events
    queue = sockets.queue.fd
    isBlocking = configuration.wait == .block
    usesQueue = isBlocking || configuration.concurrency > ConcurrentClient.mostPolled
    isReliable = configuration.transport == .tcp
    replySize = configuration.replySize
    timeout = configuration.timeoutNanoseconds
    peerName = configuration.peerName
  }

  /// Exchanges messages for `duration` ns; then waits for those in flight, which are samples, too.
  mutating func run(for duration: UInt64, into samples: inout [UInt32]) throws(WorkloadError) -> ClientResult {
    samples.withUnsafeMutableBufferPointer {
      self.samples = $0
      room = $0.count
      let start = Clock.monotonic()
      exchange(from: start, until: start + duration, limit: .max)
      self.samples = nil
    }
    if let failure { throw failure.error(peer: peerName, timeout: timeout) }
    return result
  }

  /// Exchanges exactly `operations` messages, and keeps no samples.
  mutating func count(_ operations: UInt64) throws(WorkloadError) {
    room = .max
    timeout = max(timeout, RoundTripClient.countingPatience)
    exchange(from: Clock.monotonic(), until: .max, limit: operations)
    if let failure { throw failure.error(peer: peerName, timeout: timeout) }
    guard result.lost == 0 && result.sent == operations else {
      throw WorkloadError(
        "\(result.lost) of \(result.sent) requests for counting were lost: a count of them would not be complete")
    }
  }

  /// The loop. Nothing is allocated, written or logged in here.
  private mutating func exchange(from start: UInt64, until end: UInt64, limit: UInt64) {
    result = ClientResult()
    result.firstSequence = sequence + 1
    count = 0
    inFlight = 0
    failure = nil
    self.end = end
    self.limit = limit
    last = start
    // Often enough to find a time-out soon after it, and rarely enough to cost nothing.
    let checkEvery = max(timeout / 4, 1_000_000)
    let patience = isBlocking ? Int32(clamping: (checkEvery + 999_999) / 1_000_000) : 0
    var lastCheck = start
    var passes = 0

    for index in flows.indices { launch(index, at: start) }
    while inFlight > 0 && failure == nil {
      let before = last
      if usesQueue {
        let ready = epoll_wait(queue, events.baseAddress, Int32(events.count), patience)
        if ready < 0 && errno != EINTR {
          failure = .call(errno)
        } else {
          for place in 0..<max(0, Int(ready)) where failure == nil { attend(Int(events[place].data.u64)) }
        }
      } else {
        for index in flows.indices where flows[index].isInFlight && failure == nil { attend(index) }
      }
      if last == before {
        // No reply: no time but the clock's own is known.
        passes &+= 1
        if isBlocking || passes & (ConcurrentClient.passesPerClockRead - 1) == 0 {
          let now = Clock.monotonic()
          if now - lastCheck >= checkEvery {
            lastCheck = now
            giveUp(at: now)
          }
        }
      } else if last - lastCheck >= checkEvery {
        // Replies to some must not hold up the time-out of others.
        lastCheck = last
        giveUp(at: last)
      }
    }
    result.samples = count
    result.windowNanoseconds = last - start
  }

  /// Sends the next request of a flow, if there is to be one.
  @inline(__always)
  private mutating func launch(_ index: Int, at now: UInt64) {
    guard now < end && result.sent < limit else { return }
    guard count + inFlight < room else {
      result.isTruncated = true
      return
    }
    sequence &+= 1
    MessageHeader.setSequence(sequence, in: flows[index].payload)
    flows[index].sequence = sequence
    flows[index].unsent = flows[index].request.count
    flows[index].isInFlight = true
    inFlight &+= 1
    result.sent &+= 1
    flows[index].sentAt = Clock.monotonic()
    let code = flows[index].sendRest()
    if code != 0 { sendLater(index, code) }
  }

  /// The kernel has not taken the whole request.
  @inline(never)
  private mutating func sendLater(_ index: Int, _ code: Int32) {
    if code != EAGAIN {
      failure = .call(code)
    } else if usesQueue {
      EventQueue.watch(flows[index].fd, number: index, input: true, output: true, in: queue)
    }
  }

  @inline(never)
  private mutating func goOnSending(_ index: Int) {
    let code = flows[index].sendRest()
    if code != 0 && code != EAGAIN { failure = .call(code) }
    if code == 0 && usesQueue {
      EventQueue.watch(flows[index].fd, number: index, input: true, output: false, in: queue)
    }
  }

  /// Looks for what a flow has to read.
  @inline(__always)
  private mutating func attend(_ index: Int) {
    if flows[index].unsent > 0 { goOnSending(index) }
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
    guard flows[index].isInFlight, flows[index].unsent == 0,
      let header = flows[index].header(of: message, size: replySize),
      MessageHeader.isReply(header, to: flows[index].header)
    else {
      classify(message, index)
      return
    }
    guard let nanoseconds = UInt32(exactly: received - flows[index].sentAt) else {
      failure = .tooLong
      return
    }
    if let samples { samples[count] = nanoseconds }
    count &+= 1
    inFlight &-= 1
    flows[index].isInFlight = false
    last = received
    launch(index, at: received)
  }

  /// Counts a message that is not the reply waited for. Rare, so never inlined into the loop.
  @inline(never)
  private mutating func classify(_ message: UnsafeRawBufferPointer, _ index: Int) {
    guard let header = flows[index].header(of: message, size: replySize),
      MessageHeader.isReply(header, toFlow: flows[index].header),
      let number = MessageHeader.sequence(of: header, newest: sequence)
    else {
      result.foreign &+= 1
      return
    }
    if givenUp.remove(number) { result.late &+= 1 } else { result.duplicate &+= 1 }
  }

  /// Gives up what has waited too long, and sends the next requests of these flows.
  private mutating func giveUp(at now: UInt64) {
    for index in flows.indices where flows[index].isInFlight && now - min(now, flows[index].sentAt) > timeout {
      if isReliable {
        failure = .timeout
        return
      }
      givenUp.insert(flows[index].sequence)
      flows[index].isInFlight = false
      inFlight &-= 1
      result.lost &+= 1
      last = now
      launch(index, at: now)
      if failure != nil { return }
    }
  }
}

/// The latest requests that were given up, to tell a late reply from a second one.
private struct GivenUpRequests {
  /// Allocated once, before the window; `.max` is an empty place.
  private var numbers = [UInt64](repeating: .max, count: 1024)
  private var next = 0

  mutating func insert(_ sequence: UInt64) {
    numbers[next] = sequence
    next = (next + 1) % numbers.count
  }

  /// Whether it was there.
  mutating func remove(_ sequence: UInt64) -> Bool {
    guard let place = numbers.firstIndex(of: sequence) else { return false }
    numbers[place] = .max
    return true
  }
}
