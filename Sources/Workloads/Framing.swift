internal import CLinux
internal import Glibc
internal import WorkerProtocol

/// What stands before each payload on a stream.
enum MessageHead {
  /// Of a request with `size` bytes of payload.
  static func request(_ framing: WorkerConfiguration.Framing, size: Int) -> [UInt8] {
    switch framing {
    case .none: []
    case .http: Array("POST / HTTP/1.1\r\nhost: bench\r\ncontent-length: \(size)\r\n\r\n".utf8)
    }
  }

  /// Of a reply with `size` bytes of payload.
  static func reply(_ framing: WorkerConfiguration.Framing, size: Int) -> [UInt8] {
    switch framing {
    case .none: []
    case .http: Array("HTTP/1.1 200 OK\r\ncontent-length: \(size)\r\n\r\n".utf8)
    }
  }
}

/// Why a stream cannot be cut into messages any further.
enum BrokenFraming: Error, Equatable, CustomStringConvertible {
  case notHTTP
  case headTooLong
  case malformedHead
  case status(Int)
  case chunked
  case noLength
  case length(Int, expected: Int)

  var description: String {
    switch self {
    case .notHTTP: "something that is no message of HTTP/1.1"
    case .headTooLong: "a head of more than \(MessageReader.longestHead) bytes"
    case .malformedHead: "a head that is not well-formed"
    case .status(let status): "a reply with status \(status) where 200 was expected"
    case .chunked: "a body with a transfer coding where a content-length was expected"
    case .noLength: "a head without content-length"
    case .length(let length, let expected): "a body of \(length) bytes where \(expected) were expected"
    }
  }
}

/// Cuts what comes over a stream into messages with payloads of one size, in room that was made before. It allocates
/// nothing.
///
/// Of HTTP/1.1 (RFC 9112) it reads what the workloads and an ordinary proxy between them write: a body has a
/// content-length, whatever the case of its name; other fields may stand around it in any order.
struct MessageReader {
  /// Which way the messages go.
  enum Direction { case requests, replies }

  /// The result of ``next()``.
  enum Next {
    /// One whole payload, in the reader's room until the next ``receive(from:)``.
    case message(UnsafeMutableRawBufferPointer)
    /// The next message is not whole yet.
    case incomplete
    case broken(BrokenFraming)
  }

  /// A longer head is refused, in bytes with its end.
  static let longestHead = 8192
  /// The room of a reader, in bytes. Whatever is whole has been taken before more is received: a second message of the
  /// greatest length makes sure that there is always room to go on, and that bytes are rarely moved.
  static func room(_ framing: WorkerConfiguration.Framing, size: Int) -> Int {
    max(16_384, 2 * longest(framing, size: size))
  }

  private static func longest(_ framing: WorkerConfiguration.Framing, size: Int) -> Int {
    size + (framing == .http ? longestHead : 0)
  }

  private let room: UnsafeMutableRawBufferPointer
  private let size: Int
  private let isHTTP: Bool
  private let direction: Direction
  private let longest: Int
  /// Where the next message begins in the room, and where what has come ends.
  private var start = 0
  private var end = 0
  /// The length of the next message's head; before it is known, how much of the head has been looked at in vain.
  private var head = 0
  private var isHeadKnown: Bool
  private var looked = 0

  /// - Parameter room: of ``room(_:size:)`` bytes; it must outlive the reader.
  init(
    _ direction: Direction, _ framing: WorkerConfiguration.Framing, size: Int, room: UnsafeMutableRawBufferPointer
  ) {
    precondition(room.count >= Self.room(framing, size: size))
    self.room = room
    self.size = size
    self.direction = direction
    isHTTP = framing == .http
    longest = Self.longest(framing, size: size)
    isHeadKnown = !isHTTP
  }

  /// Whether part of a message has come.
  var isWithinMessage: Bool { start != end }

  /// Begins anew, with another stream.
  mutating func forget() {
    start = 0
    end = 0
    head = 0
    isHeadKnown = !isHTTP
    looked = 0
  }

  /// One attempt to receive without waiting: how many bytes came, or what ``Received`` says.
  @inline(__always)
  mutating func receive(from fd: Int32) -> Int {
    makeSpace()
    let count = recv(fd, room.baseAddress?.advanced(by: end), room.count - end, Int32(MSG_DONTWAIT))
    if count > 0 {
      end += count
      return count
    }
    if count == 0 { return Received.closed }
    let code = errno
    return code == EAGAIN || code == EINTR ? Received.nothing : Received.failed(code)
  }

  /// Takes bytes as if they had been received: as many as there is room for.
  /// - Returns: how many.
  mutating func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    makeSpace()
    let count = min(bytes.count, room.count - end)
    UnsafeMutableRawBufferPointer(rebasing: room[end..<end + count])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    end += count
    return count
  }

  @inline(__always)
  private mutating func makeSpace() {
    if start == end {
      start = 0
      end = 0
    } else if room.count - start < longest {
      moveDown()
    }
  }

  @inline(never)
  private mutating func moveDown() {
    if let base = room.baseAddress { memmove(base, base + start, end - start) }
    end -= start
    start = 0
  }

  /// Takes the next message out of what has come.
  @inline(__always)
  mutating func next() -> Next {
    if !isHeadKnown {
      if start == end { return .incomplete }
      if let broken = readHead() { return .broken(broken) }
      if !isHeadKnown { return .incomplete }
    }
    let length = head + size
    guard end - start >= length else { return .incomplete }
    let message = UnsafeMutableRawBufferPointer(rebasing: room[start + head..<start + length])
    start += length
    if isHTTP {
      head = 0
      isHeadKnown = false
      looked = 0
    }
    return .message(message)
  }

  /// Looks for the end of the head in what has come, and reads it. Returns what is wrong with it.
  @inline(never)
  private mutating func readHead() -> BrokenFraming? {
    let bytes = UnsafeRawBufferPointer(rebasing: room[start..<end])
    // What is no HTTP is told from its first bytes: it may never have a head that ends.
    let opening: StaticString = direction == .requests ? "POST " : "HTTP/1."
    for index in 0..<min(bytes.count, opening.utf8CodeUnitCount) where bytes[index] != opening.utf8Start[index] {
      return .notHTTP
    }
    // The end may lie across the place where the last look ended.
    var index = max(3, looked)
    while index < bytes.count && index < Self.longestHead {
      if bytes[index] == 10 && bytes[index - 1] == 13 && bytes[index - 2] == 10 && bytes[index - 3] == 13 {
        head = index + 1
        isHeadKnown = true
        return examine(UnsafeRawBufferPointer(rebasing: bytes[..<head]))
      }
      index += 1
    }
    looked = index
    return index >= Self.longestHead ? .headTooLong : nil
  }

  /// Reads a whole head, with its end.
  private func examine(_ head: UnsafeRawBufferPointer) -> BrokenFraming? {
    var length: Int?
    var line = 0
    var isFirst = true
    // The last line, an empty one, is left out.
    while line < head.count - 2 {
      var lineEnd = line
      while head[lineEnd] != 13 || head[lineEnd + 1] != 10 { lineEnd += 1 }
      let text = UnsafeRawBufferPointer(rebasing: head[line..<lineEnd])
      if isFirst {
        if let broken = direction == .requests ? examineRequest(text) : examineStatus(text) { return broken }
        isFirst = false
      } else {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return .malformedHead }
        let name = UnsafeRawBufferPointer(rebasing: text[..<colon])
        // A line folded into the one before (obsolete) could carry a length that another reader sees.
        guard name[0] != 32 && name[0] != 9 else { return .malformedHead }
        if Self.isName(name, "transfer-encoding") { return .chunked }
        if Self.isName(name, "content-length") {
          guard let number = Self.number(UnsafeRawBufferPointer(rebasing: text[(colon + 1)...])),
            length == nil || length == number
          else { return .malformedHead }
          length = number
        }
      }
      line = lineEnd + 2
    }
    guard let length else { return .noLength }
    return length == size ? nil : .length(length, expected: size)
  }

  private func examineRequest(_ line: UnsafeRawBufferPointer) -> BrokenFraming? {
    let ending: StaticString = " HTTP/1.1"
    let count = ending.utf8CodeUnitCount
    guard line.count > "POST ".utf8.count + count else { return .notHTTP }
    for index in 0..<count where line[line.count - count + index] != ending.utf8Start[index] { return .notHTTP }
    return nil
  }

  private func examineStatus(_ line: UnsafeRawBufferPointer) -> BrokenFraming? {
    // "HTTP/1.1 200", and perhaps a reason. A proxy may answer in its own version.
    guard line.count >= 12, line[7] == UInt8(ascii: "1") || line[7] == UInt8(ascii: "0"), line[8] == 32 else {
      return .notHTTP
    }
    guard line.count == 12 || line[12] == 32,
      let status = Self.number(UnsafeRawBufferPointer(rebasing: line[9..<12]))
    else { return .notHTTP }
    return status == 200 ? nil : .status(status)
  }

  /// Whether a field's name is `wanted`, which is in lower case.
  private static func isName(_ name: UnsafeRawBufferPointer, _ wanted: StaticString) -> Bool {
    guard name.count == wanted.utf8CodeUnitCount else { return false }
    for index in 0..<name.count {
      let byte = name[index]
      let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
      if (isUpper ? byte | 0x20 : byte) != wanted.utf8Start[index] { return false }
    }
    return true
  }

  /// A number of decimal digits with blanks around it.
  private static func number(_ text: UnsafeRawBufferPointer) -> Int? {
    var first = 0
    var last = text.count
    while first < last && (text[first] == 32 || text[first] == 9) { first += 1 }
    while last > first && (text[last - 1] == 32 || text[last - 1] == 9) { last -= 1 }
    // No number of more digits is a length of ours, and none of these is too great for the type.
    guard first < last && last - first <= 18 else { return nil }
    var value = 0
    for index in first..<last {
      guard text[index] >= UInt8(ascii: "0") && text[index] <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int(text[index] - UInt8(ascii: "0"))
    }
    return value
  }
}
