import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// As ``WindowTests``, for the loop that connects anew for each request; and the ports that it takes.
@Suite("Within the window of connections", .serialized)
struct ConnectionWindowTests {
  private func settings(
    _ role: WorkerConfiguration.Role, _ wait: WorkerConfiguration.Wait, port: UInt16 = 0,
    window: UInt64 = 100 * milliseconds
  ) throws -> WorkerConfiguration {
    let cpus = try CPUSet.current()
    var settings = configuration(role, .tcp, wait, port: port, window: window)
    settings.loop = .crr
    // Two that spin on one CPU would exchange a message per time slice.
    settings.cpu = role == .client ? cpus.first : cpus.last
    return settings
  }

  /// A worker under another program.
  private func worker(_ under: [String], _ settings: WorkerConfiguration) throws -> WorkerProcess {
    let worker = WorkerProcess(
      running: try ChildProcess(
        executable: "/usr/bin/env", arguments: under + [try WorkerProcess.path()],
        environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
    try worker.send(.configure(settings))
    return worker
  }

  @Test(
    "the client asks the kernel for what a transaction takes, and nothing else", .requiresProgram("strace"),
    arguments: [WorkerConfiguration.Wait.spin, .block])
  func systemCalls(wait: WorkerConfiguration.Wait) throws {
    let log = "/tmp/bench-test-" + String(UInt64.random(in: .min ... .max), radix: 36)
    defer { unlink(log) }
    let result = try withGrowingWindow(from: 100 * milliseconds) { window in
      let server = try WorkerProcess(try settings(.server, wait))
      let client = try worker(
        ["strace", "-o", log, "-e", "signal=none", "-e", "trace=all", "-s", "8"],
        try settings(.client, wait, port: try server.listening(), window: window))
      let (result, _) = try client.measure()
      _ = try server.stop()
      return result
    } until: {
      $0.samples > 3
    }
    #expect(result.samples > 3)
    let calls = try SmallFile.text(log).split(separator: "\n").filter { $0.first?.isLetter == true }
      .map { String($0.prefix { $0 != "(" }) }
    let start = try #require(calls.lastIndex(of: "read"))
    let end = try #require(calls[start...].firstIndex(of: "write"))
    var window = calls[start..<end].drop { $0 != "socket" }
    window = window[...(try #require(window.lastIndex(of: "close")))]
    // Polls and reads are as many as it takes; a connection may be there at once, or be waited for.
    let options = [String](repeating: "setsockopt", count: wait == .spin ? 2 : 4)
    let shortest = ["socket"] + options + ["connect", "sendto", "recvfrom", "close"]
    let transactions = window.split(separator: "socket").map { transaction in
      var calls: [String] = ["socket"]
      for call in transaction where call != "poll" && call != "getsockopt" && call != calls.last { calls.append(call) }
      return calls
    }
    let expected = shortest.enumerated().filter { $0.offset == 0 || $0.element != shortest[$0.offset - 1] }
    #expect(transactions.allSatisfy { $0 == expected.map(\.element) })
    #expect(window.count(where: { $0 == "setsockopt" }) == options.count * result.samples)
    #expect(window.count(where: { $0 == "connect" }) == result.samples)
    #expect(wait == .spin || !window.contains("poll"))
    let seen = transactions.count
    #expect(seen == result.samples)
  }

  @Test(
    "nothing is allocated and nothing retained: a long one has as many calls as a short one",
    .requiresProgram("valgrind"), arguments: [WorkerConfiguration.Wait.spin, .block], ["malloc", "swift_retain"])
  func calls(wait: WorkerConfiguration.Wait, function: String) throws {
    func count(_ worker: WorkerProcess) throws -> Int {
      let text = worker.child.standardError()
      let line = try #require(text.split(separator: "\n").first { $0.contains(" calls to \(function)()") }, "\(text)")
      return try #require(Int(line.drop { $0 != "C" }.split(separator: " ")[1].filter(\.isNumber)), "\(line)")
    }
    func measure(window: UInt64) throws -> (samples: Int, client: Int, server: Int) {
      let watch = ["valgrind", "--tool=lackey", "--fnname=\(function)"]
      let server = try worker(watch, try settings(.server, wait))
      let client = try worker(watch, try settings(.client, wait, port: try server.listening(), window: window))
      let (result, _) = try client.measure()
      _ = try server.stop()
      return (result.samples, try count(client), try count(server))
    }
    let short = try measure(window: milliseconds)
    let long = try withGrowingWindow(from: 300 * milliseconds) {
      try measure(window: $0)
    } until: {
      $0.samples >= short.samples + 400
    }
    let more = long.samples - short.samples
    try #require(more >= 400)
    // Telling the result takes some text, which may have a digit more or less.
    #expect(long.client - short.client < more / 10, "\(short) \(long)")
    #expect(long.server - short.server < more / 10, "\(short) \(long)")
    // Else nothing was counted at all.
    #expect(short.client > 10 && short.server > 10, "\(short) \(long)")
  }

  /// The sockets of the caller's namespace in a state of TCP (include/net/tcp_states.h) that have `port` at either end.
  private func sockets(port: UInt16, state: String, of pid: Int32) throws -> [Substring] {
    let digits = String(port, radix: 16, uppercase: true)
    let suffix = ":" + String(repeating: "0", count: 4 - digits.count) + digits
    return try SmallFile.text("/proc/\(pid)/net/tcp").split(separator: "\n").dropFirst().filter { line in
      let words = line.split(separator: " ")
      return words.count > 3 && words[3] == state && (words[1].hasSuffix(suffix) || words[2].hasSuffix(suffix))
    }
  }

  /// Calls `body` with what puts a worker into a fresh namespace whose only port for clients is 40 000.
  private func withOnePort(_ body: ([String]) throws -> Void) throws {
    try withNamespaces(1) { namespaces in
      let script = """
        ip link set lo up && echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range && exec "$0"
        """
      try body(["nsenter", "--net=\(namespaces[0].path)", "sh", "-c", script])
    }
  }

  @Test(
    "a single port is enough for thousands of connections, and none stays in TIME_WAIT", .requiresNetworkNamespaces,
    .requiresProgram("nsenter"), arguments: [WorkerConfiguration.Wait.spin, .block])
  func onePort(wait: WorkerConfiguration.Wait) throws {
    try withOnePort { under in
      let server = try worker(under, try settings(.server, wait, port: 900))
      #expect(try server.listening() == 900)
      var client = try settings(.client, wait, port: 900)
      client.countedOperations = 3000
      let process = try worker(under, client)
      try process.ready()
      try process.send(.start)
      #expect(try process.result().result.samples > 0)
      try process.send(.count)
      #expect(try process.receive() == .counted(operations: 3000))
      #expect(try sockets(port: 900, state: "06", of: server.child.pid) == [])
      // Else these would be the sockets of somewhere else.
      #expect(try sockets(port: 900, state: "0A", of: server.child.pid).count == 1)
      #expect(try server.stop().foreign == 0)
    }
  }

  @Test("a client without a port says so, and what to do", .requiresNetworkNamespaces, .requiresProgram("nsenter"))
  func noPort() throws {
    try withOnePort { under in
      let server = try worker(under, try settings(.server, .block, port: 900))
      _ = try server.listening()
      let holder = try worker(under, configuration(.server, .tcp, .block, port: 40_000))
      _ = try holder.listening()
      let reason = try worker(under, try settings(.client, .block, port: 900)).failure()
      #expect(reason.hasPrefix("connect 127.0.0.1:900: no local address with a free port: wait for a minute if "))
      _ = try server.stop()
      _ = try holder.stop()
    }
  }

  /// A listener with room for one connection, which is taken by the other: what else asks for one gets no answer.
  private func fullListener() throws -> (listener: Line, first: Line) {
    let listener = try Line(listening: .tcp)
    try systemCall("listen") { listen(listener.fd, 0) }
    let first = try Line(to: try listener.port(), .tcp)
    // On a busy machine the connection may stand before the listener has it in its queue; until then another gets in.
    var queue = pollfd(fd: listener.fd, events: Int16(POLLIN), revents: 0)
    #expect(poll(&queue, 1, 5_000) == 1)
    return (listener, first)
  }

  @Test("a server that lets nobody in is not waited for for ever", arguments: [WorkerConfiguration.Wait.spin, .block])
  func notAccepted(wait: WorkerConfiguration.Wait) throws {
    let (listener, first) = try fullListener()
    let port = try listener.port()
    var settings = try settings(.client, wait, port: port)
    settings.timeoutNanoseconds = 50 * milliseconds
    let reason = try reason(of: ConnectionClient(settings))
    #expect(reason.hasPrefix("connect 127.0.0.1:\(port): no answer within 50 ms: see "), "\(reason)")
    withExtendedLifetime((listener, first)) {}
  }

  @Test("a signal does not end the wait for a connection", arguments: [WorkerConfiguration.Wait.spin, .block])
  func interrupted(wait: WorkerConfiguration.Wait) throws {
    let (listener, first) = try fullListener()
    let port = try listener.port()
    var settings = try settings(.client, wait, port: port)
    settings.timeoutNanoseconds = 800 * milliseconds
    let worker = try WorkerProcess(settings)
    // In the midst of connect(2), which has a time-out: for such a call it is an interruption to be stopped (signal(7)).
    for signal in [SIGSTOP, SIGCONT, SIGSTOP, SIGCONT] {
      usleep(100_000)
      try systemCall("kill") { kill(worker.child.pid, signal) }
    }
    let reason = try worker.failure()
    #expect(reason.hasPrefix("connect 127.0.0.1:\(port): no answer within 800 ms: see "), "\(reason)")
    withExtendedLifetime((listener, first)) {}
  }

  @Test(
    "a server that resets, stalls or stops within its reply is told of",
    arguments: [WorkerConfiguration.Wait.spin, .block])
  func broken(wait: WorkerConfiguration.Wait) throws {
    func failure(
      timeout: UInt64 = 10_000 * milliseconds, _ handle: @escaping @Sendable (Peer) throws -> Void
    ) throws -> String {
      let peer = try Peer(.tcp)
      let port = try peer.bind()
      let server = Background { try handle(try peer.accept()) }
      var settings = try settings(.client, wait, port: port)
      settings.timeoutNanoseconds = timeout
      let reason = try reason(of: ConnectionClient(settings))
      try server.value()
      let name = "127.0.0.1:\(port)"
      return reason.replacing(name, with: "SERVER")
    }
    // Closed with the request unread, or with half a reply sent.
    #expect(try failure { try $0.waitForInput() } == "receive SERVER: Connection reset by peer")
    #expect(
      try failure { try $0.send(Array(reply(to: try $0.receive()).prefix(40))) }
        == "SERVER closed the connection before the whole reply had come")
    for part in [0, 40] {
      let reason = try failure(timeout: 400 * milliseconds) { connection in
        let request = try connection.receive()
        if part > 0 { try connection.send(Array(reply(to: request).prefix(part))) }
        // Until the client has gone, which it does by a reset.
        #expect(throws: SystemError.self) { while try !connection.receive().isEmpty {} }
      }
      #expect(reason == "SERVER did not answer within 400 ms")
    }
    #expect(
      try failure { try $0.send(try $0.receive()) } == "SERVER sent a reply that is none to the request")
  }

  @Test("a proxy that makes an orderly close of a reset is left with nothing in TIME_WAIT")
  func orderlyProxy() throws {
    let server = try WorkerProcess(try settings(.server, .block))
    let port = try server.listening()
    let before = try connectionsInTimeWait(port)
    let line = try Line(to: port, .tcp)
    try line.send(header(size: 64))
    #expect(try line.receive(exactly: 64) == reply(to: header(size: 64)))
    try line.endSending()
    // The reset that follows is what ends the half that is still open: nothing more comes, and no end either.
    #expect(throws: SystemError(call: "recv", code: ECONNRESET)) { try line.receive() }
    #expect(try connectionsInTimeWait(port).subtracting(before) == [])
    #expect(try server.stop().echoed == 1)
  }
}
