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
      result.hops = .unavailable(text)
      for index in result.claims.indices {
        result.claims[index].id = text
        result.claims[index].section = text
        result.claims[index].statement = text
        result.claims[index].workload += text
        result.claims[index].environment += text
        result.claims[index].reason = text
      }
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
