import LinuxKit
import Testing
import WorkerProtocol

@testable import Workloads

/// What a reader made of a stream that came in pieces.
private struct Reading: Equatable {
  var messages: [[UInt8]] = []
  var broken: BrokenFraming?
  var isWithinMessage = false
}

@Suite("A stream of messages")
struct FramingTests {
  private static let size = 30

  /// Feeds `pieces` to a reader one after the other, and takes what is whole after each.
  private func read(
    _ direction: MessageReader.Direction, _ framing: WorkerConfiguration.Framing, size: Int = FramingTests.size,
    _ pieces: [ArraySlice<UInt8>]
  ) -> Reading {
    let room = UnsafeMutableRawBufferPointer.allocate(
      byteCount: MessageReader.room(framing, size: size), alignment: 64)
    defer { room.deallocate() }
    var reader = MessageReader(direction, framing, size: size, room: room)
    var reading = Reading()
    for piece in pieces {
      var rest = piece
      while !rest.isEmpty {
        let taken = Array(rest).withUnsafeBytes { reader.take($0) }
        rest = rest.dropFirst(taken)
        taking: while true {
          switch reader.next() {
          case .message(let message): reading.messages.append(Array(message))
          case .incomplete: break taking
          case .broken(let reason):
            reading.broken = reason
            return reading
          }
        }
      }
    }
    reading.isWithinMessage = reader.isWithinMessage
    return reading
  }

  private func body(_ seed: UInt8, _ size: Int = FramingTests.size) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0) &* 7 &+ seed }
  }

  /// Head lines, with the line ends that HTTP wants, and a body.
  private func http(_ lines: [String], _ body: [UInt8] = []) -> [UInt8] {
    Array((lines + ["", ""]).joined(separator: "\r\n").utf8) + body
  }

  @Test("the heads are what a server and a client of HTTP/1.1 expect")
  func heads() {
    #expect(
      String(decoding: MessageHead.request(.http, size: 64), as: UTF8.self)
        == "POST / HTTP/1.1\r\nhost: bench\r\ncontent-length: 64\r\n\r\n")
    #expect(
      String(decoding: MessageHead.reply(.http, size: 65_000), as: UTF8.self)
        == "HTTP/1.1 200 OK\r\ncontent-length: 65000\r\n\r\n")
    #expect(MessageHead.request(.none, size: 64) == [] && MessageHead.reply(.none, size: 64) == [])
  }

  @Test("is cut the same way wherever it was split", arguments: [WorkerConfiguration.Framing.none, .http])
  func splits(framing: WorkerConfiguration.Framing) {
    for direction in [MessageReader.Direction.requests, .replies] {
      let head =
        direction == .requests
        ? MessageHead.request(framing, size: Self.size) : MessageHead.reply(framing, size: Self.size)
      let bodies = [body(1), body(13), body(10)]
      let stream = bodies.flatMap { head + $0 }
      let expected = Reading(messages: bodies)
      // Everywhere into two, into three around each place, and into single bytes.
      for place in 0...stream.count {
        #expect(read(direction, framing, [stream[..<place], stream[place...]]) == expected)
        let next = min(place + 1, stream.count)
        #expect(read(direction, framing, [stream[..<place], stream[place..<next], stream[next...]]) == expected)
      }
      #expect(read(direction, framing, stream.indices.map { stream[$0...$0] }) == expected)
      // Cut off, it is in the midst of a message but at the end of one.
      for count in 0..<stream.count {
        let reading = read(direction, framing, [stream[..<count]])
        #expect(reading.isWithinMessage == (count % (head.count + Self.size) != 0))
        #expect(reading.messages.count == count / (head.count + Self.size))
      }
    }
  }

  @Test("goes on for ever in the same room", arguments: [WorkerConfiguration.Framing.none, .http])
  func longStream(framing: WorkerConfiguration.Framing) {
    for size in [1, 1400, 65_000] {
      let head = MessageHead.reply(framing, size: size)
      let bodies = (0..<40).map { body(UInt8($0), size) }
      let stream = bodies.flatMap { head + $0 }
      var numbers = SeededNumbers(UInt64(size))
      var pieces: [ArraySlice<UInt8>] = []
      var place = 0
      while place < stream.count {
        let end = min(stream.count, place + Int.random(in: 1...3 * (size + 40), using: &numbers))
        pieces.append(stream[place..<end])
        place = end
      }
      #expect(read(.replies, framing, size: size, pieces) == Reading(messages: bodies))
    }
  }

  @Test(
    "other fields and other spellings do not matter",
    arguments: [
      ["HTTP/1.1 200 OK", "Content-Length: 30"],
      ["HTTP/1.1 200", "CONTENT-LENGTH:30"],
      ["HTTP/1.0 200 Fine", "content-length: \t 30 \t "],
      ["HTTP/1.1 200 OK", "server: x", "Date: Mon, 01 Jan 2024 00:00:00 GMT", "content-length: 030", "x:"],
      ["HTTP/1.1 200 OK", "content-length: 30", "via: 1.1 a: b", "Content-Length: 30"],
      ["HTTP/1.1 200 OK", "x-content-length: 7", "content-lengths: 8", "content-length: 30", "connection: keep-alive"],
      ["HTTP/1.1 200 OK", "content-length: 30", "x-long: " + String(repeating: "y", count: 8000)],
    ])
  func fields(head: [String]) {
    let stream = http(head, body(5)) + http(["HTTP/1.1 200 OK", "content-length: 30"], body(6))
    #expect(read(.replies, .http, [stream[...]]) == Reading(messages: [body(5), body(6)]))
    #expect(read(.replies, .http, stream.indices.map { stream[$0...$0] }) == Reading(messages: [body(5), body(6)]))
  }

  struct Refused: Sendable, CustomTestStringConvertible {
    let direction: MessageReader.Direction
    let head: [String]
    let reason: BrokenFraming
    var testDescription: String { "\(head.first ?? ""): \(reason)" }

    static let length = "content-length: 30"
    static func reply(_ head: [String], _ reason: BrokenFraming) -> Refused {
      Refused(direction: .replies, head: head, reason: reason)
    }
    static func request(_ head: [String], _ reason: BrokenFraming) -> Refused {
      Refused(direction: .requests, head: head, reason: reason)
    }

    static let all: [Refused] = [
      reply(["HTTP/1.1 503 Service Unavailable", length], .status(503)),
      reply(["HTTP/1.1 100 Continue"], .status(100)),
      reply(["HTTP/1.1 2000", length], .notHTTP),
      reply(["HTTP/1.1 20", length], .notHTTP),
      reply(["HTTP/1.1 2xx OK", length], .notHTTP),
      reply(["HTTP/1.2 200 OK", length], .notHTTP),
      reply(["HTTP/2 200"], .notHTTP),
      reply(["SSH-2.0-OpenSSH_9.6"], .notHTTP),
      reply(["POST / HTTP/1.1", length], .notHTTP),
      reply(["HTTP/1.1 200 OK"], .noLength),
      reply(["HTTP/1.1 200 OK", "x: y"], .noLength),
      reply(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], .chunked),
      reply(["HTTP/1.1 200 OK", length, "transfer-encoding: gzip, chunked"], .chunked),
      reply(["HTTP/1.1 200 OK", "content-length: 31"], .length(31, expected: 30)),
      reply(["HTTP/1.1 200 OK", "content-length: 0"], .length(0, expected: 30)),
      reply(
        ["HTTP/1.1 200 OK", "content-length: 999999999999999999"], .length(999_999_999_999_999_999, expected: 30)),
      reply(["HTTP/1.1 200 OK", "content-length: 9999999999999999999"], .malformedHead),
      reply(["HTTP/1.1 200 OK", "content-length: -30"], .malformedHead),
      reply(["HTTP/1.1 200 OK", "content-length: 3 0"], .malformedHead),
      reply(["HTTP/1.1 200 OK", "content-length:"], .malformedHead),
      reply(["HTTP/1.1 200 OK", length, "content-length: 31"], .malformedHead),
      reply(["HTTP/1.1 200 OK", length, " folded: 31"], .malformedHead),
      reply(["HTTP/1.1 200 OK", length, ": nameless"], .malformedHead),
      reply(["HTTP/1.1 200 OK", length, "no colon"], .malformedHead),
      reply(["HTTP/1.1 200 OK", length, "x: " + String(repeating: "y", count: 8200)], .headTooLong),
      request(["GET / HTTP/1.1", length], .notHTTP),
      request(["POST / HTTP/1.0", length], .notHTTP),
      request(["POST HTTP/1.1", length], .notHTTP),
      request(["HTTP/1.1 200 OK", length], .notHTTP),
      request(["POST / HTTP/1.1", "host: bench"], .noLength),
      request(["POST / HTTP/1.1", "content-length: 29"], .length(29, expected: 30)),
    ]
  }

  @Test("is refused where it cannot be cut, with the reason", arguments: Refused.all)
  func refused(which: Refused) {
    let stream = http(which.head, body(1))
    let expected = Reading(broken: which.reason)
    #expect(read(which.direction, .http, [stream[...]]) == expected)
    #expect(read(which.direction, .http, stream.indices.map { stream[$0...$0] }) == expected)
    // Behind a good one, too.
    let head = which.direction == .requests ? MessageHead.request : MessageHead.reply
    let later = head(.http, 30) + body(9) + stream
    #expect(
      read(which.direction, .http, [later[...]]) == Reading(messages: [body(9)], broken: which.reason))
  }

  @Test("is refused at its first bytes where it is no HTTP: there may never come more")
  func firstBytes() {
    #expect(read(.replies, .http, [Array("S".utf8)[...]]).broken == .notHTTP)
    #expect(read(.requests, .http, [[0]]).broken == .notHTTP)
    #expect(read(.replies, .http, [Array("HTTP/2".utf8)[...]]).broken == .notHTTP)
    #expect(read(.replies, .http, [Array("HTTP/1.".utf8)[...]]) == Reading(isWithinMessage: true))
  }

  @Test("a head is 8192 bytes long at the most, to the byte")
  func longHead() {
    for (length, expected) in [
      (8191, Reading(messages: [body(3)])), (8192, Reading(messages: [body(3)])), (8193, Reading(broken: .headTooLong)),
    ] {
      let fixed = http(["HTTP/1.1 200 OK", "content-length: 30", "x: "]).count
      let head = http(["HTTP/1.1 200 OK", "content-length: 30", "x: " + String(repeating: "y", count: length - fixed)])
      #expect(head.count == length)
      let stream = head + body(3)
      #expect(read(.replies, .http, [stream[...]]) == expected)
      #expect(read(.replies, .http, stream.indices.map { stream[$0...$0] }) == expected)
    }
    // One that never ends is refused when it is that long.
    let endless = Array("HTTP/1.1 200 OK\r\nx: ".utf8) + [UInt8](repeating: 121, count: 8172)
    #expect(read(.replies, .http, [endless[...]]).broken == .headTooLong)
    #expect(read(.replies, .http, [endless.dropLast()]).broken == nil)
  }

  @Test("whatever comes, the reader comes to an end and stays in its room")
  func damaged() {
    var numbers = SeededNumbers(4)
    let good = http(["HTTP/1.1 200 OK", "server: x", "content-length: 30"], body(2))
    var refused = 0
    for _ in 0..<20_000 {
      var stream = good + good
      for _ in 0..<Int.random(in: 1...3, using: &numbers) {
        let place = Int.random(in: 0..<stream.count, using: &numbers)
        switch Int.random(in: 0..<3, using: &numbers) {
        case 0: stream[place] = UInt8.random(in: 0...255, using: &numbers)
        case 1: stream.remove(at: place)
        default: stream.insert(13, at: place)
        }
      }
      let cut = Int.random(in: 0...stream.count, using: &numbers)
      let reading = read(.replies, .http, [stream[..<cut], stream[cut...]])
      #expect(reading == read(.replies, .http, [stream[...]]))
      #expect(reading.messages.count <= 2)
      if reading.broken != nil { refused += 1 }
    }
    #expect(refused > 5000)
  }
}
