import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// The client runs in this process, against servers that see what it sends.
@Suite("The operations for counting", .serialized)
struct CountingTests {
  /// A client that measures nothing and then counts.
  private func settings(
    _ transport: WorkerConfiguration.Transport, _ wait: WorkerConfiguration.Wait, port: UInt16, counted: UInt64
  ) -> WorkerConfiguration {
    var settings = configuration(.client, transport, wait, port: port, window: 0)
    settings.warmupNanoseconds = 0
    settings.countedOperations = counted
    return settings
  }

  /// Answers over UDP until a farewell, but for the requests in `lost`.
  /// - Parameter held: the one that is answered after 200 ms.
  /// - Returns: the numbers that came.
  private func server(_ peer: Peer, losing lost: Set<Int> = [], holding held: Int = 0) -> Background<[UInt64]> {
    Background {
      var numbers: [UInt64] = []
      while true {
        let (request, answer) = try peer.receiveRequest()
        if request == [0] { return numbers }
        numbers.append(number(of: request))
        if numbers.count == held { usleep(200_000) }
        if !lost.contains(numbers.count) { try answer(reply(to: request)) }
      }
    }
  }

  private func endServer(at port: UInt16) throws {
    let end = try Peer(.udp)
    try end.connect(port: port)
    try end.send([0])
  }

  @Test(
    "are as many as were asked for, each a request that the server sees",
    arguments: [WorkerConfiguration.Wait.spin, .block], [0, 1, 7, 500] as [UInt64])
  func exact(wait: WorkerConfiguration.Wait, operations: UInt64) throws {
    let peer = try Peer(.udp)
    let port = try peer.bind()
    let server = server(peer)
    let (outcome, counted) = try outcome(of: RoundTripClient(settings(.udp, wait, port: port, counted: operations)))
    try endServer(at: port)
    #expect(outcome.result.sent == 0 && outcome.samples.isEmpty)
    #expect(counted == (operations == 0 ? nil : operations))
    #expect(try server.value() == (0..<operations).map { $0 + 1 })
  }

  @Test("are not done where the controller does not ask for them", arguments: [WorkerConfiguration.Loop.rr, .crr])
  func notAsked(loop: WorkerConfiguration.Loop) throws {
    let listener = try Line(listening: .tcp)
    var settings = settings(.tcp, .block, port: try listener.port(), counted: 3)
    settings.loop = loop
    let talk = ClientTalk()
    talk.counts = false
    switch loop {
    case .crr: try ConnectionClient(settings).run(talk)
    default: try RoundTripClient(settings).run(talk)
    }
    #expect(talk.outcome?.result.sent == 0 && talk.counted == nil)
  }

  @Test("are no count if one of them is lost", arguments: [WorkerConfiguration.Wait.spin, .block])
  func loss(wait: WorkerConfiguration.Wait) throws {
    let peer = try Peer(.udp)
    let port = try peer.bind()
    let server = server(peer, losing: [3])
    var settings = settings(.udp, wait, port: port, counted: 5)
    // Waited for it is longer than that.
    settings.timeoutNanoseconds = 20 * milliseconds
    #expect(try reason(of: RoundTripClient(settings)) == "5 of 5 operations were done while counting, 1 lost")
    try endServer(at: port)
    #expect(try server.value() == [1, 2, 3, 4, 5, 6])
  }

  @Test(
    "are complete with one that was held up for longer than the window's time-out",
    arguments: [WorkerConfiguration.Wait.spin, .block], [1, 4])
  func late(wait: WorkerConfiguration.Wait, concurrency: Int) throws {
    let peer = try Peer(.udp)
    let port = try peer.bind()
    let server = server(peer, holding: 3)
    var settings = settings(.udp, wait, port: port, counted: 9)
    settings.timeoutNanoseconds = 20 * milliseconds
    settings.concurrency = concurrency
    let counted =
      concurrency == 1
      ? try outcome(of: RoundTripClient(settings)).counted : try outcome(of: ConcurrentClient(settings)).counted
    try endServer(at: port)
    #expect(try server.value().count == 9 && counted == 9)
  }

  @Test("leave no trace in the stamps of the window")
  func stamps() throws {
    let peer = try Peer(.udp)
    let port = try peer.bind()
    let server = server(peer)
    var settings = settings(.udp, .block, port: port, counted: 9)
    settings.windowNanoseconds = 5 * milliseconds
    settings.stampEvery = 1
    let (outcome, counted) = try outcome(of: RoundTripClient(settings))
    try endServer(at: port)
    #expect(counted == 9 && outcome.stamps.count == outcome.result.samples)
    #expect(try server.value().count == outcome.result.samples + 9)
  }

  @Test("that are more than there is room for are refused")
  func tooMany() throws {
    let listener = try Line(listening: .tcp)
    var settings = settings(.tcp, .block, port: try listener.port(), counted: .max)
    let reason = "\(UInt64.max) operations are too many to count"
    #expect(try WorkloadsTests.reason(of: RoundTripClient(settings)) == reason)
    settings.loop = .crr
    #expect(try WorkloadsTests.reason(of: ConnectionClient(settings)) == reason)
  }

  @Test("are asked for by one message and no other")
  func wrongMessage() throws {
    let server = try WorkerProcess(configuration(.server, .udp, .block))
    let client = try WorkerProcess(settings(.udp, .block, port: try server.listening(), counted: 3))
    try client.ready()
    try client.send(.start)
    #expect(try client.result().samples == [])
    try client.send(.start)
    #expect(try client.failure() == "expected 'count'")
    #expect(try server.stop().echoed == 0)
  }

  @Test("may be asked for before the window has begun")
  func ahead() throws {
    let server = try WorkerProcess(configuration(.server, .udp, .block))
    let client = try WorkerProcess(settings(.udp, .block, port: try server.listening(), counted: 3))
    // All in one piece.
    try client.child.write(WorkerMessage.start.line + WorkerMessage.count.line)
    try client.ready()
    #expect(try client.result().samples == [])
    #expect(try client.receive() == .counted(operations: 3))
    #expect(try server.stop().echoed == 3)
  }
}

/// What is on the wire where request and reply are of two sizes.
@Suite("A reply of another size than its request", .serialized)
struct ReplyLayoutTests {
  @Test(
    "has as much of the request's header as fits, the mark, and the padding",
    arguments: [WorkerConfiguration.Loop.rr, .crr], [(8, 64), (24, 64), (64, 24), (64, 12), (64, 4), (1400, 1400)])
  func layout(loop: WorkerConfiguration.Loop, sizes: (request: Int, reply: Int)) throws {
    var settings = configuration(.server, .tcp, .block, size: sizes.request)
    settings.loop = loop
    settings.replySize = sizes.reply
    let server = try WorkerProcess(settings)
    let port = try server.listening()
    var line = try Line(to: port, .tcp)
    for sequence in [0x0102_0304_0506_0708, 9, UInt64.max] {
      var request = header(size: sizes.request)
      request.withUnsafeMutableBytes { MessageHeader.setSequence(sequence, in: $0) }
      var expected = header(size: sizes.reply)
      expected.withUnsafeMutableBytes { MessageHeader.setSequence(sequence, in: $0) }
      try line.send(request)
      #expect(try line.receive(exactly: sizes.reply) == reply(to: expected))
      if loop == .crr { line = try Line(to: port, .tcp) }
    }
    #expect(try server.stop().echoed == 3)
  }

  @Test("is foreign to the client if it has the request's size", arguments: [(64, 32), (32, 64), (64, 65)])
  func wrongSize(sizes: (request: Int, reply: Int)) throws {
    let answered = try withGrowingWindow(from: 50 * milliseconds) { window in
      let peer = try Peer(.udp)
      let port = try peer.bind()
      let server = Background {
        var count = 0
        while true {
          let (request, answer) = try peer.receiveRequest()
          if request == [0] { return count }
          count += 1
          #expect(request.count == sizes.request)
          try answer(reply(to: request))
          var right = header(size: sizes.reply)
          right.replaceSubrange(..<8, with: request[..<8])
          try answer(reply(to: right))
        }
      }
      var settings = configuration(.client, .udp, .spin, size: sizes.request, port: port, window: window)
      settings.replySize = sizes.reply
      settings.warmupNanoseconds = 0
      let (outcome, _) = try outcome(of: RoundTripClient(settings))
      let end = try Peer(.udp)
      try end.connect(port: port)
      try end.send([0])
      let answered = try server.value()
      #expect(outcome.result.samples == answered && outcome.result.foreign == UInt64(answered))
      return answered
    } until: {
      $0 > 1
    }
    #expect(answered > 1)
  }
}
