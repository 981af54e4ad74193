import Glibc
import LinuxKit
import TestSupport
import Testing

@Suite("The file system that a path is on")
struct FileSystemFactsTests {
  @Test("is what findmnt and df say", .requiresProgram("findmnt"), arguments: ["/", "/proc", "/dev/null", "/var/tmp"])
  func host(path: String) throws {
    let facts = try FileSystemFacts(at: path)
    let lines = try output(of: "findmnt -n -o FSTYPE,SOURCE -T \(path) | tail -1")
    #expect(lines.split(separator: " ").first.map(String.init) == facts.type)
    // findmnt adds the directory of a bind mount in brackets.
    #expect(lines.contains(facts.source))
    if path == "/proc" { #expect(facts.freeBytes == 0) } else { #expect(facts.freeBytes > 0 || path == "/dev/null") }
  }

  @Test("is the upper one of two, with its name unescaped and its room to the byte", .requiresNetworkNamespaces)
  func mounted() throws {
    try withTemporaryDirectory { directory in
      let namespace = try MountNamespace()
      try namespace.run { () throws in
        try Mount.make("tmpfs", source: "lower", at: directory)
        try Mount.make("tmpfs", source: "a\\b c\td", at: directory, options: [.value("size", "1m")])
        try writeFile("\(directory)/file", [UInt8](repeating: 1, count: 5000))
        chmod("\(directory)/file", 0)
        for path in [directory, "\(directory)/file"] {
          #expect(
            try FileSystemFacts(at: path)
              == FileSystemFacts(type: "tmpfs", source: "a\\b c\td", freeBytes: (1 << 20) - 8192))
        }
        try Mount.remove(directory)
        #expect(try FileSystemFacts(at: directory).source == "lower")
        try Mount.remove(directory)
      }
    }
  }

  @Test("is not told of what is not there")
  func missing() throws {
    let error = #expect(throws: SystemError.self) { try FileSystemFacts(at: "/nonexistent") }
    #expect(error == SystemError(call: "open", subject: "/nonexistent", code: ENOENT))
  }
}
