/// The formats of capture files, by their first bytes.
enum CaptureFormat {
  case pcap, pcapng

  /// Tells the format without consuming a byte of it.
  static func sniff(_ window: inout InputWindow) throws(CaptureFileError) -> CaptureFormat {
    let count = try window.fill(8)
    guard count > 0 else { throw window.error(.empty, "the file is empty") }
    guard count >= 4 else {
      throw window.error(.notACapture, "\(count) bytes are too few for a capture file")
    }
    let magic = window.withBytes(4) { $0.bigEndian32(0) }
    switch magic {
    case 0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1:
      return .pcap
    case 0x0a0d_0d0a:
      return .pcapng
    case 0xa1b2_cd34, 0x34cd_b2a1:
      throw window.error(
        .unsupported, "a pcap file with the longer packet headers of an old patch to libpcap", remedy: conversion)
    case 0x736e_6f6f where count >= 8 && window.withBytes(8, { $0.bigEndian32(4) }) == 0x7000_0000:
      throw window.error(.unsupported, "a file of snoop", remedy: conversion)
    case 0x474d_4255:
      throw window.error(.unsupported, "a file of Microsoft's Network Monitor", remedy: conversion)
    case _ where magic >> 16 == 0x1f8b:
      throw compressed(window, "gzip", "zcat")
    case 0x28b5_2ffd:
      throw compressed(window, "zstd", "zstdcat")
    case 0x0422_4d18:
      throw compressed(window, "lz4", "lz4cat")
    case 0xfd37_7a58:
      throw compressed(window, "xz", "xzcat")
    case _ where magic >> 8 == 0x42_5a68:
      throw compressed(window, "bzip2", "bzcat")
    default:
      let digits = String(magic, radix: 16)
      throw window.error(
        .notACapture,
        "neither pcap nor pcapng: the first four bytes are \(String(repeating: "0", count: 8 - digits.count))\(digits)",
        remedy: "If it is a capture in another format, convert it first: editcap -F pcapng FILE OUT.pcapng")
    }
  }

  private static let conversion = "Convert it first: editcap -F pcapng FILE OUT.pcapng"

  private static func compressed(
    _ window: borrowing InputWindow, _ name: String, _ program: String
  ) -> CaptureFileError {
    window.error(
      .unsupported, "the file is compressed with \(name)",
      remedy: "Decompress it first: \(program) FILE | bench hops -")
  }
}
