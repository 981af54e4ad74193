import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// One conversation after the other: a spinning pair takes two CPUs.
@Suite("A stream", .serialized)
struct StreamTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let transport: WorkerConfiguration.Transport
    let wait: WorkerConfiguration.Wait
    let size: Int
    let address: String
    var testDescription: String { "\(transport) \(wait) \(size) \(address)" }

    static let all: [Case] = [WorkerConfiguration.Transport.udp, .tcp].flatMap { transport in
      [WorkerConfiguration.Wait.spin, .block].flatMap { wait in
        (transport == .udp ? [24, 1472, 65_000] : [1, 24, 25, 1448, 65_000]).flatMap { size in
          [loopback, "::1"].map { Case(transport: transport, wait: wait, size: size, address: $0) }
        }
      }
    }
  }

  @Test("counts what came of its window, and nothing of the warm-up and of the counting", arguments: Case.all)
  func window(which: Case) throws {
    var settings = stream(.server, which.transport, which.wait, size: which.size)
    settings.address = which.address
    let server = try WorkerProcess(settings)
    settings.role = .client
    settings.port = try server.listening()
    settings.warmupNanoseconds = 5 * milliseconds
    // Datagrams are lost for as long as other work keeps the server from its CPU: longer than that.
    settings.windowNanoseconds = (which.transport == .udp ? 300 : 30) * milliseconds
    settings.countedOperations = 17
    let start = Clock.monotonic()
    let client = try WorkerProcess(settings)
    try client.ready()
    try client.send(.start)
    let (result, samples, stamps) = try client.result()
    let elapsed = Clock.monotonic() - start
    try client.send(.count)
    #expect(try client.receive() == .counted(operations: 17))
    #expect(try client.child.waitForExit(deadline: farDeadline()) == .exited(0))
    let stopped = try server.stop()

    #expect(samples.isEmpty && stamps.isEmpty && !result.isTruncated && !result.hasServiceTimes)
    #expect(result.sent > 0 && result.lost == 0 && result.firstSequence > 1)
    #expect(result.windowNanoseconds >= settings.windowNanoseconds && result.windowNanoseconds < elapsed)
    #expect(result.cpuNanoseconds > 0 && result.cpuNanoseconds <= elapsed)
    #expect(stopped.echoed == 0 && stopped.foreign == 0)
    if which.transport == .tcp {
      #expect(stopped.windowBytes == result.sent * UInt64(which.size) && stopped.windowMessages == 0)
    } else {
      // Where the server had no CPU, its buffer was full.
      #expect(stopped.windowMessages > 0 && stopped.windowMessages <= result.sent)
      #expect(stopped.windowBytes == stopped.windowMessages * UInt64(which.size))
    }
  }

  @Test("of no time sends nothing", arguments: [WorkerConfiguration.Transport.udp, .tcp])
  func empty(transport: WorkerConfiguration.Transport) throws {
    let server = try WorkerProcess(stream(.server, transport))
    var settings = stream(.client, transport, port: try server.listening())
    settings.warmupNanoseconds = 0
    settings.windowNanoseconds = 0
    let (result, _) = try WorkerProcess(settings).measure()
    #expect(result.sent == 0 && result.firstSequence == 1)
    #expect(try server.stop() == ServerResult())
  }

  @Test("that is not asked to count ends when the controller has gone")
  func uncounted() throws {
    let server = try WorkerProcess(stream(.server, .tcp))
    var settings = stream(.client, .tcp, port: try server.listening())
    settings.countedOperations = 0
    let (result, _) = try WorkerProcess(settings).measure()
    #expect(try server.stop().windowBytes == result.sent * 64)
  }

  @Test("is refused what it cannot be")
  func refused() throws {
    for role in [WorkerConfiguration.Role.server, .client] {
      var many = stream(role, .tcp)
      many.concurrency = 2
      #expect(try WorkerProcess(many).failure() == "a stream has one connection, not 2")
      let short = stream(role, .udp, size: 23)
      #expect(
        try WorkerProcess(short).failure()
          == "udp-stream with messages of 23 bytes: its server tells them apart by a header of 24 bytes")
    }
  }

  @Test("asks the kernel for nothing but to send, and at its end for the answer", .requiresProgram("strace"))
  func systemCalls() throws {
    for transport in [WorkerConfiguration.Transport.udp, .tcp] {
      let log = "/tmp/bench-test-" + String(UInt64.random(in: .min ... .max), radix: 36)
      defer { unlink(log) }
      let server = try WorkerProcess(stream(.server, transport, .block, size: 1448))
      let client = WorkerProcess(
        running: try ChildProcess(
          executable: "/usr/bin/env",
          arguments: [
            "strace", "-o", log, "-e", "signal=none", "-e", "trace=all", "-s", "8", try WorkerProcess.path(),
          ],
          environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
      try client.send(.configure(stream(.client, transport, .block, size: 1448, port: try server.listening())))
      let (result, _) = try client.measure()
      _ = try server.stop()
      let calls = try SmallFile.text(log).split(separator: "\n").filter { $0.first?.isLetter == true }
      let start = try #require(calls.lastIndex { $0.hasPrefix("read(0,") })
      let end = try #require(calls[start...].firstIndex { $0.hasPrefix("write(1,") })
      let window = calls[start..<end].drop { !$0.hasPrefix("sendto(") }
      let tail = window.drop { $0.hasPrefix("sendto(") }
      #expect(result.sent > 0 && UInt64(window.count - tail.count) >= result.sent)
      // Nagle off, the mark, the answer, Nagle on; and the account of the window.
      let expected =
        transport == .udp ? [] : ["setsockopt", "sendto", "recvfrom", "setsockopt"]
      let names = tail.map { String($0.prefix { $0 != "(" }) }
      #expect(names.filter { $0 != "clock_gettime" && $0 != "getrusage" } == expected)
    }
  }

  struct Count: Sendable, CustomTestStringConvertible {
    let function: String
    let transport: WorkerConfiguration.Transport
    let wait: WorkerConfiguration.Wait
    var testDescription: String { "\(function) \(transport) \(wait)" }
  }

  /// Counted by a simulated CPU, as in ``WindowTests``.
  @Test(
    "allocates and retains nothing: a long one has as many calls as a short one", .requiresProgram("valgrind"),
    arguments: [
      Count(function: "malloc", transport: .tcp, wait: .block), Count(function: "malloc", transport: .udp, wait: .spin),
      Count(function: "swift_retain", transport: .tcp, wait: .spin),
      Count(function: "swift_retain", transport: .udp, wait: .block),
    ])
  func calls(what: Count) throws {
    func counted(_ settings: WorkerConfiguration) throws -> WorkerProcess {
      let worker = WorkerProcess(
        running: try ChildProcess(
          executable: "/usr/bin/env",
          arguments: ["valgrind", "--tool=lackey", "--fnname=\(what.function)", try WorkerProcess.path()],
          environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
      try worker.send(.configure(settings))
      return worker
    }
    func count(_ worker: WorkerProcess) throws -> Int {
      let text = worker.child.standardError()
      let line = try #require(
        text.split(separator: "\n").first { $0.contains(" calls to \(what.function)()") }, "\(text)")
      return try #require(Int(line.drop { $0 != "C" }.split(separator: " ")[1].filter(\.isNumber)), "\(line)")
    }
    func measure(window: UInt64) throws -> (sent: Int, came: Int, client: Int, server: Int) {
      let server = try counted(stream(.server, what.transport, what.wait))
      var settings = stream(.client, what.transport, what.wait, port: try server.listening())
      settings.windowNanoseconds = window
      let client = try counted(settings)
      let (result, _) = try client.measure()
      let stopped = try server.stop()
      return (Int(result.sent), Int(stopped.windowBytes / 64), try count(client), try count(server))
    }
    let short = try measure(window: milliseconds)
    let long = try withGrowingWindow(from: 300 * milliseconds) {
      try measure(window: $0)
    } until: {
      $0.sent >= short.sent + 400 && $0.came >= short.came + 400
    }
    try #require(long.sent >= short.sent + 400 && long.came >= short.came + 400)
    // Telling the result takes some text, which may have a digit more or less.
    #expect(long.client - short.client < (long.sent - short.sent) / 10, "\(short) \(long)")
    #expect(long.server - short.server < (long.came - short.came) / 10, "\(short) \(long)")
    // Else nothing was counted at all.
    #expect(short.client > 10 && short.server > 10, "\(short) \(long)")
  }

  @Suite("at the server", .serialized)
  struct Serving {
    @Test("is told by its marks, in whatever pieces they come", arguments: [WorkerConfiguration.Wait.spin, .block])
    func pieces(wait: WorkerConfiguration.Wait) throws {
      let server = try WorkerProcess(stream(.server, .tcp, wait))
      let peer = try Line(to: try server.listening(), .tcp)
      for byte in mark(.warmUp, 0) { try peer.send([byte]) }
      #expect(try peer.receive(exactly: 24) == reply(to: mark(.warmUp, 0)))
      var random = SeededNumbers(1)
      var expected: UInt64 = 0
      for phase in [StreamPhase.warmUp, .window, .counting, .window, .window, .warmUp] {
        // What looks like a mark of this trial, but ends another number of bytes, is bulk as long as more follows.
        let length = Int.random(in: 0...3000, using: &random)
        var bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        bytes += mark(phase, UInt64(length))
        while !bytes.isEmpty {
          let count = min(bytes.count, Int.random(in: 1...40, using: &random))
          try peer.send(Array(bytes.prefix(count)))
          bytes.removeFirst(count)
        }
        if phase == .window { expected += UInt64(length) }
        #expect(try peer.receive(exactly: 24) == reply(to: mark(phase, UInt64(length))))
      }
      #expect(try server.stop().windowBytes == expected)
    }

    @Test("is not taken for a stranger, and a stranger not for it", arguments: [WorkerConfiguration.Wait.spin, .block])
    func strangers(wait: WorkerConfiguration.Wait) throws {
      let server = try WorkerProcess(stream(.server, .tcp, wait))
      let port = try server.listening()
      let greetings: [[UInt8]] = [
        Array("GET / HTTP/1.1\r\nhost: bench\r\n\r\n".utf8),
        // Another trial's, one of no phase, and one that is cut off.
        header(size: 24, nonce: 1), header(size: 24, flow: 10), Array(mark(.warmUp, 0).dropLast()),
      ]
      for greeting in greetings {
        let stranger = try Line(to: port, .tcp)
        try stranger.send(greeting)
        try stranger.endSending()
        // Closed without an answer. What was not read may make it a reset.
        #expect(try stranger.receiveOrReset() == [])
      }
      // One that says nothing and goes is nobody.
      let silent = try Line(to: port, .tcp)
      try silent.endSending()
      #expect(try silent.receiveOrReset() == [])
      let (result, _) = try WorkerProcess(stream(.client, .tcp, wait, port: port)).measure()
      let stopped = try server.stop()
      #expect(stopped.foreign == UInt64(greetings.count) && stopped.windowBytes == result.sent * 64)
    }

    @Test("that waits for its greeting gives up a silent connection after a second")
    func silence() throws {
      let server = try WorkerProcess(stream(.server, .tcp, .block))
      let peer = try Line(to: try server.listening(), .tcp)
      let start = Clock.monotonic()
      #expect(try peer.receiveOrReset() == [])
      #expect(Clock.monotonic() - start > 900 * milliseconds)
      #expect(try server.stop().foreign == 1)
    }

    @Test("that has lost bytes is a failure")
    func lostBytes() throws {
      let server = try WorkerProcess(stream(.server, .tcp))
      let peer = try Line(to: try server.listening(), .tcp)
      try peer.send(mark(.warmUp, 0))
      #expect(try peer.receive(exactly: 24) == reply(to: mark(.warmUp, 0)))
      try peer.send([1, 2, 3] + mark(.window, 4))
      #expect(try server.failure() == "the client sent 4 bytes, and 3 came")
    }

    @Test("of datagrams has each counted once, and no foreign one", arguments: [WorkerConfiguration.Wait.spin, .block])
    func datagrams(wait: WorkerConfiguration.Wait) throws {
      let server = try WorkerProcess(stream(.server, .udp, wait, size: 30))
      let peer = try Line(to: try server.listening(), .udp)
      // Out of order, and two of them twice.
      for number in [1, 2] as [UInt64] { try peer.send(message(.warmUp, number)) }
      for number in [5, 3, 4, 4, 9, 3] as [UInt64] { try peer.send(message(.window, number)) }
      for number in [10, 11] as [UInt64] { try peer.send(message(.counting, number)) }
      try peer.send(message(.window, 8))
      // Nothing, too short, too long, of another trial, of no phase, a reply, and none of the numbers.
      try peer.send([])
      try peer.send(Array(message(.window, 20).dropLast()))
      try peer.send(message(.window, 21) + [0])
      try peer.send(header(size: 30, nonce: 1, flow: 8))
      try peer.send(numbered(header(size: 30, flow: 6), 22))
      try peer.send(numbered(header(size: 30, flow: 10), 23))
      try peer.send(reply(to: message(.window, 24)))
      try peer.send(message(.window, 0))
      let result = try server.stop()
      #expect(result.windowMessages == 5 && result.windowBytes == 150 && result.foreign == 10)
    }

    @Test("is taken to its last datagram when the server is told to stop")
    func drained() throws {
      let server = try WorkerProcess(stream(.server, .udp, .block))
      let peer = try Line(to: try server.listening(), .udp)
      server.child.signal(SIGSTOP)
      for number in 1...50 as ClosedRange<UInt64> { try peer.send(message(.window, number, size: 64)) }
      server.child.terminate()
      server.child.signal(SIGCONT)
      #expect(try server.stop().windowMessages == 50)
    }

    private func message(_ phase: StreamPhase, _ number: UInt64, size: Int = 30) -> [UInt8] {
      numbered(header(size: size, flow: 7 + phase.rawValue), number)
    }
  }

  @Suite("at the client", .serialized)
  struct Sending {
    @Test(
      "ends with the reason when the server does not do its part", arguments: [WorkerConfiguration.Wait.spin, .block])
    func badServers(wait: WorkerConfiguration.Wait) throws {
      let listener = try Line(listening: .tcp)
      let port = try listener.port()
      func client() throws -> (WorkerProcess, Line) {
        var settings = stream(.client, .tcp, wait, port: port)
        settings.timeoutNanoseconds = 300 * milliseconds
        let client = try WorkerProcess(settings)
        return (client, try listener.accept())
      }
      var (worker, server) = try client()
      try server.endSending()
      #expect(try worker.failure() == "127.0.0.1:\(port) closed the connection within the stream")

      (worker, server) = try client()
      #expect(try server.receive(exactly: 24) == mark(.warmUp, 0))
      // An echo is no server of ours.
      try server.send(mark(.warmUp, 0))
      #expect(
        try worker.failure()
          == "127.0.0.1:\(port) is not the server of this trial: it gave a mark a wrong answer")

      (worker, server) = try client()
      #expect(try worker.failure() == "127.0.0.1:\(port) took nothing of the stream for 300 ms")

      // It answers the greeting, and then reads no more.
      (worker, server) = try client()
      _ = try server.receive(exactly: 24)
      try server.send(reply(to: mark(.warmUp, 0)))
      #expect(try worker.failure() == "127.0.0.1:\(port) took nothing of the stream for 300 ms")
    }

    @Test("sends exactly as many datagrams as are to be counted, each phase with its flow and all with new numbers")
    func datagrams() throws {
      let server = try Line(listening: .udp)
      var settings = stream(.client, .udp, .block, port: try server.port())
      settings.warmupNanoseconds = 0
      settings.windowNanoseconds = 0
      settings.countedOperations = 30
      let client = try WorkerProcess(settings)
      try client.ready()
      try client.send(.start)
      _ = try client.result()
      try client.send(.count)
      #expect(try client.receive() == .counted(operations: 30))
      for expected in 1...30 as ClosedRange<UInt64> {
        #expect(try server.receive() == numbered(header(size: 64, flow: 9), expected))
      }
    }

    @Test("to a port where nobody listens is a failure")
    func nobody() throws {
      let port = try { try Line(listening: .tcp).port() }()
      for transport in [WorkerConfiguration.Transport.udp, .tcp] {
        var settings = stream(.client, transport, .block, port: port)
        settings.warmupNanoseconds = 100 * milliseconds
        #expect(try WorkerProcess(settings).failure().hasSuffix(" 127.0.0.1:\(port): Connection refused"))
      }
    }
  }

  @Test("knows the numbers that it has seen, in whatever order they come")
  func seenNumbers() {
    var random = SeededNumbers(7)
    var seen = SeenNumbers()
    var model: Set<UInt64> = []
    var highest: UInt64 = 0
    var (fresh, known, old) = (0, 0, 0)
    for _ in 0..<200_000 {
      // Mostly onwards, at times far, and often back, at times too far.
      let jump = UInt64.random(in: 0..<(Int.random(in: 0..<1000, using: &random) == 0 ? 200_000 : 40), using: &random)
      let isBack = Bool.random(using: &random)
      let back = UInt64.random(in: 0..<(Int.random(in: 0..<10, using: &random) == 0 ? 70_000 : 100), using: &random)
      let number = isBack ? highest - min(highest, back) : highest + jump
      let isNew = number > 0 && (number > highest || highest - number < SeenNumbers.reach) && !model.contains(number)
      #expect(seen.insert(number) == isNew)
      highest = max(highest, number)
      if isNew {
        model.insert(number)
        fresh += 1
      } else if model.contains(number) {
        known += 1
      } else {
        old += 1
      }
    }
    #expect(fresh > 1000 && known > 1000 && old > 100, "\(fresh) \(known) \(old)")
  }
}

private func stream(
  _ role: WorkerConfiguration.Role, _ transport: WorkerConfiguration.Transport,
  _ wait: WorkerConfiguration.Wait = .spin, size: Int = 64, port: UInt16 = 0
) -> WorkerConfiguration {
  var settings = configuration(role, transport, wait, size: size, port: port, window: 20 * milliseconds)
  settings.loop = .stream
  return settings
}

/// The mark that ends a phase of so many bytes.
private func mark(_ phase: StreamPhase, _ bytes: UInt64) -> [UInt8] {
  numbered(header(size: 24, flow: 7 + phase.rawValue), bytes)
}

private func numbered(_ message: [UInt8], _ number: UInt64) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) } + message.dropFirst(8)
}
