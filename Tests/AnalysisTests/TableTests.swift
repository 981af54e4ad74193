import Analysis
import Foundation
import Model
import Store
import Testing

@Suite("The table of all metrics")
struct TableTests {
  @Test("a quantile with too few samples makes its series unavailable, with the reason, and is never 0")
  func tail() throws {
    let reason = "9000 round trips in the window, and 10000 are needed"
    var run = Synthetic(metrics: [.rttP50: 1, .rttP99: 2]).run()
    // One trial of one block is enough: what is left would be a selection by outcome.
    let place = try #require(run.trials.firstIndex { $0.block == 4 && $0.environment == "bridge" })
    run.trials[place].values[.rttP99] = nil
    run.trials[place].unavailable[.rttP99] = reason
    let result = RunAnalysis.analyze(run)
    let row = try #require(result.series("bridge", .rttP99))
    #expect(row.trials.isEmpty && row.median == nil && row.ratio == nil && row.difference == nil && row.qValue == nil)
    #expect(row.note == reason)
    #expect(result.series("netns", .rttP99)?.ratio != nil)
    // If the baseline has none, nobody can be compared.
    let base = try #require(run.trials.firstIndex { $0.block == 4 && $0.environment == "native" && !$0.isControl })
    run.trials[base].values[.rttP99] = nil
    run.trials[base].unavailable[.rttP99] = reason
    let without = RunAnalysis.analyze(run)
    let netns = try #require(without.series("netns", .rttP99))
    #expect(netns.median != nil && netns.ratio == nil && netns.difference == nil && netns.direction == nil)
    #expect(netns.note == "the baseline has none: \(reason)")
    let encoded = String(decoding: try JSONEncoder().encode(row), as: UTF8.self)
    #expect(!encoded.contains("\"median\"") && encoded.contains(reason))
  }

  @Test("a metric of zeros has differences, but no ratio")
  func zeros() throws {
    var run = Synthetic(metrics: [.rttP50: 1, .clientSwitches: 0, .serverSwitches: 0]).run()
    for place in run.trials.indices where run.trials[place].environment == "bridge" {
      run.trials[place].values[.serverSwitches] = 2 + 0.001 * Double(run.trials[place].block * 7 % 5)
    }
    let result = RunAnalysis.analyze(run)
    let same = try #require(result.series("bridge", .clientSwitches))
    #expect(same.difference?.estimate == 0 && same.difference?.low == 0 && same.difference?.high == 0)
    #expect(same.ratio == nil && same.direction == .undecided)
    #expect(try #require(same.note).contains("no ratio exists"))
    #expect(try #require(same.qValue) == 1)
    let more = try #require(result.series("bridge", .serverSwitches))
    #expect(try #require(more.difference).low >= 2)
    #expect(more.ratio == nil && more.direction == .higher)
  }

  @Test("every row that is compared has a q-value; an effect stands out, nothing does not")
  func qValues() throws {
    let metrics: [Metric: Double] = [.rttP50: 1, .rttP90: 1.5, .rttMean: 1.1, .rttMax: 9, .clientCPU: 0.6]
    let result = RunAnalysis.analyze(Synthetic(blocks: 18, metrics: metrics).run())
    for row in result.series {
      let isCompared = metrics[row.metric] != nil && row.environment != "native"
      #expect((row.qValue != nil) == isCompared, "\(row.environment) \(row.metric)")
      if let q = row.qValue { #expect((0...1).contains(q)) }
      if isCompared { #expect(row.direction != nil) }
    }
    for metric in metrics.keys {
      let (bridge, netns) = (
        try #require(result.series("bridge", metric)), try #require(result.series("netns", metric))
      )
      #expect(try #require(bridge.qValue) < 0.05 && bridge.direction == .higher)
      #expect(try #require(netns.qValue) > 0.05 && netns.direction == .undecided)
    }
    #expect(Set(result.series.map(\.metric)) == Set(WorkloadSpec.Kind.udpRR.metrics))
  }

  @Test("the direction is the interval's: lower where it lies below 1")
  func direction() {
    let environments = [("native", 1.0), ("faster", 0.8), ("slower", 1.3)]
    let result = RunAnalysis.analyze(Synthetic(environments: environments).run())
    #expect(result.series("faster")?.direction == .lower)
    #expect(result.series("slower")?.direction == .higher)
    #expect(result.series("native")?.direction == nil)
  }
}

@Suite("Ladder")
struct LadderTests {
  private let rungs = [("native", 1.0), ("netns", 0.95), ("veth", 1.05), ("bridge", 1.25)]

  @Test("without noise its steps compose to the whole exactly")
  func exact() throws {
    let ladder = try #require(
      RunAnalysis.analyze(Synthetic(environments: rungs, noise: 0, drift: 0).run()).ladders.first)
    #expect(ladder.steps.map(\.from) == ["native", "netns", "veth"])
    #expect(ladder.steps.map(\.to) == ["netns", "veth", "bridge"])
    #expect(ladder.steps.map(\.layer) == ["layer of netns", "layer of veth", "layer of bridge"])
    #expect(abs(try #require(ladder.ratioResidual)) < 1e-12)
    #expect(abs(try #require(ladder.differenceResidual)) < 1e-8)
    #expect(abs(try #require(ladder.steps[2].ratio).estimate - 1.25 / 1.05) < 1e-12)
  }

  @Test("with noise what is left over is small, and is what it says")
  func residual() throws {
    for seed in 0..<10 {
      let result = RunAnalysis.analyze(Synthetic(seed: UInt64(seed), blocks: 18, environments: rungs).run())
      let ladder = try #require(result.ladders.first)
      let whole = try #require(result.series("bridge"))
      let product = try ladder.steps.map { try #require($0.ratio).estimate }.reduce(1, *)
      let sum = try ladder.steps.map { try #require($0.difference).estimate }.reduce(0, +)
      #expect(abs(try #require(ladder.composedRatio) - product) < 1e-12)
      #expect(abs(try #require(ladder.composedDifference) - sum) < 1e-9 * Synthetic.base)
      let ratio = try #require(ladder.ratioResidual)
      let difference = try #require(ladder.differenceResidual)
      #expect(abs(ratio - (product / (try #require(whole.ratio).estimate) - 1)) < 1e-9)
      #expect(abs(difference - (sum - (try #require(whole.difference).estimate))) < 1e-6)
      #expect(abs(ratio) < 0.01 && abs(difference) < 0.01 * Synthetic.base)
    }
  }

  @Test("each rung stands against the lowest one, too")
  func totals() throws {
    let ladder = try #require(
      RunAnalysis.analyze(Synthetic(environments: rungs, noise: 0, drift: 0).run()).ladders.first)
    for (step, factor) in zip(ladder.steps, [0.95, 1.05, 1.25]) {
      #expect(abs(try #require(step.totalRatio).estimate - factor) < 1e-12)
      #expect(abs(try #require(step.totalDifference).estimate - (factor - 1) * Synthetic.base) < 1e-8)
    }
    #expect(ladder.steps[0].totalRatio == ladder.steps[0].ratio)
  }

  @Test("counts and CPU have ladders where every rung has them; others have none")
  func further() throws {
    var synthetic = Synthetic(environments: rungs)
    synthetic.metrics = [.rttP50: 1, .totalCPU: 2]
    synthetic.counts = [
      .deviceTransmissions: ["native": 2, "netns": 2, "veth": 2, "bridge": 4],
      .deviceReceptions: ["native": 2, "netns": 2, "veth": 2],
    ]
    let ladders = RunAnalysis.analyze(synthetic.run()).ladders
    #expect(ladders.map(\.metric) == [.rttP50, .totalCPU, .deviceTransmissions])
    let transmissions = ladders[2].steps
    #expect(transmissions.map(\.difference?.estimate) == [0, 0, 2])
    #expect(transmissions.map(\.totalRatio?.estimate) == [1, 1, 2])
    #expect(ladders[2].differenceResidual == 0 && ladders[2].ratioResidual == 0)
  }

  @Test("a rung that could not run is left out, and named; the steps compose all the same")
  func missingRung() throws {
    var run = Synthetic(environments: rungs, noise: 0, drift: 0).run()
    run.record.environments[2].unavailable = "the kernel has no veth"
    run.trials.removeAll { $0.environment == "veth" }
    let result = RunAnalysis.analyze(run)
    let ladder = try #require(result.ladders.first)
    #expect(ladder.steps.map(\.from) == ["native", "netns"] && ladder.steps.map(\.to) == ["netns", "bridge"])
    #expect(abs(try #require(ladder.steps[1].ratio).estimate - 1.25 / 0.95) < 1e-12)
    #expect(abs(try #require(ladder.ratioResidual)) < 1e-12)
    #expect(result.warnings == ["The ladder has no rung veth, which could not run here: the kernel has no veth."])
  }

  @Test("with too few blocks there are steps without numbers, and no residual")
  func tooFew() throws {
    let ladder = try #require(RunAnalysis.analyze(Synthetic(blocks: 3, environments: rungs).run()).ladders.first)
    #expect(ladder.steps.count == 3 && ladder.steps.allSatisfy { $0.ratio == nil && $0.difference == nil })
    #expect(ladder.ratioResidual == nil && ladder.differenceResidual == nil)
  }
}

@Suite("The same trials give the same result")
struct RepetitionTests {
  private func run(_ seed: UInt64) -> StoredRun {
    Synthetic(
      seed: seed, blocks: 14, environments: [("native", 1), ("netns", 1), ("veth", 1.05), ("bridge", 1.2)],
      claims: [Synthetic.claim("net-hop", above: 1.1), Synthetic.claim("net-namespace", "netns", above: 1.05)],
      metrics: Dictionary(uniqueKeysWithValues: Metric.allCases.map { ($0, 1.25) })
    ).run().voiding([3, 7])
  }

  @Test("twice, and in whatever order the trials come")
  func order() {
    for seed in 0..<20 {
      let run = run(UInt64(seed))
      let result = RunAnalysis.analyze(run)
      #expect(RunAnalysis.analyze(run) == result)
      #expect(RunAnalysis.analyze(run.shuffled(seed: UInt64(seed))) == result, "seed \(seed)")
    }
  }

  @Test("from the store")
  func store() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "bench-analysis-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let run = run(5)
    let path = "\(directory)/bench.sqlite"
    do {
      let store = try RunStore(path: path)
      try store.begin(run.record)
      for block in run.blocks {
        for trial in run.trials where trial.block == block.index { try store.append(trial, run: run.record.id) }
        try store.append(block, run: run.record.id)
      }
    }
    let again = try RunStore.openReadOnly(path: path).run(run.record.id)
    #expect(again == run)
    #expect(RunAnalysis.analyze(again) == RunAnalysis.analyze(run))
  }
}
