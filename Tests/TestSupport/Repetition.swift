/// Measures again, with a longer window, until there is enough to look at. Windows are times and not numbers of operations:
/// how many of these one holds is for the host to say, and beside busy neighbours each can take some ms.
///
/// What holds of however many there were is to be checked in `body`, each time; what takes that many, afterwards.
/// - Parameters:
///   - first: the first window, in ns. Those of 1, 4 and 16 s follow, as far as they are longer.
///   - isEnough: whether what `body` has returned will do.
/// - Returns: what the last window gave, be it enough or not.
public func withGrowingWindow<Outcome>(
  from first: UInt64, _ body: (_ window: UInt64) throws -> Outcome, until isEnough: (Outcome) throws -> Bool
) rethrows -> Outcome {
  var outcome = try body(first)
  for seconds in [1, 4, 16] as [UInt64] where seconds * 1_000_000_000 > first {
    if try isEnough(outcome) { break }
    outcome = try body(seconds * 1_000_000_000)
  }
  return outcome
}

/// Does again what somebody else may undo at any moment: another process of the host, or another test, may drop the page
/// cache, or write back what is dirty, or take the CPU away.
/// - Parameters:
///   - times: how often at the most.
///   - holds: whether what `body` has returned was left alone.
/// - Returns: what `body` has returned last, whether that holds or not.
public func repeated<Outcome>(
  upTo times: Int = 20, _ body: () throws -> Outcome, until holds: (Outcome) throws -> Bool
) rethrows -> Outcome {
  var outcome = try body()
  for _ in 1..<times {
    if try holds(outcome) { break }
    outcome = try body()
  }
  return outcome
}
