import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("The page cache", .requiresNetworkNamespaces)
struct PageCacheTests {
  private static let size = (4 << 20) + 1

  /// Whether all of what `read` reads is in the cache then. Tried again, because another process of the host, or another
  /// test, may drop the cache at any moment.
  private func isCached(_ read: () throws -> Void, _ holds: () throws -> Bool) throws -> Bool {
    try repeated {
      try read()
      return try holds()
    } until: {
      $0
    }
  }

  /// Whether nothing is in the cache after `drop`. Tried again, because the kernel leaves a page that it is just at work on.
  private func isEmpty(_ drop: () throws -> Void, _ holds: () throws -> Bool) throws -> Bool {
    try repeated(upTo: 5) {
      try drop()
      return try holds()
    } until: {
      $0
    }
  }

  @Test("holds what was read, and none of it after it was dropped")
  func dropped() throws {
    try withScratch { scratch in
      let path = "\(scratch)/file"
      try output(of: "head -c \(Self.size) /dev/urandom > \(path)")
      let file = try Descriptor.open(path, O_RDONLY)
      for _ in 0..<3 {
        #expect(
          try isCached {
            try output(of: "cat \(path) > /dev/null")
          } _: {
            try PageCache.cachedBytes(of: file, size: Self.size) == Self.size
              // The first page of it.
              && PageCache.cachedBytes(of: file, size: 4096) == 4096
          })
        #expect(try PageCache.cachedBytes(of: file, size: 0) == 0)
        #expect(
          try isEmpty {
            try PageCache.drop()
          } _: {
            try PageCache.cachedBytes(of: file, size: Self.size) == 0
          })
      }
      // One page of it, without what the kernel would read ahead.
      let fd = file.rawValue
      #expect(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) == 0)
      var byte: UInt8 = 0
      #expect(
        try isCached {
          try systemCall("pread") { pread(fd, &byte, 1, 1 << 20) }
        } _: {
          try PageCache.cachedBytes(of: file, size: Self.size) == Int(getpagesize())
        })
    }
  }

  @Test(
    "of overlayfs is that of the file below, before and after it is copied up", .requiresFileSystem("overlay"),
    .requiresProgram("mkfs.ext4"))
  func overlay() throws {
    try withFileSystem("ext4", make: "mkfs.ext4 -q", size: 1 << 27) { mounted in
      try mounted.output(of: "mkdir lower upper work merged && head -c \(Self.size) /dev/urandom > lower/file")
      try mounted.namespace.run { () throws(MountError) in
        try Mount.make(
          "overlay", source: "overlay", at: "\(mounted.directory)/merged",
          options: ["lowerdir", "upperdir", "workdir"].map { .value($0, "\(mounted.directory)/\($0.dropLast(3))") })
      }
      defer {
        #expect(throws: Never.self) {
          try mounted.namespace.run { () throws(SystemError) in try Mount.remove("\(mounted.directory)/merged") }
        }
      }
      for below in ["lower/file", "upper/file"] {
        let merged = try mounted.open("merged/file", below == "lower/file" ? O_RDONLY : O_RDWR)
        let real = try mounted.open(below, O_RDONLY)
        func cached() throws -> [Int] {
          [
            try PageCache.cachedBytes(of: merged, size: Self.size),
            try PageCache.cachedBytes(of: real, size: Self.size),
          ]
        }
        #expect(
          try isEmpty {
            try PageCache.drop()
          } _: {
            try cached() == [0, 0]
          }, "\(below)")
        #expect(
          try isCached {
            try mounted.output(of: "cat merged/file > /dev/null")
          } _: {
            try cached() == [Self.size, Self.size]
          }, "\(below)")
      }
    }
  }

  @Test("of an image on a loop device is empty, too")
  func image() throws {
    try withFileSystem("ext4", make: "mkfs.ext4 -q", size: 1 << 26) { mounted in
      let image = try Descriptor.open(mounted.image, O_RDONLY)
      #expect(
        try isEmpty {
          // Dirty pages in the file system within: they must not be left in the cache of the image.
          try mounted.output(of: "head -c \(Self.size) /dev/urandom > file")
          try PageCache.drop()
        } _: {
          let file = try mounted.open("file", O_RDONLY)
          return try PageCache.cachedBytes(of: file, size: Self.size) == 0
            && PageCache.cachedBytes(of: image, size: 1 << 26) == 0
        })
    }
  }

  @Test("cannot be dropped without the right to")
  func permission() async {
    await #expect(processExitsWith: .success) {
      try systemCall("setuid") { setuid(65_534) }
      let error = #expect(throws: SystemError.self) { try PageCache.drop() }
      #expect(error?.isPermission == true && error?.subject == "/proc/sys/vm/drop_caches")
    }
  }
}
