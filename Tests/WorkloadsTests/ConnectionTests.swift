import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// One conversation after the other: a spinning pair takes two CPUs.
@Suite("Connect, request, reply, close", .serialized)
struct ConnectionTests {
  private func settings(
    _ role: WorkerConfiguration.Role, _ wait: WorkerConfiguration.Wait = .block, port: UInt16 = 0, size: Int = 64,
    replySize: Int = 64, address: String = loopback
  ) -> WorkerConfiguration {
    var settings = configuration(role, .tcp, wait, size: size, port: port)
    settings.loop = .crr
    settings.replySize = replySize
    settings.address = address
    return settings
  }

  @Test(
    "is timed again and again, and counted", arguments: [WorkerConfiguration.Wait.spin, .block],
    [(64, 64), (1, 1), (24, 20_000), (65_000, 3)])
  func transactions(wait: WorkerConfiguration.Wait, sizes: (request: Int, reply: Int)) throws {
    for address in [loopback, "::1"] { try transactions(wait, sizes, address) }
  }

  private func transactions(
    _ wait: WorkerConfiguration.Wait, _ sizes: (request: Int, reply: Int), _ address: String
  ) throws {
    let server = try WorkerProcess(
      settings(.server, wait, size: sizes.request, replySize: sizes.reply, address: address))
    var client = settings(
      .client, wait, port: try server.listening(), size: sizes.request, replySize: sizes.reply, address: address)
    client.countedOperations = 50
    let worker = try WorkerProcess(client)
    try worker.ready()
    try worker.send(.start)
    let (result, samples, _) = try worker.result()
    try worker.send(.count)
    #expect(try worker.receive() == .counted(operations: 50))
    #expect(try worker.child.waitForExit(deadline: farDeadline()) == .exited(0))
    let stopped = try server.stop()
    #expect(result.samples > 0 && result.sent == UInt64(result.samples) && result.lost == 0)
    #expect(samples.allSatisfy { $0 > 1000 } && result.windowNanoseconds >= 50 * milliseconds)
    #expect(result.cpuNanoseconds > 0)
    // The warm-up's, the window's, and those for counting.
    #expect(stopped.echoed >= result.sent + 50 && stopped.foreign == 0)
  }

  @Test("leaves nothing in TIME_WAIT, however many there were")
  func noHeap() throws {
    let server = try WorkerProcess(settings(.server))
    let port = try server.listening()
    let before = try connectionsInTimeWait(port)
    var client = settings(.client, port: port)
    client.countedOperations = 40_000
    let worker = try WorkerProcess(client)
    try worker.ready()
    try worker.send(.start)
    _ = try worker.result()
    try worker.send(.count)
    // More than an address has ports.
    #expect(try worker.receive() == .counted(operations: 40_000))
    #expect(try worker.child.waitForExit(deadline: farDeadline()) == .exited(0))
    _ = try server.stop()
    #expect(try connectionsInTimeWait(port).subtracting(before) == [])
  }

  @Test("fails in words where nobody listens, or the server is none")
  func failures() throws {
    let refused = try WorkerProcess(settings(.client, port: try Line(listening: .udp).port()))
    #expect(try refused.failure().hasSuffix("Connection refused"))

    for (answer, reason) in [
      ([UInt8](), "closed the connection before the whole reply had come"),
      ([UInt8](repeating: 1, count: 64), "sent a reply that is none to the request"),
    ] {
      let listener = try Line(listening: .tcp)
      let port = try listener.port()
      let client = try WorkerProcess(settings(.client, port: port))
      let connection = try listener.accept()
      _ = try connection.receive(exactly: 64)
      if !answer.isEmpty { try connection.send(answer) }
      // A client that has seen enough is gone already.
      try? connection.endSending()
      #expect(try client.failure() == "127.0.0.1:\(port) \(reason)")
    }
  }

  @Test("is served to those who behave, whatever others do")
  func badClients() throws {
    let server = try WorkerProcess(settings(.server))
    let port = try server.listening()
    for bytes in [[], [1, 2, 3], [UInt8](repeating: 9, count: 64)] {
      let line = try Line(to: port, .tcp)
      if !bytes.isEmpty { try line.send(bytes) }
    }
    let (result, _) = try WorkerProcess(settings(.client, port: port)).measure()
    #expect(result.samples > 0)
    #expect(try server.stop().foreign == 3)
  }
}

@Suite("A closed loop", .serialized)
struct ReplySizeTests {
  @Test(
    "may be answered by more or fewer bytes", arguments: [WorkerConfiguration.Transport.udp, .tcp],
    [(1, 24), (24, 1), (64, 1400), (1400, 64), (65_000, 8), (9, 65_000)])
  func sizes(transport: WorkerConfiguration.Transport, sizes: (request: Int, reply: Int)) throws {
    for address in [loopback, "::1"] { try exchange(transport, sizes, address) }
  }

  private func exchange(
    _ transport: WorkerConfiguration.Transport, _ sizes: (request: Int, reply: Int), _ address: String
  ) throws {
    var server = configuration(.server, transport, .block, size: sizes.request)
    server.replySize = sizes.reply
    server.address = address
    let process = try WorkerProcess(server)
    var client = configuration(.client, transport, .block, size: sizes.request, port: try process.listening())
    client.replySize = sizes.reply
    client.address = address
    let (result, _) = try WorkerProcess(client).measure()
    #expect(result.samples > 0 && result.lost == 0 && result.foreign == 0)
    #expect(try process.stop().foreign == 0)
  }

  @Test(
    "does as many operations for counting as it was told, and no more",
    arguments: [WorkerConfiguration.Transport.udp, .tcp], [WorkerConfiguration.Wait.spin, .block])
  func counted(transport: WorkerConfiguration.Transport, wait: WorkerConfiguration.Wait) throws {
    func echoed(counting: UInt64) throws -> UInt64 {
      let server = try WorkerProcess(configuration(.server, transport, wait))
      var settings = configuration(.client, transport, wait, port: try server.listening(), window: 0)
      settings.warmupNanoseconds = 0
      settings.countedOperations = counting
      let client = try WorkerProcess(settings)
      try client.ready()
      try client.send(.start)
      #expect(try client.result().samples == [])
      if counting > 0 {
        try client.send(.count)
        #expect(try client.receive() == .counted(operations: counting))
      }
      #expect(try client.child.waitForExit(deadline: farDeadline()) == .exited(0))
      return try server.stop().echoed
    }
    #expect(try echoed(counting: 0) == 0)
    #expect(try echoed(counting: 1) == 1)
    #expect(try echoed(counting: 1234) == 1234)
  }

  @Test("that was to count ends with a controller that wants nothing more")
  func controllerGone() throws {
    let server = try WorkerProcess(configuration(.server, .udp, .block))
    var settings = configuration(.client, .udp, .block, port: try server.listening())
    settings.countedOperations = 10
    let line = String(decoding: WorkerMessage.configure(settings).line.dropLast(), as: UTF8.self)
    let start = String(decoding: WorkerMessage.start.line.dropLast(), as: UTF8.self)
    let client = try ChildProcess(
      executable: "/bin/sh",
      arguments: ["-c", #"printf '%s\n%s\n' "$2" "$3" | "$1" >/dev/null"#, "sh", try WorkerProcess.path(), line, start])
    #expect(try client.waitForExit(deadline: farDeadline()) == .exited(0))
    _ = try server.stop()
  }
}

@Suite("A worker that becomes a command")
struct CommandRunnerTests {
  private func worker(_ words: [String], namespace: String? = nil, discards: Bool = false) throws -> ChildProcess {
    let child = try ChildProcess(executable: try WorkerProcess.path(), environment: ["PATH=/usr/bin:/bin", "LEFT=1"])
    try child.write(WorkerMessage.configure(.command(words, namespace: namespace, discardsOutput: discards)).line)
    return child
  }

  @Test("has its words, its environment and its exit status")
  func command() throws {
    let child = try worker(["sh", "-c", #"echo "$1|$2|$LEFT"; exit 7"#, "sh", "two words", ""])
    #expect(try child.readLine(deadline: farDeadline()) == Array("two words||1".utf8))
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(7))
  }

  @Test("keeps its number")
  func number() throws {
    let child = try worker(["sh", "-c", "echo $$"])
    #expect(try child.readLine(deadline: farDeadline()) == Array("\(child.pid)".utf8))
  }

  @Test("may have its output thrown away, and does not wait for anybody to read it")
  func discarded() throws {
    let child = try worker(["sh", "-c", "head -c 1000000 /dev/zero; exit 3"], discards: true)
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(3))
    #expect(throws: ChildProcess.Failure.ended) { try child.readLine(deadline: farDeadline()) }
  }

  @Test("runs in the namespace that it was told", .requiresNetworkNamespaces)
  func namespace() throws {
    try withNamespaces(1) { namespaces in
      let child = try worker(["readlink", "/proc/self/ns/net"], namespace: namespaces[0].path)
      let inside = String(decoding: try child.readLine(deadline: farDeadline()), as: UTF8.self)
      var buffer = [CChar](repeating: 0, count: 100)
      let count = readlink("/proc/self/ns/net", &buffer, buffer.count)
      let own = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      #expect(inside.hasPrefix("net:[") && inside != own)
    }
  }

  @Test(
    "says what it could not become",
    arguments: [
      (["/no/such/program"], "exec /no/such/program: No such file or directory"),
      (["/etc"], "exec /etc: Permission denied"),
    ])
  func failure(words: [String], reason: String) throws {
    #expect(try WorkerProcess(running: try worker(words)).failure() == reason)
  }

  @Test("is the first process of a PID namespace just as well", .requiresNetworkNamespaces, .requiresProgram("unshare"))
  func firstProcess() throws {
    let child = try ChildProcess(
      executable: "/usr/bin/env", arguments: ["unshare", "--pid", "--fork", try WorkerProcess.path()],
      environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
    try child.write(WorkerMessage.configure(.command(["sh", "-c", "echo $$"])).line)
    #expect(try child.readLine(deadline: farDeadline()) == Array("1".utf8))
    #expect(try child.waitForExit(deadline: farDeadline()) == .exited(0))
  }
}
