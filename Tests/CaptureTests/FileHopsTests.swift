internal import CaptureMutation
internal import Foundation
internal import LinuxKit
internal import Model
internal import TestSupport
internal import Testing

@testable internal import Capture

/// Captures that are made packet by packet, each tap in a file of its own.
struct CaptureScene {
  static let start: Int64 = 1_700_000_000_000_000_000

  var taps: [[(time: Int64, frame: [UInt8])]]
  var names: [String]

  init(_ names: String...) {
    self.names = names
    taps = Array(repeating: [], count: names.count)
  }

  /// - Parameter time: in ns after ``start``.
  mutating func see(_ tap: Int, _ time: Int64, _ frame: [UInt8]) { taps[tap].append((Self.start + time, frame)) }

  /// The bytes of a tap's pcap file, with nanoseconds unless told otherwise.
  func file(_ tap: Int, isSorted: Bool = true, magic: UInt32 = 0xa1b2_3c4d, snapLength: Int = 65_535) -> [UInt8] {
    var file = PcapFile(magic: magic)
    let unit: Int64 = magic == 0xa1b2_3c4d ? 1 : 1000
    for (time, frame) in isSorted ? taps[tap].sorted(by: { $0.time < $1.time }) : taps[tap] {
      file.append(
        seconds: UInt32(time / 1_000_000_000), fraction: UInt32(time % 1_000_000_000 / unit),
        original: UInt32(frame.count), Array(frame.prefix(snapLength)))
    }
    return file.bytes
  }

  /// Writes all taps' files and analyses them.
  func analyze(
    _ options: FileHops.Options = FileHops.Options()
  ) throws -> (result: FileHopsResult, errors: [CaptureFileError]) {
    try Self.analyze(Array(zip(names, taps.indices.map { file($0) })), options)
  }

  static func analyze(
    _ files: [(name: String, bytes: [UInt8])], _ options: FileHops.Options = FileHops.Options()
  ) throws -> (result: FileHopsResult, errors: [CaptureFileError]) {
    try withFiles(files) { FileHops.analyze($0, options) }
  }

  static func withFiles<Value>(_ files: [(name: String, bytes: [UInt8])], _ body: ([String]) throws -> Value) throws
    -> Value
  {
    let directory = NSTemporaryDirectory() + "/bench-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for file in files { try Data(file.bytes).write(to: URL(filePath: "\(directory)/\(file.name)")) }
    return try body(files.map { "\(directory)/\($0.name)" })
  }
}

/// A packet of IPv4 with everything that tells it apart.
struct Packet {
  var transport = Frames.udpProtocol
  var source: UInt32 = 0x0a00_0001
  var destination: UInt32 = 0x0a00_0002
  var sourcePort: UInt16 = 40_000
  var destinationPort: UInt16 = 53
  var identification: UInt16 = 1
  var sequence: UInt32 = 0
  var acknowledgement: UInt32 = 0
  var flags: UInt8 = 0x18
  var payload: [UInt8] = []

  var frame: [UInt8] {
    var inner: [UInt8]
    if transport == Frames.udpProtocol {
      inner = Frames.udp(from: sourcePort, to: destinationPort, payload)
    } else {
      inner = Frames.tcp(from: sourcePort, to: destinationPort, flags: flags, payload)
      inner.replaceSubrange(4..<12, with: Self.bytes(sequence) + Self.bytes(acknowledgement))
    }
    var packet = Frames.ipv4(transport, identification: identification, inner)
    packet.replaceSubrange(12..<20, with: Self.bytes(source) + Self.bytes(destination))
    return Frames.ethernet(0x0800, packet)
  }

  private static func bytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }

  /// What a VXLAN device makes of a frame.
  static func tunnelled(_ frame: [UInt8], identification: UInt16) -> [UInt8] {
    Packet(
      source: 0xc0a8_0001, destination: 0xc0a8_0002, sourcePort: 50_000, destinationPort: 4789,
      identification: identification, payload: Frames.vxlan(vni: 42, frame)
    ).frame
  }

  static func message(_ sequence: UInt64, isReply: Bool) -> [UInt8] {
    var packet = Packet(
      destinationPort: 7001, payload: Frames.message(sequence: sequence, isReply: isReply))
    if isReply {
      swap(&packet.source, &packet.destination)
      swap(&packet.sourcePort, &packet.destinationPort)
    }
    return packet.frame
  }
}

@Suite("Hops of capture files")
struct FileHopsTests {
  /// Round trips of bench's messages at two taps, each with hops that are known.
  private static func messages(
    _ count: Int = 300, skew: Int64 = 0
  ) -> (scene: CaptureScene, there: [Int64], beyond: [Int64], back: [Int64]) {
    var scene = CaptureScene("client.pcap", "server.pcap")
    var random = Xorshift(seed: 7)
    var hops: ([Int64], [Int64], [Int64]) = ([], [], [])
    for number in 0..<count {
      let start = Int64(number) * 100_000
      let there = 1000 + Int64(random.below(3000))
      let beyond = 5000 + Int64(random.below(20_000))
      let back = 800 + Int64(random.below(2000))
      scene.see(0, start, Packet.message(UInt64(number), isReply: false))
      scene.see(1, start + there + skew, Packet.message(UInt64(number), isReply: false))
      scene.see(1, start + there + beyond + skew, Packet.message(UInt64(number), isReply: true))
      scene.see(0, start + there + beyond + back, Packet.message(UInt64(number), isReply: true))
      hops.0.append(there)
      hops.1.append(beyond)
      hops.2.append(back)
    }
    return (scene, hops.0, hops.1, hops.2)
  }

  private static func durations(_ values: [Int64]) -> FileHopsResult.Durations {
    let ordered = values.sorted()
    func quantile(_ percent: Int) -> Int64 { ordered[(ordered.count * percent + 99) / 100 - 1] }
    return FileHopsResult.Durations(
      count: ordered.count, min: ordered[0], p50: quantile(50), p90: ordered.count < 10 ? nil : quantile(90),
      p99: ordered.count < 100 ? nil : quantile(99), max: ordered[ordered.count - 1])
  }

  @Test("of messages: request, beyond, reply, and the round trip")
  func messages() throws {
    let (scene, there, beyond, back) = Self.messages()
    let (result, errors) = try scene.analyze()
    #expect(errors.isEmpty && result.notices.isEmpty)
    let traffic = try #require(result.traffic.first)
    #expect(result.traffic.count == 1 && traffic.kind == .messages)
    #expect(traffic.forward.hops == [.init(from: 0, to: 1, durations: Self.durations(there))])
    #expect(traffic.backward.hops == [.init(from: 1, to: 0, durations: Self.durations(back))])
    #expect(
      traffic.roundTrips == [
        .init(tap: 0, durations: Self.durations(zip(zip(there, beyond), back).map { $0.0 + $0.1 + $1 })),
        .init(tap: 1, durations: Self.durations(beyond)),
      ])
    #expect(traffic.forward.packets == 300 && traffic.forward.paired == 300 && traffic.forward.unpaired.isEmpty)
    #expect(result.taps.map(\.packets) == [600, 600] && result.taps.map(\.used) == [600, 600])
    #expect(result.taps.map(\.earliest) == [CaptureScene.start, CaptureScene.start + there[0]])
  }

  @Test("of which some are lost, some are seen twice, and some are no packets")
  func books() throws {
    var (scene, there, _, _) = Self.messages()
    // Lost after the first tap; seen twice at it; a reply that the client never saw.
    scene.taps[1].removeAll { $0.frame == Packet.message(5, isReply: false) }
    scene.see(0, 600_001, Packet.message(6, isReply: false))
    scene.taps[0].removeAll { $0.frame == Packet.message(9, isReply: true) }
    let arp = Frames.ethernet(0x0806, [UInt8](repeating: 0, count: 46))
    scene.see(0, 10, arp)
    scene.see(0, 11, arp)
    scene.see(1, 12, Frames.ethernet(0x0800, Frames.ipv4(1, [8, 0, 0, 0, 0, 0, 0, 0])))
    scene.see(1, 13, Frames.ethernet(0x0800, Frames.ipv4(17, fragment: 0x0040, Frames.udp([1]))))
    let (result, errors) = try scene.analyze()
    #expect(errors.isEmpty)
    there.remove(at: 5)
    let traffic = try #require(result.traffic.first)
    #expect(traffic.forward.hops.map(\.durations) == [Self.durations(there)])
    #expect(traffic.forward.paired == 299)
    #expect(traffic.forward.unpaired == ["seen at one tap only (client.pcap)": 1])
    #expect(traffic.backward.unpaired == ["seen at one tap only (server.pcap)": 1])
    #expect(traffic.roundTrips.map(\.durations.count) == [299, 299])
    #expect(result.taps.map(\.duplicates) == [1, 0])
    #expect(result.taps[0].undecodable == ["not IP": 2])
    #expect(result.taps[1].undecodable == ["neither UDP nor TCP": 1, "a later fragment": 1])
    for tap in result.taps { #expect(tap.packets == tap.used + tap.duplicates + tap.undecodable.values.reduce(0, +)) }
  }

  @Test(
    "are the same through tshark and a script that joins its fields", .requiresProgram("tshark"),
    .requiresProgram("python3"))
  func witness() throws {
    let scene = Self.traffic()
    try CaptureScene.withFiles(Array(zip(scene.names, scene.taps.indices.map { scene.file($0) }))) { paths in
      let (result, errors) = FileHops.analyze(paths)
      #expect(errors.isEmpty)
      let traffic = try #require(result.traffic.first)
      #expect(result.traffic.count == 1 && traffic.kind == .packets)
      #expect(result.taps.map(\.name) == ["outer.pcap", "server.pcap", "client.pcap"])
      #expect(traffic.forward.order == [2, 0, 1] && traffic.backward.order == [1, 0, 2])
      let ours = [traffic.forward, traffic.backward].flatMap { direction in
        direction.hops.map { hop in
          let d = hop.durations
          return "\(hop.from) \(hop.to) \(d.count) \(d.min) \(d.p50) \(d.p90 ?? 0) \(d.p99 ?? 0) \(d.max)"
        }
      }
      let script = paths[0] + ".py"
      try Data(Self.joiner.utf8).write(to: URL(filePath: script))
      let answer = try ProgramAnswer("python3", [script] + paths)
      #expect(answer.status == .exited(0) && answer.warnings == [])
      #expect(answer.lines == ours)
      let counts = [traffic.forward, traffic.backward].flatMap { $0.hops.map(\.durations.count) }
      #expect(counts.allSatisfy { $0 > 500 }, "\(counts)")
    }
  }

  /// What tshark sees, joined by dictionaries: the pairs of neighbouring taps for both directions, in one line each.
  private static let joiner = """
    import subprocess, sys
    fields = "frame.time_epoch ip.proto ip.id udp.payload udp.srcport tcp.payload tcp.seq_raw tcp.ack_raw tcp.srcport"
    taps = []
    for path in sys.argv[1:]:
        command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=l"]
        for field in fields.split():
            command += ["-e", field]
        seen = {}
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            time, *rest = line.split("\\t")
            second, fraction = time.split(".")
            # The tunnel's own UDP header is there, too, where a segment of TCP is within.
            is_udp = rest[0] == "17"
            key = (rest[1], rest[2]) if is_udp else (rest[1], *rest[4:7])
            source = rest[3] if is_udp else rest[7]
            # The server's ports, whatever NAT makes of the client's.
            from_server = source in ("53", "80")
            if key not in seen:
                seen[key] = (int(second) * 10**9 + int(fraction.ljust(9, "0")[:9]), from_server)
        taps.append(seen)
    for from_server, order in ((False, (2, 0, 1)), (True, (1, 0, 2))):
        for a, b in zip(order, order[1:]):
            values = sorted(taps[b][key][0] - time for key, (time, side) in taps[a].items()
                            if side == from_server and key in taps[b])
            rank = lambda percent: values[(len(values) * percent + 99) // 100 - 1]
            print(a, b, len(values), values[0], rank(50), rank(90), rank(99), values[-1])

    """

  /// A client behind NAT, seen before it, then within a VXLAN tunnel, then at the server: DNS-like datagrams, and
  /// segments of TCP with and without payload. Packets are lost, repeated and overtaken.
  private static func traffic() -> CaptureScene {
    var scene = CaptureScene("outer.pcap", "server.pcap", "client.pcap")
    var random = Xorshift(seed: 42)
    var now: Int64 = 0
    for number in 0..<1500 {
      now += Int64(random.below(20_000))
      let isReply = number % 2 == 1
      var packet = Packet()
      packet.identification = UInt16(1 + number)
      packet.payload = (0..<Int(random.below(90))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      if number / 2 % 2 == 1 {
        packet.transport = Frames.tcpProtocol
        packet.destinationPort = 80
        packet.sequence = UInt32(truncatingIfNeeded: random.next())
        packet.acknowledgement = UInt32(truncatingIfNeeded: random.next())
        packet.flags = 0x10
      } else {
        packet.payload.append(1)
      }
      var inside = packet
      inside.source = 0xac11_0002
      inside.sourcePort = 33_333
      if isReply {
        swap(&packet.source, &packet.destination)
        swap(&inside.source, &inside.destination)
        swap(&packet.sourcePort, &packet.destinationPort)
        swap(&inside.sourcePort, &inside.destinationPort)
      }
      var time = now
      for tap in isReply ? [1, 0, 2] : [2, 0, 1] {
        // The first tap sees all, so that the client's first packet is there.
        if time > now && random.below(30) == 0 { break }
        let frame =
          tap == 2 ? inside.frame : tap == 1 ? packet.frame : Packet.tunnelled(packet.frame, identification: 9)
        scene.see(tap, time, frame)
        if random.below(30) == 0 { scene.see(tap, time + Int64(random.below(9000)), frame) }
        time += 300 + Int64(random.below(random.below(20) == 0 ? 9_000_000 : 5000))
      }
    }
    return scene
  }

  @Test("are between neighbours on the way, in whatever order the files are given")
  func order() throws {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
      var scene = CaptureScene("0.pcap", "1.pcap", "2.pcap")
      for number in 0..<20 {
        for place in 0..<3 {
          let way = Int64(number * 50_000 + place * 700)
          scene.see(order[place], way, Packet.message(UInt64(number), isReply: false))
          scene.see(
            order[place], Int64(number * 50_000) + 9000 - Int64(place * 600),
            Packet.message(UInt64(number), isReply: true))
        }
      }
      let traffic = try #require(try scene.analyze().result.traffic.first)
      #expect(traffic.forward.order == order)
      #expect(traffic.backward.order == order.reversed())
      #expect(traffic.forward.hops.map(\.durations.p50) == [700, 700])
      #expect(traffic.backward.hops.map(\.durations.p50) == [600, 600])
      #expect(traffic.roundTrips.map(\.tap) == order)
    }
  }

  @Test("in the order given, if so asked; what contradicts it is said")
  func givenOrder() throws {
    var (scene, there, _, _) = Self.messages()
    scene.taps.swapAt(0, 1)
    scene.names.swapAt(0, 1)
    var options = FileHops.Options()
    options.isOrderGiven = true
    let result = try scene.analyze(options).result
    let traffic = try #require(result.traffic.first)
    #expect(traffic.forward.order == [0, 1] && traffic.backward.order == [1, 0])
    #expect(traffic.forward.hops.map(\.durations) == [Self.durations(there.map { -$0 })])
    #expect(
      result.notices.contains {
        $0.hasPrefix("from server.pcap to client.pcap the median is negative: the clocks")
      }, "\(result.notices)")
  }

  @Test("of captures whose clocks differ say so, and by how much", arguments: [3_000_000, -40_000, 5_000_000_000])
  func clocks(skew: Int64) throws {
    let (scene, there, beyond, _) = Self.messages(skew: skew)
    let result = try scene.analyze().result
    let traffic = try #require(result.traffic.first)
    #expect(traffic.forward.order == [0, 1] && traffic.backward.order == [1, 0])
    #expect(traffic.forward.hops.map(\.durations) == [Self.durations(there.map { $0 + skew })])
    #expect(traffic.roundTrips.last?.durations == Self.durations(beyond))
    let text = [3_000_000: "3.0 ms", -40_000: "39.", 5_000_000_000: "5.0 s"][skew] ?? ""
    #expect(result.notices.count == 1)
    #expect(
      result.notices.contains { $0.hasPrefix("the clocks of client.pcap and server.pcap differ by about \(text)") },
      "\(result.notices)")
  }

  @Test("need packets to be told apart: equal ones are left out")
  func ambiguous() throws {
    var scene = CaptureScene("a.pcap", "b.pcap")
    let equal = Frames.ethernet(0x86dd, Frames.ipv6(17, Frames.udp([1, 2, 3])))
    for number in 0..<4 {
      scene.see(0, Int64(number) * 10_000, equal)
      scene.see(1, Int64(number) * 10_000 + 500, equal)
      let own = Frames.ethernet(0x86dd, Frames.ipv6(17, Frames.udp([9, UInt8(number)])))
      scene.see(0, Int64(number) * 10_000 + 100, own)
      scene.see(1, Int64(number) * 10_000 + 900, own)
    }
    let direction = try #require(try scene.analyze().result.traffic.first).forward
    #expect(direction.packets == 5 && direction.paired == 4)
    #expect(direction.unpaired == ["repeated, and nothing tells the copies apart": 1])
    #expect(direction.hops.map(\.durations.max) == [800] && direction.hops.map(\.durations.count) == [4])
  }

  @Test("go from the client, which is who sent first, also where NAT has changed who that is")
  func direction() throws {
    var scene = CaptureScene("a.pcap", "b.pcap")
    func tcp(_ flags: UInt8, _ sequence: UInt32, isBack: Bool = false, isInside: Bool) -> [UInt8] {
      var packet = Packet(transport: Frames.tcpProtocol, destinationPort: 80, sequence: sequence, flags: flags)
      // The lesser endpoint is the server before NAT and the client behind it.
      packet.source = isInside ? 0x0a00_0001 : 0xc0a8_0001
      if isBack {
        swap(&packet.source, &packet.destination)
        swap(&packet.sourcePort, &packet.destinationPort)
      }
      return packet.frame
    }
    for (index, isBack) in [false, true, false, true, true].enumerated() {
      let flags: UInt8 = index == 0 ? 0x02 : index == 1 ? 0x12 : 0x10
      let time = Int64(index) * 100_000
      scene.see(isBack ? 1 : 0, time, tcp(flags, UInt32(index), isBack: isBack, isInside: !isBack))
      scene.see(isBack ? 0 : 1, time + 400, tcp(flags, UInt32(index), isBack: isBack, isInside: isBack))
    }
    let traffic = try #require(try scene.analyze().result.traffic.first)
    #expect(traffic.forward.packets == 2 && traffic.forward.order == [0, 1])
    #expect(traffic.backward.packets == 3 && traffic.backward.order == [1, 0])

    // A capture that begins with the answer to the first packet.
    var late = CaptureScene("a.pcap", "b.pcap")
    late.see(1, 0, tcp(0x12, 1, isBack: true, isInside: false))
    late.see(0, 300, tcp(0x12, 1, isBack: true, isInside: true))
    let other = try #require(try late.analyze().result.traffic.first)
    #expect(other.forward.packets == 0 && other.backward.paired == 1)
  }

  @Test("join what is no further apart than the horizon, and any number of packets in bounded memory")
  func horizon() throws {
    var scene = CaptureScene("a.pcap", "b.pcap")
    for number in 0..<50 {
      scene.see(0, Int64(number) * 1_000_000_000, Packet.message(UInt64(number), isReply: false))
      scene.see(1, Int64(number) * 1_000_000_000 + 4_500_000_000, Packet.message(UInt64(number), isReply: false))
    }
    var options = FileHops.Options()
    options.horizon = 5_000_000_000
    #expect(try scene.analyze(options).result.traffic.first?.forward.paired == 50)
    options.horizon = 2_000_000_000
    let direction = try #require(try scene.analyze(options).result.traffic.first).forward
    #expect(direction.paired == 0 && direction.packets == 100)
    #expect(
      direction.unpaired == ["seen at one tap only (a.pcap)": 50, "seen at one tap only (b.pcap)": 50])

    var (many, there, _, _) = Self.messages(20_000)
    many.see(0, 3_000_000_000, Packet.message(1 << 40, isReply: false))
    many.see(1, 3_000_000_001, Packet.message(1 << 40, isReply: false))
    there.append(1)
    options = FileHops.Options()
    options.memory = 1
    let result = try many.analyze(options).result
    #expect(result.traffic.first?.forward.hops.map(\.durations) == [Self.durations(there)])
    #expect(
      result.notices.count == 1 && result.notices[0].hasPrefix("at this rate packets could be remembered for 51."))
  }

  @Test("of a file that is cut are those of what came before")
  func truncated() throws {
    let (scene, there, _, _) = Self.messages()
    let whole = scene.file(1)
    let (result, errors) = try CaptureScene.analyze([
      ("client.pcap", scene.file(0)), ("server.pcap", Array(whole.prefix(24 + (whole.count - 24) / 2 + 11))),
    ])
    let error = try #require(errors.first)
    #expect(errors.count == 1 && error.kind == .truncated && error.packet == 301)
    #expect(result.files.map(\.packets) == [600, 300])
    #expect(result.files.map { $0.problem == nil } == [true, false])
    #expect(result.traffic.first?.forward.hops.map(\.durations) == [Self.durations(Array(there.prefix(150)))])
  }

  @Test("of one tap are none: what lies beyond it is told")
  func singleTap() throws {
    let (scene, _, beyond, _) = Self.messages()
    let result = try CaptureScene.analyze([("server.pcap", scene.file(1))]).result
    #expect(result.traffic.first?.forward.hops == [])
    #expect(result.traffic.first?.roundTrips == [.init(tap: 0, durations: Self.durations(beyond))])
    #expect(result.notices.map { $0.hasPrefix("hops need at least two taps") } == [true])
  }

  @Test("of different times or different traffic are none, and the reason is told")
  func nothingInCommon() throws {
    let (scene, _, _, _) = Self.messages(10, skew: 3_600_000_000_000)
    let apart = try scene.analyze().result.notices
    #expect(apart.count == 1)
    #expect(
      apart[0].hasPrefix("no packet was seen at two taps: client.pcap and server.pcap are 3600.0 s apart"), "\(apart)")

    var different = CaptureScene("a.pcap", "b.pcap")
    for number in 0..<4 { different.see(number % 2, Int64(number), Packet.message(UInt64(number), isReply: false)) }
    let notices = try different.analyze().result.notices
    #expect(notices.contains("no packet was seen at two taps: the captures are of different traffic"), "\(notices)")
  }

  @Test("are warned of where stamps are coarse, run backwards, or packets were cut short")
  func notices() throws {
    var (scene, _, _, _) = Self.messages(20)
    scene.taps[1].sort { $0.time < $1.time }
    scene.taps[1].swapAt(4, 5)
    var long = Packet(identification: 77, payload: [UInt8](repeating: 5, count: 200)).frame
    scene.see(0, 9_000_000, long)
    long[20] = 0
    let result = try CaptureScene.analyze([
      ("client.pcap", scene.file(0, magic: 0xa1b2_c3d4, snapLength: 80)),
      ("server.pcap", scene.file(1, isSorted: false)),
    ]).result
    #expect(result.taps.map(\.isCoarse) == [true, false])
    #expect(result.taps.map(\.cutShort) == [1, 0])
    #expect(result.taps.map(\.backwards) == [0, 1])
    #expect(result.taps[1].firstBackwards == 6)
    for text in [
      "at server.pcap the time runs backwards once, first at packet 6", "client.pcap: stamps of whole microseconds",
      "at client.pcap 1 packets were cut short of the 64 bytes",
    ] {
      #expect(result.notices.contains { $0.hasPrefix(text) }, "\(text): \(result.notices)")
    }
  }

  @Test("are between the interfaces of one pcapng file, too")
  func interfaces() throws {
    let (scene, there, _, _) = Self.messages(40)
    var file = PcapngFile()
    for name in ["eth0", "eth1"] { file.appendInterface(name: name, resolution: 9) }
    let all = scene.taps.enumerated().flatMap { tap, sights in sights.map { (tap: UInt32(tap), $0.time, $0.frame) } }
    for (tap, time, frame) in all.sorted(by: { $0.1 < $1.1 }) {
      file.appendPacket(interface: tap, ticks: UInt64(time), frame)
    }
    file.appendSimplePacket(Packet.message(99, isReply: false))
    file.appendStatistics(interface: 1, received: 100, dropped: 3)
    let result = try CaptureScene.analyze([("both.pcapng", file.bytes)]).result
    #expect(result.taps.map(\.name) == ["both.pcapng:eth0", "both.pcapng:eth1"])
    #expect(result.traffic.first?.forward.hops.map(\.durations) == [Self.durations(there)])
    #expect(result.taps.map(\.undecodable) == [["without a time": 1], [:]])
    #expect(result.notices == ["the capture at both.pcapng:eth1 lost 3 packets"])
  }

  @Test("name a tap by its interface where that tells it from all others")
  func interfaceNames() throws {
    func file(_ interface: String) -> [UInt8] {
      var file = PcapngFile()
      file.appendInterface(name: interface, resolution: 9)
      file.appendPacket(interface: 0, ticks: UInt64(CaptureScene.start), Packet.message(1, isReply: false))
      return file.bytes
    }
    func names(_ files: [(String, [UInt8])]) throws -> [String] {
      try CaptureScene.analyze(files).result.taps.map(\.name)
    }
    #expect(try names([("a.pcapng", file("client0")), ("b.pcapng", file("server0"))]) == ["client0", "server0"])
    #expect(try names([("a.pcapng", file("eth0")), ("b.pcapng", file("eth0"))]) == ["a.pcapng:eth0", "b.pcapng:eth0"])
  }

  @Test("of more interfaces than can be compared leave some out")
  func tooManyInterfaces() throws {
    var file = PcapngFile()
    for interface: UInt32 in 0..<40 {
      file.appendInterface(resolution: 9)
      file.appendPacket(
        interface: interface, ticks: UInt64(CaptureScene.start) + UInt64(interface), Packet.message(3, isReply: false))
    }
    let result = try CaptureScene.analyze([("many.pcapng", file.bytes)]).result
    #expect(result.taps.count == 32)
    #expect(result.traffic.first?.forward.hops.map(\.durations.p50) == [Int64](repeating: 1, count: 31))
    #expect(result.notices == ["8 packets of more than 32 interfaces were not looked at"])
  }

  @Test("of what is no capture, or of nothing, are errors that name the file")
  func unreadable() throws {
    let (scene, _, _, _) = Self.messages(5)
    let (result, errors) = try CaptureScene.analyze([
      ("empty.pcap", []), ("text.pcap", Array("not a capture at all, but text".utf8)), ("good.pcap", scene.file(0)),
      ("header.pcap", PcapFile().bytes), ("odd.pcap", PcapFile(linkType: 147).bytes),
    ])
    #expect(errors.map(\.kind) == [.empty, .notACapture])
    #expect(result.files.map(\.packets) == [0, 0, 10, 0, 0])
    #expect(result.taps.map(\.name) == ["good.pcap"])
    #expect(FileHops.analyze([]).result.traffic.isEmpty)
    #expect(FileHops.analyze(["/nonexistent/file.pcap"]).errors.map(\.kind) == [.system])
  }

  @Test("of files that contradict themselves never bring the program down")
  func hostile() throws {
    let whole = SampleFile.all.map(\.bytes)
    for seed in 0..<200 {
      var random = Xorshift(seed: UInt64(seed))
      let files = (0..<3).map { index in
        var bytes = whole[Int(random.below(whole.count))]
        for _ in 0..<random.below(6) where !bytes.isEmpty {
          bytes[Int(random.below(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
        }
        return (name: "\(index)", bytes: bytes)
      }
      let (result, _) = try CaptureScene.analyze(files)
      for traffic in result.traffic {
        for direction in [traffic.forward, traffic.backward] {
          #expect(direction.packets == direction.paired + direction.unpaired.values.reduce(0, +))
        }
      }
      #expect(result.files.reduce(0) { $0 + $1.packets } >= result.taps.reduce(0) { $0 + $1.packets })
    }
  }

  @Test("round-trip through JSON")
  func coding() throws {
    let result = try Self.messages().scene.analyze().result
    let data = try JSONEncoder().encode(result)
    #expect(try JSONDecoder().decode(FileHopsResult.self, from: data) == result)
    #expect(String(decoding: data, as: UTF8.self).contains(#""schema":"bench.hops\/1""#))
  }
}

@Suite("A distribution that is exact in bounded memory")
struct ExactDistributionTests {
  @Test("has the quantiles of the sorted values", arguments: 0..<30)
  func property(seed: Int) {
    var random = Xorshift(seed: UInt64(seed))
    var budget = ExactDistribution.Budget()
    // Some run out of pages, and keep everything in order instead.
    if seed % 3 == 1 { budget.pages = 2 }
    var distribution = ExactDistribution()
    let centre: Int64 = [0, 0, 3_600_000_000_000, -7_000_000, .max, .min][seed % 6]
    var values: [Int64] = []
    for _ in 0..<20_000 {
      let spread = [1000, 100_000, 20_000_000][Int(random.below(3))]
      let (value, isTooLarge) = centre.addingReportingOverflow(Int64(random.below(spread)) - Int64(spread / 2))
      values.append(max(isTooLarge ? centre : value, .min + 1))
    }
    for value in values { distribution.add(value, &budget) }
    #expect(distribution.count == values.count)
    #expect(distribution.minimum == values.min() && distribution.maximum == values.max())
    let ranks = [1, 2, 500, 10_000, 18_000, 19_800, 20_000]
    let ordered = values.sorted()
    #expect(distribution.values(atRanks: ranks, &budget) == ranks.map { ordered[$0 - 1] })
    let negated = values.map { 0 - $0 }.sorted()
    #expect(distribution.values(atRanks: ranks, isNegated: true, &budget) == ranks.map { negated[$0 - 1] })
    #expect(budget.lost == 0)
  }

  @Test("says how many values found no room")
  func bounded() {
    var budget = ExactDistribution.Budget()
    budget.pages = 1
    budget.strays = 100
    var distribution = ExactDistribution()
    for number in 0..<20_000 { distribution.add(Int64(number) * 100_000, &budget) }
    _ = distribution.values(atRanks: [1], &budget)
    #expect(budget.strays == 0)
    #expect(distribution.count == 20_000)
    // All but the 100 and those on the one page.
    #expect(budget.lost == 19_899)
  }
}
