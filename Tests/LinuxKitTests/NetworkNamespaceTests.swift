import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("A network namespace")
struct NetworkNamespaceTests {
  @Test("has a name that others find, and nothing but a loopback", .requiresNetworkNamespaces)
  func create() throws {
    try withNamespaces(2) { namespaces in
      let host = try currentNetworkNamespace()
      let inodes = try namespaces.map { try inode($0.path) }
      #expect(Set(inodes + [host]).count == 3)
      #expect(try currentNetworkNamespace() == host)
      for (namespace, number) in zip(namespaces, inodes) {
        #expect(try namespace.run { () throws(SystemError) in try currentNetworkNamespace() } == number)
        let interfaces = try namespace.run { () throws(SystemError) in try SmallFile.text("/proc/thread-self/net/dev") }
        #expect(interfaces.split(separator: "\n").dropFirst(2).map { $0.drop { $0 == " " }.prefix(3) } == ["lo:"])
        let descriptor = try namespace.descriptor()
        var status = stat()
        #expect(fstat(descriptor.rawValue, &status) == 0)
        #expect(UInt64(status.st_ino) == number)
      }
    }
  }

  @Test("never takes over a name that exists", .requiresNetworkNamespaces)
  func exclusive() throws {
    try withNamespaces(1) { namespaces in
      let number = try inode(namespaces[0].path)
      let again = NetworkNamespace(name: namespaces[0].name)
      #expect(again == namespaces[0])
      let error = #expect(throws: SystemError.self) { try again.create() }
      #expect(error == SystemError(call: "open", subject: again.path, code: EEXIST))
      // The first one is as it was.
      #expect(try inode(namespaces[0].path) == number)
      #expect(try again.run { () throws(SystemError) in try currentNetworkNamespace() } == number)
    }
  }

  @Test("what is run at its creation runs in it", .requiresNetworkNamespaces)
  func createRunning() throws {
    let namespace = randomNamespace()
    let host = try currentNetworkNamespace()
    let inside = try namespace.create { () throws(SystemError) in try currentNetworkNamespace() }
    defer { #expect(throws: Never.self) { try namespace.remove() } }
    #expect(try inside == inode(namespace.path))
    #expect(try inside != host && currentNetworkNamespace() == host)
  }

  @Test("if what is run at its creation fails, nothing is left of it", .requiresNetworkNamespaces)
  func createFailing() throws {
    let namespace = randomNamespace()
    let thrown = SystemError(call: "test", code: EPROTO)
    let error = #expect(throws: SystemError.self) { try namespace.create { () throws(SystemError) in throw thrown } }
    #expect(error == thrown)
    #expect(access(namespace.path, F_OK) != 0)
    #expect(try !SmallFile.text("/proc/self/mountinfo").contains(namespace.name))
    // The name is free again.
    try namespace.create()
    try namespace.remove()
  }

  @Test("is removed with nothing left, as often as one likes", .requiresNetworkNamespaces)
  func remove() throws {
    let namespace = randomNamespace()
    try namespace.remove()
    try namespace.create()
    for _ in 0..<3 {
      try namespace.remove()
      #expect(access(namespace.path, F_OK) != 0)
      #expect(try !SmallFile.text("/proc/self/mountinfo").contains(namespace.name))
    }
    // A file without a mount on it, as a creation that was killed half-way leaves it.
    try writeFile(namespace.path, [])
    try namespace.remove()
    #expect(access(namespace.path, F_OK) != 0)
  }

  @Test("can be removed while somebody is in it", .requiresNetworkNamespaces)
  func removeInUse() throws {
    let namespace = randomNamespace()
    try namespace.create()
    let inside = try namespace.run { () throws(SystemError) in
      try namespace.remove()
      return try currentNetworkNamespace()
    }
    #expect(try inside != currentNetworkNamespace())
    #expect(access(namespace.path, F_OK) != 0)
  }

  @Test("that does not exist, or is none, cannot be entered")
  func missing() throws {
    let absent = randomNamespace()
    let host = try currentNetworkNamespace()
    let error = #expect(throws: SystemError.self) { try absent.run { () throws(SystemError) in } }
    #expect(error == SystemError(call: "open", subject: absent.path, code: ENOENT))
    #expect(throws: SystemError.self) { _ = try absent.descriptor() }
    let none = #expect(throws: SystemError.self) {
      try onDedicatedThread { () throws(SystemError) in try NetworkNamespace.enter(path: "/dev/null") }
    }
    #expect(none?.call == "setns" && none?.subject == "/dev/null")
    #expect(try currentNetworkNamespace() == host)
  }

  @Test("leaks no descriptor over 100 made, entered and removed", .requiresNetworkNamespaces)
  func leaks() async {
    await #expect(processExitsWith: .success) {
      func cycle() throws {
        let namespace = randomNamespace()
        try namespace.create()
        try namespace.run { () throws(SystemError) in }
        #expect(throws: SystemError.self) { try namespace.create() }
        try namespace.remove()
      }
      try cycle()
      let before = try descriptorCount()
      for _ in 0..<100 { try cycle() }
      // One more may have been opened meanwhile by the runtime, not one a namespace.
      #expect(try descriptorCount() < before + 10)
    }
  }

  @Test(
    "without the right to make one, the error says so, and nothing is left",
    .enabled(if: Process.isRoot, "gives up root to see what happens without: run `sudo make test`"))
  func permission() async {
    await #expect(processExitsWith: .success) {
      try systemCall("setuid") { setuid(65_534) }
      #expect(!Process.isRoot)
      let namespace = randomNamespace()
      let error = #expect(throws: SystemError.self) { try namespace.create() }
      #expect(error?.isPermission == true, "\(String(describing: error))")
      #expect(error?.subject?.hasPrefix(NetworkNamespace.directory) == true)
      #expect(access(namespace.path, F_OK) != 0)
    }
  }
}

/// What happens to the directory is seen in a mount namespace with a /run of its own, which ends with its thread.
@Suite("The directory of named namespaces", .requiresNetworkNamespaces)
struct NamespaceDirectoryTests {
  private static func leaveMountNamespace() throws(SystemError) {
    try unshareThread(0x20000 /* CLONE_NEWNS */, "mount namespace")
    try systemCall("mount", on: "/ private") { mount("none", "/", nil, UInt(MS_PRIVATE | MS_REC), nil) }
    // What the machine has there would still be listed under the empty one.
    while umount2(NetworkNamespace.directory, Int32(MNT_DETACH)) == 0 {}
    try systemCall("mount", on: "tmpfs /run") { mount("none", "/run", "tmpfs", 0, nil) }
  }

  /// Runs `body` on a thread that has a mount namespace with an empty /run.
  private func withEmptyRun<Value: Sendable>(
    _ body: @escaping @Sendable () throws(SystemError) -> Value
  ) throws -> Value {
    try onDedicatedThread { () throws(SystemError) in
      try Self.leaveMountNamespace()
      return try body()
    }
  }

  /// The lines of mountinfo (proc(5)) for the directory.
  private static func mounts() throws(SystemError) -> [String] {
    try SmallFile.text("/proc/thread-self/mountinfo").split(separator: "\n").map(String.init)
      .filter { $0.split(separator: " ")[4] == NetworkNamespace.directory }
  }

  @Test("is made, mounted once however often it is asked for, shared, and unmounted again")
  func share() throws {
    let isOurs = NetworkNamespace.directoryExists
    let seen = try withEmptyRun { () throws(SystemError) in
      let before = (NetworkNamespace.directoryExists, try Self.mounts())
      #expect(try !NetworkNamespace.isDirectoryShared())
      try NetworkNamespace.shareDirectory()
      let first = try Self.mounts()
      try NetworkNamespace.shareDirectory()
      let second = try Self.mounts()
      #expect(try NetworkNamespace.isDirectoryShared())
      try NetworkNamespace.unshareDirectory()
      let after = try Self.mounts()
      // Not an error a second time.
      try NetworkNamespace.unshareDirectory()
      return [before.1, first, second, after, [before.0 ? "there" : "absent"]]
    }
    #expect(seen[0] == [])
    #expect(seen[1].count == 1 && seen[1].first?.contains(" shared:") == true)
    #expect(seen[2] == seen[1])
    #expect(seen[3] == [])
    #expect(seen[4] == ["absent"])
    // The machine's own is untouched.
    #expect(NetworkNamespace.directoryExists == isOurs)
  }

  @Test("is left alone as long as it holds somebody's namespace")
  func unshareInUse() throws {
    let namespace = randomNamespace()
    let mounts = try withEmptyRun { () throws(SystemError) in
      try namespace.create()
      try NetworkNamespace.unshareDirectory()
      let inUse = try Self.mounts()
      _ = try inode(namespace.path)
      try namespace.remove()
      try NetworkNamespace.unshareDirectory()
      return [inUse, try Self.mounts()]
    }
    #expect(mounts[0].count == 1)
    #expect(mounts[1] == [])
  }

  @Test(
    "a directory that iproute2 has shared is taken as it is, and its namespaces are found by both",
    .requiresProgram("ip"))
  func iproute2() throws {
    let namespace = randomNamespace()
    let listed = try withEmptyRun { () throws(SystemError) in
      func ip(_ words: String) throws(SystemError) -> String {
        let child = try shell("ip netns \(words) 2>&1; echo end")
        var all = ""
        while let line = try? child.readText(), line != "end" { all += line + "\n" }
        return all
      }
      var log = [try ip("add bench-test-foreign")]
      try namespace.create()
      log.append(try ip("list"))
      let inside = try namespace.run { () throws(SystemError) in try currentNetworkNamespace() }
      log.append(try ip("exec \(namespace.name) stat -Lc %i /proc/self/ns/net"))
      log.append("\(inside)\n")
      log.append("\(try Self.mounts().count)")
      try namespace.remove()
      log.append(try ip("list"))
      return log
    }
    #expect(listed[0] == "")
    #expect(listed[1].contains("bench-test-foreign") && listed[1].contains(namespace.name))
    #expect(listed[2] == listed[3])
    #expect(listed[4] == "1")
    #expect(listed[5] == "bench-test-foreign\n")
  }
}
