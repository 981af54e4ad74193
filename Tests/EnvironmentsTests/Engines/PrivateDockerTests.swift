import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

extension EngineTests {
  @Suite("A private Docker daemon", .requiresEngine("docker", "dockerd", "iptables"))
  struct PrivateDaemon {
    private func processes(in directory: String) -> [String] {
      ProcessTree.all().map { ProcessTree.command(of: $0).joined(separator: " ") }.filter { $0.contains(directory) }
    }

    @Test("it answers, has a network namespace of its own, and nothing is left of it")
    func life() throws {
      let before = try HostState.now()
      let directory = try ScratchDirectory()
      let docker = try PrivateDocker.start(directory: "\(directory.path)/d")
      #expect(docker.isAnswering)
      let workplace = try Workplace(engineFamily: .ipv4)
      try workplace.with(HostNetwork(host: docker.host)) { try exchange($0, .udp) }
      // A second start is the same daemon.
      let first = processes(in: directory.path)
      #expect(try PrivateDocker.start(directory: "\(directory.path)/d") == docker)
      #expect(processes(in: directory.path) == first)
      let daemon = try DockerDaemon(host: docker.host)
      #expect(daemon.place.path?.hasPrefix("/proc/") == true && !daemon.place.isOwn)
      let name = try #require(SmallFile.line("\(docker.directory)/namespace"))
      #expect(try output("/usr/bin/env", ["ip", "netns", "list"]).contains(name))
      #expect(try HostState.now() == before)

      try docker.stop()
      #expect(!docker.isAnswering)
      #expect(processes(in: directory.path) == [])
      #expect(directory.files == [])
      #expect(try HostState.now() == before)
      #expect(try leftovers(of: name) == [])
      #expect(Folder.mountPoints(in: directory.path) == [])
      // Once more is no error.
      try docker.stop()
    }

    @Test("one of a killed run goes with the next sweep, with the container that runs in it")
    func sweep() throws {
      let before = try HostState.now()
      let directory = try ScratchDirectory()
      let runID = randomRunID()
      let pid: Int32
      do {
        let resources = HostResources(
          journal: try Journal(runID: runID, directory: "\(directory.path)/journal"),
          settings: BuildSettings(worker: try workerFile()))
        let docker = try PrivateDocker.start(directory: "\(directory.path)/d", with: resources)
        let environment = try HostNetwork(host: docker.host).build(with: resources)
        pid = try #require(try environment.server.start("").processes.first)
        // The daemon is killed as well, so that nobody answers when the container is to be removed.
        for process in ProcessTree.all() where ProcessTree.command(of: process).contains("\(directory.path)/d/data") {
          try ProcessIdentity(of: process)?.end()
        }
      }
      // What cannot be removed without the daemon goes with the daemon's directory.
      let outcomes = try Sweep.run(directory: "\(directory.path)/journal")
      #expect(outcomes.map(\.runID) == [runID] && outcomes.allSatisfy { $0.failed == [] }, "\(outcomes)")
      #expect(ProcessIdentity(of: pid) == nil)
      #expect(processes(in: directory.path) == [])
      #expect(Folder.mountPoints(in: directory.path) == [])
      #expect(try leftovers(of: runID) == [])
      #expect(try HostState.now() == before)
    }

    @Test("a directory whose path is too long for a socket is refused")
    func longPath() throws {
      let directory = try ScratchDirectory()
      let path = "\(directory.path)/\(String(repeating: "x", count: 100))"
      let error = userError { () throws(UserError) in try PrivateDocker.start(directory: path) }
      #expect(error?.exitCode == .usage)
      #expect(try #require(error?.message).contains("too long for a socket"))
      #expect(directory.files == [])
    }
  }
}

@Suite("What --fix may do about engines")
struct EngineSetupTests {
  @Test("a missing program is installed, by its package; what is there is left alone")
  func install() {
    let actions = EngineSetup.actions(for: .gvisor, directory: "/d") { $0 != "runsc" }
    #expect(actions.map(\.finding) == ["There is no runsc on this host."])
    #expect(actions.map(\.sentence) == ["Install with apt-get: runsc."])
    #expect(actions.map(\.step) == [.install(packages: ["runsc"])])
    #expect(EngineSetup.actions(for: .gvisor, directory: "/d") { _ in true } == [])
    #expect(EngineSetup.actions(for: .bridge, directory: "/d") { _ in false } == [])
  }

  @Test("without Docker its package is installed and a private daemon started, in this order")
  func docker() {
    let actions = EngineSetup.actions(for: .docker, directory: "/var/lib/bench/docker") { _ in false }
    #expect(
      actions.map(\.step) == [
        .install(packages: ["docker.io", "iptables"]), .startPrivateDocker(directory: "/var/lib/bench/docker"),
      ])
    #expect(actions.last?.sentence.contains("/var/lib/bench/docker") == true)
  }

  @Test("the worker's image is an archive that tar reads", .requiresProgram("tar"))
  func archive() throws {
    let directory = try ScratchDirectory()
    let worker = "\(directory.path)/worker"
    let content = Data((0..<70_001).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    try content.write(to: URL(filePath: worker))
    let archive = "\(directory.path)/worker.tar"
    try ContainerImage.archive(worker: worker).write(to: URL(filePath: archive))
    let list = try output("/usr/bin/env", ["tar", "--list", "--verbose", "--file", archive])
    #expect(list.hasPrefix("-rwxr-xr-x 0/0") && list.contains("70001") && list.hasSuffix("bench-worker\n"))
    _ = try output("/usr/bin/env", ["tar", "--extract", "--directory", directory.path, "--file", archive])
    #expect(FileManager.default.contents(atPath: "\(directory.path)/bench-worker") == content)
    let error = userError { () throws(UserError) in try ContainerImage.archive(worker: "\(directory.path)/none") }
    #expect(error?.remedy == "set BENCH_WORKER to the worker's file")
  }

  @Test("a directory goes with all that is in it, and not with what a link in it points to")
  func folder() throws {
    let directory = try ScratchDirectory()
    let path = "\(directory.path)/folder"
    try Folder.make(path)
    #expect(!Folder.isFilled(path))
    let again = userError { () throws(UserError) in try Folder.make(path) }
    #expect(try #require(again?.message).contains("File exists"))
    try FileManager.default.createDirectory(atPath: "\(path)/a/b", withIntermediateDirectories: true)
    try "kept".write(toFile: "\(directory.path)/kept", atomically: false, encoding: .utf8)
    try FileManager.default.createSymbolicLink(atPath: "\(path)/a/link", withDestinationPath: directory.path)
    #expect(Folder.isFilled(path))
    try Folder.remove(path)
    #expect(directory.files == ["kept"])
    try Folder.remove(path)
  }

  @Test("a directory with another's name, or with other files, is left alone")
  func foreign() throws {
    let directory = try ScratchDirectory()
    let path = "\(directory.path)/documents"
    try Folder.make(path)
    try "kept".write(toFile: "\(path)/kept", atomically: false, encoding: .utf8)
    #expect(throws: SystemError(call: "remove", subject: path, code: EPERM)) {
      try Resource.folder(path: path).remove()
    }
    #expect(throws: SystemError(call: "remove", subject: path, code: ENOTEMPTY)) {
      try Resource.privateDocker(directory: path).remove()
    }
    #expect(Folder.isFilled(path))
  }

  @Test("a directory goes after what is mounted in it", .requiresNetworkNamespaces)
  func mounted() throws {
    let directory = try ScratchDirectory()
    let path = "\(directory.path)/a folder"
    try FileManager.default.createDirectory(atPath: "\(path)/inner", withIntermediateDirectories: true)
    try #require(mount("tmpfs", "\(path)/inner", "tmpfs", 0, "size=64k") == 0)
    try "x".write(toFile: "\(path)/inner/file", atomically: false, encoding: .utf8)
    #expect(Folder.mountPoints(in: path) == ["\(path)/inner"])
    try Folder.remove(path)
    #expect(Folder.mountPoints(in: directory.path) == [])
    #expect(directory.files == [])
  }
}
