import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// The client runs in this process, against the real worker.
@Suite("Many requests in flight", .serialized)
struct ConcurrencyTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var transport = WorkerConfiguration.Transport.tcp
    var wait = WorkerConfiguration.Wait.spin
    var framing = WorkerConfiguration.Framing.none
    var address = loopback
    var concurrency = 7
    var size = 64
    var replySize = 64
    var testDescription: String {
      "\(transport) \(wait) framing \(framing) \(address) ×\(concurrency), \(size)/\(replySize) bytes"
    }

    func settings(_ role: WorkerConfiguration.Role, port: UInt16 = 0) -> WorkerConfiguration {
      var settings = configuration(role, transport, wait, size: size, port: port, window: 40 * milliseconds)
      settings.framing = framing
      settings.address = address
      settings.replySize = replySize
      settings.concurrency = concurrency
      if role == .client { settings.countedOperations = 250 }
      return settings
    }

    /// The server that stands by itself, also for one request in flight.
    func server() throws -> WorkerProcess {
      var settings = settings(.server)
      settings.concurrency = max(2, concurrency)
      return try WorkerProcess(settings)
    }

    static let numbers: [Case] = [1, 2, 7, 100].flatMap { concurrency in
      [WorkerConfiguration.Transport.udp, .tcp].flatMap { transport in
        [WorkerConfiguration.Wait.spin, .block].flatMap { wait in
          [loopback, "::1"].map {
            Case(transport: transport, wait: wait, address: $0, concurrency: concurrency)
          }
        }
      }
    }
    static let http: [Case] = [1, 2, 7, 100].flatMap { concurrency in
      [WorkerConfiguration.Wait.spin, .block].map { Case(wait: $0, framing: .http, concurrency: concurrency) }
    }
    static let sizes: [Case] = [(1, 1), (1, 65_000), (24, 1400), (65_000, 1), (65_000, 65_000), (9, 23), (23, 9)]
      .flatMap { size, replySize in
        [
          Case(transport: .udp, concurrency: 3, size: size, replySize: replySize),
          Case(concurrency: 3, size: size, replySize: replySize),
          Case(wait: .block, framing: .http, concurrency: 6, size: size, replySize: replySize),
        ]
      }
  }

  @Test(
    "each request is answered once and measured once, and exactly as many as asked for are counted",
    arguments: Case.numbers + Case.http + Case.sizes)
  func exchange(which: Case) throws {
    /// All of them were in flight: their times add up to more than the window holds of one.
    func areAllInFlight(_ outcome: ClientOutcome) -> Bool {
      let sum = outcome.samples.reduce(UInt64(0)) { $0 + UInt64($1) }
      let window = outcome.result.windowNanoseconds
      return sum > 3 * window && sum < UInt64(which.concurrency + 1) * window
    }
    let manyAreInFlight = which.concurrency >= 7
    // Fewer are in flight where the client loses its CPU in the midst of its first or its last ones.
    let outcome = try repeated(upTo: 3) {
      try exchanged(which)
    } until: {
      !manyAreInFlight || areAllInFlight($0)
    }
    if manyAreInFlight { #expect(areAllInFlight(outcome)) }
  }

  /// What a client has measured, of which the numbers were right.
  private func exchanged(_ which: Case) throws -> ClientOutcome {
    let server = try which.server()
    let client = ConcurrentClient(which.settings(.client, port: try server.listening()))
    let (outcome, counted) = try outcome(of: client)
    let result = outcome.result
    #expect(result.samples >= which.concurrency)
    #expect(result.sent == UInt64(result.samples) && !result.isTruncated && !result.hasServiceTimes)
    #expect(result.lost == 0 && result.late == 0 && result.duplicate == 0 && result.foreign == 0)
    #expect(result.windowNanoseconds >= 40 * milliseconds)
    #expect(outcome.samples.allSatisfy { $0 > 0 } && outcome.serviceTimes == [] && outcome.stamps == [])
    #expect(counted == 250)
    let echoed = try server.stop()
    #expect(echoed.echoed == result.firstSequence - 1 + result.sent + 250)
    #expect(echoed.foreign == 0)
    return outcome
  }

  @Test("a reply is told by its flow, as far as the message has room for it", arguments: [24, 25])
  func flows(size: Int) throws {
    let result = try withGrowingWindow(from: 50 * milliseconds) { window in
      let peer = try Peer(.udp)
      let port = try peer.bind()
      let farewell = Array("farewell".utf8)
      let server = Background {
        var seen: UInt64 = 0
        while true {
          let (request, answer) = try peer.receiveRequest()
          if request == farewell { return seen }
          seen += 1
          // First as if it were the other flow's.
          var wrong = reply(to: request)
          wrong[20] ^= 15
          try answer(wrong)
          try answer(reply(to: request))
        }
      }
      var settings = configuration(.client, .udp, .block, size: size, port: port, window: window)
      settings.warmupNanoseconds = 0
      settings.concurrency = 2
      let result = try outcome(of: ConcurrentClient(settings)).outcome.result
      let end = try Peer(.udp)
      try end.connect(port: port)
      try end.send(farewell)
      #expect(try server.value() == result.sent)
      #expect(result.sent == UInt64(result.samples) && result.foreign == result.sent)
      #expect(result.lost == 0 && result.duplicate == 0 && result.late == 0)
      return result
    } until: {
      $0.samples > 10
    }
    #expect(result.samples > 10)
  }

  @Test(
    "lost, late and doubled datagrams are counted and never measured",
    arguments: [WorkerConfiguration.Wait.spin, .block],
    [3, 9])
  func losses(wait: WorkerConfiguration.Wait, concurrency: Int) throws {
    let result = try withGrowingWindow(from: 500 * milliseconds) {
      try losing(wait, concurrency, window: $0)
    } until: {
      $0.samples > 100
    }
    // A stall of the machine can make more of them, not fewer.
    #expect(result.lost >= 5 && result.late >= 2 && result.samples > 100)
    #expect(result.duplicate == 10 && result.foreign == 12)
  }

  /// Measures against a server that leaves some of the first requests without an answer, and answers others too late,
  /// twice or wrongly, too.
  private func losing(
    _ wait: WorkerConfiguration.Wait, _ concurrency: Int, window: UInt64
  ) throws -> ClientResult {
    let peer = try Peer(.udp)
    let port = try peer.bind()
    let farewell = Array("farewell".utf8)
    let server = Background {
      var seen = 0
      var held: [(flow: UInt8, answer: @Sendable () throws -> Void)] = []
      while true {
        let (request, answer) = try peer.receiveRequest()
        if request == farewell { return seen }
        seen += 1
        // With the next request of a flow, its client has given up the one before.
        if let place = held.firstIndex(where: { $0.flow == request[20] }) { try held.remove(at: place).answer() }
        switch seen {
        case 10, 20, 30: break
        case 40, 41:
          let late = reply(to: request)
          held.append((request[20], { try answer(late) }))
        case 60..<70:
          try answer(reply(to: request))
          try answer(reply(to: request))
        case 80..<84:
          try answer(Array(reply(to: request).dropLast()))
          try answer(reply(to: request) + [0])
          try answer(request)
          try answer(reply(to: request))
        default: try answer(reply(to: request))
        }
      }
    }
    var settings = configuration(.client, .udp, wait, port: port, window: window)
    settings.warmupNanoseconds = 0
    settings.timeoutNanoseconds = 40 * milliseconds
    settings.concurrency = concurrency
    let (outcome, _) = try outcome(of: ConcurrentClient(settings))
    let end = try Peer(.udp)
    try end.connect(port: port)
    try end.send(farewell)
    let result = outcome.result
    #expect(UInt64(try server.value()) == result.sent)
    #expect(result.sent == UInt64(result.samples) + result.lost)
    return result
  }

  @Test("a count that is not complete is an error, and no count")
  func incompleteCount() throws {
    let peer = try Peer(.udp)
    let port = try peer.bind()
    let server = Background {
      for place in 1...20 {
        let (request, answer) = try peer.receiveRequest()
        if place != 11 { try answer(reply(to: request)) }
      }
    }
    var settings = configuration(.client, .udp, .block, port: port, window: 0)
    settings.warmupNanoseconds = 0
    settings.concurrency = 4
    settings.countedOperations = 20
    #expect(
      try reason(of: ConcurrentClient(settings))
        == "1 of 20 requests for counting were lost: a count of them would not be complete")
    try server.value()
  }

  @Test("stamps are refused, and not left out")
  func stamps() throws {
    var settings = configuration(.client, .tcp, port: 9)
    settings.concurrency = 2
    settings.stampEvery = 64
    let expected = "stamps and slowdowns are for a closed loop with one request in flight and no framing"
    #expect(try reason(of: ConcurrentClient(settings)) == expected)
    #expect(try reason(of: OpenLoopClient(settings)) == expected)
  }

  /// What a client ends with, against a server that does `handle` with the first of its two connections and reads the
  /// other one to its end.
  private func failure(
    _ framing: WorkerConfiguration.Framing, _ wait: WorkerConfiguration.Wait, timeout: UInt64 = 10_000 * milliseconds,
    _ handle: @escaping @Sendable (Peer) throws -> Void
  ) throws -> String {
    let peer = try Peer(.tcp)
    let port = try peer.bind()
    let server = Background {
      let first = try peer.accept()
      let second = try peer.accept()
      try handle(first)
      return second
    }
    var settings = configuration(.client, .tcp, wait, port: port, window: 20_000 * milliseconds)
    settings.warmupNanoseconds = 0
    settings.timeoutNanoseconds = timeout
    settings.framing = framing
    settings.concurrency = 2
    let text = try reason(of: ConcurrentClient(settings))
    _ = try server.value()
    let name = "127.0.0.1:\(port)"
    #expect(text.contains(name))
    return text.split(separator: name, omittingEmptySubsequences: false).joined(separator: "PEER")
  }

  @Test("a client says what its server did wrong", arguments: [WorkerConfiguration.Wait.spin, .block])
  func badServers(wait: WorkerConfiguration.Wait) throws {
    for framing in [WorkerConfiguration.Framing.none, .http] {
      #expect(
        try failure(framing, wait) { _ = try $0.receive() } == "PEER closed the connection within the window")
      #expect(
        try failure(framing, wait, timeout: 30 * milliseconds) { connection in
          while try !connection.receive().isEmpty {}
        } == "no reply from PEER within 30 ms over TCP")
      #expect(
        try failure(framing, wait) { connection in try connection.waitForInput() }
          == "exchange PEER: Connection reset by peer")
    }
    for (answer, reason) in [
      (
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 64\r\n\r\n",
        "a reply with status 503 where 200 was expected"
      ),
      (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "a body with a transfer coding where a content-length was expected"
      ),
      ("HTTP/1.1 200 OK\r\n\r\n", "a head without content-length"),
      ("HTTP/1.1 200 OK\r\ncontent-length: 63\r\n\r\n", "a body of 63 bytes where 64 were expected"),
      ("HTTP/1.1 200 OK\r\nx: " + String(repeating: "y", count: 9000), "a head of more than 8192 bytes"),
      ("220 mail.example ESMTP\r\n", "something that is no message of HTTP/1.1"),
    ] {
      let text = try failure(.http, wait) { connection in
        _ = try connection.receive()
        try connection.send(Array(answer.utf8))
        while try !connection.receive().isEmpty {}
      }
      #expect(text == "PEER sent \(reason)")
    }
  }

  @Test(
    "a server closes what is not of its run, and goes on with the rest",
    arguments: [WorkerConfiguration.Wait.spin, .block])
  func foreign(wait: WorkerConfiguration.Wait) throws {
    for framing in [WorkerConfiguration.Framing.none, .http] {
      let which = Case(wait: wait, framing: framing, concurrency: 2)
      let server = try which.server()
      let port = try server.listening()
      let head = MessageHead.request(framing, size: 64)
      /// Sends `bytes` over a connection of its own, and expects that the server closes it.
      func offend(_ bytes: [UInt8]) throws {
        let peer = try Peer(.tcp)
        try peer.connect(port: port)
        try peer.send(bytes)
        // Closed with something unread is a reset.
        do throws(SystemError) {
          #expect(try peer.receive() == [])
        } catch { #expect(error.call == "recv") }
      }
      let good = try Peer(.tcp)
      try good.connect(port: port)
      func goOn() throws {
        try good.send(head + header(size: 64))
        let expected = MessageHead.reply(framing, size: 64) + reply(to: header(size: 64))
        var answer: [UInt8] = []
        while answer.count < expected.count { answer += try good.receive() }
        #expect(answer == expected)
      }
      try goOn()
      try offend(head + header(size: 64, nonce: 1))
      try goOn()
      try offend(head + header(size: 64, flow: 9))
      try offend(head + header(size: 64, flow: 6))
      try offend(head + reply(to: header(size: 64)))
      var offences: UInt64 = 4
      if framing == .http {
        try offend(Array("GET / HTTP/1.1\r\nhost: bench\r\n\r\n".utf8))
        try offend(Array("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".utf8))
        try offend(Array("POST / HTTP/1.1\r\n".utf8) + [UInt8](repeating: 97, count: 9000))
        offences += 3
      }
      // One that breaks off in the midst of a message is one, and one between two messages is not.
      do {
        let peer = try Peer(.tcp)
        try peer.connect(port: port)
        try peer.send(Array((head + header(size: 64)).prefix(20)))
        let other = try Peer(.tcp)
        try other.connect(port: port)
      }
      offences += 1
      // Accepted, read, and read to its end: three turns of the server.
      for _ in 0..<3 { try goOn() }
      let result = try server.stop()
      #expect(result.echoed == 5 && result.foreign == offences)
    }
  }

  @Test(
    "a server has room for 256 connections, and refuses the next", arguments: [WorkerConfiguration.Wait.spin, .block])
  func crowd(wait: WorkerConfiguration.Wait) throws {
    let server = try Case(wait: wait, concurrency: 100).server()
    let port = try server.listening()
    func exchange(_ peer: Peer) throws {
      try peer.send(header(size: 64))
      #expect(try peer.receive() == reply(to: header(size: 64)))
    }
    do {
      var peers: [Peer] = []
      for _ in 0..<256 {
        let peer = try Peer(.tcp)
        try peer.connect(port: port)
        try exchange(peer)
        peers.append(peer)
      }
      let late = try Peer(.tcp)
      try late.connect(port: port)
      #expect(try late.receive() == [])
      for peer in peers { try exchange(peer) }
    }
    // Their places are free again.
    for _ in 0..<300 {
      let peer = try Peer(.tcp)
      try peer.connect(port: port)
      try exchange(peer)
    }
    let result = try server.stop()
    #expect(result.echoed == 812 && result.foreign == 1)
  }

  @Test(
    "requests behind each other are answered in their order, also when the replies are not read for long",
    arguments: [WorkerConfiguration.Wait.spin, .block], [WorkerConfiguration.Framing.none, .http])
  func pipelined(wait: WorkerConfiguration.Wait, framing: WorkerConfiguration.Framing) throws {
    let server = try Case(wait: wait, framing: framing, replySize: 65_000).server()
    let port = try server.listening()
    let peer = try Peer(.tcp)
    try peer.connect(port: port)
    // More than all buffers on the way hold.
    let count = 200
    var stream: [UInt8] = []
    for number in 1...count {
      var request = header(size: 64)
      request.withUnsafeMutableBytes { MessageHeader.setSequence(UInt64(number), in: $0) }
      stream += MessageHead.request(framing, size: 64) + request
    }
    try peer.send(stream)
    // In the meantime, another client is served.
    let other = try Peer(.tcp)
    try other.connect(port: port)
    try other.send(MessageHead.request(framing, size: 64) + header(size: 64))
    let length = MessageHead.reply(framing, size: 65_000).count + 65_000
    var answer = 0
    while answer < length { answer += try other.receive().count }
    #expect(answer == length)

    let head = MessageHead.reply(framing, size: 65_000)
    var message = reply(to: header(size: 65_000))
    var bytes: [UInt8] = []
    for number in 1...count {
      while bytes.count < length {
        let more = try peer.receive()
        try #require(!more.isEmpty)
        bytes += more
      }
      message.withUnsafeMutableBytes { MessageHeader.setSequence(UInt64(number), in: $0) }
      #expect(Array(bytes[..<length]) == head + message)
      bytes.removeFirst(length)
    }
    #expect(bytes == [])
    let result = try server.stop()
    #expect(result.echoed == UInt64(count) + 1 && result.foreign == 0)
  }
}
