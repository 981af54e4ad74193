import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

extension EngineTests {
  @Suite("Containers of OCI runtimes", .requiresEngine("runc", "runsc"))
  struct Bundles {
    private static let transports: [WorkerConfiguration.Transport] = [.udp, .tcp]
    private static let families: [AddressFamily] = [.ipv4, .ipv6]

    private func with(
      _ definition: any NetworkEnvironment, family: AddressFamily = .ipv4, mountsHostPrograms: Bool = false,
      _ body: (BuiltEnvironment) throws -> Void
    ) throws {
      let before = try HostState.now()
      let workplace = try Workplace(engineFamily: family, mountsHostPrograms: mountsHostPrograms)
      try workplace.with(definition) { environment in
        #expect(way(environment) == ["client client0", "server server0"])
        #expect(!environment.client.isContainer && environment.server.isContainer)
        try body(environment)
      }
      #expect(workplace.journal.resources == [])
      #expect(try leftovers(of: workplace.runID) == [])
      #expect(workplace.directory.files == ["\(workplace.runID).journal"])
      #expect(try HostState.now() == before)
    }

    @Test("a server in runc", arguments: transports, families)
    func runc(transport: WorkerConfiguration.Transport, family: AddressFamily) throws {
      try with(BundledServer(.runc), family: family) { environment in
        // The container's first process, in namespaces of its own, is the worker.
        let worker = try #require(try environment.server.start("").processes.first)
        #expect(SmallFile.line("/proc/\(worker)/status")?.contains("\nNSpid:\t\(worker)\t1") == true)
        try exchange(environment, transport)
      }
    }

    @Test("a server in gVisor", arguments: transports, families)
    func gvisor(transport: WorkerConfiguration.Transport, family: AddressFamily) throws {
      try with(BundledServer(.gvisor), family: family) { environment in
        // The host's stack has no address there any more: whoever answers is gVisor's own.
        let server = try #require(environment.interfaces.first { $0.interface == "server0" }?.namespace)
        let addresses = try output(
          "/usr/bin/env",
          ["ip", "-n", String(server.dropFirst("\(NetworkNamespace.directory)/".count)), "addr", "show", "server0"])
        #expect(!addresses.contains("inet"))
        #expect(try environment.server.start("").processes.count >= 2)
        try exchange(environment, transport)
      }
    }

    @Test("gVisor takes no server of the user's, since nobody sees whether it listens; runc does")
    func objection() {
      func workload(server: [String]?) -> WorkloadSpec {
        WorkloadSpec(
          name: "exec", kind: .exec, wait: .block,
          commands: WorkloadSpec.Commands(server: server, client: ["true"], reported: nil))
      }
      #expect(BundledServer(.gvisor).objection(to: workload(server: ["redis-server"]))?.contains("listens") == true)
      #expect(BundledServer(.gvisor).objection(to: workload(server: nil)) == nil)
      #expect(BundledServer(.runc).objection(to: workload(server: ["redis-server"])) == nil)
    }

    @Test("without traffic neither is attested", arguments: [BundledServer.Runtime.runc, .gvisor])
    func noTraffic(runtime: BundledServer.Runtime) throws {
      try with(BundledServer(runtime)) { environment in
        let pair = try WorkerPair(environment, .udp)
        let before = try environment.readCounters()
        let failures = environment.attest(
          from: before, to: try environment.readCounters(),
          traffic: PathTraffic(transport: .udp, size: 64, requests: 100, replies: 100)
        ).failures
        #expect(failures.contains { $0.hasPrefix("client0 (client) sent") })
        #expect(failures.contains { $0.hasPrefix("server0 (server) received") })
        _ = try pair.stop()
      }
    }

    @Test(
      "the user's own commands run there, with this host's programs", arguments: [BundledServer.Runtime.runc, .gvisor])
    func commands(runtime: BundledServer.Runtime) throws {
      try with(BundledServer(runtime), mountsHostPrograms: true) { environment in
        let server = try environment.server.start("")
        let words = ["sh", "-c", "uname -s; touch /usr/x 2>&- || echo no"]
        try server.child.write(WorkerMessage.configure(.command(words)).line)
        let deadline = Clock.monotonic() + 10_000_000_000
        var lines: [String] = []
        for _ in 0..<2 { lines.append(String(decoding: try server.child.readLine(deadline: deadline), as: UTF8.self)) }
        #expect(lines == ["Linux", "no"])
        #expect(try server.child.waitForExit(deadline: deadline) == .exited(0))
      }
    }

    @Test("what a killed run has left goes with the next sweep", arguments: [BundledServer.Runtime.runc, .gvisor])
    func sweep(runtime: BundledServer.Runtime) throws {
      let before = try HostState.now()
      let directory = try ScratchDirectory()
      let runID = randomRunID()
      let pid: Int32
      do {
        let resources = HostResources(
          journal: try Journal(runID: runID, directory: directory.path),
          settings: BuildSettings(worker: try workerFile()))
        pid = try #require(
          try BundledServer(runtime).build(with: resources).server.start("").processes.last)
      }
      let outcomes = try Sweep.run(directory: directory.path)
      #expect(outcomes.map(\.runID) == [runID] && outcomes.allSatisfy { $0.failed == [] }, "\(outcomes)")
      #expect(ProcessIdentity(of: pid) == nil)
      #expect(try leftovers(of: runID) == [])
      #expect(directory.files == [])
      #expect(try HostState.now() == before)
    }

    @Test("where it is not installed it is unavailable, with the remedy", arguments: ["runc", "runsc"])
    func missing(program: String) throws {
      let workplace = try Workplace()
      let error = #expect(throws: UserError.self) {
        try workplace.with(BundledServer(program == "runc" ? .runc : .gvisor, program: "/nonexistent/\(program)")) {
          _ in
        }
      }
      #expect(error?.exitCode == .unavailable)
      #expect(error?.message == "there is no /nonexistent/\(program) on this host")
      #expect(error?.remedy == "run 'apt-get install \(program)'")
      #expect(workplace.journal.resources == [])
    }

    @Test("a runtime that starts nothing is unavailable, in its own words, and nothing is left")
    func refusal() throws {
      let workplace = try Workplace(engineFamily: .ipv4)
      let program = "\(workplace.directory.path)/runsc"
      // By a shell: a descriptor that this process had open for writing could be inherited by a child that another test
      // starts in that moment, and an executable that anybody writes to cannot be run (ETXTBSY).
      let script = "#!/bin/sh\necho 'cannot run on this kernel' >&2\nexit 128\n"
      _ = try output("/bin/sh", ["-c", #"printf %s "$1" >"$2" && chmod 755 "$2""#, "sh", script, program])
      let error = #expect(throws: UserError.self) {
        try workplace.with(BundledServer(.gvisor, program: program)) { _ in }
      }
      #expect(error?.exitCode == .unavailable)
      #expect(error?.message == "\(program) starts no container here: cannot run on this kernel")
      #expect(try leftovers(of: workplace.runID) == [])
      #expect(Set(workplace.directory.files) == ["runsc", "\(workplace.runID).journal"])
      #expect(workplace.journal.resources == [])
    }
  }
}
