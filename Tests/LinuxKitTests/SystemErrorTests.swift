import Glibc
import LinuxKit
import Testing

@Suite("The error of a failed system call")
struct SystemErrorTests {
  @Test("says which call failed, on what, and why")
  func description() throws {
    let error = #expect(throws: SystemError.self) { _ = try Descriptor.open("/nonexistent/file", O_RDONLY) }
    #expect(error == SystemError(call: "open", subject: "/nonexistent/file", code: ENOENT))
    #expect(error?.description == "open /nonexistent/file: No such file or directory")
    #expect(SystemError(call: "pipe2", code: EMFILE).description == "pipe2: Too many open files")
  }

  @Test("is of the call itself, not of a later one")
  func capturedAtOnce() {
    func subject() -> String {
      errno = EDOM
      return "thing"
    }
    let error = #expect(throws: SystemError.self) {
      try systemCall("test", on: subject()) { () -> Int32 in
        errno = ENOSPC
        return -1
      }
    }
    #expect(error == SystemError(call: "test", subject: "thing", code: ENOSPC))
  }

  @Test("an interrupted call is made again, and its result is that of the last")
  func interrupted() throws {
    var calls = 0
    let result = try systemCall("test") { () -> Int in
      calls += 1
      errno = EINTR
      return calls < 4 ? -1 : 17
    }
    #expect(result == 17 && calls == 4)
  }

  @Test("only −1 is a failure")
  func otherNegatives() throws {
    #expect(try systemCall("test") { Int32(-2) } == -2)
    #expect(try systemCall("test") { Int32(0) } == 0)
  }

  @Test("a descriptor that is none is a programmer's error: it traps")
  func programmersError() async {
    await #expect(processExitsWith: .failure) { try systemCall("close") { close(1 << 20) } }
    await #expect(processExitsWith: .failure) {
      try systemCall("stat") { stat("/", UnsafeMutablePointer(bitPattern: 8)!) }
    }
  }

  @Test(
    "is sorted by what can be done about it",
    arguments: [
      (EPERM, "permission"), (EACCES, "permission"), (ENOENT, "missing"), (ESRCH, "missing"), (ENODEV, "missing"),
      (ENXIO, "missing"), (ENOSPC, "full"), (EDQUOT, "full"), (EINVAL, ""),
    ])
  func kinds(code: Int32, kind: String) {
    let error = SystemError(call: "test", code: code)
    #expect(error.isPermission == (kind == "permission"))
    #expect(error.isMissing == (kind == "missing"))
    #expect(error.isFull == (kind == "full"))
  }
}
