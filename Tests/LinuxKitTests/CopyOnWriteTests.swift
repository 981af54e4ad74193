import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("Copies that share their data", .requiresNetworkNamespaces)
struct CopyOnWriteTests {
  @Test(
    "a clone has the data of its source, and its own once it is written to", .requiresFileSystem("xfs"),
    .requiresProgram("mkfs.xfs"))
  func clone() throws {
    try withFileSystem("xfs", make: "mkfs.xfs -q -m reflink=1") { mounted in
      try mounted.output(of: "head -c 100001 /dev/urandom > source && cp source before")
      let source = try mounted.open("source", O_RDONLY)
      let target = try mounted.open("target", O_RDWR | O_CREAT)
      try target.write([1, 2, 3])
      try CopyOnWrite.clone(source, to: target)
      try mounted.output(of: "cmp source target")
      try mounted.output(of: "printf changed | dd of=target conv=notrunc status=none")
      #expect(try mounted.output(of: "head -c 7 target && cmp source before && stat -c :%s target") == "changed:100001")
    }
  }

  @Test("where the file system cannot clone, or there are two, the error says so")
  func cannot() throws {
    func failure(_ source: borrowing Descriptor, _ target: borrowing Descriptor) -> SystemError? {
      do throws(SystemError) {
        try CopyOnWrite.clone(source, to: target)
        return nil
      } catch { return error }
    }
    try withFileSystem("ext4", make: "mkfs.ext4 -q", size: 1 << 26) { mounted in
      try mounted.output(of: "printf data > source")
      let source = try mounted.open("source", O_RDONLY)
      let target = try mounted.open("target", O_RDWR | O_CREAT)
      #expect(failure(source, target) == SystemError(call: "FICLONE", code: EOPNOTSUPP))
      let elsewhere = try Descriptor.open("\(mounted.image).other", O_RDWR | O_CREAT, mode: 0o600)
      #expect(failure(source, elsewhere)?.code == EXDEV)
      let directory = try #require(
        throws: SystemError.self, performing: { try CopyOnWrite.createSubvolume("volume", in: mounted.directory) })
      #expect(directory.code == ENOENT || directory.code == ENOTTY)
      let subvolume = #expect(throws: SystemError.self) {
        try mounted.namespace.run { () throws(SystemError) in
          try CopyOnWrite.createSubvolume("volume", in: mounted.directory)
        }
      }
      #expect(
        subvolume
          == SystemError(call: "BTRFS_IOC_SUBVOL_CREATE", subject: "\(mounted.directory)/volume", code: ENOTTY))
    }
  }

  @Test(
    "subvolumes of btrfs are made, snapshot and removed, as btrfs-progs sees it, too", .requiresFileSystem("btrfs"),
    .requiresProgram("mkfs.btrfs"), .requiresProgram("btrfs"))
  func subvolumes() throws {
    try withFileSystem("btrfs", make: "mkfs.btrfs -q") { mounted in
      let directory = mounted.directory
      func listed() throws -> [String] {
        try mounted.output(of: "btrfs subvolume list .").split(separator: "\n")
          .compactMap { $0.split(separator: " ").last.map(String.init) }.sorted()
      }
      func inside(_ body: () throws(SystemError) -> Void) throws(SystemError) { try mounted.namespace.run(body) }
      #expect(try listed() == [])
      try inside { () throws(SystemError) in try CopyOnWrite.createSubvolume("original", in: directory) }
      #expect(try listed() == ["original"])
      try mounted.output(of: "head -c 1000000 /dev/urandom > original/file && sync")
      try inside { () throws(SystemError) in
        try CopyOnWrite.snapshot("\(directory)/original", as: "copy", in: directory)
      }
      #expect(try listed() == ["copy", "original"])
      try mounted.output(of: "cmp original/file copy/file && sync")
      let file = try mounted.open("copy/file", O_RDONLY)
      let shared = try FileExtents(of: file)
      #expect(shared.shared == shared.allocated && shared.allocated >= 1_000_000)
      // Each has its own from now on.
      try mounted.output(of: "printf changed | dd of=copy/file conv=notrunc,fsync status=none")
      #expect(
        try mounted.output(of: "head -c 7 copy/file; cmp -s original/file copy/file || echo :differs")
          == "changed:differs")
      let own = try FileExtents(of: file)
      #expect(own.shared == shared.shared.map { $0 - 4096 })

      let errors: [(Int32, () throws(SystemError) -> Void)] = [
        (EEXIST, { () throws(SystemError) in try CopyOnWrite.createSubvolume("copy", in: directory) }),
        (
          ENAMETOOLONG,
          { () throws(SystemError) in
            try CopyOnWrite.createSubvolume(String(repeating: "x", count: 5000), in: directory)
          }
        ),
        (
          ENAMETOOLONG,
          { () throws(SystemError) in
            try CopyOnWrite.snapshot("\(directory)/copy", as: String(repeating: "x", count: 256), in: directory)
          }
        ),
        (EINVAL, { () throws(SystemError) in try CopyOnWrite.createSubvolume("a/b", in: directory) }),
        (ENOENT, { () throws(SystemError) in try CopyOnWrite.deleteSubvolume("absent", in: directory) }),
        (ENOENT, { () throws(SystemError) in try CopyOnWrite.snapshot("\(directory)/no", as: "b", in: directory) }),
      ]
      for (code, body) in errors {
        let error = #expect(throws: SystemError.self) { try inside(body) }
        #expect(error?.code == code, "\(String(describing: error))")
      }
      for name in ["copy", "original"] {
        try inside { () throws(SystemError) in try CopyOnWrite.deleteSubvolume(name, in: directory) }
      }
      #expect(try listed() == [])
      #expect(try mounted.output(of: "ls") == "")
    }
  }
}
