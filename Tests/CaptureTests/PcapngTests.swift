import Capture
import CaptureMutation
import Testing

@Suite struct PcapngTests {
  private static let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(Frames.message())))

  // MARK: Times

  /// Expected values are from Python's integers: ticks * 10**9 // 10**n, and // 2**n.
  @Test(
    arguments: [
      (nil, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
      (6, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
      (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
      (9, 9_223_372_036_854_775_807, 9_223_372_036_854_775_807),
      (0, 9_223_372_036, 9_223_372_036_000_000_000),
      (3, 1_700_000_000_123, 1_700_000_000_123_000_000),
      (7, 17_000_000_001_234_567, 1_700_000_000_123_456_700),
      (12, 18_446_744_073_709_551_615, 18_446_744_073_709_551),
      (10, 17_000_000_001_234_567_899, 1_700_000_000_123_456_789),
      (28, 18_446_744_073_709_551_615, 1),
      (28, 9_999_999_999_999_999_999, 0),
      (29, 18_446_744_073_709_551_615, 0),
      (127, 18_446_744_073_709_551_615, 0),
      (0x80, 1_700_000_000, 1_700_000_000_000_000_000),
      (0x8a, 1_740_800_000_127, 1_700_000_000_124_023_437),
      (0xa0, 7_301_444_403_200_000_001, 1_700_000_000_000_000_000),
      (0xa2, 18_446_744_073_709_551_615, 1_073_741_823_999_999_999),
      (0xbf, 18_446_744_073_709_551_615, 1_999_999_999),
      (0xc0, 18_446_744_073_709_551_615, 999_999_999),
      (0xdd, 18_446_744_073_709_551_615, 1),
      (0xff, 18_446_744_073_709_551_615, 0),
    ] as [(UInt8?, UInt64, Int64)], [false, true])
  func resolutions(test: (resolution: UInt8?, ticks: UInt64, time: Int64), isBigEndian: Bool) throws {
    var file = PcapngFile(isBigEndian: isBigEndian)
    file.appendInterface(resolution: test.resolution)
    file.appendPacket(ticks: test.ticks, Self.frame)
    file.appendOldPacket(ticks: test.ticks, Self.frame)
    let read = try ReadFile(file.bytes)
    #expect(read.error == nil)
    #expect(read.times == [test.time, test.time])
  }

  @Test(
    arguments: [
      (3600, 1_000_000_001, 3_601_000_000_001), (-3600, 1_000_000_001, -3_598_999_999_999),
      (9_223_372_036, 854_775_807, .max), (-9_223_372_036, 0, -9_223_372_036_000_000_000),
      (-9_223_372_036, 10_000_000_000_000_000_000, 776_627_964_000_000_000),
    ] as [(Int64, UInt64, Int64)])
  func offsets(seconds: Int64, ticks: UInt64, time: Int64) throws {
    var file = PcapngFile()
    file.appendInterface(resolution: 9, offsetSeconds: seconds)
    file.appendPacket(ticks: ticks, Self.frame)
    #expect(try ReadFile(file.bytes).times == [time])
  }

  @Test(
    arguments: [
      (9, 0, 9_223_372_036_854_775_808), (9, 1, .max), (0, 0, 9_223_372_037), (6, 0, .max), (0x80, 0, 9_223_372_037),
      (0x80, 0, .max), (9, 9_223_372_036, 854_775_808),
    ] as [(UInt8, Int64, UInt64)])
  func timesBeyondNanoseconds(resolution: UInt8, offset: Int64, ticks: UInt64) throws {
    var file = PcapngFile()
    file.appendInterface(resolution: resolution, offsetSeconds: offset)
    file.appendPacket(ticks: 0, Self.frame)
    file.appendPacket(ticks: ticks, Self.frame)
    let read = try ReadFile(file.bytes)
    #expect(read.frames.count == 1)
    #expect(read.error?.kind == .malformed && read.error?.packet == 2)
    #expect(
      read.error?.problem == "its time of \(ticks) units is beyond what 64 bits of ns since 1970 hold")
  }

  @Test func offsetBeyondNanoseconds() throws {
    var file = PcapngFile()
    file.appendInterface(offsetSeconds: .min)
    #expect(try ReadFile(file.bytes).error?.kind == .malformed)
  }

  // MARK: Interfaces and sections

  @Test(arguments: [false, true])
  func interfaces(isBigEndian: Bool) throws {
    var file = PcapngFile(isBigEndian: isBigEndian)
    file.appendInterface(linkType: 1, snapLength: 128, name: "veth0", description: "Röhre", resolution: 9)
    file.appendPacket(ticks: 1_000_000_000, Self.frame)
    // Some writers count a terminating zero.
    file.appendInterface(linkType: 113, name: "any\0", resolution: 0x80 | 20, offsetSeconds: 5)
    file.appendPacket(interface: 1, ticks: 1 << 20, [1])
    file.appendPacket(interface: 0, ticks: 7, [2])
    // The next section numbers anew, in the other byte order.
    file.appendSection(isBigEndian: !isBigEndian)
    file.appendInterface(linkType: 101)
    file.appendPacket(ticks: 5, [3])
    let read = try ReadFile(file.bytes)
    #expect(read.error == nil)
    #expect(
      read.interfaces == [
        CaptureInterface(
          index: 0, linkType: .ethernet, name: "veth0", description: "Röhre", snapLength: 128, resolution: .decimal(9)),
        CaptureInterface(index: 1, linkType: .linuxCooked, name: "any", resolution: .binary(20)),
        CaptureInterface(index: 2, linkType: .raw, resolution: .decimal(6)),
      ])
    #expect(read.infos.map(\.interface) == [0, 1, 0, 2])
    #expect(read.infos.map(\.linkType) == [.ethernet, .linuxCooked, .ethernet, .raw])
    #expect(read.times == [1_000_000_000, 6_000_000_000, 7, 5000])
    #expect(read.frames == [Self.frame, [1], [2], [3]])
  }

  @Test func packetsOptions() throws {
    var file = PcapngFile(isBigEndian: true)
    file.appendInterface()
    file.appendPacket(ticks: 1, options: [file.flags(0x101), file.dropCount(3)], [1, 2, 3])
    file.appendPacket(ticks: 2, original: 100, options: [(1, Array("a comment".utf8)), file.flags(2)], [])
    file.appendPacket(ticks: 3, options: [file.flags(3)], [1])
    file.appendOldPacket(drops: 4, ticks: 4, options: [file.flags(1)], [1, 2])
    file.appendOldPacket(drops: 0xffff, ticks: 5, [1, 2])
    let read = try ReadFile(file.bytes)
    #expect(read.error == nil)
    #expect(read.infos.map(\.direction) == [.inbound, .outbound, .unknown, .inbound, .unknown])
    #expect(read.infos.map(\.capturedLength) == [3, 0, 1, 2, 2])
    #expect(read.infos.map(\.originalLength) == [3, 100, 1, 2, 2])
    #expect(read.interfaces.first?.lostBetweenPackets == 7)
  }

  /// A simple packet has no time and no interface of its own.
  @Test func simplePackets() throws {
    var file = PcapngFile()
    file.appendInterface(snapLength: 5)
    file.appendInterface(linkType: 101)
    file.appendSimplePacket(original: 100, [1, 2, 3, 4, 5])
    file.appendSimplePacket([6, 7])
    let read = try ReadFile(file.bytes)
    #expect(read.error == nil && read.frames == [[1, 2, 3, 4, 5], [6, 7]])
    #expect(read.times == [nil, nil])
    #expect(read.infos.map(\.originalLength) == [100, 2])
    #expect(read.infos.allSatisfy { $0.interface == 0 && $0.linkType == .ethernet })
  }

  @Test func statistics() throws {
    var file = PcapngFile()
    file.appendInterface()
    file.appendInterface()
    file.appendStatistics(interface: 1, received: 5, dropped: 1)
    file.appendStatistics(interface: 1, received: 50, dropped: 10)
    let read = try ReadFile(file.bytes)
    #expect(read.interfaces.map(\.received) == [nil, 50] && read.interfaces.map(\.dropped) == [nil, 10])
    #expect(read.interfaces.map(\.lostBetweenPackets) == [nil, nil])
  }

  /// Also a block that is larger than any that is held in memory.
  @Test(arguments: [0, 4, 1000, 1 << 21, 17 << 20])
  func otherBlocksArePassedOver(size: Int) throws {
    var file = PcapngFile()
    file.append(type: 4, [UInt8](repeating: 0, count: size))
    file.appendInterface()
    file.append(type: 0x4000_0bad, [UInt8](repeating: 1, count: size))
    file.appendPacket(ticks: 1, [1])
    file.append(type: 0x8000_0001, [UInt8](repeating: 2, count: size))
    let read = try ReadFile(file.bytes)
    #expect(read.error == nil && read.frames == [[1]])
    #expect(read.bytesRead == Int64(file.bytes.count))
  }

  // MARK: What is wrong

  private static let blockTypes: [UInt32] = [1, 2, 3, 4, 5, 6, 0x0a0d_0d0a, 99]

  /// A block that says `length` at its start and `trailer` at its end, behind a valid packet.
  private static func file(type: UInt32, length: UInt32?, trailer: UInt32?) -> PcapngFile {
    var file = PcapngFile()
    file.appendInterface()
    file.appendPacket(ticks: 1, Self.frame)
    var body: [UInt8] = type == 0x0a0d_0d0a ? [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0] : []
    body += [UInt8](repeating: 0, count: 64 - body.count)
    file.append(type: type, body, length: length, trailer: trailer)
    return file
  }

  @Test(arguments: blockTypes, [0, 4, 8, 11, 13, 77, 0xffff_fffe] as [UInt32])
  func blockLengths(type: UInt32, length: UInt32) throws {
    let file = Self.file(type: type, length: length, trailer: nil)
    let read = try ReadFile(file.bytes)
    let error = try #require(read.error)
    #expect(read.frames.count == 1)
    #expect(error.kind == .malformed && error.problem.contains("block of \(length) bytes, where a multiple of 4 from "))
    #expect(error.offset == Int64(file.bytes.count - 76))
    #expect(error.packet == ([2, 3, 6].contains(type) ? 2 : nil))
  }

  @Test(arguments: blockTypes)
  func blockLongerThanTheFile(type: UInt32) throws {
    let read = try ReadFile(Self.file(type: type, length: 80, trailer: nil).bytes)
    #expect(read.error?.kind == .truncated && read.frames.count == 1)
    #expect(read.error?.problem.contains("the file ends after 76 of ") == true)
  }

  /// What is not held in memory may be that long; the file is not.
  @Test(arguments: blockTypes)
  func hugeBlock(type: UInt32) throws {
    let read = try ReadFile(Self.file(type: type, length: 0xffff_fff0, trailer: nil).bytes)
    #expect(read.error?.kind == ([4, 99].contains(type) ? .truncated : .malformed) && read.frames.count == 1)
  }

  @Test(arguments: blockTypes)
  func lengthsDiffer(type: UInt32) throws {
    let read = try ReadFile(Self.file(type: type, length: nil, trailer: 72).bytes)
    #expect(read.error?.kind == .malformed && read.frames.count == 1)
    #expect(read.error?.problem.hasSuffix("says 76 bytes at its start and 72 at its end") == true)
  }

  @Test func capturedMoreThanTheBlockHolds() throws {
    for captured in [5, 0xffff_fffd, .max] as [UInt32] {
      var file = PcapngFile()
      file.appendInterface()
      file.appendPacket(ticks: 1, captured: captured, [1, 2, 3, 4])
      let read = try ReadFile(file.bytes)
      #expect(
        read.error?.problem
          == "its block of 36 bytes has room for 4, but \(captured) are said to be captured")
      #expect(read.error?.kind == .malformed && read.error?.packet == 1)
    }
    var file = PcapngFile()
    file.appendInterface()
    file.appendSimplePacket(original: 5, [1, 2, 3, 4])
    #expect(try ReadFile(file.bytes).error?.problem == "its block of 20 bytes has room for 4, where 5 were expected")
  }

  @Test func unknownInterface() throws {
    let problem = "it is of interface 0, where the section has described 0 so far"
    var file = PcapngFile()
    file.appendInterface()
    file.appendSection(isBigEndian: false)
    let start = file.blocks
    file.appendPacket(ticks: 1, [1])
    #expect(try ReadFile(file.bytes).error?.problem == problem)
    #expect(
      try ReadFile(file.bytes).error?.description
        == "a.pcap: packet 1 at byte \(start.joined().count): \(problem)")
    var simple = PcapngFile()
    simple.appendSimplePacket([1])
    #expect(try ReadFile(simple.bytes).error?.problem == problem)
    var statistics = PcapngFile()
    statistics.appendStatistics(received: 1, dropped: 1)
    #expect(try ReadFile(statistics.bytes).error?.problem == problem)
    var large = PcapngFile()
    large.appendInterface()
    large.appendPacket(interface: .max, ticks: 1, [1])
    #expect(
      try ReadFile(large.bytes).error?.problem
        == "it is of interface 4294967295, where the section has described 1 so far")
  }

  @Test func optionsThatOverrun() throws {
    var file = PcapngFile()
    // The option's length is that of its value, of which half is left.
    file.append(type: 1, [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 8, 0, 1, 1, 1, 1])
    #expect(
      try ReadFile(file.bytes).error?.problem
        == "an interface description block with an option 2 of 8 bytes, where 4 are left")
  }

  @Test func optionsOfTheWrongSize() throws {
    for (code, count) in [(9, 2), (14, 4)] as [(UInt16, Int)] {
      var file = PcapngFile()
      file.appendInterface(more: [(code, [UInt8](repeating: 1, count: count))])
      #expect(try ReadFile(file.bytes).error?.kind == .malformed)
    }
    var file = PcapngFile()
    file.appendInterface()
    file.append(type: 5, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 4, 0, 1, 1, 1, 1])
    #expect(try ReadFile(file.bytes).error?.kind == .malformed)
  }

  @Test func otherVersion() throws {
    var file = PcapngFile()
    file.appendSection(isBigEndian: true, major: 2)
    let read = try ReadFile(file.bytes)
    #expect(read.error?.kind == .unsupported)
    #expect(read.error?.problem == "a section of pcapng 2.0, where 1.0 was expected")
  }

  @Test func otherByteOrderMagic() throws {
    var bytes = PcapngFile().bytes
    bytes[8] ^= 1
    let read = try ReadFile(bytes)
    #expect(read.error?.kind == .malformed)
    #expect(
      read.error?.problem == "a section header whose byte-order magic is 4c3c2b1a, where 1a2b3c4d was expected")
  }

  /// Wherever a file is cut, the packets before are there and whole.
  @Test(arguments: SampleFile.all.filter { $0.name.hasPrefix("pcapng") })
  func cutAnywhere(sample: SampleFile) throws {
    let whole = try ReadFile(sample.bytes)
    let ends = sample.pieces.reduce(into: [0]) { ends, block in ends.append((ends.last ?? 0) + block.count) }
    for count in 1...sample.bytes.count {
      let read = try ReadFile(Array(sample.bytes.prefix(count)))
      #expect(read.frames == Array(whole.frames.prefix(read.frames.count)))
      if ends.contains(count) {
        #expect(read.error == nil, "cut to \(count) bytes")
      } else {
        #expect(read.error?.kind == (count < 4 ? .notACapture : .truncated), "cut to \(count) bytes")
        #expect(ends.contains(Int(read.error?.offset ?? -1)))
      }
    }
  }
}
