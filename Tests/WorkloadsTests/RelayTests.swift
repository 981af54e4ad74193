import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

@Suite("A relay", .serialized)
struct RelayTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let wait: WorkerConfiguration.Wait
    let front: String
    let back: String
    var testDescription: String { "\(wait), \(front) to \(back)" }

    static let all: [Case] = [WorkerConfiguration.Wait.spin, .block].flatMap { wait in
      [loopback, "::1"].flatMap { front in [loopback, "::1"].map { Case(wait: wait, front: front, back: $0) } }
    }
  }

  @Test("carries ten connections both ways at once, to the last byte", arguments: Case.all)
  func connections(which: Case) throws {
    var random = SeededNumbers(3)
    let target = try Line(listening: .tcp, which.back)
    let relay = try relay(.tcp, which, to: try target.port())
    let port = try relay.listening()
    var talks: [Talk] = []
    for number in 0..<10 {
      // One connection after the other, so that it is known which is which. Nothing one way, or the other, as well.
      let client = Talk(try Line(to: port, .tcp, which.front), saying: bytes(number == 3 ? 0 : 2_000_000, &random))
      let server = Talk(try target.accept(), saying: bytes(number == 4 ? 0 : 1_000_000, &random))
      // Some answer only when they have heard everything: the end of one way must not end the other.
      server.listensFirst = number % 3 == 0
      (client.expected, server.expected) = (server.said, client.said)
      talks += [client, server]
    }
    try Talk.run(talks)
    for talk in talks { #expect(talk.heard == talk.expected) }
    let result = try relay.stop()
    #expect(result.echoed >= 18 && result.foreign == 0)
  }

  @Test("carries each byte on at once, and keeps what one side does not take yet")
  func pace() throws {
    let which = Case(wait: .block, front: loopback, back: loopback)
    let target = try Line(listening: .tcp)
    let relay = try relay(.tcp, which, to: try target.port())
    let port = try relay.listening()
    let client = try Line(to: port, .tcp)
    let server = try target.accept()
    for number in 0..<200 {
      try client.send([UInt8(number)])
      #expect(try server.receive(exactly: 1) == [UInt8(number)])
      try server.send([UInt8(number), 1])
      #expect(try client.receive(exactly: 2) == [UInt8(number), 1])
    }
    // More than fits into all the buffers on the way, to somebody who does not listen; the way back and others go on.
    let talk = Talk(client, saying: [UInt8](repeating: 5, count: 40_000_000))
    talk.isDeaf = true
    try Talk.run([talk], milliseconds: 300)
    #expect(!talk.hasSaidAll)
    try server.send([9])
    #expect(try client.receive(exactly: 1) == [9])
    let other = try Line(to: port, .tcp)
    let otherServer = try target.accept()
    try other.send([7])
    #expect(try otherServer.receive(exactly: 1) == [7])
    // The relay does not spin meanwhile.
    let before = try Clock.cpuTime(of: relay.child.pid)
    try Talk.run([talk], milliseconds: 300)
    #expect(try Clock.cpuTime(of: relay.child.pid) - before < 100 * milliseconds)
    talk.isDeaf = false
    let listener = Talk(server, saying: [])
    try Talk.run([talk, listener])
    #expect(listener.heard == talk.said)
    #expect(try relay.stop().echoed >= 400)
  }

  @Test("ends a connection for both when one breaks it off, and serves others on")
  func reset() throws {
    let which = Case(wait: .block, front: loopback, back: loopback)
    let target = try Line(listening: .tcp)
    let relay = try relay(.tcp, which, to: try target.port())
    let port = try relay.listening()
    let before = try sockets(of: relay)
    for isClient in [true, false, true] {
      let client = try Line(to: port, .tcp)
      let server = try target.accept()
      try client.send([1, 2, 3])
      #expect(try server.receive(exactly: 3) == [1, 2, 3])
      try (isClient ? client : server).reset()
      #expect(throws: SystemError(call: "recv", code: ECONNRESET)) { try (isClient ? server : client).receive() }
    }
    let client = try Line(to: port, .tcp)
    let server = try target.accept()
    try client.send([4])
    #expect(try server.receive(exactly: 1) == [4])
    // Both sockets of each are closed; pipes are kept for later.
    #expect(try sockets(of: relay) == before + 2)
    _ = try relay.stop()
  }

  private func sockets(of worker: WorkerProcess) throws -> Int {
    var count = 0
    let path = "/proc/\(worker.child.pid)/fd"
    let directory = try #require(opendir(path))
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      var target = [CChar](repeating: 0, count: 64)
      let length = readlink("\(path)/\(name)", &target, target.count)
      if target.prefix(max(0, length)).map({ UInt8(bitPattern: $0) }).starts(with: "socket:".utf8) { count += 1 }
    }
    return count
  }

  @Test("closes what comes for a target that refuses")
  func refused() throws {
    let which = Case(wait: .block, front: loopback, back: loopback)
    let targetPort = try { try Line(listening: .tcp).port() }()
    let relay = try relay(.tcp, which, to: targetPort)
    let port = try relay.listening()
    let before = try sockets(of: relay)
    for _ in 0..<20 {
      let client = try Line(to: port, .tcp)
      #expect(try client.receiveOrReset() == [])
    }
    // The last one's second socket may be about to be closed.
    #expect(try sockets(of: relay) <= before + 1)
    #expect(try relay.stop() == ServerResult())
  }

  @Test("makes and ends a thousand connections, and leaves none of them in TIME_WAIT")
  func connectionsInSequence() throws {
    let which = Case(wait: .block, front: loopback, back: loopback)
    let target = try Line(listening: .tcp)
    let targetPort = try target.port()
    let relay = try relay(.tcp, which, to: targetPort)
    let port = try relay.listening()
    let before = try connectionsInTimeWait(port, targetPort)
    for number in 0..<1000 {
      let client = try Line(to: port, .tcp)
      let server = try target.accept()
      let byte = UInt8(number % 251)
      try client.send([byte])
      #expect(try server.receive(exactly: 1) == [byte])
      try server.send([byte])
      #expect(try client.receive(exactly: 1) == [byte])
      try client.reset()
      #expect(throws: SystemError(call: "recv", code: ECONNRESET)) { try server.receive() }
    }
    #expect(try relay.stop().echoed == 2000)
    #expect(try connectionsInTimeWait(port, targetPort).subtracting(before) == [])
  }

  @Test("carries the datagrams of three clients, each to the one that asked", arguments: Case.all)
  func datagrams(which: Case) throws {
    let target = try Line(listening: .udp, which.back)
    let relay = try relay(.udp, which, to: try target.port())
    let port = try relay.listening()
    let clients = try (0..<3).map { _ in try Line(to: port, .udp, which.front) }
    var random = SeededNumbers(5)
    var ports: [Int: UInt16] = [:]
    for round in 0..<100 {
      let longest = round == 99 ? 65_000 : 1472
      let requests = clients.map { _ in bytes(Int.random(in: 0...longest, using: &random), &random) }
      for (client, request) in zip(clients, requests) { try client.send(request) }
      for (number, request) in requests.enumerated() {
        let (received, from) = try target.receiveFrom()
        #expect(received == request)
        // One flow for each client, and the same for all its datagrams.
        #expect(ports[number, default: from] == from)
        ports[number] = from
        try target.send(received.reversed(), to: from, which.back)
      }
      for (client, request) in zip(clients, requests) { #expect(try client.receive() == request.reversed()) }
    }
    #expect(Set(ports.values).count == 3)
    #expect(try relay.stop().echoed == 600)
  }

  @Test("gives the flow that was silent longest up for a new one, and outlives a target that refuses")
  func flows() throws {
    let which = Case(wait: .block, front: loopback, back: loopback)
    var target: Line? = try Line(listening: .udp)
    let targetPort = try #require(try target?.port())
    let relay = try relay(.udp, which, to: targetPort)
    let port = try relay.listening()
    let initially = try sockets(of: relay)
    let first = try Line(to: port, .udp)
    try first.send([1])
    let before = try #require(try target?.receiveFrom().port)
    for number in 0..<600 {
      let client = try Line(to: port, .udp)
      try client.send([UInt8(number % 251)])
      #expect(try target?.receive() == [UInt8(number % 251)])
    }
    #expect(try sockets(of: relay) == initially + 512)
    // It comes back as a new flow, and works.
    try first.send([2])
    let (bytes, after) = try #require(try target?.receiveFrom())
    #expect(bytes == [2])
    try target?.send([3], to: after, loopback)
    #expect(try first.receive() == [3])
    #expect(after != before)
    target = nil
    for _ in 0..<3 { try first.send([4]) }
    #expect(try relay.stop().echoed >= 603)
  }

  @Test("says why it cannot begin")
  func failures() throws {
    var settings = configuration(.relay, .tcp)
    settings.targetAddress = "nowhere"
    #expect(try WorkerProcess(settings).failure() == "inet_pton nowhere: Invalid argument")
    let taken = try Line(listening: .tcp)
    settings.targetAddress = loopback
    settings.port = try taken.port()
    #expect(try WorkerProcess(settings).failure() == "bind 127.0.0.1:\(settings.port): Address already in use")
  }

  @Test("carries a stream's bytes all", arguments: [WorkerConfiguration.Transport.udp, .tcp])
  func stream(transport: WorkerConfiguration.Transport) throws {
    let (sent, stopped) = try withGrowingWindow(from: 50 * milliseconds) {
      try stream(transport, window: $0)
    } until: { _, stopped in
      // Datagrams are lost for as long as other work keeps the relay or the server from their CPUs.
      transport == .tcp || stopped.windowMessages > 0
    }
    switch transport {
    case .tcp: #expect(stopped.windowBytes == sent * 1448)
    case .udp: #expect(stopped.windowMessages > 0 && stopped.windowMessages <= sent)
    }
  }

  private func stream(
    _ transport: WorkerConfiguration.Transport, window: UInt64
  ) throws -> (sent: UInt64, stopped: ServerResult) {
    var settings = configuration(.server, transport, .block, size: 1448)
    settings.loop = .stream
    let server = try WorkerProcess(settings)
    let which = Case(wait: .block, front: loopback, back: loopback)
    let relay = try relay(transport, which, to: try server.listening())
    settings = configuration(.client, transport, .block, size: 1448, port: try relay.listening(), window: window)
    settings.loop = .stream
    let (result, _) = try WorkerProcess(settings).measure()
    let carried = try relay.stop()
    let stopped = try server.stop()
    #expect(result.sent > 0 && carried.echoed > 0 && stopped.foreign == 0)
    return (result.sent, stopped)
  }

  private func relay(
    _ transport: WorkerConfiguration.Transport, _ which: Case, to port: UInt16
  ) throws -> WorkerProcess {
    var settings = configuration(.relay, transport, which.wait)
    settings.address = which.front
    settings.targetAddress = which.back
    settings.targetPort = port
    return try WorkerProcess(settings)
  }

  private func bytes(_ count: Int, _ random: inout SeededNumbers) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes += $0 } }
    return Array(bytes.prefix(count))
  }
}

/// One end of a connection that says something and listens at the same time.
private final class Talk {
  let line: Line
  let said: [UInt8]
  var expected: [UInt8] = []
  private(set) var heard: [UInt8] = []
  /// Whether it begins only when the other has ended.
  var listensFirst = false
  /// Whether it leaves alone what it could hear.
  var isDeaf = false
  private var done = 0
  private var hasEnded = false
  private var hasHeardAll = false

  init(_ line: Line, saying said: [UInt8]) {
    self.line = line
    self.said = said
  }

  var hasSaidAll: Bool { done == said.count }

  /// Lets all of them talk until all have said and heard everything, or for so long.
  static func run(_ talks: [Talk], milliseconds limit: UInt64? = nil) throws {
    let deadline = limit.map { Clock.monotonic() + $0 * milliseconds } ?? farDeadline()
    var buffer = [UInt8](repeating: 0, count: 200_000)
    while true {
      let open = talks.filter { !($0.hasEnded && $0.hasHeardAll) }
      if open.isEmpty { return }
      let now = Clock.monotonic()
      if now >= deadline {
        if limit != nil { return }
        throw TestFailure(description: "\(open.count) of \(talks.count) have not come to an end")
      }
      var entries = open.map { talk in
        let speaks = !talk.hasEnded && (!talk.listensFirst || talk.hasHeardAll)
        let events = (speaks ? POLLOUT : 0) | (talk.hasHeardAll || talk.isDeaf ? 0 : POLLIN)
        return pollfd(fd: talk.line.fd, events: Int16(events), revents: 0)
      }
      poll(&entries, nfds_t(entries.count), Int32((deadline - now) / milliseconds + 1))
      for (talk, entry) in zip(open, entries) {
        if entry.revents & Int16(POLLOUT) != 0 { try talk.speak() }
        if entry.revents & Int16(POLLIN) != 0 { try talk.listen(&buffer) }
      }
    }
  }

  private func speak() throws {
    if !hasSaidAll {
      let count = said.withUnsafeBytes {
        send(line.fd, $0.baseAddress?.advanced(by: done), $0.count - done, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      if count < 0 && errno != EAGAIN { throw SystemError(call: "send", code: errno) }
      done += max(0, count)
    }
    if hasSaidAll {
      try line.endSending()
      hasEnded = true
    }
  }

  private func listen(_ buffer: inout [UInt8]) throws {
    let count = recv(line.fd, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count < 0 && errno != EAGAIN { throw SystemError(call: "recv", code: errno) }
    if count > 0 { heard += buffer[..<count] }
    if count == 0 { hasHeardAll = true }
  }
}
