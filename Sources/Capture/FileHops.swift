public import Model

/// Hops out of capture files: each packet is looked for in all of them, and the differences of its times are the hops.
public enum FileHops {
  public struct Options: Sendable {
    /// For how long, by the captures' clock, a packet is looked for at other taps after its first sight, in ns.
    public var horizon: Int64 = 10_000_000_000
    /// Whether taps are in the order in which they are given, from the client to the server. Else the order is inferred.
    public var isOrderGiven = false
    /// Bytes for the packets that are being looked for. Distributions take up to about as much again.
    public var memory = 192 << 20

    public init() {}
  }

  /// Reads all files side by side, in the order of time, and keeps no more of them than the horizon asks for.
  ///
  /// - Parameter paths: "-" is standard input. Each interface of each file is a tap.
  /// - Returns: the result, and what was wrong with files. What came before a fault is in the result.
  public static func analyze(
    _ paths: [String], _ options: Options = Options()
  ) -> (result: FileHopsResult, errors: [CaptureFileError]) {
    var pairing = HopPairing(horizon: options.horizon, memory: options.memory)
    var taps = TapLedger()
    var sources = paths.indices.map { CaptureSource(file: $0, path: paths[$0]) }
    for index in sources.indices { sources[index].advance(&taps, &pairing) }
    while let earliest = earliest(sources) {
      // As long as one file is ahead of the others there is nothing to choose.
      let limit = nextTime(sources, but: earliest)
      repeat {
        taps.count(sources[earliest].sight, isNew: pairing.enter(sources[earliest].sight))
        sources[earliest].advance(&taps, &pairing)
      } while sources[earliest].hasSight && sources[earliest].sight.time < limit
    }
    pairing.finish()
    var reduction = FileHopsReduction(sources: sources, taps: taps, pairing: pairing, options: options)
    return (reduction.result(), sources.compactMap(\.error))
  }

  /// The source whose next packet is the earliest; of several the first.
  private static func earliest(_ sources: [CaptureSource]) -> Int? {
    var found: Int?
    for index in sources.indices where sources[index].hasSight {
      if let best = found, sources[index].sight.time >= sources[best].sight.time { continue }
      found = index
    }
    return found
  }

  private static func nextTime(_ sources: [CaptureSource], but one: Int) -> Int64 {
    var least = Int64.max
    for index in sources.indices where index != one && sources[index].hasSight {
      least = min(least, sources[index].sight.time)
    }
    return least
  }
}

/// A file, and its next packet that can be matched.
struct CaptureSource {
  let file: Int
  let path: String
  private let reader: CaptureFileReader?
  private let key = IdentityHash.processKey
  private(set) var error: CaptureFileError?
  private(set) var sight = PacketSight()
  private(set) var hasSight = false
  /// The tap of each interface; -1 until its first packet.
  private var taps: [Int] = []
  private(set) var packets = 0

  init(file: Int, path: String) {
    self.file = file
    self.path = path
    do throws(CaptureFileError) {
      reader = try CaptureFileReader(path: path)
    } catch {
      reader = nil
      self.error = error
    }
  }

  var bytesRead: Int64 { reader?.bytesRead ?? 0 }
  var interfaces: [CaptureInterface] { reader?.interfaces ?? [] }
  /// The interfaces that have packets, with their taps.
  var used: [(interface: CaptureInterface, tap: Int)] {
    zip(interfaces, taps).filter { $1 >= 0 }.map { ($0, $1) }
  }

  /// Reads on to the next packet that can be matched, and enters all others in the books.
  mutating func advance(_ ledger: inout TapLedger, _ pairing: inout HopPairing) {
    hasSight = false
    guard let reader, error == nil else { return }
    do throws(CaptureFileError) {
      while !hasSight {
        let isThere = try reader.next { frame, info in
          packets += 1
          look(at: frame, info, &ledger, &pairing)
        }
        if !isThere { return }
      }
    } catch {
      self.error = error
    }
  }

  @inline(__always)
  private mutating func look(
    at frame: RawSpan, _ info: FrameInfo, _ ledger: inout TapLedger, _ pairing: inout HopPairing
  ) {
    let tap = info.interface < taps.count ? taps[info.interface] : -1
    if tap >= 0 {
      see(frame, info, tap, &ledger)
    } else if let tap = ledger.add(&pairing) {
      while taps.count <= info.interface { taps.append(-1) }
      taps[info.interface] = tap
      see(frame, info, tap, &ledger)
    }
  }

  @inline(__always)
  private mutating func see(_ frame: RawSpan, _ info: FrameInfo, _ tap: Int, _ ledger: inout TapLedger) {
    guard let time = info.time else {
      ledger.reject(tap, nil)
      return
    }
    ledger.note(time, at: tap, packet: packets)
    do throws(UndecodableReason) {
      let packet = try PacketDecoder.decode(frame, linkType: info.linkType, originalLength: info.originalLength)
      sight = PacketSight(packet, frame, key: key)
      sight.time = time
      sight.tap = tap
      hasSight = true
    } catch {
      ledger.reject(tap, error)
    }
  }
}

/// The books of all taps.
struct TapLedger {
  struct Entry {
    var used = 0
    var duplicates = 0
    var cutShort = 0
    var withoutTime = 0
    var undecodable: [UndecodableReason: Int] = [:]
    var backwards = 0
    var firstBackwards: Int?
    var last = Int64.min
    var earliest = Int64.max
    var latest = Int64.min

    var packets: Int { used + duplicates + withoutTime + undecodable.values.reduce(0, +) }
  }

  private(set) var entries: [Entry] = []
  /// Packets of interfaces beyond the most that there may be.
  private(set) var beyond = 0

  /// A tap for an interface that is new; nil if there are too many.
  mutating func add(_ pairing: inout HopPairing) -> Int? {
    guard entries.count < HopPairing.mostTaps else {
      beyond += 1
      return nil
    }
    pairing.addTap()
    entries.append(Entry())
    return entries.count - 1
  }

  @inline(__always)
  mutating func note(_ time: Int64, at tap: Int, packet: Int) {
    if time < entries[tap].last {
      entries[tap].backwards += 1
      if entries[tap].firstBackwards == nil { entries[tap].firstBackwards = packet }
    }
    entries[tap].last = time
    entries[tap].earliest = min(entries[tap].earliest, time)
    entries[tap].latest = max(entries[tap].latest, time)
  }

  @inline(__always)
  mutating func count(_ sight: PacketSight, isNew: Bool) {
    if isNew { entries[sight.tap].used += 1 } else { entries[sight.tap].duplicates += 1 }
    if sight.isCutShort { entries[sight.tap].cutShort += 1 }
  }

  /// - Parameter reason: nil for a packet without a time.
  mutating func reject(_ tap: Int, _ reason: UndecodableReason?) {
    if let reason { entries[tap].undecodable[reason, default: 0] += 1 } else { entries[tap].withoutTime += 1 }
  }
}
