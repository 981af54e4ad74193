import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

/// The real worker, told over its stdin what to do with files.
@Suite("The worker on files", .serialized)
struct StorageWorkerTests {
  private func scratch(_ groups: [FileLayout.Group], count: Int = 1, size: Int = 4096) throws -> Scratch {
    let scratch = try Scratch()
    for group in groups { try scratch.add(group, count: group == .witness ? 1 : count, size: size) }
    return scratch
  }

  @Test("says ready before each part, and hands over its samples")
  func copyUp() throws {
    let scratch = try scratch([.write, .change, .witness], count: 30, size: 9000)
    let worker = try WorkerProcess(scratch.configuration(.copyUp, count: 30, size: 9000))
    for _ in 0..<2 {
      try worker.ready()
      try worker.send(.start)
    }
    let outcome = try worker.storageResult()
    #expect(outcome.samples.count == 7 && outcome.samples.allSatisfy { $0.count == 30 && $0.allSatisfy { $0 > 0 } })
    #expect(outcome.result.bytesWritten == 30 * 8192 && outcome.result.cpuNanoseconds > 0)
    #expect(outcome.result.windowNanoseconds > outcome.samples.joined().reduce(0, +))
  }

  @Test("does every loop of its own")
  func loops() throws {
    let scratch = try scratch(
      [.names, .shared, .private, .witness, .chmod, .rename, .unlink, .directories], count: 3)
    for loop in [StorageConfiguration.Loop.lookup, .metadata] {
      let worker = try WorkerProcess(scratch.configuration(loop, count: 3))
      try worker.ready()
      try worker.send(.start)
      #expect(try worker.storageResult().result.operations > 0)
    }
    let worker = try WorkerProcess(scratch.configuration(.mmapWrite))
    try worker.ready()
    try worker.send(.start)
    #expect(try worker.storageResult().result.operations == 2)
  }

  @Test("in the mount namespace and on the CPU that it is told to", .requiresNetworkNamespaces)
  func placement() throws {
    let cpu = try #require(try CPUSet.current().last)
    let namespace = try MountNamespace()
    let scratch = try Scratch()
    let path = scratch.path
    try namespace.run { () throws in
      try Mount.make("tmpfs", at: path, options: [.value("size", "1m")])
      try scratch.add(.names, count: 4, size: 1)
      try scratch.add(.witness)
    }
    var settings = scratch.configuration(.lookup, count: 4, size: 1)
    settings.mountNamespace = namespace.path
    settings.cpu = cpu
    let worker = try WorkerProcess(settings)
    try worker.ready()
    #expect(try SmallFile.text("/proc/\(worker.child.pid)/status").contains("\nCpus_allowed_list:\t\(cpu)\n"))
    try worker.send(.start)
    #expect(try worker.storageResult().result.operations > 0)
    // There, and not here.
    settings.mountNamespace = nil
    #expect(try WorkerProcess(settings).failure() == "open \(path)/witness/000000: No such file or directory")
  }

  @Suite("over overlayfs", .serialized, .requiresNetworkNamespaces)
  struct Overlay {
    @Test("is refused to rename directories of the layer below, and leaves whiteouts for what it removes")
    func metadata() throws {
      let layers = try Layers(room: "16m") { lower throws in
        for group in MetadataTests.groups { try lower.add(group, count: 3) }
      }
      let outcome = try layers.run(.metadata, count: 3, size: 4096)
      #expect(outcome.result.phases.map(\.phase) == [.create, .chmod, .rename, .unlink])
      #expect(outcome.result.refusals == [StorageResult.Refusal(.renameDirectory, MetadataLoop.exdev)])
      #expect(outcome.samples.allSatisfy { $0.count == 3 })
      for (name, isWhiteout) in [
        ("unlink/000000", true), ("rename/000001", true), ("rename/renamed-000001", false), ("chmod/000002", false),
      ] {
        let status = try layers.upper(name)
        // A whiteout is a character device of number 0 (kernel: Documentation/filesystems/overlayfs.rst).
        #expect((status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0) == isWhiteout, "\(name)")
      }
    }

    @Test("finds the pages of the layer below in the page cache", arguments: [StorageConfiguration.Cache.warm, .cold])
    func cached(cache: StorageConfiguration.Cache) throws {
      let layers = try Layers(room: "16m") { lower throws in
        for group in [FileLayout.Group.write, .change] { try lower.add(group, count: 3, size: 50_000) }
        try lower.add(.witness, size: 50_000)
      }
      let outcome = try layers.run(.copyUp, count: 3, size: 50_000, cache: cache, parts: 2)
      // Nothing of a tmpfs can be dropped.
      #expect(outcome.result.cachedPPM == 1_000_000)
      // Whole files were copied up, for two blocks each; a tmpfs does not tell of extents.
      #expect(outcome.result.bytesWritten == 3 * 8192)
      #expect(outcome.result.bytesAllocated == 3 * 53_248 && outcome.result.bytesShared == nil)
      for index in 0..<3 {
        #expect(try layers.upper("write/\(FileLayout.name(index))").st_size == 50_000)
        #expect(try layers.upper("change/\(FileLayout.name(index))").st_mode & 0o777 == 0o744)
      }
    }

    @Test("copies up a file that it maps shared, and not one that it maps for itself")
    func mappings() throws {
      let layers = try Layers(room: "16m") { lower throws in
        for group in [FileLayout.Group.shared, .private, .witness] { try lower.add(group, size: 20_000) }
      }
      #expect(try layers.run(.mmapWrite, count: 1, size: 20_000).result.operations == 10)
      #expect(try layers.upper("shared/000000").st_size == 20_000)
      #expect(throws: SystemError.self) { try layers.upper("private/000000") }
    }

    @Test("names the file for which there was no room any more")
    func full() throws {
      // 7 files of 32 KiB, and room for two more.
      let layers = try Layers(room: "292k") { lower throws in
        for group in [FileLayout.Group.write, .change] { try lower.add(group, count: 3, size: 32_768) }
        try lower.add(.witness, size: 32_768)
      }
      let worker = try WorkerProcess(layers.configuration(.copyUp, count: 3, size: 32_768))
      try worker.ready()
      try worker.send(.start)
      var numbers = SplitMix64(seed: 1)
      let last = FileLayout.path(.write, numbers.order(3)[2], in: layers.merged)
      #expect(try worker.failure() == "open \(last): No space left on device")
    }
  }

  @Test("a directory that it may not enter, as another user", .requiresNetworkNamespaces)
  func permission() throws {
    let scratch = try scratch([.names, .witness], count: 2)
    chmod("\(scratch.path)/names", 0o700)
    chmod(scratch.path, 0o755)
    // Where that user may read it. By cp(1): a descriptor that this process had open for writing could be inherited by a
    // child that another test starts in that moment, and an executable that anybody writes to cannot be run (ETXTBSY).
    let program = "\(scratch.path)/worker"
    _ = try output("cp", [try WorkerProcess.path(), program])
    chmod(program, 0o755)
    let child = try ChildProcess(
      executable: "/usr/bin/env",
      arguments: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program])
    let worker = WorkerProcess(running: child)
    try worker.send(.configureStorage(scratch.configuration(.lookup, count: 2)))
    let reasons = (0..<2).map { "stat \(FileLayout.path(.names, $0, in: scratch.path)): Permission denied" }
    let reason = try worker.failure()
    #expect(reasons.contains(reason))
  }

  @Test("gives up with words for what is wrong in its instructions")
  func values() throws {
    let scratch = try scratch([.names, .witness], count: 2)
    func failure(_ change: (inout StorageConfiguration) -> Void) throws -> String {
      var settings = scratch.configuration(.lookup, count: 2)
      change(&settings)
      return try WorkerProcess(settings).failure()
    }
    #expect(try failure { $0.count = 0 } == "0 files: at least 1 is possible")
    #expect(try failure { $0.size = 0 } == "0 bytes of a file: at least 1 is possible")
    #expect(try failure { $0.blockSize = 0 } == "0 bytes of a block: at least 1 is possible")
    #expect(try failure { $0.depth = 257 } == "257 under way at once: 1 to 256 are possible")
    #expect(try failure { $0.cpu = 1000 } == "sched_setaffinity cpu 1000: Invalid argument")
    #expect(
      try failure { $0.mountNamespace = "/nonexistent/ns" } == "open /nonexistent/ns: No such file or directory")
    #expect(
      try failure { $0.directory = "/nonexistent" } == "open /nonexistent/witness/000000: No such file or directory")
  }

  @Test("when it is told something else than to start")
  func wrongStart() throws {
    let scratch = try scratch([.names, .witness], count: 2)
    let worker = try WorkerProcess(scratch.configuration(.lookup, count: 2))
    try worker.ready()
    try worker.send(.count)
    #expect(try worker.failure() == "expected 'start'")
  }
}

/// An overlay of two layers on a tmpfs of its own, in a mount namespace of its own.
private struct Layers: ~Copyable {
  private let namespace: MountNamespace
  private let scratch: Scratch
  let merged: String

  init(room: String, content: (borrowing Scratch) throws -> Void) throws {
    let namespace = try MountNamespace()
    let scratch = try Scratch()
    let path = scratch.path
    let merged = "\(path)/merged"
    try namespace.run { () throws in
      try Mount.make("tmpfs", at: path, options: [.value("size", room)])
      for name in ["lower", "upper", "work", "merged"] { try scratch.makeDirectory("\(path)/\(name)") }
      try content(Scratch(at: "\(path)/lower"))
      try Mount.make(
        "overlay", at: merged,
        options: [
          .value("lowerdir+", "\(path)/lower"), .value("upperdir", "\(path)/upper"), .value("workdir", "\(path)/work"),
          .value("redirect_dir", "off"), .value("metacopy", "off"),
        ])
    }
    self.namespace = namespace
    self.scratch = scratch
    self.merged = merged
  }

  func configuration(
    _ loop: StorageConfiguration.Loop, count: Int, size: Int, cache: StorageConfiguration.Cache = .warm
  ) -> StorageConfiguration {
    StorageConfiguration(
      loop: loop, mountNamespace: namespace.path, directory: merged, count: count, size: size, cache: cache)
  }

  /// What the real worker measures in it.
  func run(
    _ loop: StorageConfiguration.Loop, count: Int, size: Int, cache: StorageConfiguration.Cache = .warm, parts: Int = 1
  ) throws -> StorageOutcome {
    let worker = try WorkerProcess(configuration(loop, count: count, size: size, cache: cache))
    for _ in 0..<parts {
      try worker.ready()
      try worker.send(.start)
    }
    return try worker.storageResult()
  }

  /// What `name` is in the upper layer.
  func upper(_ name: String) throws(SystemError) -> stat {
    let path = "\(scratch.path)/upper/\(name)"
    return try namespace.run { () throws(SystemError) in
      var status = stat()
      try systemCall("lstat", on: path) { lstat(path, &status) }
      return status
    }
  }
}
