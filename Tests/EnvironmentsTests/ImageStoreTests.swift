import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

/// Files whose sizes are whole blocks everywhere: 8 that are shared, and 2 of the application.
private let content = StorageContent(groups: [StorageContent.Group(.names, count: 8, size: 16_384)])
private let base = 8.0 * 16_384
private let application = 2.0 * 16_384

/// Builds a store for the time of `body`, and proves that nothing of it is left on the host.
private func with(
  _ definition: any ImageEnvironment, _ body: (any ImageStore, Workplace) throws -> Void
) throws {
  let workplace = try Workplace()
  do {
    try body(try definition.build(with: workplace.resources, content: content), workplace)
  } catch {
    try? workplace.resources.removeAll()
    throw error
  }
  try workplace.resources.removeAll()
  #expect(workplace.journal.resources == [])
  #expect(workplace.directory.files == ["\(workplace.runID).journal"])
  #expect(try remains(of: workplace.runID) == [])
}

/// What `find` says that the files below a directory take of the disk, in bytes.
private func found(_ directory: String, _ conditions: [String] = []) throws -> Double {
  let list = try output("/usr/bin/env", ["find", directory, "-type", "f"] + conditions + ["-printf", "%b\n"])
  return try list.split(separator: "\n").map { try #require(Double($0)) * 512 }.reduce(0, +)
}

/// The bytes that the application's file has after a rebuild.
private func applicationBytes(_ index: Int, _ version: Int) -> Data {
  var bytes = [UInt8](repeating: 0, count: 16_384)
  ContentBytes.fill(
    &bytes, seed: ContentBytes.seed(group: .own, index: index, version: version + 1), offset: 0)
  return Data(bytes)
}

/// The only directory of a run beside the journal.
private func folder(_ workplace: Workplace) throws -> String {
  let folders = workplace.directory.files.filter { $0.hasPrefix("bench-") }
  try #require(folders.count == 1)
  return "\(workplace.directory.path)/\(folders[0])"
}

@Suite("Stores of images")
struct ImageStoreTests {
  @Test("a plain directory does not grow, and has the new files alone", .requiresProgram("find"))
  func plain() throws {
    try with(PlainDeployment()) { store, workplace in
      let folder = try folder(workplace)
      let first = try store.usage()
      #expect(first == ImageUsage(total: base + application, reclaimable: 0, shared: 0, unique: base + application))
      for number in 1...5 {
        try store.rebuild(number)
        #expect(try store.usage() == first)
        #expect(try found(folder) == first.total)
        for index in 0..<2 {
          #expect(
            FileManager.default.contents(atPath: "\(folder)/app/00000\(index)") == applicationBytes(index, number))
        }
      }
      try store.prune()
      #expect(try store.usage() == first)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["app", "base"])
      #expect(store.details[0].contains(try FileSystemFacts(at: folder).type))
    }
  }

  @Test("layers grow by the application with each rebuild", .requiresNetworkNamespaces, .requiresProgram("find"))
  func layers() throws {
    try with(LayeredImages()) { store, workplace in
      let folder = try folder(workplace)
      for number in 0...5 {
        if number > 0 { try store.rebuild(number) }
        let old = application * Double(number)
        let usage = try store.usage()
        #expect(
          usage == ImageUsage(total: base + application + old, reclaimable: old, shared: base, unique: application))
        #expect(try found(folder) == usage.total)
        // The name points to the newest.
        #expect(FileManager.default.contents(atPath: "\(folder)/app/app/000001") == applicationBytes(1, number))
      }
      try store.prune()
      let pruned = ImageUsage(total: base + application, reclaimable: 0, shared: base, unique: application)
      #expect(try store.usage() == pruned)
      #expect(FileManager.default.contents(atPath: "\(folder)/app/app/000000") == applicationBytes(0, 5))
      for number in 6...10 {
        try store.rebuild(number)
        try store.prune()
        #expect(try store.usage() == pruned && found(folder) == pruned.total)
      }
    }
  }

  @Test("a store on a disk that is full says so, and goes", .requiresNetworkNamespaces)
  func full() throws {
    for definition in [PlainDeployment() as any ImageEnvironment, LayeredImages()] {
      let tiny = try TinyFileSystem(kibibytes: 96)
      let journal = try Journal(runID: randomRunID(), directory: tiny.path)
      let resources = HostResources(journal: journal)
      let error = userError { () throws(UserError) in try definition.build(with: resources, content: content) }
      #expect(error?.exitCode == .unavailable && error?.remedy?.hasPrefix("free some space") == true)
      try resources.removeAll()
      #expect(journal.resources == [])
      #expect(try FileManager.default.contentsOfDirectory(atPath: tiny.path).allSatisfy { $0.hasSuffix(".journal") })
    }
  }
}

extension EngineTests {
  @Suite("Docker's images", .requiresEngine("docker", "dockerd", "iptables"), .privateDocker)
  struct DockerImageStores {
    private func docker() throws -> PrivateDocker { try #require(PrivateDockerTrait.docker) }

    private func list(_ arguments: [String]) throws -> [String] {
      try output("/usr/bin/env", ["docker", "--host", try docker().host] + arguments).split(separator: "\n")
        .map(String.init)
    }

    private func dangling() throws -> Int {
      try list(["image", "ls", "--quiet", "--no-trunc", "--filter", "dangling=true"]).count
    }

    /// Bytes of the application's files, wherever the daemon has them.
    private func applications() throws -> Double {
      try found("\(try docker().directory)/data", ["-path", "*/app/*"])
    }

    @Test("grow by the application with each rebuild, until they are pruned", .requiresProgram("find"))
    func growth() throws {
      let daemon = try DockerDaemon(host: try docker().host)
      // The store of images of containerd keeps the archives of layers, too.
      let isExact = try daemon.storage().driver != "overlayfs"
      try with(DockerImages(host: daemon.host)) { store, workplace in
        var last = try store.usage()
        for number in 1...5 {
          try store.rebuild(number)
          let usage = try store.usage()
          #expect(usage.total - last.total >= application && usage.shared >= base && usage.unique >= application)
          if isExact {
            let old = application * Double(number)
            #expect(
              usage == ImageUsage(total: base + application + old, reclaimable: old, shared: base, unique: application))
            #expect(try applications() == application + old)
            let name = try #require(
              try list(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]).first {
                $0.hasSuffix("-store:app")
              })
            // As Docker counts the image's layers.
            #expect(
              try list(["history", "--human=false", "--format", "{{.Size}}", name])
                == ["\(Int(application))", "\(Int(base))"])
          }
          #expect(try dangling() == number)
          last = usage
        }
        try store.prune()
        let pruned = try store.usage()
        #expect(try dangling() == 0)
        #expect(pruned.reclaimable == 0 && pruned.total == last.shared + last.unique)
        for number in 6...8 {
          try store.rebuild(number)
          try store.prune()
          #expect(try store.usage() == pruned)
        }
        #expect(try engineRemains(of: workplace.runID, docker()).count == 2, "the base and the newest")
      }
      #expect(try list(["image", "ls", "--all", "--quiet"]) == [] && list(["ps", "--all", "--quiet"]) == [])
      #expect(try applications() == 0)
    }

    @Test("of others are neither counted nor pruned")
    func others() throws {
      let host = try docker().host
      let neighbor = try Workplace()
      let other = try DockerImages(host: host).build(with: neighbor.resources, content: content)
      try other.rebuild(1)
      let before = try other.usage()
      #expect(before.reclaimable > 0)
      try with(DockerImages(host: host)) { store, _ in
        try store.rebuild(1)
        #expect(try store.usage().reclaimable == before.reclaimable)
        try store.prune()
      }
      #expect(try other.usage() == before)
      try neighbor.resources.removeAll()
      #expect(try list(["image", "ls", "--all", "--quiet"]) == [])
    }

    @Test("of a killed run go with the next sweep, also those without a name")
    func sweep() throws {
      let directory = try ScratchDirectory()
      let runID = randomRunID()
      do {
        // Nobody removes what this one has made.
        let resources = HostResources(journal: try Journal(runID: runID, directory: directory.path))
        let store = try DockerImages(host: try docker().host).build(with: resources, content: content)
        try store.rebuild(1)
      }
      #expect(try list(["image", "ls", "--quiet"]).count == 3)
      let outcomes = try Sweep.run(directory: directory.path)
      #expect(outcomes.map(\.runID) == [runID] && outcomes.allSatisfy { $0.failed == [] })
      #expect(try list(["image", "ls", "--all", "--quiet"]) == [] && directory.files == [])
    }
  }
}
