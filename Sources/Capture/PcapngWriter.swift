internal import Glibc
public import LinuxKit

/// Writes a pcapng file of one section, with times in nanoseconds.
///
/// What is written stands in a buffer until the file is finished or flushed: a writer that goes out of scope unfinished
/// leaves a file that ends within a block.
public struct PcapngWriter: ~Copyable {
  /// An interface to write packets of.
  public struct Interface: Sendable, Equatable {
    public var linkType: LinkType
    public var name: String
    public var description: String?
    /// The filter that packets had to pass, in libpcap's language.
    public var filter: String?
    /// Bytes that at most are kept of each packet; 0 stands for no limit.
    public var snapLength: Int

    public init(
      linkType: LinkType, name: String, description: String? = nil, filter: String? = nil, snapLength: Int = 0
    ) {
      self.linkType = linkType
      self.name = name
      self.description = description
      self.filter = filter
      self.snapLength = snapLength
    }
  }

  /// What an interface counted while packets were captured.
  public struct Statistics: Sendable, Equatable {
    /// The interface's place among those that the writer was made with.
    public var interface: Int
    public var received: UInt64
    public var dropped: UInt64
    /// When the counters were read, in ns since 1970.
    public var time: Int64

    public init(interface: Int, received: UInt64, dropped: UInt64, time: Int64) {
      self.interface = interface
      self.received = received
      self.dropped = dropped
      self.time = time
    }
  }

  private let path: String
  private let descriptor: Descriptor
  private let interfaces: Int
  private var buffer: [UInt8] = []
  private static let flushSize = 1 << 18

  /// Makes the file, or empties it, and writes its headers.
  ///
  /// - Parameters:
  ///   - application: name and version of the program.
  ///   - interfaces: what packets will be of.
  public init(path: String, application: String, interfaces: [Interface]) throws(SystemError) {
    self.path = path
    self.descriptor = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    self.interfaces = interfaces.count
    buffer.reserveCapacity(Self.flushSize + 65_536)
    appendSectionHeader(application: application)
    for interface in interfaces { append(interface) }
  }

  /// Writes a packet.
  ///
  /// - Parameters:
  ///   - frame: as much of it as was captured.
  ///   - interface: its place among those that the writer was made with.
  ///   - time: ns since 1970, not negative.
  ///   - originalLength: bytes on the wire.
  /// - Throws: what `write` says, such as that the disk is full.
  public mutating func write(
    _ frame: RawSpan, interface: Int, time: Int64, originalLength: Int, direction: FrameInfo.Direction = .unknown
  ) throws(SystemError) {
    precondition(interface >= 0 && interface < interfaces, "no such interface")
    precondition(time >= 0, "pcapng counts from 1970 on")
    let flagged = direction != .unknown
    let length = 32 + padded(frame.byteCount) + (flagged ? 12 : 0)
    append32(6)
    append32(UInt32(length))
    append32(UInt32(interface))
    append32(UInt32(truncatingIfNeeded: time >> 32))
    append32(UInt32(truncatingIfNeeded: time))
    append32(UInt32(frame.byteCount))
    append32(UInt32(clamping: max(originalLength, frame.byteCount)))
    frame.withUnsafeBytes { buffer.append(contentsOf: $0) }
    pad(frame.byteCount)
    if flagged {
      append16(2)
      append16(4)
      append32(UInt32(direction.rawValue))
      append32(0)
    }
    append32(UInt32(length))
    if buffer.count >= Self.flushSize { try flush() }
  }

  /// Hands what was written so far to the system.
  public mutating func flush() throws(SystemError) {
    var done = 0
    while done < buffer.count {
      let (fd, bytes, offset) = (descriptor.rawValue, buffer, done)
      done += try systemCall("write", on: path) {
        bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress?.advanced(by: offset), $0.count - offset) }
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Writes the counters of interfaces, and closes the file.
  public consuming func finish(_ statistics: [Statistics] = []) throws(SystemError) {
    for entry in statistics { append(entry) }
    try flush()
    // Some file systems tell only here that they could not keep what was written. Whatever it says, the number is gone.
    let path = path
    let fd = descriptor.release()
    if close(fd) != 0, errno != EINTR { throw SystemError(call: "close", subject: path, code: errno) }
  }

  // MARK: Blocks

  private mutating func appendSectionHeader(application: String) {
    appendBlock(type: 0x0a0d_0d0a) { writer in
      writer.append32(0x1a2b_3c4d)
      writer.append16(1)
      writer.append16(0)
      // The section's length is not known before its end: −1.
      writer.append64(.max)
      writer.appendOption(3, operatingSystem())
      writer.appendOption(4, application)
      writer.append32(0)
    }
  }

  private mutating func append(_ interface: Interface) {
    appendBlock(type: 1) { writer in
      writer.append16(UInt16(truncatingIfNeeded: interface.linkType.number))
      writer.append16(0)
      writer.append32(UInt32(clamping: interface.snapLength))
      writer.appendOption(2, interface.name)
      if let description = interface.description { writer.appendOption(3, description) }
      writer.appendOption(9, bytes: [9])
      if let filter = interface.filter {
        // The first byte says that a text for libpcap follows.
        writer.appendOption(11, bytes: [0] + filter.utf8)
      }
      writer.append32(0)
    }
  }

  private mutating func append(_ statistics: Statistics) {
    precondition(statistics.interface >= 0 && statistics.interface < interfaces, "no such interface")
    appendBlock(type: 5) { writer in
      writer.append32(UInt32(statistics.interface))
      writer.append32(UInt32(truncatingIfNeeded: statistics.time >> 32))
      writer.append32(UInt32(truncatingIfNeeded: statistics.time))
      for (code, counter) in [(4, statistics.received), (5, statistics.dropped)] as [(UInt16, UInt64)] {
        writer.append16(code)
        writer.append16(8)
        writer.append64(counter)
      }
      writer.append32(0)
    }
  }

  /// Appends a block around what `body` appends, with its length at both ends.
  private mutating func appendBlock(type: UInt32, _ body: (inout PcapngWriter) -> Void) {
    let start = buffer.count
    append32(type)
    append32(0)
    body(&self)
    let length = UInt32(buffer.count - start + 4)
    append32(length)
    withUnsafeBytes(of: length.littleEndian) { bytes in
      for (index, byte) in bytes.enumerated() { buffer[start + 4 + index] = byte }
    }
  }

  /// Appends an option of text, cut at the 65535 bytes that an option can have.
  private mutating func appendOption(_ code: UInt16, _ text: String) { appendOption(code, bytes: Array(text.utf8)) }

  private mutating func appendOption(_ code: UInt16, bytes: [UInt8]) {
    let value = bytes.prefix(65_535)
    append16(code)
    append16(UInt16(value.count))
    buffer.append(contentsOf: value)
    pad(value.count)
  }

  private func padded(_ count: Int) -> Int { (count + 3) & ~3 }

  private mutating func pad(_ count: Int) {
    for _ in count..<padded(count) { buffer.append(0) }
  }

  private mutating func append16(_ value: UInt16) {
    withUnsafeBytes(of: value.littleEndian) { buffer.append(contentsOf: $0) }
  }

  private mutating func append32(_ value: UInt32) {
    withUnsafeBytes(of: value.littleEndian) { buffer.append(contentsOf: $0) }
  }

  private mutating func append64(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { buffer.append(contentsOf: $0) }
  }
}

/// The kernel's name and release, as uname(2) tells them.
private func operatingSystem() -> String {
  var names = utsname()
  guard uname(&names) == 0 else { return "Linux" }
  return withUnsafeBytes(of: names.sysname) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } + " "
    + withUnsafeBytes(of: names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
