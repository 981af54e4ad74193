internal import Glibc

/// The packets of the last seconds and when each tap saw them: a hash table with open addressing over plain words.
///
/// Packets are never removed one by one. There are two of these tables; when the younger is full, or covers the horizon,
/// the older is given up as a whole and takes its place.
struct SightTable {
  /// No tap has seen the packet yet.
  static let unseen = Int64.min

  /// What a row says of its packet.
  struct Marks: OptionSet {
    let rawValue: UInt64
    /// Not of bench's workloads.
    static let other = Marks(rawValue: 1)
    /// From the server to the client.
    static let backward = Marks(rawValue: 2)
    /// Seen again where nothing told it from an equal packet.
    static let ambiguous = Marks(rawValue: 4)
    /// 0…3, by the first two marks.
    var group: Int { Int(rawValue & 3) }
  }

  /// Words of a row before its times: the identity's two, and the marks.
  private static let head = 3
  private static let recentPackets = 1 << 13

  /// Rows of `width` words, in the order in which their packets were first seen, and room for more.
  private var rows: [UInt64] = []
  private var width: Int
  /// For each slot the upper half of a hash, and 1 + the row's number below it; 0 for an empty one.
  private var slots: [UInt64]
  /// By the hash's last bits, 1 + the row of the packet that was added last with these; 0 for none. Most packets are met
  /// again at once, and this is small enough to stay in the processor's cache, where `slots` is not.
  private var recent = [UInt32](repeating: 0, count: recentPackets)
  private(set) var count = 0
  /// When the first of its packets was seen.
  private(set) var start: Int64?

  init(taps: Int) {
    width = Self.head + taps
    slots = [UInt64](repeating: 0, count: 1 << 12)
  }

  /// Bytes that one packet takes: its row, and two slots on average at the greatest load.
  static func bytesPerPacket(taps: Int) -> Int { (head + taps) * 8 + 32 }

  @inline(__always)
  func find(_ identity: PacketIdentity) -> Int? {
    if count == 0 { return nil }
    let latest = Int(recent[Int(truncatingIfNeeded: identity.low) & (Self.recentPackets - 1)]) - 1
    if latest >= 0 && isRow(latest, identity) { return latest }
    return search(identity)
  }

  @inline(__always)
  private func isRow(_ row: Int, _ identity: PacketIdentity) -> Bool {
    rows[row * width] == identity.high && rows[row * width + 1] == identity.low
  }

  private func search(_ identity: PacketIdentity) -> Int? {
    var slot = slot(identity)
    let tag = identity.high & ~0xffff_ffff
    while slots[slot] != 0 {
      if slots[slot] & ~0xffff_ffff == tag {
        let row = Int(slots[slot] & 0xffff_ffff) - 1
        if isRow(row, identity) { return row }
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Adds a packet that is not there.
  @inline(__always)
  mutating func insert(_ identity: PacketIdentity, marks: Marks, tap: Int, time: Int64) {
    if count == 0 { start = time }
    var slot = slot(identity)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    let row = count
    count += 1
    slots[slot] = identity.high & ~0xffff_ffff | UInt64(count)
    recent[Int(truncatingIfNeeded: identity.low) & (Self.recentPackets - 1)] = UInt32(count)
    let first = row * width
    if rows.count < first + width {
      rows = Self.words(rows.count + max(rows.count / 2, 1024 * width), beginning: rows)
    }
    rows[first] = identity.high
    rows[first + 1] = identity.low
    rows[first + 2] = marks.rawValue
    for other in first + Self.head..<first + width { rows[other] = UInt64(bitPattern: Self.unseen) }
    rows[first + Self.head + tap] = UInt64(bitPattern: time)
    if count * 2 > slots.count { grow() }
  }

  private mutating func grow() {
    slots = Self.words(slots.count * 2)
    for row in 0..<count {
      let identity = PacketIdentity(high: rows[row * width], low: rows[row * width + 1])
      var slot = slot(identity)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = identity.high & ~0xffff_ffff | UInt64(row + 1)
    }
  }

  /// Words of 0 behind those of `beginning`, on huge pages where the kernel gives any: packets lie about in tens of MiB,
  /// and on small pages each look at one misses the TLB, too (4 to 8 % of the whole time).
  private static func words(_ count: Int, beginning: [UInt64] = []) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: count) { buffer, initialized in
      advise(UnsafeMutableRawBufferPointer(buffer))
      _ = buffer.initialize(fromContentsOf: beginning)
      buffer[beginning.count...].initialize(repeating: 0)
      initialized = count
    }
  }

  /// Before the memory is touched for the first time. It is advice: nothing depends on its being taken.
  private static func advise(_ memory: UnsafeMutableRawBufferPointer) {
    let page = 4096
    let offset = -Int(bitPattern: memory.baseAddress) & (page - 1)
    guard memory.count > 1 << 21, let start = memory.baseAddress?.advanced(by: offset) else { return }
    madvise(start, (memory.count - offset) & ~(page - 1), MADV_HUGEPAGE)
  }

  @inline(__always)
  private func slot(_ identity: PacketIdentity) -> Int { Int(truncatingIfNeeded: identity.low) & (slots.count - 1) }

  @inline(__always)
  func time(_ row: Int, _ tap: Int) -> Int64 { Int64(bitPattern: rows[row * width + Self.head + tap]) }

  @inline(__always)
  mutating func setTime(_ row: Int, _ tap: Int, _ time: Int64) {
    rows[row * width + Self.head + tap] = UInt64(bitPattern: time)
  }

  @inline(__always)
  func marks(_ row: Int) -> Marks { Marks(rawValue: rows[row * width + 2]) }

  @inline(__always)
  mutating func mark(_ row: Int, _ marks: Marks) { rows[row * width + 2] |= marks.rawValue }

  /// Makes room for more taps, which have seen nothing yet.
  mutating func widen(taps: Int) {
    let wider = Self.head + taps
    var moved: [UInt64] = []
    moved.reserveCapacity(count * wider)
    for row in 0..<count {
      moved.append(contentsOf: rows[row * width..<(row + 1) * width])
      for _ in width..<wider { moved.append(UInt64(bitPattern: Self.unseen)) }
    }
    rows = moved
    width = wider
  }

  /// Forgets everything but keeps the room.
  mutating func clear() {
    for slot in slots.indices { slots[slot] = 0 }
    for slot in recent.indices { recent[slot] = 0 }
    count = 0
    start = nil
  }
}
