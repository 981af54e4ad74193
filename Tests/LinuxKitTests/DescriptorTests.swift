import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("A descriptor")
struct DescriptorTests {
  @Test("is closed when its owner goes out of scope, and not when it was released")
  func ownership() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/file"
      try writeFile(path, [])
      let number: Int32
      let ends: [Int32]
      let pipeName: String?
      do {
        let file = try Descriptor.open(path, O_RDONLY)
        let pipe = try Descriptor.pipe()
        number = file.rawValue
        ends = [pipe.reading.rawValue, pipe.writing.rawValue]
        #expect(try target(of: number) == path)
        pipeName = try target(of: ends[0])
        #expect(pipeName?.hasPrefix("pipe:") == true)
        #expect(try target(of: ends[1]) == pipeName)
      }
      #expect(try target(of: number) != path)
      for end in ends { #expect(try target(of: end) != pipeName) }

      let released = try Descriptor.open(path, O_RDONLY).release()
      #expect(try target(of: released) == path)
      #expect(close(released) == 0)
    }
  }

  @Test("is closed, too, when what it was opened for fails")
  func failure() async {
    await #expect(processExitsWith: .success) {
      let before = try descriptorCount()
      for _ in 0..<100 {
        #expect(throws: SystemError.self) { _ = try Descriptor.open("/nonexistent/file", O_RDONLY) }
        #expect(throws: SystemError.self) { _ = try SmallFile.bytes("/proc/self") }
        #expect(throws: SystemError.self) { try SmallFile.write("1", to: "/dev/full") }
        #expect(throws: SystemError.self) { try NetworkNamespace.enter(path: "/dev/null") }
      }
      // One more may have been opened meanwhile by the runtime, not one a failure.
      #expect(try descriptorCount() < before + 10)
    }
  }

  @Test("is not passed on to programs that are started")
  func closeOnExec() throws {
    let file = try Descriptor.open("/dev/null", O_RDONLY)
    let pipe = try Descriptor.pipe()
    for number in [file.rawValue, pipe.reading.rawValue, pipe.writing.rawValue] {
      #expect(fcntl(number, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
    }
  }

  @Test("a pipe gives back what was written, and then its end")
  func pipe() throws {
    var ends = try Descriptor.pipe()
    try ends.writing.write([])
    try ends.writing.write(Array("abcdef".utf8))
    var read = try ends.reading.read(upTo: 4)
    #expect(read == Array("abcd".utf8))
    read = try ends.reading.read(upTo: 4)
    #expect(read == Array("ef".utf8))
    // The end that is replaced is closed.
    ends.writing = try Descriptor.open("/dev/null", O_RDONLY)
    read = try ends.reading.read(upTo: 4)
    #expect(read == [])
  }

  @Test("a write is done only when all of it is, though a pipe takes it in parts")
  func longWrite() throws {
    var ends = try Descriptor.pipe()
    let writing = fcntl(ends.writing.rawValue, F_DUPFD_CLOEXEC, 3)
    ends.writing = try Descriptor.open("/dev/null", O_RDONLY)
    // More than the largest pipe that a process may have without privileges.
    let all = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    let writer = Background {
      let end = Descriptor(owning: writing)
      try end.write(all)
    }
    var seen: [UInt8] = []
    while true {
      let chunk = try ends.reading.read(upTo: 1 << 20)
      if chunk.isEmpty { break }
      seen += chunk
    }
    try writer.value()
    #expect(seen == all)
  }

  @Test("a failed read or write says so")
  func failures() throws {
    let directory = try Descriptor.open("/", O_RDONLY | O_DIRECTORY)
    let reading = #expect(throws: SystemError.self) { _ = try directory.read(upTo: 1) }
    #expect(reading == SystemError(call: "read", code: EISDIR))
    let full = try Descriptor.open("/dev/full", O_WRONLY)
    let writing = #expect(throws: SystemError.self) { try full.write([1]) }
    #expect(writing?.isFull == true)
  }
}

@Suite("A small file")
struct SmallFileTests {
  @Test("is read whole, also where its size is not known beforehand")
  func whole() throws {
    try withTemporaryDirectory { directory in
      let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8)) }
      try writeFile("\(directory)/file", bytes)
      #expect(try SmallFile.bytes("\(directory)/file") == bytes)
      #expect(try SmallFile.text("/proc/self/status").hasPrefix("Name:"))
    }
  }

  @Test("a path without end does not fill the memory")
  func limit() throws {
    #expect(try SmallFile.bytes("/dev/zero", limit: 100_000).count == 100_000)
    #expect(try SmallFile.bytes("/dev/zero").count == 1 << 22)
  }

  @Test("a line comes without its end; malformed UTF-8 is replaced")
  func lines() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/file"
      for (text, line) in [("a\n", "a"), ("a", "a"), ("a b\r\n\n", "a b"), ("", ""), ("\n", ""), ("a\nb\n", "a\nb")] {
        try writeFile(path, Array(text.utf8))
        #expect(SmallFile.line(path) == line)
      }
      try writeFile(path, [0x61, 0xff, 0x62])
      #expect(try SmallFile.text(path) == "a\u{fffd}b")
    }
    #expect(SmallFile.line("/nonexistent/file") == nil)
  }

  @Test("only an existing file is written")
  func write() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/file"
      let error = #expect(throws: SystemError.self) { try SmallFile.write("1", to: path) }
      #expect(error == SystemError(call: "open", subject: path, code: ENOENT))
      try writeFile(path, [])
      try SmallFile.write("1", to: path)
      #expect(try SmallFile.text(path) == "1")
      let refused = #expect(throws: SystemError.self) { try SmallFile.write("1", to: "/dev/full") }
      #expect(refused == SystemError(call: "write", subject: "/dev/full", code: ENOSPC))
    }
  }
}
