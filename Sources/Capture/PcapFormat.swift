/// The header of a pcap file.
struct PcapHeader {
  let format: PcapFormat
  let interface: CaptureInterface

  /// Consumes the header, whose magic number has been seen.
  init(_ window: inout InputWindow) throws(CaptureFileError) {
    let count = try window.fill(24)
    guard count >= 24 else {
      throw window.error(.truncated, "the file ends after \(count) of the 24 bytes of its header")
    }
    let magic = window.withBytes(24) { $0.bigEndian32(0) }
    let isBigEndian = magic >> 16 == 0xa1b2
    let isNanoseconds = magic == 0xa1b2_3c4d || magic == 0x4d3c_b2a1
    let (version, snapLength, linkType) = window.withBytes(24) { header in
      (
        header.integer32(4, isBigEndian: isBigEndian), header.integer32(16, isBigEndian: isBigEndian),
        header.integer32(20, isBigEndian: isBigEndian)
      )
    }
    let (major, minor) = isBigEndian ? (version >> 16, version & 0xffff) : (version & 0xffff, version >> 16)
    guard major == 2, minor == 4 else {
      throw window.error(
        .unsupported, "pcap of version \(major).\(minor), where 2.4 was expected",
        remedy: "Convert it first: editcap -F pcapng FILE OUT.pcapng")
    }
    interface = CaptureInterface(
      // The upper bits tell the length of a checksum behind each frame.
      index: 0, linkType: LinkType(number: linkType & 0x03ff_ffff), snapLength: Int(snapLength),
      resolution: .decimal(isNanoseconds ? 9 : 6))
    format = PcapFormat(
      isBigEndian: isBigEndian, nanosecondsPerUnit: isNanoseconds ? 1 : 1000,
      packetLimit: max(PcapFormat.maximumSnapLength, min(Int(snapLength), PcapFormat.maximumPacket)),
      linkType: interface.linkType)
    window.consume(24)
  }
}

/// How the packets of a pcap file are to be read.
struct PcapFormat {
  /// What libpcap takes as the greatest snapshot length. A packet of more bytes than this, and than the header allows,
  /// is none.
  static let maximumSnapLength = 262_144
  /// No packet is larger than this, whatever the header allows.
  static let maximumPacket = 1 << 24

  var isBigEndian: Bool
  var nanosecondsPerUnit: Int64
  var packetLimit: Int
  var linkType: LinkType

  /// The next packet, which stays in the window.
  /// - Parameter packet: its number, for errors.
  @inline(__always)
  func next(_ window: inout InputWindow, packet: Int) throws(CaptureFileError) -> FoundFrame? {
    let count = try window.fill(16)
    guard count >= 16 else {
      if count == 0 { return nil }
      throw window.error(
        .truncated, packet: packet, "the file ends after \(count) of the 16 bytes of a packet's header")
    }
    let (seconds, fraction, captured, original) = window.withBytes(16) { header in
      (
        header.integer32(0, isBigEndian: isBigEndian), header.integer32(4, isBigEndian: isBigEndian),
        Int(header.integer32(8, isBigEndian: isBigEndian)), Int(header.integer32(12, isBigEndian: isBigEndian))
      )
    }
    guard captured <= packetLimit else {
      throw window.error(
        .malformed, packet: packet,
        "its header says that \(captured) bytes were captured, where at most \(packetLimit) were expected")
    }
    let there = try window.fill(16 + captured)
    guard there >= 16 + captured else {
      throw window.error(
        .truncated, packet: packet, "the file ends after \(there - 16) of the packet's \(captured) bytes")
    }
    // Both numbers have 32 bits: at most 4.3e18 + 4.3e12 ns, which 64 bits hold.
    let time = Int64(seconds) * 1_000_000_000 + Int64(fraction) * nanosecondsPerUnit
    return FoundFrame(
      start: 16,
      info: FrameInfo(
        interface: 0, linkType: linkType, time: time, capturedLength: captured,
        originalLength: max(original, captured)),
      length: 16 + captured)
  }
}
