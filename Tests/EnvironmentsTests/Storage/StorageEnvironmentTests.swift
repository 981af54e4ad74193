import Foundation
import LinuxKit
import Model
import TestSupport
import Testing
import WorkerProtocol

@testable import Environments

/// All that need no engine.
private let definitions = EnvironmentRegistry.storage.filter { !$0.needs.contains(where: \.isEngine) }

@Suite(
  "Storage environments stand with their content, and are taken away", .requiresNetworkNamespaces,
  .requiresProgram("losetup"))
struct StorageEnvironmentTests {
  private func definition(_ name: String) throws -> any StorageEnvironment {
    try #require(definitions.first { $0.name == name })
  }

  @Test("the content is there byte for byte, with an empty directory for the worker")
  func content() throws {
    let workplace = try StorageWorkplace()
    for definition in definitions {
      for isConsumed in [false, true] {
        let content = StorageContent.little(isConsumed: isConsumed)
        try workplace.trial(definition, content) { environment in
          for group in content.groups {
            for index in 0..<group.count {
              let found = try environment.inside { (directory: String) throws(SystemError) in
                let path = FileLayout.path(group.group, index, in: directory)
                return try SmallFile.bytes(group.group == .directories ? "\(path)/000000" : path)
              }
              let expected = StorageContent.bytes(group.group, index, size: group.size)
              #expect(found == expected, "\(definition.name): \(group) \(index)")
            }
          }
          let own = try environment.inside { (directory: String) throws(SystemError) in
            (try? FileManager.default.contentsOfDirectory(atPath: FileLayout.directory(.own, in: directory))) ?? [
              "none"
            ]
          }
          #expect(own == [], "\(definition.name)")
          #expect(!environment.details.isEmpty && environment.details.allSatisfy { !$0.isEmpty })
        }
      }
    }
    try workplace.end()
  }

  @Test("what a trial writes is gone in the next one, unless it wrote in place")
  func fresh() throws {
    let workplace = try StorageWorkplace()
    let mark = [UInt8](repeating: 7, count: 16)
    let inPlace = ["plain-ext4", "plain-xfs", "plain-xfs-noreflink", "plain-btrfs", "plain-host"]
    for definition in definitions {
      for isConsumed in [false, true] {
        let content = StorageContent.little(isConsumed: isConsumed)
        try workplace.trial(definition, content) { environment in
          try environment.inside { (directory: String) throws(SystemError) in
            try overwrite(FileLayout.path(.write, 1, in: directory), mark)
            _ = try Descriptor.open(
              "\(FileLayout.directory(.own, in: directory))/made", O_CREAT | O_WRONLY, mode: 0o600)
          }
        }
        let found = try workplace.trial(definition, content) { environment in
          try environment.inside { (directory: String) throws(SystemError) in
            try SmallFile.bytes(FileLayout.path(.write, 1, in: directory))
          }
        }
        let original = StorageContent.bytes(.write, 1, size: 5000)
        let isKept = !isConsumed && inPlace.contains(definition.name)
        #expect(found == (isKept ? mark + original.dropFirst(16) : original), "\(definition.name)")
      }
    }
    try workplace.end()
  }

  @Test("the counters of its own device see what is written, and nothing else writes there")
  func counters() throws {
    let workplace = try StorageWorkplace()
    for definition in definitions {
      try workplace.trial(definition, .little()) { environment in
        guard case .own(let device) = environment.device else {
          #expect(["tmpfs", "plain-host", "overlayfs-host"].contains(definition.name))
          return
        }
        try environment.inside { (directory: String) throws(SystemError) in
          try FileSync.fileSystem(of: try Descriptor.open(directory, O_RDONLY))
        }
        let before = try device.counters()
        try environment.inside { (directory: String) throws(SystemError) in
          try overwrite(FileLayout.path(.write, 0, in: directory), [UInt8](repeating: 9, count: 5000))
        }
        let after = try device.counters()
        let written = after.bytesWritten - before.bytesWritten
        // A volatile overlay leaves what syncfs asks for undone.
        let least: UInt64 = definition.name == "overlayfs-volatile" ? 0 : 5000
        #expect((least...4 << 20).contains(written), "\(definition.name): \(written)")
      }
    }
    try workplace.end()
  }

  @Test("one image serves all trials of a kind, and no device is left attached that was not before")
  func shared() throws {
    let workplace = try StorageWorkplace()
    var devices: [Set<String>] = []
    for _ in 0..<3 {
      for name in ["overlayfs-ext4", "layers-2", "overlayfs-volatile", "plain-ext4"] {
        try workplace.trial(try definition(name), .little()) { _ in
          devices.append(Set(try storageRemains(of: workplace.directory.path)))
        }
      }
    }
    #expect(devices.map(\.count) == [1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    try workplace.end()
  }

  @Test("several contents share an image; each keeps to itself")
  func contents() throws {
    let workplace = try StorageWorkplace()
    let contents = [(2, 100), (1, 5000), (3, 1)].map { count, size in
      StorageContent(groups: [.init(.names, count: count, size: size)], imageSize: 1 << 29)
    }
    for content in contents + contents {
      for name in ["overlayfs-ext4", "btrfs-snapshot", "overlayfs-erofs", "tmpfs", "overlayfs-host"] {
        let sizes = try workplace.trial(try definition(name), content) { environment in
          try environment.inside { (directory: String) throws(SystemError) in
            let path = FileLayout.directory(.names, in: directory)
            return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).map { name in
              (try? SmallFile.bytes("\(path)/\(name)").count) ?? -1
            }
          }
        }
        #expect(sizes == [Int](repeating: content.groups[0].size, count: content.groups[0].count), "\(name)")
      }
    }
    try workplace.end()
  }

  @Test("directories of all layers are merged", arguments: OverlayFileSystem.counts)
  func merged(_ count: Int) throws {
    let workplace = try StorageWorkplace()
    try workplace.trial(OverlayFileSystem.layers(count), .little()) { environment in
      let names = try environment.inside { (directory: String) throws(SystemError) in
        let path = FileLayout.directory(.names, in: directory)
        return (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
      }
      #expect(names.count == 4 + (count - 1) * ContentFiles.filesOfLayer)
      #expect(Set(names).isSuperset(of: ["000000", "000003"]))
      #expect(count == 1 || names.contains("layer-\(count - 1)-7"))
    }
    try workplace.end()
  }

  @Test(
    "clones and snapshots share their extents until they are written", arguments: ["reflink-copy", "btrfs-snapshot"])
  func sharing(_ name: String) throws {
    let workplace = try StorageWorkplace()
    let content = StorageContent(groups: [.init(.write, count: 1, size: 1 << 20)], imageSize: 1 << 29)
    try workplace.trial(try definition(name), content) { environment in
      let shared = try environment.inside { (directory: String) throws(SystemError) in
        let path = FileLayout.path(.write, 0, in: directory)
        let before = try FileExtents(of: try Descriptor.open(path, O_RDONLY)).shared
        try overwrite(path, [UInt8](repeating: 1, count: 65_536))
        return [before, try FileExtents(of: try Descriptor.open(path, O_RDONLY)).shared]
      }
      #expect(shared == [1 << 20, 1 << 20 - 65_536])
    }
    try workplace.end()
  }

  @Test(
    "copy-up shares extents where the file system can",
    arguments: [
      ("overlayfs-ext4", 0 as UInt64), ("overlayfs-xfs", 1_044_480 as UInt64), ("overlayfs-xfs-noreflink", 0 as UInt64),
      ("overlayfs-btrfs", 1_044_480 as UInt64),
    ])
  func copyUp(_ name: String, _ expected: UInt64) throws {
    let workplace = try StorageWorkplace()
    let content = StorageContent(groups: [.init(.write, count: 1, size: 1 << 20)], imageSize: 1 << 29)
    try workplace.trial(try definition(name), content) { environment in
      let extents = try environment.inside { (directory: String) throws(SystemError) in
        let path = FileLayout.path(.write, 0, in: directory)
        try overwrite(path, [UInt8](repeating: 1, count: 1))
        return try FileExtents(of: try Descriptor.open(path, O_RDONLY))
      }
      // XFS reserves 128 KiB for the copy of a shared block (cowextsize), and counts them until it needs them elsewhere.
      #expect((1 << 20...(1 << 20) + (128 << 10)).contains(extents.allocated))
      #expect(extents.shared ?? 0 == expected)
    }
    try workplace.end()
  }

  @Test("metadata alone is copied up with metacopy, and all without")
  func metacopy() throws {
    let workplace = try StorageWorkplace()
    let content = StorageContent(groups: [.init(.change, count: 1, size: 1 << 20)], imageSize: 1 << 29)
    for (name, range) in [("overlayfs-ext4", UInt64(1 << 20)...8 << 20), ("overlayfs-metacopy", 0...512 << 10)] {
      try workplace.trial(try definition(name), content) { environment in
        guard case .own(let device) = environment.device else { throw UserError(.internalError, "no device") }
        let before = try device.counters()
        try environment.inside { (directory: String) throws(SystemError) in
          let path = FileLayout.path(.change, 0, in: directory)
          try systemCall("chmod", on: path) { chmod(path, 0o600) }
          try FileSync.fileSystem(of: try Descriptor.open(directory, O_RDONLY))
        }
        let written = try device.counters().bytesWritten - before.bytesWritten
        #expect(range.contains(written), "\(name): \(written)")
      }
    }
    try workplace.end()
  }

  @Test("details say how it was made here")
  func details() throws {
    let workplace = try StorageWorkplace()
    let text = try workplace.trial(try definition("overlayfs-metacopy"), .little()) { environment in
      environment.details.joined(separator: "; ")
    }
    for words in [
      "overlay mounted with rw,", "metacopy=on", "redirect_dir=on", "ext4 mounted with rw,relatime", "mke2fs 1.",
      "image of 512 MiB on ", "loop device with",
    ] {
      #expect(text.contains(words), "\(words) in \(text)")
    }
    #expect(!text.contains("lowerdir") && !text.contains(workplace.directory.path))
    try workplace.end()
  }

  @Test("without a cache of the run, an environment lasts as long as its resources")
  func alone() throws {
    let workplace = try StorageWorkplace()
    for name in ["overlayfs-btrfs", "overlayfs-erofs", "overlayfs-host"] {
      let resources = HostResources(journal: workplace.journal)
      let details = try definition(name).tryOut(with: resources)
      #expect(!details.isEmpty)
      try resources.removeAll()
      #expect(try storageRemains(of: workplace.directory.path) == [])
    }
    try workplace.end()
  }

  @Test("a cache begins anew after its resources were removed")
  func again() throws {
    let workplace = try StorageWorkplace()
    for _ in 0..<2 {
      for name in ["overlayfs-ext4", "plain-host"] { try workplace.trial(try definition(name), .little()) { _ in } }
      try workplace.ofRun.removeAll()
      #expect(try storageRemains(of: workplace.directory.path) == [])
    }
    try workplace.end()
  }
}

@Suite("What file systems and their makers say is understood")
struct StorageWordingTests {
  @Test(
    "the versions of makers",
    arguments: [
      ("mke2fs 1.47.0 (5-Feb-2023)\n\tUsing EXT2FS Library version 1.47.0\n", "mke2fs 1.47.0"),
      ("mkfs.xfs version 6.1.0\n", "mkfs.xfs 6.1.0"), ("mkfs.btrfs, part of btrfs-progs v6.2\n", "mkfs.btrfs 6.2"),
      ("mkfs.erofs 1.5\n", "mkfs.erofs 1.5"), ("mkfs.erofs (erofs-utils) 1.7.1\n", "mkfs.erofs 1.7.1"),
      ("mkfs.erofs: invalid option -- 'V'\n -d# set output level to # (maximum 9)\nmkfs.erofs 1.5\n", "mkfs.erofs 1.5"),
      ("mkfs.btrfs, part of btrfs-progs v6.6.3\n+EXPERIMENTAL -INJECT\n", "mkfs.btrfs 6.6.3"),
    ])
  func version(_ words: String, _ expected: String) {
    #expect(FileSystemMaker.version(in: words) == expected)
  }

  @Test("words without a version", arguments: ["", "no such option\n", "1\n", "mkfs\n"])
  func noVersion(_ words: String) {
    #expect(FileSystemMaker.version(in: words) == nil)
  }

  @Test("the kernel's table of mounts")
  func table() {
    let table = """
      36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue
      37 35 0:99 / /a\\040b rw,relatime - overlay overlay rw,lowerdir+=/l,upperdir=/u,workdir=/w,uuid=on,metacopy=on
      38 35 7:1 / /mnt/x ro,relatime shared:3 master:2 - erofs /dev/loop1 ro,user_xattr
      39 35 7:1 / /mnt/x rw - tmpfs tmpfs rw,size=4k

      """
    #expect(MountTable.phrase(for: "/mnt", in: table) == "ext3 mounted with rw,noatime,errors=continue")
    #expect(MountTable.phrase(for: "/a b", in: table) == "overlay mounted with rw,relatime,uuid=on,metacopy=on")
    #expect(MountTable.phrase(for: "/mnt/x", in: table) == "tmpfs mounted with rw,size=4k", "the last one is on top")
    #expect(MountTable.phrase(for: "/mn", in: table) == nil)
    #expect(MountTable.phrase(for: "/mnt", in: "") == nil)
  }

  @Test("lower layers are given in the kernel's order, the top one first")
  func lowerLayers() {
    #expect(StorageTrial.lowerOptions(["/a"]) == [.value("lowerdir", "/a")])
    #expect(StorageTrial.lowerOptions(["/a", "/b"]) == [.value("lowerdir+", "/b"), .value("lowerdir+", "/a")])
    #expect(StorageTrial.lowerOptions(["/a:b"]) == [.value("lowerdir+", "/a:b")])
  }

  @Test("how much room files need")
  func room() {
    let files = ContentFiles(groups: [.init(.names, count: 10, size: 1), .init(.directories, count: 2, size: 5000)])
    #expect(files.room == 10 * (4096 + 1024) + 2 * (8192 + 1024 + 4096))
    #expect(files.inodes == 14)
  }
}
