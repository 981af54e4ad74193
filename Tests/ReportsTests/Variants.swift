import Foundation
import Model

/// Results that the renderers must not stumble over, made from ``Fixture``.
enum Variants {
  static func changed(_ change: (inout RunResult) -> Void) -> RunResult {
    var result = Fixture.result
    change(&result)
    return result
  }

  static let failedControl = changed { result in
    for index in result.control.indices { result.control[index].isPassed = false }
    result.control[0].reason = "the interval [1.02, 1.06] does not contain 1"
    result.control[1].reason = "the interval [1.01, 1.05] does not contain 1"
    for index in result.claims.indices {
      result.claims[index].verdict = .inconclusive
      result.claims[index].reason = "No verdict: the control failed."
    }
  }

  static let oneFailedControl = changed { result in
    result.control[1].isPassed = false
    result.control[1].reason = "the interval [1.01, 1.05] does not contain 1"
  }

  static let manyVoided = changed { result in
    result.run.voidedBlocks = 5
    result.voided = (0..<5).map { VoidedBlock(block: $0, reasons: ["steal of 3 %"]) }
  }

  static let interrupted = changed { result in
    result.run.exit = .interrupted
    result.run.validBlocks = 3
    result.run.voidedBlocks = 0
    result.run.stopReason = "interrupted"
    result.voided = []
    for index in result.series.indices {
      result.series[index].trials = Array(result.series[index].trials.prefix(3))
      result.series[index].ratio = nil
      result.series[index].difference = nil
      result.series[index].direction = nil
      result.series[index].note = "3 pairs are too few for an interval"
    }
    for index in result.control.indices {
      result.control[index].ratio = nil
      result.control[index].isPassed = false
      result.control[index].reason = "no control: too few pairs"
    }
    result.ladders = []
  }

  static let injected = changed { $0.run.injection = "5 % more time in every request" }

  static let unavailableEnvironment = changed { result in
    result.environments[2].unavailable = "the kernel has no veth devices; load the module with: modprobe veth"
    result.series.removeAll { $0.environment == "veth" }
    result.ladders = [
      LadderResult(
        workload: "udp-rr-spin", metric: .rttP50,
        steps: [LadderResult.Step(from: "netns", to: "bridge", layer: "a bridge", ratio: nil, difference: nil)],
        ratioResidual: nil, differenceResidual: nil)
    ]
  }

  static let empty = changed { result in
    result.environments = []
    result.workloads = []
    result.series = []
    result.control = []
    result.ladders = []
    result.claims = []
    result.voided = []
    result.warnings = []
    result.hops = .unavailable("packets were not captured in this run")
    result.waterfalls = []
    result.run.validBlocks = 0
    result.run.voidedBlocks = 0
    result.run.finished = nil
    result.run.exit = .failed
    result.noise = NoiseSummary(
      overall: .unknown, blocks: [:], stealShare: nil, foreignCPUShare: nil, runDelayShare: nil, canaryVariation: nil,
      withVoided: [])
  }

  /// Series that say why they have no value, no estimate or no finding.
  static let notes = changed { result in
    result.series[1].trials = []
    result.series[1].median = nil
    result.series[1].ratio = nil
    result.series[1].difference = nil
    result.series[1].note = "the server's clock could not be read"
    result.series[2].direction = .undecided
    result.series[2].note = "neighbouring blocks depend on each other"
    result.series[3].ratio = nil
    result.series[3].note = "a value of 0 has no ratio"
  }

  static let withoutCapture = changed { result in
    result.hops = .unavailable("packets were not captured in this run")
    result.waterfalls = []
  }

  /// Hops of which something is wrong: each waterfall has another ailment.
  static let troubled = changed { result in
    var hops = Fixture.insides.flatMap(\.hops)
    // native: a quantile that is not to be had, and with it the sum.
    hops[1].p50 = .unavailable("no trial has a p50")
    for index in 0..<7 { hops[index].p99 = .unavailable("fewer than 200 requests were matched in each trial") }
    result.waterfalls[0].sum = nil
    result.waterfalls[0].residual = nil
    result.waterfalls[0].requestClosure = nil
    // netns: a hop that ends before it starts.
    hops[8].p50 = .value(LevelEstimate(estimate: -120, low: -150, high: -90, confidence: 0.99, n: 12))
    // veth: many unmatched, and parts that are not the whole.
    result.waterfalls[2].residual = 0.041
    result.waterfalls[2].matched = 3_026
    result.waterfalls[2].unmatched = [
      "not seen at server/server0:receive": 71, "not seen at client/client0:receive": 23, "a reason of none": 0,
    ]
    result.waterfalls[2].tax = []
    // bridge: full rings.
    result.waterfalls[3].trials = 10
    result.waterfalls[3].excluded = [
      "block 3: 41 packets dropped at switch/port-client", "block 7: a clock step of 2.1 ms",
    ]
    result.waterfalls[3].taps[1].dropped = 41
    result.waterfalls[3].tax[1].ratio = nil
    result.waterfalls[3].tax[1].note = "3 pairs are too few for an interval"
    // An environment that nobody declared, without a trial that counts.
    result.waterfalls.append(
      WaterfallResult(
        environment: "macvlan", workload: "udp-rr-spin", sampling: 64, points: [], trials: 0,
        excluded: ["block 0: the taps saw no packet"], sampled: 0, matched: 0, unmatched: [:], taps: [],
        roundTrip: .unavailable("no trial counts"), observed: .unavailable("no trial counts"), sum: nil, residual: nil,
        requestClosure: nil, tax: []))
    result.hops = .value(hops)
  }

  /// One trial has no interval.
  static let oneTrial = changed { result in
    var hops = Fixture.insides.flatMap(\.hops)
    func single(_ level: Measured<LevelEstimate>) -> Measured<LevelEstimate> {
      guard case .value(let level) = level else { return level }
      return .value(LevelEstimate(estimate: level.estimate, n: 1))
    }
    for index in hops.indices {
      hops[index].p50 = single(hops[index].p50)
      hops[index].p90 = single(hops[index].p90)
      hops[index].p99 = single(hops[index].p99)
    }
    result.hops = .value(hops)
    for index in result.waterfalls.indices {
      result.waterfalls[index].trials = 1
      result.waterfalls[index].observed = single(result.waterfalls[index].observed)
      result.waterfalls[index].roundTrip = single(result.waterfalls[index].roundTrip)
      for tax in result.waterfalls[index].tax.indices {
        result.waterfalls[index].tax[tax] = WaterfallResult.Tax(
          metric: result.waterfalls[index].tax[tax].metric, ratio: nil, difference: nil,
          note: "1 pair is too few for an interval")
      }
    }
  }

  /// A blocking workload: wake-ups of 70 µs.
  static let blocking = changed { result in
    let inside = Fixture.inside(
      "bridge", "udp-rr-block", Fixture.bridgePath, source: .tap,
      p50: [1_512, 1_143, 1_874, 687, 71_210, 304, 1_474, 811, 1_640, 586, 69_482], observed: 151_900)
    result.workloads = [WorkloadSpec(name: "udp-rr-block", kind: .udpRR, wait: .block)]
    result.hops = .value(inside.hops)
    result.waterfalls = [inside.waterfall]
  }

  /// Everything that comes from outside says `text`.
  static func saying(_ text: String) -> RunResult {
    changed { result in
      result.run.id = text
      result.run.scenario = text
      result.run.title = text
      result.run.description = text
      result.run.command = text
      result.run.version = text
      result.run.workerSHA256 = text
      result.run.stopReason = text
      result.run.baseline = "native" + text
      result.run.host = HostFacts(
        hostname: text, kernel: text, architecture: text, distribution: text, cpuModel: text, cpuCount: 2,
        virtualization: text, clockSource: text, governor: text, mitigations: [text: text], nativeBurdens: [text, text])
      for index in result.environments.indices {
        result.environments[index].name += text
        result.environments[index].summary = text
        result.environments[index].layer = text
      }
      result.environments[1].unavailable = text
      for index in result.workloads.indices { result.workloads[index].name += text }
      for index in result.series.indices {
        result.series[index].environment += text
        result.series[index].workload += text
      }
      result.series[1].note = text
      for index in result.control.indices {
        result.control[index].workload += text
        result.control[index].reason = text
      }
      result.control[0].isPassed = false
      for index in result.ladders.indices {
        result.ladders[index].workload += text
        for step in result.ladders[index].steps.indices {
          result.ladders[index].steps[step].from += text
          result.ladders[index].steps[step].layer = text
        }
      }
      var hops = Fixture.insides.flatMap(\.hops)
      for index in hops.indices {
        hops[index].environment += text
        hops[index].workload += text
        hops[index].from += text
        hops[index].to += text
      }
      hops[1].p99 = .unavailable(text)
      result.hops = .value(hops)
      for index in result.waterfalls.indices {
        result.waterfalls[index].environment += text
        result.waterfalls[index].workload += text
        result.waterfalls[index].excluded = [text, text]
        result.waterfalls[index].unmatched = ["not " + text: 1, "nor " + text: 2]
        for point in result.waterfalls[index].points.indices {
          result.waterfalls[index].points[point].name += text
          result.waterfalls[index].points[point].namespace += text
        }
        for tap in result.waterfalls[index].taps.indices {
          result.waterfalls[index].taps[tap].interface += text
          result.waterfalls[index].taps[tap].namespace += text
        }
        for tax in result.waterfalls[index].tax.indices { result.waterfalls[index].tax[tax].note = text }
      }
      result.waterfalls[0].observed = .unavailable(text)
      for index in result.claims.indices {
        result.claims[index].id = text
        result.claims[index].section = text
        result.claims[index].statement = text
        result.claims[index].workload += text
        result.claims[index].environment += text
        result.claims[index].reason = text
        result.claims[index].against = "native" + text
        result.claims[index].published = [ClaimSpec.Published(source: text, finding: text)]
      }
      result.claims[1].quantity = .slope
      result.claims[1].over = ["native" + text: 0, text: 1]
      result.workloads[1].commands = WorkloadSpec.Commands(server: nil, client: [text])
      result.voided = [VoidedBlock(block: 1, reasons: [text, text])]
      result.noise.withVoided[0].claim = text
      result.warnings = [text, text]
    }
  }

  static let hostile: [String] = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)",
    "</style></title></svg><h1>x",
    "\u{600}<script>alert(1)</script>", "\"\u{301} onload=\"x", "&lt;b&gt; &amp; {{title}} {{{css}}}",
    "\u{1B}[31mred\u{1B}[0m\u{1B}]0;title\u{7}\u{9B}2J\u{8}\u{8}", "a\nb\r\nc\u{2028}d\u{85}e\tf",
    "\u{202E}evil\u{202C} \u{2066}x\u{2069}\u{200F}\u{200B}\u{FEFF}", "| a | b |\n|--|--|\n| `c` | \\| ``` |",
    "`````", "\\", "# h\n- l\n> q\n***b*** __u__ ~~s~~ [l](http://x.example) ![i](//x) http://x.example www.x.example",
    "@someone #1 a@b.example $x^2$ <!-- c --> <details>", String(repeating: "x", count: 10_000),
    String(repeating: "word ", count: 2_000), String(repeating: "漢", count: 3_000),
    "e" + String(repeating: "\u{301}", count: 500), "\0\u{1}\u{FFFE}\u{E000}\u{E0041}", "", " ", "=cmd|' /C calc'!A0",
  ]
}
