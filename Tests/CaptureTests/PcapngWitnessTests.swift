import Capture
import CaptureMutation
import Foundation
import LinuxKit
import TestSupport
import Testing

/// The same files through tshark and capinfos, which share no code with ours.
@Suite struct PcapngWitnessTests {
  @Test(.requiresProgram("tshark"), arguments: SampleFile.all)
  func sameTimesAndLengths(sample: SampleFile) throws {
    try withTemporaryPath { path in
      try Data(sample.bytes).write(to: URL(fileURLWithPath: path))
      let answer = try ProgramAnswer(
        "tshark",
        ["-n", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len"])
      #expect(answer.status == .exited(0) && answer.warnings == [])
      let read = ReadFile(try CaptureFileReader(path: path))
      let ours = read.infos.map { "\(epoch($0.time))\t\($0.originalLength)\t\($0.capturedLength)" }
      #expect(answer.lines == ours)
    }
  }

  @Test(.requiresProgram("tshark"))
  func samePackets() throws {
    var file = PcapngFile()
    let types = [0, 1, 101, 108, 113, 276] as [UInt16]
    for type in types { file.appendInterface(linkType: type, resolution: 9) }
    for frame in SampleFrame.all {
      let interface = try #require(types.firstIndex(of: UInt16(frame.linkType.number)))
      file.appendPacket(interface: UInt32(interface), ticks: 1_700_000_000_000_000_000, frame.bytes)
    }
    try withTemporaryPath { path in
      try Data(file.bytes).write(to: URL(fileURLWithPath: path))
      let fields = [
        "udp.srcport", "udp.dstport", "tcp.srcport", "tcp.dstport", "tcp.len", "tcp.seq_raw", "vxlan.vni",
      ].flatMap { ["-e", $0] }
      let answer = try ProgramAnswer(
        "tshark",
        [
          "-n", "-r", path, "-d", "udp.port==8472,vxlan", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
          "-T", "fields", "-E", "occurrence=l",
        ] + fields)
      #expect(answer.status == .exited(0) && answer.warnings == [])
      #expect(answer.lines.count == SampleFrame.all.count)
      // tshark takes for VXLAN whatever goes to its port, and no jumbogram that could do without being one.
      let differing = ["plain UDP to 4789", "IPv6 jumbogram"]
      for (frame, line) in zip(SampleFrame.all, answer.lines) where !differing.contains(frame.name) {
        let ours =
          switch decodeResult(frame.bytes, frame.linkType) {
          case .failure: "\t\t\t\t\t\t"
          case .success(let packet): Self.fields(packet)
          }
        #expect(line == ours, "\(frame.name)")
      }
    }
  }

  /// What tshark's fields would be of a packet.
  private static func fields(_ packet: DecodedPacket) -> String {
    let ports = "\(packet.sourcePort)\t\(packet.destinationPort)"
    let vni = packet.vni.map { "\($0)" } ?? ""
    return switch packet.transport {
    case .udp: "\(ports)\t\t\t\t\t\(vni)"
    case .tcp: "\t\t\(ports)\t\(packet.payloadLength)\t\(packet.tcpSequence)\t\(vni)"
    }
  }

  @Test(.requiresProgram("tshark"), .requiresProgram("capinfos"))
  func writtenFile() throws {
    try withTemporaryPath { path in
      var writer = try PcapngWriter(
        path: path, application: "bench 1.2.3",
        interfaces: [
          .init(linkType: .ethernet, name: "veth0", description: "one end", filter: "udp port 7001", snapLength: 128)
        ])
      for (index, direction) in [FrameInfo.Direction.unknown, .inbound, .outbound].enumerated() {
        let frame = SampleFrame.all[index].bytes
        try writer.write(
          frame.span.bytes, interface: 0, time: 1_700_000_000_000_000_001 + Int64(index),
          originalLength: 500, direction: direction)
      }
      try writer.finish([.init(interface: 0, received: 12, dropped: 5, time: 1_700_000_001_000_000_000)])

      let packets = try ProgramAnswer(
        "tshark",
        [
          "-n", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.interface_name",
          "-e", "frame.packet_flags_direction",
        ])
      #expect(packets.status == .exited(0) && packets.warnings == [])
      #expect(
        packets.lines == [
          "1700000000.000000001\t500\tveth0\t", "1700000000.000000002\t500\tveth0\t0x00000001",
          "1700000000.000000003\t500\tveth0\t0x00000002",
        ])

      let summary = try ProgramAnswer("capinfos", [path])
      #expect(summary.status == .exited(0) && summary.warnings == [])
      let lines = summary.lines.map { $0.trimmingCharacters(in: .whitespaces) }
      for line in [
        "Capture application: bench 1.2.3", "Name = veth0", "Description = one end", "Filter string = udp port 7001",
        "Capture length = 128", "Time precision = nanoseconds (9)", "Number of stat entries = 1",
        "Number of packets = 3",
      ] {
        #expect(lines.contains(line), "no '\(line)' in \(lines)")
      }
    }
  }

  /// tshark writes seconds and nine digits, and nothing where there is no time.
  private func epoch(_ time: Int64?) -> String {
    guard let time else { return "" }
    let fraction = String(time % 1_000_000_000)
    return "\(time / 1_000_000_000).\(String(repeating: "0", count: 9 - fraction.count))\(fraction)"
  }
}
