import Analysis
import Foundation
import Model
import Testing

@Suite("Each verdict is reached by the right data, for the right reason")
struct VerdictTests {
  @Test("supported: the whole interval lies in the region")
  func supported() throws {
    let claim = Synthetic.claim("net-hop", above: 1.1)
    let result = try #require(RunAnalysis.analyze(Synthetic(claims: [claim]).run()).claim("net-hop"))
    #expect(result.verdict == .supported)
    #expect(result.reason == "net-hop holds")
    #expect(try #require(result.low) > 1.1)
    #expect(try #require(result.adjustedP) <= 0.005)
    #expect(try #require(result.minimumDetectableEffect) > 0)
  }

  @Test("refuted: none of it does")
  func refuted() throws {
    let claim = Synthetic.claim("net-namespace", "netns", above: 1.05)
    let result = try #require(RunAnalysis.analyze(Synthetic(claims: [claim]).run()).claim("net-namespace"))
    #expect(result.verdict == .refuted)
    #expect(result.reason == "net-namespace does not hold")
    #expect(try #require(result.high) <= 1.05)
  }

  @Test("a region with two bounds, from both sides")
  func twoBounds() throws {
    let claims = [
      Synthetic.claim("same", "netns", above: 0.95, below: 1.05), Synthetic.claim("differs", above: 0.95, below: 1.05),
    ]
    let result = RunAnalysis.analyze(Synthetic(claims: claims).run())
    #expect(result.claim("same")?.verdict == .supported)
    #expect(result.claim("differs")?.verdict == .refuted)
  }

  @Test("a claim about a difference is judged in the metric's unit")
  func difference() throws {
    let claims = [
      Synthetic.claim("more-than-1us", above: 1000, margin: 1000, quantity: .difference),
      Synthetic.claim("more-than-3us", above: 3000, margin: 1000, quantity: .difference),
    ]
    let result = RunAnalysis.analyze(Synthetic(blocks: 18, claims: claims).run())
    #expect(result.claim("more-than-1us")?.verdict == .supported)
    #expect(result.claim("more-than-3us")?.verdict == .refuted)
    #expect(abs(try #require(result.claim("more-than-1us")?.estimate) - 2000) < 300)
  }

  @Test("inconclusive: the interval reaches across the limit")
  func overlaps() throws {
    let run = Synthetic(blocks: 40, claims: [Synthetic.claim("net-hop", above: 1.2)]).run()
    let result = try #require(RunAnalysis.analyze(run).claim("net-hop"))
    #expect(result.verdict == .inconclusive)
    #expect(result.reason.contains("reaches across the claim's limit"))
    // How far the run got is said all the same.
    #expect(try #require(result.low) < 1.2 && #require(result.high) > 1.2 && result.n == 40)
    #expect(try #require(result.minimumDetectableEffect) > 0)
  }

  @Test("inconclusive: too few blocks")
  func tooFew() throws {
    for blocks in [0, 1, 7] {
      let run = Synthetic(blocks: blocks, claims: [Synthetic.claim("net-hop", above: 1.1)]).run()
      let result = try #require(RunAnalysis.analyze(run).claim("net-hop"))
      #expect(result.verdict == .inconclusive)
      #expect(result.reason.contains("\(blocks) valid blocks are too few"))
      #expect(result.estimate == nil && result.low == nil)
    }
  }

  @Test("unavailable: what it is about was not measured")
  func unavailable() throws {
    var run = Synthetic(claims: [
      Synthetic.claim("no-workload", above: 1.1, workload: "tcp"),
      Synthetic.claim("no-environment", "overlay", above: 1.1),
      Synthetic.claim("could-not-run", "bridge", above: 1.1), Synthetic.claim("fine", "netns", above: 1.05),
    ]).run()
    run.record.environments[2].unavailable = "the kernel has no bridge"
    run.trials.removeAll { $0.environment == "bridge" }
    let result = RunAnalysis.analyze(run)
    for (id, words) in [
      ("no-workload", "The workload tcp was not part of this run"),
      ("no-environment", "The environment overlay was not part of this run"),
      ("could-not-run", "could not run here: the kernel has no bridge"),
    ] {
      let claim = try #require(result.claim(id))
      #expect(claim.verdict == .unavailable, "\(id)")
      #expect(claim.reason.contains(words), "\(claim.reason)")
      #expect(claim.estimate == nil && claim.n == nil)
    }
    // The rest of the run is none the worse for it.
    #expect(result.run.validBlocks == 12)
    #expect(result.claim("fine")?.verdict == .refuted)
    #expect(result.series("bridge") == nil)
  }

  @Test("a metric that was not measured leaves its claim without a verdict, and says so")
  func metricUnavailable() throws {
    let run = Synthetic(claims: [Synthetic.claim("tail", above: 1.1, metric: .rttP99)]).run()
    let result = try #require(RunAnalysis.analyze(run).claim("tail"))
    #expect(result.verdict == .inconclusive)
    #expect(result.reason.contains("not simulated"))
    #expect(result.estimate == nil)
  }
}

@Suite("Looks: a verdict is reached at its look, once")
struct LookTests {
  private let claims = [Synthetic.claim("net-hop", above: 1.1), Synthetic.claim("net-namespace", "netns", above: 1.05)]

  @Test("two claims cannot be decided by 8 blocks, one can")
  func holm() throws {
    let eight = RunAnalysis.analyze(Synthetic(blocks: 8, claims: claims).run())
    for claim in eight.claims {
      #expect(claim.verdict == .inconclusive)
      #expect(claim.reason.contains("not at a look with enough blocks for 2 claims at once"), "\(claim.reason)")
    }
    let one = RunAnalysis.analyze(Synthetic(blocks: 8, claims: [claims[0]]).run())
    #expect(one.claims.map(\.verdict) == [.supported])
    let twelve = RunAnalysis.analyze(Synthetic(blocks: 12, claims: claims).run())
    #expect(twelve.claims.map(\.verdict) == [.supported, .refuted])
  }

  @Test("what is decided stays decided, with the interval of its look, whatever later blocks say")
  func sticky() throws {
    // From block 12 on bridge costs nothing any more, and netns 30 %.
    let run = Synthetic(
      blocks: 40, claims: claims,
      change: { environment, block in
        guard block >= 12 else { return 1 }
        return environment == "bridge" ? 1 / 1.2 : environment == "netns" ? 1.3 : 1
      }
    ).run()
    let atTwelve = RunAnalysis.analyze(run.prefix(12))
    let later = RunAnalysis.analyze(run)
    #expect(later.claims.map(\.verdict) == [.supported, .refuted])
    #expect(later.claims == atTwelve.claims)
    #expect(later.claims.map(\.n) == [12, 12])
    // The table shows all blocks.
    #expect(later.series("bridge")?.trials.count == 40)
    #expect(try #require(later.series("bridge")?.ratio?.estimate) < 1.1)
  }

  @Test("nothing is decided between looks")
  func betweenLooks() {
    let run = Synthetic(blocks: 12, claims: claims).run()
    #expect(!RunAnalysis.isDecided(run.prefix(8)))
    for blocks in 9...11 {
      #expect(!RunAnalysis.isDecided(run.prefix(blocks)))
      #expect(RunAnalysis.analyze(run.prefix(blocks)).claims.allSatisfy { $0.verdict == .inconclusive })
    }
    #expect(RunAnalysis.isDecided(run))
  }

  @Test("a run may stop although some claim is unavailable, but not while one is open")
  func stopping() {
    let missing = Synthetic.claim("no-workload", above: 1.1, workload: "tcp")
    let open = Synthetic.claim("open", above: 1.2)
    #expect(RunAnalysis.isDecided(Synthetic(blocks: 12, claims: [claims[0], missing]).run()))
    #expect(!RunAnalysis.isDecided(Synthetic(blocks: 12, claims: [claims[0], open]).run()))
  }
}

@Suite("What forbids a verdict")
struct ObstacleTests {
  private let claims = [Synthetic.claim("net-hop", above: 1.1)]

  @Test("a baseline that differs from itself")
  func control() throws {
    let result = RunAnalysis.analyze(Synthetic(control: 1.1, claims: claims).run())
    #expect(!result.control[0].isPassed)
    let claim = try #require(result.claim("net-hop"))
    #expect(claim.verdict == .inconclusive)
    #expect(
      claim.reason.contains("the control's interval") && claim.reason.contains("the baseline differs from itself"))
  }

  @Test("a control within its interval, but farther from 1 than half the margin")
  func looseControl() throws {
    let run = Synthetic(
      seed: 4, control: 1.02, noise: 0.04, claims: [Synthetic.claim("fine", above: 1.02, margin: 0.001)]
    )
    .run()
    let result = RunAnalysis.analyze(run)
    #expect(!result.control[0].isPassed)
    #expect(result.claims[0].verdict == .inconclusive)
    #expect(result.claims[0].reason.contains("control"))
  }

  @Test("blocks that depend on each other")
  func dependence() throws {
    // A cost that creeps from 10 % to 65 % over the run.
    let run = Synthetic(
      noise: 0.002, claims: claims, change: { $0 == "bridge" ? 1 + 0.03 * Double($1) : 1 }
    ).run()
    let claim = try #require(RunAnalysis.analyze(run).claim("net-hop"))
    #expect(claim.verdict == .inconclusive)
    #expect(claim.reason.contains("neighbouring blocks depend on each other"), "\(claim.reason)")
  }

  @Test("two halves that tell different stories")
  func halves() throws {
    let factors = [1.0, 1.3]
    let run = Synthetic(
      blocks: 16, noise: 0.02, claims: claims, looks: [16],
      change: { $0 == "bridge" ? factors[$1 / 8] : 1 }
    ).run()
    let claim = try #require(RunAnalysis.analyze(run).claim("net-hop"))
    #expect(claim.verdict == .inconclusive)
    #expect(claim.reason.contains("disagree") || claim.reason.contains("depend"), "\(claim.reason)")
  }

  @Test("more than a quarter of the blocks voided; a quarter is not")
  func voided() throws {
    let both = [claims[0], Synthetic.claim("missing", "overlay", above: 1)]
    let run = Synthetic(blocks: 17, claims: both).run()
    let tooMany = RunAnalysis.analyze(run.voiding([1, 3, 5, 7, 9]))
    #expect(tooMany.claims.map(\.verdict) == [.inconclusive, .unavailable])
    #expect(tooMany.claims[0].reason.contains("5 of 17 blocks had to be voided"))
    // What the interval was is still to be seen.
    #expect(tooMany.claims[0].estimate != nil)
    let quarter = RunAnalysis.analyze(run.prefix(16).voiding([1, 3, 5, 7]))
    #expect(quarter.claims.map(\.verdict) == [.supported, .unavailable])
  }

  @Test("a hostile host")
  func hostile() throws {
    let result = RunAnalysis.analyze(Synthetic(claims: claims, noiseClass: .hostile).run())
    #expect(result.noise.overall == .hostile)
    #expect(result.claims[0].verdict == .inconclusive)
    #expect(result.claims[0].reason.contains("hostile"))
    for fine in [HostNoise.quiet, .noisy, .unknown] {
      let result = RunAnalysis.analyze(Synthetic(claims: claims, noiseClass: fine).run())
      #expect(result.noise.overall == fine)
      #expect(result.claims[0].verdict == .supported)
    }
  }

  @Test("the host is as bad as its median block, and with two in the middle as the worse")
  func medianBlock() {
    var run = Synthetic(claims: claims).run()
    for place in 0..<5 { run.blocks[place].noiseClass = .hostile }
    #expect(RunAnalysis.analyze(run).noise.overall == .quiet)
    run.blocks[5].noiseClass = .hostile
    #expect(RunAnalysis.analyze(run).noise.overall == .hostile)
  }
}
