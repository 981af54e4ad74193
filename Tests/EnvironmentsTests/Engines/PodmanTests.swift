import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

extension EngineTests {
  @Suite("Podman", .requiresEngine("podman"))
  struct Podman {
    private static let transports: [WorkerConfiguration.Transport] = [.udp, .tcp]

    @Test(
      "two containers on a bridge in a namespace of the run", arguments: zip(transports, [AddressFamily.ipv4, .ipv6]))
    func bridge(transport: WorkerConfiguration.Transport, family: AddressFamily) throws {
      let before = try HostState.now()
      let workplace = try Workplace(engineFamily: family)
      try workplace.with(PodmanBridge()) { environment in
        // Netavark numbers its links, the server's first; the plugins of CNI, the other stack of Podman's, draw names.
        let way = way(environment)
        if way.contains("host veth0") {
          #expect(way == ["client eth0", "host veth1", "host veth0", "server eth0"])
        } else {
          #expect(way.count == 4 && way.first == "client eth0" && way.last == "server eth0")
          #expect(way[1] != way[2] && way[1...2].allSatisfy { $0.wholeMatch(of: /host veth[0-9a-f]{8}/) != nil })
        }
        #expect(environment.client.isContainer && environment.server.isContainer)
        #expect(try HostState.now().rules == before.rules)
        #expect(try HostState.now().links == before.links)
        try exchange(environment, transport)
      }
      #expect(workplace.journal.resources == [])
      #expect(try leftovers(of: workplace.runID) == [])
      #expect(workplace.directory.files == ["\(workplace.runID).journal"])
      #expect(try HostState.now() == before)
    }

    @Test("the user's own commands run in a container, with this host's programs")
    func commands() throws {
      let workplace = try Workplace(mountsHostPrograms: true)
      try workplace.with(PodmanBridge()) { environment in
        let client = try environment.client.start("")
        let words = ["sh", "-c", "cat /proc/1/comm; cat /sys/class/net/eth0/operstate; touch /usr/x || echo no"]
        try client.child.write(WorkerMessage.configure(.command(words)).line)
        let deadline = Clock.monotonic() + 10_000_000_000
        var lines: [String] = []
        for _ in 0..<3 { lines.append(String(decoding: try client.child.readLine(deadline: deadline), as: UTF8.self)) }
        #expect(lines == ["sh", "up", "no"])
        #expect(try client.child.waitForExit(deadline: deadline) == .exited(0))
      }
    }

    @Test("what a killed run has left goes with the next sweep")
    func sweep() throws {
      let before = try HostState.now()
      let directory = try ScratchDirectory()
      let runID = randomRunID()
      do {
        let resources = HostResources(
          journal: try Journal(runID: runID, directory: directory.path),
          settings: BuildSettings(worker: try workerFile()))
        _ = try PodmanBridge().build(with: resources)
      }
      #expect(!(try leftovers(of: runID).isEmpty))
      let outcomes = try Sweep.run(directory: directory.path)
      #expect(outcomes.map(\.runID) == [runID] && outcomes.allSatisfy { $0.failed == [] }, "\(outcomes)")
      #expect(try leftovers(of: runID) == [])
      #expect(directory.files == [])
      #expect(try HostState.now() == before)
    }

    @Test("where it is not installed it is unavailable, with the remedy")
    func missing() throws {
      let workplace = try Workplace()
      let error = #expect(throws: UserError.self) {
        try workplace.with(PodmanBridge(program: "/nonexistent/podman")) { _ in }
      }
      #expect(error?.exitCode == .unavailable)
      #expect(error?.message == "there is no /nonexistent/podman on this host")
      #expect(error?.remedy == "run 'apt-get install podman'")
      #expect(workplace.journal.resources == [])
    }
  }
}
