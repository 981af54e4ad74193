import Capture
import CaptureMutation
import Foundation
import Glibc
import LinuxKit
import Testing

@Suite struct PcapngWriterTests {
  private static let interfaces: [PcapngWriter.Interface] = [
    .init(
      linkType: .ethernet, name: "veth0", description: "the client's end", filter: "udp port 7001", snapLength: 128),
    .init(linkType: .linuxCooked2, name: "any"),
  ]

  private struct Packet: Equatable {
    var interface: Int
    var time: Int64
    var originalLength: Int
    var direction: FrameInfo.Direction
    var bytes: [UInt8]
  }

  /// Every length modulo four, each direction, both interfaces, and times that need 64 bits.
  private static let packets: [Packet] = SampleFrame.all.filter { $0.linkType == .ethernet }.enumerated().map {
    Packet(
      interface: $0 % 5 == 4 ? 1 : 0, time: 1_700_000_000_123_456_789 + Int64($0) * 1_000_000_007,
      originalLength: $1.bytes.count + 100 * ($0 % 2),
      direction: [.unknown, .inbound, .outbound][$0 % 3], bytes: Array($1.bytes.dropLast($0 % 4)))
  }

  private static func write(_ packets: [Packet], to path: String) throws {
    var writer = try PcapngWriter(path: path, application: "bench 1.2.3", interfaces: interfaces)
    for packet in packets {
      try writer.write(
        packet.bytes.span.bytes, interface: packet.interface, time: packet.time,
        originalLength: packet.originalLength, direction: packet.direction)
    }
    try writer.finish([
      .init(interface: 0, received: 1 << 40, dropped: 3, time: 1_700_000_001_000_000_000),
      .init(interface: 1, received: 0, dropped: 0, time: 1_700_000_001_000_000_000),
    ])
  }

  @Test func readBack() throws {
    try withTemporaryPath { path in
      try Self.write(Self.packets, to: path)
      let read = ReadFile(try CaptureFileReader(path: path))
      #expect(read.error == nil)
      #expect(
        read.interfaces == [
          CaptureInterface(
            index: 0, linkType: .ethernet, name: "veth0", description: "the client's end", snapLength: 128,
            resolution: .decimal(9), received: 1 << 40, dropped: 3),
          CaptureInterface(
            index: 1, linkType: .linuxCooked2, name: "any", resolution: .decimal(9), received: 0, dropped: 0),
        ])
      let back = zip(read.infos, read.frames).map { info, frame in
        Packet(
          interface: info.interface, time: info.time ?? -1, originalLength: info.originalLength,
          // Where the file does not say, a cooked header does.
          direction: info.interface == 1 && info.deviceIndex != nil ? .unknown : info.direction, bytes: frame)
      }
      let expected = Self.packets.map { packet in
        var packet = packet
        if packet.interface == 1, packet.bytes.count >= 20 { packet.direction = .unknown }
        return packet
      }
      #expect(back == expected)
    }
  }

  /// More than fits into the buffer.
  @Test func manyPackets() throws {
    try withTemporaryPath { path in
      let packet = Self.packets[0]
      try Self.write([Packet](repeating: packet, count: 10_000), to: path)
      let read = ReadFile(try CaptureFileReader(path: path))
      #expect(read.error == nil && read.frames.count == 10_000)
      #expect(read.frames.allSatisfy { $0 == packet.bytes })
    }
  }

  @Test func fullDisk() throws {
    let error = #expect(throws: SystemError.self) { try Self.write(Self.packets, to: "/dev/full") }
    #expect(error?.isFull == true && error?.subject == "/dev/full")
  }

  @Test func missingFolder() throws {
    let error = #expect(throws: SystemError.self) { try Self.write([], to: "/nonexistent/a.pcapng") }
    #expect(error?.isMissing == true)
  }

  /// A file that stood there is overwritten.
  @Test func overwrites() throws {
    try withTemporaryPath { path in
      try Self.write(Self.packets, to: path)
      try Self.write([], to: path)
      #expect(ReadFile(try CaptureFileReader(path: path)).frames.isEmpty)
    }
  }
}
