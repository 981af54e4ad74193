import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol
import Workloads

/// As ``WindowTests``, for the loops with many requests in flight.
@Suite("Within the window of many requests", .serialized)
struct ConcurrentWindowTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var loop = WorkerConfiguration.Loop.rr
    var transport = WorkerConfiguration.Transport.tcp
    var wait = WorkerConfiguration.Wait.spin
    var framing = WorkerConfiguration.Framing.none
    var concurrency: Int
    /// What the client may ask the kernel for.
    var calls: [String]
    var testDescription: String { "\(loop) \(transport) \(wait) framing \(framing) ×\(concurrency)" }

    static let all: [Case] = [
      Case(concurrency: 3, calls: ["sendto(", "recvfrom("]),
      Case(wait: .block, framing: .http, concurrency: 3, calls: ["sendto(", "recvfrom(", "epoll_wait("]),
      Case(transport: .udp, concurrency: 9, calls: ["sendto(", "recvfrom(", "epoll_wait("]),
      Case(loop: .open, transport: .udp, wait: .block, concurrency: 1, calls: ["sendto(", "recvfrom(", "ppoll("]),
      Case(loop: .open, framing: .http, concurrency: 6, calls: ["sendto(", "recvfrom(", "epoll_wait("]),
    ]

    func settings(
      _ role: WorkerConfiguration.Role, port: UInt16 = 0, window: UInt64 = 100 * milliseconds, rate: UInt64 = 500
    ) -> WorkerConfiguration {
      var settings = configuration(role, transport, wait, port: port, window: window)
      settings.loop = loop
      settings.framing = framing
      settings.concurrency = concurrency
      settings.rate = loop == .open ? rate : 0
      return settings
    }
  }

  /// A worker under another program that watches it.
  private func watched(_ by: [String], _ settings: WorkerConfiguration) throws -> WorkerProcess {
    let worker = WorkerProcess(
      running: try ChildProcess(
        executable: "/usr/bin/env", arguments: by + [try WorkerProcess.path()],
        environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
    try worker.send(.configure(settings))
    return worker
  }

  private func measure(_ client: WorkerProcess, _ loop: WorkerConfiguration.Loop) throws -> ClientResult {
    if loop != .open { return try client.measure().result }
    try client.ready()
    try client.send(.start)
    return try client.openResult().result
  }

  @Test(
    "the client asks the kernel for nothing but to send, to receive and to wait", .requiresProgram("strace"),
    arguments: Case.all)
  func systemCalls(which: Case) throws {
    let log = "/tmp/bench-test-" + String(UInt64.random(in: .min ... .max), radix: 36)
    defer { unlink(log) }
    let sleeps = which.calls.contains("ppoll(")
    let (result, calls) = try withGrowingWindow(from: 100 * milliseconds) { window in
      let server = try WorkerProcess(which.settings(.server))
      let client = try watched(
        ["strace", "-o", log, "-e", "signal=none", "-e", "trace=all", "-s", "8"],
        which.settings(.client, port: try server.listening(), window: window))
      let result = try measure(client, which.loop)
      _ = try server.stop()
      return (result, try SmallFile.text(log).split(separator: "\n").filter { $0.first?.isLetter == true })
    } until: { result, calls in
      // A client that is always late has no time to sleep before its last request.
      let lastRequest = calls.lastIndex { $0.hasPrefix("sendto(") } ?? 0
      return result.samples > 10 && (!sleeps || calls[..<lastRequest].contains { $0.hasPrefix("ppoll(") })
    }
    #expect(result.samples > 10)
    // The window lies between the line that starts it and the one with its result.
    let start = try #require(calls.lastIndex { $0.hasPrefix("read(0,") })
    let end = try #require(calls[start...].firstIndex { $0.hasPrefix("write(1,") })
    func isAllowed(_ call: Substring) -> Bool { which.calls.contains { call.hasPrefix($0) } }
    let first = try #require(calls[start..<end].firstIndex(where: isAllowed))
    let last = try #require(calls[start..<end].lastIndex(where: isAllowed))
    // Behind its last request an open loop has nothing to be in time for: it sleeps, also one that spins, where the last
    // replies are long in coming.
    let lastRequest = try #require(calls[start..<end].lastIndex { $0.hasPrefix("sendto(") })
    func isSleep(_ call: Substring) -> Bool { call.hasPrefix("ppoll(") }
    #expect(calls[first...lastRequest].filter { !isAllowed($0) } == [])
    #expect(calls[lastRequest...last].filter { !isAllowed($0) && !(which.loop == .open && isSleep($0)) } == [])
    for name in which.calls where name != "ppoll(" {
      #expect(calls[first...last].filter { $0.hasPrefix(name) }.count >= result.samples / which.concurrency)
    }
    #expect(sleeps == calls[first...lastRequest].contains(where: isSleep))
  }

  @Test(
    "nothing is allocated and nothing retained, by client or server: a long one has as many calls as a short one",
    .requiresProgram("valgrind"), arguments: Case.all, ["malloc", "swift_retain"])
  func calls(which: Case, function: String) throws {
    func count(_ worker: WorkerProcess) throws -> Int {
      let text = worker.child.standardError()
      let line = try #require(text.split(separator: "\n").first { $0.contains(" calls to \(function)()") }, "\(text)")
      return try #require(Int(line.drop { $0 != "C" }.split(separator: " ")[1].filter(\.isNumber)), "\(line)")
    }
    func measure(window: UInt64) throws -> (samples: Int, client: Int, server: Int) {
      let watch = ["valgrind", "--tool=lackey", "--fnname=\(function)"]
      let server = try watched(watch, which.settings(.server))
      let client = try watched(watch, which.settings(.client, port: try server.listening(), window: window))
      let result = try self.measure(client, which.loop)
      _ = try server.stop()
      return (result.samples, try count(client), try count(server))
    }
    let short = try measure(window: 5 * milliseconds)
    let long = try withGrowingWindow(from: 1000 * milliseconds) {
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
}
