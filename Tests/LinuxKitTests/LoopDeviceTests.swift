import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("Loop devices", .requiresNetworkNamespaces, .requiresProgram("losetup"))
struct LoopDeviceTests {
  /// An image of `size` bytes for the time of `body`.
  private func withImage(size: Int = 1 << 24, _ body: (String) throws -> Void) throws {
    try withScratch { scratch in
      try output(of: "truncate -s \(size) \(scratch)/image")
      try body("\(scratch)/image")
      #expect(try output(of: "losetup -a | grep -c \(scratch)/ || true") == "0")
    }
  }

  private func backing(_ device: LoopDevice) throws -> String {
    try output(of: "losetup -n -O BACK-FILE \(device.path)")
  }

  @Test("stands for a file until it is detached, as losetup sees it, too")
  func attach() throws {
    try withImage { image in
      #expect(LoopDevice.devices(backedBy: image) == [])
      let device = try LoopDevice.attach(image)
      defer { #expect(throws: Never.self) { try device.detach() } }
      #expect(device.path == "/dev/loop\(device.number)")
      #expect(try backing(device) == image)
      #expect(
        try output(of: "losetup -n -O RO,AUTOCLEAR,DIO \(device.path)").filter { $0 != " " }
          == "00\(device.isDirect ? 1 : 0)")
      #expect(try output(of: "blockdev --getsize64 \(device.path)") == "\(1 << 24)")
      #expect(LoopDevice.devices(backedBy: image) == [device])
      #expect(device.block.name == "loop\(device.number)")

      let second = try LoopDevice.attach(image)
      defer { #expect(throws: Never.self) { try second.detach() } }
      #expect(second != device)
      #expect(Set(LoopDevice.devices(backedBy: image)) == [device, second])
      try second.detach()

      try output(of: "printf written | dd of=\(device.path) conv=notrunc,fsync status=none")
      #expect(try output(of: "head -c 7 \(image)") == "written")
      for _ in 0..<3 {
        try device.detach()
        #expect(LoopDevice.devices(backedBy: image) == [])
      }
    }
  }

  @Test("is found by any name of its file, and after the file is gone")
  func names() throws {
    try withImage { image in
      let device = try LoopDevice.attach(image)
      defer { #expect(throws: Never.self) { try device.detach() } }
      try output(of: "ln -s image \(image).link && ln -s \(image.dropLast(6)) \(image).directory")
      for name in ["\(image).link", "\(image).directory/image", image.replacing("/image", with: "/./image")] {
        #expect(LoopDevice.devices(backedBy: name) == [device], "\(name)")
      }
      #expect(LoopDevice.devices(backedBy: "\(image)2") == [])
      try output(of: "rm \(image)")
      #expect(LoopDevice.devices(backedBy: image) == [device])
      #expect(LoopDevice.devices(backedBy: "\(image).directory/image") == [device])
      // Another file that has the name now has no device, but cannot be told from the one that is gone.
      try device.detach()
      try output(of: "truncate -s 1M \(image)")
      #expect(LoopDevice.devices(backedBy: image) == [])
    }
  }

  @Test("is found if its file was opened in a mount namespace that is gone", .enabled(if: isSharedMemoryMounted))
  func foreignNames() throws {
    // On a mount of its own, which the kernel names the rest of the path by.
    let image = "/dev/shm/bench-test-\(UInt64.random(in: .min ... .max))"
    try output(of: "truncate -s 1M \(image)")
    defer { unlink(image) }
    let device = try MountNamespace().run { () throws(SystemError) in try LoopDevice.attach(image) }
    defer { #expect(throws: Never.self) { try device.detach() } }
    #expect(LoopDevice.devices(backedBy: image) == [device])
  }

  @Test("of a read-only image cannot be written to")
  func readOnly() throws {
    try withImage { image in
      let device = try LoopDevice.attach(image, isReadOnly: true)
      defer { #expect(throws: Never.self) { try device.detach() } }
      #expect(try output(of: "blockdev --getro \(device.path)") == "1")
      let write = "dd if=/dev/zero of=\(device.path) bs=4k count=1 conv=fsync 2>/dev/null"
      #expect(try output(of: "\(write) && echo written || echo refused") == "refused")
    }
  }

  @Test("a file that is missing, or none, is refused by name")
  func missing() throws {
    let absent = #expect(throws: SystemError.self) { try LoopDevice.attach("/nonexistent/image") }
    #expect(absent == SystemError(call: "open", subject: "/nonexistent/image", code: ENOENT))
    let directory = #expect(throws: SystemError.self) { try LoopDevice.attach("/var/tmp", isReadOnly: true) }
    #expect(directory?.code == EINVAL && directory?.subject?.hasSuffix(" for /var/tmp") == true)
  }

  @Test("many at once each get one of their own")
  func race() throws {
    try withImage { image in
      let devices = onDedicatedThreads(Array(0..<8)) { _ throws(SystemError) in try LoopDevice.attach(image) }
      defer { for device in devices { #expect(throws: Never.self) { try device.get().detach() } } }
      let numbers = try devices.map { try $0.get().number }
      #expect(Set(numbers).count == 8)
      #expect(LoopDevice.devices(backedBy: image).map(\.number) == numbers.sorted())
    }
  }

  @Test("that somebody else has meanwhile is not detached", .enabled(if: access("/sys/block/loop0/diskseq", F_OK) == 0))
  func reused() throws {
    try withImage { image in
      // Unless another process is faster, which may then keep the number for long.
      let isReused = try repeated {
        let device = try LoopDevice.attach(image)
        try output(of: "losetup -d \(device.path)")
        var others: [LoopDevice] = []
        defer { for other in others { #expect(throws: Never.self) { try other.detach() } } }
        while others.last?.number != device.number && others.count < 16 { others.append(try LoopDevice.attach(image)) }
        if others.last?.number != device.number { return false }
        try device.detach()
        #expect(LoopDevice.devices(backedBy: image).contains { $0.number == device.number })
        #expect(others.last != device)
        return true
      } until: {
        $0
      }
      #expect(isReused)
    }
  }

  @Test("that is still mounted stays, says so, and goes with the mount", .requiresProgram("mkfs.ext4"))
  func mounted() throws {
    try withScratch { scratch in
      let (image, directory) = ("\(scratch)/image", "\(scratch)/d")
      try output(of: "mkdir \(directory) && truncate -s 64M \(image) && mkfs.ext4 -q \(image)")
      let device = try LoopDevice.attach(image)
      defer { #expect(throws: Never.self) { try device.detach() } }
      let namespace = try MountNamespace()
      try namespace.run { () throws(MountError) in try Mount.make("ext4", source: device.path, at: directory) }
      let error = #expect(throws: SystemError.self) { try device.detach() }
      #expect(error?.code == EBUSY && error?.subject?.hasPrefix(device.path) == true)
      #expect(
        try namespace.run { try output(of: "touch \(directory)/file && sync && ls \(directory)") }
          .contains("file"))
      // Waits for the other thread, which lets go in the meantime.
      let results = onDedicatedThreads([true, false]) { isDetaching throws(SystemError) in
        if isDetaching {
          try device.detach()
        } else {
          try namespace.run { () throws(SystemError) in try Mount.remove(directory) }
        }
      }
      for result in results { #expect(throws: Never.self) { try result.get() } }
      #expect(LoopDevice.devices(backedBy: image) == [])
    }
  }

  @Test("leaks no descriptor over 50")
  func leaks() async {
    await #expect(processExitsWith: .success) {
      try withScratch { scratch in
        let image = "\(scratch)/image"
        try output(of: "truncate -s 1M \(image)")
        func cycle() throws {
          let device = try LoopDevice.attach(image)
          #expect(LoopDevice.devices(backedBy: image) == [device])
          #expect(throws: SystemError.self) { try LoopDevice.attach("/var/tmp", isReadOnly: true) }
          try device.detach()
        }
        try cycle()
        let before = try descriptorCount()
        for _ in 0..<50 { try cycle() }
        #expect(try descriptorCount() < before + 10)
      }
    }
  }
}

private var isSharedMemoryMounted: Bool { (try? FileSystemFacts(at: "/dev/shm"))?.type == "tmpfs" }

@Suite("A block device's counters", .requiresNetworkNamespaces)
struct BlockDeviceTests {
  @Test("grow by what dd writes and reads past the cache, to the byte")
  func counters() throws {
    try withScratch { scratch in
      try output(of: "truncate -s 16M \(scratch)/image")
      let device = try LoopDevice.attach("\(scratch)/image")
      defer { #expect(throws: Never.self) { try device.detach() } }
      for (block, count) in [(4096, 100), (65536, 16), (4096, 1)] {
        let before = try device.block.counters()
        try output(of: "dd if=/dev/zero of=\(device.path) bs=\(block) count=\(count) oflag=direct status=none")
        let written = try device.block.counters().since(before)
        #expect(written.bytesWritten == UInt64(block * count))
        #expect(written.writes == UInt64(count))
        try output(of: "dd if=\(device.path) of=/dev/null bs=\(block) count=\(count) iflag=direct status=none")
        let read = try device.block.counters().since(before)
        #expect(read.bytesWritten == UInt64(block * count))
        // A host with udev looks into the device, too.
        #expect(read.bytesRead >= UInt64(block * count) && read.reads >= UInt64(count))
      }
      let before = try device.block.counters()
      try output(of: "dd if=/dev/zero of=\(device.path) bs=4096 count=1 oflag=direct conv=fsync status=none")
      #expect(try device.block.counters().since(before).flushes == 1)
    }
  }

  @Test("are those of the device below a path", .requiresProgram("mkfs.ext4"))
  func under() throws {
    // No work is left to the kernel's thread, which would do it whenever it likes.
    let make = "mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0"
    try withFileSystem("ext4", make: make, size: 1 << 26) { mounted in
      let device = try mounted.namespace.run { () throws(SystemError) in
        try BlockDevice(under: mounted.directory)
      }
      #expect(device == mounted.device.block)
      #expect(device.name == mounted.device.path.replacing("/dev/", with: ""))
      #expect(try "\(device.major):\(device.minor)" == output(of: "cat /sys/block/loop\(mounted.device.number)/dev"))
      // What is written back by force has reached it.
      let before = try device.counters()
      try mounted.output(of: "head -c 1000000 /dev/urandom > file")
      let file = try mounted.open("file", O_RDONLY)
      try FileSync.fileSystem(of: file)
      let bytes = try device.counters().since(before).bytesWritten
      #expect(bytes >= 1_000_000 && bytes < 2_000_000)
    }
  }

  @Test("there are none of a file system without one device, and none of a device that is not there")
  func none() throws {
    let memory = #expect(throws: SystemError.self) { try BlockDevice(under: "/proc") }
    #expect(memory?.code == ENOTBLK && memory?.subject?.hasPrefix("/proc") == true)
    #expect(throws: SystemError(call: "stat", subject: "/nonexistent", code: ENOENT)) {
      try BlockDevice(under: "/nonexistent")
    }
    let absent = BlockDevice(major: 7, minor: 999_999)
    #expect(absent.name == nil)
    #expect(throws: SystemError.self) { try absent.counters() }
  }
}
