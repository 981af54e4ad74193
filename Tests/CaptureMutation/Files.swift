internal import Capture

/// A pcap file put together by hand: its header and its records, each a piece.
public struct PcapFile: Sendable {
  public let isBigEndian: Bool
  public private(set) var pieces: [[UInt8]]

  /// - Parameter magic: the kind of file: microseconds, unless told otherwise.
  public init(
    magic: UInt32 = 0xa1b2_c3d4, isBigEndian: Bool = false, major: UInt16 = 2, minor: UInt16 = 4,
    snapLength: UInt32 = 262_144, linkType: UInt32 = 1
  ) {
    self.isBigEndian = isBigEndian
    var header = ByteBuilder(isBigEndian: isBigEndian)
    header.append(magic)
    header.append(major, minor)
    header.append(0, 0, snapLength, linkType)
    pieces = [header.bytes]
  }

  /// - Parameters:
  ///   - captured: what the record says of the bytes that follow; nil is the truth.
  ///   - original: bytes on the wire; nil is those captured.
  public mutating func append(
    seconds: UInt32, fraction: UInt32, captured: UInt32? = nil, original: UInt32? = nil, _ frame: [UInt8]
  ) {
    var record = ByteBuilder(isBigEndian: isBigEndian)
    let count = UInt32(frame.count)
    record.append(seconds, fraction, captured ?? count, original ?? count)
    record.append(bytes: frame)
    pieces.append(record.bytes)
  }

  public var bytes: [UInt8] { pieces.reduce(into: []) { $0 += $1 } }
}

/// A pcapng file put together by hand, block by block.
public struct PcapngFile: Sendable {
  public typealias Option = (code: UInt16, value: [UInt8])

  /// The byte order of blocks that are appended from now on: that of the last section.
  public private(set) var isBigEndian: Bool
  public private(set) var blocks: [[UInt8]] = []

  /// Begins with a section.
  public init(isBigEndian: Bool = false) {
    self.isBigEndian = isBigEndian
    appendSection(isBigEndian: isBigEndian)
  }

  public var bytes: [UInt8] { blocks.reduce(into: []) { $0 += $1 } }

  public func builder() -> ByteBuilder { ByteBuilder(isBigEndian: isBigEndian) }

  /// Appends a block of any type around `body`.
  ///
  /// - Parameters:
  ///   - length: what the block says of itself at its start; nil is the truth.
  ///   - trailer: what it says at its end; nil is the same as at its start.
  public mutating func append(type: UInt32, _ body: [UInt8], length: UInt32? = nil, trailer: UInt32? = nil) {
    var block = builder()
    let length = length ?? UInt32(12 + (body.count + 3) & ~3)
    block.append(type, length)
    block.append(bytes: body)
    block.pad()
    block.append(trailer ?? length)
    blocks.append(block.bytes)
  }

  public mutating func appendSection(isBigEndian: Bool, major: UInt16 = 1, minor: UInt16 = 0) {
    self.isBigEndian = isBigEndian
    var body = builder()
    body.append(0x1a2b_3c4d as UInt32)
    body.append(major, minor)
    body.append(UInt64.max)
    body.append(bytes: options([(4, Array("bench".utf8))]))
    append(type: 0x0a0d_0d0a, body.bytes)
  }

  public mutating func appendInterface(
    linkType: UInt16 = 1, snapLength: UInt32 = 0, name: String? = nil, description: String? = nil,
    resolution: UInt8? = nil, offsetSeconds: Int64? = nil, more: [Option] = []
  ) {
    var body = builder()
    body.append(linkType, 0)
    body.append(snapLength)
    var all: [Option] = []
    if let name { all.append((2, Array(name.utf8))) }
    if let description { all.append((3, Array(description.utf8))) }
    if let resolution { all.append((9, [resolution])) }
    if let offsetSeconds {
      var value = builder()
      value.append(offsetSeconds)
      all.append((14, value.bytes))
    }
    body.append(bytes: options(all + more))
    append(type: 1, body.bytes)
  }

  /// Appends an enhanced packet block.
  public mutating func appendPacket(
    interface: UInt32 = 0, ticks: UInt64, captured: UInt32? = nil, original: UInt32? = nil, options all: [Option] = [],
    _ frame: [UInt8]
  ) {
    var body = builder()
    let count = UInt32(frame.count)
    body.append(interface, UInt32(ticks >> 32), UInt32(truncatingIfNeeded: ticks), captured ?? count, original ?? count)
    body.append(bytes: frame)
    body.pad()
    body.append(bytes: options(all))
    append(type: 6, body.bytes)
  }

  /// Appends the packet block that the enhanced one has replaced.
  public mutating func appendOldPacket(
    interface: UInt16 = 0, drops: UInt16 = 0, ticks: UInt64, options all: [Option] = [], _ frame: [UInt8]
  ) {
    var body = builder()
    let count = UInt32(frame.count)
    body.append(interface, drops)
    body.append(UInt32(ticks >> 32), UInt32(truncatingIfNeeded: ticks), count, count)
    body.append(bytes: frame)
    body.pad()
    body.append(bytes: options(all))
    append(type: 2, body.bytes)
  }

  public mutating func appendSimplePacket(original: UInt32? = nil, _ frame: [UInt8]) {
    var body = builder()
    body.append(original ?? UInt32(frame.count))
    body.append(bytes: frame)
    append(type: 3, body.bytes)
  }

  public mutating func appendStatistics(interface: UInt32 = 0, received: UInt64, dropped: UInt64) {
    var body = builder()
    body.append(interface, 0, 0)
    var values = [builder(), builder()]
    values[0].append(received)
    values[1].append(dropped)
    body.append(bytes: options([(4, values[0].bytes), (5, values[1].bytes)]))
    append(type: 5, body.bytes)
  }

  /// The value of epb_flags: 1 inbound, 2 outbound.
  public func flags(_ value: UInt32) -> Option {
    var bytes = builder()
    bytes.append(value)
    return (2, bytes.bytes)
  }

  /// The value of epb_dropcount.
  public func dropCount(_ value: UInt64) -> Option {
    var bytes = builder()
    bytes.append(value)
    return (4, bytes.bytes)
  }

  private func options(_ all: [Option]) -> [UInt8] {
    if all.isEmpty { return [] }
    var bytes = builder()
    for option in all {
      bytes.append(option.code, UInt16(option.value.count))
      bytes.append(bytes: option.value)
      bytes.pad()
    }
    bytes.append(0 as UInt32)
    return bytes.bytes
  }
}

/// A valid file in its pieces: headers and records, or blocks.
public struct SampleFile: Sendable, CustomStringConvertible {
  public var name: String
  public var pieces: [[UInt8]]

  public var description: String { name }
  public var bytes: [UInt8] { pieces.reduce(into: []) { $0 += $1 } }

  /// Files of every format and byte order, with all kinds of blocks, and all ``SampleFrame``s in them.
  public static let all: [SampleFile] = {
    var files: [SampleFile] = []
    for isBigEndian in [false, true] {
      let order = isBigEndian ? "big-endian" : "little-endian"
      for (magic, unit) in [(0xa1b2_c3d4, "µs"), (0xa1b2_3c4d, "ns")] as [(UInt32, String)] {
        var pcap = PcapFile(magic: magic, isBigEndian: isBigEndian)
        for (index, frame) in SampleFrame.all.enumerated() where frame.linkType == .ethernet {
          pcap.append(
            seconds: 1_700_000_000, fraction: UInt32(index), original: UInt32(frame.bytes.count + 9), frame.bytes)
        }
        files.append(SampleFile(name: "pcap \(unit), \(order)", pieces: pcap.pieces))
      }
      files.append(SampleFile(name: "pcapng, \(order)", pieces: pcapng(isBigEndian: isBigEndian)))
    }
    return files
  }()

  private static func pcapng(isBigEndian: Bool) -> [[UInt8]] {
    var file = PcapngFile(isBigEndian: isBigEndian)
    let types = SampleFrame.all.reduce(into: [UInt16]()) { types, frame in
      let number = UInt16(frame.linkType.number)
      if !types.contains(number) { types.append(number) }
    }
    // With 10⁻¹² the witness of the tests, tshark, overflows.
    let resolutions: [UInt8?] = [nil, 9, 6, 0x80 | 30, 10, 3]
    for (index, type) in types.enumerated() {
      file.appendInterface(
        linkType: type, name: "if\(index)", description: "number \(index)", resolution: resolutions[index % 6],
        offsetSeconds: index % 2 == 0 ? nil : 3600)
    }
    // A name resolution block and one of a type for local use: both are to be passed over.
    file.append(type: 4, [0, 0, 0, 0])
    file.append(type: 0x8000_0001, [0, 0, 0, 1, 1, 2, 3, 4])
    for (index, frame) in SampleFrame.all.enumerated() {
      let interface = types.firstIndex(of: UInt16(frame.linkType.number)) ?? 0
      switch index % 4 {
      case 0:
        file.appendPacket(interface: UInt32(interface), ticks: 1 << 40 + UInt64(index), frame.bytes)
      case 1:
        file.appendPacket(
          interface: UInt32(interface), ticks: 1 << 40, options: [file.flags(UInt32(index % 3)), file.dropCount(1)],
          frame.bytes)
      case 2:
        file.appendOldPacket(
          interface: UInt16(interface), drops: 2, ticks: 1 << 40, options: [file.flags(1)], frame.bytes)
      default:
        if frame.linkType == .ethernet { file.appendSimplePacket(frame.bytes) }
      }
    }
    file.appendStatistics(received: 100, dropped: 3)
    // A second section, of the other byte order.
    file.appendSection(isBigEndian: !isBigEndian, minor: 2)
    file.appendInterface(snapLength: 40, resolution: 9)
    for frame in SampleFrame.all.prefix(3) {
      file.appendPacket(ticks: 1_700_000_000_000_000_000, original: 1500, Array(frame.bytes.prefix(40)))
      file.appendSimplePacket(original: UInt32(frame.bytes.count), Array(frame.bytes.prefix(40)))
    }
    return file.blocks
  }
}
