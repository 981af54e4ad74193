import Foundation
import Model
import Testing

@testable import Analysis

@Suite("Distributions of latencies")
struct DistributionTests {
  /// A run of 8 blocks in which every trial has `samples` latencies: 1 … samples, plus `shift` for each block.
  private func run(_ samples: Int, shift: Int = 0) -> StoredRun {
    var run = Synthetic(blocks: 8).run()
    for index in run.trials.indices {
      let extra = shift * run.trials[index].block
      run.trials[index].histogram = LatencyHistogram(samples: (1...samples).map { UInt32($0 + extra) })
    }
    return run
  }

  @Test("have the median of the trials' quantiles, between the smallest and the largest")
  func medians() throws {
    let result = RunAnalysis.analyze(run(10_000, shift: 10))
    let distributions = try #require(result.distributions)
    #expect(
      distributions.map { "\($0.environment) \($0.isControl)" } == [
        "native false", "netns false", "bridge false", "native true",
      ])
    for distribution in distributions {
      #expect(distribution.trials == 8)
      let middle = try #require(distribution.shares.firstIndex(of: 0.5))
      #expect(distribution.medians[middle] == 5_035)
      #expect(distribution.lows[middle] == 5_000)
      #expect(distribution.highs[middle] == 5_070)
      #expect(distribution.shares == distribution.shares.sorted())
      #expect(distribution.medians == distribution.medians.sorted())
    }
  }

  @Test("end where fewer than 100 samples lie beyond", arguments: [(1_000, 0.9), (10_000, 0.99), (100_000, 0.999)])
  func tails(samples: Int, last: Double) throws {
    let result = RunAnalysis.analyze(run(samples))
    for distribution in try #require(result.distributions) {
      #expect(distribution.shares.last == last)
      #expect(distribution.shares.allSatisfy { $0 * Double(samples) >= 99.999 })
    }
  }

  @Test("are those of the trial with the fewest samples")
  func fewest() throws {
    var run = run(10_000)
    let index = try #require(run.trials.firstIndex { $0.environment == "bridge" && $0.block == 3 })
    run.trials[index].histogram = LatencyHistogram(samples: (1...1_000).map { UInt32($0) })
    let distributions = try #require(RunAnalysis.analyze(run).distributions)
    #expect(distributions.first { $0.environment == "bridge" }?.shares.last == 0.9)
    #expect(distributions.first { $0.environment == "netns" }?.shares.last == 0.99)
  }

  @Test("are left out where there are too few samples for a line, and where there are none")
  func tooFew() {
    #expect(RunAnalysis.analyze(run(100)).distributions == nil)
    #expect(RunAnalysis.analyze(Synthetic(blocks: 8).run()).distributions == nil)
  }

  @Test("leave voided blocks out")
  func voided() throws {
    var run = run(10_000, shift: 10)
    run.blocks[7].voidReasons = ["steal"]
    let distribution = try #require(RunAnalysis.analyze(run).distributions?.first)
    #expect(distribution.trials == 7)
    let middle = try #require(distribution.shares.firstIndex(of: 0.5))
    #expect(distribution.highs[middle] == 5_060)
  }
}
