internal import Foundation
internal import NightSimulation
internal import Regression

// Prints, as Markdown, what docs/nightly-simulation.md holds: how often the rules of `bench nightly` cry wolf, and how small
// a slowdown they find. `Benchmarks/run.sh simulation` builds and runs it; the seeds are fixed.

/// One night in a thousand is one in these.
private let nullNights = 2000
private let powerNights = 1000

/// A line at a time: whoever waits sees that it goes on, through a pipe, too.
private func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

private func share(_ count: Int, of nights: Int) -> String {
  String(format: "%.2f %%", 100 * Double(count) / Double(nights))
}

private func two(_ count: Int, of nights: Int) -> String { String(format: "%.2f", Double(count) / Double(nights)) }

private func falseAlarms() -> Bool {
  var isWithinGoal = true
  say("### Nights with a false alarm\n")
  say("500 series of which none changed, \(nullNights) nights each.\n")
  say(
    "| host | nights of history | series flagged a night | screen, then confirm | 20 headline series | both together |")
  say("|---|---|---|---|---|---|")
  var seed: UInt64 = 1
  for base in [SimulatedHost.quiet, .poor] {
    let hosts =
      SimulatedHost.Shape.allCases.map { base.with(shape: $0) } + [
        base.with(shape: .normal, badNights: 0.05), base.with(shape: .t3, badNights: 0.05),
      ]
    for host in hosts {
      for history in [20, 60] {
        let result = NightSimulation(host: host, history: history, seed: seed).falseAlarms(nights: nullNights)
        seed += 1
        let nights = result.nights
        say(
          "| \(host.name) | \(history) | \(String(format: "%.1f", Double(result.flagged) / Double(nights))) "
            + "(\(share(result.nightsWithFlags, of: nights)) of nights have any) | \(share(result.afterScreen, of: nights)) "
            + "| \(share(result.direct, of: nights)) | \(share(result.together, of: nights)) |")
        isWithinGoal =
          isWithinGoal && [result.afterScreen, result.direct, result.together].allSatisfy { $0 * 100 < nights }
      }
    }
  }
  say("")
  return isWithinGoal
}

private func power() {
  say("### Power: found on the first night\n")
  say("One series of 500 worse by so much, \(powerNights) nights each; the other series did not change.\n")
  say(
    "| host | nights of history | worse by | flagged by the screen | flagged and confirmed | as one of 20 headline series |"
  )
  say("|---|---|---|---|---|---|")
  var seed: UInt64 = 1001
  for base in [SimulatedHost.quiet, .poor] {
    for host in SimulatedHost.Shape.allCases.map({ base.with(shape: $0) }) {
      for history in [20, 60] {
        let simulation = NightSimulation(host: host, history: history, seed: seed)
        seed += 1
        for result in simulation.power(nights: powerNights, effects: [0.03, 0.05, 0.08, 0.1]) {
          say(
            "| \(host.name) | \(history) | \(Int((100 * result.effect).rounded())) % | "
              + "\(two(result.flagged, of: result.nights)) | \(two(result.afterScreen, of: result.nights)) | "
              + "\(two(result.direct, of: result.nights)) |")
        }
      }
    }
  }
  say("")
}

/// With it, how many nights are `blind` although nothing is wrong.
private func selfTest() {
  say("### The self-test: 10 % put in, judged by itself\n")
  say("\(nullNights) nights each; a night on which it is not found is `blind`.\n")
  say("| host | found |")
  say("|---|---|")
  var seed: UInt64 = 2001
  for base in [SimulatedHost.quiet, .poor] {
    for host in SimulatedHost.Shape.allCases.map({ base.with(shape: $0) }) {
      let found = NightSimulation(host: host, series: 0, history: 1, seed: seed).selfTestsFound(nights: nullNights)
      seed += 1
      say("| \(host.name) | \(share(found, of: nullNights)) |")
    }
  }
  say("")
}

private let isWithinGoal = falseAlarms()
power()
selfTest()
say("Goal, a false alarm on less than 1 % of nights in every row: \(isWithinGoal ? "met" : "missed").")
exit(isWithinGoal ? 0 : 1)
