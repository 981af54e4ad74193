import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

/// Other programs watch the worker: one sees what it asks the kernel for between the first and the last message of its
/// window, the other counts the calls that stay in user space, where allocator and reference counts are.
@Suite("Within the window", .serialized)
struct WindowTests {
  /// The system calls of one process, in order, each with its arguments.
  private func calls(of log: String) throws -> [Substring] {
    try SmallFile.text(log).split(separator: "\n").filter { $0.first?.isLetter == true }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let transport: WorkerConfiguration.Transport
    let wait: WorkerConfiguration.Wait
    let stampEvery: UInt64
    var testDescription: String { "\(transport) \(wait), stamps of one in \(stampEvery)" }

    static let all: [Case] = [WorkerConfiguration.Transport.udp, .tcp].flatMap { transport in
      [WorkerConfiguration.Wait.spin, .block].flatMap { wait in
        [0, 1].map { Case(transport: transport, wait: wait, stampEvery: $0) }
      }
    }
  }

  @Test(
    "the worker asks the kernel for nothing but to send and to receive, stamps or none", .requiresProgram("strace"),
    arguments: Case.all)
  func systemCalls(which: Case) throws {
    try withTraces { serverLog, clientLog in
      func traced(_ log: String, _ settings: WorkerConfiguration) throws -> WorkerProcess {
        let worker = WorkerProcess(
          running: try ChildProcess(
            executable: "/usr/bin/env",
            arguments: [
              "strace", "-o", log, "-e", "signal=none", "-e", "trace=all", "-s", "8", try WorkerProcess.path(),
            ],
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
        var settings = settings
        settings.stampEvery = which.stampEvery
        try worker.send(.configure(settings))
        return worker
      }
      let server = try traced(serverLog, configuration(.server, which.transport, which.wait))
      let client = try traced(
        clientLog,
        configuration(
          .client, which.transport, which.wait, port: try server.listening(), window: 100 * milliseconds))
      let (result, _, stamps) = try client.measureStamped()
      #expect(stamps.count == (which.stampEvery == 0 ? 0 : result.samples))
      // SIGTERM is for the worker; the tracer ends with it.
      _ = try server.stopTraced()

      let allowed = ["sendto(", "recvfrom("]
      // The client's window lies between the line that starts it and the one with its result.
      let clientCalls = try calls(of: clientLog)
      let start = try #require(clientCalls.lastIndex { $0.hasPrefix("read(0,") })
      let end = try #require(clientCalls[start...].firstIndex { $0.hasPrefix("write(1,") })
      try check(clientCalls[start..<end], allowed, atLeast: result.samples)
      // The server has no other window than its whole service.
      let serverCalls = try calls(of: serverLog)
      try check(serverCalls[...], allowed, atLeast: result.samples)
    }
  }

  /// From the first message to the last there are only calls of `allowed`, `count` times each at the least.
  private func check(_ calls: ArraySlice<Substring>, _ allowed: [String], atLeast count: Int) throws {
    func isAllowed(_ call: Substring) -> Bool { allowed.contains { call.hasPrefix($0) } }
    let first = try #require(calls.firstIndex(where: isAllowed))
    let last = try #require(calls.lastIndex(where: isAllowed))
    let window = calls[first...last]
    #expect(window.filter { !isAllowed($0) } == [])
    for name in allowed { #expect(window.filter { $0.hasPrefix(name) }.count >= count) }
  }

  private func withTraces(_ body: (String, String) throws -> Void) throws {
    let base = "/tmp/bench-test-" + String(UInt64.random(in: .min ... .max), radix: 36)
    let paths = ["\(base)-server", "\(base)-client"]
    defer { paths.forEach { unlink($0) } }
    try body(paths[0], paths[1])
  }

  struct Count: Sendable, CustomTestStringConvertible {
    let function: String
    let transport: WorkerConfiguration.Transport
    let wait: WorkerConfiguration.Wait
    var stampEvery: UInt64 = 0
    var testDescription: String { "\(function) \(transport) \(wait) \(stampEvery)" }
  }

  /// Counted by a simulated CPU, on which the worker's own code runs as it is, library and all: it is one static file.
  @Test(
    "nothing is allocated and nothing retained: a long one has as many calls as a short one",
    .requiresProgram("valgrind"),
    arguments: [
      Count(function: "malloc", transport: .udp, wait: .block), Count(function: "malloc", transport: .tcp, wait: .spin),
      Count(function: "swift_retain", transport: .udp, wait: .spin),
      Count(function: "swift_retain", transport: .tcp, wait: .block),
      Count(function: "malloc", transport: .tcp, wait: .block, stampEvery: 1),
      Count(function: "swift_retain", transport: .udp, wait: .block, stampEvery: 1),
    ])
  func calls(what: Count) throws {
    func measure(window: UInt64) throws -> (samples: Int, client: Int, server: Int) {
      func counted(_ settings: WorkerConfiguration) throws -> WorkerProcess {
        let worker = WorkerProcess(
          running: try ChildProcess(
            executable: "/usr/bin/env",
            arguments: ["valgrind", "--tool=lackey", "--fnname=\(what.function)", try WorkerProcess.path()],
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
        var settings = settings
        settings.stampEvery = what.stampEvery
        try worker.send(.configure(settings))
        return worker
      }
      let server = try counted(configuration(.server, what.transport, what.wait))
      let client = try counted(
        configuration(.client, what.transport, what.wait, port: try server.listening(), window: window))
      let (result, _, _) = try client.measureStamped()
      _ = try server.stopStamped()
      return (result.samples, try count(client), try count(server))
    }
    func count(_ worker: WorkerProcess) throws -> Int {
      let text = worker.child.standardError()
      let line = try #require(
        text.split(separator: "\n").first { $0.contains(" calls to \(what.function)()") }, "\(text)")
      return try #require(Int(line.drop { $0 != "C" }.split(separator: " ")[1].filter(\.isNumber)), "\(line)")
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
}

extension WorkerProcess {
  /// Stops a worker that is a tracer's child, by its number: a tracer passes no signal on. Over TCP it has ended itself
  /// when its client was gone.
  func stopTraced() throws -> ServerResult {
    let children = try SmallFile.text("/proc/\(child.pid)/task/\(child.pid)/children").split(separator: " ")
    if let worker = children.first.flatMap({ Int32($0) }) { kill(worker, SIGTERM) }
    let message = try receive()
    guard case .stopped(let result) = message else { throw TestFailure(description: "expected 'stopped': \(message)") }
    _ = try child.readBytes(result.stamps * RequestStamps.encodedSize, deadline: farDeadline())
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
    return result
  }
}
