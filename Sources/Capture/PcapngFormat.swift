/// A pcapng file: what its sections and interfaces have said so far, and how to read its blocks.
struct PcapngFormat {
  /// A block that has to be held in memory is no longer than this; blocks that are passed over may be.
  static let maximumBlock = 1 << 24
  /// A file may describe this many interfaces: each takes memory as long as the file is read.
  static let maximumInterfaces = 65_536
  /// Bytes that are kept of an interface's name or description.
  static let maximumText = 1024

  private(set) var interfaces: [CaptureInterface] = []
  /// What each packet needs of its interface, apart from names, which are slower to copy.
  private var clocks: [InterfaceClock] = []
  private var isBigEndian = false
  /// Interfaces are numbered anew in each section: the index of the section's first.
  private var sectionStart = 0

  private enum BlockType {
    static let section: UInt32 = 0x0a0d_0d0a
    static let interface: UInt32 = 1
    static let oldPacket: UInt32 = 2
    static let simplePacket: UInt32 = 3
    static let statistics: UInt32 = 5
    static let enhancedPacket: UInt32 = 6
  }

  /// The next packet, which stays in the window. Blocks before it are read and consumed.
  /// - Parameter packet: its number, for errors.
  @inline(__always)
  mutating func next(_ window: inout InputWindow, packet: Int) throws(CaptureFileError) -> FoundFrame? {
    while true {
      let count = try window.fill(12)
      guard count >= 12 else {
        if count == 0 { return nil }
        throw window.error(.truncated, "the file ends after \(count) bytes of a block of 12 or more")
      }
      // The type of a section header reads the same either way; its magic number tells how to read its length.
      if window.withBytes(4, { $0.bigEndian32(0) }) == BlockType.section { try chooseByteOrder(&window) }
      let (type, length) = window.withBytes(8) { (native32($0, 0), Int(native32($0, 4))) }
      if type == BlockType.enhancedPacket {
        try require(&window, length, atLeast: 32, "enhanced packet block", packet: packet)
        return try enhancedPacket(&window, length, packet: packet)
      }
      if let found = try otherBlock(&window, type, length, packet: packet) { return found }
    }
  }

  /// Reads a block that is no enhanced packet.
  /// - Returns: nil if it was no packet: it is consumed.
  @inline(never)
  private mutating func otherBlock(
    _ window: inout InputWindow, _ type: UInt32, _ length: Int, packet: Int
  ) throws(CaptureFileError) -> FoundFrame? {
    switch type {
    case BlockType.section:
      try require(&window, length, atLeast: 28, "section header block")
      try sectionHeader(&window)
    case BlockType.interface:
      try require(&window, length, atLeast: 20, "interface description block")
      try interfaceDescription(&window, length)
    case BlockType.oldPacket:
      try require(&window, length, atLeast: 32, "packet block", packet: packet)
      return try oldPacket(&window, length, packet: packet)
    case BlockType.simplePacket:
      try require(&window, length, atLeast: 16, "simple packet block", packet: packet)
      return try simplePacket(&window, length, packet: packet)
    case BlockType.statistics:
      try require(&window, length, atLeast: 24, "interface statistics block")
      try statistics(&window, length)
    default:
      try passOver(&window, length)
      return nil
    }
    window.consume(length)
    return nil
  }

  // MARK: Blocks

  /// A section header alone tells the byte order, also that of its own length.
  private mutating func chooseByteOrder(_ window: inout InputWindow) throws(CaptureFileError) {
    switch window.withBytes(12, { $0.bigEndian32(8) }) {
    case 0x1a2b_3c4d: isBigEndian = true
    case 0x4d3c_2b1a: isBigEndian = false
    case let other:
      throw window.error(
        .malformed,
        "a section header whose byte-order magic is \(String(other, radix: 16)), where 1a2b3c4d was expected")
    }
  }

  private mutating func sectionHeader(_ window: inout InputWindow) throws(CaptureFileError) {
    let (major, minor) = window.withBytes(16) { (native16($0, 12), native16($0, 14)) }
    // Writers have used 1.2 for what is 1.0 to the letter.
    guard major == 1, minor == 0 || minor == 2 else {
      throw window.error(
        .unsupported, "a section of pcapng \(major).\(minor), where 1.0 was expected",
        remedy: "Convert it first: editcap -F pcapng FILE OUT.pcapng")
    }
    sectionStart = interfaces.count
  }

  private mutating func interfaceDescription(
    _ window: inout InputWindow, _ length: Int
  ) throws(CaptureFileError) {
    guard interfaces.count < Self.maximumInterfaces else {
      throw window.error(.malformed, "more than \(Self.maximumInterfaces) interfaces")
    }
    let offset = window.offset
    var interface = CaptureInterface(index: interfaces.count, linkType: .ethernet, resolution: .decimal(6))
    var offsetSeconds: Int64 = 0
    var problem: String?
    window.withBytes(length) { block in
      interface.linkType = LinkType(number: UInt32(native16(block, 8)))
      interface.snapLength = Int(native32(block, 12))
      problem = forEachOption(of: block, from: 16) { code, value in
        switch code {
        case 2: interface.name = Self.text(value)
        case 3: interface.description = Self.text(value)
        case 9:
          guard value.byteCount == 1 else { return "if_tsresol of \(value.byteCount) bytes, where 1 was expected" }
          let byte = value.byte(0)
          interface.resolution = byte & 0x80 == 0 ? .decimal(byte) : .binary(byte & 0x7f)
        case 14:
          guard value.byteCount == 8 else { return "if_tsoffset of \(value.byteCount) bytes, where 8 were expected" }
          offsetSeconds = Int64(bitPattern: native64(value, 0))
        default: break
        }
        return nil
      }
    }
    if let problem {
      throw window.error(.malformed, at: offset, "an interface description block with \(problem)")
    }
    guard
      let clock = InterfaceClock(
        linkType: interface.linkType, snapLength: interface.snapLength, resolution: interface.resolution,
        offsetSeconds: offsetSeconds)
    else {
      throw window.error(
        .malformed, at: offset,
        "an interface description block with an if_tsoffset of \(offsetSeconds) s, beyond what 64 bits of ns hold")
    }
    interfaces.append(interface)
    clocks.append(clock)
  }

  @inline(__always)
  private mutating func enhancedPacket(
    _ window: inout InputWindow, _ length: Int, packet: Int
  ) throws(CaptureFileError) -> FoundFrame {
    let fields = window.withBytes(28) { block in
      PacketFields(
        interface: Int(native32(block, 8)),
        ticks: UInt64(native32(block, 12)) << 32 | UInt64(native32(block, 16)), captured: Int(native32(block, 20)),
        original: Int(native32(block, 24)))
    }
    return try packetBlock(&window, length, fields, drops: 0, packet: packet)
  }

  private mutating func oldPacket(
    _ window: inout InputWindow, _ length: Int, packet: Int
  ) throws(CaptureFileError) -> FoundFrame {
    let (fields, drops) = window.withBytes(28) { block in
      (
        PacketFields(
          interface: Int(native16(block, 8)),
          ticks: UInt64(native32(block, 12)) << 32 | UInt64(native32(block, 16)), captured: Int(native32(block, 20)),
          original: Int(native32(block, 24))), native16(block, 10)
      )
    }
    // 0xffff is "not known".
    return try packetBlock(
      &window, length, fields, drops: drops == 0xffff ? 0 : UInt64(drops), packet: packet)
  }

  private struct PacketFields {
    /// Counted within the section.
    var interface: Int
    var ticks: UInt64
    var captured: Int
    var original: Int
  }

  @inline(__always)
  private mutating func packetBlock(
    _ window: inout InputWindow, _ length: Int, _ fields: PacketFields, drops: UInt64, packet: Int
  ) throws(CaptureFileError) -> FoundFrame {
    let index = sectionStart + fields.interface
    guard index < clocks.count else { throw unknownInterface(window, fields.interface, packet: packet) }
    let clock = clocks[index]
    let padded = (fields.captured + 3) & ~3
    guard padded <= length - 32 else {
      throw window.error(
        .malformed, packet: packet,
        "its block of \(length) bytes has room for \(length - 32), but \(fields.captured) are said to be captured")
    }
    guard let time = clock.nanoseconds(fields.ticks) else {
      throw window.error(
        .malformed, packet: packet, "its time of \(fields.ticks) units is beyond what 64 bits of ns since 1970 hold")
    }
    var direction = FrameInfo.Direction.unknown
    var lost = drops
    if padded < length - 32 {
      let problem = window.withBytes(length) { block in
        forEachOption(of: block, from: 28 + padded) { code, value in
          // epb_flags, which the old packet block has under the same number, and epb_dropcount.
          if code == 2, value.byteCount == 4 {
            switch native32(value, 0) & 3 {
            case 1: direction = .inbound
            case 2: direction = .outbound
            default: break
            }
          } else if code == 4, value.byteCount == 8 {
            lost = native64(value, 0)
          }
          return nil
        }
      }
      if let problem { throw window.error(.malformed, packet: packet, "its block has \(problem)") }
    }
    if lost > 0 { interfaces[index].addLost(lost) }
    return FoundFrame(
      start: 28,
      info: FrameInfo(
        interface: index, linkType: clock.linkType, time: time, capturedLength: fields.captured,
        originalLength: max(fields.original, fields.captured), direction: direction),
      length: length)
  }

  private mutating func simplePacket(
    _ window: inout InputWindow, _ length: Int, packet: Int
  ) throws(CaptureFileError) -> FoundFrame {
    guard sectionStart < clocks.count else { throw unknownInterface(window, 0, packet: packet) }
    let clock = clocks[sectionStart]
    let original = window.withBytes(12) { Int(native32($0, 8)) }
    let captured = clock.snapLength == 0 ? original : min(original, clock.snapLength)
    guard (captured + 3) & ~3 <= length - 16 else {
      throw window.error(
        .malformed, packet: packet,
        "its block of \(length) bytes has room for \(length - 16), where \(captured) were expected")
    }
    return FoundFrame(
      start: 12,
      info: FrameInfo(
        interface: sectionStart, linkType: clock.linkType, time: nil, capturedLength: captured,
        originalLength: original),
      length: length)
  }

  private mutating func statistics(_ window: inout InputWindow, _ length: Int) throws(CaptureFileError) {
    let number = window.withBytes(12) { Int(native32($0, 8)) }
    let index = sectionStart + number
    guard index < interfaces.count else { throw unknownInterface(window, number, packet: nil) }
    var received: UInt64?
    var dropped: UInt64?
    let problem = window.withBytes(length) { block in
      forEachOption(of: block, from: 20) { code, value in
        guard code == 4 || code == 5 else { return nil }
        guard value.byteCount == 8 else { return "a counter of \(value.byteCount) bytes, where 8 were expected" }
        if code == 4 { received = native64(value, 0) } else { dropped = native64(value, 0) }
        return nil
      }
    }
    if let problem { throw window.error(.malformed, "an interface statistics block with \(problem)") }
    interfaces[index].received = received ?? interfaces[index].received
    interfaces[index].dropped = dropped ?? interfaces[index].dropped
  }

  // MARK: What blocks have in common

  /// Makes the window hold a whole block whose lengths at both ends are what they must be.
  @inline(__always)
  private func require(
    _ window: inout InputWindow, _ length: Int, atLeast least: Int, _ name: StaticString, packet: Int? = nil
  ) throws(CaptureFileError) {
    guard length >= least, length % 4 == 0, length <= Self.maximumBlock else {
      throw window.error(
        .malformed, packet: packet,
        """
        \(article(name)) of \(length) bytes, where a multiple of 4 from \(least) to \(Self.maximumBlock) was expected
        """)
    }
    let there = try window.fill(length)
    guard there >= length else {
      throw window.error(
        .truncated, packet: packet, "the file ends after \(there) of the \(length) bytes of \(article(name))")
    }
    let trailer = window.withBytes(length) { Int(native32($0, length - 4)) }
    guard trailer == length else {
      throw window.error(
        .malformed, packet: packet,
        "\(article(name)) says \(length) bytes at its start and \(trailer) at its end")
    }
  }

  private func article(_ name: StaticString) -> String {
    let name = "\(name)"
    return name.hasPrefix("e") || name.hasPrefix("i") ? "an \(name)" : "a \(name)"
  }

  /// Consumes a block of any size without holding it.
  private func passOver(_ window: inout InputWindow, _ length: Int) throws(CaptureFileError) {
    let offset = window.offset
    guard length >= 12, length % 4 == 0 else {
      throw window.error(
        .malformed, "a block of \(length) bytes, where a multiple of 4 from 12 on was expected")
    }
    guard try window.skip(length - 4), try window.fill(4) >= 4 else {
      throw window.error(
        .truncated, at: offset,
        "the file ends after \(window.offset + Int64(window.count) - offset) of a block's \(length) bytes")
    }
    let trailer = window.withBytes(4) { Int(native32($0, 0)) }
    guard trailer == length else {
      throw window.error(
        .malformed, at: offset, "a block says \(length) bytes at its start and \(trailer) at its end")
    }
    window.consume(4)
  }

  private func unknownInterface(
    _ window: borrowing InputWindow, _ number: Int, packet: Int?
  ) -> CaptureFileError {
    window.error(
      .malformed, packet: packet,
      "it is of interface \(number), where the section has described \(interfaces.count - sectionStart) so far")
  }

  /// Calls `body` with the code and the value of each option up to the block's trailing length.
  /// - Returns: what is wrong with the options, or what `body` found wrong.
  private func forEachOption(
    of block: RawSpan, from start: Int, _ body: (UInt16, RawSpan) -> String?
  ) -> String? {
    let end = block.byteCount - 4
    var offset = start
    while end - offset >= 4 {
      let code = native16(block, offset)
      let length = Int(native16(block, offset + 2))
      if code == 0 { return nil }
      offset += 4
      guard length <= end - offset else {
        return "an option \(code) of \(length) bytes, where \(end - offset) are left"
      }
      if let problem = body(code, block.extracting(offset..<offset + length)) { return problem }
      offset += (length + 3) & ~3
    }
    return nil
  }

  /// A text of the file, cut at ``maximumText``.
  private static func text(_ value: RawSpan) -> String {
    value.withUnsafeBytes { bytes in
      // Some writers count a terminating zero.
      String(decoding: bytes.prefix(maximumText).prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  @inline(__always)
  private func native16(_ block: RawSpan, _ offset: Int) -> UInt16 {
    block.integer16(offset, isBigEndian: isBigEndian)
  }

  @inline(__always)
  private func native32(_ block: RawSpan, _ offset: Int) -> UInt32 {
    block.integer32(offset, isBigEndian: isBigEndian)
  }

  @inline(__always)
  private func native64(_ block: RawSpan, _ offset: Int) -> UInt64 {
    block.integer64(offset, isBigEndian: isBigEndian)
  }
}

extension CaptureInterface {
  fileprivate mutating func addLost(_ count: UInt64) {
    let (sum, overflow) = (lostBetweenPackets ?? 0).addingReportingOverflow(count)
    lostBetweenPackets = overflow ? .max : sum
  }
}
