import Analysis
import Foundation
import Model
import Testing

@Suite("A known effect is found, and none is not")
struct RecoveryTests {
  @Test("the ratio is recovered, and its interval covers it as often as it says")
  func ratio() async throws {
    let truth = 1.2
    let intervals = await simulate(150) { seed in
      RunAnalysis.analyze(Synthetic(seed: UInt64(seed), blocks: 18).run()).series("bridge")?.ratio
    }.compactMap { $0 }
    try #require(intervals.count == 150)
    let covered = intervals.count { $0.low <= truth && truth <= $0.high }
    // 99 % nominal: fewer than 143 of 150 happens once in 10 000 times; the seeds are fixed.
    #expect(covered >= 143, "\(covered) of 150 intervals hold the truth")
    let mean = intervals.map { log($0.estimate) }.reduce(0, +) / 150
    #expect(abs(mean - log(truth)) < 0.001)
    // Neighbouring blocks may look alike by chance, and are then merged.
    #expect(intervals.allSatisfy { $0.confidence == 0.99 && $0.n * $0.mergedBlocks == 18 })
    #expect(intervals.allSatisfy { $0.low > 1.1 && $0.high < 1.3 })
  }

  @Test("the difference is recovered in the metric's unit")
  func difference() async throws {
    let truth = 0.2 * Synthetic.base
    let intervals = await simulate(150) { seed in
      RunAnalysis.analyze(Synthetic(seed: 1000 + UInt64(seed), blocks: 18, law: .additive).run())
        .series("bridge")?.difference
    }.compactMap { $0 }
    try #require(intervals.count == 150)
    let covered = intervals.count { $0.low <= truth && truth <= $0.high }
    #expect(covered >= 143, "\(covered) of 150 intervals hold the truth")
    #expect(abs(intervals.map(\.estimate).reduce(0, +) / 150 - truth) < 0.002 * Synthetic.base)
  }

  @Test("A/A: where nothing differs, verdicts of a difference are as rare as the design promises")
  func nothing() async {
    struct Outcome {
      var rows = 0
      var falseRows = 0
      var isFalseVerdict = false
      var isWrongMargin = false
    }
    let runs = 1000
    // "Costs anything at all" is false of both: a verdict that it costs, or that it saves, is an error. The looks are the
    // design's, all five of them.
    let outcomes = await simulate(runs) { seed in
      let run = Synthetic(
        seed: 50_000 + UInt64(seed), blocks: 40, environments: [("native", 1), ("netns", 1), ("bridge", 1)],
        claims: [
          Synthetic.claim("any-bridge", "bridge", above: 1), Synthetic.claim("any-netns", "netns", above: 1),
          Synthetic.claim("ten-percent", "bridge", above: 1.1),
        ]
      ).run()
      let result = RunAnalysis.analyze(run)
      let rows = ["netns", "bridge"].compactMap { result.series($0) }
      return Outcome(
        rows: rows.count, falseRows: rows.count { $0.direction != .undecided },
        isFalseVerdict: ["any-bridge", "any-netns"].contains { result.claim($0)?.verdict != .inconclusive },
        isWrongMargin: result.claim("ten-percent")?.verdict == .supported)
    }
    let rows = outcomes.map(\.rows).reduce(0, +)
    let falseRows = outcomes.map(\.falseRows).reduce(0, +)
    let falseRuns = outcomes.count { $0.isFalseVerdict }
    #expect(rows == 2 * runs)
    // 1 % of 2000 promised; 35 or more would come once in 1000 times.
    #expect(falseRows <= 34, "\(falseRows) of \(rows) rows point somewhere")
    // 3.4 % of 1000 promised; 53 or more would come once in 1000 times.
    #expect(falseRuns <= 52, "\(falseRuns) of \(runs) runs have a verdict of a difference")
    #expect(!outcomes.contains { $0.isWrongMargin })
  }
}
