import Capture
import CaptureMutation
import Testing

@Suite struct DecoderTests {
  private static let v4Source = IPAddress(v4: 0x0a00_0001)
  private static let v4Destination = IPAddress(v4: 0x0a00_0002)
  private static let v6Source = IPAddress(high: 0xfd00_0000_0000_0000, low: 1)
  private static let message = BenchMessage(sequence: 5, nonce: 0xfeed_f00d_dead_beef, flow: 3, isReply: false)
  private static let udp = Frames.udp(Frames.message())
  private static let udp4 = Frames.ipv4(Frames.udpProtocol, udp)

  // MARK: What is in a packet

  @Test func udpOverIPv4() throws {
    let packet = try decode(Frames.ethernet(0x0800, Self.udp4))
    #expect(
      packet
        == DecodedPacket(
          transport: .udp, source: Self.v4Source, destination: Self.v4Destination, sourcePort: 40_000,
          destinationPort: 7001, identification: 0x1234, payload: 42..<74, payloadLength: 32, message: Self.message))
  }

  @Test func tcpOverIPv4() throws {
    let segment = Frames.tcp(options: 3, flags: 0x11, Frames.message(isReply: true))
    let packet = try decode(Frames.ethernet(0x0800, Frames.ipv4(6, options: 2, segment)))
    var reply = Self.message
    reply.isReply = true
    #expect(
      packet
        == DecodedPacket(
          transport: .tcp, source: Self.v4Source, destination: Self.v4Destination, sourcePort: 40_000,
          destinationPort: 7001, identification: 0x1234, tcpSequence: 0x0102_0304, tcpAcknowledgement: 0x0506_0708,
          tcpFlags: 0x11, payload: 74..<106, payloadLength: 32, message: reply))
  }

  @Test func udpOverIPv6() throws {
    let packet = try decode(Frames.ethernet(0x86dd, Frames.ipv6(17, Self.udp)))
    #expect(packet.source == Self.v6Source && packet.destination == IPAddress(high: 0xfd00_0000_0000_0000, low: 2))
    #expect(packet.identification == nil)
    #expect(packet.payload == 62..<94 && packet.payloadLength == 32)
    #expect(packet.message == Self.message)
  }

  @Test func extensionHeadersArePassedOver() throws {
    let chain: [(type: UInt8, bytes: [UInt8])] = [
      (0, Frames.extensionHeader()), (60, Frames.extensionHeader(bytes: 16)), (43, Frames.extensionHeader(bytes: 24)),
      (51, Frames.authenticationHeader()), (44, Frames.fragmentHeader(offset: 0, more: true, identification: 99)),
    ]
    let packet = try decode(Frames.ethernet(0x86dd, Frames.ipv6(17, extensions: chain, Self.udp)))
    #expect(packet.identification == 99)
    #expect(packet.payload.lowerBound == 62 + 80)
    #expect(packet.message == Self.message)
  }

  @Test(arguments: [16, 17])
  func extensionHeadersAreCapped(count: Int) {
    let chain = [(type: UInt8, bytes: [UInt8])](repeating: (60, Frames.extensionHeader()), count: count)
    let result = decodeResult(Frames.ipv6(17, extensions: chain, Self.udp), .raw)
    #expect((try? result.get().message) == (count == 16 ? Self.message : nil))
    if count == 17 { #expect(result == .failure(.malformed)) }
  }

  @Test func messageIsShorterThanItsHeader() throws {
    let packet = try decode(Frames.ipv4(17, Frames.udp(Frames.message(count: 23))), .raw)
    #expect(packet.message == nil && packet.payloadLength == 23)
    let whole = try decode(Frames.ipv4(17, Frames.udp(Frames.message(count: 24))), .raw)
    #expect(whole.message == Self.message)
  }

  // MARK: Link layers

  @Test(arguments: 0...9)
  func vlanTags(count: Int) {
    let tags = (0..<count).map { ([0x88a8, 0x8100, 0x9100, 0x9200] as [UInt16])[$0 % 4] }
    let result = decodeResult(Frames.ethernet(0x0800, tags: tags, Self.udp4))
    if count <= PacketDecoder.maximumVLANTags {
      #expect((try? result.get().vlanTags) == count)
      #expect((try? result.get().payload.lowerBound) == 42 + 4 * count)
    } else {
      #expect(result == .failure(.malformed))
    }
  }

  @Test(arguments: [2, 10, 24, 28, 30] as [UInt32], [false, true])
  func loopbackFamilies(family: UInt32, isBigEndian: Bool) {
    let packet = family == 2 ? Self.udp4 : Frames.ipv6(17, Self.udp)
    let frame = Frames.loopback(family: family, isBigEndian: isBigEndian, packet)
    #expect((try? decode(frame, .null).message) == Self.message)
    // This one has the network's byte order whatever the host.
    #expect((try? decode(frame, .loop).message) == (isBigEndian ? Self.message : nil))
  }

  @Test func loopbackOfAnotherFamily() {
    #expect(decodeResult(Frames.loopback(family: 7, isBigEndian: true, Self.udp4), .loop) == .failure(.notIP))
  }

  @Test func cooked() throws {
    let plain = try decode(Frames.cooked(0x0800, Self.udp4), .linuxCooked)
    #expect(plain.message == Self.message && plain.payload.lowerBound == 16 + 28)
    let tagged = try decode(Frames.cooked(0x0800, tags: [0x8100], Self.udp4), .linuxCooked)
    #expect(tagged.message == Self.message && tagged.vlanTags == 1)
    #expect(decodeResult(Frames.cooked(0x0800, hardware: 824, Self.udp4), .linuxCooked) == .failure(.notIP))
  }

  @Test func cooked2() throws {
    let plain = try decode(Frames.cooked2(0x86dd, Frames.ipv6(17, Self.udp)), .linuxCooked2)
    #expect(plain.message == Self.message && plain.payload.lowerBound == 20 + 48)
    let tagged = try decode(Frames.cooked2(0x0800, tags: [0x88a8, 0x8100], Self.udp4), .linuxCooked2)
    #expect(tagged.message == Self.message && tagged.vlanTags == 2)
    #expect(decodeResult(Frames.cooked2(0x0800, hardware: 824, Self.udp4), .linuxCooked2) == .failure(.notIP))
  }

  @Test func rawOfBothVersions() throws {
    #expect(try decode(Self.udp4, .raw).message == Self.message)
    #expect(try decode(Frames.ipv6(17, Self.udp), .raw).message == Self.message)
    #expect(decodeResult([0x50] + Self.udp4.dropFirst(), .raw) == .failure(.malformed))
  }

  @Test func unknownLinkType() {
    #expect(decodeResult(Self.udp4, .unknown(147)) == .failure(.unknownLinkType))
  }

  // MARK: Lengths

  @Test func paddingIsNoPayload() throws {
    let packet = try decode(
      Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp([1, 2]))) + [UInt8](repeating: 0, count: 16))
    #expect(packet.payload == 42..<44 && packet.payloadLength == 2)
  }

  @Test func payloadThatWasNotCapturedCounts() throws {
    let frame = Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(Frames.message(count: 1000))))
    let packet = try decode(Array(frame.prefix(128)), originalLength: frame.count)
    #expect(packet.payload == 42..<128 && packet.payloadLength == 1000)
    #expect(packet.message == Self.message)
  }

  /// As a tap sees what the device will cut up: segmentation offload leaves the total length out.
  @Test func noTotalLength() throws {
    let segment = Frames.tcp([UInt8](repeating: 7, count: 50))
    let frame = Frames.ethernet(0x0800, Frames.ipv4(6, totalLength: 0, segment))
    #expect(try decode(frame).payloadLength == 50)
    #expect(try decode(frame, originalLength: 70_000).payloadLength == 70_000 - 54)
    let jumbogram = Frames.ethernet(0x86dd, Frames.ipv6(17, payloadLength: 0, Frames.udp(length: 0, Frames.message())))
    #expect(try decode(jumbogram, originalLength: 100_062).payloadLength == 100_000)
  }

  /// UDP may end before its packet does (options behind it, RFC 9868).
  @Test func udpShorterThanItsPacket() throws {
    let packet = try decode(Frames.ipv4(17, Frames.udp(length: 8 + 30, Frames.message())), .raw)
    #expect(packet.payload == 28..<58 && packet.payloadLength == 30)
  }

  @Test(arguments: [
    ("header of 16 bytes", [0x44] + udp4.dropFirst()),
    ("version 6 under IPv4's type", [0x65] + udp4.dropFirst()),
    ("total length below the header's", Frames.ipv4(17, totalLength: 19, udp)),
    ("no room for UDP", Frames.ipv4(17, totalLength: 27, udp)),
    ("no room for TCP", Frames.ipv4(6, totalLength: 39, Frames.tcp([1, 2, 3, 4]))),
    ("UDP length 7", Frames.ipv4(17, Frames.udp(length: 7, [1, 2]))),
    ("UDP length 0", Frames.ipv4(17, Frames.udp(length: 0, [1, 2]))),
    ("UDP longer than its packet", Frames.ipv4(17, Frames.udp(length: 41, Frames.message()))),
    ("TCP header of 16 bytes", Frames.ipv4(6, Frames.tcp(words: 4, [1, 2, 3, 4]))),
    ("TCP header longer than its packet", Frames.ipv4(6, totalLength: 40, Frames.tcp(options: 1, []))),
  ])
  func contradictions(name: String, packet: [UInt8]) {
    #expect(decodeResult(Frames.ethernet(0x0800, packet)) == .failure(.malformed), "\(name)")
  }

  @Test func extensionHeaderLongerThanItsPacket() {
    var header = Frames.extensionHeader()
    header[1] = 200
    let packet = Frames.ipv6(17, extensions: [(60, header)], Self.udp)
    #expect(decodeResult(packet, .raw) == .failure(.malformed))
  }

  // MARK: Fragments and what else is no packet to match

  @Test func firstFragment() throws {
    let fragment = Frames.udp(length: 3000, Frames.message())
    let packet = try decode(Frames.ipv4(17, identification: 77, fragment: 0x2000, fragment), .raw)
    #expect(packet.payload == 28..<60 && packet.payloadLength == 2992)
    #expect(packet.identification == 77 && packet.message == Self.message)
    let header = Frames.fragmentHeader(offset: 0, more: true, identification: 0xdead_beef)
    let packet6 = try decode(Frames.ipv6(17, extensions: [(44, header)], fragment), .raw)
    #expect(packet6.payloadLength == 2992 && packet6.identification == 0xdead_beef)
  }

  @Test func laterFragments() {
    #expect(decodeResult(Frames.ipv4(17, fragment: 0x2001, Self.udp), .raw) == .failure(.laterFragment))
    #expect(decodeResult(Frames.ipv4(17, fragment: 0x1fff, Self.udp), .raw) == .failure(.laterFragment))
    let header = Frames.fragmentHeader(offset: 1, more: false, identification: 1)
    #expect(decodeResult(Frames.ipv6(17, extensions: [(44, header)], Self.udp), .raw) == .failure(.laterFragment))
  }

  @Test func otherProtocols() {
    #expect(decodeResult(Frames.ipv4(1, [8, 0, 0, 0]), .raw) == .failure(.otherProtocol))
    #expect(decodeResult(Frames.ipv6(58, [128, 0, 0, 0]), .raw) == .failure(.otherProtocol))
    // Encapsulated security payload, and "no next header".
    #expect(decodeResult(Frames.ipv6(50, Self.udp), .raw) == .failure(.otherProtocol))
    #expect(decodeResult(Frames.ipv6(59, []), .raw) == .failure(.otherProtocol))
    #expect(decodeResult(Frames.ethernet(0x0806, [UInt8](repeating: 0, count: 28))) == .failure(.notIP))
    // IEEE 802.3: a length in the type's place.
    #expect(decodeResult(Frames.ethernet(60, Self.udp4)) == .failure(.notIP))
  }

  // MARK: VXLAN

  private static func tunnelled(
    _ inner: [UInt8], port: UInt16 = 4789, vni: UInt32 = 42, flags: UInt32 = 0x0800_0000
  ) -> [UInt8] {
    Frames.ethernet(
      0x0800, Frames.ipv4(17, identification: 1, Frames.udp(to: port, Frames.vxlan(vni: vni, flags: flags, inner))))
  }

  @Test(arguments: [4789, 8472] as [UInt16])
  func vxlan(port: UInt16) throws {
    let inner = Frames.ethernet(0x0800, tags: [0x8100], Self.udp4)
    let packet = try decode(Self.tunnelled(inner, port: port, vni: 0xabcdef))
    #expect(packet.vxlanLayers == 1 && packet.vni == 0xabcdef && packet.vlanTags == 1)
    #expect(packet.destinationPort == 7001 && packet.identification == 0x1234)
    #expect(packet.payload == 96..<128 && packet.payloadLength == 32 && packet.message == Self.message)
  }

  /// The policy's number stands in bytes that are reserved without it.
  @Test func vxlanWithGroupPolicy() throws {
    let packet = try decode(Self.tunnelled(Frames.ethernet(0x0800, Self.udp4), flags: 0x8800_1234))
    #expect(packet.vni == 42 && packet.message == Self.message)
  }

  @Test(arguments: 1...6)
  func vxlanInVXLAN(layers: Int) throws {
    var frame = Frames.ethernet(0x0800, Self.udp4)
    for layer in 0..<layers { frame = Self.tunnelled(frame, vni: UInt32(layer)) }
    let packet = try decode(frame)
    let opened = min(layers, PacketDecoder.maximumVXLANLayers)
    #expect(packet.vxlanLayers == opened && packet.vni == UInt32(layers - opened))
    #expect(packet.destinationPort == (layers == opened ? 7001 : 4789))
  }

  @Test func whatIsInVXLANDecides() {
    #expect(decodeResult(Self.tunnelled(Frames.ethernet(0x0806, [1]))) == .failure(.notIP))
    #expect(decodeResult(Self.tunnelled(Frames.ethernet(0x0800, Frames.ipv4(1, [8, 0])))) == .failure(.otherProtocol))
  }

  @Test(arguments: [
    ("flags", tunnelled(Frames.ethernet(0x0800, udp4), flags: 0x0000_0000)),
    ("reserved bits", tunnelled(Frames.ethernet(0x0800, udp4), flags: 0x0800_0001)),
    ("another port", tunnelled(Frames.ethernet(0x0800, udp4), port: 4790)),
    ("malformed inside", tunnelled(Frames.ethernet(0x0800, [0x44] + udp4.dropFirst()))),
    ("too short", tunnelled([1, 2, 3])),
  ])
  func noVXLAN(name: String, frame: [UInt8]) throws {
    let packet = try decode(frame)
    #expect(packet.vxlanLayers == 0 && packet.vni == nil && packet.identification == 1, "\(name)")
    #expect(packet.payload == 42..<frame.count && packet.sourcePort == 40_000, "\(name)")
  }

  /// The sequence number 8 reads like VXLAN's flags.
  @Test func messageToVXLANsPort() throws {
    let packet = try decode(Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(to: 4789, Frames.message(sequence: 8)))))
    #expect(packet.vxlanLayers == 0 && packet.message?.sequence == 8)
  }

  // MARK: Cut frames

  @Test(arguments: SampleFrame.all)
  func everyPrefix(of sample: SampleFrame) {
    let whole = decodeResult(sample.bytes, sample.linkType)
    var hasDecoded = false
    for count in 0...sample.bytes.count {
      let part = decodeResult(Array(sample.bytes.prefix(count)), sample.linkType, originalLength: sample.bytes.count)
      #expect(FuzzRun.isSame(part, asCut: whole, to: count), "cut to \(count) bytes")
      if case .success = part {
        hasDecoded = true
      } else {
        #expect(!hasDecoded, "more bytes are less at \(count)")
      }
    }
  }

  @Test(arguments: SampleFrame.all)
  func samples(sample: SampleFrame) {
    let result = decodeResult(sample.bytes, sample.linkType)
    let expected: UndecodableReason? =
      switch sample.name {
      case "later fragment": .laterFragment
      case "ARP": .notIP
      case "ICMP": .otherProtocol
      default: nil
      }
    switch result {
    case .success: #expect(expected == nil)
    case .failure(let reason): #expect(reason == expected)
    }
  }
}
