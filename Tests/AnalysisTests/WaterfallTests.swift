import Analysis
import Foundation
import Model
import Testing

@Suite("The inside of a path, analysed")
struct WaterfallTests {
  private static let points = [
    Waypoint(namespace: "client", name: "client", source: .application, event: .send),
    Waypoint(namespace: "client", name: "client0", source: .tap, event: .send),
    Waypoint(namespace: "server", name: "server0", source: .tap, event: .receive),
    Waypoint(namespace: "server", name: "server", source: .application, event: .receive),
    Waypoint(namespace: "server", name: "server", source: .application, event: .send),
    Waypoint(namespace: "server", name: "server0", source: .tap, event: .send),
    Waypoint(namespace: "client", name: "client0", source: .tap, event: .receive),
    Waypoint(namespace: "client", name: "client", source: .application, event: .receive),
  ]
  /// Their sum is 10 000 ns.
  private static let hops: [Double] = [900, 1100, 2900, 100, 1000, 1200, 2800]

  /// A run in which trials with taps on take `tax` times as long, and have hops that vary with the block.
  private static func run(
    blocks: Int = 12, tax: Double = 1.04, change: (inout Trial, Int) -> Void = { _, _ in }
  ) -> StoredRun {
    var synthetic = Synthetic(blocks: blocks, environments: [("native", 1), ("veth", 1.1)])
    synthetic.metrics = [.rttP50: 1, .rttP99: 2]
    var run = synthetic.run()
    run.record.capture = .value(CaptureSpec(sampling: 64))
    for trial in run.trials where !trial.isControl {
      var captured = trial
      captured.isCaptured = true
      captured.position += 3
      for metric in captured.values.keys { captured.values[metric]? *= tax }
      let shift = Double(trial.block % 3 - 1)
      captured.hops = TrialHops(
        sampling: 64, points: points, hops: hops.map { HopQuantiles(p50: $0 + shift, p90: $0 * 2 + shift, p99: nil) },
        roundTrip: HopQuantiles(p50: 10_100), sampled: 250, matched: 249,
        unmatched: ["not seen at client0 (client), sending": 1], requestClosure: 40 + shift,
        taps: [
          TapReading(
            namespace: "client", interface: "client0", packets: 520, used: 499, outside: 20, duplicates: 0, foreign: 1,
            undecodable: 0, dropped: 0, interfaceDropped: 0)
        ])
      change(&captured, trial.block)
      run.trials.append(captured)
    }
    return run
  }

  @Test("every hop has its place, its kind and an interval over trials")
  func hops() throws {
    let result = RunAnalysis.analyze(Self.run())
    guard case .value(let all) = result.hops else {
      Issue.record("\(result.hops)")
      return
    }
    let hops = all.filter { $0.environment == "veth" }
    #expect(hops.map(\.index) == Array(0..<7))
    #expect(hops.map(\.leg) == [.request, .request, .request, .server, .reply, .reply, .reply])
    #expect(
      hops.map(\.kind) == [.stackDown, .device, .stackUp, .turnAround, .stackDown, .device, .stackUp])
    #expect(hops[1].from == "client/client0:send" && hops[1].to == "server/server0:receive")
    guard case .value(let level) = hops[2].p50 else {
      Issue.record("no p50")
      return
    }
    #expect(level.estimate == 2900 && level.n == 12 && level.confidence == 0.99)
    #expect(try #require(level.low) < 2900 && #require(level.high) > 2900)
    #expect(hops[0].p99 == .unavailable("too few round trips were looked at in a trial"))
  }

  @Test("the books close: the sum, what is left over, and the share that was matched")
  func books() throws {
    let result = RunAnalysis.analyze(Self.run())
    #expect(result.waterfalls.map(\.environment) == ["native", "veth"])
    let waterfall = result.waterfalls[1]
    #expect(waterfall.trials == 12 && waterfall.excluded == [] && waterfall.points == Self.points)
    #expect(waterfall.sampled == 3000 && waterfall.matched == 2988)
    #expect(waterfall.unmatched == ["not seen at client0 (client), sending": 12])
    #expect(waterfall.taps.map(\.packets) == [6240] && waterfall.taps[0].foreign == 12)
    #expect(waterfall.sum == 10_000)
    #expect(abs(try #require(waterfall.residual) - (10_000 - 10_100) / 10_100) < 1e-12)
    #expect(waterfall.requestClosure == 40)
  }

  @Test("what looking costs is paired by block; tables and claims know nothing of it")
  func tax() throws {
    let result = RunAnalysis.analyze(Self.run(tax: 1.25))
    let tax = result.waterfalls[1].tax
    #expect(tax.map(\.metric) == [.rttP50, .rttP99])
    let ratio = try #require(tax[0].ratio)
    #expect(abs(ratio.estimate - 1.25) < 1e-9 && ratio.n == 12)
    let plain = RunAnalysis.analyze(Self.run(tax: 1))
    #expect(result.series == plain.series && result.control == plain.control && result.ladders == plain.ladders)
  }

  @Test("a trial whose ring was full does not count for hops, though its block does")
  func objections() throws {
    let run = Self.run { trial, block in
      if block == 4 && trial.environment == "veth" { trial.hops?.objections = ["3 packets did not fit"] }
    }
    let result = RunAnalysis.analyze(run)
    #expect(result.waterfalls[1].trials == 11 && result.waterfalls[1].excluded == ["block 4: 3 packets did not fit"])
    #expect(result.waterfalls[0].trials == 12 && result.run.validBlocks == 12)
  }

  @Test("fewer trials than an interval needs give medians alone")
  func fewTrials() throws {
    let result = RunAnalysis.analyze(Self.run(blocks: 3))
    guard case .value(let hops) = result.hops, case .value(let level) = hops[0].p50 else {
      Issue.record("\(result.hops)")
      return
    }
    #expect(level == LevelEstimate(estimate: 900, n: 3))
    #expect(result.waterfalls[0].tax[0].ratio == nil && result.waterfalls[0].tax[0].note != nil)
  }

  @Test("a block without its captured trials is not complete")
  func incomplete() {
    var run = Self.run()
    run.trials.removeAll { $0.isCaptured && $0.block == 2 && $0.environment == "veth" }
    #expect(RunAnalysis.analyze(run).run.validBlocks == 11)
  }

  @Test("a run without capture says why")
  func without() {
    var run = Self.run()
    run.record.capture = .unavailable("switched off with --no-capture")
    let result = RunAnalysis.analyze(run)
    #expect(result.hops == .unavailable("switched off with --no-capture") && result.waterfalls.isEmpty)
    #expect(result.run.validBlocks == 12)
  }
}
