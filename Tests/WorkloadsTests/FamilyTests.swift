import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

extension WorkerTests {
  @Suite("measures over IPv6 as over IPv4")
  struct Families {
    private func settings(
      _ role: WorkerConfiguration.Role, _ transport: WorkerConfiguration.Transport, _ wait: WorkerConfiguration.Wait,
      port: UInt16 = 0
    ) throws -> WorkerConfiguration {
      let cpus = try CPUSet.current()
      var settings = configuration(role, transport, wait, port: port)
      settings.address = "::1"
      settings.warmupNanoseconds = 20 * milliseconds
      settings.windowNanoseconds = 300 * milliseconds
      // Two that spin on one CPU would exchange a message per time slice.
      settings.cpu = role == .client ? cpus.first : cpus.last
      return settings
    }

    @Test(
      "with the kernel's stamps, all of them and in the order of the way",
      arguments: [WorkerConfiguration.Transport.udp, .tcp], [WorkerConfiguration.Wait.spin, .block])
    func kernelStamps(transport: WorkerConfiguration.Transport, wait: WorkerConfiguration.Wait) throws {
      func stamping(
        _ role: WorkerConfiguration.Role, port: UInt16 = 0, window: UInt64
      ) throws -> WorkerConfiguration {
        var settings = try settings(role, transport, wait, port: port)
        settings.windowNanoseconds = window
        settings.stampEvery = 1
        settings.socketStamps = true
        // Other sizes each way: TCP numbers its stamps by bytes.
        settings.replySize = 100
        return settings
      }
      // The kernel switches its stamps on by a work item, for which a busy machine may take a part of the window.
      let (complete, count) = try withGrowingWindow(from: 300 * milliseconds) { window in
        let server = try WorkerProcess(try stamping(.server, window: window))
        let client = try WorkerProcess(try stamping(.client, port: try server.listening(), window: window))
        let (result, _, stamps) = try client.measureStamped()
        let (_, served) = try server.stopStamped()
        #expect(result.lost == 0 && !stamps.isEmpty)
        let bySequence = Dictionary(served.map { ($0.sequence, $0) }) { first, _ in first }
        var complete = 0
        for own in stamps {
          let other = try #require(bySequence[own.sequence])
          let way = [
            own.sent, own.transmitted, other.arrived, other.received, other.sent, other.transmitted, own.arrived,
            own.received,
          ]
          let known = way.filter { $0 > 0 }
          #expect(known == known.sorted())
          if known.count == way.count { complete += 1 }
        }
        return (complete, stamps.count)
      } until: { complete, count in
        complete * 10 >= count * 9
      }
      #expect(complete * 10 >= count * 9, "\(complete) of \(count)")
    }

    @Test("and says whom it could not reach, and where it could not listen")
    func failures() throws {
      // An address of the range for documentation (RFC 3849), which nobody has.
      var server = try settings(.server, .udp, .block)
      server.address = "2001:db8::1"
      #expect(try WorkerProcess(server).failure() == "bind [2001:db8::1]:0: Cannot assign requested address")
      server.address = "::1"
      let running = try WorkerProcess(server)
      let port = try running.listening()
      server.port = port
      #expect(try WorkerProcess(server).failure() == "bind [::1]:\(port): Address already in use")
      // The port of one family is free in the other.
      let client = try settings(.client, .tcp, .block, port: port)
      #expect(try WorkerProcess(client).failure() == "connect [::1]:\(port): Connection refused")
      _ = try running.stop()
    }
  }
}
