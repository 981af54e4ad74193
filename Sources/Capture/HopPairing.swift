/// Joins the sights of packets at several taps, which come in the order of time, to hops: in bounded memory, one packet
/// after the other.
struct HopPairing {
  /// More places than anybody looks at at once; each pair of them has distributions of its own.
  static let mostTaps = 32
  /// Messages and other packets, forward and backward: ``SightTable/Marks/group``.
  static let groups = 4

  /// What became of the packets of one group.
  struct Books {
    var packets = 0
    var paired = 0
    var ambiguous = 0
    /// Those seen at one tap only, for each tap.
    var alone: [Int] = []
  }

  private let horizon: Int64
  /// Packets that one of the two tables may hold.
  private let memory: Int
  private var capacity = 0
  private var younger: SightTable
  private var older: SightTable
  private var flows = FlowTable()
  private(set) var taps = 0
  private(set) var books = [Books](repeating: Books(), count: groups)
  /// For each group and pair of taps i < j: the later tap's time − the earlier one's. Row-major, groups × taps × taps.
  private var pairs: [ExactDistribution] = []
  /// For each tap: reply − request.
  private var roundTrips: [ExactDistribution] = []
  private var budget = ExactDistribution.Budget()
  /// The least time for which a packet was remembered, where memory and not the horizon was the limit.
  private(set) var shortest: Int64?

  /// - Parameters:
  ///   - horizon: how much later than its first sight a packet may be seen at another tap, in ns.
  ///   - memory: bytes that the remembered packets may take.
  init(horizon: Int64, memory: Int) {
    self.horizon = horizon
    self.memory = memory
    younger = SightTable(taps: 0)
    older = SightTable(taps: 0)
  }

  /// Packets of flows that found no room, and values of distributions that found none.
  var forgotten: Int { flows.forgotten }
  var lost: Int { budget.lost }

  mutating func addTap() {
    let more = taps + 1
    younger.widen(taps: more)
    older.widen(taps: more)
    var wider: [ExactDistribution] = []
    wider.reserveCapacity(Self.groups * more * more)
    for group in 0..<Self.groups {
      for a in 0..<more {
        for b in 0..<more { wider.append(a < taps && b < taps ? pairs[pair(group, a, b)] : ExactDistribution()) }
      }
      books[group].alone.append(0)
    }
    pairs = wider
    roundTrips.append(ExactDistribution())
    taps = more
    capacity = max(1024, memory / 2 / SightTable.bytesPerPacket(taps: more))
  }

  @inline(__always)
  private func pair(_ group: Int, _ a: Int, _ b: Int) -> Int { (group * taps + a) * taps + b }

  /// Enters one sight.
  /// - Returns: false for a further sight of the packet at the same tap.
  mutating func enter(_ sight: PacketSight) -> Bool {
    if let start = younger.start, younger.count >= capacity || Self.difference(sight.time, start) > horizon {
      if younger.count >= capacity {
        let span = max(0, Self.difference(sight.time, start))
        if span < horizon { shortest = min(shortest ?? .max, span) }
      }
      turn()
    }
    let isNew: Bool
    if let row = younger.find(sight.identity) {
      isNew = Self.meet(sight, &younger, row, &flows)
    } else if let row = older.find(sight.identity), isWithinHorizon(sight.time, row) {
      isNew = Self.meet(sight, &older, row, &flows)
    } else {
      var marks: SightTable.Marks = []
      switch sight.kind {
      case .request: break
      case .reply: marks = .backward
      case .other: marks = flows.isForward(sight, known: nil) ? .other : [.other, .backward]
      }
      younger.insert(sight.identity, marks: marks, tap: sight.tap, time: sight.time)
      isNew = true
    }
    if isNew && sight.kind == .reply { join(sight) }
    return isNew
  }

  /// Whether a packet of the older table was first seen no longer than the horizon ago. Those of the younger were.
  @inline(__always)
  private func isWithinHorizon(_ time: Int64, _ row: Int) -> Bool {
    var first = Int64.max
    for tap in 0..<taps {
      let seen = older.time(row, tap)
      if seen != SightTable.unseen { first = min(first, seen) }
    }
    return Self.difference(time, first) <= horizon
  }

  @inline(__always)
  private static func meet(
    _ sight: PacketSight, _ table: inout SightTable, _ row: Int, _ flows: inout FlowTable
  ) -> Bool {
    if table.time(row, sight.tap) != SightTable.unseen {
      if !sight.isDistinct { table.mark(row, .ambiguous) }
      return false
    }
    table.setTime(row, sight.tap, sight.time)
    if sight.kind == .other { _ = flows.isForward(sight, known: !table.marks(row).contains(.backward)) }
    return true
  }

  /// A reply's first sight at a tap ends the round trip beyond it.
  private mutating func join(_ sight: PacketSight) {
    let time: Int64
    if let row = younger.find(sight.related) {
      time = younger.time(row, sight.tap)
    } else if let row = older.find(sight.related) {
      time = older.time(row, sight.tap)
    } else {
      return
    }
    if time != SightTable.unseen { roundTrips[sight.tap].add(Self.difference(sight.time, time), &budget) }
  }

  /// Gives up the older packets.
  private mutating func turn() {
    reduce(older)
    older.clear()
    swap(&older, &younger)
  }

  /// Gives up all packets: there are no more to come.
  mutating func finish() {
    turn()
    turn()
  }

  private mutating func reduce(_ table: SightTable) {
    for row in 0..<table.count {
      let marks = table.marks(row)
      let group = marks.group
      books[group].packets += 1
      var first = -1
      var seen = 0
      let isAmbiguous = marks.contains(.ambiguous)
      for a in 0..<taps {
        let early = table.time(row, a)
        if early == SightTable.unseen { continue }
        seen += 1
        first = a
        if isAmbiguous { continue }
        for b in a + 1..<max(a + 1, taps) {
          let late = table.time(row, b)
          if late != SightTable.unseen {
            pairs[pair(group, a, b)].add(Self.difference(late, early), &budget)
          }
        }
      }
      if isAmbiguous {
        books[group].ambiguous += 1
      } else if seen > 1 {
        books[group].paired += 1
      } else {
        books[group].alone[first] += 1
      }
    }
  }

  /// a − b, or the nearest number that there is.
  @inline(__always)
  private static func difference(_ a: Int64, _ b: Int64) -> Int64 {
    let (difference, isTooLarge) = a.subtractingReportingOverflow(b)
    return isTooLarge ? (a < b ? .min + 1 : .max) : difference
  }

  // MARK: What came of it

  /// How many packets of a group both taps have seen.
  func common(_ group: Int, _ a: Int, _ b: Int) -> Int { pairs[pair(group, min(a, b), max(a, b))].count }

  /// The median of b's time − a's; nil without common packets.
  mutating func median(_ group: Int, from a: Int, to b: Int) -> Int64? { summary(group, from: a, to: b, [50])?.first }

  /// The minimum, the given percentiles by nearest rank, and the maximum of b's time − a's; nil without common packets.
  mutating func hop(_ group: Int, from a: Int, to b: Int) -> (count: Int, values: [Int64])? {
    let index = pair(group, min(a, b), max(a, b))
    return Self.summary(&pairs[index], isNegated: a > b, &budget)
  }

  mutating func roundTrip(_ tap: Int) -> (count: Int, values: [Int64])? {
    Self.summary(&roundTrips[tap], isNegated: false, &budget)
  }

  private mutating func summary(_ group: Int, from a: Int, to b: Int, _ percentiles: [Int]) -> [Int64]? {
    let index = pair(group, min(a, b), max(a, b))
    let count = pairs[index].count
    if count == 0 { return nil }
    return pairs[index].values(
      atRanks: percentiles.map { (count * $0 + 99) / 100 }, isNegated: a > b, &budget)
  }

  /// min, p50, p90, p99, max.
  private static func summary(
    _ distribution: inout ExactDistribution, isNegated: Bool, _ budget: inout ExactDistribution.Budget
  ) -> (count: Int, values: [Int64])? {
    let count = distribution.count
    if count == 0 { return nil }
    let inner = distribution.values(
      atRanks: [50, 90, 99].map { (count * $0 + 99) / 100 }, isNegated: isNegated, &budget)
    let ends =
      isNegated
      ? [0 &- distribution.maximum, 0 &- distribution.minimum] : [distribution.minimum, distribution.maximum]
    return (count, [ends[0]] + inner + [ends[1]])
  }
}
