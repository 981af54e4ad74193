/// Frames put together by hand, each layer around the bytes of the next: valid, unless a parameter says otherwise.
public enum Frames {
  public static let udpProtocol: UInt8 = 17
  public static let tcpProtocol: UInt8 = 6

  // MARK: Link layers

  /// Ethernet II; `tags` are the EtherTypes of VLAN tags, outermost first.
  public static func ethernet(_ type: UInt16, tags: [UInt16] = [], _ payload: [UInt8]) -> [UInt8] {
    var frame = ByteBuilder()
    frame.append(bytes: [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2])
    frame.append(bytes: tagged(type, tags: tags, payload))
    return frame.bytes
  }

  /// An EtherType, with VLAN tags before it, and what follows.
  private static func tagged(_ type: UInt16, tags: [UInt16], _ payload: [UInt8]) -> [UInt8] {
    var frame = ByteBuilder()
    for (index, tag) in tags.enumerated() { frame.append(tag, UInt16(100 + index)) }
    frame.append(type)
    frame.append(bytes: payload)
    return frame.bytes
  }

  /// LINKTYPE_NULL or LINKTYPE_LOOP.
  public static func loopback(family: UInt32, isBigEndian: Bool, _ payload: [UInt8]) -> [UInt8] {
    var frame = ByteBuilder(isBigEndian: isBigEndian)
    frame.append(family)
    frame.append(bytes: payload)
    return frame.bytes
  }

  /// LINKTYPE_LINUX_SLL, of an Ethernet device unless told otherwise; `packetType` 4 is outgoing.
  public static func cooked(
    _ type: UInt16, tags: [UInt16] = [], hardware: UInt16 = 1, packetType: UInt16 = 0, _ payload: [UInt8]
  ) -> [UInt8] {
    var frame = ByteBuilder()
    frame.append(packetType, hardware, 6)
    frame.append(bytes: [2, 0, 0, 0, 0, 1, 0, 0])
    frame.append(bytes: tagged(type, tags: tags, payload))
    return frame.bytes
  }

  /// LINKTYPE_LINUX_SLL2.
  public static func cooked2(
    _ type: UInt16, tags: [UInt16] = [], hardware: UInt16 = 1, packetType: UInt8 = 0, device: UInt32 = 7,
    _ payload: [UInt8]
  ) -> [UInt8] {
    var frame = ByteBuilder()
    let all = tags + [type]
    frame.append(all[0], 0)
    frame.append(device)
    frame.append(hardware)
    frame.append(packetType, 6)
    frame.append(bytes: [2, 0, 0, 0, 0, 1, 0, 0])
    for (index, next) in all.dropFirst().enumerated() { frame.append(UInt16(100 + index), next) }
    frame.append(bytes: payload)
    return frame.bytes
  }

  // MARK: IP

  /// IPv4 from 10.0.0.1 to 10.0.0.2.
  ///
  /// - Parameters:
  ///   - options: words of four bytes, at most 10.
  ///   - fragment: flags and offset as they stand in the header.
  ///   - totalLength: what the header says; nil is the truth.
  public static func ipv4(
    _ transport: UInt8, options: Int = 0, identification: UInt16 = 0x1234, fragment: UInt16 = 0x4000,
    totalLength: UInt16? = nil, _ payload: [UInt8]
  ) -> [UInt8] {
    var packet = ByteBuilder()
    packet.append(UInt8(0x45 + options), 0)
    packet.append(totalLength ?? UInt16(20 + 4 * options + payload.count), identification, fragment)
    packet.append(64, transport)
    packet.append(0 as UInt16)
    packet.append(0x0a00_0001 as UInt32, 0x0a00_0002)
    // No-operation.
    packet.append(bytes: [UInt8](repeating: 1, count: 4 * options))
    packet.append(bytes: payload)
    return packet.bytes
  }

  /// IPv6 from fd00::1 to fd00::2.
  ///
  /// - Parameters:
  ///   - extensions: types and bytes of headers before the transport's; the first byte of each is set here.
  ///   - payloadLength: what the header says; nil is the truth.
  public static func ipv6(
    _ transport: UInt8, extensions: [(type: UInt8, bytes: [UInt8])] = [], payloadLength: UInt16? = nil,
    _ payload: [UInt8]
  ) -> [UInt8] {
    var inside: [UInt8] = []
    for (index, header) in extensions.enumerated() {
      let next = index + 1 < extensions.count ? extensions[index + 1].type : transport
      inside += [next] + header.bytes.dropFirst()
    }
    inside += payload
    var packet = ByteBuilder()
    packet.append(0x6000_0000 as UInt32)
    packet.append(payloadLength ?? UInt16(inside.count))
    packet.append(extensions.first?.type ?? transport, 64)
    packet.append(0xfd00_0000_0000_0000 as UInt64, 1, 0xfd00_0000_0000_0000, 2)
    packet.append(bytes: inside)
    return packet.bytes
  }

  /// An extension header of options, routing or the like, of a multiple of eight bytes.
  public static func extensionHeader(bytes: Int = 8) -> [UInt8] {
    [0, UInt8(bytes / 8 - 1), 1, UInt8(bytes - 4)] + [UInt8](repeating: 0, count: bytes - 4)
  }

  /// A hop-by-hop header with the jumbo payload option (RFC 2675), of eight bytes.
  public static func jumboHeader(length: UInt32) -> [UInt8] {
    var header = ByteBuilder()
    header.append(0 as UInt8, 0, 0xc2, 4)
    header.append(length)
    return header.bytes
  }

  /// IPv6's fragment header; `offset` counts units of eight bytes.
  public static func fragmentHeader(offset: UInt16, more: Bool, identification: UInt32) -> [UInt8] {
    var header = ByteBuilder()
    header.append(0 as UInt8, 0)
    header.append(offset << 3 | (more ? 1 : 0))
    header.append(identification)
    return header.bytes
  }

  /// IPv6's authentication header, of a multiple of eight bytes.
  public static func authenticationHeader(bytes: Int = 24) -> [UInt8] {
    [0, UInt8(bytes / 4 - 2)] + [UInt8](repeating: 9, count: bytes - 2)
  }

  // MARK: Transports

  public static func udp(
    from source: UInt16 = 40_000, to destination: UInt16 = 7001, length: UInt16? = nil, _ payload: [UInt8]
  ) -> [UInt8] {
    var packet = ByteBuilder()
    packet.append(source, destination, length ?? UInt16(8 + payload.count), 0)
    packet.append(bytes: payload)
    return packet.bytes
  }

  /// - Parameters:
  ///   - options: words of four bytes, at most 10.
  ///   - words: what the header says of its length in words of four bytes; nil is the truth.
  public static func tcp(
    from source: UInt16 = 40_000, to destination: UInt16 = 7001, options: Int = 0, words: UInt8? = nil,
    flags: UInt8 = 0x18,
    _ payload: [UInt8]
  ) -> [UInt8] {
    var packet = ByteBuilder()
    packet.append(source, destination)
    packet.append(0x0102_0304 as UInt32, 0x0506_0708)
    packet.append((words ?? UInt8(5 + options)) << 4, flags)
    packet.append(0xffff as UInt16, 0, 0)
    packet.append(bytes: [UInt8](repeating: 1, count: 4 * options))
    packet.append(bytes: payload)
    return packet.bytes
  }

  /// VXLAN's header around a frame, without the UDP packet.
  public static func vxlan(vni: UInt32, flags: UInt32 = 0x0800_0000, _ frame: [UInt8]) -> [UInt8] {
    var packet = ByteBuilder()
    packet.append(flags, vni << 8)
    packet.append(bytes: frame)
    return packet.bytes
  }

  /// A message of the network workloads of 32 bytes, or of another number of bytes.
  public static func message(
    sequence: UInt64 = 5, nonce: UInt64 = 0xfeed_f00d_dead_beef, flow: UInt32 = 3, isReply: Bool = false,
    count: Int = 32
  ) -> [UInt8] {
    var header = ByteBuilder(isBigEndian: false)
    header.append(sequence)
    header.append(bytes: Array((isReply ? "BNCh" : "BNCH").utf8))
    header.append(nonce)
    header.append(flow)
    return Array((header.bytes + [UInt8](repeating: 0xab, count: max(0, count - 24))).prefix(count))
  }
}
