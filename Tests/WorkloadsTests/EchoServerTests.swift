import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// Server and client in one process, which is the test's own: the wish to stop is a signal's, and is the process's.
@Suite("A server and a client in one process")
struct EchoServerTests {
  @Test(
    "agree on what was exchanged", arguments: [WorkerConfiguration.Transport.udp, .tcp],
    [WorkerConfiguration.Wait.spin, .block])
  func exchange(transport: WorkerConfiguration.Transport, wait: WorkerConfiguration.Wait) async {
    let (isTCP, isBlocking) = (transport == .tcp, wait == .block)
    await #expect(processExitsWith: .success) { [isTCP = isTCP as Bool, isBlocking = isBlocking as Bool] in
      let transport: WorkerConfiguration.Transport = isTCP ? .tcp : .udp
      let wait: WorkerConfiguration.Wait = isBlocking ? .block : .spin
      let port = Background { () throws -> UInt16 in
        let probe = try Peer(isTCP ? .tcp : .udp)
        return try probe.bind()
      }
      var settings = configuration(.server, transport, wait, port: try port.value())
      let ready = try Descriptor.pipe()
      let (told, toTell) = (ready.reading.rawValue, ready.writing.rawValue)
      let serverSettings = settings
      let server = Background {
        try EchoServer(serverSettings).run { port throws(WorkloadError) in
          var byte: UInt8 = 1
          if port != serverSettings.port || write(toTell, &byte, 1) != 1 { throw WorkloadError("another port") }
        }
      }
      var byte: UInt8 = 0
      #expect(read(told, &byte, 1) == 1)
      settings.role = .client
      settings.warmupNanoseconds = milliseconds
      settings.windowNanoseconds = 50 * milliseconds
      var isReady = false
      let outcome = try RoundTripClient(settings).run { () throws(WorkloadError) in isReady = true }
      #expect(isReady && outcome.result.samples > 0 && outcome.result.lost == 0)
      kill(getpid(), SIGTERM)
      #expect(try server.value().result.echoed > UInt64(outcome.result.samples))
      #expect(ready.reading.rawValue == told && ready.writing.rawValue == toTell)
    }
  }

  @Test("The canary's work takes some time, and not much")
  func canary() {
    let nanoseconds = Canary.measure()
    #expect(nanoseconds > 1000 && nanoseconds < 10_000 * milliseconds)
  }
}
