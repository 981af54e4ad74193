import Analysis
import Foundation
import Model
import Statistics
import Testing

@Suite("Blocks count by evidence that does not look at the outcome")
struct BlockJudgeTests {
  private func trials() -> [Trial] { Synthetic(blocks: 1).run().trials }

  @Test("a quiet block counts")
  func quiet() {
    let block = BlockJudge.judge(index: 7, trials: trials())
    #expect(block.index == 7 && !block.isVoid && block.noiseClass == .quiet)
  }

  @Test(
    "steal, other processes and waiting for a CPU void a block",
    arguments: [
      (.stealShare, 0.021, "taken by the hypervisor"), (.foreignCPUShare, 0.11, "used by other processes"),
      (.runDelayShare, 0.06, "waited for a CPU"),
    ] as [(NoiseClass.Evidence, Double, String)])
  func shares(_ evidence: NoiseClass.Evidence, _ value: Double, _ words: String) {
    func disturb(_ noise: inout TrialNoise) {
      switch evidence {
      case .stealShare: noise.stealShare = value
      case .foreignCPUShare: noise.foreignCPUShare = value
      case .runDelayShare: noise.runDelayShare = value
      case .canaryCV: noise.canaryNanoseconds = value
      }
    }
    var hostile = trials()
    for place in hostile.indices { disturb(&hostile[place].noise) }
    let block = BlockJudge.judge(index: 0, trials: hostile)
    #expect(block.isVoid && block.noiseClass == .hostile)
    #expect(block.voidReasons.count == 1 && block.voidReasons.allSatisfy { $0.contains(words) }, "\(block.voidReasons)")
    // It is the mean over the block that counts, not the worst trial.
    var once = trials()
    disturb(&once[0].noise)
    #expect(!BlockJudge.judge(index: 0, trials: once).isVoid)
  }

  @Test("what cannot be read is unknown: neither quiet nor void")
  func unknown() {
    var blind = trials()
    blind[1].noise.stealShare = nil
    let block = BlockJudge.judge(index: 0, trials: blind)
    #expect(!block.isVoid && block.noiseClass == .unknown)
  }

  @Test("a set clock voids, in either direction; slewing does not")
  func clock() {
    for (step, isVoid) in [(Int64(2_000_000), true), (-2_000_000, true), (500_000, false), (-999_999, false)] {
      var stepped = trials()
      stepped[2].noise.clockStepNanoseconds = step
      let block = BlockJudge.judge(index: 0, trials: stepped)
      #expect(block.isVoid == isVoid, "\(step)")
      let words = "udp in bridge: the clock was set by \(Double(step) / 1e6) ms within the window"
      #expect(block.voidReasons == (isVoid ? [words] : []))
    }
  }

  @Test("a path that is not attested voids, and the reason names the trial; the twin by its prime")
  func attestation() {
    var strayed = trials()
    strayed[2].attestation.failures = ["client0 sent 0 packets"]
    strayed[3].attestation.failures = ["lo was used"]
    let block = BlockJudge.judge(index: 0, trials: strayed)
    #expect(block.voidReasons == ["udp in bridge: client0 sent 0 packets", "udp in native′: lo was used"])
  }

  @Test("a trial that failed voids")
  func failure() {
    let block = BlockJudge.judge(index: 0, trials: [], failures: ["udp in veth: the server exited with 1"])
    #expect(block.voidReasons == ["udp in veth: the server exited with 1"])
  }

  @Test("a wavering canary classes the block, and does not void it")
  func canary() {
    var wavering = trials()
    for place in wavering.indices { wavering[place].noise.canaryNanoseconds = 1000 + 200 * Double(place) }
    let block = BlockJudge.judge(index: 0, trials: wavering)
    #expect(!block.isVoid && block.noiseClass == .hostile)
  }

  @Test("no outcome, however absurd, changes the judgement")
  func blindness() {
    var generator = SeededGenerator(seed: 99)
    for seed in 0..<50 {
      var original = Synthetic(seed: UInt64(seed), blocks: 1).run().trials
      // Some blocks are void, some are not.
      for place in original.indices { original[place].noise.foreignCPUShare = Double(seed) / 250 }
      let outcomes = SeededGenerator.permutation(of: original, using: &generator)
      var permuted = original
      for (place, outcome) in outcomes.enumerated() {
        permuted[place].values = outcome.values.mapValues { $0 * Double(1 + generator.number(below: 1_000_000)) }
        permuted[place].unavailable = outcome.unavailable
        permuted[place].histogram = LatencyHistogram(samples: [.max, 0])
        permuted[place].windowNanoseconds = 1
      }
      #expect(BlockJudge.judge(index: 0, trials: permuted) == BlockJudge.judge(index: 0, trials: original))
    }
  }
}

@Suite("Which blocks are analysed")
struct BlockSelectionTests {
  private let claims = [Synthetic.claim("net-hop", above: 1.1)]

  @Test("a block that never ended is left out")
  func unended() {
    let run = Synthetic(blocks: 13, claims: claims).run()
    var killed = run
    killed.blocks.removeLast()
    #expect(RunAnalysis.analyze(killed) == RunAnalysis.analyze(run.prefix(12)))
  }

  @Test("a block without all its trials is left out")
  func incomplete() throws {
    let run = Synthetic(blocks: 13, claims: claims).run()
    for missing in 0..<4 {
      var torn = run
      torn.trials.removeAll { $0.block == 5 && $0.position == missing }
      let result = RunAnalysis.analyze(torn)
      #expect(result.run.validBlocks == 12)
      #expect(result.series("netns")?.trials.count == 12)
      #expect(result.claims[0].verdict == .supported)
    }
  }

  @Test("voided blocks do not count, and are shown with and without")
  func voided() throws {
    // In the voided blocks bridge is five times as slow.
    let wild: Set<Int> = [2, 6, 9]
    let run = Synthetic(blocks: 15, claims: claims, change: { $0 == "bridge" && wild.contains($1) ? 5 : 1 }).run()
    let result = RunAnalysis.analyze(run.voiding(wild))
    var without = run
    without.trials.removeAll { wild.contains($0.block) }
    without.blocks.removeAll { wild.contains($0.index) }
    let clean = RunAnalysis.analyze(without)
    #expect(result.series == clean.series)
    #expect(result.claims == clean.claims)
    #expect(result.run.validBlocks == 12 && result.run.voidedBlocks == 3)
    #expect(result.voided.map(\.block) == [2, 6, 9])
    #expect(result.voided.allSatisfy { $0.reasons == ["12 % of the CPU time was taken by the hypervisor"] })
    let all = try #require(result.noise.withVoided.first)
    #expect(all.claim == "net-hop" && all.interval.n == 15)
    #expect(all.interval.high > 2, "the wild blocks are in it")
    #expect(clean.noise.withVoided.isEmpty)
    #expect(result.noise.blocks == ["quiet": 12])
  }
}
