import Foundation
import Model
import Regression
import Statistics
import Testing

@Suite("Today's worker against the pinned one")
struct ConfirmingTests {
  /// All of one sign, around `effect`, with `opposite` of them on the other side.
  private static func differences(_ effect: Double, opposite: Int = 0, count: Int = 16) -> [Double] {
    (0..<count).map { index in
      let size = effect * (1 + 0.05 * Double((index * 7) % count - count / 2) / Double(count))
      return index % 5 == 2 && index / 5 < opposite ? -size * 0.1 : size
    }
  }

  @Test func aSlowdownIsARegression() throws {
    let confirmed = try #require(
      Confirming.judge([Candidate(differences: Self.differences(log(1.05)), isCost: true)]).first)
    #expect(confirmed.isWorse)
    #expect(try #require(confirmed.pValue) == exp2(-16))
    #expect(confirmed.adjustedP == confirmed.pValue)
    let ratio = try #require(confirmed.ratio)
    #expect(abs(ratio.estimate - 1.05) < 0.003)
    #expect(ratio.low <= ratio.estimate && ratio.estimate <= ratio.high && ratio.low > 1)
    #expect(ratio.confidence == 0.99 && ratio.n == 16)
    #expect(confirmed.reason.contains("% worse than with the pinned worker (p = 1.5e-05 after Holm over 1 series)."))
  }

  @Test func worseIsLowerWhereMoreIsBetter() {
    let down = Self.differences(-log(1.05))
    let up = Self.differences(log(1.05))
    let confirmed = Confirming.judge([
      Candidate(differences: down, isCost: false), Candidate(differences: down, isCost: true),
      Candidate(differences: up, isCost: false), Candidate(differences: up, isCost: true),
    ])
    #expect(confirmed.map(\.isWorse) == [true, false, false, true])
    #expect(confirmed[0].pValue == confirmed[3].pValue)
    #expect(confirmed[1].pValue == 1 && confirmed[2].pValue == 1)
    #expect(confirmed[1].reason.contains("% better"))
  }

  @Test("the estimate must be 2 % worse", arguments: [(1.019, false), (1.021, true)])
  func smallestEffect(ratio: Double, isWorse: Bool) throws {
    for isCost in [true, false] {
      let effect = isCost ? log(ratio) : -log(ratio)
      let confirmed = try #require(
        Confirming.judge([Candidate(differences: Self.differences(effect), isCost: isCost)]).first)
      #expect(confirmed.isWorse == isWorse)
      #expect(try #require(confirmed.adjustedP) <= Confirming.level)
      if !isWorse { #expect(confirmed.reason.contains("less than the 2.0 % that count")) }
    }
  }

  @Test func pValuesAreAdjustedByHolm() {
    let candidates = [0, 1, 2, 0].map { Candidate(differences: Self.differences(0.1, opposite: $0), isCost: true) }
    let confirmed = Confirming.judge(candidates)
    let p = candidates.map { WilcoxonSignedRank.pValue(differences: $0.differences, alternative: .greater) }
    #expect(confirmed.map(\.pValue) == p.map(Optional.some))
    #expect(confirmed.map(\.adjustedP) == MultipleTesting.holm(p).map(Optional.some))
    #expect(Set(p).count == 3)
  }

  @Test func chanceIsNoRegression() throws {
    var noise = Noise(seed: 4)
    let differences = (0..<16).map { _ in 0.03 * noise.normal() }
    let worse = differences.reduce(0, +) > 0 ? differences : differences.map { -$0 }
    let confirmed = try #require(Confirming.judge([Candidate(differences: worse, isCost: true)]).first)
    #expect(!confirmed.isWorse)
    #expect(confirmed.reason.contains("Chance explains") || confirmed.reason.contains("not worse"))
    let nothing = try #require(
      Confirming.judge([Candidate(differences: [Double](repeating: 0, count: 16), isCost: true)]).first)
    #expect(nothing.pValue == 1 && !nothing.isWorse && nothing.ratio?.estimate == 1)
  }

  @Test func tooFewBlocksAreNotJudgedAndCostTheOthersNothing() throws {
    let few = Candidate(differences: Self.differences(0.1, count: 7), isCost: true)
    let enough = Candidate(differences: Self.differences(0.1), isCost: true)
    let confirmed = Confirming.judge([few, enough, few, Candidate(differences: [], isCost: true)])
    #expect(confirmed.map(\.isWorse) == [false, true, false, false])
    #expect(confirmed[0].ratio == nil && confirmed[0].pValue == nil && confirmed[0].adjustedP == nil)
    #expect(confirmed[0].reason == "7 valid blocks are too few to judge by: it takes 8, and 16 are planned.")
    #expect(confirmed[3].reason.hasPrefix("0 valid blocks are"))
    #expect(confirmed[1].adjustedP == confirmed[1].pValue)
    let broken = try #require(
      Confirming.judge([Candidate(differences: Self.differences(0.1) + [.nan], isCost: true)]).first)
    #expect(broken.pValue == nil && broken.reason.contains("block 17"))
  }

  @Test("no more can be told apart than the blocks allow", arguments: [(327, true), (328, false)])
  func mostCandidates(count: Int, isWorse: Bool) {
    #expect(Confirming.mostCandidates(blocks: 16) == 327)
    #expect(Confirming.mostCandidates(blocks: 12) == 20)
    #expect(Confirming.mostCandidates(blocks: 8) == 1)
    #expect(Confirming.mostCandidates(blocks: 7) == 0)
    let confirmed = Confirming.judge(
      [Candidate](repeating: Candidate(differences: Self.differences(0.1), isCost: true), count: count))
    #expect(confirmed.allSatisfy { $0.isWorse == isWorse })
    if !isWorse {
      #expect(
        confirmed.allSatisfy {
          $0.reason
            == "328 series were held at once, and 16 blocks can tell at most 327 apart: nothing could have been "
            + "confirmed tonight."
        })
    }
  }

  @Test func worseInEachOfFewBlocksIsSaidToBeSo() {
    // 8 blocks can decide one candidate, 16 can both; the one with 16 comes first in Holm's order.
    let short = Candidate(differences: Self.differences(0.1, count: 8), isCost: true)
    let noise = Candidate(
      differences: Self.differences(0.001).enumerated().map { $0 % 2 == 0 ? $1 : -$1 }, isCost: true)
    let confirmed = Confirming.judge([short, noise])
    #expect(confirmed.map(\.isWorse) == [false, false])
    #expect(confirmed[0].reason.contains("worse in each of its 8 blocks"))
  }

  @Test func dependentBlocksAreNamed() throws {
    let drifting = (0..<16).map { 0.02 * Double($0) }
    let confirmed = try #require(Confirming.judge([Candidate(differences: drifting, isCost: true)]).first)
    #expect(confirmed.reason.contains("depend on their neighbours"))
  }
}
