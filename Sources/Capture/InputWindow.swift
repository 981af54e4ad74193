internal import Glibc
internal import LinuxKit

/// A part of a file that is read once from its start to its end: the bytes from ``offset`` on that have been read and
/// not yet consumed. Memory is bounded by the greatest number of bytes that was asked for at once.
struct InputWindow: ~Copyable {
  private let descriptor: Descriptor
  private let name: String
  private var storage: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var isAtEnd = false
  /// Where in the file the window begins.
  private(set) var offset: Int64 = 0

  /// - Parameter capacity: bytes to read at once, at least 1.
  init(_ descriptor: consuming Descriptor, name: String, capacity: Int) {
    self.descriptor = descriptor
    self.name = name
    self.storage = .allocate(byteCount: max(1, capacity), alignment: 16)
  }

  deinit { storage.deallocate() }

  /// Bytes that are in the window.
  var count: Int { end - start }

  /// Reads on until the window holds `needed` bytes or the file is at its end.
  /// - Returns: the bytes in the window: fewer than `needed` only at the end of the file.
  @inline(__always)
  mutating func fill(_ needed: Int) throws(CaptureFileError) -> Int {
    if end - start >= needed { return end - start }
    return try readOn(needed)
  }

  @inline(never)
  private mutating func readOn(_ needed: Int) throws(CaptureFileError) -> Int {
    if needed > storage.count {
      // Twice as much, so that a file of ever larger packets is not copied for each of them.
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(needed, 2 * storage.count), alignment: 16)
      larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
      storage.deallocate()
      storage = larger
    } else if start > 0 {
      storage.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<end]))
    }
    end -= start
    start = 0
    while end < needed, !isAtEnd {
      let room = UnsafeMutableRawBufferPointer(rebasing: storage[end...])
      let fd = descriptor.rawValue
      let got: Int
      do throws(SystemError) {
        got = try systemCall("read", on: name) { read(fd, room.baseAddress, room.count) }
      } catch {
        throw CaptureFileError(
          .system, path: name, offset: offset + Int64(end), problem: "it cannot be read: \(error.reason)", cause: error)
      }
      if got == 0 { isAtEnd = true }
      end += got
    }
    return end
  }

  /// Moves the window's start on by `bytes`, which may be more than it holds.
  /// - Returns: false if the file ends before.
  mutating func skip(_ bytes: Int) throws(CaptureFileError) -> Bool {
    var left = bytes
    while left > count {
      left -= count
      consume(count)
      if try fill(1) == 0 { return false }
    }
    consume(left)
    return true
  }

  /// Moves the window's start on by `bytes` that it holds.
  @inline(__always)
  mutating func consume(_ bytes: Int) {
    precondition(bytes <= end - start)
    start += bytes
    offset += Int64(bytes)
  }

  /// An error about the file, at the window's start unless told otherwise.
  borrowing func error(
    _ kind: CaptureFileError.Kind, at place: Int64? = nil, packet: Int? = nil, _ problem: String, remedy: String? = nil
  ) -> CaptureFileError {
    CaptureFileError(
      kind, path: name, offset: place ?? offset, packet: packet, problem: problem, remedy: remedy)
  }

  /// Lends the first `count` bytes of the window.
  @inline(__always)
  borrowing func withBytes<Value, Failure: Error>(
    _ count: Int, _ body: (RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    precondition(count <= end - start)
    let bytes = UnsafeRawBufferPointer(rebasing: storage[start..<start + count])
    return try body(bytes.bytes)
  }
}
