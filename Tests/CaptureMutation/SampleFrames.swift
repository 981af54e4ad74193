public import Capture

/// A valid frame, of a kind that the decoder knows, and what it is called.
public struct SampleFrame: Sendable, CustomStringConvertible {
  public var name: String
  public var linkType: LinkType
  public var bytes: [UInt8]

  public var description: String { name }

  private init(_ name: String, _ linkType: LinkType, _ bytes: [UInt8]) {
    self.name = name
    self.linkType = linkType
    self.bytes = bytes
  }

  private init(_ name: String, _ bytes: [UInt8]) { self.init(name, .ethernet, bytes) }

  /// One of each kind.
  public static let all: [SampleFrame] = {
    let udp4 = Frames.ipv4(Frames.udpProtocol, Frames.udp(Frames.message()))
    let tcp4 = Frames.ipv4(Frames.tcpProtocol, Frames.tcp(options: 3, Frames.message(isReply: true)))
    let udp6 = Frames.ipv6(Frames.udpProtocol, Frames.udp(Frames.message(count: 64)))
    let chain: [(type: UInt8, bytes: [UInt8])] = [
      (0, Frames.extensionHeader()), (60, Frames.extensionHeader(bytes: 16)), (43, Frames.extensionHeader(bytes: 24)),
      (51, Frames.authenticationHeader()), (44, Frames.fragmentHeader(offset: 0, more: true, identification: 99)),
    ]
    let tunnelled = Frames.ethernet(
      0x0800,
      Frames.ipv4(Frames.udpProtocol, Frames.udp(to: 4789, Frames.vxlan(vni: 42, Frames.ethernet(0x0800, udp4)))))
    return [
      SampleFrame("IPv4 UDP", Frames.ethernet(0x0800, udp4)),
      SampleFrame("IPv4 UDP, padded", Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp([1, 2]))) + [0, 0, 0, 0]),
      SampleFrame(
        "IPv4 TCP with options", Frames.ethernet(0x0800, Frames.ipv4(6, options: 4, Frames.tcp(options: 3, [])))),
      SampleFrame("IPv4 TCP", Frames.ethernet(0x0800, tcp4)),
      SampleFrame(
        "IPv4 without a length", Frames.ethernet(0x0800, Frames.ipv4(6, totalLength: 0, Frames.tcp([7, 8])))),
      SampleFrame(
        "first fragment",
        Frames.ethernet(0x0800, Frames.ipv4(17, fragment: 0x2000, Frames.udp(length: 3000, Frames.message())))),
      SampleFrame("later fragment", Frames.ethernet(0x0800, Frames.ipv4(17, fragment: 0x0010, Frames.message()))),
      SampleFrame("802.1Q", Frames.ethernet(0x0800, tags: [0x8100], udp4)),
      SampleFrame("802.1ad", Frames.ethernet(0x86dd, tags: [0x88a8, 0x8100], udp6)),
      SampleFrame("IPv6 UDP", Frames.ethernet(0x86dd, udp6)),
      SampleFrame("IPv6 TCP", Frames.ethernet(0x86dd, Frames.ipv6(6, Frames.tcp(options: 3, Frames.message())))),
      SampleFrame(
        "IPv6 chain", Frames.ethernet(0x86dd, Frames.ipv6(17, extensions: chain, Frames.udp(Frames.message())))),
      SampleFrame(
        "IPv6 jumbogram",
        Frames.ethernet(
          0x86dd,
          Frames.ipv6(
            17, extensions: [(0, Frames.jumboHeader(length: 17))], payloadLength: 0, Frames.udp(length: 0, [1])))),
      SampleFrame("ARP", Frames.ethernet(0x0806, [UInt8](repeating: 1, count: 28))),
      SampleFrame("ICMP", Frames.ethernet(0x0800, Frames.ipv4(1, [8, 0, 0, 0, 0, 0, 0, 0]))),
      SampleFrame("null", .null, Frames.loopback(family: 2, isBigEndian: false, udp4)),
      SampleFrame("null, swapped", .null, Frames.loopback(family: 30, isBigEndian: true, udp6)),
      SampleFrame("loop", .loop, Frames.loopback(family: 24, isBigEndian: true, udp6)),
      SampleFrame("raw", .raw, tcp4),
      SampleFrame("raw IPv6", .raw, udp6),
      SampleFrame("cooked", .linuxCooked, Frames.cooked(0x0800, packetType: 4, udp4)),
      SampleFrame("cooked, 802.1Q", .linuxCooked, Frames.cooked(0x86dd, tags: [0x8100], udp6)),
      SampleFrame("cooked 2", .linuxCooked2, Frames.cooked2(0x86dd, udp6)),
      SampleFrame("cooked 2, 802.1Q", .linuxCooked2, Frames.cooked2(0x0800, tags: [0x8100], packetType: 4, tcp4)),
      SampleFrame("VXLAN", tunnelled),
      SampleFrame(
        "VXLAN in VXLAN",
        Frames.ethernet(
          0x86dd, tags: [0x8100], Frames.ipv6(17, Frames.udp(to: 8472, Frames.vxlan(vni: 7, tunnelled))))),
      SampleFrame(
        "plain UDP to 4789", Frames.ethernet(0x0800, Frames.ipv4(17, Frames.udp(to: 4789, Frames.message(sequence: 8))))
      ),
    ]
  }()
}
