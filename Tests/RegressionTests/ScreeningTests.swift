import Foundation
import Regression
import Statistics
import Testing

@Suite("Tonight is screened against the nights before")
struct ScreeningTests {
  /// `series` × `nights` of normal noise around levels of their own, each night moved as a whole by its mood.
  private static func history(
    series: Int, nights: Int, spread: Double, mood: Double = 0, seed: UInt64
  ) -> (history: [[Double?]], tonight: [Double?]) {
    var noise = Noise(seed: seed)
    let moods = (0...nights).map { _ in mood * noise.normal() }
    let rows = (0..<series).map { series in moods.map { Double(series) * 0.1 + $0 + spread * noise.normal() } }
    return (rows.map { $0.dropLast().map(Optional.some) }, rows.map(\.last))
  }

  @Test func theStatisticIsTheOneOfTheRule() throws {
    // One series: no mood, so that every step can be followed by hand.
    let values = (1...20).map { Double($0) / 100 }
    let outcome = Screening.screen(history: [values], tonight: [0.35], isCost: [true])
    #expect(outcome.common == nil)
    #expect(outcome.nights == 20)
    let series = try #require(outcome.series[0])
    // The median is 10.5, the absolute deviations are 0.5, 0.5, 1.5, … 9.5: their median is 5.
    let spread = 1.4826 * 0.05
    let t = (0.35 - 0.105) / (spread * (1 + 1.57 / 20).squareRoot())
    #expect(abs(series.median - 0.105) < 1e-12)
    #expect(abs(series.spread - spread) < 1e-12)
    #expect(abs(series.shift - 0.245) < 1e-12)
    #expect(abs(series.t - t) < 1e-9)
    #expect(abs(series.pValue - StudentT.upperTail(t, degreesOfFreedom: 19)) < 1e-12)
    #expect(series.isFlagged && !series.isBetter && series.nights == 20)
  }

  @Test func worseIsLowerWhereMoreIsBetter() throws {
    let values: [Double?] = (0..<20).map { (Double($0) - 9.5) / 1000 }
    let outcome = Screening.screen(
      history: [values, values, values, values], tonight: [0.1, -0.1, 0.1, -0.1], isCost: [true, true, false, false])
    let found = try outcome.series.map { try #require($0) }
    #expect(found.map(\.isFlagged) == [true, false, false, true])
    #expect(found.map(\.isBetter) == [false, true, true, false])
    #expect(found.map { $0.shift > 0 } == [true, false, true, false])
    #expect(found.map { $0.t > 0 } == [true, false, true, false])
    #expect(abs(found[0].pValue - found[3].pValue) < 1e-12 && abs(found[1].pValue - found[2].pValue) < 1e-12)
    #expect(found[0].pValue < 0.01 && found[1].pValue > 0.99)
  }

  @Test func aNightThatIsSlowAltogetherFlagsNothing() throws {
    var (history, tonight) = Self.history(series: 40, nights: 30, spread: 0.01, seed: 1)
    tonight = tonight.map { $0.map { $0 + 0.2 } }
    let isCost = [Bool](repeating: true, count: 40)
    let all = Screening.screen(history: history, tonight: tonight, isCost: isCost)
    #expect(abs(try #require(all.common) - 0.2) < 0.01)
    #expect(all.series.count { $0?.isFlagged ?? false } <= 3)
    // One of them by 5 % more than the others.
    tonight[7] = tonight[7].map { $0 + 0.05 }
    let one = Screening.screen(history: history, tonight: tonight, isCost: isCost)
    #expect(one.series[7]?.isFlagged == true)
    #expect(abs(try #require(one.series[7]).shift - 0.05) < 0.03)
    // A rate goes down where a time goes up: what they have in common has one sign.
    history = history.enumerated().map { $0.offset.isMultiple(of: 2) ? $0.element : $0.element.map { $0.map { -$0 } } }
    tonight = tonight.enumerated().map { $0.offset.isMultiple(of: 2) ? $0.element : $0.element.map { -$0 } }
    let mixed = Screening.screen(
      history: history, tonight: tonight, isCost: isCost.indices.map { $0.isMultiple(of: 2) })
    #expect(abs(try #require(mixed.common) - #require(one.common)) < 1e-12)
    for (first, second) in zip(one.series, mixed.series) {
      #expect(abs(try #require(first).pValue - #require(second).pValue) < 1e-9)
    }
  }

  @Test func theMoodsOfThePastAreNotInTheSpread() throws {
    let (history, tonight) = Self.history(series: 60, nights: 40, spread: 0.005, mood: 0.05, seed: 2)
    let outcome = Screening.screen(history: history, tonight: tonight, isCost: [Bool](repeating: true, count: 60))
    for series in outcome.series { #expect(try #require(series).spread < 0.012) }
    // With too few series there is no telling a mood: it stays in the spread, of every night alike.
    let few = Screening.screen(
      history: Array(history.prefix(7)), tonight: Array(tonight.prefix(7)), isCost: [Bool](repeating: true, count: 7))
    #expect(few.common == nil)
    for series in few.series { #expect(try #require(series).spread > 0.025) }
  }

  @Test("one that regressed does not vanish in what all have in common", arguments: [1, 2, 3, 7, 8, 9, 20])
  func few(count: Int) throws {
    var found = 0
    for seed in 0..<20 {
      var (history, tonight) = Self.history(series: count, nights: 30, spread: 0.01, seed: 100 + UInt64(seed))
      tonight[0] = tonight[0].map { $0 + 0.1 }
      let outcome = Screening.screen(history: history, tonight: tonight, isCost: [Bool](repeating: true, count: count))
      #expect((outcome.common != nil) == (count >= Screening.seriesNeeded))
      if outcome.series[0]?.isFlagged == true { found += 1 }
    }
    #expect(found >= 19)
  }

  @Test func aHistoryThatIsTooShortIsNotScreened() {
    let row = [Double?](repeating: 0, count: 20)
    var gap = row
    gap[3] = nil
    var infinite = row
    infinite[3] = -.infinity
    let outcome = Screening.screen(
      history: [row, gap, row, infinite], tonight: [0, 0, nil, 0], isCost: [true, true, true, true])
    #expect(outcome.series.map { $0 != nil } == [true, false, false, false])
    #expect(Screening.screen(history: [], tonight: [], isCost: []).series.isEmpty)
    let new = Screening.screen(history: [[], []], tonight: [0, 1], isCost: [true, true])
    #expect(new.nights == 0 && new.series == [nil, nil] && new.common == nil)
  }

  @Test func gapsAreNoValues() throws {
    var (history, tonight) = Self.history(series: 12, nights: 60, spread: 0.01, mood: 0.02, seed: 3)
    for series in history.indices {
      for night in 0..<60 where (night + series).isMultiple(of: 3) { history[series][night] = nil }
    }
    tonight[4] = tonight[4].map { $0 + 0.1 }
    let outcome = Screening.screen(history: history, tonight: tonight, isCost: [Bool](repeating: true, count: 12))
    #expect(outcome.nights == 60)
    #expect(outcome.series.allSatisfy { $0?.nights == 40 })
    #expect(outcome.series[4]?.isFlagged == true)
  }

  @Test func valuesThatNeverVariedAreNoProofOfNoSpread() throws {
    let equal = [Double?](repeating: 0.5, count: 25)
    // More than half are equal; the others are as far off as tonight is.
    let mostly: [Double?] = (0..<25).map { $0 < 14 ? 0.5 : ($0.isMultiple(of: 2) ? 0.4 : 0.6) }
    let outcome = Screening.screen(
      history: [equal, equal, mostly, mostly], tonight: [0.51, 0.53, 0.6, 0.9], isCost: [true, true, true, true])
    let found = try outcome.series.map { try #require($0) }
    #expect(found.allSatisfy { $0.t.isFinite && $0.spread >= Screening.smallestSpread })
    // Below 2 %, above it; within what the others do, and far outside.
    #expect(found.map(\.isFlagged) == [false, true, false, true])
  }

  @Test func twoPerCentIsTheLeast() throws {
    let row: [Double?] = (0..<40).map { 0.001 * Double($0 % 5 - 2) }
    let tonight = [log(1.019), log(1.021), -log(1.019), -log(1.021)]
    let outcome = Screening.screen(
      history: [row, row, row, row], tonight: tonight, isCost: [true, true, true, true])
    let found = try outcome.series.map { try #require($0) }
    #expect(found.map(\.isFlagged) == [false, true, false, false])
    #expect(found.map(\.isBetter) == [false, false, false, true])
    #expect(found[0].pValue < 1e-6)
  }
}
