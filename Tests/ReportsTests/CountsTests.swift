import Foundation
import Model
import Testing

@testable import Reports

@Suite("Counts")
struct CountsTests {
  typealias Format = EveryFormatTests.Format

  private func table(_ result: RunResult) throws -> CountsTable {
    try #require(CountsTable(Presentation(result), result.workloads[0].name))
  }

  /// Counts of one environment set to `trials`.
  private func counted(_ environment: String, _ metric: Metric, _ trials: [Double]) -> RunResult {
    var result = Synthetic.ladder
    for index in result.series.indices
    where result.series[index].environment == environment && result.series[index].metric == metric {
      result.series[index].trials = trials
      result.series[index] = result.series[index].counted
    }
    return result
  }

  @Test("that agree stand alone; others have their range")
  func values() {
    func count(_ trials: [Double]) -> String {
      CountsTable.count(
        SeriesResult(environment: "e", workload: "w", metric: .systemCalls, trials: trials, median: nil).counted)
    }
    #expect(count([4, 4, 4]) == "4.00")
    #expect(count([2.001, 1.999, 2.0]) == "2.00")
    // 0.5 % to either side is agreement, more is not.
    #expect(count([4.0, 4.0, 4.02]) == "4.00")
    #expect(count([4.0, 4.0, 4.021]) == "4.00–4.02")
    #expect(count([0, 0, 0]) == "0.00")
    #expect(count([0, 0, 0.3]) == "0.00–0.30")
    #expect(count([0, 0.001]) == "0.00")
    #expect(count([12_345, 13_456]) == "12\u{202F}345–13\u{202F}456")
    #expect(count([]) == "–")
  }

  @Test("say how often a packet is transmitted and received", arguments: Format.allCases)
  func sentence(format: Format) throws {
    let text = try format.text(Synthetic.ladder).replacing(/[ \u{A0}\n]+/, with: " ")
    for part in [
      "In native, netns and veth a round trip is transmitted 2× and received 2×, so each packet, request or reply, is "
        + "transmitted 1× and received 1×.",
      "docker-bridge and docker-published a round trip is transmitted 4× and received 4×, so each packet, request or "
        + "reply, is transmitted 2× and received 2×.",
      "In published-proxy a round trip is transmitted 4.12–4.52× and received 4.12–4.52×",
    ] {
      #expect(text.contains(part), "\(format) lacks: \(part)")
    }
  }

  @Test("are what was measured, not what was expected")
  func measured() throws {
    let sentences = try table(counted("bridge", .deviceTransmissions, [5, 5, 5])).sentences
    #expect(
      sentences.contains(
        "In bridge a round trip is transmitted 5× and received 4×, so each packet, request or reply, is transmitted "
          + "2.50× and received 2×."))
  }

  @Test("are halved only where request and reply are alike")
  func asymmetry() throws {
    func changed(_ change: (inout WorkloadSpec) -> Void) throws -> [String] {
      var result = Synthetic.ladder
      change(&result.workloads[0])
      return try table(result).sentences
    }
    #expect(
      try changed { $0.replySize = 1_000 }[0]
        == "In native, netns and veth a round trip is transmitted 2× and received 2×.")
    #expect(
      try changed { $0.kind = .tcpRR }[0] == "In native, netns and veth a round trip is transmitted 2× and received 2×."
    )
    #expect(try changed { $0.kind = .tcpCRR }[0].contains(" a transaction is transmitted 2×"))
    #expect(try changed { _ in }[0].contains("each packet"))
  }

  @Test("that are not to be had are named once, with the reason", arguments: Format.allCases)
  func unavailable(format: Format) throws {
    let counts = try table(Synthetic.ladder)
    #expect(counts.missing.map(\.names) == ["instructions, cycles"])
    #expect(!counts.columns.contains { $0.metric == .instructions })
    let text = try format.text(Synthetic.ladder).replacing(/[ \u{A0}\n]+/, with: " ")
    #expect(text.contains("instructions, cycles: \(Synthetic.missingPMU)"))
  }

  @Test("that one environment lacks are a dash there")
  func oneMissing() throws {
    let counts = try table(counted("bridge", .systemCalls, []))
    let column = try #require(counts.columns.firstIndex { $0.metric == .systemCalls })
    #expect(
      counts.rows.map { $0.cells[column] } == ["4.00", "4.00", "4.00", "–"] + [String](repeating: "4.00", count: 6))
    #expect(counts.sentences.count == 3)
  }

  @Test("without any value leave the reasons, and an older result leaves nothing")
  func none() throws {
    var result = Synthetic.ladder
    for index in result.series.indices where result.series[index].metric.isCount {
      result.series[index].trials = []
      result.series[index].note = "counting needs root"
    }
    let counts = try table(result)
    #expect(counts.columns.map(\.metric) == [.totalCPU])
    #expect(counts.sentences.isEmpty)
    #expect(counts.missing.count == 1 && counts.missing[0].names.hasPrefix("transmissions, receptions, softirqs"))
    #expect(CountsTable(Presentation(Fixture.result), "udp-rr-spin") == nil)
    #expect(try !HTMLReport.render(Fixture.result).contains(CountsTable.title))
  }
}
