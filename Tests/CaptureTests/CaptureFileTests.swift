import Capture
import CaptureMutation
import Foundation
import Glibc
import LinuxKit
import Testing

@Suite struct CaptureFileTests {
  private static let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(Frames.message())))

  /// Three records: 50, 60 and 70 bytes.
  private static func threePackets() -> PcapFile {
    var file = PcapFile()
    for count in [50, 60, 70] {
      file.append(seconds: 1000, fraction: UInt32(count), [UInt8](repeating: UInt8(count), count: count))
    }
    return file
  }

  // MARK: What is read

  @Test(arguments: [false, true], [0xa1b2_c3d4, 0xa1b2_3c4d] as [UInt32])
  func pcap(isBigEndian: Bool, magic: UInt32) throws {
    var file = PcapFile(magic: magic, isBigEndian: isBigEndian, snapLength: 128, linkType: 276)
    file.append(seconds: 1_700_000_000, fraction: 999_999, original: 1500, [1, 2, 3])
    file.append(seconds: .max, fraction: 1, [])
    file.append(seconds: 0, fraction: 0, original: 1, [4, 5, 6])
    let read = try ReadFile(file.bytes)
    #expect(read.error == nil)
    #expect(read.frames == [[1, 2, 3], [], [4, 5, 6]])
    let unit: Int64 = magic == 0xa1b2_c3d4 ? 1000 : 1
    #expect(read.times == [1_700_000_000_000_000_000 + 999_999 * unit, 4_294_967_295_000_000_000 + unit, 0])
    // Never less than was captured, whatever the file says.
    #expect(read.infos.map(\.originalLength) == [1500, 0, 3])
    #expect(read.infos.allSatisfy { $0.interface == 0 && $0.linkType == .linuxCooked2 && $0.direction == .unknown })
    #expect(
      read.interfaces
        == [
          CaptureInterface(
            index: 0, linkType: .linuxCooked2, snapLength: 128,
            resolution: .decimal(magic == 0xa1b2_c3d4 ? 6 : 9))
        ])
  }

  /// Bits above the link type tell of a checksum behind each frame.
  @Test func linkTypeWithChecksumLength() throws {
    let read = try ReadFile(PcapFile(linkType: 0x2400_0001).bytes)
    #expect(read.interfaces.map(\.linkType) == [.ethernet])
  }

  @Test func unknownLinkType() throws {
    var file = PcapFile(linkType: 147)
    file.append(seconds: 0, fraction: 0, Self.frame)
    let read = try ReadFile(file.bytes)
    #expect(read.infos.map(\.linkType) == [.unknown(147)])
  }

  @Test func cookedHeadersTellTheDirection() throws {
    let packet = Frames.ipv4(17, Frames.udp([1]))
    var first = PcapFile(linkType: 113)
    var second = PcapFile(linkType: 276)
    for type in [0, 3, 4] as [UInt8] {
      first.append(seconds: 0, fraction: 0, Frames.cooked(0x0800, packetType: UInt16(type), packet))
      second.append(seconds: 0, fraction: 0, Frames.cooked2(0x0800, packetType: type, device: 11, packet))
    }
    let directions: [FrameInfo.Direction] = [.inbound, .inbound, .outbound]
    #expect(try ReadFile(first.bytes).infos.map(\.direction) == directions)
    let read = try ReadFile(second.bytes)
    #expect(read.infos.map(\.direction) == directions)
    #expect(read.infos.map(\.deviceIndex) == [11, 11, 11])
  }

  @Test(arguments: SampleFile.all)
  func bufferSizeDoesNotMatter(sample: SampleFile) throws {
    let whole = try ReadFile(sample.bytes)
    for size in [0, 1, 7, 16, 100, 4096] {
      let read = try ReadFile(sample.bytes, bufferSize: size)
      #expect(read.frames == whole.frames && read.infos == whole.infos && read.error == nil, "\(size) bytes")
    }
  }

  @Test func packetLargerThanTheBuffer() throws {
    var file = PcapFile(snapLength: 300_000)
    file.append(seconds: 0, fraction: 0, [UInt8](repeating: 9, count: 300_000))
    file.append(seconds: 1, fraction: 0, [7])
    let read = try ReadFile(file.bytes, bufferSize: 64)
    #expect(read.error == nil)
    #expect(read.frames.map(\.count) == [300_000, 1])
  }

  @Test func readerCanBeAskedFromWithin() throws {
    try withTemporaryPath { path in
      try Data(SampleFile.all[0].bytes).write(to: URL(fileURLWithPath: path))
      let reader = try CaptureFileReader(path: path)
      var offsets: [Int64] = []
      while try reader.next({ _, info in
        #expect(reader.interfaces[info.interface].linkType == info.linkType)
        #expect(reader.packets == offsets.count + 1)
        offsets.append(reader.bytesRead)
      }) {}
      #expect(offsets.first == Int64(24 + SampleFile.all[0].pieces[1].count))
      #expect(offsets.last == Int64(SampleFile.all[0].bytes.count))
    }
  }

  @Test func standardInput() async {
    await #expect(processExitsWith: .success) {
      var file = PcapFile()
      file.append(seconds: 3, fraction: 0, [1, 2, 3])
      let pipe = try Descriptor.pipe()
      try pipe.writing.write(file.bytes + [0, 0])
      dup2(pipe.reading.rawValue, STDIN_FILENO)
      // The other end must be closed for the file to end.
      dup2(STDIN_FILENO, pipe.writing.rawValue)
      let read = ReadFile(try CaptureFileReader(path: "-"))
      #expect(read.times == [3_000_000_000])
      #expect(read.error?.path == "standard input" && read.error?.kind == .truncated)
    }
  }

  /// Asked about the file's own path, since the runtime opens descriptors of its own meanwhile.
  @Test(arguments: SampleFile.all)
  func fileIsClosed(sample: SampleFile) throws {
    try withTemporaryPath { path in
      try Data(sample.bytes.dropLast()).write(to: URL(fileURLWithPath: path))
      var reader: CaptureFileReader? = try CaptureFileReader(path: path)
      #expect(try descriptors(of: path) == 1)
      #expect(reader.map { ReadFile($0).error?.kind } == .truncated)
      reader = nil
      #expect(try descriptors(of: path) == 0)
      try Data([0x1f, 0x8b, 8, 0]).write(to: URL(fileURLWithPath: path))
      #expect(throws: CaptureFileError.self) { _ = try CaptureFileReader(path: path) }
      #expect(try descriptors(of: path) == 0)
    }
  }

  /// How many descriptors of this process lead to `path`.
  private func descriptors(of path: String) throws -> Int {
    let files = FileManager.default
    return try files.contentsOfDirectory(atPath: "/proc/self/fd").count { number in
      // Those that other tests have closed meanwhile lead nowhere.
      let target = try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
      return target.map { URL(fileURLWithPath: $0).lastPathComponent == URL(fileURLWithPath: path).lastPathComponent }
        ?? false
    }
  }

  // MARK: What is not read, and how that is said

  @Test(arguments: [
    ("", CaptureFileError.Kind.empty, "the file is empty"),
    ("00", .notACapture, "1 bytes are too few for a capture file"),
    ("68656c6c6f", .notACapture, "neither pcap nor pcapng: the first four bytes are 68656c6c"),
    ("00000001", .notACapture, "neither pcap nor pcapng: the first four bytes are 00000001"),
    ("1f8b0800", .unsupported, "the file is compressed with gzip"),
    ("28b52ffd", .unsupported, "the file is compressed with zstd"),
    ("04224d18", .unsupported, "the file is compressed with lz4"),
    ("fd377a585a00", .unsupported, "the file is compressed with xz"),
    ("425a6839", .unsupported, "the file is compressed with bzip2"),
    ("736e6f6f70000000", .unsupported, "a file of snoop"),
    ("736e6f6f7a000000", .notACapture, "neither pcap nor pcapng: the first four bytes are 736e6f6f"),
    ("474d4255", .unsupported, "a file of Microsoft's Network Monitor"),
    ("a1b2cd34", .unsupported, "a pcap file with the longer packet headers of an old patch to libpcap"),
    ("34cdb2a1", .unsupported, "a pcap file with the longer packet headers of an old patch to libpcap"),
    ("a1b2c3d4", .truncated, "the file ends after 4 of the 24 bytes of its header"),
    ("0a0d0d0a", .truncated, "the file ends after 4 bytes of a block of 12 or more"),
  ])
  func firstBytes(hex: String, kind: CaptureFileError.Kind, problem: String) throws {
    let digits = Array(hex)
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    let read = try ReadFile(bytes)
    #expect(read.error?.kind == kind && read.error?.problem == problem)
    #expect((read.error?.remedy != nil) == (kind == .unsupported || bytes.count > 4 || bytes == [0, 0, 0, 1]))
  }

  @Test func otherVersion() throws {
    let read = try ReadFile(PcapFile(isBigEndian: true, minor: 3).bytes)
    #expect(read.error?.kind == .unsupported)
    #expect(read.error?.problem == "pcap of version 2.3, where 2.4 was expected")
  }

  @Test func missingFile() throws {
    let error = try #require(throws: CaptureFileError.self) {
      _ = try CaptureFileReader(path: "/nonexistent/a.pcap")
    }
    #expect(error.kind == .system && error.cause?.isMissing == true)
    #expect(error.description == "/nonexistent/a.pcap: it cannot be opened: No such file or directory")
  }

  @Test func folder() throws {
    let error = try #require(throws: CaptureFileError.self) { _ = try CaptureFileReader(path: "/") }
    #expect(error.kind == .system && error.description == "/: it cannot be read: Is a directory")
  }

  @Test func remedyIsALineOfItsOwn() throws {
    let error = try #require(try ReadFile([0x1f, 0x8b, 8, 0]).error)
    #expect(
      error.description
        == "a.pcap: the file is compressed with gzip\nDecompress it first: zcat FILE | bench hops -")
  }

  /// Wherever a file is cut, the packets before are there, and the error names the next.
  @Test func cutAnywhere() throws {
    let file = Self.threePackets()
    let ends = [24, 24 + 66, 24 + 66 + 76, 24 + 66 + 76 + 86]
    for count in 24...file.bytes.count {
      let read = try ReadFile(Array(file.bytes.prefix(count)))
      let whole = try #require(ends.lastIndex { $0 <= count })
      #expect(read.frames.count == whole, "cut to \(count) bytes")
      if ends.contains(count) {
        #expect(read.error == nil)
      } else {
        let error = try #require(read.error)
        #expect(error.kind == .truncated && error.packet == whole + 1 && error.offset == Int64(ends[whole]))
      }
    }
  }

  @Test func cutFilesErrorInWords() throws {
    let bytes = Self.threePackets().bytes
    #expect(
      try ReadFile(Array(bytes.prefix(100))).error?.description
        == "a.pcap: packet 2 at byte 90: the file ends after 10 of the 16 bytes of a packet's header")
    #expect(
      try ReadFile(Array(bytes.prefix(110))).error?.description
        == "a.pcap: packet 2 at byte 90: the file ends after 4 of the packet's 60 bytes")
  }

  @Test func errorStays() throws {
    try withTemporaryPath { path in
      try Data(Self.threePackets().bytes.prefix(100)).write(to: URL(fileURLWithPath: path))
      let reader = try CaptureFileReader(path: path)
      #expect(try reader.next { _, _ in })
      let first = #expect(throws: CaptureFileError.self) { try reader.next { _, _ in } }
      let second = #expect(throws: CaptureFileError.self) { try reader.next { _, _ in } }
      #expect(first == second && first?.kind == .truncated)
      #expect(reader.packets == 1)
    }
  }

  @Test(
    arguments: [(262_145, 65_535, 262_144), (.max, .max, 1 << 24), (300_001, 300_000, 300_000)]
      as [(UInt32, UInt32, Int)])
  func hugePacket(captured: UInt32, snapLength: UInt32, limit: Int) throws {
    var file = PcapFile(snapLength: snapLength)
    file.append(seconds: 0, fraction: 0, Self.frame)
    file.append(seconds: 0, fraction: 0, captured: captured, Self.frame)
    let read = try ReadFile(file.bytes)
    #expect(read.frames.count == 1)
    #expect(read.error?.kind == .malformed && read.error?.packet == 2)
    #expect(
      read.error?.problem
        == "its header says that \(captured) bytes were captured, where at most \(limit) were expected")
  }
}
