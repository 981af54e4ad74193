import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

extension EngineTests {
  @Suite("Docker", .requiresEngine("docker", "dockerd", "iptables"), .privateDocker)
  struct Docker {
    private func docker() throws -> PrivateDocker { try #require(PrivateDockerTrait.docker) }

    /// Builds an environment, and proves that nothing of it is left on the host or with the daemon.
    private func with(
      _ definition: any NetworkEnvironment, family: AddressFamily = .ipv4, mountsHostPrograms: Bool = false,
      _ body: (BuiltEnvironment, Workplace) throws -> Void
    ) throws {
      let docker = try docker()
      let before = try HostState.now()
      let links = try links(of: docker)
      let workplace = try Workplace(engineFamily: family, mountsHostPrograms: mountsHostPrograms)
      try workplace.with(definition) { try body($0, workplace) }
      #expect(workplace.journal.resources == [])
      #expect(try engineRemains(of: workplace.runID, docker) == [])
      #expect(try leftovers(of: workplace.runID) == [])
      #expect(workplace.directory.files == ["\(workplace.runID).journal"])
      #expect(try HostState.now() == before)
      #expect(try self.links(of: docker) == links)
    }

    /// The links in the daemon's namespace.
    private func links(of docker: PrivateDocker) throws -> [String] {
      let name = try #require(SmallFile.line("\(docker.directory)/namespace"))
      return try NetlinkSocketReader.names(in: name)
    }

    private static let transports: [WorkerConfiguration.Transport] = [.udp, .tcp]
    private static let families: [AddressFamily] = [.ipv4, .ipv6]

    @Test("two containers on a bridge", arguments: zip(transports, families))
    func bridge(transport: WorkerConfiguration.Transport, family: AddressFamily) throws {
      try with(DockerBridge(host: try docker().host), family: family) { environment, _ in
        let way = way(environment)
        #expect(way.count == 4 && way.first == "client eth0" && way.last == "server eth0")
        #expect(way[1] != way[2] && way[1...2].allSatisfy { $0.hasPrefix("host veth") })
        // No bridge is tapped, and nobody but the run sends in the containers.
        let passages = environment.interfaces.map { "\($0.role) \($0.interface) \($0.passage)" }
        #expect(passages.contains("client lo none") && passages.contains("server lo none"))
        #expect(environment.client.isContainer && environment.server.isContainer)
        try exchange(environment, transport)
      }
    }

    @Test("the other way around the counters say so")
    func wrongWay() throws {
      try with(DockerBridge(host: try docker().host)) { environment, _ in
        // Both in the server's container: over its loopback, past the bridge.
        let pair = try WorkerPair(environment, .udp)
        let inside = try #require(environment.interfaces.last { $0.role == "server" }?.namespace)
        let before = try environment.readCounters()
        let message = [UInt8](repeating: 1, count: 64)
        try sendDatagrams(40, message, to: environment.service.listenAddress, port: pair.port, in: inside)
        let after = try environment.readCounters()
        let failures = environment.attest(
          from: before, to: after, traffic: PathTraffic(transport: .udp, size: 64, requests: 40, replies: 40)
        ).failures
        #expect(failures.contains { $0.contains("eth0 (client)") })
        #expect(failures.contains { $0.contains("lo (server)") && $0.contains("not on the path") })
        _ = try pair.stop()
      }
    }

    @Test("a container with its host's network", arguments: zip(transports, families))
    func hostNetwork(transport: WorkerConfiguration.Transport, family: AddressFamily) throws {
      try with(HostNetwork(host: try docker().host), family: family) { environment, _ in
        #expect(way(environment) == ["host lo"])
        #expect(!environment.client.isContainer && environment.server.isContainer)
        try exchange(environment, transport)
      }
    }

    @Test("a published port by address translation", arguments: transports)
    func published(transport: WorkerConfiguration.Transport) throws {
      try with(DockerPublished(.translation, host: try docker().host)) { environment, _ in
        let way = way(environment)
        #expect(way.count == 3 && way[0].hasPrefix("host bench-") && way[1].hasPrefix("host veth"))
        #expect(way[2] == "server eth0")
        #expect(environment.interfaces[0].tap == .none)
        try exchange(environment, transport)
      }
    }

    @Test("a client that comes by the proxy is not attested where translation is declared")
    func proxyInstead() throws {
      try with(DockerPublished(.translation, host: try docker().host)) { environment, _ in
        let pair = try WorkerPair(environment, .udp)
        let port = try #require(environment.service.targetPort)
        let attestation = try pair.talk(target: ("127.0.0.1", port)).attestation
        #expect(attestation.failures == ["flows translated by Docker's rules: 0 where the path has at least 1"])
        _ = try pair.stop()
      }
    }

    @Test("a published port by the proxy in user space", arguments: zip(transports, families))
    func proxy(transport: WorkerConfiguration.Transport, family: AddressFamily) throws {
      try with(DockerPublished(.proxy, host: try docker().host), family: family) { environment, _ in
        let way = way(environment)
        #expect(way.count == 4 && way[0] == "host lo" && way[1].hasPrefix("host bench-") && way[3] == "server eth0")
        #expect(environment.proxies.count == 2)
        for process in environment.proxies {
          #expect(ProcessTree.command(of: process).first?.hasSuffix("docker-proxy") == true)
        }
        try exchange(environment, transport)
      }
    }

    @Test("IPv6 is not translated by a daemon before version 27, which is said")
    func publishedIPv6() throws {
      let docker = try docker()
      let daemon = try DockerDaemon(host: docker.host)
      let workplace = try Workplace(engineFamily: .ipv6)
      let definition = DockerPublished(.translation, host: docker.host)
      if daemon.majorVersion >= 27 {
        try workplace.with(definition) { try exchange($0, .udp) }
      } else {
        let error = #expect(throws: UserError.self) { try workplace.with(definition) { _ in } }
        #expect(error?.exitCode == .unavailable)
        #expect(error?.message == "Docker \(daemon.version) publishes IPv6 ports by its proxy alone")
      }
      #expect(try engineRemains(of: workplace.runID, docker) == [])
      #expect(workplace.journal.resources == [])
    }

    @Test("the user's own commands run in a container, with this host's programs")
    func commands() throws {
      try with(DockerBridge(host: try docker().host), mountsHostPrograms: true) { environment, _ in
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

    @Test("the image is made once for a run, and goes with it")
    func cache() throws {
      let docker = try docker()
      let workplace = try Workplace()
      let cache = EngineCache(resources: workplace.resources)
      for _ in 0..<2 {
        let trial = HostResources(
          journal: workplace.journal, settings: BuildSettings(worker: try workerFile(), engines: cache))
        do { try exchange(try HostNetwork(host: docker.host).build(with: trial), .udp) } catch { Issue.record(error) }
        try trial.removeAll()
        let remains = try engineRemains(of: workplace.runID, docker)
        #expect(remains.count == 1 && remains[0].hasSuffix("-image"))
      }
      try workplace.resources.removeAll()
      #expect(try engineRemains(of: workplace.runID, docker) == [])
      #expect(workplace.journal.resources == [])
    }

    @Test("what a killed run has left goes with the next sweep")
    func sweep() throws {
      let docker = try docker()
      let before = try HostState.now()
      let directory = try ScratchDirectory()
      let runID = randomRunID()
      do {
        // Nobody removes what this one has made.
        let resources = HostResources(
          journal: try Journal(runID: runID, directory: directory.path),
          settings: BuildSettings(worker: try workerFile()))
        _ = try DockerPublished(.translation, host: docker.host).build(with: resources)
      }
      #expect(try engineRemains(of: runID, docker).count == 3)
      let outcomes = try Sweep.run(directory: directory.path)
      #expect(outcomes.map(\.runID) == [runID] && outcomes.allSatisfy { $0.failed == [] })
      #expect(try engineRemains(of: runID, docker) == [])
      #expect(directory.files == [])
      #expect(try HostState.now() == before)
      #expect(try Sweep.run(directory: directory.path) == [])
    }

    @Test("a build that fails in the middle leaves nothing")
    func failure() throws {
      let docker = try docker()
      let directory = try ScratchDirectory()
      let runID = randomRunID()
      let journal = try Journal(runID: runID, directory: directory.path)
      // No program: the container's first process cannot be started.
      let resources = HostResources(journal: journal, settings: BuildSettings(worker: "/etc/hostname"))
      let error = userError { () throws(UserError) in _ = try DockerBridge(host: docker.host).build(with: resources) }
      #expect(error?.exitCode == .unavailable)
      #expect(try #require(error?.message).contains("server"))
      try resources.removeAll()
      #expect(try engineRemains(of: runID, docker) == [] && leftovers(of: runID) == [])
      #expect(journal.resources == [])
    }

    @Test("the daemon is the one that the docker command would use")
    func discovery() async throws {
      let directory = try ScratchDirectory()
      let path = directory.path
      for words in [
        ["create", "elsewhere", "--docker", "host=unix:///elsewhere.sock"], ["use", "elsewhere"],
      ] {
        _ = try output("/usr/bin/env", ["DOCKER_CONFIG=\(path)", "docker", "context"] + words)
      }
      // In a process of its own, since the environment is the process's.
      await #expect(processExitsWith: .success) { [path = path as String] in
        unsetenv("DOCKER_CONTEXT")
        setenv("DOCKER_CONFIG", path, 1)
        setenv("DOCKER_HOST", "unix:///named.sock", 1)
        guard try DockerDaemon.candidates().first == "unix:///named.sock" else { exit(2) }
        unsetenv("DOCKER_HOST")
        guard try DockerDaemon.candidates().first == "unix:///elsewhere.sock" else { exit(3) }
      }
    }

    @Test("where no daemon answers it is unavailable, with the remedy")
    func missing() throws {
      let workplace = try Workplace()
      let host = "unix://\(workplace.directory.path)/docker.sock"
      let error = #expect(throws: UserError.self) { try workplace.with(DockerBridge(host: host)) { _ in } }
      #expect(error?.exitCode == .unavailable)
      #expect(error?.message == "no Docker daemon answers at \(host)")
      #expect(
        error?.remedy
          == "start it (systemctl start docker), or let 'bench doctor --fix docker' start a private one")
      #expect(workplace.journal.resources == [])
    }
  }
}
