/// Durations in whole nanoseconds, each distinct value with its count: quantiles are those of the values themselves.
///
/// Nearly all values of a hop lie within some milliseconds, and are counted in pages of a window that begins where the
/// first value says; the others are kept in order and compacted now and then. So memory is that of the distinct values,
/// whatever the number of values, and bounded by a ``Budget`` that distributions share.
struct ExactDistribution {
  /// Room that several distributions share.
  struct Budget {
    /// Pages of 4 KiB, and distinct values outside of windows, of 16 bytes.
    var pages = 24_576
    var strays = 3_000_000
    /// Values that found no room. They are in counts, minima and maxima, and in no quantile.
    var lost = 0
  }

  private static let pageBits = 10
  private static let pageSize = 1 << pageBits
  /// The window: 2²³ ns, 8.4 ms.
  private static let pages = 8192
  private static let compactAt = 8192

  private(set) var count = 0
  private(set) var minimum = Int64.max
  private(set) var maximum = Int64.min
  private var base: Int64 = 0
  /// For each page of the window where it begins in `counts`; -1 for none.
  private var starts: [Int32] = []
  private var counts: [UInt32] = []
  /// Values outside of the window: distinct ones, ascending, with their counts, and new ones in any order.
  private var strays: [Stray] = []
  private var fresh: [Int64] = []

  private struct Stray {
    var value: Int64
    var count: Int
  }

  @inline(__always)
  mutating func add(_ value: Int64, _ budget: inout Budget) {
    if count == 0 { begin(value) }
    count += 1
    minimum = min(minimum, value)
    maximum = max(maximum, value)
    // A value below the base wraps around and lies beyond the window.
    let offset = UInt64(bitPattern: value &- base)
    if offset < UInt64(Self.pages << Self.pageBits) {
      let start = starts[Int(offset >> UInt64(Self.pageBits))]
      if start >= 0 {
        let cell = Int(start) + Int(offset) & (Self.pageSize - 1)
        if counts[cell] < .max {
          counts[cell] += 1
          return
        }
      }
    }
    addSlowly(value, offset, &budget)
  }

  /// The window reaches about 4 ms to both sides: of 0 if that holds the first value, else of the first value.
  private mutating func begin(_ value: Int64) {
    let half = Int64(Self.pages << Self.pageBits) / 2
    base = value > -half && value < half ? -half : min(max(value, .min + half), .max - half) - half
    starts = [Int32](repeating: -1, count: Self.pages)
  }

  @inline(never)
  private mutating func addSlowly(_ value: Int64, _ offset: UInt64, _ budget: inout Budget) {
    if offset < UInt64(Self.pages << Self.pageBits) {
      let page = Int(offset >> UInt64(Self.pageBits))
      if starts[page] < 0 && budget.pages > 0 {
        budget.pages -= 1
        starts[page] = Int32(counts.count)
        counts.append(contentsOf: repeatElement(0, count: Self.pageSize))
        counts[Int(starts[page]) + Int(offset) & (Self.pageSize - 1)] = 1
        return
      }
    }
    fresh.append(value)
    if fresh.count >= Self.compactAt { compact(&budget) }
  }

  /// Takes new strays among the others.
  private mutating func compact(_ budget: inout Budget) {
    let added = fresh.sorted()
    fresh.removeAll(keepingCapacity: true)
    var merged: [Stray] = []
    merged.reserveCapacity(strays.count + added.count)
    var old = 0
    for value in added {
      while old < strays.count && strays[old].value < value {
        merged.append(strays[old])
        old += 1
      }
      if old < strays.count && strays[old].value == value {
        strays[old].count += 1
      } else if let last = merged.last, last.value == value {
        merged[merged.count - 1].count += 1
      } else if budget.strays > 0 {
        budget.strays -= 1
        merged.append(Stray(value: value, count: 1))
      } else {
        budget.lost += 1
      }
    }
    merged.append(contentsOf: strays[old...])
    strays = merged
  }

  /// The values at these ranks, which count from 1 and ascend.
  /// - Parameter isNegated: whether to take the distribution of the negated values.
  mutating func values(atRanks ranks: [Int], isNegated: Bool = false, _ budget: inout Budget) -> [Int64] {
    if !fresh.isEmpty { compact(&budget) }
    var found: [Int64] = []
    var seen = 0
    // Values that found no room have no rank; the last known value stands for ranks beyond.
    var last: Int64 = 0
    forEach(descending: isNegated) { value, count in
      last = isNegated ? 0 &- value : value
      seen += count
      while found.count < ranks.count && ranks[found.count] <= seen { found.append(last) }
    }
    while found.count < ranks.count { found.append(last) }
    return found
  }

  /// Every distinct value with its count, in order.
  private func forEach(descending: Bool, _ body: (Int64, Int) -> Void) {
    let order = descending ? Array(strays.reversed()) : strays
    var next = 0
    func flush(before value: Int64?) {
      while next < order.count, value.map({ descending ? order[next].value > $0 : order[next].value < $0 }) ?? true {
        body(order[next].value, order[next].count)
        next += 1
      }
    }
    for step in starts.indices {
      let page = descending ? starts.count - 1 - step : step
      guard starts[page] >= 0 else { continue }
      for cellStep in 0..<Self.pageSize {
        let cell = descending ? Self.pageSize - 1 - cellStep : cellStep
        let count = counts[Int(starts[page]) + cell]
        if count == 0 { continue }
        let value = base &+ Int64(page << Self.pageBits | cell)
        flush(before: value)
        body(value, Int(count))
      }
    }
    flush(before: nil)
  }
}
