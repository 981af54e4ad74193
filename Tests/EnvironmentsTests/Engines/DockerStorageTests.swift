import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

/// Files of odd sizes, more than one group, and directories.
private let content = StorageContent(groups: [
  StorageContent.Group(.write, count: 3, size: 10_001), StorageContent.Group(.io, count: 1, size: 3 << 20),
  StorageContent.Group(.directories, count: 2, size: 100),
])

/// What the files are of which a content consists, by their paths in it.
private func expectedFiles(_ content: StorageContent) -> [String: [UInt8]] {
  var files: [String: [UInt8]] = [:]
  for group in content.groups {
    for index in 0..<group.count {
      var bytes = [UInt8](repeating: 0, count: group.size)
      ContentBytes.fill(&bytes, group: group.group, index: index, offset: 0)
      let path = FileLayout.path(group.group, index, in: "")
      files[group.group == .directories ? "\(path)/000000" : path] = bytes
    }
  }
  return files
}

/// All files below a directory, by their paths in it, and the directories without any, which end with a slash.
private func files(in directory: String) throws -> [String: [UInt8]] {
  var files: [String: [UInt8]] = [:]
  for path in try FileManager.default.subpathsOfDirectory(atPath: directory) {
    let entries = try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(path)")
    if let bytes = FileManager.default.contents(atPath: "\(directory)/\(path)"), entries == nil {
      files["/\(path)"] = [UInt8](bytes)
    } else if entries == [] {
      files["/\(path)/"] = []
    }
  }
  return files
}

/// What is to be said of a path and of the file system that `plain-host` would be on.
private func comparison(_ path: String, _ workplace: Workplace) throws -> String {
  let isSame = try device(path) == device(workplace.directory.path)
  return isSame ? "the same file system as plain-host" : "another file system than plain-host"
}

private func device(_ path: String) throws -> UInt64 { try #require(MountEntry.device(of: path), "\(path)") }

/// Writes to the start of a file that is there.
private func overwrite(_ path: String) throws {
  try LinuxKit.Descriptor.open(path, O_WRONLY).write([UInt8](repeating: 0xAA, count: 16))
}

@Suite("The bytes of contents")
struct ContentBytesTests {
  @Test("are the numbers of SplitMix64, little-endian")
  func golden() {
    // The first outputs for the seed 1234567, as Rosetta Code has them for the reference implementation.
    let numbers: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    var bytes = [UInt8](repeating: 0, count: 40)
    ContentBytes.fill(&bytes, seed: 1_234_567, offset: 0)
    #expect(bytes == numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } })
  }

  @Test("are the same in whatever parts a file is written", arguments: [1, 3, 7, 8, 9, 16, 1000])
  func parts(size: Int) {
    var whole = [UInt8](repeating: 0, count: 1003)
    ContentBytes.fill(&whole, group: .names, index: 5, offset: 0)
    var joined: [UInt8] = []
    while joined.count < whole.count {
      var part = [UInt8](repeating: 0, count: min(size, whole.count - joined.count))
      ContentBytes.fill(&part, group: .names, index: 5, offset: joined.count)
      joined += part
    }
    #expect(joined == whole)
  }

  @Test("are others in each file, and nowhere twice")
  func distinct() {
    var words: Set<UInt64> = []
    var count = 0
    for group in FileLayout.Group.allCases {
      for index in 0..<3 {
        var bytes = [UInt8](repeating: 0, count: 4096)
        ContentBytes.fill(&bytes, group: group, index: index, offset: 0)
        bytes.withUnsafeBytes { words.formUnion($0.bindMemory(to: UInt64.self)) }
        count += 512
      }
    }
    #expect(words.count == count)
    #expect(
      ContentBytes.seed(group: .own, index: 0, version: 1) != ContentBytes.seed(group: .own, index: 1, version: 0))
  }
}

@Suite("Archives of contents")
struct ContentArchiveTests {
  @Test("tar reads them, byte for byte", .requiresProgram("tar"))
  func extract() throws {
    let directory = try ScratchDirectory()
    let worker = Data((0..<70_001).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    try worker.write(to: URL(filePath: "\(directory.path)/worker"))
    let archive = "\(directory.path)/image.tar"
    try ContentArchive.write(to: archive, worker: "\(directory.path)/worker", content: content)
    let list = try output("/usr/bin/env", ["tar", "--list", "--verbose", "--file", archive])
    #expect(list.contains("-rwxr-xr-x 0/0           70001") && list.contains("drwxr-xr-x 0/0               0"))
    try FileManager.default.createDirectory(atPath: "\(directory.path)/x", withIntermediateDirectories: true)
    _ = try output("/usr/bin/env", ["tar", "--extract", "--directory", "\(directory.path)/x", "--file", archive])
    #expect(FileManager.default.contents(atPath: "\(directory.path)/x/bench-worker") == worker)
    #expect(try files(in: "\(directory.path)/x/content") == expectedFiles(content).merging(["/own/": []]) { $1 })
    // Never over one that is there.
    let error = userError { () throws(UserError) in
      try ContentArchive.write(to: archive, worker: nil, content: content)
    }
    #expect(try #require(error?.message).contains("File exists"))
  }

  @Test("a file of 8 GiB or more has its size", .requiresProgram("tar"), arguments: [1 << 33, (10 << 30) + 1])
  func large(size: Int) throws {
    let directory = try ScratchDirectory()
    let archive = "\(directory.path)/large.tar"
    let file = try LinuxKit.Descriptor.open(archive, O_WRONLY | O_CREAT, mode: 0o600)
    try file.write(ContainerImage.header("/content/io/000000", mode: 0o644, size: size))
    // A hole for the bytes.
    try #require(truncate(archive, 512 + (size + 511) / 512 * 512 + 1024) == 0)
    let list = try output("/usr/bin/env", ["tar", "--list", "--verbose", "--file", archive])
    #expect(list.contains(" \(size) ") && list.hasSuffix("content/io/000000\n"))
  }

  @Test("a disk that is full is said to be", .requiresNetworkNamespaces)
  func full() throws {
    let tiny = try TinyFileSystem(kibibytes: 1024)
    let error = userError { () throws(UserError) in
      try ContentArchive.write(to: "\(tiny.path)/image.tar", worker: nil, content: content)
    }
    #expect(error?.exitCode == .unavailable && error?.remedy?.hasPrefix("free some space") == true)
  }
}

@Suite("The table of mounts")
struct MountEntryTests {
  @Test("is read with all its optional fields")
  func line() throws {
    let overlay = try #require(
      MountEntry(
        "36 35 0:52 / / rw,relatime shared:1 master:2 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/data/c/diff"))
    #expect(overlay.point == "/" && overlay.type == "overlay" && overlay.source == "overlay")
    #expect(overlay.option("upperdir") == "/data/c/diff" && overlay.option("lowerdir") == "/l/A:/l/B")
    #expect(overlay.option("upper") == nil)
    #expect(MountEntry("36 35 0:52 / / rw - ext4 /dev/vda rw")?.source == "/dev/vda")
    #expect(MountEntry("36 35 0:52 / / rw - ext4") == nil && MountEntry("") == nil)
  }
}

extension EngineTests {
  @Suite("Docker's storage", .requiresEngine("docker", "dockerd", "iptables"), .privateDocker)
  struct DockerStorages {
    private func docker() throws -> PrivateDocker { try #require(PrivateDockerTrait.docker) }

    private func list(_ arguments: [String]) throws -> [String] {
      try output("/usr/bin/env", ["docker", "--host", try docker().host] + arguments).split(separator: "\n")
        .map(String.init)
    }

    /// What the daemon has of a run, volumes too.
    private func remains(of runID: String) throws -> [String] {
      try engineRemains(of: runID, docker())
        + list(["volume", "ls", "--format", "{{.Name}}"]).filter { $0.contains(runID) }
    }

    /// Builds an environment, and proves that nothing of it is left on the host or with the daemon.
    /// - Parameter body: gets the directory of the content, as it is seen from outside of the container.
    private func with(
      _ place: DockerStorage.Place, _ content: StorageContent = content,
      _ body: (BuiltStorage, _ outside: String, Workplace) throws -> Void
    ) throws {
      let workplace = try Workplace(engineFamily: .ipv4)
      do {
        let storage = try DockerStorage(place, host: try docker().host).build(
          with: workplace.resources, content: content)
        guard case .container(let worker) = storage.place else { throw WorkerPair.Unexpected() }
        let process = try #require(worker.processes.first)
        try body(storage, "/proc/\(process)/root\(storage.directory)", workplace)
      } catch {
        try? workplace.resources.removeAll()
        throw error
      }
      try workplace.resources.removeAll()
      #expect(workplace.journal.resources == [])
      #expect(try remains(of: workplace.runID) == [] && leftovers(of: workplace.runID) == [])
      #expect(workplace.directory.files == ["\(workplace.runID).journal"])
    }

    @Test("the content is in it, byte for byte", arguments: [DockerStorage.Place.layer, .volume])
    func contents(place: DockerStorage.Place) throws {
      try with(place) { storage, outside, _ in
        #expect(storage.directory == "/content" && storage.mountNamespace == nil)
        #expect(try files(in: outside) == expectedFiles(content).merging(["/own/": []]) { $1 })
        guard case .unknown(let reason) = storage.device else { throw WorkerPair.Unexpected() }
        #expect(reason == "others write to the host's disk, too")
        let daemon = try DockerDaemon(host: try docker().host)
        #expect(storage.details.first == "Docker \(daemon.version), storage driver \(try daemon.storage().driver)")
        let status = try SmallFile.text("\(outside.split(separator: "/root/")[0])/status")
        let isFiltered = status.contains("Seccomp:\t2")
        #expect(
          storage.details.last
            == (isFiltered ? "each system call passes Docker's filter" : "no filter of system calls"))
      }
    }

    private static let works: [(WorkloadSpec.Kind, StorageConfiguration.Loop)] = [
      (.copyUp, .copyUp), (.randomIO, .io), (.lookup, .lookup), (.metadata, .metadata), (.mmapWrite, .mmapWrite),
      (.sqliteCommit, .commit),
    ]

    @Test("the worker does all of its work in it", arguments: [DockerStorage.Place.layer, .volume], works)
    func work(place: DockerStorage.Place, work: (kind: WorkloadSpec.Kind, loop: StorageConfiguration.Loop)) throws {
      let files = FileWork(size: 1 << 20, count: work.kind == .mmapWrite ? 1 : 4, syncEvery: 1)
      let workload = WorkloadSpec(name: "w", kind: work.kind, wait: .block, files: files)
      // Anew where the cache of the host was dropped meanwhile.
      let part = try repeated(upTo: 5) {
        var part: Int?
        try with(place, StorageContent(workload)) { storage, _, _ in
          let worker = try storage.place.start("")
          let configuration = StorageConfiguration(
            loop: work.loop, directory: storage.directory, count: files.count, size: files.size, syncEvery: 1,
            warmupNanoseconds: 10_000_000, windowNanoseconds: 100_000_000)
          try worker.child.write(WorkerMessage.configureStorage(configuration).line)
          var result: StorageResult?
          while result == nil {
            switch try WorkerPair.receive(worker) {
            case .ready: try worker.child.write(WorkerMessage.start.line)
            case .measured(let it): result = it
            default: throw WorkerPair.Unexpected()
            }
          }
          let measured = try #require(result)
          part = measured.cachedPPM
          let deadline = Clock.monotonic() + 20_000_000_000
          for phase in measured.phases {
            let bytes = try worker.child.readBytes(phase.count * 8, deadline: deadline)
            #expect(bytes.contains { $0 != 0 }, "\(phase)")
          }
          #expect(measured.operations > 0 && !measured.phases.isEmpty)
          if work.kind == .copyUp {
            #expect(try #require(measured.bytesAllocated) >= UInt64(files.count * files.size))
          }
          // A directory of a lower layer is not renamed by overlayfs, unless it is told to redirect.
          let isKept =
            work.kind == .metadata && storage.details[1].hasPrefix("a layer of overlay")
            && SmallFile.line("/sys/module/overlay/parameters/redirect_dir") == "N"
          #expect(measured.refusals.map(\.phase) == (isKept ? [.renameDirectory] : []))
          #expect(try worker.child.waitForExit(deadline: deadline) == .exited(0))
        }
        return part
      } until: {
        $0.map { $0 > 990_000 } ?? true
      }
      // What of the page cache is full is told inside of a container, too.
      if let part { #expect(part > 990_000) }
      #expect(part != nil || work.kind != .copyUp)
    }

    @Test("what a container writes goes to its own layer: the image is as it was")
    func layer() throws {
      let host = try docker().host
      let workplace = try Workplace(engineFamily: .ipv4)
      let cache = EngineCache(resources: workplace.resources)
      for _ in 0..<2 {
        let trial = HostResources(
          journal: workplace.journal, settings: BuildSettings(worker: try workerFile(), engines: cache))
        do {
          let storage = try DockerStorage(.layer, host: host).build(with: trial, content: content)
          guard case .container(let worker) = storage.place else { throw WorkerPair.Unexpected() }
          let process = try #require(worker.processes.first)
          let outside = "/proc/\(process)/root/content"
          #expect(try files(in: outside) == expectedFiles(content).merging(["/own/": []]) { $1 })
          // Not the engine's word, but the kernel's.
          let root = try #require(MountEntry.entries(of: process).last { $0.point == "/" })
          #expect(storage.details[1].hasPrefix("a layer of \(root.type)"))
          try overwrite("\(outside)/write/000000")
          #expect(try files(in: outside)["/write/000000"]?.prefix(16) == [UInt8](repeating: 0xAA, count: 16)[...])
          if let upper = root.option("upperdir") {
            // Nothing but what was written is in it, and whatever Docker itself puts there.
            #expect(try files(in: "\(upper)/content").keys.sorted() == ["/write/000000"])
            let facts = try FileSystemFacts(at: upper)
            #expect(storage.details[1] == "a layer of overlay on \(facts.type) (\(facts.source))")
            #expect(storage.details[2] == (try comparison(upper, workplace)))
          }
        } catch { Issue.record(error) }
        try trial.removeAll()
        #expect(try remains(of: workplace.runID).count == 1, "the image")
      }
      try workplace.resources.removeAll()
      #expect(try remains(of: workplace.runID) == [])
    }

    @Test("a volume is on the file system of Docker's data, not on a layered one")
    func volume() throws {
      try with(.volume) { storage, outside, workplace in
        let data = "\(try docker().directory)/data"
        let facts = try FileSystemFacts(at: data)
        #expect(facts.type != "overlay")
        #expect(try device(outside) == device(data))
        #expect(storage.details[1] == "the volume on \(facts.type) (\(facts.source))")
        #expect(storage.details[2] == (try comparison(data, workplace)))
        let volumes = try list(["volume", "ls", "--quiet"]).filter { $0.contains(workplace.runID) }
        try #require(volumes.count == 1)
        try overwrite("\(outside)/write/000000")
        let inside = try files(in: "\(data)/volumes/\(volumes[0])/_data")
        #expect(try inside == files(in: outside) && inside["/write/000000"]?.first == 0xAA)
      }
    }

    @Test("what a killed run has left goes with the next sweep", arguments: [DockerStorage.Place.layer, .volume])
    func sweep(place: DockerStorage.Place) throws {
      let directory = try ScratchDirectory()
      let runID = randomRunID()
      do {
        // Nobody removes what this one has made.
        let resources = HostResources(
          journal: try Journal(runID: runID, directory: directory.path),
          settings: BuildSettings(worker: try workerFile()))
        _ = try DockerStorage(place, host: try docker().host).build(with: resources, content: content)
      }
      #expect(try remains(of: runID).count == (place == .volume ? 3 : 2))
      let outcomes = try Sweep.run(directory: directory.path)
      #expect(outcomes.map(\.runID) == [runID] && outcomes.allSatisfy { $0.failed == [] })
      #expect(try remains(of: runID) == [] && leftovers(of: runID) == [] && directory.files == [])
    }

    @Test("a sweep waits for what Docker's command still makes for a run that was killed")
    func unfinished() throws {
      let docker = try docker()
      let directory = try ScratchDirectory()
      let archives = try ScratchDirectory()
      let runID = randomRunID()
      let name = "bench-\(runID)-image:worker"
      try ContentArchive.write(to: "\(archives.path)/image.tar", worker: nil, content: content)
      let pipe = "\(archives.path)/pipe"
      try #require(mkfifo(pipe, 0o600) == 0)
      do {
        let journal = try Journal(runID: runID, directory: directory.path)
        try journal.enter(.image(engine: .docker(host: docker.host), name: name))
      }
      let tool = try EngineTool("docker", prefix: ["--host", docker.host])
      let child = try tool.start(["import", pipe, name])
      let swept = DispatchSemaphore(value: 0)
      let path = directory.path
      Thread.detachNewThread {
        do { #expect(try Sweep.run(directory: path).map(\.failed) == [[]]) } catch { Issue.record(error) }
        swept.signal()
      }
      let isWaiting = swept.wait(timeout: .now() + 1) == .timedOut
      #expect(isWaiting)
      let archive = try #require(FileManager.default.contents(atPath: "\(archives.path)/image.tar"))
      try LinuxKit.Descriptor.open(pipe, O_WRONLY).write([UInt8](archive))
      #expect(try child.waitForExit(deadline: Clock.monotonic() + 20_000_000_000) == .exited(0))
      if isWaiting { swept.wait() }
      #expect(try remains(of: runID) == [] && directory.files == [])
    }

    @Test("a build that fails in the middle leaves nothing", arguments: [DockerStorage.Place.layer, .volume])
    func failure(place: DockerStorage.Place) throws {
      let directory = try ScratchDirectory()
      let runID = randomRunID()
      let journal = try Journal(runID: runID, directory: directory.path)
      // No program: the container's first process cannot be started.
      let resources = HostResources(journal: journal, settings: BuildSettings(worker: "/etc/hostname"))
      let host = try docker().host
      let error = userError { () throws(UserError) in
        try DockerStorage(place, host: host).build(with: resources, content: content)
      }
      #expect(error?.exitCode == .unavailable)
      try resources.removeAll()
      #expect(try remains(of: runID) == [] && leftovers(of: runID) == [] && journal.resources == [])
    }

    @Test("where no daemon answers it is unavailable, with the remedy")
    func missing() throws {
      let workplace = try Workplace()
      let host = "unix://\(workplace.directory.path)/docker.sock"
      let error = userError { () throws(UserError) in
        try DockerStorage(.layer, host: host).build(with: workplace.resources, content: content)
      }
      #expect(error?.exitCode == .unavailable && error?.remedy == DockerDaemon.remedy)
      #expect(workplace.journal.resources == [])
    }
  }
}

@Suite("What Docker's storage takes")
struct DockerStorageObjectionTests {
  @Test("io_uring is not for Docker's containers, and plain calls are")
  func objections() {
    for place in [DockerStorage.Place.layer, .volume] {
      let definition = DockerStorage(place)
      #expect(definition.objection(to: .randomIO(.ioUring))?.contains("io_uring") == true)
      #expect(definition.objection(to: .randomIO(.psync)) == nil)
    }
  }
}

extension WorkloadSpec {
  fileprivate static func randomIO(_ engine: FileWork.Engine) -> WorkloadSpec {
    WorkloadSpec(name: "io", kind: .randomIO, wait: .block, files: FileWork(engine: engine))
  }
}
