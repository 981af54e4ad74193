import Foundation
import Model
import Regression
import Testing

@Suite("The verdict of a night")
struct NightJudgeTests {
  private static let levels = [(Made.overhead("netns"), 1.0), (Made.overhead("bridge"), 1.5), (Made.count, 4.0)]
  private static let history = Made.history(30, levels)
  private static let usual = Made.run([("netns", 1.0), ("bridge", 1.5)])

  private func state(_ result: NightResult, _ series: HistorySeries) throws -> NightResult.Series.State {
    try #require(result.series.first { $0.series == series }).state
  }

  @Test("is clean where everything is as ever")
  func clean() throws {
    let result = NightJudge.judge(Made.evidence(Self.usual, history: Self.history))
    #expect(result.verdict == .clean && result.exit == 0)
    #expect(result.series.count == 4)
    #expect(try state(result, Made.overhead("bridge")) == .steady)
    #expect(try state(result, Made.count) == .steady)
    #expect(result.screening.screened == 2 && result.screening.flagged == 0 && result.screening.nights == 30)
    #expect(result.reason.contains("None of 2 series"))
  }

  @Test("says how many nights history lacks")
  func collecting() throws {
    let result = NightJudge.judge(Made.evidence(Self.usual, history: Made.history(7, Self.levels)))
    #expect(result.verdict == .clean)
    #expect(try state(result, Made.overhead("bridge")) == .collecting)
    #expect(result.reason.contains("7 of the 20 nights"))
  }

  @Test("reports what has moved with the same worker, and does not fail")
  func moved() throws {
    let result = NightJudge.judge(
      Made.evidence(Made.run([("netns", 1.0), ("bridge", 1.6)]), history: Self.history))
    #expect(result.verdict == .clean)
    #expect(try state(result, Made.overhead("bridge")) == .moved)
    #expect(try state(result, Made.overhead("netns")) == .steady)
    #expect(result.reason.contains("1 of 2 series lie further"))
  }

  @Test("is a regression where a worker is slower than the pinned one, by name and number")
  func slowerWorker() throws {
    let result = NightJudge.judge(
      Made.evidence(
        Self.usual, history: Self.history, worker: Made.today,
        duels: [Made.duel("native", 1.1), Made.duel("netns", 1.1), Made.duel("bridge", 1.0)]))
    #expect(result.verdict == .regression && result.exit == 1)
    #expect(
      result.reason.hasPrefix(
        "2 series are worse: made/udp/native/rtt_p50 1.10× [1.10, 1.10]; made/udp/netns"))
    #expect(try state(result, Made.overhead("netns")) == .worse)
    #expect(try state(result, Made.overhead("bridge")) == .steady)
    #expect(result.confirmations.map(\.isWorse) == [true, true, false])
  }

  @Test("speaks of a program's last good build where that was held against")
  func program() throws {
    var duel = Made.duel("native", 1.1)
    duel.isProgram = true
    let result = NightJudge.judge(Made.evidence(Self.usual, history: Self.history, duels: [duel]))
    #expect(result.verdict == .regression)
    let confirmation = try #require(result.confirmations.first)
    #expect(confirmation.isProgram == true && confirmation.reason.contains("worse than with the last good build"))
  }

  @Test("clears what was flagged and is no slower in fresh blocks; leaves open what was not measured again")
  func cleared() throws {
    let run = Made.run([("netns", 1.0), ("bridge", 1.6)])
    let flagged = NightJudge.flagged(
      Made.evidence(run, history: Self.history).values, history: Self.history)
    #expect(flagged == [Made.overhead("bridge")])
    let cleared = NightJudge.judge(
      Made.evidence(run, history: Self.history, worker: Made.today, duels: [Made.duel("bridge", 1.0)]))
    #expect(cleared.verdict == .clean)
    #expect(try state(cleared, Made.overhead("bridge")) == .cleared)
    let open = NightJudge.judge(
      Made.evidence(run, history: Self.history, worker: Made.today, obstacle: "Not measured again: no time."))
    #expect(open.verdict == .inconclusive && open.exit == 3)
    #expect(try state(open, Made.overhead("bridge")) == .open)
    #expect(open.reason.contains("no time"))
  }

  @Test("does not call clean what could not be held against the pinned worker")
  func undecided() {
    var duel = Made.duel("native", 1)
    duel.differences = []
    duel.obstacle = "there was no time left in the budget"
    let result = NightJudge.judge(
      Made.evidence(Self.usual, history: Self.history, worker: Made.today, duels: [duel, Made.duel("netns", 1)]))
    #expect(result.verdict == .inconclusive)
    #expect(result.reason.contains("1 of 2 comparisons"))
    #expect(result.reason.contains("no time left"))
  }

  @Test("fails on any change of a count, in either direction")
  func counts() throws {
    let more = NightJudge.judge(
      Made.evidence(Made.run([("netns", 1.0), ("bridge", 1.5)], transmissions: 5), history: Self.history))
    #expect(more.verdict == .regression)
    #expect(more.reason.contains("made/udp/bridge/device_transmissions:count 5 instead of 4"))
    let fewer = NightJudge.judge(
      Made.evidence(Made.run([("netns", 1.0), ("bridge", 1.5)], transmissions: 3), history: Self.history))
    #expect(fewer.verdict == .regression)
    #expect(try state(fewer, Made.count) == .changed)
  }

  @Test("is blind where the slowdown was not found, inconclusive where it could not be looked for")
  func selfTest() {
    let slower = [Made.duel("native", 1.2)]
    let blind = NightJudge.judge(
      Made.evidence(Self.usual, history: Self.history, worker: Made.today, isFound: false, pValue: 0.4, duels: slower))
    #expect(blind.verdict == .blind && blind.exit == 70)
    let untested = NightJudge.judge(
      Made.evidence(Self.usual, history: Self.history, isFound: false, pValue: nil))
    #expect(untested.verdict == .inconclusive)
  }

  @Test(
    "has no verdict where the run is no fair sample",
    arguments: [
      (Made.run([("bridge", 1.5)], voidedBlocks: 5), "5 of 17 blocks were voided"),
      (Made.run([("bridge", 1.5)], validBlocks: 7), "7 valid blocks"),
      (Made.run([("bridge", 1.5)], isControlPassed: false), "the control of udp failed"),
    ])
  func invalid(run: RunResult, why: String) {
    let result = NightJudge.judge(Made.evidence(run, history: Self.history))
    #expect(result.verdict == .inconclusive)
    #expect(result.objections.contains { $0.contains(why) })
    #expect(result.reason == result.objections.first)
  }

  @Test("fails where an environment of the suite is missing")
  func missing() {
    let result = NightJudge.judge(
      Made.evidence(Made.run([("bridge", 1.5)], missing: "docker-bridge"), history: Self.history))
    #expect(result.verdict == .incomplete && result.exit == 1)
    #expect(result.reason.contains("'docker-bridge'") && result.reason.contains("no daemon"))
  }

  @Test("opens a new epoch without failing, and says what has shifted")
  func epoch() throws {
    let result = NightJudge.judge(
      Made.evidence(
        Made.run([("netns", 1.0), ("bridge", 2.0)], transmissions: 6), history: Made.history(0, Self.levels),
        isNewEpoch: true, before: [Made.overhead("netns"): 1.0, Made.overhead("bridge"): 1.5, Made.count: 4],
        goodCounts: [:]))
    #expect(result.verdict == .clean)
    #expect(try state(result, Made.overhead("bridge")) == .shifted)
    #expect(try state(result, Made.overhead("netns")) == .collecting)
    #expect(try state(result, Made.count) == .shifted)
    #expect(result.reason.contains("kernel") && result.reason.contains("2 of 4 series"))
  }

  @Test("reports a level that has stayed")
  func changePoint() throws {
    var history = Made.history(30, Self.levels)
    history.values[1] = (0..<30).map { (1.5 + ($0 >= 27 ? 0.15 : 0)) * (1 + 0.004 * sin(Double($0 * 4))) }
    let result = NightJudge.judge(
      Made.evidence(Made.run([("netns", 1.0), ("bridge", 1.65)]), history: history))
    let point = try #require(result.changePoints.first)
    #expect(point.series == Made.overhead("bridge") && point.night == "night-27" && point.nights == 4)
    #expect(point.isWorse && abs(point.after - 1.65) < 0.02)
    #expect(result.verdict == .clean)
  }

  @Test("flags the one of 500 series that has moved")
  func manySeries() {
    let series = (0..<500).map { place in
      HistorySeries(
        scenario: Made.scenario, workload: "w\(place)", environment: "bridge", metric: .rttP50, quantity: .overhead)
    }
    let history = Made.history(60, series.map { ($0, 1.5) })
    let flagged = NightJudge.flagged(
      series.enumerated().map { SeriesValue(series: $1, value: $0 == 42 ? 1.8 : 1.5) }, history: history)
    #expect(flagged == [series[42]])
  }

  @Test("names a series as it reads it")
  func names() {
    for series in Self.levels.map(\.0) { #expect(HistorySeries(name: series.name) == series) }
    #expect(HistorySeries(name: "made/udp/bridge/rtt_p50") == Made.overhead("bridge"))
    #expect(HistorySeries(name: "made/udp/bridge/device_transmissions") == Made.count)
    for bad in ["", "a/b/c", "a/b/c/rtt", "a/b/c/rtt_p50:", "a/b/c/rtt_p50:overhead:x", "a//c/rtt_p50"] {
      #expect(HistorySeries(name: bad) == nil, "\(bad)")
    }
  }
}
