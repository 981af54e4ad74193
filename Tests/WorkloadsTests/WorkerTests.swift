import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

/// One conversation after the other: a spinning pair takes two CPUs. (Nested suites inherit it.)
@Suite("The worker", .serialized)
struct WorkerTests {
  @Suite("measures round trips")
  struct Measuring {
    struct Case: Sendable, CustomTestStringConvertible {
      let transport: WorkerConfiguration.Transport
      let wait: WorkerConfiguration.Wait
      let size: Int
      var testDescription: String { "\(transport) \(wait) \(size)" }

      static let all: [Case] = [WorkerConfiguration.Transport.udp, .tcp].flatMap { transport in
        [WorkerConfiguration.Wait.spin, .block].flatMap { wait in
          [1, 2, 7, 24, 64, 1472, 9000, 65_000].map { Case(transport: transport, wait: wait, size: $0) }
        }
      }
    }

    @Test("whatever the transport, the wait and the size; the counts agree", arguments: Case.all)
    func measure(which: Case) throws {
      let server = try WorkerProcess(configuration(.server, which.transport, which.wait, size: which.size))
      let port = try server.listening()
      #expect(port > 0)
      let start = Clock.monotonic()
      let client = try WorkerProcess(configuration(.client, which.transport, which.wait, size: which.size, port: port))
      let (result, samples) = try client.measure()
      let elapsed = Clock.monotonic() - start
      let stopped = try server.stop()

      #expect(result.samples > 0 && samples.count == result.samples)
      #expect(result.sent == UInt64(result.samples) + result.lost)
      #expect(result.late + result.duplicate <= result.lost && result.foreign == 0)
      #expect(!result.isTruncated)
      // As long as was asked for, and no longer than the whole conversation took.
      #expect(result.windowNanoseconds >= 50 * milliseconds && result.windowNanoseconds <= elapsed)
      // No round trip takes no time, and one after the other they fit into the window.
      #expect(samples.allSatisfy { $0 > 0 })
      #expect(samples.reduce(UInt64(0)) { $0 + UInt64($1) } <= result.windowNanoseconds)
      #expect(result.cpuNanoseconds > 0 && result.cpuNanoseconds <= elapsed)
      // The warm-up's come on top.
      #expect(stopped.echoed >= UInt64(result.samples) && stopped.foreign == 0)
    }

    @Test("its samples are never more than it has made room for")
    func truncated() throws {
      // A server that is told to delay for no time at all, a window of none: no sample, no room used.
      let server = try WorkerProcess(configuration(.server))
      let client = try WorkerProcess(configuration(.client, port: try server.listening(), window: 0))
      let (result, samples) = try client.measure()
      #expect(result == ClientResult(cpu: result) && samples == [])
      _ = try server.stop()
    }

    @Test("in the namespace and on the CPU that it is told to", .requiresNetworkNamespaces)
    func placement() throws {
      try withNamespaces(1) { namespaces in
        let cpu = try #require(try CPUSet.current().last)
        var settings = configuration(.server)
        settings.namespace = namespaces[0].path
        settings.cpu = cpu
        let server = try WorkerProcess(settings)
        settings.port = try server.listening()
        var inside = stat()
        var own = stat()
        #expect(stat("/proc/\(server.child.pid)/ns/net", &inside) == 0 && stat(namespaces[0].path, &own) == 0)
        #expect(inside.st_ino == own.st_ino)
        #expect(
          try SmallFile.text("/proc/\(server.child.pid)/status").contains("\nCpus_allowed_list:\t\(cpu)\n"))
        // The port is taken there and free here.
        settings.namespace = nil
        let here = try WorkerProcess(settings)
        #expect(try here.listening() == settings.port)
        _ = try here.stop()
        _ = try server.stop()
      }
    }

    @Test(
      "a delay put into the server is in every sample, whatever else is",
      arguments: [WorkerConfiguration.Transport.udp, .tcp])
    func delay(transport: WorkerConfiguration.Transport) throws {
      var settings = configuration(.server, transport)
      settings.delayNanoseconds = 50_000
      let server = try WorkerProcess(settings)
      let client = try WorkerProcess(configuration(.client, transport, port: try server.listening()))
      let (_, samples) = try client.measure()
      _ = try server.stop()
      #expect(!samples.isEmpty && samples.allSatisfy { $0 >= 50_000 })
    }

    @Test("a slowdown makes each round trip longer by its part", arguments: [250_000, 1_000_000, 3_000_000])
    func slowdown(partsPerMillion: UInt64) throws {
      // The delay gives the part something known to be a part of.
      let delay: UInt64 = 40_000
      var settings = configuration(.server)
      settings.delayNanoseconds = delay
      let server = try WorkerProcess(settings)
      settings = configuration(.client, port: try server.listening())
      settings.slowdownPPM = partsPerMillion
      let (_, samples) = try WorkerProcess(settings).measure()
      _ = try server.stop()
      let least = delay + delay * partsPerMillion / 1_000_000
      #expect(!samples.isEmpty && samples.allSatisfy { $0 >= least })
    }
  }

  @Suite("ends")
  struct Ending {
    @Test(
      "as a server when it is told to, at once and with its counts",
      arguments: [WorkerConfiguration.Transport.udp, .tcp], [WorkerConfiguration.Wait.spin, .block])
    func stop(transport: WorkerConfiguration.Transport, wait: WorkerConfiguration.Wait) throws {
      // While it waits for its first message.
      let idle = try WorkerProcess(configuration(.server, transport, wait))
      _ = try idle.listening()
      #expect(try idle.stop() == ServerResult())

      // While a client is there that says nothing.
      let server = try WorkerProcess(configuration(.server, transport, wait))
      let client = try WorkerProcess(configuration(.client, transport, wait, port: try server.listening()))
      try client.ready()
      #expect(try server.stop().echoed > 0)
    }

    @Test("as a server on SIGINT, too")
    func interrupt() throws {
      let server = try WorkerProcess(configuration(.server, .udp, .block))
      _ = try server.listening()
      server.child.signal(SIGINT)
      #expect(try server.receive() == .stopped(ServerResult()))
      #expect(try server.child.waitForExit(deadline: farDeadline()) == .exited(0))
    }

    @Test("with the process that started it, however that ends", arguments: [SIGKILL, SIGTERM])
    func parentDies(signal: Int32) throws {
      // A shell that starts a worker, tells it what to do and waits; the worker's stdin stays open without it.
      let line = String(
        decoding: WorkerMessage.configure(configuration(.server, .udp, .block)).line.dropLast(), as: UTF8.self)
      let script = #"exec 3<&0; "$1" <<END & echo $!; wait"# + "\n\(line)\nEND\n"
      let parent = try ChildProcess(executable: "/bin/sh", arguments: ["-c", script, "sh", try WorkerProcess.path()])
      // The worker's number and its "listening", in whichever order. Only then has it asked to die with its parent.
      let lines = try (0..<2).map { _ in try parent.readLine(deadline: farDeadline()) }
      let pid = try #require(lines.compactMap { Int32(String(decoding: $0, as: UTF8.self)) }.first)
      #expect(lines.contains { if case .listening = try? WorkerMessage(line: $0) { true } else { false } })
      #expect(try SmallFile.text("/proc/\(pid)/status").contains("\nPPid:\t\(parent.pid)\n"))
      parent.signal(signal)
      #expect(try parent.waitForExit(deadline: farDeadline()) == .killed(signal: signal))
      // The worker has the parent's stdout: its end is the end of the last who had it.
      #expect(throws: ChildProcess.Failure.ended) { try parent.readLine(deadline: farDeadline()) }
    }

    @Test("when its stdin does, if it still waits for a message")
    func endOfInput() throws {
      for script in [#"exec "$1" </dev/null"#, #"printf '{"protocol":4' | "$1""#] {
        let child = try ChildProcess(executable: "/bin/sh", arguments: ["-c", script, "sh", try WorkerProcess.path()])
        let worker = WorkerProcess(running: child)
        #expect(try worker.failure() == "the controller is gone")
      }
      // A client that is ready and is never started.
      let server = try WorkerProcess(configuration(.server, .udp, .block))
      let settings = configuration(.client, .udp, .block, port: try server.listening())
      let line = String(decoding: WorkerMessage.configure(settings).line.dropLast(), as: UTF8.self)
      let client = WorkerProcess(
        running: try ChildProcess(
          executable: "/bin/sh",
          arguments: ["-c", "printf '%s\\n' \"$2\" | \"$1\"", "sh", try WorkerProcess.path(), line]))
      try client.ready()
      #expect(try client.failure() == "the controller is gone")
      _ = try server.stop()
    }
  }

  @Suite("gives up with words for what is wrong")
  struct GivingUp {
    @Test(
      "with its instructions",
      arguments: [
        ("nonsense", "no '{' at byte 0 of a message"), ("", "no '{' at byte 0 of a message"),
        (#"{"type":"start"}"#, "the first message must be 'configure' or 'configure-storage'"),
        (#"{"type":"dance"}"#, "a message of unknown type 'dance'"),
        (#"{"type":"configure","protocol":1}"#, "protocol 1 where 4 was expected: controller and worker do not match"),
        (#"{"type":"configure","protocol":4}"#, "no text 'role' in a message"),
        (#"{"type":"configure-storage","protocol":4}"#, "no text 'loop' in a message"),
      ])
    func line(text: String, reason: String) throws {
      let worker = try WorkerProcess()
      try worker.child.write(Array("\(text)\n".utf8))
      #expect(try worker.failure() == reason)
    }

    @Test("with an instruction without end")
    func endless() throws {
      // 64 KiB without a line end; the writer ends with the worker.
      let script = #"head -c 70000 /dev/zero | tr '\000' x | "$1""#
      let child = try ChildProcess(executable: "/bin/sh", arguments: ["-c", script, "sh", try WorkerProcess.path()])
      #expect(try WorkerProcess(running: child).failure() == "a control line without end")
    }

    @Test("with the values in it")
    func values() throws {
      func failure(_ change: (inout WorkerConfiguration) -> Void) throws -> String {
        var settings = configuration(.server)
        change(&settings)
        return try WorkerProcess(settings).failure()
      }
      #expect(try failure { $0.size = 0 } == "a message size of 0 bytes: 1 to 65000 are possible")
      #expect(try failure { $0.size = 65_001 } == "a message size of 65001 bytes: 1 to 65000 are possible")
      #expect(try failure { $0.cpu = 1000 } == "sched_setaffinity cpu 1000: Invalid argument")
      #expect(try failure { $0.cpu = -1 } == "sched_setaffinity cpu -1: Invalid argument")
      #expect(try failure { $0.namespace = "/nonexistent/ns" } == "open /nonexistent/ns: No such file or directory")
      #expect(try failure { $0.namespace = "/dev/null" } == "setns /dev/null: Invalid argument")
      #expect(try failure { $0.address = "localhost" } == "inet_pton localhost: Invalid argument")
      // An address of the range for documentation (RFC 5737), which nobody has.
      #expect(try failure { $0.address = "192.0.2.1" } == "bind 192.0.2.1:0: Cannot assign requested address")
      #expect(
        try failure {
          $0 = configuration(.client); $0.address = "::1::"
        } == "inet_pton ::1::: Invalid argument")
    }

    @Test("with a port that is taken", arguments: [WorkerConfiguration.Transport.udp, .tcp])
    func portInUse(transport: WorkerConfiguration.Transport) throws {
      let server = try WorkerProcess(configuration(.server, transport, .block))
      let port = try server.listening()
      let second = try WorkerProcess(configuration(.server, transport, .block, port: port))
      #expect(try second.failure() == "bind 127.0.0.1:\(port): Address already in use")
      _ = try server.stop()
    }

    @Test("where no server is", arguments: [WorkerConfiguration.Wait.spin, .block])
    func unreachable(wait: WorkerConfiguration.Wait) throws {
      // A port that was free a moment ago.
      for (transport, call) in [(WorkerConfiguration.Transport.udp, "exchange"), (.tcp, "connect")] {
        let server = try WorkerProcess(configuration(.server, transport, .block))
        let port = try server.listening()
        _ = try server.stop()
        let client = try WorkerProcess(configuration(.client, transport, wait, port: port))
        #expect(try client.failure() == "\(call) 127.0.0.1:\(port): Connection refused")
      }
    }

    @Test("when it is told something else than to start")
    func wrongStart() throws {
      let server = try WorkerProcess(configuration(.server, .udp, .block))
      let client = try WorkerProcess(configuration(.client, .udp, .block, port: try server.listening()))
      try client.ready()
      try client.send(.listening(port: 1))
      #expect(try client.failure() == "expected 'start'")
      _ = try server.stop()
    }

    @Test("when its server ends within the window")
    func serverEnds() throws {
      let server = try WorkerProcess(configuration(.server, .tcp, .block))
      let client = try WorkerProcess(
        configuration(.client, .tcp, .block, port: try server.listening(), window: 20_000 * milliseconds))
      try client.ready()
      try client.send(.start)
      _ = try server.stop()
      let reason = try client.failure()
      #expect(
        reason.hasSuffix("closed the connection within the window") || reason.hasSuffix("Connection reset by peer"))
    }
  }

  @Suite("answers nobody but its own client")
  struct Answering {
    @Test("foreign datagrams are counted and get no reply", arguments: [24, 64])
    func foreign(size: Int) throws {
      let server = try WorkerProcess(configuration(.server, .udp, .block, size: size))
      let peer = try Peer(.udp)
      try peer.connect(port: try server.listening())
      let own = header(size: size)
      var wrongMagic = own
      wrongMagic[8] ^= 1
      let foreign = [
        wrongMagic, reply(to: own), header(size: size, nonce: 1), header(size: size, flow: 8), Array(own.dropLast()),
        own + [0], own + [UInt8](repeating: 0, count: 9000), [1],
      ]
      for message in foreign { try peer.send(message) }
      try peer.send([])
      var last = own
      last[0] = 77
      try peer.send(last)
      // The first reply is that to the last message: none of those before it was answered.
      #expect(try peer.receive() == reply(to: last))
      let stopped = try server.stop()
      // An empty datagram is as if nothing had come.
      #expect(stopped.foreign == UInt64(foreign.count) && stopped.echoed == 1)
    }
  }
}

extension ClientResult {
  /// Nothing measured, but for the cost that measuring nothing has.
  fileprivate init(cpu other: ClientResult) {
    self.init()
    cpuNanoseconds = other.cpuNanoseconds
    firstSequence = other.firstSequence
    voluntarySwitches = other.voluntarySwitches
    involuntarySwitches = other.involuntarySwitches
  }
}
