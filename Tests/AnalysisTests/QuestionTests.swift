import Analysis
import Foundation
import Model
import Testing

@Suite("A claim may be held against another environment than the baseline")
struct AgainstTests {
  private let environments = [("native", 1.0), ("bridge", 1.2), ("published", 1.5)]

  @Test("by pairs within the block, as against the baseline")
  func another() throws {
    let run = Synthetic(
      blocks: 18, environments: environments,
      claims: [
        Synthetic.claim("step", "published", above: 1.1, against: "bridge"),
        Synthetic.claim("not-a-third", "published", above: 1.4, against: "bridge"),
        Synthetic.claim(
          "microseconds", "published", above: 1000, margin: 1000, against: "bridge", quantity: .difference),
      ]
    ).run()
    let result = RunAnalysis.analyze(run)
    let step = try #require(result.claim("step"))
    #expect(step.verdict == .supported && step.against == "bridge")
    #expect(abs(try #require(step.estimate) - 1.25) < 0.02)
    #expect(result.claim("not-a-third")?.verdict == .refuted)
    #expect(abs(try #require(result.claim("microseconds")?.estimate) - 3000) < 300)
    // The ladder's step is the same comparison over all blocks.
    let rung = try #require(result.ladders.first?.steps.last)
    #expect(rung.from == "bridge")
    #expect(abs(try #require(rung.ratio?.estimate) - 1.25) < 0.02)
    // The baseline says nothing about it: were it slower, the claim would stand as it is.
    let other = RunAnalysis.analyze(
      Synthetic(
        blocks: 18, environments: [("native", 2), ("bridge", 1.2), ("published", 1.5)], control: 2,
        claims: run.record.scenario.claims
      ).run())
    #expect(other.claim("step") == step)
  }

  @Test("what is missing is named, all of it, with the reason where there is one")
  func missing() throws {
    var run = Synthetic(
      environments: environments,
      claims: [
        Synthetic.claim("both", "overlay", above: 1, against: "published"),
        Synthetic.claim("one", "bridge", above: 1, against: "published"),
        Synthetic.claim("none", "bridge", above: 1.1),
      ]
    ).run()
    run.record.environments[2].unavailable = "no conntrack"
    run.trials.removeAll { $0.environment == "published" }
    let result = RunAnalysis.analyze(run)
    #expect(result.claim("both")?.verdict == .unavailable && result.claim("one")?.verdict == .unavailable)
    #expect(
      result.claim("both")?.reason
        == "The environment overlay was not part of this run. "
        + "The environment published could not run here: no conntrack.")
    #expect(result.claim("one")?.reason == "The environment published could not run here: no conntrack")
    #expect(result.claim("none")?.verdict == .supported)
    #expect(RunAnalysis.isDecided(run))
  }

  @Test("with voided blocks put back, it is held against the same environment")
  func withVoided() throws {
    let claim = Synthetic.claim("step", "published", above: 1.1, against: "bridge")
    let run = Synthetic(blocks: 14, environments: environments, claims: [claim]).run().voiding([2])
    let all = try #require(RunAnalysis.analyze(run).noise.withVoided.first)
    #expect(all.interval.n == 14 && abs(all.interval.estimate - 1.25) < 0.02)
  }
}

@Suite("A claim may be about a slope")
struct SlopeClaimTests {
  /// 0.5 ns for each rule, on top of 10 µs; a map costs the same at any size.
  private static let sizes: [String: Double] = ["native": 0, "rules-1000": 1000, "rules-30000": 30_000]
  private static let environments = [
    ("native", 1.0), ("rules-1000", 1.05), ("rules-30000", 2.5), ("map-1000", 1.1), ("map-30000", 1.1),
  ]

  private func synthetic(
    blocks: Int = 18, control: Double = 1, noise: Double = 0.005, margin: Double = 0.05, claims extra: [ClaimSpec] = []
  ) -> Synthetic {
    func claim(_ id: String, _ over: [String: Double], above: Double) -> ClaimSpec {
      Synthetic.claim(id, "rules-30000", above: above, margin: margin, quantity: .slope, over: over)
    }
    return Synthetic(
      blocks: blocks, environments: Self.environments, control: control, law: .additive, noise: noise,
      claims: [
        claim("grows", Self.sizes, above: 0.1), claim("grows-much", Self.sizes, above: 1),
        claim("map-grows", ["map-1000": 1000, "map-30000": 30_000], above: 0.1),
      ] + extra)
  }

  @Test("supported, refuted, and recovered in the metric's unit for each unit of size")
  func verdicts() throws {
    let result = RunAnalysis.analyze(synthetic().run())
    let grows = try #require(result.claim("grows"))
    #expect(grows.verdict == .supported && grows.quantity == .slope && grows.over == Self.sizes)
    #expect(abs(try #require(grows.estimate) - 0.5) < 0.02)
    #expect(try #require(grows.low) < 0.5 && #require(grows.high) > 0.5 && grows.n == 12)
    #expect(result.claim("grows-much")?.verdict == .refuted)
    let map = try #require(result.claim("map-grows"))
    #expect(map.verdict == .refuted)
    #expect(abs(try #require(map.estimate)) < 0.02)
  }

  @Test("the control's difference, spread over the sizes, must be within half the margin")
  func control() throws {
    // The twin differs from the baseline by nothing, but is so loud that its estimate is 1 % off, which is 100 ns: 0.003
    // ns a rule over 30 000, and 0.1 over 1000.
    let short = Synthetic.claim(
      "short", "rules-1000", above: 5, margin: 0.0001, quantity: .slope, over: ["native": 0, "rules-1000": 1000])
    let result = RunAnalysis.analyze(synthetic(noise: 0.03, claims: [short]).run())
    #expect(result.claim("grows")?.verdict == .supported)
    let claim = try #require(result.claim("short"))
    #expect(claim.verdict == .inconclusive)
    #expect(claim.reason.contains("farther from 0 than half the margin"), "\(claim.reason)")
    // One that differs forbids everything, however small that is for each rule.
    let different = try #require(RunAnalysis.analyze(synthetic(control: 1.05).run()).claim("grows"))
    #expect(different.verdict == .inconclusive)
    #expect(different.reason.contains("does not contain 0: the baseline differs from itself"), "\(different.reason)")
  }

  @Test("every environment of the line must be there")
  func missing() throws {
    var run = synthetic().run()
    run.record.environments[2].unavailable = "no nf_tables."
    run.record.environments.remove(at: 1)
    run.trials.removeAll { $0.environment.hasPrefix("rules") }
    let result = RunAnalysis.analyze(run)
    #expect(result.claim("grows")?.verdict == .unavailable)
    #expect(
      result.claim("grows")?.reason
        == "The environment rules-1000 was not part of this run. "
        + "The environment rules-30000 could not run here: no nf_tables.")
    #expect(result.claim("map-grows")?.verdict == .refuted)
  }

  @Test("sizes that do not differ make no slope, and say so")
  func noSpread() throws {
    let flat = Synthetic.claim(
      "flat", "rules-1000", above: 1, quantity: .slope, over: ["native": 5, "rules-1000": 5])
    let claim = try #require(RunAnalysis.analyze(synthetic(claims: [flat]).run()).claim("flat"))
    #expect(claim.verdict == .inconclusive && claim.reason.contains("two different sizes"), "\(claim.reason)")
  }
}

@Suite("Counts that every block repeats")
struct CountTests {
  private static let transmissions: [String: Double] = ["native": 2, "netns": 2, "bridge": 4]

  private func claims() -> [ClaimSpec] {
    [
      Synthetic.claim("twice", above: 1.9, below: 2.1, metric: .deviceTransmissions),
      Synthetic.claim("adds-two", above: 1.5, margin: 0.5, quantity: .difference, metric: .deviceTransmissions),
      Synthetic.claim("more-than-twice", above: 2, metric: .deviceTransmissions),
      Synthetic.claim("namespace", "netns", above: 1, metric: .deviceTransmissions),
    ]
  }

  private func synthetic(blocks: Int = 12) -> Synthetic {
    Synthetic(
      blocks: blocks, claims: claims(),
      counts: [.deviceTransmissions: Self.transmissions, .contextSwitches: ["native": 0, "netns": 0, "bridge": 0]])
  }

  @Test("have points for intervals, the smallest p that there is, and verdicts")
  func exact() throws {
    let result = RunAnalysis.analyze(synthetic().run())
    let row = try #require(result.series("bridge", .deviceTransmissions))
    let (difference, ratio) = (try #require(row.difference), try #require(row.ratio))
    #expect(difference.estimate == 2 && difference.low == 2 && difference.high == 2)
    #expect(ratio.estimate == 2 && ratio.low == 2 && ratio.high == 2 && ratio.n == 12 && ratio.mergedBlocks == 1)
    #expect(row.direction == .higher && row.note == nil)
    #expect(try #require(row.qValue) < 0.01)
    for (id, verdict) in [
      ("twice", ClaimResult.Verdict.supported), ("adds-two", .supported), ("more-than-twice", .refuted),
      ("namespace", .refuted),
    ] {
      let claim = try #require(result.claim(id))
      #expect(claim.verdict == verdict, "\(id): \(claim.reason)")
    }
    #expect(try #require(result.claim("twice")?.adjustedP) <= 4.0 / 4096)
  }

  @Test("of which all are equal show no difference; of zeros there is no ratio, and no difference")
  func none() throws {
    let result = RunAnalysis.analyze(synthetic().run())
    let same = try #require(result.series("netns", .deviceTransmissions))
    #expect(same.ratio?.low == 1 && same.ratio?.high == 1 && same.difference?.estimate == 0)
    #expect(same.direction == .undecided && same.qValue == 1 && same.note == nil)
    let zero = try #require(result.series("bridge", .contextSwitches))
    #expect(zero.difference?.low == 0 && zero.difference?.high == 0 && zero.ratio == nil)
    #expect(zero.direction == .undecided && zero.qValue == 1)
    #expect(try #require(zero.note).contains("no ratio exists"))
  }

  @Test("are not taken for dependent where somebody else's packets fall in three times in a row")
  func stray() throws {
    var run = synthetic().run()
    for place in run.trials.indices
    where run.trials[place].environment == "bridge" && (3...5).contains(run.trials[place].block) {
      run.trials[place].values[.deviceTransmissions] = 4.004
    }
    let result = RunAnalysis.analyze(run)
    #expect(result.claim("adds-two")?.verdict == .supported, "\(result.claim("adds-two")?.reason ?? "")")
    let row = try #require(result.series("bridge", .deviceTransmissions))
    #expect(row.note == nil && row.direction == .higher)
    #expect(row.difference?.mergedBlocks == 1 && row.difference?.low == 2)
    // Not so where they do not repeat.
    for place in run.trials.indices where run.trials[place].environment == "bridge" {
      run.trials[place].values[.deviceTransmissions] = 4 + 0.2 * Double(run.trials[place].block)
    }
    let creeping = try #require(RunAnalysis.analyze(run).claim("adds-two"))
    #expect(creeping.verdict == .inconclusive && creeping.reason.contains("depend on each other"), "\(creeping.reason)")
  }

  @Test("do not care how disturbed the host is; times do")
  func disturbed() throws {
    var noisy = synthetic(blocks: 17)
    noisy.noiseClass = .hostile
    noisy.claims.append(Synthetic.claim("time", above: 1.1))
    for run in [noisy.run(), noisy.run().voiding([1, 3, 5, 7, 9])] {
      let result = RunAnalysis.analyze(run)
      #expect(result.claim("adds-two")?.verdict == .supported)
      #expect(result.claim("time")?.verdict == .inconclusive)
    }
  }
}

@Suite("What is analysed depends on the kind of workload")
struct KindTests {
  @Test("the table has the metrics of its kind, and the headline is the kind's", arguments: WorkloadSpec.Kind.allCases)
  func metrics(kind: WorkloadSpec.Kind) throws {
    var synthetic = Synthetic(claims: [Synthetic.claim("headline", above: 1.1, metric: kind.headline)], kind: kind)
    synthetic.metrics = [.rttP50: 1, .throughput: 1e6, .duration: 1e5, .totalCPU: 2]
    synthetic.metrics[kind.headline] = synthetic.metrics[kind.headline] ?? 10
    let result = RunAnalysis.analyze(synthetic.run())
    #expect(result.series.map(\.metric) == kind.metrics.flatMap { [$0, $0, $0] })
    #expect(result.control.map(\.metric) == [kind.headline] && result.control[0].isPassed)
    if kind.field == .network {
      #expect(result.ladders[0].metric == kind.headline && result.ladders[0].steps.count == 2)
    } else {
      #expect(result.ladders.isEmpty)
    }
    #expect(result.claims[0].verdict == .supported)
    let ratio = try #require(result.series("bridge", kind.headline)?.ratio)
    // Environment ÷ baseline, of what is better when larger, too.
    #expect(abs(ratio.estimate - 1.2) < 0.02)
  }

  @Test("a metric that the baseline lacks has values, no ratio, and a note")
  func onlyInOne() throws {
    var run = Synthetic(metrics: [.rttP50: 1], counts: [.proxyCPU: ["bridge": 5000]]).run()
    for place in run.trials.indices where run.trials[place].environment != "bridge" {
      run.trials[place].unavailable[.proxyCPU] = "no proxy is in the path"
    }
    let result = RunAnalysis.analyze(run)
    let row = try #require(result.series("bridge", .proxyCPU))
    #expect(row.trials == Array(repeating: 5000, count: 12) && row.median == 5000)
    #expect(row.ratio == nil && row.difference == nil && row.direction == nil && row.qValue == nil)
    #expect(row.note == "the baseline has none: no proxy is in the path")
    #expect(result.series("netns", .proxyCPU)?.note == "no proxy is in the path")
  }

  @Test("loss is a result where it is measured, and a warning where it is not")
  func loss() {
    func warnings(_ kind: WorkloadSpec.Kind) -> [String] {
      var run = Synthetic(kind: kind).run()
      run.trials[3].messages = MessageCounts(sent: 100, completed: 90, lost: 10)
      return RunAnalysis.analyze(run).warnings
    }
    for kind in [WorkloadSpec.Kind.udpRR, .tcpCRR] {
      #expect(warnings(kind).contains { $0.hasPrefix("10 of 147 requests were lost") }, "\(warnings(kind))")
    }
    for kind in [WorkloadSpec.Kind.udpStream, .udpOpen] { #expect(warnings(kind).isEmpty, "\(warnings(kind))") }
  }

  @Test("claims about other metrics do not tighten the control of the headline")
  func margin() {
    let claims = [
      Synthetic.claim("count", above: 1, margin: 0.0001, metric: .deviceTransmissions),
      Synthetic.claim("time", above: 1.1, margin: 0.1),
    ]
    let result = RunAnalysis.analyze(Synthetic(claims: claims).run())
    #expect(result.control[0].isPassed && result.control[0].reason.contains("half the margin (0.0500)"))
  }

  @Test("the family of the addresses is in the summary")
  func family() {
    var run = Synthetic().run()
    run.record.family = .ipv6
    #expect(RunAnalysis.analyze(run).run.family == .ipv6)
  }

  @Test("headlines as they stand need one block, and agree with the analysis")
  func headlines() throws {
    let run = Synthetic(blocks: 12).run()
    let result = RunAnalysis.analyze(run)
    let headlines = RunAnalysis.headlines(run)
    #expect(headlines.map(\.environment) == ["netns", "bridge"])
    for headline in headlines {
      #expect(headline.metric == .rttP50 && headline.workload == Synthetic.workload)
      let row = try #require(result.series(headline.environment)?.ratio)
      if row.method == "wilcoxon" && row.mergedBlocks == 1 { #expect(abs(headline.ratio - row.estimate) < 1e-12) }
    }
    #expect(RunAnalysis.headlines(run.prefix(1)).count == 2)
    #expect(RunAnalysis.headlines(run.prefix(0)).isEmpty)
  }
}
