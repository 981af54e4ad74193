import Glibc
import LinuxKit
import TestSupport
import Testing

/// A lock that this process lets go of is free once no copy of its descriptor is left; a child that another test is just
/// starting has one for a moment. So these tests have a process each.
@Suite("A locked file")
struct LockedFileTests {
  /// Whether another process can take the lock.
  private static func canOtherLock(_ path: String) throws -> Bool {
    let child = try shell("exec flock -n \(path) true")
    return switch try child.waitForExit(deadline: farDeadline()) {
    case .exited(0): true
    case .exited(1): false
    case let status: throw Unexpected(description: "flock \(status): \(child.standardError())")
    }
  }

  /// Takes the lock of a file, or of a directory; a test that fails to has failed.
  private static func take(_ path: String, isDirectory: Bool = false) throws -> LockedFile {
    if let lock = try isDirectory ? LockedFile.lock(directory: path) : LockedFile.lock(path) { return lock }
    throw Unexpected(description: "\(path) is locked already")
  }

  /// Whether this process can take the lock once more.
  private static func isFree(_ path: String, isDirectory: Bool = false) throws -> Bool {
    if let lock = try isDirectory ? LockedFile.lock(directory: path) : LockedFile.lock(path) {
      return lock.path == path
    }
    return false
  }

  private struct Unexpected: Error, CustomStringConvertible { let description: String }

  @Test("is one process's at a time, until its holder lets go", .requiresProgram("flock"))
  func exclusive() async {
    await #expect(processExitsWith: .success) {
      try withTemporaryDirectory { directory in
        let path = "\(directory)/lock"
        do {
          let lock = try Self.take(path)
          #expect(lock.path == path)
          #expect(try !Self.canOtherLock(path))
          #expect(try !Self.isFree(path))
        }
        #expect(try Self.canOtherLock(path))
        #expect(try Self.isFree(path))
      }
    }
  }

  @Test("is let go of by the kernel when its holder dies, however that comes about", .requiresProgram("flock"))
  func holderDies() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/lock"
      for signal in [SIGKILL, SIGTERM] {
        let holder = try shell("exec 9>>\(path); flock 9; echo held; exec cat")
        #expect(try holder.readText() == "held")
        #expect(try !Self.isFree(path))
        holder.signal(signal)
        #expect(try holder.waitForExit(deadline: farDeadline()) == .killed(signal: signal))
        #expect(try Self.isFree(path))
      }
    }
  }

  @Test("is not held on by the children of its holder")
  func children() async {
    await #expect(processExitsWith: .success) {
      try withTemporaryDirectory { directory in
        let path = "\(directory)/lock"
        let child: ChildProcess
        do {
          let lock = try Self.take(path)
          child = try ChildProcess(executable: "/bin/cat")
          // Only when the program itself runs are the descriptors closed that it was not to have.
          try child.write(Array("here\n".utf8))
          #expect(try child.readText() == "here")
          #expect(lock.path == path)
        }
        #expect(try Self.isFree(path))
        try child.write(Array("still here\n".utf8))
        #expect(try child.readText() == "still here")
      }
    }
  }

  @Test("a directory is locked without a file in it", .requiresProgram("flock"))
  func directory() async {
    await #expect(processExitsWith: .success) {
      try withTemporaryDirectory { directory in
        do {
          let lock = try Self.take(directory, isDirectory: true)
          #expect(lock.path == directory)
          #expect(try !Self.isFree(directory, isDirectory: true))
          #expect(try !Self.canOtherLock(directory))
        }
        #expect(try Self.isFree(directory, isDirectory: true))
        // It was empty all the time: only an empty one can be removed.
        #expect(rmdir(directory) == 0 && mkdir(directory, 0o700) == 0)
        try writeFile("\(directory)/file", [])
        let file = #expect(throws: SystemError.self) { _ = try LockedFile.lock(directory: "\(directory)/file") }
        #expect(file?.code == ENOTDIR)
      }
    }
  }

  @Test("is appended to and emptied; what others have written stays until then")
  func contents() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/lock"
      try writeFile(path, Array("before\n".utf8))
      let lock = try Self.take(path)
      try lock.append("one\n")
      try lock.append("")
      try lock.append("zwei ü\n")
      try lock.synchronize()
      #expect(try SmallFile.text(path) == "before\none\nzwei ü\n")
      try lock.truncate()
      #expect(try SmallFile.text(path) == "")
      try lock.append("again\n")
      #expect(try SmallFile.text(path) == "again\n")
    }
  }

  @Test("cannot be where there is no directory")
  func missing() {
    let error = #expect(throws: SystemError.self) { _ = try LockedFile.lock("/nonexistent/lock") }
    #expect(error == SystemError(call: "open", subject: "/nonexistent/lock", code: ENOENT))
    let directory = #expect(throws: SystemError.self) { _ = try LockedFile.lock(directory: "/nonexistent") }
    #expect(directory == SystemError(call: "open", subject: "/nonexistent", code: ENOENT))
  }
}
