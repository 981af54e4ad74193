import Foundation
import Model
import TestSupport
import Testing

@testable import Reports

@Suite("The HTML report")
struct HTMLTests {
  @Test("equals its golden")
  func golden() throws {
    try expectGolden(try HTMLReport.render(Fixture.result), "report.html")
  }

  @Test("needs nothing but itself")
  func selfContained() throws {
    let html = try HTMLReport.render(Fixture.result)
    for outside in ["http://", "https://", "<link", "<img", "@import", "url(", "<iframe"] {
      #expect(!html.contains(outside), "it has \(outside)")
    }
    #expect(!html.replacing(HTMLPage.script, with: "").contains(/<[a-z][^>]* on[a-z]+=/))
    // One script, of the page itself, and the policy lets no other run.
    #expect(html.ranges(of: "<script").count == 1 && html.ranges(of: "<script>").count == 1)
    #expect(html.contains("default-src 'none'"))
    #expect(html.utf8.count < 150_000)
  }

  @Test("has a caption on every table, a text alternative on every chart, and headings in order")
  func accessibility() throws {
    let html = try HTMLReport.render(Fixture.result)
    #expect(html.ranges(of: /<table[^>]*><caption>/).count == html.ranges(of: "<table").count)
    // Ladder, percentiles and trials of two workloads, the control, and six waterfalls.
    #expect(html.ranges(of: "<svg class=\"chart\" role=\"img\" aria-labelledby=").count == 13)
    #expect(html.ranges(of: "<desc").count == 13)
    #expect(html.ranges(of: "<figure id=").count == 13)
    #expect(html.ranges(of: "aria-label=\"Link to this figure\"").count == 13)
    #expect(html.contains("native: 1, the baseline; netns: 0.91× [0.90, 0.93]"))
    var level = 0
    for match in html.matches(of: /<h([1-6])/) {
      let next = try #require(Int(match.1))
      #expect(next <= level + 1)
      level = next
    }
    let ids = html.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
    #expect(Set(ids).count == ids.count)
    for match in html.matches(of: /href="#([^"]*)"/) { #expect(ids.contains(String(match.1))) }
  }

  @Test("defines every metric it shows")
  func definitions() throws {
    let html = try HTMLReport.render(Fixture.result)
    for metric in Set(Fixture.result.series.map(\.metric)) {
      #expect(html.contains(Markup.escaped(metric.definition)))
      #expect(html.contains("href=\"#def-\(metric.rawValue)\""))
    }
  }

  @Test("tells how to repeat the run")
  func method() throws {
    let html = try HTMLReport.render(Fixture.result)
    let run = Fixture.result.run
    for part in [run.command, String(run.seed), run.workerSHA256, "Retpolines", "every claim has its verdict"] {
      #expect(html.contains(part))
    }
  }

  @Test("draws the control's trials")
  func controlStrip() throws {
    let html = try HTMLReport.render(Fixture.result)
    #expect(html.contains("native′ (control)"))
    #expect(html.contains("dots control"))
  }

  @Test("renders 500 series of 40 blocks within a second, and small")
  func large() throws {
    let result = Self.large
    var sizes: [String] = []
    func measure(_ name: String, _ render: () throws -> Int) rethrows {
      var size = 0
      let time = try threadTime { size = try render() }
      #expect(time < .seconds(1), "\(name)")
      sizes.append("\(name): \(time), \(size / 1024) KiB")
    }
    try measure("HTML") { try HTMLReport.render(result).utf8.count }
    measure("Markdown") { MarkdownReport.render(result).utf8.count }
    measure("terminal") { TerminalTable.render(result, width: 100, color: true).utf8.count }
    try measure("JSON") { try JSONResult.encode(result).count }
    print("500 series of 40 blocks: " + sizes.joined(separator: "; "))
    #expect(try HTMLReport.render(result).utf8.count < 1_048_576)
  }

  @Test("stays below a mebibyte with 15 environments, 4 workloads, hops and distributions")
  func full() throws {
    let html = try HTMLReport.render(Self.full)
    print("15 environments, 4 workloads: HTML \(html.utf8.count / 1024) KiB")
    #expect(html.utf8.count < 1_048_576)
    #expect(html.ranges(of: "<figure id=\"inside-").count == 15)
    #expect(html.ranges(of: "<figure id=\"distribution-").count == 4)
    #expect(html.ranges(of: "<figure id=\"tail-").count == 4)
    #expect(html.ranges(of: "<figure id=\"counts-").count == 4)
    #expect(!html.contains("<figure id=\"percentiles-"))
    let ids = html.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
    #expect(Set(ids).count == ids.count)
  }

  /// As much as the scenario of network hops has in its longest profile, and a distribution of everything.
  static let full: RunResult = {
    let environments = (0..<15).map { index in
      Synthetic.environment("environment-\(index)", "environment number \(index)", "layer number \(index)")
    }
    let kinds: [(WorkloadSpec.Kind, WorkloadSpec.WaitMode)] = [
      (.udpRR, .spin), (.udpRR, .block), (.tcpRR, .block), (.tcpCRR, .block),
    ]
    var result = Synthetic.made(
      "network-hop", "Everything of network-hop", environments: environments,
      workloads: kinds.map { WorkloadSpec(name: "\($0.rawValue)-\($1.rawValue)", kind: $0, wait: $1) }, blocks: 40
    ) { environment, _ in
      let index = Double(environments.firstIndex { $0.name == environment.name } ?? 0)
      return Synthetic.latency(7_000 + 900 * index, passes: (index / 4).rounded() + 1)
    }
    let insides = environments.map {
      Fixture.inside(
        $0.name, "udp-rr-spin", Fixture.bridgePath, source: .tap,
        p50: [912, 1_043, 1_574, 487, 2_010, 104, 874, 611, 1_240, 386, 1_682], observed: 11_020)
    }
    result.hops = .value(insides.flatMap(\.hops))
    result.waterfalls = insides.map(\.waterfall)
    return Distributions.added(to: result)
  }()

  static let large = Variants.changed { result in
    let metrics: [Metric] = [.rttP50, .rttP90, .rttP99, .rttP999, .rate]
    result.workloads = (0..<10).map { WorkloadSpec(name: "workload-\($0)", kind: .udpRR, wait: .spin) }
    result.environments = (0..<10).map { index in
      EnvironmentRecord(
        name: index == 0 ? "native" : "environment-\(index)", summary: "of number \(index)", layer: "a layer")
    }
    result.series = result.workloads.flatMap { workload in
      result.environments.enumerated().flatMap { index, environment in
        metrics.enumerated().map { place, metric in
          let ratio =
            index == 0
            ? nil : Fixture.ratio(1 + 0.03 * Double(index), 1 + 0.025 * Double(index), 1 + 0.035 * Double(index), n: 40)
          let median = 8_000 * (1 + Double(place)) * (1 + 0.03 * Double(index))
          return SeriesResult(
            environment: environment.name, workload: workload.name, metric: metric,
            trials: Fixture.trials(median: median, shift: index, count: 40), median: median, ratio: ratio,
            difference: ratio, direction: ratio == nil ? nil : .higher, qValue: 0.001)
        }
      }
    }
    result.control = result.workloads.map { Fixture.control($0.name, (1, 0.99, 1.01)) }
    result.ladders = []
  }
}
