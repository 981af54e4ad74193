internal import Foundation
internal import Testing

@Suite("Hops of capture files, as a command")
struct HopsCommandTests {
  private static let start: UInt64 = 1_700_000_000_000_000_000

  /// A pcap file with nanoseconds (magic 0xa1b23c4d), of frames with their times after ``start``.
  private static func pcap(_ packets: [(time: UInt64, frame: [UInt8])]) -> Data {
    var file = little(0xa1b2_3c4d) + [2, 0, 4, 0] + little(0) + little(0) + little(65_535) + little(1)
    for (time, frame) in packets {
      let stamp = start + time
      file += little(UInt32(stamp / 1_000_000_000)) + little(UInt32(stamp % 1_000_000_000))
      file += little(UInt32(frame.count)) + little(UInt32(frame.count)) + frame
    }
    return Data(file)
  }

  private static func little(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  /// A message of bench in UDP, IPv4 and Ethernet.
  private static func message(_ sequence: UInt8, isReply: Bool) -> [UInt8] {
    let addresses: [UInt8] = isReply ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2]
    let ports: [UInt8] = isReply ? [0x1b, 0x59, 0x9c, 0x40] : [0x9c, 0x40, 0x1b, 0x59]
    let payload: [UInt8] =
      [sequence, 0, 0, 0, 0, 0, 0, 0] + Array((isReply ? "BNCh" : "BNCH").utf8) + [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]
    let ip: [UInt8] = [0x45, 0, 0, 52, 0, sequence + 1, 0x40, 0, 64, 17, 0, 0]
    return [UInt8](repeating: 2, count: 12) + [8, 0] + ip + addresses + ports + [0, 32, 0, 0] + payload
  }

  /// 20 round trips: 1.5 µs there, 6 µs beyond, 0.9 µs back, and at each tenth 100 ns more there.
  private static func captures() -> (client: Data, server: Data) {
    var client: [(UInt64, [UInt8])] = []
    var server: [(UInt64, [UInt8])] = []
    for number in 0..<20 {
      let time = UInt64(number) * 50_000
      let there: UInt64 = number % 10 == 9 ? 1600 : 1500
      let sequence = UInt8(number)
      client.append((time, message(sequence, isReply: false)))
      server.append((time + there, message(sequence, isReply: false)))
      server.append((time + there + 6000, message(sequence, isReply: true)))
      client.append((time + there + 6900, message(sequence, isReply: true)))
    }
    return (pcap(client), pcap(server))
  }

  private static func place() throws -> Workplace {
    let place = try Workplace()
    let (client, server) = captures()
    try place.write(client, to: "client.pcap")
    try place.write(server, to: "server.pcap")
    return place
  }

  @Test("prints the waterfall")
  func table() throws {
    let place = try Self.place()
    let outcome = try place.bench("hops", "server.pcap", "client.pcap")
    #expect(outcome.code == 0 && outcome.errors == "")
    try expectGolden(outcome.output, "hops.txt")
    for width in ["40", "60", "160"] {
      let output = try place.bench("hops", "server.pcap", "client.pcap", environment: ["COLUMNS": width]).output
      #expect(output.contains("1.500") && !output.contains("\u{1B}"))
      for line in output.split(separator: "\n") { #expect(line.count <= Int(width) ?? 0, "\(line)") }
    }
  }

  @Test("writes bench.hops/1, and nothing else, to stdout")
  func json() throws {
    let place = try Self.place()
    let outcome = try place.bench("hops", "client.pcap", "server.pcap", "--json", "-", "--order", "given")
    #expect(outcome.code == 0 && outcome.errors == "")
    let result = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(result["schema"] as? String == "bench.hops/1")
    let traffic = try #require((result["traffic"] as? [[String: Any]])?.first)
    let forward = try #require(traffic["forward"] as? [String: Any])
    let durations = try #require((forward["hops"] as? [[String: Any]])?.first?["durations"] as? [String: Int])
    #expect(durations == ["count": 20, "min": 1500, "p50": 1500, "p90": 1500, "max": 1600])
    let file = try place.bench("hops", "client.pcap", "server.pcap", "--json", "out.json", "--order", "given")
    #expect(file.code == 0 && file.output.contains("1.500"))
    #expect(try place.read("out.json") == outcome.output)
  }

  @Test("reads a capture from stdin")
  func standardInput() throws {
    let place = try Self.place()
    let outcome = try place.run(
      program: "/bin/sh", ["-c", #"cat server.pcap | "$0" hops client.pcap -"#, try Executable.path()])
    #expect(outcome.code == 0 && outcome.errors == "")
    #expect(outcome.output.contains("client.pcap → standard input"))
  }

  @Test("prints what came before a fault, names the place, and exits with 65")
  func truncated() throws {
    let place = try Self.place()
    let cut = try place.data("server.pcap").dropLast(5)
    try place.write(Data(cut), to: "cut.pcap")
    let outcome = try place.bench("hops", "client.pcap", "cut.pcap")
    #expect(outcome.code == 65)
    #expect(outcome.output.contains("client.pcap → cut.pcap"))
    #expect(outcome.output.contains("95.00\u{A0}% seen at two taps or more"))
    #expect(outcome.errors.hasPrefix("bench: cut.pcap: packet 40 at byte "), "\(outcome.errors)")
  }

  @Test("makes names from a file inert")
  func hostile() throws {
    let place = try Self.place()
    try place.write(try place.data("client.pcap"), to: "cli\u{1B}[31m\nent.pcap")
    let outcome = try place.bench("hops", "cli\u{1B}[31m\nent.pcap", "server.pcap")
    #expect(outcome.code == 0)
    #expect(!outcome.output.contains("\u{1B}") && outcome.output.contains("cli\u{FFFD}[31m ent.pcap → server.pcap"))
  }

  @Test("says what is wrong with its arguments")
  func mistakes() throws {
    let place = try Self.place()
    try place.write("text, not packets", to: "text.pcap")
    try place.write("", to: "empty.pcap")
    let mistakes: [([String], Int32, String)] = [
      ([], 64, "Missing expected argument"),
      (["-", "-"], 64, "stdin (-) can be read once only"),
      (["client.pcap", "--horizon", "0"], 64, "not between"),
      (["client.pcap", "--order", "random"], 64, "order"),
      (["missing.pcap"], 65, "there is no file missing.pcap"),
      (["client.pcap", "missing.pcap"], 65, "there is no file missing.pcap"),
      (["text.pcap"], 65, "text.pcap"),
      (["empty.pcap"], 65, "empty.pcap"),
      (["."], 65, ". is a directory"),
      (["latest"], 65, "bench"),
    ]
    for (arguments, code, text) in mistakes {
      let outcome = try place.run(program: try Executable.path(), ["hops"] + arguments)
      #expect(outcome.code == code, "\(arguments): \(outcome)")
      #expect(outcome.output == "", "\(arguments)")
      #expect(outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
    }
  }
}
