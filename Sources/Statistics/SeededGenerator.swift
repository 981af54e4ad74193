/// Random numbers that a stored seed brings back, on every machine and with every version of the compiler.
///
/// xoshiro256**, its 256 bits of state filled by SplitMix64 from the seed. Neither the standard library's bounded
/// integers nor its shuffle are used for ``permutation(of:using:)``, as they may change from release to release.
///
/// Source: Blackman & Vigna, *Scrambled Linear Pseudorandom Number Generators* (2021); reference code at
/// prng.di.unimi.it.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
  private var s0: UInt64
  private var s1: UInt64
  private var s2: UInt64
  private var s3: UInt64

  /// A generator whose every output is determined by the seed.
  public init(seed: UInt64) {
    var filler = SplitMix64(state: seed)
    self.init(state: (filler.next(), filler.next(), filler.next(), filler.next()))
  }

  /// A generator with a given state, of which not all four words may be zero.
  init(state: (UInt64, UInt64, UInt64, UInt64)) {
    precondition(state.0 | state.1 | state.2 | state.3 != 0, "the state of the generator must not be all zero")
    (s0, s1, s2, s3) = state
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let product = s1 &* 5
    let result = ((product << 7) | (product >> 57)) &* 9
    let shifted = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << 45) | (s3 >> 19)
    return result
  }

  /// A number from 0 up to, not including, `bound`, each equally likely: numbers from the incomplete last turn of the
  /// remainder are thrown away.
  ///
  /// - Parameter bound: at least 1.
  public mutating func number(below bound: UInt64) -> UInt64 {
    precondition(bound > 0, "there is no number below 0")
    let rejected = (0 &- bound) % bound
    while true {
      let bits = next()
      if bits >= rejected { return bits % bound }
    }
  }

  /// A number from 0 up to, not including, 1: the upper 53 bits ÷ 2⁵³.
  public mutating func unitInterval() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// The elements in random order, each order equally likely: Fisher & Yates' shuffle from the end, as in Knuth, *The Art
  /// of Computer Programming* 2, §3.4.2, algorithm P.
  public static func permutation<Element>(of elements: [Element], using generator: inout SeededGenerator) -> [Element] {
    var result = elements
    var last = result.count - 1
    while last > 0 {
      result.swapAt(last, Int(generator.number(below: UInt64(last + 1))))
      last -= 1
    }
    return result
  }
}

/// Turns a seed, even a small one, into well-mixed words. Source: Steele, Lea & Flood, OOPSLA 2014; Vigna's reference code.
struct SplitMix64: Sendable {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
