import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

@Suite(
  "What cannot be made is refused in words, and leaves nothing", .requiresNetworkNamespaces,
  .requiresProgram("losetup"))
struct StorageFailureTests {
  private func content(_ mebibytes: Int, image: Int) -> StorageContent {
    StorageContent(groups: [.init(.write, count: 1, size: mebibytes << 20)], imageSize: image << 20)
  }

  @Test("a content that does not fit into the image with a copy of it")
  func small() throws {
    let workplace = try StorageWorkplace()
    let error = try #require(try workplace.failure(OverlayFileSystem(.ext4), content(200, image: 300)))
    #expect(error.exitCode == .unavailable)
    #expect(error.message.contains("ext4 in an image of 300 MiB has no room") && error.message.contains("528 MiB"))
    #expect(error.remedy == "raise 'image_size' in the scenario")
    #expect(workplace.journal.resources.count == 1, "not more than the folder was made")
    try workplace.end()
  }

  @Test("one content too many; those before it stay", arguments: [FileSystemKind.ext4, .xfs, .btrfs])
  func full(_ kind: FileSystemKind) throws {
    let workplace = try StorageWorkplace()
    let definition = OverlayFileSystem(kind)
    try workplace.trial(definition, content(100, image: 512)) { _ in }
    let error = try #require(try workplace.failure(definition, content(200, image: 512)))
    #expect(error.exitCode == .unavailable)
    #expect(error.message.contains("no room for the files of this workload beside those of others"))
    #expect(error.remedy == "raise 'image_size' in the scenario")
    try workplace.trial(definition, content(100, image: 512)) { environment in
      let size = try environment.inside { (directory: String) throws(SystemError) in
        try SmallFile.bytes(FileLayout.path(.write, 0, in: directory), limit: 1 << 30).count
      }
      #expect(size == 100 << 20)
    }
    try workplace.end()
  }

  @Test("too many files for the inodes that there are")
  func inodes() throws {
    let workplace = try StorageWorkplace()
    let many = StorageContent(groups: [.init(.names, count: 40_000, size: 1)], imageSize: 560 << 20)
    let error = try #require(try workplace.failure(OverlayFileSystem(.ext4), many))
    #expect(error.message.contains("80000 more files"))
    try workplace.end()
  }

  @Test("a host without room")
  func fullHost() throws {
    let disk = try TinyFileSystem(kibibytes: 200 << 10)
    let journal = try Journal(runID: randomRunID(), directory: disk.path)
    let resources = HostResources(journal: journal)
    for definition in [OverlayFileSystem(.ext4), HostFolder(), HostOverlay(), ReflinkCopy()] as [any StorageEnvironment]
    {
      let error = userError { () throws(UserError) in
        try definition.build(with: resources, content: content(64, image: 1024))
      }
      #expect(error?.exitCode == .unavailable)
      #expect(try #require(error?.message).contains("\(disk.path)/"))
      #expect(try #require(error?.message).contains("has no room for the files of this workload: 416"))
      #expect(error?.remedy == "free some space, or set BENCH_JOURNAL to a directory on a larger disk")
      try resources.removeAll()
    }
    #expect(try storageRemains(of: "\(disk.path)/") == [])
  }

  @Test(
    "a program that is missing",
    arguments: [
      (OverlayFileSystem(.xfs) as any StorageEnvironment, "xfs"), (PlainFileSystem(.btrfs), "btrfs"),
      (PlainFileSystem(.ext4), "ext4"), (ErofsOverlay(), "ext4"),
    ])
  func missing(_ definition: any StorageEnvironment, _ type: String) throws {
    let workplace = try StorageWorkplace(find: { _ in nil })
    let error = try #require(try workplace.failure(definition, .little()))
    #expect(error.exitCode == .unavailable)
    #expect(error.message == "there is no mkfs.\(type) on this host")
    #expect(error.remedy == "run 'bench doctor --fix \(type)'")
    try workplace.end()
  }

  @Test("mkfs.erofs alone is missing")
  func missingErofs() throws {
    let workplace = try StorageWorkplace(find: { $0 == "mkfs.erofs" ? nil : EngineTool.find($0) })
    let error = try #require(try workplace.failure(ErofsOverlay(), .little()))
    #expect(error.message == "there is no mkfs.erofs on this host")
    try workplace.end()
  }

  @Test("a maker that refuses is quoted, and its device is let go of at once")
  func refusing() throws {
    let workplace = try StorageWorkplace()
    let error = try #require(try workplace.failure(PlainFileSystem(.xfs), content(1, image: 200)))
    #expect(error.exitCode == .unavailable)
    #expect(error.message.hasPrefix("mkfs.xfs: ") && error.message.contains("300"), "\(error.message)")
    #expect(try storageRemains(of: workplace.directory.path) == [])
    #expect(workplace.journal.resources.count == 1)
    try workplace.end()
  }

  @Test("an option that the kernel does not know")
  func option() throws {
    let workplace = try StorageWorkplace()
    let overlay = OverlayFileSystem(name: "bad", summary: "bad", layer: "bad", options: [.flag("nonsense")])
    for (definition, words) in [
      (overlay as any StorageEnvironment, "Unknown parameter 'nonsense'"),
      (PlainFileSystem(.btrfs, options: [.value("nonsense", "on")]), "Unknown parameter 'nonsense'"),
      (
        OverlayFileSystem(name: "bad", summary: "bad", layer: "bad", options: [.value("metacopy", "perhaps")]),
        "perhaps"
      ),
    ] {
      let error = try #require(try workplace.failure(definition, .little()))
      #expect(error.exitCode == .unavailable)
      #expect(error.message.contains("cannot mount") && error.message.contains(words), "\(error.message)")
      // The image is of use to others; what was mounted for this trial is not there any more.
      try workplace.trial(OverlayFileSystem(.ext4), .little()) { _ in }
    }
    try workplace.end()
  }

  @Test("an image that is read-only")
  func readOnly() throws {
    let workplace = try StorageWorkplace()
    let definition = OverlayFileSystem(name: "read-only", summary: "", layer: "", baseOptions: [.flag("ro")])
    let error = try #require(try workplace.failure(definition, .little()))
    #expect(error.exitCode == .unavailable)
    #expect(error.message.contains("Read-only file system"))
    let fresh = PlainFileSystem(.ext4, options: [.flag("ro")])
    let other = try #require(try workplace.failure(fresh, .little(isConsumed: true)))
    #expect(other.message.contains("Read-only file system"))
    try workplace.end()
  }

  @Test("a write of the content that fails in the middle", arguments: [FileSystemKind.ext4, .btrfs])
  func halfWritten(_ kind: FileSystemKind) throws {
    let workplace = try StorageWorkplace(furnish: { (path: String) throws(SystemError) in
      throw SystemError(call: "write", subject: "\(path)/write/000001", code: ENOSPC)
    })
    let error = try #require(try workplace.failure(OverlayFileSystem(kind), .little()))
    #expect(error.message.contains("write/000001: No space left on device"))
    #expect(try #require(error.remedy).contains("free some space"))
    #expect(try storageRemains(of: workplace.directory.path) == [], "an image without content is let go of at once")
    try workplace.end()
  }

  @Test("a path that is too long for an overlay")
  func longPath() throws {
    let directory = try ScratchDirectory()
    let deep = "\(directory.path)/\(String(repeating: "d", count: 200))"
    let journal = try Journal(runID: randomRunID(), directory: deep)
    let resources = HostResources(journal: journal)
    let error = userError { () throws(UserError) in
      try OverlayFileSystem(.ext4).build(with: resources, content: .little())
    }
    try resources.removeAll()
    #expect(try #require(error?.message).contains("overlayfs takes no path of more than 255 bytes"))
    #expect(try #require(error?.remedy).contains("BENCH_JOURNAL"))
    #expect(try storageRemains(of: deep) == [])
  }

  @Test("an ordinary user is told to be root, and has the host's own file system")
  func notPermitted() async {
    await #expect(processExitsWith: .success) {
      let directory = FileManager.default.temporaryDirectory.appending(path: "bench-user-\(UUID().uuidString)").path
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try #require(chmod(directory, 0o777) == 0)
      defer { _ = try? FileManager.default.removeItem(atPath: directory) }
      // The effective id alone, so that root comes back to clean up.
      try #require(seteuid(65_534) == 0)
      defer { seteuid(0) }
      let journal = try Journal(runID: "r", directory: directory)
      for definition in [OverlayFileSystem(.ext4), TemporaryFileSystem(), HostOverlay()] as [any StorageEnvironment] {
        let resources = HostResources(journal: journal)
        let error = userError { () throws(UserError) in try definition.build(with: resources, content: .little()) }
        #expect(error?.exitCode == .notPermitted)
        #expect(try #require(error?.remedy).contains("root"))
        #expect(journal.resources == [], "nothing is made before that is known")
      }
      let resources = HostResources(journal: journal)
      let environment = try HostFolder().build(with: resources, content: .little())
      #expect(environment.mountNamespace == nil)
      #expect(try SmallFile.bytes(FileLayout.path(.write, 2, in: environment.directory)).count == 5000)
      try resources.removeAll()
      #expect(journal.resources == [])
    }
  }
}

@Suite("Resources that go with the process")
struct OwnedResourceTests {
  @Test("they are taken away in their turn, and a failure keeps nothing else from going")
  func order() throws {
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    let resources = HostResources(journal: journal)
    let made = "\(directory.path)/made"
    try resources.track(.directory(path: made))
    try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
    var calls: [String] = []
    resources.whenRemoved("one") { () throws(SystemError) in
      calls.append(FileManager.default.fileExists(atPath: made) ? "one" : "too late")
    }
    resources.whenRemoved("two") { () throws(SystemError) in
      calls.append("two")
      throw SystemError(call: "umount", subject: "/two", code: EBUSY)
    }
    let error = userError { () throws(UserError) in try resources.removeAll() }
    #expect(calls == ["two", "one"])
    #expect(try #require(error?.message).hasPrefix("cannot remove two: umount /two"))
    #expect(!FileManager.default.fileExists(atPath: made) && journal.resources == [])
    try resources.removeAll()
    #expect(calls == ["two", "one"], "only once")
  }

  @Test("one resource can be taken away before the others")
  func one() throws {
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    let resources = HostResources(journal: journal)
    for name in ["a", "b"] { try resources.track(.directory(path: "/nonexistent/\(name)")) }
    try resources.remove(.directory(path: "/nonexistent/a"))
    #expect(journal.resources == [.directory(path: "/nonexistent/b")])
    try resources.removeAll()
    #expect(journal.resources == [])
  }

  @Test("a loop device's entry is read back; of files that are none of a run's, nothing is detached")
  func loopEntry() throws {
    let directory = try ScratchDirectory()
    let journal = try Journal(runID: "r", directory: directory.path)
    let resource = Resource.loopDevice(file: "/nonexistent/bench-r-1-storage/1-ext4.image")
    try journal.enter(resource)
    #expect(Journal.replay(try SmallFile.text("\(directory.path)/r.journal")) == [resource])
    try resource.remove()
    #expect(throws: SystemError.self) { try Resource.loopDevice(file: "/home/somebody/disk.image").remove() }
    try journal.strike(resource)
  }
}
