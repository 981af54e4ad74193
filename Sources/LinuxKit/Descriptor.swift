internal import CLinux
internal import Glibc

/// A file descriptor that is closed when its owner goes out of scope.
public struct Descriptor: ~Copyable, Sendable {
  /// The number, valid as long as this value lives. Borrow it for a call; never store it.
  public let rawValue: Int32

  /// Takes ownership of an open descriptor.
  public init(owning rawValue: Int32) {
    precondition(rawValue >= 0)
    self.rawValue = rawValue
  }

  deinit { close(rawValue) }

  /// Gives the number to the caller, who must close it.
  public consuming func release() -> Int32 {
    let value = rawValue
    discard self
    return value
  }

  /// Opens `path` (close-on-exec is always added).
  public static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(SystemError) -> Descriptor {
    Descriptor(owning: try systemCall("open", on: path) { Glibc.open(path, flags | O_CLOEXEC, mode_t(mode)) })
  }

  /// Both ends of a pipe, close-on-exec.
  public static func pipe() throws(SystemError) -> Pipe {
    var ends: [Int32] = [-1, -1]
    try systemCall("pipe2") { clinux_pipe2(&ends, O_CLOEXEC) }
    return Pipe(reading: Descriptor(owning: ends[0]), writing: Descriptor(owning: ends[1]))
  }

  /// Writes all of `bytes`.
  public borrowing func write(_ bytes: [UInt8]) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let fd = rawValue
      let offset = done
      done += try systemCall("write") {
        bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress?.advanced(by: offset), $0.count - offset) }
      }
    }
  }

  /// Reads at most `capacity` bytes; empty at the end of the file.
  public borrowing func read(upTo capacity: Int) throws(SystemError) -> [UInt8] {
    let fd = rawValue
    var failure: SystemError?
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      do throws(SystemError) {
        count = try systemCall("read") { Glibc.read(fd, buffer.baseAddress, capacity) }
      } catch {
        failure = error
        count = 0
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// The two ends of a pipe.
  public struct Pipe: ~Copyable {
    public var reading: Descriptor
    public var writing: Descriptor
  }
}
