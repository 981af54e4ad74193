import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

/// Everything that engines do here is one after the other: each test looks at what its engine has on the host.
@Suite("Environments with container engines", .serialized)
enum EngineTests {}

extension Trait where Self == ConditionTrait {
  /// The test uses an engine. Without root or one of its programs it is skipped, but not in the privileged lane.
  static func requiresEngine(_ programs: String...) -> Self {
    .enabled(
      if: isPrivilegedLane || (getuid() == 0 && programs.allSatisfy { EngineTool.find($0) != nil }),
      "needs root, and \(programs.joined(separator: ", ")) in PATH: run `sudo make test`, which installs them")
  }
}

/// A Docker daemon of the suite's own, in a directory and a network namespace of its own, for as long as the suite runs.
struct PrivateDockerTrait: SuiteTrait, TestScoping {
  @TaskLocal static var docker: PrivateDocker?

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let directory = try ScratchDirectory()
    let docker = try PrivateDocker.start(directory: "\(directory.path)/d")
    do {
      try await Self.$docker.withValue(docker) { try await function() }
    } catch {
      try? docker.stop()
      throw error
    }
    try docker.stop()
    #expect(directory.files == [])
  }
}

extension Trait where Self == PrivateDockerTrait {
  static var privateDocker: Self { PrivateDockerTrait() }
}

/// The worker's file: `BENCH_WORKER`, else beside the program that runs the tests.
func workerFile() throws -> String {
  if let path = ProcessInfo.processInfo.environment["BENCH_WORKER"], !path.isEmpty { return path }
  let program = try #require(SmallFile.line("/proc/self/cmdline")?.split(separator: "\0").first.map(String.init))
  let products = URL(filePath: program).deletingLastPathComponent()
  for folder in [products, products.deletingLastPathComponent()] {
    let path = folder.appending(path: "bench-worker").path
    if access(path, X_OK) == 0 { return path }
  }
  throw UserError(.unavailable, "no bench-worker beside \(program): build it, or name it in BENCH_WORKER")
}

extension Workplace {
  init(engineFamily family: AddressFamily = .ipv4, mountsHostPrograms: Bool = false) throws {
    directory = try ScratchDirectory()
    runID = randomRunID()
    journal = try Journal(runID: runID, directory: directory.path)
    resources = HostResources(
      journal: journal,
      settings: BuildSettings(family: family, worker: try workerFile(), mountsHostPrograms: mountsHostPrograms))
  }
}

/// Two workers of an environment, wherever they stand: a conversation as the harness has it.
struct WorkerPair {
  let environment: BuiltEnvironment
  let server: WorkerProcess
  let port: UInt16
  private let nonce = UInt64.random(in: 1 ... .max)
  private let transport: WorkerConfiguration.Transport
  private let size = 64

  init(_ environment: BuiltEnvironment, _ transport: WorkerConfiguration.Transport) throws {
    self.environment = environment
    self.transport = transport
    let configuration = WorkerConfiguration(
      role: .server, transport: transport, wait: .block, size: size, namespace: environment.server.namespaceToEnter,
      address: environment.service.listenAddress, port: environment.service.listenPort, nonce: nonce)
    server = try environment.server.start(try workerFile())
    try server.child.write(WorkerMessage.configure(configuration).line)
    guard case .listening(let port) = try Self.receive(server) else { throw Unexpected() }
    self.port = port
  }

  struct Unexpected: Error {}

  static func receive(_ worker: WorkerProcess) throws -> WorkerMessage {
    let line: [UInt8]
    do { line = try worker.child.readLine(deadline: Clock.monotonic() + 20_000_000_000) } catch {
      Issue.record("\(error): \(worker.child.standardError())")
      throw error
    }
    let message = try WorkerMessage(line: line)
    if case .failed(let reason) = message { Issue.record("the worker failed: \(reason)") }
    return message
  }

  /// A window of traffic.
  /// - Parameter target: where the client sends to instead of where the environment says.
  func talk(target: (address: String, port: UInt16)? = nil) throws -> (attestation: Attestation, result: ClientResult) {
    let service = environment.service
    let configuration = WorkerConfiguration(
      role: .client, transport: transport, wait: .block, size: size, namespace: environment.client.namespaceToEnter,
      address: target?.address ?? service.targetAddress, port: target?.port ?? service.targetPort ?? port, nonce: nonce,
      warmupNanoseconds: 20_000_000, windowNanoseconds: 60_000_000, timeoutNanoseconds: 5_000_000_000,
      countedOperations: 1)
    let client = try environment.client.start(try workerFile())
    try client.child.write(WorkerMessage.configure(configuration).line)
    guard case .ready = try Self.receive(client) else { throw Unexpected() }
    let before = try environment.readCounters()
    try client.child.write(WorkerMessage.start.line)
    guard case .result(let result) = try Self.receive(client) else { throw Unexpected() }
    let deadline = Clock.monotonic() + 20_000_000_000
    let samples = result.samples * 4 * (result.hasServiceTimes ? 2 : 1)
    if samples > 0 { #expect(try client.child.readBytes(samples, deadline: deadline).count == samples) }
    let after = try environment.readCounters()
    let cpuTime = try server.cpuTime()
    let family: AddressFamily = service.targetAddress.contains(":") ? .ipv6 : .ipv4
    let traffic = PathTraffic(
      transport: transport == .udp ? .udp : .tcp, family: family, size: size, requests: result.sent,
      replies: UInt64(result.samples))
    #expect(client.processes.allSatisfy { $0 > 0 } && !client.processes.isEmpty)
    // A server over TCP ends with its client's connection.
    #expect(cpuTime > 0)
    // Until now the client stood, and so did its connection.
    try client.child.write(WorkerMessage.count.line)
    guard case .counted = try Self.receive(client) else { throw Unexpected() }
    #expect(try client.child.waitForExit(deadline: deadline) == .exited(0))
    return (environment.attest(from: before, to: after, traffic: traffic), result)
  }

  /// Stops the server, and hears what it did.
  func stop() throws -> ServerResult {
    server.terminate()
    guard case .stopped(let result) = try Self.receive(server) else { throw Unexpected() }
    #expect(try server.child.waitForExit(deadline: Clock.monotonic() + 20_000_000_000) == .exited(0))
    return result
  }
}

/// A window of traffic between the environment's workers, which must be attested and answered.
func exchange(_ environment: BuiltEnvironment, _ transport: WorkerConfiguration.Transport) throws {
  let pair = try WorkerPair(environment, transport)
  let (attestation, result) = try pair.talk()
  #expect(attestation.failures == [], "\(environment.interfaces.map(\.interface))")
  // How many there are in the window is for the host to say. One is enough, since each hop must have carried all of them.
  #expect(result.samples > 0 && result.lost == 0)
  #expect(try pair.stop().echoed >= result.sent)
}

/// The path as interfaces with their roles: "client eth0".
func way(_ environment: BuiltEnvironment) -> [String] {
  environment.interfaces.filter { $0.passage != .none }.map { "\($0.role) \($0.interface)" }
}

/// What the host's network is, by independent witnesses.
struct HostState: Equatable {
  var rules: String
  var links: Set<String>

  static func now() throws -> HostState {
    HostState(rules: try output("/usr/bin/env", ["nft", "list", "ruleset"]), links: try hostLinks())
  }
}

/// What is left of a run: namespaces, mounts, files in /run, processes and control groups, each by the run's id.
func leftovers(of runID: String) throws -> [String] {
  let files = (try? FileManager.default.contentsOfDirectory(atPath: "/run")) ?? []
  let processes = ProcessTree.all().map { ProcessTree.command(of: $0).joined(separator: " ") }
  // In the hierarchies of both versions.
  let root = "/sys/fs/cgroup"
  let hierarchies = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []) + [""]
  let groups = hierarchies.flatMap { (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\($0)")) ?? [] }
  return try remains(of: runID) + (files + processes + groups).filter { $0.contains(runID) }
}

/// What engines have of a run: containers, networks, images, by its id.
func engineRemains(of runID: String, _ docker: PrivateDocker) throws -> [String] {
  func list(_ arguments: [String]) throws -> [String] {
    try output("/usr/bin/env", ["docker", "--host", docker.host] + arguments).split(separator: "\n").map(String.init)
  }
  return try
    (list(["ps", "--all", "--format", "{{.Names}}"]) + list(["network", "ls", "--format", "{{.Name}}"])
    + list(["image", "ls", "--format", "{{.Repository}}"])).filter { $0.contains(runID) }
}

/// Links of a named namespace, by the program `ip`.
enum NetlinkSocketReader {
  static func names(in namespace: String) throws -> [String] {
    struct Link: Decodable { var ifname: String }
    let json = try output("/usr/bin/env", ["ip", "-j", "-n", namespace, "link", "show"])
    return try JSONDecoder().decode([Link].self, from: Data(json.utf8)).map(\.ifname).sorted()
  }
}

/// Datagrams sent from a namespace, to whom nobody need answer.
func sendDatagrams(
  _ count: Int, _ message: [UInt8], to address: String, port: UInt16, in namespace: String
) throws {
  try onDedicatedThread { () throws(SystemError) in
    try NetworkNamespace.enter(path: namespace)
    let socket = Descriptor(
      owning: try systemCall("socket") { Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) })
    let fd = socket.rawValue
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &target.sin_addr)
    try withUnsafePointer(to: target) { pointer throws(SystemError) in
      let raw = UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
      for _ in 0..<count {
        try systemCall("sendto") {
          sendto(fd, message, message.count, 0, raw, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
  }
}
