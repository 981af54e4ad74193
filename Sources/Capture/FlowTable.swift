/// Which of a flow's two endpoints is the client: who sent first. Open addressing over plain words.
struct FlowTable {
  /// At most this many flows are remembered: 64 MiB.
  private static let mostFlows = 2_000_000

  /// Two words a slot: the flow's identity, of which the last bit says whether the client is the lesser endpoint.
  private var slots = [UInt64](repeating: 0, count: 2 << 10)
  private var count = 0
  /// Packets of flows that found no room. Who is the client there is not known.
  private(set) var forgotten = 0

  /// Whether the packet goes from the client to the server.
  /// - Parameter known: the answer, if it is known by another sight of the same packet, where NAT had it belong to
  ///   another flow.
  @inline(__always)
  mutating func isForward(_ sight: PacketSight, known: Bool?) -> Bool {
    let low = sight.related.low | 1
    var slot = slot(sight.related.high)
    while slots[slot + 1] != 0 {
      if slots[slot] == sight.related.high && slots[slot + 1] | 1 == low {
        return (slots[slot + 1] & 1 == 1) == sight.isFromLesser
      }
      slot = (slot + 2) & (slots.count - 1)
    }
    return insert(sight, known: known, at: slot)
  }

  @inline(never)
  private mutating func insert(_ sight: PacketSight, known: Bool?, at slot: Int) -> Bool {
    let isForward = known ?? !sight.isAcceptance
    if count >= Self.mostFlows {
      forgotten += 1
      return isForward
    }
    count += 1
    slots[slot] = sight.related.high
    slots[slot + 1] = sight.related.low & ~1 | (isForward == sight.isFromLesser ? 1 : 0)
    if count * 4 > slots.count { grow() }
    return isForward
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: old.count * 2)
    for from in stride(from: 0, to: old.count, by: 2) where old[from + 1] != 0 {
      var slot = slot(old[from])
      while slots[slot + 1] != 0 { slot = (slot + 2) & (slots.count - 1) }
      slots[slot] = old[from]
      slots[slot + 1] = old[from + 1]
    }
  }

  @inline(__always)
  private func slot(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash &* 2) & (slots.count - 1) }
}
