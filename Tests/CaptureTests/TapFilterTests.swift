import CaptureMutation
import Foundation
import LinuxKit
import Model
import TestSupport
import Testing

@testable import Capture

@Suite struct TapFilterTests {
  @Test func oneInSixtyFour() {
    #expect(
      TapFilter(transport: .udp, sampling: 64).expression
        == "udp[8:1] & 0x3f = 0 and udp[16:4] & 0xffffffdf = 0x424e4348")
  }

  @Test func all() {
    #expect(TapFilter(transport: .udp, sampling: 1).expression == "udp[16:4] & 0xffffffdf = 0x424e4348")
  }

  @Test func moreThanAByte() {
    #expect(
      TapFilter(transport: .tcp, sampling: 1024).expression
        == "tcp[((tcp[12:1] & 0xf0) >> 2) + 0:1] & 0xff = 0 and tcp[((tcp[12:1] & 0xf0) >> 2) + 1:1] & 0x3 = 0"
        + " and tcp[((tcp[12:1] & 0xf0) >> 2) + 8:4] & 0xffffffdf = 0x424e4348")
  }

  @Test func ipv6() {
    #expect(
      TapFilter(transport: .tcp, sampling: 4, family: .ipv6).expression
        == "ip6[((ip6[52:1] & 0xf0) >> 2) + 40:1] & 0x3 = 0"
        + " and ip6[((ip6[52:1] & 0xf0) >> 2) + 48:4] & 0xffffffdf = 0x424e4348 and ip6[6:1] = 6")
  }
}

/// A frame made by hand, and which filters it is for.
private struct Sample {
  var name: String
  var frame: [UInt8]
  /// Of a filter that lets all numbers pass.
  var passes: TapFilter?
  var sequence: UInt64 = 0
}

@Suite("What libpcap makes of the filters, by another program's hand", .requiresProgram("tcpdump"))
struct TapFilterRunTests {
  private static let filters: [TapFilter] = [TapFilter.Transport.udp, .tcp].flatMap { transport in
    AddressFamily.allCases.flatMap { family in
      [TapFilter.Encapsulation.plain, .vxlan].map {
        TapFilter(transport: transport, sampling: 1, family: family, encapsulation: $0)
      }
    }
  }

  private static func packet(_ family: AddressFamily, _ transport: UInt8, _ payload: [UInt8]) -> [UInt8] {
    family == .ipv4 ? Frames.ipv4(transport, payload) : Frames.ipv6(transport, payload)
  }

  private static func frame(_ family: AddressFamily, _ packet: [UInt8]) -> [UInt8] {
    Frames.ethernet(family == .ipv4 ? 0x0800 : 0x86dd, packet)
  }

  /// `inner` in VXLAN, over `family`.
  private static func wrapped(
    _ family: AddressFamily, to port: UInt16 = 4789, flags: UInt32 = 0x0800_0000, _ inner: [UInt8]
  ) -> [UInt8] {
    frame(
      family, packet(family, 17, Frames.udp(to: port, Frames.vxlan(vni: 4097, flags: flags, inner))))
  }

  private static func segment(_ transport: TapFilter.Transport, _ message: [UInt8], options: Int = 3) -> [UInt8] {
    transport == .udp ? Frames.udp(message) : Frames.tcp(options: options, message)
  }

  private static func samples(of filter: TapFilter) -> [Sample] {
    let family = filter.family
    let number: UInt8 = filter.transport == .udp ? 17 : 6
    func outside(_ frame: [UInt8]) -> [UInt8] { filter.encapsulation == .vxlan ? wrapped(family, frame) : frame }
    func sample(_ name: String, _ packet: [UInt8], _ sequence: UInt64 = 0) -> Sample {
      Sample(name: "\(filter.name): \(name)", frame: outside(frame(family, packet)), passes: filter, sequence: sequence)
    }
    var samples = [0, 1, 3, 4, 64, 255, 256, 65_536, 1 << 40].flatMap { (sequence: UInt64) in
      [false, true].map { isReply in
        sample(
          "\(isReply ? "reply" : "request") \(sequence)",
          packet(family, number, segment(filter.transport, Frames.message(sequence: sequence, isReply: isReply))),
          sequence)
      }
    }
    if filter.transport == .tcp {
      for options in [0, 10] {
        samples.append(
          sample(
            "\(options) words of options",
            packet(family, number, segment(.tcp, Frames.message(sequence: 64), options: options)), 64))
      }
    } else {
      let datagram = segment(.udp, Frames.message(sequence: 64, count: 64))
      switch family {
      case .ipv4:
        samples.append(sample("first fragment", Frames.ipv4(number, fragment: 0x2000, datagram), 64))
      case .ipv6:
        let header = Frames.fragmentHeader(offset: 0, more: true, identification: 7)
        samples.append(sample("first fragment", Frames.ipv6(number, extensions: [(44, header)], datagram), 64))
      }
    }
    return samples + strangers(of: filter, number, outside)
  }

  /// What is almost a message.
  private static func strangers(
    of filter: TapFilter, _ number: UInt8, _ outside: ([UInt8]) -> [UInt8]
  ) -> [Sample] {
    let family = filter.family
    let message = Frames.message(sequence: 0)
    var damaged = message
    damaged[8] ^= 1
    let inner = frame(family, packet(family, number, segment(filter.transport, message)))
    var strangers: [(String, [UInt8])] = [
      ("another magic", outside(frame(family, packet(family, number, segment(filter.transport, damaged))))),
      ("another protocol", outside(frame(family, packet(family, 132, segment(filter.transport, message))))),
      (
        "cut short", outside(frame(family, packet(family, number, segment(filter.transport, Array(message.prefix(8))))))
      ),
      ("in VXLAN twice", wrapped(family, outside(wrapped(family, inner)))),
    ]
    // The message stands where it does in the first, so that the offset alone tells.
    switch family {
    case .ipv4:
      strangers.append(
        (
          "later fragment",
          outside(frame(family, Frames.ipv4(number, fragment: 0x2001, segment(filter.transport, message))))
        ))
    case .ipv6:
      let later = Frames.fragmentHeader(offset: 1, more: true, identification: 7)
      strangers.append(
        (
          "later fragment",
          outside(frame(family, Frames.ipv6(number, extensions: [(44, later)], segment(filter.transport, message))))
        ))
      let option = Frames.extensionHeader()
      strangers.append(
        (
          "another extension header",
          outside(frame(family, Frames.ipv6(number, extensions: [(60, option)], segment(filter.transport, message))))
        ))
    }
    if filter.encapsulation == .vxlan {
      strangers += [
        ("another port", wrapped(family, to: 4790, inner)), ("no VXLAN flag", wrapped(family, flags: 0, inner)),
        ("no IP inside", wrapped(family, Frames.ethernet(0x88b5, Array(inner.dropFirst(14))))),
      ]
      if family == .ipv4 {
        let optional = Frames.ipv4(number, options: 1, segment(filter.transport, message))
        strangers.append(("options in the inner header", wrapped(family, frame(family, optional))))
      }
    }
    return strangers.map { Sample(name: "\(filter.name): \($0.0)", frame: $0.1, passes: nil) }
  }

  private static let all = filters.flatMap { samples(of: $0) }

  @Test("each passes its own messages and nobody else's", arguments: filters)
  func own(_ filter: TapFilter) throws {
    let passed = try pass(filter, Self.all.map(\.frame))
    for (sample, isPassed) in zip(Self.all, passed) {
      #expect(isPassed == (sample.passes == filter), "\(sample.name)")
    }
    #expect(passed.contains(true))
  }

  @Test("each passes one number in N", arguments: filters, [4, 256])
  func sampled(_ filter: TapFilter, _ sampling: Int) throws {
    var sampled = filter
    sampled.sampling = sampling
    let passed = try pass(sampled, Self.all.map(\.frame))
    for (sample, isPassed) in zip(Self.all, passed) {
      let isExpected = sample.passes == filter && sample.sequence % UInt64(sampling) == 0
      #expect(isPassed == isExpected, "\(sample.name)")
    }
  }

  @Test("the message is among the bytes that are kept of each packet", arguments: filters)
  func kept(_ filter: TapFilter) throws {
    for sample in Self.samples(of: filter) where sample.passes != nil && !sample.name.contains("10 words") {
      let kept = Array(sample.frame.prefix(TapConfiguration.capturedBytes))
      let packet = try PacketDecoder.decode(kept.span.bytes, linkType: .ethernet, originalLength: sample.frame.count)
      #expect(packet.message?.sequence == sample.sequence, "\(sample.name)")
    }
  }

  /// Which frames tcpdump lets pass, which compiles the expression and runs it over a file.
  private func pass(_ filter: TapFilter, _ frames: [[UInt8]]) throws -> [Bool] {
    try withTemporaryPath { path in
      var file = ByteBuilder(isBigEndian: false)
      // LINKTYPE_ETHERNET, microseconds.
      file.append(0xa1b2_c3d4 as UInt32)
      file.append(2 as UInt16, 4)
      file.append(0 as UInt32, 0, 65_535, 1)
      for (index, frame) in frames.enumerated() {
        // The time says which it is.
        file.append(UInt32(index), 0, UInt32(frame.count), UInt32(frame.count))
        file.append(bytes: frame)
      }
      try Data(file.bytes).write(to: URL(filePath: path))
      let child = try ChildProcess(
        executable: "/usr/bin/env", arguments: ["tcpdump", "-r", path, "-n", "-tt", "-q", filter.expression],
        environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
      let deadline = Clock.monotonic() + 20_000_000_000
      var passed = [Bool](repeating: false, count: frames.count)
      while true {
        do throws(ChildProcess.Failure) {
          let line = String(decoding: try child.readLine(deadline: deadline), as: UTF8.self)
          // What is inside a tunnel has lines of its own, without a time.
          if let index = Int(line.prefix(while: { $0 != "." })) { passed[index] = true }
        } catch {
          guard error == .ended else { throw error }
          break
        }
      }
      try #require(try child.waitForExit(deadline: deadline) == .exited(0), "\(child.standardError())")
      return passed
    }
  }
}

extension TapFilter {
  fileprivate var name: String { "\(transport) \(family) \(encapsulation)" }
}
