import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Environments

@Suite("Proxies beside client and server", .requiresNetworkNamespaces)
struct SidecarTests {
  @Test(
    "HAProxy runs in each pod's namespace, with one thread, and ends with the environment", .requiresProgram("haproxy"))
  func processes() throws {
    let workplace = try Workplace()
    var processes: [ProcessIdentity] = []
    try workplace.with(SidecarProxies(.http, count: 2)) { environment in
      processes = environment.proxies.compactMap { ProcessIdentity(of: $0) }
      #expect(processes.count == 2 && Set(processes).count == 2)
      for (process, place) in zip(processes, [environment.server, environment.client]) {
        let path = try #require(place.namespaceToEnter)
        #expect(try inode("/proc/\(process.pid)/ns/net") == inode(path))
        #expect(SmallFile.line("/proc/\(process.pid)/comm") == "haproxy")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.pid)/task").count == 1)
        #expect(
          workplace.journal.resources.contains(.process(pid: process.pid, startTime: process.startTime)))
      }
    }
    #expect(processes.count == 2 && processes.allSatisfy { ProcessIdentity(of: $0.pid) != $0 })
    #expect(workplace.journal.resources == [])
  }

  @Test("without HAProxy it is unavailable, with the remedy, and nothing is left")
  func missing() throws {
    let workplace = try Workplace()
    let error = #expect(throws: UserError.self) {
      try workplace.with(SidecarProxies(.tcp, count: 1, program: "haproxy-of-another-host")) { _ in }
    }
    #expect(error?.exitCode == .unavailable)
    #expect(error?.message == "there is no haproxy-of-another-host on this host")
    #expect(error?.remedy == "run 'apt-get install haproxy'")
    #expect(try remains(of: workplace.runID) == [])
    #expect(workplace.journal.resources == [])
  }

  @Test("a program that ends at once is named, and nothing is left")
  func broken() throws {
    let workplace = try Workplace()
    let error = #expect(throws: UserError.self) {
      try workplace.with(SidecarProxies(.tcp, count: 1, program: "/bin/false")) { _ in }
    }
    #expect(error?.exitCode == .unavailable)
    #expect(try #require(error?.message).hasPrefix("/bin/false did not start"))
    #expect(try remains(of: workplace.runID) == [])
    #expect(workplace.journal.resources == [])
  }

  private func inode(_ path: String) throws -> UInt64 {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return UInt64(status.st_ino)
  }
}
