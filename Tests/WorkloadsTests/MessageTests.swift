import Testing

import class Foundation.JSONSerialization
import struct Foundation.Data
import class Foundation.NSNumber

@testable import WorkerProtocol

@Suite("The messages between controller and worker")
struct MessageTests {
  /// Each kind, with values at the ends of their ranges.
  static let all: [WorkerMessage] = {
    var result = ClientResult()
    result.windowNanoseconds = UInt64(Int64.max)
    result.samples = 1 << 28
    result.sent = 1
    result.lost = 2
    result.late = 3
    result.duplicate = 4
    result.foreign = 5
    result.cpuNanoseconds = 6
    result.voluntarySwitches = 7
    result.involuntarySwitches = 8
    result.isTruncated = true
    result.hasServiceTimes = true
    result.firstSequence = 11
    result.stamps = 1 << 22
    result.areStampsTruncated = true
    var stopped = ServerResult()
    stopped.echoed = 9
    stopped.windowMessages = 13
    stopped.windowBytes = UInt64(Int64.max)
    stopped.foreign = 10
    stopped.stamps = 12
    stopped.areStampsTruncated = true
    var messages: [WorkerMessage] = [
      .listening(port: 0), .listening(port: .max), .ready(canaryNanoseconds: 123), .start, .count,
      .counted(operations: 0), .counted(operations: UInt64(Int64.max)), .result(ClientResult()),
      .result(result), .stopped(ServerResult()), .stopped(stopped), .failed(message: ""),
      .failed(message: "bind 127.0.0.1:80: \"denied\" \\ \n\r\t\u{0}\u{1b}\u{1f}\u{7f} ü 漢 🙂 e\u{301} \u{2028}"),
    ]
    for role in [WorkerConfiguration.Role.server, .client] {
      for transport in [WorkerConfiguration.Transport.udp, .tcp] {
        for wait in [WorkerConfiguration.Wait.spin, .block] {
          messages.append(
            .configure(
              WorkerConfiguration(
                role: role, transport: transport, wait: wait, size: 1, address: "198.18.0.1", nonce: 0)))
          messages.append(
            .configure(
              WorkerConfiguration(
                role: role, transport: transport, wait: wait, size: 65_000, cpu: 1023,
                namespace: "/run/netns/bench-\"ü\"", address: "255.255.255.255", port: .max, nonce: .max, flow: .max,
                warmupNanoseconds: UInt64(Int64.max), windowNanoseconds: 1, timeoutNanoseconds: 2,
                delayNanoseconds: 3, slowdownPPM: 4, stampEvery: WorkerConfiguration.largestStampEvery,
                socketStamps: true)))
        }
      }
    }
    messages.append(
      .configure(
        WorkerConfiguration(
          role: .relay, loop: .open, transport: .tcp, wait: .block, framing: .http, size: 1, replySize: 65_000,
          concurrency: 100, rate: 2_000_000, address: "2001:2::1", targetAddress: "::1", targetPort: .max, nonce: 1,
          countedOperations: 2000)))
    messages.append(
      .configure(.command(["sh", "-c", "a \"b\"\n", "", "ü"], namespace: "/n", cpu: 0, discardsOutput: true)))
    messages.append(contentsOf: storage)
    return messages
  }()

  /// Each kind of those for files.
  static let storage: [WorkerMessage] = {
    var messages: [WorkerMessage] = [
      .measured(StorageResult()),
      .configureStorage(StorageConfiguration(loop: .copyUp, directory: "/")),
      .configureStorage(
        StorageConfiguration(
          loop: .io, cpu: 1023, mountNamespace: "/proc/1/fd/9", directory: "/a \"b\"\n/ü", count: 1_000_000,
          size: 1 << 40, blockSize: 64 << 20, engine: .ioUring, access: .mixed, isSequential: true, isDirect: true,
          depth: 256, syncEvery: .max, cache: .cold, warmupNanoseconds: UInt64(Int64.max),
          windowNanoseconds: UInt64(Int64.max), seed: .max)),
    ]
    for loop in [StorageConfiguration.Loop.lookup, .metadata, .mmapWrite, .commit] {
      messages.append(.configureStorage(StorageConfiguration(loop: loop, directory: "d", access: .read)))
    }
    var result = StorageResult()
    result.phases = StoragePhase.allCases.enumerated().map { StorageResult.Phase($0.element, count: $0.offset) }
    result.refusals = [
      StorageResult.Refusal(.renameDirectory, "EXDEV: \"a=b\" = ü"), StorageResult.Refusal(.lastWrite, ""),
    ]
    result.windowNanoseconds = UInt64(Int64.max)
    result.operations = 1
    result.bytes = 2
    result.cpuNanoseconds = 3
    result.voluntarySwitches = 4
    result.involuntarySwitches = 5
    result.isTruncated = true
    result.cachedPPM = 0
    result.bytesWritten = 6
    result.bytesAllocated = 0
    result.bytesShared = UInt64(Int64.max)
    messages.append(.measured(result))
    return messages
  }()

  @Test("each is read as it was written, on one line", arguments: all)
  func roundTrip(message: WorkerMessage) throws {
    let line = message.line
    #expect(line.last == 0x0a && line.dropLast().allSatisfy { $0 >= 0x20 })
    #expect(try WorkerMessage(line: line.dropLast()) == message)
    // A line end does no harm.
    #expect(try WorkerMessage(line: line) == message)
  }

  @Test("an independent reader of JSON understands each the same", arguments: all)
  func independentReader(message: WorkerMessage) throws {
    let ours = try FlatJSON(parsing: message.line)
    #expect(!ours.members.isEmpty)
    try #expect(means(ours, the: message.line))
  }

  @Test(
    "all 64 bits of a nonce survive", arguments: [0, 1, 1 << 53, 1 << 53 + 1, 1 << 63, .max, 0xDEAD_BEEF_0000_0001])
  func nonce(_ nonce: UInt64) throws {
    let configuration = WorkerConfiguration(
      role: .client, transport: .udp, wait: .spin, size: 1, address: "127.0.0.1", nonce: nonce)
    #expect(try WorkerMessage(line: WorkerMessage.configure(configuration).line) == .configure(configuration))
  }

  @Test("another version is refused with what it means")
  func version() throws {
    for message in [try #require(Self.all.first { if case .configure = $0 { true } else { false } }), Self.storage[1]] {
      try refusesOtherVersion(String(decoding: message.line, as: UTF8.self))
    }
  }

  private func refusesOtherVersion(_ text: String) throws {
    let other = text.replacing("\"protocol\":4,", with: "\"protocol\":1,")
    #expect(other != text)
    #expect(
      throws: ProtocolError("protocol 1 where 4 was expected: controller and worker do not match")
    ) { try WorkerMessage(line: other.utf8) }
    #expect(throws: ProtocolError("no whole number 'protocol' of the right size in a message")) {
      try WorkerMessage(line: text.replacing("\"protocol\":4,", with: "").utf8)
    }
  }

  @Test("without any one of its members a message is refused, and the member is named", arguments: all)
  func missingMember(message: WorkerMessage) throws {
    let json = try FlatJSON(parsing: message.line)
    let optional = [
      "cpu", "namespace", "mount_namespace", "cached_ppm", "bytes_written", "bytes_allocated", "bytes_shared",
    ]
    for (key, _) in json.members where !optional.contains(key) {
      var without = json
      without[key] = nil
      let error = #expect(throws: ProtocolError.self) { try WorkerMessage(line: without.text.utf8) }
      #expect(error?.description.contains("'\(key)'") == true)
    }
  }

  @Test(
    "a value out of its range is refused",
    arguments: [
      ("size", "0"), ("size", "65001"), ("size", "-1"), ("size", "64.5"), ("size", "\"64\""), ("size", "true"),
      ("size", "99999999999999999999"), ("port", "65536"), ("port", "-1"), ("flow", "4294967296"), ("flow", "1e3"),
      ("window_ns", "-1"), ("window_ns", "9223372036854775808"), ("nonce", "1"), ("nonce", "\"xyz\""),
      ("nonce", "\"\""),
      ("nonce", "\"10000000000000000\""), ("role", "\"spectator\""), ("transport", "\"sctp\""), ("wait", "\"\""),
      ("stamp_every", "3"), ("stamp_every", "65"), ("stamp_every", "-1"), ("stamp_every", "-64"),
      ("stamp_every", "2097152"), ("stamp_every", "4611686018427387904"), ("stamp_every", "9223372036854775808"),
      ("stamp_every", "1.0"), ("stamp_every", "true"), ("socket_stamps", "1"), ("socket_stamps", "\"true\""),
      ("reply_size", "0"), ("reply_size", "65001"), ("concurrency", "0"), ("concurrency", "101"), ("rate", "-1"),
      ("loop", "\"loop\""), ("framing", "\"\""), ("target_port", "65536"), ("counted_operations", "-1"),
      ("discard_output", "0"), ("arguments", "[]"),
      ("cpu", "\"0\""), ("cpu", "0.5"), ("namespace", "1"), ("address", "127"), ("protocol", "\"1\""),
    ])
  func outOfRange(key: String, value: String) throws {
    let configuration = WorkerConfiguration(
      role: .client, transport: .udp, wait: .spin, size: 64, cpu: 0, namespace: "/n", address: "127.0.0.1", nonce: 1)
    try expectRefusal(of: .configure(configuration), with: key, value)
  }

  @Test(
    "a value out of its range is refused, of those for files, too",
    arguments: [
      ("loop", "\"rr\""), ("loop", "1"), ("cpu", "\"0\""), ("mount_namespace", "1"), ("directory", "1"),
      ("count", "0"), ("count", "-1"), ("count", "1.5"), ("size", "0"), ("size", "-4096"),
      ("size", "9223372036854775808"), ("block_size", "0"), ("block_size", "\"4k\""), ("engine", "\"libaio\""),
      ("access", "\"append\""), ("sequential", "0"), ("direct", "\"true\""), ("depth", "0"), ("depth", "257"),
      ("sync_every", "-1"), ("cache", "\"hot\""), ("warmup_ns", "-1"), ("window_ns", "1e9"), ("seed", "1"),
      ("seed", "\"xyz\""), ("protocol", "3"), ("protocol", "\"4\""),
    ])
  func storageOutOfRange(key: String, value: String) throws {
    let configuration = StorageConfiguration(loop: .io, cpu: 0, mountNamespace: "/n", directory: "/d")
    try expectRefusal(of: .configureStorage(configuration), with: key, value)
  }

  @Test(
    "a value out of its range is refused, of what was measured on files",
    arguments: [
      ("phases", "\"open\""), ("phases", "\"open=\""), ("phases", "\"open=-1\""), ("phases", "\"open=x\""),
      ("phases", "\"close=1\""), ("phases", "\"=1\""), ("phases", "\"open=1\\u0000\""), ("phases", "1"),
      ("refusals", "\"why\""), ("refusals", "\"close=why\""), ("window_ns", "-1"), ("operations", "-1"),
      ("bytes", "-1"), ("cpu_ns", "1.5"), ("voluntary_switches", "-1"), ("involuntary_switches", "true"),
      ("truncated", "1"), ("cached_ppm", "-1"), ("cached_ppm", "\"\""), ("bytes_written", "-1"),
      ("bytes_allocated", "1.5"), ("bytes_shared", "\"1\""),
    ])
  func measuredOutOfRange(key: String, value: String) throws {
    try expectRefusal(of: try #require(Self.storage.last), with: key, value)
  }

  @Test(
    "all 64 bits of a seed survive", arguments: [0, 1, 1 << 53, 1 << 53 + 1, 1 << 63, .max, 0xDEAD_BEEF_0000_0001])
  func seed(_ seed: UInt64) throws {
    let message = WorkerMessage.configureStorage(StorageConfiguration(loop: .io, directory: "/", seed: seed))
    #expect(try WorkerMessage(line: message.line) == message)
  }

  /// Whether `message` is refused with another value for one of its members, and only for that.
  private func expectRefusal(of message: WorkerMessage, with key: String, _ value: String) throws {
    let json = try FlatJSON(parsing: message.line)
    #expect(try WorkerMessage(line: json.text.utf8) == message)
    try #require(json[key] != nil)
    let members = json.members.map { member in
      var one = FlatJSON()
      one[member.key] = member.value
      return member.key == key ? "\"\(key)\":\(value)" : String(one.text.dropFirst().dropLast())
    }
    #expect(throws: ProtocolError.self) { try WorkerMessage(line: "{\(members.joined(separator: ","))}".utf8) }
  }

  @Test("every power of two is possible, up to the largest", arguments: 0...20 as ClosedRange<UInt64>)
  func stampEvery(exponent: UInt64) throws {
    var configuration = WorkerConfiguration(
      role: .server, transport: .tcp, wait: .spin, size: 1, address: "127.0.0.1", nonce: 1)
    configuration.stampEvery = 1 << exponent
    #expect(try WorkerMessage(line: WorkerMessage.configure(configuration).line) == .configure(configuration))
  }

  @Test("a result with less than no samples or stamps is refused", arguments: ["samples", "stamps"])
  func negative(key: String) throws {
    for message in [WorkerMessage.result(ClientResult()), .stopped(ServerResult())] {
      var json = try FlatJSON(parsing: message.line)
      if json[key] == nil { continue }
      json[key] = .integer(-1)
      #expect(throws: ProtocolError("a negative number '\(key)' in a message")) {
        try WorkerMessage(line: json.text.utf8)
      }
    }
  }

  @Test("an unknown type is named; unknown members are passed over")
  func unknown() throws {
    #expect(throws: ProtocolError("a message of unknown type 'dance'")) {
      try WorkerMessage(line: #"{"type":"dance"}"#.utf8)
    }
    #expect(try WorkerMessage(line: #"{"since":2,"type":"start","why":"later"}"#.utf8) == .start)
  }
}

@Suite("Hostile text in place of a message")
struct HostileMessageTests {
  @Test(
    "is refused",
    arguments: [
      "", " ", "{", "}", "{}x", "{} {}", "[]", "null", "\"a\"", "1", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}",
      "{a:1}",
      "{'a':1}", "{\"a\":1 \"b\":2}", "{\"a\":1", "{\"a\":\"", "{\"a\":\"x", "{\"a\":\"\\", "{\"a\":\"\\u",
      "{\"a\":\"\\u12",
      // A key twice, also where only one of the two is spelled plainly.
      #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#,
      // Nested, null.
      #"{"a":{}}"#, #"{"a":[]}"#, #"{"a":[1]}"#, #"{"a":null}"#,
      // No numbers of JSON's.
      #"{"a":+1}"#, #"{"a":01}"#, #"{"a":-}"#, #"{"a":-01}"#, #"{"a":.5}"#, #"{"a":5.}"#, #"{"a":0x10}"#, #"{"a":1e}"#,
      #"{"a":1e+}"#, #"{"a":nan}"#, #"{"a":NaN}"#, #"{"a":inf}"#, #"{"a":Infinity}"#, #"{"a":1_000}"#, #"{"a":--1}"#,
      #"{"a":1e400}"#, #"{"a":-1e999999999}"#, #"{"a":0x1p4}"#, #"{"a":１}"#,
      // No truth values of JSON's.
      #"{"a":True}"#, #"{"a":truefalse}"#, #"{"a":yes}"#,
      // No characters.
      #"{"a":"\ud800"}"#, #"{"a":"\udc00"}"#, #"{"a":"\udc00\ud800"}"#, #"{"a":"\ud800x"}"#, #"{"a":"\u+041"}"#,
      #"{"a":"\u-041"}"#, #"{"a":"\u00g0"}"#, #"{"a":"\u 041"}"#, #"{"a":"\x41"}"#, #"{"a":"\0"}"#, #"{"a":"\U0041"}"#,
      "{\"a\":\"\n\"}", "{\"a\":\"\u{0}\"}", "{\"a\":\"\u{1f}\"}", "{\u{a0}\"a\":1}", "\u{feff}{\"a\":1}",
    ])
  func refused(text: String) {
    #expect(throws: ProtocolError.self) { try FlatJSON(parsing: text.utf8) }
    #expect(throws: ProtocolError.self) { try WorkerMessage(line: text.utf8) }
  }

  @Test(
    "is refused where it is no UTF-8",
    arguments: [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]])
  func malformedUTF8(bytes: [UInt8]) {
    let line = Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)
    #expect(throws: ProtocolError.self) { try FlatJSON(parsing: line) }
    let key = Array("{\"".utf8) + bytes + Array("\":1}".utf8)
    #expect(throws: ProtocolError.self) { try FlatJSON(parsing: key) }
  }

  @Test("nesting is refused at its first level, however deep it goes on", arguments: ["[", "{\"a\":", "{\"a\":["])
  func deepNesting(piece: String) {
    let line = "{\"a\":" + String(repeating: piece, count: 100_000)
    #expect(throws: ProtocolError.self) { try FlatJSON(parsing: line.utf8) }
  }

  @Test(
    "what JSON allows is read",
    arguments: [
      #" { "a" : 1 } "#, "\t{\r\n\"a\":-0}\n", "{}", #"{"":""}"#, #"{"a":1E2,"b":1e-2,"c":-1.5e+3,"d":0.0,"e":true}"#,
      #"{"a":"\"\\\/\b\f\n\r\t\u00fc\u0000\uFFFF"}"#, #"{"a":9223372036854775807,"b":-9223372036854775808}"#,
      #"{"a":9223372036854775808}"#, "{\"a\":\"\u{7f}\u{2028}🙂\"}",
    ])
  func allowed(text: String) throws {
    let json = try FlatJSON(parsing: text.utf8)
    try #expect(means(json, the: Array(text.utf8)))
    // And written again, it is the same.
    #expect(try FlatJSON(parsing: json.text.utf8) == json)
  }

  @Test("a pair of surrogates is read right or refused, never misread")
  func surrogatePair() {
    let json = try? FlatJSON(parsing: #"{"a":"\ud83d\ude42"}"#.utf8)
    #expect(json == nil || json?["a"] == .string("🙂"))
  }

  @Test(
    "thousands of damaged messages: refused, or JSON that an independent reader understands the same", arguments: 0..<8)
  func mutations(seed: UInt64) throws {
    var numbers = SeededNumbers(seed)
    let lines = MessageTests.all.map(\.line)
    let pieces = [
      "\"", "\\", "\\u", "\\ud800", "{", "}", "[", ":", ",", "1e999", "-", "+", "0", ".", "true", "null", "\n", "é",
    ]
    .map { Array($0.utf8) }
    var accepted = 0
    for _ in 0..<1500 {
      var line = try #require(lines.randomElement(using: &numbers))
      for _ in 0...Int.random(in: 0..<4, using: &numbers) where !line.isEmpty {
        let place = Int.random(in: line.indices, using: &numbers)
        switch Int.random(in: 0..<6, using: &numbers) {
        case 0: line[place] = UInt8.random(in: .min ... .max, using: &numbers)
        case 1: line.remove(at: place)
        case 2: line.removeSubrange(place...)
        case 3: line.insert(contentsOf: try #require(pieces.randomElement(using: &numbers)), at: place)
        case 4: line[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
        default: line.insert(contentsOf: line[place...].prefix(20), at: place)
        }
      }
      _ = try? WorkerMessage(line: line)
      if let json = try? FlatJSON(parsing: line) {
        accepted += 1
        try #require(try means(json, the: line), "\(String(decoding: line, as: UTF8.self))")
      }
    }
    // Else the comparison would have compared nothing.
    #expect(accepted > 50)
  }

  @Test("noise is never a message", arguments: 0..<4)
  func noise(seed: UInt64) {
    var numbers = SeededNumbers(seed)
    for _ in 0..<1000 {
      let line = (0..<Int.random(in: 0..<200, using: &numbers)).map { _ in
        UInt8.random(in: .min ... .max, using: &numbers)
      }
      #expect(throws: ProtocolError.self) { try WorkerMessage(line: line) }
    }
  }
}

/// Whether Foundation reads `line` as the same object.
private func means(_ json: FlatJSON, the line: [UInt8]) throws -> Bool {
  let theirs = try #require(
    try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any], "\(String(decoding: line, as: UTF8.self))")
  return theirs.count == json.members.count
    && json.members.allSatisfy { member in
      switch member.value {
      case .string(let text): theirs[member.key] as? String == text
      case .boolean(let flag): theirs[member.key] as? Bool == flag
      case .integer(let number): (theirs[member.key] as? NSNumber)?.int64Value == number
      // Foundation reads a number of many digits as a decimal, whose double is off by the last bits.
      case .number(let number):
        (theirs[member.key] as? NSNumber).map { abs($0.doubleValue - number) <= 4 * number.ulp } ?? false
      }
    }
}
