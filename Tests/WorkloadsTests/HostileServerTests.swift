import LinuxKit
import Synchronization
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// The client runs in this process, against servers that answer as no good server does.
@Suite("A client", .serialized)
struct HostileServerTests {
  typealias Answer = @Sendable ([UInt8]) throws(SystemError) -> Void

  /// Measures against a UDP server that handles each request, the first of which has place 1, by `handle`.
  /// - Returns: also the numbers of the requests that the server saw.
  private func measure(
    _ wait: WorkerConfiguration.Wait = .spin, timeout: UInt64 = 10_000 * milliseconds,
    window: UInt64 = 100 * milliseconds,
    _ handle: @escaping @Sendable (_ place: Int, _ request: [UInt8], _ answer: @escaping Answer) throws -> Void
  ) throws -> (outcome: ClientOutcome, requests: [UInt64]) {
    let peer = try Peer(.udp)
    let port = try peer.bind()
    let farewell = Array("farewell".utf8)
    let server = Background {
      var numbers: [UInt64] = []
      while true {
        let (request, answer) = try peer.receiveRequest()
        if request == farewell { return numbers }
        numbers.append(number(of: request))
        try handle(numbers.count, request, answer)
      }
    }
    var settings = configuration(.client, .udp, wait, port: port, window: window)
    settings.warmupNanoseconds = 0
    settings.timeoutNanoseconds = timeout
    let outcome: ClientOutcome
    do {
      defer {
        #expect(throws: Never.self) {
          let end = try Peer(.udp)
          try end.connect(port: port)
          try end.send(farewell)
        }
      }
      outcome = try RoundTripClient(settings).run { () throws(WorkloadError) in }
    }
    let requests = try server.value()
    let result = outcome.result
    // What holds whatever the server does: each request is sent once, under a number of its own, and becomes a sample
    // or is lost; the window is as long as was asked for.
    #expect(requests == Array(1...result.sent))
    #expect(result.sent == UInt64(result.samples) + result.lost)
    #expect(outcome.samples.count == result.samples && outcome.samples.allSatisfy { $0 > 0 })
    #expect(result.late <= result.lost)
    #expect(result.windowNanoseconds >= window)
    return (outcome, requests)
  }

  @Test("sends a lost request anew, and counts it", arguments: [WorkerConfiguration.Wait.spin, .block])
  func loss(wait: WorkerConfiguration.Wait) throws {
    let (outcome, requests) = try withGrowingWindow(from: 1000 * milliseconds) { window in
      // The 1st, the 8th, the 15th … 71st.
      try measure(wait, timeout: 10 * milliseconds, window: window) { place, request, answer in
        if place % 7 != 1 || place > 71 { try answer(reply(to: request)) }
      }
    } until: { outcome, requests in
      requests.count > 72 && outcome.result.samples > 60
    }
    #expect(requests.count > 72)
    // A stall of the machine can make more of them, not fewer.
    #expect(outcome.result.lost >= 11)
    #expect(outcome.result.samples > 60)
    #expect(outcome.result.foreign == 0 && outcome.result.duplicate == 0)
    // The time that was lost is in the window and in no sample.
    #expect(
      outcome.samples.reduce(UInt64(0)) { $0 + UInt64($1) } + 110 * milliseconds <= outcome.result.windowNanoseconds)
  }

  @Test("comes to an end where nothing is answered", arguments: [WorkerConfiguration.Wait.spin, .block])
  func silence(wait: WorkerConfiguration.Wait) throws {
    let (outcome, requests) = try measure(wait, timeout: 10 * milliseconds) { _, _, _ in }
    #expect(outcome.samples.isEmpty && outcome.result.lost == UInt64(requests.count) && !requests.isEmpty)
    #expect(outcome.result.late == 0 && outcome.result.foreign == 0 && outcome.result.duplicate == 0)
  }

  @Test("a time-out of nothing is none for ever", arguments: [WorkerConfiguration.Wait.spin, .block])
  func noTimeout(wait: WorkerConfiguration.Wait) throws {
    for timeout in [0, 999] as [UInt64] {
      let (outcome, _) = try measure(wait, timeout: timeout, window: 5 * milliseconds) { _, _, _ in }
      #expect(outcome.samples.isEmpty && outcome.result.lost > 0)
    }
  }

  @Test("counts a late reply, and never takes it for a sample", arguments: [WorkerConfiguration.Wait.spin, .block])
  func late(wait: WorkerConfiguration.Wait) throws {
    let (outcome, requests) = try withGrowingWindow(from: 400 * milliseconds) { window in
      let held = Held()
      // Some replies are kept until the next request, which comes only when the client has given them up.
      return try measure(wait, timeout: 20 * milliseconds, window: window) { place, request, answer in
        if let last = held.take() { try answer(last) }
        if [2, 5, 9, 40, 41].contains(place) { held.put(reply(to: request)) } else { try answer(reply(to: request)) }
      }
    } until: { _, requests in
      requests.count > 50
    }
    #expect(requests.count > 50)
    #expect(outcome.result.late >= 5 && outcome.result.lost >= 5)
    #expect(outcome.result.duplicate == 0 && outcome.result.foreign == 0)
  }

  @Test("counts a second reply, and never takes it for a sample", arguments: [WorkerConfiguration.Wait.spin, .block])
  func duplicate(wait: WorkerConfiguration.Wait) throws {
    let (outcome, requests) = try withGrowingWindow(from: 100 * milliseconds) { window in
      try measure(wait, window: window) { place, request, answer in
        try answer(reply(to: request))
        if place <= 30 { try answer(reply(to: request)) }
        if place == 31 { for _ in 0..<5 { try answer(reply(to: request)) } }
      }
    } until: { _, requests in
      requests.count > 40
    }
    #expect(requests.count > 40)
    #expect(outcome.result.duplicate == 35)
    #expect(outcome.result.lost == 0 && outcome.result.late == 0 && outcome.result.foreign == 0)
  }

  @Test("tells a second late reply from the first")
  func lateTwice() throws {
    let (outcome, _) = try withGrowingWindow(from: 200 * milliseconds) { window in
      let held = Held()
      return try measure(timeout: 20 * milliseconds, window: window) { place, request, answer in
        if let last = held.take() {
          try answer(last)
          try answer(last)
        }
        if place == 3 { held.put(reply(to: request)) } else { try answer(reply(to: request)) }
      }
    } until: { _, requests in
      // The window has not ended before both have been read.
      requests.count > 10
    }
    #expect(outcome.result.late >= 1 && outcome.result.duplicate == 1)
  }

  @Test("counts what is not of its flow, and waits on", arguments: [WorkerConfiguration.Wait.spin, .block])
  func foreign(wait: WorkerConfiguration.Wait) throws {
    let (outcome, requests) = try withGrowingWindow(from: 100 * milliseconds) { window in
      try measure(wait, window: window) { place, request, answer in
        if place <= 20 {
          let bytes = Array(request.prefix(8))
          let own = reply(to: request)
          try answer(bytes + reply(to: header(size: 64, nonce: 1))[8...])
          try answer(bytes + reply(to: header(size: 64, flow: 8))[8...])
          var magic = own
          magic[8] ^= 1
          try answer(magic)
          try answer(Array(own.dropLast()))
          try answer(own + [0])
          try answer(own + [UInt8](repeating: 0, count: 9000))
          // What came, as it came: an echo by something that is no server of ours.
          try answer(request)
          try answer([0])
          // Of the flow, but a number that has not been sent yet.
          var future = own
          future[4] = 1
          try answer(future)
          // As if nothing had come.
          try answer([])
        }
        try answer(reply(to: request))
      }
    } until: { _, requests in
      requests.count > 20
    }
    #expect(requests.count > 20)
    #expect(outcome.result.foreign == 180)
    #expect(outcome.result.lost == 0 && outcome.result.late == 0 && outcome.result.duplicate == 0)
  }

  @Test(
    "a stream of foreign messages does not hold up the time-out", arguments: [WorkerConfiguration.Wait.spin, .block])
  func flood(wait: WorkerConfiguration.Wait) throws {
    let outcome = try withGrowingWindow(from: 50 * milliseconds) { window in
      // For ten seconds more than the window at the most.
      let end = Clock.monotonic() + window + 10_000 * milliseconds
      let isOver = Held()
      // The first request is answered by foreign messages and nothing else, until the client has come to its end.
      let peer = try Peer(.udp)
      let port = try peer.bind()
      let server = Background {
        let (_, answer) = try peer.receiveRequest()
        let message = header(size: 64, nonce: 1)
        while isOver.take() == nil, Clock.monotonic() < end { try answer(message) }
      }
      var settings = configuration(.client, .udp, wait, port: port, window: window)
      settings.warmupNanoseconds = 0
      settings.timeoutNanoseconds = 20 * milliseconds
      let outcome = try RoundTripClient(settings).run { () throws(WorkloadError) in }
      #expect(Clock.monotonic() < end)
      isOver.put([])
      #expect(outcome.samples.isEmpty && outcome.result.lost > 0)
      try server.value()
      return outcome
    } until: {
      // Else the server has had no CPU yet.
      $0.result.foreign > 0
    }
    #expect(outcome.result.foreign > 0)
  }

  /// What a TCP client ends with, against a server that does `handle` with its connection.
  private func tcpFailure(
    _ wait: WorkerConfiguration.Wait, timeout: UInt64 = 10_000 * milliseconds,
    _ handle: @escaping @Sendable (Peer) throws -> Void
  ) throws -> (reason: String, port: UInt16) {
    let peer = try Peer(.tcp)
    let port = try peer.bind()
    let server = Background { try handle(try peer.accept()) }
    var settings = configuration(.client, .tcp, wait, port: port, window: 20_000 * milliseconds)
    settings.warmupNanoseconds = 0
    settings.timeoutNanoseconds = timeout
    let error = #expect(throws: WorkloadError.self) {
      _ = try RoundTripClient(settings).run { () throws(WorkloadError) in }
    }
    try server.value()
    return (try #require(error?.description), port)
  }

  @Test(
    "says that its server has closed the connection in the middle", arguments: [WorkerConfiguration.Wait.spin, .block])
  func closed(wait: WorkerConfiguration.Wait) throws {
    // Between two messages, and within one.
    for part in [0, 40] {
      let (reason, port) = try tcpFailure(wait) { connection in
        for _ in 0..<10 { try connection.send(reply(to: try connection.receive())) }
        let request = try connection.receive()
        if part > 0 { try connection.send(Array(reply(to: request).prefix(part))) }
      }
      #expect(reason == "127.0.0.1:\(port) closed the connection within the window")
    }
  }

  @Test("says that its server has reset the connection", arguments: [WorkerConfiguration.Wait.spin, .block])
  func reset(wait: WorkerConfiguration.Wait) throws {
    // Closed with the request unread.
    let (reason, port) = try tcpFailure(wait) { connection in try connection.waitForInput() }
    #expect(reason == "exchange 127.0.0.1:\(port): Connection reset by peer")
  }

  @Test("does not wait for a stalled server for ever", arguments: [WorkerConfiguration.Wait.spin, .block])
  func stalled(wait: WorkerConfiguration.Wait) throws {
    let start = Clock.monotonic()
    for part in [0, 40] {
      let (reason, port) = try tcpFailure(wait, timeout: 30 * milliseconds) { connection in
        let request = try connection.receive()
        if part > 0 { try connection.send(Array(reply(to: request).prefix(part))) }
        // Until the client closes.
        while try !connection.receive().isEmpty {}
      }
      #expect(reason == "no reply from 127.0.0.1:\(port) within 30 ms over TCP")
    }
    #expect(Clock.monotonic() >= start + 60 * milliseconds)
  }

  @Test("takes a TCP message that comes in pieces, and not a foreign one")
  func pieces() throws {
    let outcome = try withGrowingWindow(from: 50 * milliseconds) { window in
      let peer = try Peer(.tcp)
      let port = try peer.bind()
      let server = Background {
        let connection = try peer.accept()
        var seen: UInt64 = 0
        while true {
          let request = try connection.receive()
          if request.isEmpty { return seen }
          seen += 1
          let answer = reply(to: request)
          try connection.send(Array(answer.prefix(1)))
          try connection.send(Array(answer[1..<63]))
          try connection.send(Array(answer[63...]))
          if seen == 1 { try connection.send(header(size: 64, nonce: 1)) }
        }
      }
      var settings = configuration(.client, .tcp, .spin, port: port, window: window)
      settings.warmupNanoseconds = 0
      let outcome = try RoundTripClient(settings).run { () throws(WorkloadError) in }
      #expect(try server.value() == outcome.result.sent)
      #expect(outcome.result.sent == UInt64(outcome.samples.count) && outcome.result.lost == 0)
      return outcome
    } until: {
      $0.samples.count > 1
    }
    #expect(outcome.result.foreign == 1 && outcome.samples.count > 1)
  }

  @Test("measures nothing if the window is not opened")
  func notStarted() throws {
    let peer = try Peer(.udp)
    var settings = configuration(.client, .udp, .block, port: try peer.bind())
    settings.warmupNanoseconds = 0
    let error = #expect(throws: WorkloadError.self) {
      _ = try RoundTripClient(settings).run { () throws(WorkloadError) in throw WorkloadError("called off") }
    }
    #expect(error?.description == "called off")
  }
}

/// A message from one thread to another, such as a reply that a server keeps back.
private final class Held: Sendable {
  private let message = Mutex<[UInt8]?>(nil)

  func put(_ bytes: [UInt8]) { message.withLock { $0 = bytes } }

  func take() -> [UInt8]? {
    message.withLock { message in
      defer { message = nil }
      return message
    }
  }
}
