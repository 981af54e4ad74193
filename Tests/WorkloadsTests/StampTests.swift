import Glibc
import LinuxKit
import TestSupport
import Testing
import WorkerProtocol

@testable import Workloads

extension WorkerTests {
  /// Two workers over the loopback: all their stamps are of one clock, so what comes first is known.
  @Suite("stamps requests: the stamps")
  struct Stamping {
    struct Case: Sendable, CustomTestStringConvertible {
      let transport: WorkerConfiguration.Transport
      let wait: WorkerConfiguration.Wait
      let every: UInt64
      let size: Int
      var testDescription: String { "\(transport) \(wait) \(size), one in \(every)" }

      static func all(every: [UInt64], sizes: [Int]) -> [Case] {
        [WorkerConfiguration.Transport.udp, .tcp].flatMap { transport in
          [WorkerConfiguration.Wait.spin, .block].flatMap { wait in
            every.flatMap { every in
              sizes.map { Case(transport: transport, wait: wait, every: every, size: $0) }
            }
          }
        }
      }
    }

    /// What two workers have written down.
    struct Records {
      var result: ClientResult
      var client: [RequestStamps]
      var server: [RequestStamps]

      /// The two ends of each of the client's requests.
      func pairs() throws -> [(client: RequestStamps, server: RequestStamps)] {
        let bySequence = Dictionary(server.map { ($0.sequence, $0) }) { first, _ in first }
        return try client.map { ($0, try #require(bySequence[$0.sequence], "the server has no \($0.sequence)")) }
      }
    }

    private func measure(
      _ which: Case, socketStamps: Bool = false, window: UInt64 = 300 * milliseconds
    ) throws -> Records {
      let cpus = try CPUSet.current()
      func stamping(_ role: WorkerConfiguration.Role, port: UInt16 = 0) -> WorkerConfiguration {
        var settings = configuration(role, which.transport, which.wait, size: which.size, port: port)
        settings.warmupNanoseconds = 20 * milliseconds
        settings.windowNanoseconds = window
        settings.stampEvery = which.every
        settings.socketStamps = socketStamps
        // Two that spin on one CPU would exchange a message per time slice.
        settings.cpu = role == .client ? cpus.first : cpus.last
        return settings
      }
      let server = try WorkerProcess(stamping(.server))
      let client = try WorkerProcess(stamping(.client, port: try server.listening()))
      let (result, samples, stamps) = try client.measureStamped()
      let (stopped, served) = try server.stopStamped()

      // The window's requests are all there, and no others.
      #expect(result.firstSequence > 1 && result.lost == 0 && result.foreign == 0 && result.sent > 0)
      let numbers = result.firstSequence..<result.firstSequence + result.sent
      #expect(stamps.map(\.sequence) == numbers.filter { $0.isMultiple(of: which.every) })
      #expect(result.stamps == stamps.count && stopped.stamps == served.count)
      #expect(!result.areStampsTruncated && !stopped.areStampsTruncated)
      // The server has those of the warm-up, too, each once and in order.
      #expect(served.map(\.sequence) == (1..<numbers.upperBound).filter { $0.isMultiple(of: which.every) })
      for record in stamps {
        let sample = samples[Int(record.sequence - result.firstSequence)]
        #expect(record.roundTrip == UInt64(sample))
      }
      #expect(served.allSatisfy { $0.roundTrip == 0 })
      return Records(result: result, client: stamps, server: served)
    }

    @Test(
      "have both ends of each, in the order of its way, and agree with the sample",
      arguments: Case.all(every: [1, 64], sizes: [64]) + [
        // With less room than a number, the mark or the header takes.
        Case(transport: .udp, wait: .spin, every: 64, size: 1), Case(transport: .tcp, wait: .block, every: 1, size: 2),
        Case(transport: .tcp, wait: .spin, every: 16, size: 11),
        Case(transport: .udp, wait: .block, every: 1, size: 12),
        Case(transport: .udp, wait: .spin, every: 4, size: 9000),
      ])
    func ends(which: Case) throws {
      let records = try measure(which)
      let pairs = try records.pairs()
      for (client, server) in pairs {
        #expect(client.sent <= server.received && server.received <= server.sent && server.sent <= client.received)
        #expect([client.transmitted, client.arrived, server.transmitted, server.arrived] == [0, 0, 0, 0])
      }
      // Around each sample, and by no more than the reading of a clock. An interruption may come between, but not often.
      let excess = records.client.map { Int64($0.received - $0.sent) - Int64($0.roundTrip) }.sorted()
      if which.every == 1 { #expect(!excess.isEmpty) }
      #expect(excess.allSatisfy { $0 > -1000 })
      #expect(excess.count(where: { $0 > 5000 }) <= 1 + excess.count / 10)
    }

    @Test(
      "have the kernel's besides, between those of the workers", arguments: Case.all(every: [1, 8], sizes: [64, 9000]))
    func kernel(which: Case) throws {
      // The kernel switches its stamps on by a work item, for which a busy machine may take a part of the window.
      let (complete, count) = try withGrowingWindow(from: 300 * milliseconds) { window in
        let pairs = try measure(which, socketStamps: true, window: window).pairs()
        var complete = 0
        for (client, server) in pairs {
          let way = [
            client.sent, client.transmitted, server.arrived, server.received, server.sent, server.transmitted,
            client.arrived, client.received,
          ]
          // What did not come is 0 and not in the way; the rest is in order.
          let known = way.filter { $0 > 0 }
          #expect(known == known.sorted())
          #expect([client.sent, server.received, server.sent, client.received].allSatisfy { $0 > 0 })
          if known.count == way.count { complete += 1 }
        }
        return (complete, pairs.count)
      } until: { complete, count in
        complete > 0 && complete * 10 >= count * 9
      }
      #expect(complete > 0 && complete * 10 >= count * 9, "\(complete) of \(count)")
    }

    @Test("are none where none were asked for, of the kernel's neither")
    func none() throws {
      var settings = configuration(.server, .udp, .block)
      settings.socketStamps = true
      let server = try WorkerProcess(settings)
      settings = configuration(.client, .udp, .block, port: try server.listening())
      settings.socketStamps = true
      let (result, samples) = try WorkerProcess(settings).measure()
      _ = try server.stop()
      #expect(!samples.isEmpty && result.firstSequence > 1)
    }

    @Test("end where their room ends, and say so; the measuring goes on")
    func truncated() throws {
      let (stopped, served) = try withGrowingWindow(from: 1000 * milliseconds) { window in
        // A server that was told of no window makes room for no more than the least.
        var settings = configuration(.server, .udp, .block)
        settings.stampEvery = 1
        let server = try WorkerProcess(settings)
        settings = configuration(.client, .udp, .block, port: try server.listening(), window: window)
        settings.stampEvery = 1
        let (result, _, stamps) = try WorkerProcess(settings).measureStamped()
        #expect(stamps.count == result.samples && !result.areStampsTruncated)
        return try server.stopStamped()
      } until: { stopped, _ in
        stopped.echoed > 1024
      }
      try #require(stopped.echoed > 1024)
      #expect(served.count == 1024 && stopped.areStampsTruncated)
    }

    @Test("of a request that was lost there are none, and its kernel stamp is nobody else's", arguments: [false, true])
    func loss(socketStamps: Bool) throws {
      let (lost, outcome) = try withGrowingWindow(from: 600 * milliseconds) {
        try losing(socketStamps: socketStamps, window: $0)
      } until: { lost, _ in
        lost.count == 24
      }
      try #require(lost.count == 24)
      let numbers = outcome.stamps.map(\.sequence)
      #expect(lost.isDisjoint(with: numbers))
      #expect(numbers.count == outcome.result.samples && outcome.result.stamps == outcome.result.samples)
      #expect(outcome.result.firstSequence == 1)
      if socketStamps {
        for record in outcome.stamps {
          #expect(record.sent <= record.transmitted && record.transmitted <= record.arrived)
          #expect(record.arrived <= record.received)
        }
      }
    }

    /// Measures against a server that leaves up to 24 requests without an answer.
    private func losing(
      socketStamps: Bool, window: UInt64
    ) throws -> (lost: Set<UInt64>, outcome: ClientOutcome) {
      let peer = try Peer(.udp)
      let port = try peer.bind()
      let farewell = Array("farewell".utf8)
      let server = Background {
        var lost: [UInt64] = []
        while true {
          let (request, answer) = try peer.receiveRequest()
          if request == farewell { return lost }
          // 3, 4, 5, 13, 14, 15 … 75: several in a row, so that more than one stamp is left over.
          let sequence = number(of: request)
          if (3...5).contains(sequence % 10) && sequence < 80 {
            lost.append(sequence)
          } else {
            try answer(reply(to: request))
          }
        }
      }
      var settings = configuration(.client, .udp, .block, port: port, window: window)
      settings.warmupNanoseconds = 0
      settings.timeoutNanoseconds = 10 * milliseconds
      settings.stampEvery = 1
      settings.socketStamps = socketStamps
      let outcome: ClientOutcome
      do {
        defer {
          #expect(throws: Never.self) {
            let end = try Peer(.udp)
            try end.connect(port: port)
            try end.send(farewell)
          }
        }
        outcome = try RoundTripClient(settings).run { () throws(WorkloadError) in }
      }
      return (Set(try server.value()), outcome)
    }

    @Test("the kernel's refusal names what was asked for")
    func refused() throws {
      let socket = try Socket(.tcp, family: AF_INET)
      // Numbers of a stream that is not connected.
      let error = #expect(throws: WorkloadError.self) {
        try explained { () throws(SystemError) in try socket.stampPackets(sending: true) }
      }
      #expect(error?.description == "setsockopt SO_TIMESTAMPING: Invalid argument")
    }
  }
}

@Suite("The room for stamps")
struct StampRoomTests {
  @Test("keeps what fits in, tells what does not, and is emptied")
  func room() {
    var stamps = SampledStamps(every: 4, asksKernel: false, capacity: 3)
    #expect((0...9).filter(stamps.selects) == [0, 4, 8])
    for round in [0, 100] as [UInt64] {
      for number in 1...3 as ClosedRange<UInt64> { stamps.keep(RequestStamps(sequence: round + number)) }
      #expect(stamps.count == 3 && !stamps.isTruncated)
      stamps.keep(RequestStamps(sequence: 4))
      #expect(stamps.isTruncated && stamps.records.map(\.sequence) == [round + 1, round + 2, round + 3])
      stamps.reset()
      #expect(stamps.records.isEmpty && !stamps.isTruncated)
    }
  }

  @Test(
    "is that of a million round trips a second, and not without limit",
    arguments: [
      (1, 1000 * milliseconds, 1_001_024), (64, 1000 * milliseconds, 16_649), (1 << 20, 0, 1024),
      (1, UInt64.max, 1 << 22),
    ])
  func capacity(every: UInt64, duration: UInt64, expected: UInt64) {
    #expect(SampledStamps.capacity(every: every, duration: duration) == Int(expected))
  }
}

@Suite("The encoding of stamps")
struct StampCodecTests {
  @Test("has six little-endian numbers a record")
  func layout() throws {
    let record = RequestStamps(
      sequence: 0x0102_0304_0506_0708, sent: 1, transmitted: 2, arrived: 3, received: 4, roundTrip: .max)
    let bytes = RequestStamps.encoded([record])
    #expect(bytes.count == RequestStamps.encodedSize)
    #expect(Array(bytes[..<8]) == [8, 7, 6, 5, 4, 3, 2, 1])
    for index in 1...4 { #expect(Array(bytes[index * 8..<index * 8 + 8]) == [UInt8(index), 0, 0, 0, 0, 0, 0, 0]) }
    #expect(bytes[40...].allSatisfy { $0 == 0xff })
    #expect(try RequestStamps.decoded(bytes) == [record])
  }

  @Test("is read as it was written", arguments: [0, 1, 2, 1000])
  func roundTrip(count: Int) throws {
    var numbers = SeededNumbers(7)
    let records = (0..<count).map { _ in
      RequestStamps(
        sequence: numbers.next(), sent: numbers.next(), transmitted: numbers.next(), arrived: numbers.next(),
        received: numbers.next(), roundTrip: numbers.next())
    }
    let bytes = RequestStamps.encoded(records[...])
    #expect(bytes.count == count * RequestStamps.encodedSize)
    #expect(try RequestStamps.decoded(bytes) == records)
  }

  @Test("that breaks off within a record is refused", arguments: [1, 47, 49, 95])
  func broken(count: Int) {
    #expect(throws: ProtocolError("\(count) bytes of stamps: a record has 48")) {
      try RequestStamps.decoded([UInt8](repeating: 0, count: count))
    }
  }
}
