/// Order statistics without a full sort: the Walsh averages of 40 pairs are 820 numbers, of 1000 pairs 500 500,
/// and only three of them are wanted.
enum Selection {
  /// Reorders `values` so that position `rank` (from 0) holds the value that a sort would put there, with nothing
  /// larger before it and nothing smaller behind it. Hoare's FIND with the median of three; linear on average.
  static func select(_ rank: Int, in values: UnsafeMutableBufferPointer<Double>) -> Double {
    precondition(rank >= 0 && rank < values.count, "rank outside the values")
    // The raw pointer keeps unoptimised builds fast; it does not leave this function.
    let base = values.baseAddress.unsafelyUnwrapped
    var left = 0
    var right = values.count - 1
    while left < right {
      let middle = left + (right - left) / 2
      let first = base[left]
      let second = base[middle]
      let third = base[right]
      let pivot = max(min(first, second), min(max(first, second), third))
      var i = left
      var j = right
      while i <= j {
        while base[i] < pivot { i += 1 }
        while pivot < base[j] { j -= 1 }
        if i <= j {
          let swapped = base[i]
          base[i] = base[j]
          base[j] = swapped
          i += 1
          j -= 1
        }
      }
      if rank <= j {
        right = j
      } else if rank >= i {
        left = i
      } else {
        return base[rank]
      }
    }
    return base[rank]
  }

  /// The median of `values` (which are reordered): the middle one, or the mean of the middle two.
  static func median(of values: UnsafeMutableBufferPointer<Double>) -> Double {
    let count = values.count
    let upper = select(count / 2, in: values)
    guard count.isMultiple(of: 2) else { return upper }
    let base = values.baseAddress.unsafelyUnwrapped
    var lower = base[0]
    var index = 1
    while index < count / 2 {
      lower = max(lower, base[index])
      index += 1
    }
    return (lower + upper) / 2
  }
}
