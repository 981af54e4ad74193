import Glibc
import LinuxKit
import Testing

/// A deadline far beyond anything that these tests wait for: it ends a test that would hang, and decides nothing else.
func farDeadline() -> UInt64 { Clock.monotonic() + 30_000_000_000 }

func shell(_ script: String) throws(SystemError) -> ChildProcess {
  try ChildProcess(executable: "/bin/sh", arguments: ["-c", script])
}

extension ChildProcess {
  func readText(deadline: UInt64 = farDeadline()) throws(Failure) -> String {
    String(decoding: try readLine(deadline: deadline), as: UTF8.self)
  }

  /// All lines up to the end of its output.
  func readAllLines() throws -> [String] {
    var lines: [String] = []
    let end = #expect(throws: ChildProcess.Failure.self) { while true { lines.append(try readText()) } }
    #expect(end == .ended)
    return lines
  }
}

func inode(_ path: String) throws(SystemError) -> UInt64 {
  var status = stat()
  try systemCall("stat", on: path) { stat(path, &status) }
  return UInt64(status.st_ino)
}

/// What descriptor `number` of this process refers to, as /proc shows it; nil if it is closed. Told by what it is and
/// not by its number alone, which another thread may have been given meanwhile.
func target(of number: Int32) throws -> String? {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
  return count < 0 ? nil : String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// `unshare(2)` of the calling thread, which glibc hides from programs that do not ask for GNU's extensions.
func unshareThread(_ flags: Int32, _ what: String) throws(SystemError) {
  typealias Unshare = @convention(c) (Int32) -> Int32
  guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "unshare") else { throw SystemError(call: "dlsym", code: ENOSYS) }
  let unshare = unsafeBitCast(symbol, to: Unshare.self)
  try systemCall("unshare", on: what) { unshare(flags) }
}

/// The network namespace of the calling thread.
func currentNetworkNamespace() throws(SystemError) -> UInt64 { try inode("/proc/thread-self/ns/net") }

/// Makes an empty directory for the time of `body`; files in it go with it.
func withTemporaryDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
  var template = Array("/tmp/bench-test-XXXXXX".utf8CString)
  let path = try #require(mkdtemp(&template).map { String(cString: $0) })
  defer {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        unlink("\(path)/\(name)")
      }
      closedir(directory)
    }
    if rmdir(path) != 0 { Issue.record("left behind: \(path)") }
  }
  return try body(path)
}

/// Makes a file of `bytes`.
func writeFile(_ path: String, _ bytes: [UInt8]) throws {
  let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
  try file.write(bytes)
}
