import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// The client and the server that a mesh's proxies stand between, with a real one between them.
@Suite("Through HAProxy", .serialized)
struct ProxyTests {
  enum Mode: String, Sendable, CaseIterable { case http, tcp }

  /// An address of the loopback's that nobody else binds to: what is free there stays free.
  private static func ownAddress() -> String {
    "127." + (0..<3).map { _ in String(UInt8.random(in: 1...254)) }.joined(separator: ".")
  }

  /// A HAProxy of the test's own on the loopback. It ends with this value.
  private final class Proxy {
    let address = ownAddress()
    let port: UInt16
    private let child: ChildProcess
    private let path: String

    init(_ mode: Mode, to server: UInt16, at serverAddress: String = loopback) throws {
      // Some number: on that address all are free.
      port = try Peer(.tcp).bind()
      path = "/tmp/bench-test-" + String(UInt64.random(in: .min ... .max), radix: 36) + ".cfg"
      let settings = """
        global
          nbthread 1
          maxconn 300
        defaults
          mode \(mode.rawValue)
          timeout connect 10s
          timeout client 60s
          timeout server 60s
          \(mode == .http ? "option forwardfor" : "")
        frontend entry
          bind \(address):\(port)
          default_backend workers
        backend workers
          \(mode == .http ? "http-response set-header X-Served-By sidecar" : "")
          server worker \(serverAddress):\(server)

        """
      try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600).write(Array(settings.utf8))
      child = try ChildProcess(
        executable: "/usr/bin/env", arguments: ["haproxy", "-db", "-q", "-f", path],
        environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
    }

    /// Waits until it can be connected to.
    func listening() throws {
      let deadline = farDeadline()
      while Clock.monotonic() < deadline {
        do {
          _ = try Line(to: port, .tcp, address)
          return
        } catch { usleep(5000) }
      }
      throw TestFailure(description: "HAProxy does not listen: \(child.standardError())")
    }

    deinit {
      child.kill()
      unlink(path)
    }
  }

  private func settings(
    _ mode: Mode, _ role: WorkerConfiguration.Role, _ loop: WorkerConfiguration.Loop, by proxy: Proxy? = nil,
    window: UInt64 = 500 * milliseconds
  ) -> WorkerConfiguration {
    var settings = configuration(role, .tcp, .block, port: proxy?.port ?? 0, window: window)
    settings.address = proxy?.address ?? loopback
    settings.loop = loop
    settings.framing = mode == .http ? .http : .none
    settings.concurrency = 7
    settings.rate = loop == .open ? 2000 : 0
    settings.replySize = 1400
    return settings
  }

  @Test("10 000 requests of a closed loop", .requiresProgram("haproxy"), arguments: Mode.allCases)
  func closedLoop(mode: Mode) throws {
    let result = try withGrowingWindow(from: 500 * milliseconds) { window in
      let server = try WorkerProcess(settings(mode, .server, .rr))
      let proxy = try Proxy(mode, to: try server.listening())
      try proxy.listening()
      var client = settings(mode, .client, .rr, by: proxy, window: window)
      client.countedOperations = 10_000
      let (outcome, counted) = try outcome(of: ConcurrentClient(client))
      withExtendedLifetime(proxy) {}
      let result = outcome.result
      #expect(counted == 10_000 && result.sent == UInt64(result.samples))
      #expect(result.lost == 0 && result.late == 0 && result.duplicate == 0 && result.foreign == 0)
      let echoed = try server.stop()
      #expect(echoed.echoed == result.firstSequence - 1 + result.sent + 10_000 && echoed.foreign == 0)
      return result
    } until: {
      $0.samples > 100
    }
    #expect(result.samples > 100)
  }

  @Test("10 000 requests of an open loop", .requiresProgram("haproxy"), arguments: Mode.allCases)
  func openLoop(mode: Mode) throws {
    let server = try WorkerProcess(settings(mode, .server, .open))
    let proxy = try Proxy(mode, to: try server.listening())
    try proxy.listening()
    var client = settings(mode, .client, .open, by: proxy, window: 2000 * milliseconds)
    client.rate = 5000
    let (outcome, _) = try outcome(of: OpenLoopClient(client))
    withExtendedLifetime(proxy) {}
    let result = outcome.result
    #expect(result.sent == 10_000 && result.samples == 10_000 && result.lost == 0)
    #expect(result.late == 0 && result.duplicate == 0 && result.foreign == 0)
    let echoed = try server.stop()
    #expect(echoed.echoed == result.firstSequence - 1 + 10_000 && echoed.foreign == 0)
  }

  @Test("a proxy without its server answers with a status that the client names", .requiresProgram("haproxy"))
  func noServer() throws {
    let proxy = try Proxy(.http, to: try Peer(.tcp).bind(), at: Self.ownAddress())
    try proxy.listening()
    let text = try reason(of: ConcurrentClient(settings(.http, .client, .rr, by: proxy)))
    withExtendedLifetime(proxy) {}
    #expect(text == "\(proxy.address):\(proxy.port) sent a reply with status 503 where 200 was expected")
  }
}
