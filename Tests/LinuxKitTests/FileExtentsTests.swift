import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("What a file takes on its file system", .requiresNetworkNamespaces)
struct FileExtentsTests {
  private static let size = 4 << 20

  @Test(
    "a clone shares all of it, and less by each block that is written, as filefrag sees it, too",
    .requiresFileSystem("xfs"), .requiresProgram("mkfs.xfs"), .requiresProgram("filefrag"))
  func shared() throws {
    try withFileSystem("xfs", make: "mkfs.xfs -q -m reflink=1") { mounted in
      try mounted.output(of: "head -c \(Self.size) /dev/urandom > original && sync original")
      let original = try mounted.open("original", O_RDONLY)
      let alone = try FileExtents(of: original)
      #expect(alone.shared == 0)
      #expect(alone.allocated == UInt64(Self.size))
      #expect(alone.places?.map { UInt64($0.count) }.reduce(0, +) == UInt64(Self.size))

      let clone = try mounted.open("clone", O_RDWR | O_CREAT)
      try CopyOnWrite.clone(original, to: clone)
      var seen = try FileExtents(of: clone)
      #expect(seen.shared == UInt64(Self.size))
      #expect(seen.allocated == UInt64(Self.size))
      #expect(seen.bytes(notIn: alone) == 0)
      #expect(try FileExtents(of: original).shared == UInt64(Self.size))
      #expect(try mounted.output(of: "cmp original clone && echo same") == "same")

      for written in 1...3 {
        // Not neighbours, and none at an end.
        try mounted.output(of: "dd if=/dev/urandom of=clone bs=4k count=1 seek=\(written * 100) conv=notrunc,fsync")
        for file in ["original", "clone"] {
          let descriptor = try mounted.open(file, O_RDONLY)
          seen = try FileExtents(of: descriptor)
          #expect(seen.shared == UInt64(Self.size - 4096 * written), "\(file)")
          // XFS sets aside 128 KiB at once for a shared block that is written to (xfs_io's cowextsize).
          let ahead = file == "clone" ? UInt64(written << 17) : 0
          #expect((UInt64(Self.size)...UInt64(Self.size) + ahead).contains(seen.allocated), "\(file)")
          #expect(seen.bytes(notIn: alone) == (file == "clone" ? UInt64(4096 * written) : 0))
          let listed = try frags(mounted, file)
          #expect(seen.extents == listed.count, "\(file)")
          #expect(seen.shared == listed.shared, "\(file)")
        }
      }
    }
  }

  /// Extents, and bytes of shared ones, that `filefrag -v` (e2fsprogs) lists.
  private func frags(_ mounted: MountedImage, _ file: String) throws -> (count: Int, shared: UInt64) {
    // "   0:        0..      99:       1234..      1333:    100:             shared"
    let lines = try mounted.output(of: "filefrag -v -b4096 \(file)").split(separator: "\n")
      .map { $0.split(separator: ":", omittingEmptySubsequences: false) }
      .filter { $0.count >= 5 && $0[1].contains("..") }
    let shared = try lines.filter { $0[4...].joined().contains("shared") || $0.last?.contains("shared") == true }.map {
      try #require(UInt64($0[3].filter { $0 != " " })) * 4096
    }
    return (lines.count, shared.reduce(0, +))
  }

  @Test(
    "more extents than are asked for at once are all counted", .requiresFileSystem("xfs"),
    .requiresProgram("mkfs.xfs"), .requiresProgram("filefrag"))
  func many() throws {
    try withFileSystem("xfs", make: "mkfs.xfs -q -m reflink=1") { mounted in
      let file = try mounted.open("holes", O_RDWR | O_CREAT)
      let fd = file.rawValue
      let block = [UInt8](repeating: 7, count: 4096)
      for count in [1, 511, 512, 513, 1024, 1500] {
        // A hole after each block.
        try systemCall("ftruncate") { ftruncate(fd, 0) }
        try systemCall("ftruncate") { ftruncate(fd, off_t(count * 8192)) }
        for number in 0..<count { try systemCall("pwrite") { pwrite(fd, block, block.count, off_t(number * 8192)) } }
        let seen = try FileExtents(of: file)
        #expect(seen.extents == count)
        #expect(seen.places?.count == count)
        #expect(seen.allocated >= UInt64(count * 4096) && seen.allocated < UInt64(count * 4096 + 65536))
        #expect(seen.shared == 0)
        #expect(try frags(mounted, "holes").count == count)
      }
      let clone = try mounted.open("clone", O_RDWR | O_CREAT)
      try CopyOnWrite.clone(file, to: clone)
      #expect(try FileExtents(of: clone).shared == 1500 * 4096)
    }
  }

  @Test("a sparse file takes what is written, an empty one nothing")
  func sparse() throws {
    try withFileSystem("ext4", make: "mkfs.ext4 -q", size: 1 << 26) { mounted in
      let file = try mounted.open("sparse", O_RDWR | O_CREAT)
      let fd = file.rawValue
      #expect(try FileExtents(of: file) == FileExtents(allocated: 0, shared: 0, extents: 0, places: []))
      try systemCall("ftruncate") { ftruncate(fd, 1 << 32) }
      #expect(try FileExtents(of: file).allocated == 0)
      let block = [UInt8](repeating: 7, count: 8192)
      try systemCall("pwrite") { pwrite(fd, block, block.count, 1 << 31) }
      let seen = try FileExtents(of: file)
      #expect(seen.allocated == 8192 && seen.shared == 0 && seen.extents == 1)
      #expect(try mounted.output(of: "stat -c '%b %B' sparse") == "16 512")
    }
  }

  @Test("what has no place yet is told apart, and nothing is written back for that")
  func unplaced() throws {
    try withFileSystem("ext4", make: "mkfs.ext4 -q", size: 1 << 26) { mounted in
      let file = try mounted.open("new", O_RDWR | O_CREAT)
      let fd = file.rawValue
      let block = [UInt8](repeating: 7, count: 16384)
      // Another test may have the host write back all that is dirty.
      let dirty = try repeated {
        try systemCall("ftruncate") { ftruncate(fd, 0) }
        try systemCall("pwrite") { pwrite(fd, block, block.count, 0) }
        return try FileExtents(of: file, isSynced: false)
      } until: {
        $0.unplaced == 16384
      }
      #expect(dirty.unplaced == 16384 && dirty.places == [])
      let clean = try FileExtents(of: file)
      #expect(clean.unplaced == 0 && clean.places?.count == 1 && clean.bytes(notIn: clean) == 0)
    }
  }

  @Test("where the file system does not tell of extents, they are unknown and not none")
  func unknown() throws {
    try withTemporaryDirectory { directory in
      let namespace = try MountNamespace()
      let seen = try namespace.run { () throws in
        try Mount.make("tmpfs", at: directory)
        try writeFile("\(directory)/file", [UInt8](repeating: 7, count: 10_000))
        let file = try Descriptor.open("\(directory)/file", O_RDONLY)
        return try FileExtents(of: file)
      }
      #expect(seen == FileExtents(allocated: 12_288, shared: nil, extents: nil))
      #expect(seen.bytes(notIn: seen) == nil)
    }
  }
}
