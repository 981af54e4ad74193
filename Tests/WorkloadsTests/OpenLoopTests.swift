import Glibc
import LinuxKit
import Synchronization
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

@Suite("An open loop", .serialized)
struct OpenLoopTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var transport = WorkerConfiguration.Transport.udp
    var wait = WorkerConfiguration.Wait.spin
    var framing = WorkerConfiguration.Framing.none
    var address = loopback
    var concurrency = 1
    var rate: UInt64 = 2000
    var size = 64
    var replySize = 64
    var testDescription: String {
      "\(transport) \(wait) framing \(framing) \(address) ×\(concurrency), \(rate)/s, \(size)/\(replySize) bytes"
    }

    func settings(_ role: WorkerConfiguration.Role, port: UInt16 = 0, window: UInt64 = 200 * milliseconds)
      -> WorkerConfiguration
    {
      var settings = configuration(role, transport, wait, size: size, port: port, window: window)
      settings.loop = .open
      settings.framing = framing
      settings.address = address
      settings.replySize = replySize
      settings.concurrency = concurrency
      settings.rate = rate
      return settings
    }

    static let all: [Case] = [
      Case(), Case(wait: .block), Case(address: "::1", rate: 1999), Case(rate: 7, size: 8, replySize: 8),
      Case(size: 1400, replySize: 24), Case(rate: 200, size: 24, replySize: 65_000),
      Case(transport: .tcp), Case(transport: .tcp, wait: .block), Case(transport: .tcp, concurrency: 3, rate: 333),
      Case(transport: .tcp, address: "::1", concurrency: 100, rate: 5000),
      Case(transport: .tcp, framing: .http, concurrency: 2),
      Case(transport: .tcp, wait: .block, framing: .http, concurrency: 7, rate: 500, size: 65_000, replySize: 9),
    ]
  }

  @Test("keeps its rate, and each request is answered and measured once", arguments: Case.all)
  func rate(which: Case) throws {
    let server = try WorkerProcess(which.settings(.server))
    var settings = which.settings(.client, port: try server.listening())
    settings.countedOperations = 50
    let (outcome, counted) = try outcome(of: OpenLoopClient(settings))
    let result = outcome.result
    let expected = (which.rate * 200 + 999) / 1000
    #expect(result.sent == expected && UInt64(result.samples) == expected)
    #expect(result.lost == 0 && result.late == 0 && result.duplicate == 0 && result.foreign == 0)
    #expect(result.hasServiceTimes && outcome.serviceTimes.count == result.samples && outcome.stamps == [])
    // From the first intended send to the last one.
    #expect(result.windowNanoseconds == (expected - 1) * 1_000_000_000 / which.rate)
    for (response, service) in zip(outcome.samples, outcome.serviceTimes) {
      #expect(response >= service && service > 0)
    }
    #expect(counted == 50)
    let echoed = try server.stop()
    #expect(echoed.echoed == result.firstSequence - 1 + result.sent + 50 && echoed.foreign == 0)
  }

  /// Ascending, and the value that a part of them does not exceed.
  private func percentile(_ part: Double, _ samples: [UInt32]) -> UInt64 {
    let sorted = samples.sorted()
    return UInt64(sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))])
  }

  struct Standstill: Sendable, CustomTestStringConvertible {
    let which: Case
    var testDescription: String { which.testDescription }
    static let all: [Standstill] = [
      // As many datagrams as the kernel keeps for a program without privileges.
      Standstill(which: Case(rate: 4000)), Standstill(which: Case(wait: .block, rate: 4000)),
      Standstill(which: Case(transport: .tcp, concurrency: 2, rate: 5000)),
      Standstill(which: Case(transport: .tcp, framing: .http, concurrency: 5, rate: 5000)),
    ]
  }

  /// Measures for a second or more, in which the server stands still for a tenth of one and a little more, so that it is
  /// never less.
  private func standstill(
    _ settings: WorkerConfiguration, _ server: WorkerProcess, _ client: some ClientLoop
  ) throws -> (outcome: ClientOutcome, standstill: UInt64) {
    let pid = server.child.pid
    let stopped = Mutex<Background<UInt64>?>(nil)
    let (outcome, _) = try outcome(of: client) {
      let start = Clock.monotonic()
      stopped.withLock {
        $0 = Background {
          // What is tested is a server that stands still for a time, so time must pass here.
          letTimePass(until: start + 400 * milliseconds)
          kill(pid, SIGSTOP)
          let before = Clock.monotonic()
          letTimePass(until: before + 110 * milliseconds)
          let length = Clock.monotonic() - before
          kill(pid, SIGCONT)
          return length
        }
      }
    }
    let background = try #require(stopped.withLock { $0 })
    return (outcome, try background.value())
  }

  @Test("leaves out nothing while its server stands still: no coordinated omission", arguments: Standstill.all)
  func coordinatedOmission(what: Standstill) throws {
    let server = try WorkerProcess(what.which.settings(.server))
    let settings = what.which.settings(.client, port: try server.listening(), window: 1000 * milliseconds)
    let (outcome, length) = try standstill(settings, server, OpenLoopClient(settings))
    #expect(length >= 100 * milliseconds)
    let result = outcome.result
    let rate = what.which.rate
    #expect(result.sent == rate && result.lost == 0 && UInt64(result.samples) == rate)
    // A request that is meant to be sent x before the end of the standstill waits for x.
    #expect(percentile(0.999, outcome.samples) >= 95 * milliseconds)
    #expect(percentile(0.99, outcome.samples) >= 80 * milliseconds)
    #expect(outcome.samples.filter { $0 >= 50 * milliseconds }.count >= Int(rate) * 50 / 1000)
    #expect(outcome.samples.filter { $0 >= 10 * milliseconds }.count >= Int(rate) * 90 / 1000)
    // And there are those that have nothing to do with it.
    #expect(try #require(outcome.samples.min()) < 10 * milliseconds)
    #expect(percentile(0.5, outcome.serviceTimes) <= percentile(0.5, outcome.samples))
    _ = try server.stop()
  }

  @Test("a closed loop hardly sees the same standstill")
  func closedLoop() throws {
    // Once, if the machine does nothing else: the client may be held up, too. The open loop has hundreds of them.
    func held(_ outcome: ClientOutcome) -> Int { outcome.samples.filter { $0 >= 25 * milliseconds }.count }
    let outcome = try withGrowingWindow(from: 1000 * milliseconds) { window in
      let server = try WorkerProcess(configuration(.server, .udp, .block))
      let settings = configuration(.client, .udp, .block, port: try server.listening(), window: window)
      let (outcome, _) = try standstill(settings, server, ConcurrentClient(settings))
      _ = try server.stop()
      return outcome
    } until: {
      $0.result.samples > 200 && (1...20).contains(held($0))
    }
    #expect((1...20).contains(held(outcome)))
    #expect(outcome.result.samples > 200 && percentile(0.5, outcome.samples) < 25 * milliseconds)
  }

  @Test("a client that was held up sends at once what was due, and keeps the intended times")
  func lateClient() throws {
    // The client is the process that stands still.
    let server = try WorkerProcess(Case(rate: 5000).settings(.server))
    let client = try WorkerProcess(
      Case(rate: 5000).settings(.client, port: try server.listening(), window: 1000 * milliseconds))
    try client.ready()
    try client.send(.start)
    letTimePass(until: Clock.monotonic() + 300 * milliseconds)
    client.child.signal(SIGSTOP)
    letTimePass(until: Clock.monotonic() + 100 * milliseconds)
    client.child.signal(SIGCONT)
    let outcome = try client.openResult()
    let (result, responses, services) = (outcome.result, outcome.samples, outcome.serviceTimes)
    #expect(result.sent == 5000 && result.lost == 0 && result.samples == 5000)
    #expect(percentile(0.999, responses) >= 90 * milliseconds)
    // They were sent late, and answered soon.
    let late = zip(responses, services).filter { $0 >= $1 + 25 * UInt32(milliseconds) }.count
    #expect(late >= 200)
    _ = try server.stop()
  }

  @Test("sleeps between requests that are far apart, if it is to block")
  func sleep() throws {
    var used: [UInt64] = []
    for wait in [WorkerConfiguration.Wait.spin, .block] {
      let which = Case(wait: wait, rate: 100)
      let server = try WorkerProcess(which.settings(.server))
      let settings = which.settings(.client, port: try server.listening(), window: 500 * milliseconds)
      let client = try WorkerProcess(settings)
      try client.ready()
      try client.send(.start)
      let result = try client.openResult().result
      #expect(result.samples == 50)
      used.append(result.cpuNanoseconds)
      _ = try server.stop()
    }
    #expect(used[1] < used[0] / 4)
  }

  /// Measures against a UDP server that handles each request by `handle`.
  private func measure(
    _ wait: WorkerConfiguration.Wait, warmup: UInt64 = 0, window: UInt64 = 100 * milliseconds, rate: UInt64 = 2000,
    _ handle:
      @escaping @Sendable (_ request: [UInt8], _ answer: @escaping @Sendable ([UInt8]) throws(SystemError) -> Void)
      throws -> Void
  ) throws -> ClientOutcome {
    let peer = try Peer(.udp)
    let port = try peer.bind()
    let farewell = Array("farewell".utf8)
    let server = Background {
      while true {
        let (request, answer) = try peer.receiveRequest()
        if request == farewell { return }
        try handle(request, answer)
      }
    }
    var settings = Case(wait: wait, rate: rate).settings(.client, port: port, window: window)
    settings.warmupNanoseconds = warmup
    settings.timeoutNanoseconds = milliseconds
    let (outcome, _) = try outcome(of: OpenLoopClient(settings))
    let end = try Peer(.udp)
    try end.connect(port: port)
    try end.send(farewell)
    try server.value()
    #expect(outcome.result.sent == UInt64(outcome.result.samples) + outcome.result.lost)
    return outcome
  }

  @Test(
    "what never came is lost, what came twice is counted once", arguments: [WorkerConfiguration.Wait.spin, .block])
  func losses(wait: WorkerConfiguration.Wait) throws {
    let start = Clock.monotonic()
    let outcome = try measure(wait) { request, answer in
      let number = number(of: request)
      if number % 10 == 0 { return }
      try answer(reply(to: request))
      if number % 10 == 1 { try answer(reply(to: request)) }
      if number % 10 == 2 {
        try answer(request)
        try answer(reply(to: request) + [0])
        try answer(reply(to: header(size: 64, nonce: 2)))
        var future = reply(to: request)
        future[5] = 1
        try answer(future)
        try answer([])
      }
    }
    #expect(outcome.result.sent == 200 && outcome.result.lost == 20 && outcome.result.samples == 180)
    #expect(outcome.result.duplicate == 20 && outcome.result.foreign == 80 && outcome.result.late == 0)
    // It has waited for them for a second, and not within the window.
    #expect(Clock.monotonic() - start >= 1000 * milliseconds)
    #expect(outcome.result.windowNanoseconds == 199 * 500_000)
  }

  @Test("waits for what is outstanding at the end", arguments: [WorkerConfiguration.Wait.spin, .block])
  func outstanding(wait: WorkerConfiguration.Wait) throws {
    let held = Mutex<[@Sendable () throws -> Void]>([])
    let outcome = try measure(wait) { request, answer in
      // The last ones are answered with the last of all, some time after it.
      held.withLock { $0.append({ try answer(reply(to: request)) }) }
      guard number(of: request) < 150 || number(of: request) == 200 else { return }
      if number(of: request) == 200 { letTimePass(until: Clock.monotonic() + 60 * milliseconds) }
      let all = held.withLock { held in
        defer { held = [] }
        return held
      }
      for answer in all { try answer() }
    }
    #expect(outcome.result.samples == 200 && outcome.result.lost == 0)
    #expect(outcome.samples.filter { $0 >= 60 * milliseconds }.count >= 51)
  }

  @Test(
    "a reply to the warm-up that comes too late is told by its number",
    arguments: [WorkerConfiguration.Wait.spin, .block])
  func warmup(wait: WorkerConfiguration.Wait) throws {
    let held = Mutex<[UInt8]?>(nil)
    let outcome = try measure(wait, warmup: 10 * milliseconds) { request, answer in
      // The 20 of the warm-up have the first numbers.
      if number(of: request) == 7 {
        held.withLock { $0 = request }
        return
      }
      if number(of: request) == 25, let request = held.withLock({ $0 }) { try answer(reply(to: request)) }
      try answer(reply(to: request))
    }
    #expect(outcome.result.firstSequence == 21 && outcome.result.samples == 200 && outcome.result.late == 1)
    #expect(outcome.result.lost == 0 && outcome.result.duplicate == 0 && outcome.result.foreign == 0)
  }

  @Test("sends on where nothing is read: the times say how long", arguments: [WorkerConfiguration.Framing.none, .http])
  func stalledConnection(framing: WorkerConfiguration.Framing) throws {
    // 40 MB within 100 ms are more than the buffers hold: from then on the client waits for the server, and counts it.
    let which = Case(transport: .tcp, framing: framing, rate: 6000, size: 65_000, replySize: 64)
    let server = try WorkerProcess(which.settings(.server))
    let port = try server.listening()
    let settings = which.settings(.client, port: port, window: 100 * milliseconds)
    let pid = server.child.pid
    let stopped = Mutex<Background<Void>?>(nil)
    let (outcome, _) = try outcome(of: OpenLoopClient(settings)) {
      server.child.signal(SIGSTOP)
      let start = Clock.monotonic()
      stopped.withLock {
        $0 = Background {
          // Far longer than the window, which may begin late on a busy machine.
          letTimePass(until: start + 600 * milliseconds)
          kill(pid, SIGCONT)
        }
      }
    }
    _ = try #require(stopped.withLock { $0 }).value()
    #expect(outcome.result.sent == 600 && outcome.result.samples == 600 && outcome.result.lost == 0)
    #expect(outcome.samples.allSatisfy { $0 >= 150 * milliseconds })
    // The last ones were sent when there was room for them again, and not when they were due.
    #expect(try #require(outcome.serviceTimes.last) < (try #require(outcome.samples.last)))
    _ = try server.stop()
  }

  @Test("says what it cannot do")
  func refusals() throws {
    func reason(_ change: (inout WorkerConfiguration) -> Void) throws -> String {
      var settings = Case().settings(.client, port: 9)
      change(&settings)
      return try openLoopReason(settings)
    }
    #expect(try reason { $0.rate = 0 } == "an open loop needs a rate of 1 request a second or more")
    #expect(
      try reason { $0.replySize = 7 }
        == "an open loop needs messages of 8 bytes or more, to tell its requests apart")
    #expect(try reason { $0.rate = 5 } == "fewer than two requests at 5 a second within the window")
    for window in [400_000 * milliseconds, .max] {
      #expect(
        try reason {
          $0.rate = 1_000_000
          $0.windowNanoseconds = window
        } == "more than 67108864 requests at 1000000 a second: lower the rate, or measure for less long")
    }
  }

  @Test("does not wait for a server for ever that reads nothing, and says why it ends")
  func neverRead() throws {
    let peer = try Peer(.tcp)
    let port = try peer.bind()
    var settings = Case(transport: .tcp, rate: 6000, size: 65_000).settings(
      .client, port: port, window: 100 * milliseconds)
    settings.warmupNanoseconds = 0
    settings.timeoutNanoseconds = 1
    #expect(try openLoopReason(settings) == "no reply from 127.0.0.1:\(port) within 1000 ms over TCP")
  }
}

private func openLoopReason(_ settings: WorkerConfiguration) throws -> String {
  try reason(of: OpenLoopClient(settings))
}

private func letTimePass(until deadline: UInt64) {
  while Clock.monotonic() < deadline { usleep(200) }
}
