import Glibc
import LinuxKit
import TestSupport
import Testing

/// The mounts that the calling thread sees at or below `directory`.
private func mounts(under directory: String) throws(SystemError) -> [String] {
  try SmallFile.text("/proc/thread-self/mountinfo").split(separator: "\n").map { String($0.split(separator: " ")[4]) }
    .filter { $0.hasPrefix(directory) }
}

@Suite("A mount namespace of one's own", .requiresNetworkNamespaces)
struct MountNamespaceTests {
  @Test("what is mounted in it is seen inside only")
  func inside() throws {
    try withTemporaryDirectory { directory in
      let namespace = try MountNamespace()
      let host = try inode("/proc/thread-self/ns/mnt")
      let seen = try namespace.run { () throws in
        try Mount.make("tmpfs", at: directory, options: [.value("size", "64k"), .value("mode", "700")])
        _ = try Descriptor.open("\(directory)/file", O_WRONLY | O_CREAT, mode: 0o600)
        return (try mounts(under: directory), try inode("/proc/thread-self/ns/mnt"))
      }
      #expect(seen.0 == [directory])
      #expect(try seen.1 != host && seen.1 == inode(namespace.path))
      #expect(try inode("/proc/thread-self/ns/mnt") == host)
      #expect(try mounts(under: directory) == [])
      #expect(access("\(directory)/file", F_OK) != 0)
      // All processes of the host, but those that are in it: here is none.
      #expect(try output(of: "cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -c ' \(directory) ' || true") == "0")
      try namespace.run { () throws(SystemError) in try Mount.remove(directory) }
    }
  }

  @Test("other processes and threads can enter it by its file", .requiresProgram("nsenter"))
  func enter() throws {
    try withTemporaryDirectory { directory in
      let namespace = try MountNamespace()
      try namespace.run { () throws(MountError) in try Mount.make("tmpfs", at: directory) }
      try namespace.run { () throws in try writeFile("\(directory)/file", [1, 2, 3]) }
      #expect(try output(of: "nsenter --mount=\(namespace.path) stat -c %s \(directory)/file") == "3")
      let path = namespace.path
      let bytes = try onDedicatedThread { () throws(SystemError) in
        try MountNamespace.enter(path: path)
        return try SmallFile.bytes("\(directory)/file")
      }
      #expect(bytes == [1, 2, 3])
      // Children of what runs inside are inside.
      #expect(try namespace.run { try output(of: "stat -c %s \(directory)/file") } == "3")
    }
  }

  @Test("runs one thing at a time, and one within the other, and hands over what is thrown")
  func run() throws {
    let namespace = try MountNamespace()
    let thrown = SystemError(call: "test", code: EPROTO)
    let error = #expect(throws: SystemError.self) {
      try namespace.run { () throws(SystemError) in try namespace.run { () throws(SystemError) in throw thrown } }
    }
    #expect(error == thrown)
    let counter = Counter()
    let results = onDedicatedThreads(Array(0..<8)) { _ throws(SystemError) in
      for _ in 0..<1000 { namespace.run { counter.value += 1 } }
    }
    #expect(results.allSatisfy { if case .success = $0 { true } else { false } })
    #expect(counter.value == 8000)
  }

  /// Not guarded by anything but the namespace: that is what is tested.
  private final class Counter: @unchecked Sendable {
    var value = 0
  }

  @Test("goes with its value: what is mounted is unmounted by then", .requiresFileSystem("tmpfs"))
  func end() async {
    // In a process of its own: a child that another test starts at this moment has the namespace open until it runs its
    // program.
    await #expect(processExitsWith: .success) {
      try withScratch { scratch in
        try output(of: "mkdir \(scratch)/d && truncate -s 64M \(scratch)/image && mkfs.ext4 -q \(scratch)/image")
        let device = try LoopDevice.attach("\(scratch)/image")
        defer { #expect(throws: Never.self) { try device.detach() } }
        var path = ""
        do {
          let namespace = try MountNamespace()
          path = namespace.path
          try namespace.run { () throws(MountError) in
            try Mount.make("ext4", source: device.path, at: "\(scratch)/d")
          }
          // Mounted, so nobody else may have it for himself.
          let busy = #expect(throws: SystemError.self) { _ = try Descriptor.open(device.path, O_RDWR | O_EXCL) }
          #expect(busy?.code == EBUSY)
        }
        _ = try Descriptor.open(device.path, O_RDWR | O_EXCL)
        #expect(throws: SystemError.self) { try MountNamespace.enter(path: path) }
      }
    }
  }

  @Test("leaks neither descriptor nor thread over 100")
  func leaks() async {
    await #expect(processExitsWith: .success) {
      func threads() throws -> Int { try output(of: "ls /proc/\(getpid())/task").split(separator: "\n").count }
      func cycle() throws {
        let namespace = try MountNamespace()
        namespace.run {}
        let error = #expect(throws: MountError.self) { try Mount.make("tmpfs", at: "/nonexistent") }
        #expect(error?.error.code == ENOENT)
      }
      try cycle()
      let before = (try descriptorCount(), try threads())
      for _ in 0..<100 { try cycle() }
      #expect(try descriptorCount() < before.0 + 10)
      #expect(try threads() < before.1 + 10)
    }
  }

  @Test("is refused without the right to make one, and what is no namespace cannot be entered")
  func refused() async throws {
    let error = #expect(throws: SystemError.self) {
      try onDedicatedThread { () throws(SystemError) in try MountNamespace.enter(path: "/dev/null") }
    }
    #expect(error?.call == "setns" && error?.subject == "/dev/null")
    await #expect(processExitsWith: .success) {
      try systemCall("setuid") { setuid(65_534) }
      let error = #expect(throws: SystemError.self) { _ = try MountNamespace() }
      #expect(error?.isPermission == true)
      let mounting = #expect(throws: MountError.self) { try Mount.make("tmpfs", at: "/mnt") }
      #expect(mounting?.isPermission == true && mounting?.isUnknownType == false)
    }
  }
}

@Suite("Mounting", .requiresNetworkNamespaces)
struct MountTests {
  /// A directory with an empty tmpfs in a namespace of its own.
  private func withTmpfs(_ body: (String, MountNamespace) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let namespace = try MountNamespace()
      try namespace.run { () throws(MountError) in try Mount.make("tmpfs", source: "bench test", at: directory) }
      try body(directory, namespace)
    }
  }

  @Test("overlayfs takes 128 lower layers, of any name", .requiresFileSystem("overlay"))
  func layers() throws {
    try withTmpfs { directory, namespace in
      // What would end a path in mount(2)'s one string: a comma, a colon, a backslash.
      let layers = (0..<128).map { "\(directory)/lower,\($0):\\x" }
      try namespace.run { () throws in
        for name in ["upper", "work", "merged"] { mkdir("\(directory)/\(name)", 0o755) }
        for (number, layer) in layers.enumerated() {
          mkdir(layer, 0o755)
          try writeFile("\(layer)/file\(number)", [UInt8(number)])
          try writeFile("\(layer)/same", [UInt8(number)])
        }
        let lower = layers.map { MountOption.value("lowerdir+", $0) }
        try Mount.make(
          "overlay", source: "overlay", at: "\(directory)/merged",
          options: lower + [.value("upperdir", "\(directory)/upper"), .value("workdir", "\(directory)/work")])
        for number in 0..<128 { #expect(try SmallFile.bytes("\(directory)/merged/file\(number)") == [UInt8(number)]) }
        // The first is on top.
        #expect(try SmallFile.bytes("\(directory)/merged/same") == [0])
        #expect(try output(of: "ls \(directory)/merged | wc -l") == "129")
        // Written to the upper layer only.
        try SmallFile.write("changed", to: "\(directory)/merged/file127")
        #expect(try SmallFile.text("\(directory)/upper/file127") == "changed")
        #expect(try SmallFile.bytes("\(layers[127])/file127") == [127])
        try Mount.remove("\(directory)/merged")
        try Mount.remove("\(directory)/merged")
      }
      #expect(try namespace.run { () throws(SystemError) in try mounts(under: directory) } == [directory])
    }
  }

  @Test("a file system can be mounted read-only")
  func readOnly() throws {
    try withTemporaryDirectory { directory in
      let namespace = try MountNamespace()
      let error = try namespace.run { () throws in
        try Mount.make("tmpfs", at: directory, isReadOnly: true)
        return #expect(throws: SystemError.self) {
          _ = try Descriptor.open("\(directory)/file", O_WRONLY | O_CREAT, mode: 0o600)
        }
      }
      #expect(error?.code == EROFS)
    }
  }

  @Test("errors name the call and the thing, with the kernel's words")
  func errors() throws {
    try withTmpfs { directory, namespace in
      func failure(
        _ type: String, source: String? = nil, at target: String? = nil, _ options: [MountOption] = []
      ) -> MountError? {
        #expect(throws: MountError.self) {
          try namespace.run { () throws(MountError) in
            try Mount.make(type, source: source, at: target ?? directory, options: options)
          }
        }
      }
      let type = failure("nosuchfs")
      #expect(type?.isUnknownType == true)
      #expect(type?.description == "fsopen nosuchfs: No such device")

      let option = failure("tmpfs", [.value("size", "1m"), .value("colour", "blue")])
      #expect(
        option?.description
          == "fsconfig tmpfs, option colour=blue: Invalid argument (tmpfs: Unknown parameter 'colour')")
      #expect(option?.isUnknownType == false && option?.isPermission == false)
      #expect(failure("tmpfs", [.flag("striped")])?.message?.contains("'striped'") == true)
      #expect(failure("tmpfs", [.value("size", "many")])?.message?.contains("size") == true)

      let target = failure("tmpfs", at: "\(directory)/missing")
      #expect(target?.error == SystemError(call: "move_mount", subject: "\(directory)/missing", code: ENOENT))

      let long = failure("tmpfs", [.value("mpol", String(repeating: "x", count: 256))])
      #expect(long?.error.code == ENAMETOOLONG)
      #expect(long?.description.contains("option mpol of 256 bytes (at most 255)") == true)
      // What is just short enough gets to the file system, which then judges it.
      #expect(failure("tmpfs", [.value("mpol", String(repeating: "x", count: 255))])?.error.code == EINVAL)

      let left = try namespace.run { () throws(SystemError) in try mounts(under: directory) }
      #expect(left == [directory])
    }
  }

  @Test("a missing or empty device is refused, and nothing is mounted", .requiresProgram("mkfs.ext4"))
  func devices() throws {
    try withScratch { scratch in
      try output(of: "truncate -s 1M \(scratch)/empty && mkdir \(scratch)/d")
      let device = try LoopDevice.attach("\(scratch)/empty")
      defer { #expect(throws: Never.self) { try device.detach() } }
      let namespace = try MountNamespace()
      for (source, code) in [(device.path, EINVAL), ("/dev/nosuch", ENOENT), ("\(scratch)/empty", ENOTBLK)] {
        let error = #expect(throws: MountError.self) {
          try namespace.run { () throws(MountError) in try Mount.make("ext4", source: source, at: "\(scratch)/d") }
        }
        #expect(error?.error.code == code, "\(String(describing: error))")
        #expect(error?.description.contains("ext4 of \(source)") == true)
      }
      #expect(try namespace.run { () throws(SystemError) in try mounts(under: scratch) } == [])
    }
  }

  @Test("what is in use is not unmounted, and says so")
  func busy() throws {
    try withTmpfs { directory, namespace in
      let error = try namespace.run { () throws in
        let file = try Descriptor.open("\(directory)/file", O_WRONLY | O_CREAT, mode: 0o600)
        let error = #expect(throws: SystemError.self) { try Mount.remove(directory) }
        try file.write([1])
        return error
      }
      #expect(error == SystemError(call: "umount", subject: directory, code: EBUSY))
      try namespace.run { () throws(SystemError) in
        try Mount.remove(directory)
        #expect(try mounts(under: directory) == [])
      }
    }
  }
}
