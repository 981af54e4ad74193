/// A reproducible source of randomness (SplitMix64, Steele et al. 2014).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Latencies as they are: many around a mode, a long tail, few distinct values.
  mutating func latencies(_ count: Int) -> [UInt32] {
    (0..<count).map { _ in
      switch Int.random(in: 0..<20, using: &self) {
      case 0: UInt32.random(in: 0...UInt32.max, using: &self)
      case 1, 2: UInt32.random(in: 20_000...200_000, using: &self)
      default: UInt32.random(in: 9_000...9_500, using: &self)
      }
    }
  }
}
